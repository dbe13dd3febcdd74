package fake

import (
	"encoding"
	"encoding/json"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// callList is the list of calls.
type callList struct {
	Calls []indexed `json:"calls"`
}

type indexed struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Does   string `json:"does"`
}

func index(calls []adminCall) []indexed {
	lines := []indexed{}
	for _, c := range calls {
		method, path, _ := strings.Cut(c.pattern, " ")
		lines = append(lines, indexed{method, strings.TrimSuffix(path, "{$}"), c.Does})
	}
	return lines
}

// openAPI describes the calls as an OpenAPI 3.1 document. The schemas come from the Go
// types that the table of calls names.
func openAPI(calls []adminCall) map[string]any {
	components := schemas{}
	paths := map[string]map[string]any{}
	for _, line := range index(calls) {
		paths[line.Path] = map[string]any{}
	}
	for i, line := range index(calls) {
		paths[line.Path][strings.ToLower(line.Method)] = components.call(calls[i], line.Path)
	}
	return map[string]any{
		"openapi": "3.1.0", "info": schema{"title": "Admin API of the fakes", "version": "1"}, "paths": paths,
		"components": schema{"schemas": components},
	}
}

// schema is a JSON Schema or another part of the document.
type schema = map[string]any

// schemas are those of the named Go types, by name.
type schemas map[string]schema

func (s schemas) call(c adminCall, path string) schema {
	text := schema{"type": "string"}
	parameters := []any{}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			parameters = append(parameters, schema{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": text})
		}
	}
	for name := range strings.FieldsSeq(c.query) {
		parameters = append(parameters, schema{"name": name, "in": "query", "schema": s.parameter(name)})
	}
	call := schema{
		"summary": c.Does, "parameters": parameters,
		"responses": schema{
			"2XX": schema{"description": "done", "content": s.response(c)},
			"4XX": schema{"description": "refused", "content": jsonContent(s.of(reflect.TypeFor[adminProblem]()))},
		},
	}
	if c.Body != nil {
		body := maps.Clone(s.fields(reflect.TypeOf(c.Body)))
		delete(body, "required")                                                     // the call says which fields it wants, by their names
		call["requestBody"] = schema{"required": true, "content": jsonContent(body)} // AdminBody refuses a call without a body
	}
	return call
}

// parameter is the schema of a query parameter.
func (s schemas) parameter(name string) schema {
	switch name {
	case "limit":
		return schema{"type": "integer", "minimum": 1}
	case "kind":
		return s.of(reflect.TypeFor[RecordKind]())
	case "result":
		return s.of(reflect.TypeFor[Result]())
	}
	return schema{"type": "string"}
}

// words are the values of a type whose values are words, else nil.
func words(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[RecordKind]():
		return texted(RecordRequest, RecordState, RecordEntry, RecordCallback, RecordAct)
	case reflect.TypeFor[Result]():
		return texted(ResultOK, ResultPending, ResultRefused, ResultFailed)
	case reflect.TypeFor[FaultKind]():
		return texted(FaultStatus, FaultDelay, FaultDropBefore, FaultDropAfter, FaultTruncate, FaultMalformed, FaultHTML, FaultRateLimit, FaultExpireToken)
	case reflect.TypeFor[DeliveryState]():
		return texted(DeliveryPending, DeliveryDelivered, DeliveryDead)
	case reflect.TypeFor[EntryStatus]():
		return texted(EntryPending, EntryPosted, EntryFailed)
	}
	return nil
}

func texted[S ~string](values ...S) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

func (s schemas) response(c adminCall) schema {
	switch {
	case c.pattern == "GET "+eventsPath:
		return schema{"text/event-stream": schema{"schema": schema{
			"type": "string", "contentMediaType": "application/json", "contentSchema": s.of(reflect.TypeOf(c.Response)),
			"description": "The events records and reset have this data. The event ping has none: it comes when nothing happens.",
		}}}
	case c.list != "":
		return jsonContent(s.listOf(c.list, reflect.TypeOf(c.Response)))
	case c.Response == nil:
		return jsonContent(schema{"type": "object"})
	}
	return jsonContent(s.of(reflect.TypeOf(c.Response)))
}

func jsonContent(of schema) schema { return schema{"application/json": schema{"schema": of}} }

// elements are those of a page. An element may be cut; see pageElement.
func (s schemas) elements(of reflect.Type) schema {
	cut := schema{"type": "object", "properties": schema{"cut": schema{"const": true}, "whole": schema{"type": "string"}}, "required": []string{"cut", "whole"}}
	return schema{"type": "array", "items": schema{"anyOf": []any{s.of(of), cut}}}
}

// listOf is a list as respondList writes it.
func (s schemas) listOf(name string, element reflect.Type) schema {
	out := s.fields(reflect.TypeFor[list]())
	out["properties"].(schema)[name] = s.elements(element)
	out["required"] = append(out["required"].([]string), name)
	return out
}

// of is the schema of a Go type as encoding/json writes it.
func (s schemas) of(t reflect.Type) schema {
	switch t {
	case reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case reflect.TypeFor[decimal.Decimal]():
		return schema{"type": "string", "format": "decimal"}
	}
	if page, ok := reflect.Zero(t).Interface().(interface{ element() reflect.Type }); ok {
		return s.elements(page.element())
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return schema{"anyOf": []any{s.of(t.Elem()), schema{"type": "null"}}}
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return schema{}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return schema{"type": "string"}
	}
	if all := words(t); all != nil {
		return schema{"type": "string", "enum": all}
	}
	switch t.Kind() {
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return schema{"type": "integer"}
	case reflect.Map:
		return schema{"type": []string{"object", "null"}, "additionalProperties": s.of(t.Elem())}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return schema{"type": []string{"string", "null"}, "contentEncoding": "base64"}
		}
		return schema{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Struct:
		return s.named(t)
	}
	return schema{} // an interface: anything
}

// named refers to the schema of a struct. Each has one place in the document.
func (s schemas) named(t reflect.Type) schema {
	if t.Name() == "" {
		return s.fields(t)
	}
	name := path.Base(t.PkgPath()) + "." + t.Name()
	if _, known := s[name]; !known {
		s[name] = schema{} // a type within itself ends here
		s[name] = s.fields(t)
	}
	return schema{"$ref": "#/components/schemas/" + name}
}

// fields is the schema of a struct with the fields of those that it embeds. As in
// encoding/json, a field wins over one of the same name in an embedded struct.
func (s schemas) fields(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || f.Anonymous && name == "" || !f.IsExported() {
			continue
		}
		if winner, ok := t.FieldByName(f.Name); !ok || !slices.Equal(winner.Index, f.Index) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		properties[name] = s.of(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return schema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}
