package transport

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkTexts refuses a text that is no valid UTF-8, wherever it stands in a call.
// encoding/json would replace the odd bytes, so that two references became one.
func (f *Faults) checkTexts(call *Call) {
	for i, v := range call.Path {
		f.checkText("path."+strconv.Itoa(i), v)
	}
	f.checkQuery(call.Query)
	f.checkText("reference", call.Reference)
	if _, encoded := call.Body.([]byte); call.Body != nil && !encoded {
		f.checkValue("", reflect.ValueOf(call.Body))
	}
}

// CheckTexts does the same for a value that stands in a body in a way which only its
// own MarshalJSON knows.
func (f *Faults) CheckTexts(field string, value any) {
	f.checkValue("."+field, reflect.ValueOf(value))
}

func (f *Faults) checkQuery(query url.Values) {
	for name, values := range query {
		for _, v := range values {
			f.checkText(name, v)
		}
	}
}

func (f *Faults) checkText(field, text string) {
	if !utf8.ValidString(text) {
		f.Add(strings.ToValidUTF8(field, "?"), "must be valid UTF-8")
	}
}

// checkValue walks what encoding/json would write.
func (f *Faults) checkValue(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			f.checkText(strings.TrimPrefix(path, "."), v.String())
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			f.checkValue(path, v.Elem())
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			if field := t.Field(i); field.IsExported() {
				f.checkField(path, field, v.Field(i))
			}
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			name := path
			if key := entry.Key(); key.Kind() == reflect.String {
				f.checkText(strings.TrimPrefix(path+"."+key.String(), "."), key.String())
				name = path + "." + key.String()
			}
			f.checkValue(name, entry.Value())
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // JSON already, or base64
		}
		for i := range v.Len() {
			f.checkValue(path, v.Index(i))
		}
	}
}

// checkField builds a name only for a field that can hold a text.
func (f *Faults) checkField(path string, field reflect.StructField, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if utf8.ValidString(v.String()) {
			return
		}
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
	default:
		return
	}
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case name == "-":
		return
	case field.Anonymous && name == "":
		f.checkValue(path, v)
		return
	case name == "":
		name = field.Name
	}
	if v.Kind() == reflect.String {
		f.checkText(strings.TrimPrefix(path+"."+name, "."), v.String())
		return
	}
	f.checkValue(path+"."+name, v)
}
