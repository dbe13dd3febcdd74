package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-querystring/query"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
)

var (
	errNotJSON   = errors.New("not valid JSON")
	errNotObject = errors.New("not an object")
	errNotArray  = errors.New("not an array")
)

// Unmarshal decodes a JSON object into a struct with plain Go fields by their
// json tags, or a list into a slice of such, or of json.RawMessage. A byte order
// mark in front is taken off.
//
// A field is taken when its value can be read, and stays zero when it cannot,
// whatever the value's JSON type: no field that decides nothing may cost the caller
// the response. A string takes a number, a decimal.NullDecimal a numeric string, a
// time.Time any spelling ParseTime knows. Null or a missing key leaves the zero
// value. Keys are compared exactly. A map[string]any keeps numbers as json.Number
// and stays nil for anything but an object. The scalars of this package can be
// fields as well. An element of a list or map that cannot be read is left out.
//
// Tags say what decides, several of them after a comma:
//
//   - wire:"required" makes an error of a value that cannot be read, and the error
//     Missing of a field that is zero in the end.
//   - wire:"strict" makes an error of a value that cannot be read.
//   - wire:"digits" has a decimal.NullDecimal take the texts "5." and "007", too.
//
// Three untagged fields are filled by name, in nested structs too: Raw
// (json.RawMessage) with the object as received, Extra (map[string]any) with the
// keys that no other field has, and Skipped (int) with how many elements of the
// object's own lists were left out. Errors name the path, never the value.
func Unmarshal(data []byte, into any) error {
	_, err := unmarshal(data, into)
	return err
}

// UnmarshalList is Unmarshal of a list. It also returns how many elements it has
// left out, because they cannot be read.
func UnmarshalList(data []byte, into any) (skipped int, err error) {
	return unmarshal(data, into)
}

func unmarshal(data []byte, into any) (skipped int, err error) {
	data = WithoutMark(data)
	if !json.Valid(data) {
		return 0, errNotJSON
	}
	v, data := reflect.ValueOf(into).Elem(), space(data)
	if v.Kind() == reflect.Struct {
		return 0, setStruct(v, data) // a null is no object
	}
	return set(v, data)
}

// plan is how a struct type takes an object.
type plan struct {
	fields              map[string]member
	required            []string
	raw, extra, skipped []int
}

type member struct {
	index          []int
	strict, digits bool
}

// plans of struct types, each computed once and never changed.
var plans sync.Map

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{fields: map[string]member{}}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || f.Anonymous:
		case f.Name == "Raw" && f.Type == rawType:
			if p.raw == nil || len(f.Index) < len(p.raw) {
				p.raw = f.Index
			}
		case f.Name == "Extra" && f.Type == anyMapType:
			p.extra = f.Index
		case f.Name == "Skipped" && f.Type.Kind() == reflect.Int && (name == "" || name == "-"):
			p.skipped = f.Index
		case name != "" && name != "-":
			m := member{index: f.Index}
			for how := range strings.SplitSeq(f.Tag.Get("wire"), ",") {
				switch how {
				case "required":
					m.strict = true
					p.required = append(p.required, name)
				case "strict":
					m.strict = true
				case "digits":
					m.digits = true
				}
			}
			p.fields[name] = m
		}
	}
	actual, _ := plans.LoadOrStore(t, p)
	return actual.(*plan)
}

var (
	rawType    = reflect.TypeFor[sdk.Raw]()
	anyMapType = reflect.TypeFor[map[string]any]()
)

func setStruct(v reflect.Value, data []byte) error {
	if !IsObject(data) {
		return errNotObject
	}
	p := planOf(v.Type())
	if p.raw != nil {
		v.FieldByIndex(p.raw).SetBytes(data)
	}
	for key, value := range members(data) {
		m, ok := p.fields[string(key)]
		switch {
		case ok:
			field := v.FieldByIndex(m.index)
			skipped, err := set(field, value)
			if err != nil {
				field.SetZero()
			}
			if err != nil && m.digits {
				err = setDigits(field, value)
			}
			if err != nil && m.strict {
				return fmt.Errorf("%s: %w", key, err)
			}
			if skipped > 0 && p.skipped != nil {
				count := v.FieldByIndex(p.skipped)
				count.SetInt(count.Int() + int64(skipped))
			}
		case p.extra != nil:
			setExtra(v.FieldByIndex(p.extra), string(key), value)
		}
	}
	for _, name := range p.required {
		if v.FieldByIndex(p.fields[name].index).IsZero() {
			return Missing(name)
		}
	}
	return nil
}

