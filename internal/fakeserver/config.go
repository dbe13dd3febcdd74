package fakeserver

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The file of -config is one JSON object with a key for each provider. What a
// provider's key holds are the fields of its fake's Config, as they are called in Go
// but in small letters: EndsAfter is ends_after. A time is a text such as "90s".
//
//	{"kapiten": {"on_insufficient_funds": "reject", "pricing": {"base_fare": 600}}}
//
// Not settable are functions and Options: the flags set the world.

// configure makes the Config of each provider: what this server sets, and on it what
// the file sets. An empty path names no file.
func configure(path string, s settings) (map[string]any, error) {
	file := map[string]json.RawMessage{}
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("-config: %w", err)
		}
		if file, err = object(text); err != nil {
			return nil, fmt.Errorf("-config %s: %w", path, err)
		}
	}
	configs := map[string]any{}
	for _, p := range providers() {
		config := p.config(s)
		if raw, ok := file[p.name]; ok {
			if err := fill(reflect.ValueOf(config).Elem(), raw, p.name); err != nil {
				return nil, fmt.Errorf("-config %s: %w", path, err)
			}
			delete(file, p.name)
		}
		configs[p.name] = config
	}
	for name := range file {
		return nil, fmt.Errorf("-config %s: no provider %q", path, name)
	}
	return configs, nil
}

// object reads one JSON object.
func object(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var members map[string]json.RawMessage
	if err := d.Decode(&members); err != nil || members == nil {
		return nil, errors.New("must be a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one JSON object")
	}
	return members, nil
}

// fill sets what a JSON value names and leaves the rest as it is. Errors name the
// path.
func fill(v reflect.Value, raw json.RawMessage, path string) error {
	switch v.Interface().(type) {
	case time.Duration:
		var text string
		d, err := time.Duration(0), json.Unmarshal(raw, &text)
		if err == nil {
			d, err = time.ParseDuration(text)
		}
		if err != nil || d < 0 {
			return fmt.Errorf("%s: must be a time such as \"90s\"", path)
		}
		v.SetInt(int64(d))
		return nil
	case fake.Options:
		return fmt.Errorf("%s: is set by flags", path)
	}
	if _, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		return decode(v, raw, path)
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return decode(v, raw, path)
	}
	switch v.Kind() {
	case reflect.Func, reflect.Interface, reflect.Chan:
		return fmt.Errorf("%s: cannot be set in a file", path)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return fill(v.Elem(), raw, path)
	case reflect.Struct:
		return fillStruct(v, raw, path)
	case reflect.Map:
		members, err := object(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			element := reflect.New(v.Type().Elem()).Elem()
			if err := fill(element, members[name], path+"."+name); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
		}
		return nil
	case reflect.Slice:
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil || elements == nil {
			return fmt.Errorf("%s: must be a list", path)
		}
		list := reflect.MakeSlice(v.Type(), len(elements), len(elements)) // never nil: an empty list is not a default
		for i, element := range elements {
			if err := fill(list.Index(i), element, fmt.Sprintf("%s.%d", path, i)); err != nil {
				return err
			}
		}
		v.Set(list)
		return nil
	}
	return decode(v, raw, path)
}

func fillStruct(v reflect.Value, raw json.RawMessage, path string) error {
	members, err := object(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		i := slices.IndexFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool {
			return f.IsExported() && !f.Anonymous && nameOf(f) == name
		})
		if i < 0 {
			return fmt.Errorf("%s.%s: no such setting", path, name)
		}
		if err := fill(v.FieldByIndex(reflect.VisibleFields(v.Type())[i].Index), members[name], path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a scalar, or a type that reads itself.
func decode(v reflect.Value, raw json.RawMessage, path string) error {
	if bytes.Equal(raw, []byte("null")) {
		return fmt.Errorf("%s: must not be null", path)
	}
	err := json.Unmarshal(raw, v.Addr().Interface())
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: must not be a %s", path, wrong.Value)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// nameOf is the name of a field in the file: its json tag's, else its own as in
// "UniqueExternalID": unique_external_id.
func nameOf(f reflect.StructField) string {
	if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
		return tag
	}
	var b strings.Builder
	letters := []rune(f.Name)
	for i, r := range letters {
		word := i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if word {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// opener makes the open of a row from a fake's NewIn. A Config that the fake does not
// take, such as a route that cannot be served, is an error.
func opener[C any, H http.Handler](newIn func(*fake.World, C) H) func(*fake.World, any) (http.Handler, error) {
	return func(w *fake.World, config any) (h http.Handler, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		return newIn(w, *config.(*C)), nil
	}
}
