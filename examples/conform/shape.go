package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shape is what the SDK knows of a response: its fields as dotted paths ("results[].id"),
// where a path that ends in "*" stands for everything below it; and the states it knows.
type shape struct {
	fields map[string]bool
	may    map[string]bool // known, and not expected
	state  string          // the path of the state
	states []string
}

// shaped takes the fields of a result type by its JSON tags, below a path.
func shaped(state string, states []string, below string, types ...any) *shape {
	s := &shape{fields: map[string]bool{}, state: state, states: states}
	for _, t := range types {
		s.add(reflect.TypeOf(t), below)
	}
	return s
}

// named takes fields by their names.
func named(state string, states []string, names ...string) *shape {
	s := &shape{fields: map[string]bool{}, state: state, states: states}
	return s.and(names...)
}

func (s *shape) and(names ...string) *shape {
	for _, name := range names {
		s.fields[name] = true
	}
	return s
}

// optional names fields which a response may lack.
func (s *shape) optional(names ...string) *shape {
	s.may = map[string]bool{}
	for _, name := range names {
		s.may[name] = true
	}
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
// that the SDK knows and the response has not, and the states that the SDK does not know.
func (s *shape) compare(body []byte) (unknown, missing, states []string) {
	var value any
	if s == nil || json.Unmarshal(body, &value) != nil {
		return nil, nil, nil
	}
	shown, found := map[string]bool{}, map[string]bool{}
	s.walk(value, "", shown, found)
	above := map[string]bool{"": true}
	for path := range shown {
		above[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(shown)) {
		if !s.fields[path] && !s.covers(path) && (parent(path) == "" || s.fields[parent(path)]) {
			unknown = append(unknown, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.fields)) {
		if !strings.HasSuffix(path, "*") && !strings.HasSuffix(path, "[]") && !s.may[path] && !shown[path] && above[parent(path)] {
			missing = append(missing, path)
		}
	}
	for _, state := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(s.states, state) {
			states = append(states, state)
		}
	}
	return unknown, missing, states
}

var aState = regexp.MustCompile(`^[A-Za-z0-9_ -]{1,40}$`)

func (s *shape) walk(value any, path string, shown, states map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			below := strings.TrimPrefix(path+"."+name, ".")
			shown[below] = true
			s.walk(inner, below, shown, states)
		}
	case []any:
		for _, inner := range v {
			shown[path+"[]"] = true
			s.walk(inner, path+"[]", shown, states)
		}
	case string:
		if path == s.state && aState.MatchString(v) {
			states[v] = true
		}
	case float64:
		if path == s.state {
			states[strconv.FormatFloat(v, 'f', -1, 64)] = true
		}
	}
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