// setDigits takes a decimal with zeros in front, or with nothing before or behind
// its point.
func setDigits(v reflect.Value, data []byte) error {
	amount, ok := v.Addr().Interface().(*decimal.NullDecimal)
	text, err := scalar(data)
	if !ok || err != nil {
		return errDecimalForm
	}
	text = strings.TrimSuffix(strings.TrimLeft(text, "0"), ".")
	if text == "" || text[0] == '.' {
		text = "0" + text
	}
	value, err := ParseDecimal(text)
	*amount = decimal.NullDecimal{Decimal: value, Valid: err == nil}
	return err
}

func setExtra(v reflect.Value, key string, data []byte) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	v.Interface().(map[string]any)[key] = anyValue(data)
}

// set reads a value. It returns how many elements of a list it has left out.
func set(v reflect.Value, data []byte) (skipped int, err error) {
	if data[0] == 'n' {
		v.SetZero()
		return 0, nil
	}
	switch at := v.Addr().Interface().(type) {
	case *json.RawMessage:
		*at = data
		return 0, nil
	case *map[string]any:
		*at, _ = anyValue(data).(map[string]any)
		return 0, nil
	case *time.Time:
		text, err := scalar(data)
		*at = ParseTime(text)
		return 0, err
	case *decimal.NullDecimal:
		var d Decimal
		err := d.UnmarshalJSON(data)
		*at = d.Null()
		return 0, err
	case json.Unmarshaler:
		return 0, at.UnmarshalJSON(data)
	}
	switch v.Kind() {
	case reflect.String:
		text, err := scalar(data)
		v.SetString(text)
		return 0, err
	case reflect.Bool:
		var b Bool
		err := b.UnmarshalJSON(data)
		v.SetBool(b.Bool)
		return 0, err
	case reflect.Int, reflect.Int64:
		var i Int
		err := i.UnmarshalJSON(data)
		if err == nil && v.OverflowInt(i.Int) {
			err = errNotInt
		}
		if err == nil {
			v.SetInt(i.Int)
		}
		return 0, err
	case reflect.Struct:
		return 0, setStruct(v, data)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return set(v.Elem(), data)
	case reflect.Slice:
		return setSlice(v, data)
	case reflect.Map:
		return setMap(v, data)
	}
	return 0, fmt.Errorf("no way to decode into %s", v.Type())
}

