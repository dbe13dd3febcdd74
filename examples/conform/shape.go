package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shape is what the SDK knows of a response: its fields as dotted paths
// ("results[].id"), and the states it knows. A path that ends in "*" stands for
// everything below it. In "data.{}.id" the braces stand for keys that the server
// chooses, such as phone numbers: they are never printed.
type shape struct {
	fields map[string]bool
	may    map[string]bool     // known, and not expected
	states map[string][]string // by the path of the state
	fold   bool                // the case of a state does not matter
	forms  []*shape            // other forms that the SDK takes as well
	inside []reflect.Type      // whose fields are being added
}

// shaped takes the fields of result types by their JSON tags, below a path.
func shaped(below string, types ...any) *shape {
	s := named()
	for _, t := range types {
		s.add(reflect.TypeOf(t), below)
	}
	return s
}

// named takes fields by their names.
func named(names ...string) *shape {
	s := &shape{fields: map[string]bool{}, may: map[string]bool{}, states: map[string][]string{}}
	return s.and(names...)
}

func (s *shape) and(names ...string) *shape {
	for _, name := range names {
		s.fields[name] = true
	}
	return s
}

// optional names fields, below a path, which a response may lack.
func (s *shape) optional(below string, names ...string) *shape {
	for _, name := range names {
		s.fields[below+name], s.may[below+name] = true, true
	}
	return s
}

// optionalOf lets a response lack the fields of a type, below a path.
func (s *shape) optionalOf(below string, of any) *shape {
	for path := range shaped(below, of).fields {
		s.may[path] = true
	}
	return s
}

// state names the states that may stand at a path.
func (s *shape) state(path string, known []string) *shape {
	s.states[path] = known
	return s
}

// or adds another form of the response.
func (s *shape) or(form *shape) *shape {
	s.forms = append(s.forms, form)
	return s
}

func (s *shape) add(t reflect.Type, below string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			list := strings.TrimSuffix(below, ".") + "[]"
			s.fields[list] = true
			s.add(t.Elem(), list+".")
			return
		}
		s.fields[below+"*"] = true
	case reflect.Map, reflect.Interface:
		s.fields[below+"*"] = true
	case reflect.Struct:
		if slices.Contains(s.inside, t) { // a type in itself, such as a currency with its opposites
			s.fields[below+"*"] = true
			return
		}
		s.inside = append(s.inside, t)
		defer func() { s.inside = s.inside[:len(s.inside)-1] }()
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case field.Anonymous && name == "":
				s.add(field.Type, below)
			case name != "" && name != "-" && field.IsExported():
				s.fields[below+name] = true
				s.add(field.Type, below+name+".")
			}
		}
	}
}

// compare returns the fields which the response has and the SDK does not know, those
// that the SDK knows and the response has not, and the states that the SDK does not
// know. Of several forms it takes the form of which most is shown.
func (s *shape) compare(body []byte) (unknown, missing, states []string) {
	var value any
	if s == nil || json.Unmarshal(body, &value) != nil {
		return nil, nil, nil
	}
	most, unknown, missing, states := s.against(value)
	for _, form := range s.forms {
		if known, u, m, st := form.against(value); known > most {
			most, unknown, missing, states = known, u, m, st
		}
	}
	return unknown, missing, states
}

func (s *shape) against(value any) (known int, unknown, missing, states []string) {
	shown, strange := map[string]bool{}, map[string]bool{}
	s.walk(value, "", shown, strange)
	above := map[string]bool{"": true}
	for path := range shown {
		above[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(shown)) {
		switch {
		case s.fields[path]:
			known++
		case !s.covers(path) && (parent(path) == "" || s.fields[parent(path)]):
			unknown = append(unknown, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.fields)) {
		if !several.MatchString(path) && !s.may[path] && !shown[path] && above[parent(path)] {
			missing = append(missing, path)
		}
	}
	return known, unknown, missing, slices.Sorted(maps.Keys(strange))
}

var (
	capitals = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,39}$`)
	small    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	code     = regexp.MustCompile(`^\d{1,3}$`)
	several  = regexp.MustCompile(`(\*|\[\]|\{\})$`) // there may be none of them
)

// walk notes which paths are shown, and which states are strange.
func (s *shape) walk(value any, path string, shown, strange map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		keys := strings.TrimPrefix(path+".{}", ".")
		for name, inner := range v {
			below := strings.TrimPrefix(path+"."+name, ".")
			if s.fields[keys] {
				below = keys
			}
			shown[below] = true
			s.walk(inner, below, shown, strange)
		}
	case []any:
		for _, inner := range v {
			shown[path+"[]"] = true
			s.walk(inner, path+"[]", shown, strange)
		}
	case string:
		if v != "" && !s.knows(path, v) {
			strange[s.called(path, v)] = true
		}
	case float64:
		if number := strconv.FormatFloat(v, 'f', -1, 64); !s.knows(path, number) {
			strange[s.called(path, number)] = true
		}
	}
}

// knows reports a state that the SDK knows, or a path at which no state stands.
func (s *shape) knows(path, state string) bool {
	known, ok := s.states[path]
	return !ok || slices.ContainsFunc(known, func(k string) bool { return k == state || s.fold && strings.EqualFold(k, state) })
}

// called is an unknown state as the report names it. A state is written in capitals, as a
// short number, or in small letters where the SDK knows such states. Any other text may be
// a name or a number of somebody: its length is told.
func (s *shape) called(path, state string) string {
	known := s.states[path]
	switch {
	case capitals.MatchString(state), code.MatchString(state),
		small.MatchString(state) && slices.ContainsFunc(known, small.MatchString),
		slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, state) }):
		return state
	}
	return fmt.Sprintf("a text of %d letters", utf8.RuneCountInString(state))
}

// covers reports a path that is below a "*".
func (s *shape) covers(path string) bool {
	for known := range s.fields {
		if below, ok := strings.CutSuffix(known, "*"); ok && strings.HasPrefix(path, below) {
			return true
		}
	}
	return false
}

// parent is the path above; the object in a list stands for the list's field.
func parent(path string) string {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return ""
	}
	return path[:i]
}
