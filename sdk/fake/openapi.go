package fake

import "strings"

// indexed is one line of the list of calls.
type indexed struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Does   string `json:"does"`
}

func index(calls []adminCall) []indexed {
	lines := []indexed{}
	for _, c := range calls {
		method, path, _ := strings.Cut(c.pattern, " ")
		lines = append(lines, indexed{method, strings.TrimSuffix(path, "{$}"), c.does})
	}
	return lines
}

// openAPI describes the calls as an OpenAPI 3.1 document.
func openAPI(calls []adminCall) map[string]any {
	text := map[string]any{"type": "string"}
	paths := map[string]map[string]any{}
	for _, c := range calls {
		method, path, _ := strings.Cut(c.pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		parameters := []any{}
		for part := range strings.SplitSeq(path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				parameters = append(parameters, map[string]any{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": text})
			}
		}
		for name := range strings.FieldsSeq(c.query) {
			parameters = append(parameters, map[string]any{"name": name, "in": "query", "schema": text})
		}
		call := map[string]any{
			"summary": c.does, "parameters": parameters,
			"responses": map[string]any{
				"2XX": map[string]any{"description": "done"},
				"4XX": map[string]any{"description": "refused", "content": map[string]any{"application/json": map[string]any{"schema": map[string]any{
					"type": "object", "properties": map[string]any{"error": text, "field": text}}}}},
			},
		}
		if c.body != "" {
			schema := map[string]any{"type": "object"}
			if c.body != "*" {
				fields := map[string]any{}
				for name := range strings.FieldsSeq(c.body) {
					fields[name] = map[string]any{}
				}
				schema["properties"], schema["additionalProperties"] = fields, false
			}
			call["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": schema}}}
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(method)] = call
	}
	return map[string]any{
		"openapi": "3.1.0", "info": map[string]any{"title": "Admin API of the fakes", "version": "1"}, "paths": paths,
	}
}