func setSlice(v reflect.Value, data []byte) (skipped int, err error) {
	if !IsArray(data) {
		return 0, errNotArray
	}
	v.SetZero()
	kind := v.Type().Elem().Kind()
	row := kind == reflect.Struct || kind == reflect.Pointer
	for element := range elements(data) {
		if element[0] == 'n' && row {
			skipped++ // null is no row
			continue
		}
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		if _, err := set(v.Index(n), element); err != nil {
			v.Index(n).SetZero()
			v.SetLen(n)
			skipped++
		}
	}
	if v.IsNil() { // an empty list is not a missing one
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return skipped, nil
}

func setMap(v reflect.Value, data []byte) (skipped int, err error) {
	if !IsObject(data) {
		return 0, errNotObject
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, value := range members(data) {
		element := reflect.New(v.Type().Elem()).Elem()
		n, err := set(element, value)
		skipped += n
		if err != nil {
			skipped++
			continue
		}
		v.SetMapIndex(reflect.ValueOf(string(key)).Convert(v.Type().Key()), element)
	}
	return skipped, nil
}

func anyValue(data []byte) any {
	if string(data) == "{}" { // most metadata
		return map[string]any{}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	_ = decoder.Decode(&value) // valid, as the whole text is
	return value
}

// Outlook is what the envelope of a list tells of the list beyond the page that it shows.
// A page without its documented link is no end if the envelope tells of more. The names
// are those of other APIs (assumed).
type Outlook struct {
	More        bool  // there is a next page
	Pages, Rows int64 // how many there are, if the envelope says so
}

var plainName = strings.NewReplacer("_", "", "-", "")

// Read reads the members of an envelope that its document does not name.
func (o *Outlook) Read(members map[string]any) {
	for name, value := range members {
		name = plainName.Replace(strings.ToLower(name))
		switch {
		case value == nil || value == "" || value == false:
		case strings.HasPrefix(name, "next"), strings.HasPrefix(name, "hasmore"), strings.HasPrefix(name, "hasnext"),
			strings.Contains(name, "cursor") && !strings.HasPrefix(name, "prev"):
			o.More = true
		case name == "links" || name == "pagination" || name == "paging" || name == "meta":
			o.readLinks(value)
		case name == "lastpage" || name == "pages" || name == "totalpages" || name == "pagecount":
			o.Pages = max(o.Pages, wholeNumber(value))
		case name == "total" || name == "count" || name == "totalcount" || name == "totalitems":
			o.Rows = max(o.Rows, wholeNumber(value))
		}
	}
}

// readLinks reads members by name, or a list of links. In a list, a link to any page but
// the known others may be the next one.
func (o *Outlook) readLinks(value any) {
	switch links := value.(type) {
	case map[string]any:
		o.Read(links)
	case []any:
		for _, value := range links {
			link, _ := value.(map[string]any)
			rel, _ := link["rel"].(string)
			o.More = o.More || !strings.Contains(" self first prev previous last ", " "+strings.ToLower(rel)+" ")
		}
	}
}

// wholeNumber returns a whole number, or 0 for anything else.
func wholeNumber(value any) int64 {
	var n Int
	switch value := value.(type) {
	case json.Number:
		_ = n.UnmarshalJSON([]byte(value))
	case string:
		_ = n.UnmarshalJSON([]byte(strconv.Quote(value)))
	}
	return n.Int
}

const abbreviated = "2006-01-02 15:04:05 MST"

// layouts are the spellings seen on the wire.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02T15:04:05.999999999", // no zone: taken as UTC
	abbreviated,
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
}

// Time decodes a timestamp and keeps the text it got. A spelling nobody knows
// leaves the time zero and is no error: a date must not cost the caller the
// response it came with.
type Time struct {
	Time time.Time
	Text string
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	*t = Time{Time: ParseTime(text), Text: text}
	return nil
}

// ParseTime reads a timestamp in any spelling seen on the wire, or returns the
// zero time.
func ParseTime(text string) time.Time {
	const date = len(time.DateOnly)
	for _, layout := range layouts {
		if (len(text) > date) != (len(layout) > date) || len(text) > date && text[date] != layout[date] {
			continue // Parse would fail and allocate its error
		}
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if layout == abbreviated && !strings.HasSuffix(text, " UTC") && !strings.HasSuffix(text, " GMT") {
			return time.Time{} // Go would take any abbreviation at offset zero
		}
		return at
	}
	return time.Time{}
}

// ExactTime reports that a timestamp which ParseTime reads has seconds and a zone. Any
// other may mean a later moment than the one that ParseTime returns.
func ExactTime(text string) bool {
	const date = len(time.DateOnly)
	if len(text) <= date || strings.Count(text, ":") < 2 || text[date+6] != ':' {
		return false
	}
	clock := text[date:]
	return strings.HasSuffix(clock, "Z") || strings.HasSuffix(clock, " UTC") || strings.HasSuffix(clock, " GMT") || strings.ContainsAny(clock, "+-")
}

// Query encodes the `url` tags of a struct of list parameters. Fields must be
// basic kinds, slices of them, or implement query.Encoder: the library drops
// decimals and other structs silently.
func Query(params any) (url.Values, error) {
	return query.Values(params)
}

var errDuplicateKey = errors.New("duplicate JSON key")

// Both limits are far above what any provider sends. The second is low enough
// that comparing all keys of an object with each other costs little.
const (
	maxDepth = 64
	maxKeys  = 256
)

// UniqueKeys refuses valid JSON in which an object, at any depth, has a key
// twice: two readers of the same bytes could each take another value. At the top
// level keys that differ only in case count as the same, because encoding/json
// takes either. It reads the text once, whatever the depth.
func UniqueKeys(text []byte) error {
	var (
		room  [24][]byte
		keys  = room[:0]    // of all open objects, outermost first
		open  [maxDepth]int // where the keys of each open object begin
		depth = -1
	)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == maxDepth {
				return errors.New("JSON nested too deeply")
			}
			open[depth] = len(keys)
		case '}', ']':
			if depth < 0 {
				return errNotJSON
			}
			keys = keys[:open[depth]]
			depth--
		case '"':
			quoted := text[i : i+stringLength(text[i:])]
			i += len(quoted) - 1
			if rest := space(text[i+1:]); len(rest) == 0 || rest[0] != ':' {
				continue // a value
			}
			if depth < 0 {
				return errNotJSON
			}
			key := keyText(quoted)
			if hasKey(keys[open[depth]:], key, depth == 0) {
				return errDuplicateKey
			}
			if len(keys)-open[depth] == maxKeys {
				return errors.New("JSON object with too many keys")
			}
			keys = append(keys, key)
		}
	}
	return nil
}

func hasKey(keys [][]byte, key []byte, anyCase bool) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) || anyCase && mayFold(k, key) && bytes.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// mayFold is a quick no for most comparisons: the keys begin with different letters.
func mayFold(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && (a[0]|b[0] >= 0x80 || (a[0]^b[0])&^0x20 == 0)
}
