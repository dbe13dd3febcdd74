package clienttest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
)

// BadDates returns what real servers send as a date, and no client can read for certain.
func BadDates() []string {
	return []string{
		`{"_seconds":1763719200,"_nanoseconds":0}`, `{"$date":"2026-11-21T10:00:00Z"}`, `[2026,11,21]`, `[]`, `{}`, `false`, `true`, `null`, `""`, `1763719200`, `1763719200.5`,
		// Of no report.
		`{"$date":{"$numberLong":"1763719200000"}}`, `"0000-00-00 00:00:00"`, `"0001-13-01"`, `"2026-02-30T00:00:00Z"`, `"21/11/2026"`, `"yesterday"`, `"1763719200"`, `-1`,
		`"2026-11-21 10:00:00 EAT"`, `"/Date(1763719200000)/"`,
	}
}

// BadDecimals returns what real servers send as a decimal, and no client can read for
// certain.
func BadDecimals() []string {
	return slices.Concat([]string{
		`0.1234567890123456789`, `"0.1234567890123456789"`, `"1,200.00"`, `"1200,50"`, `"+5"`, `"NaN"`, `"5.2 km"`, `{}`, `[]`, `true`, `false`, `null`, `""`,
		// Of no report.
		`"KES 5.00"`, `"1 200.00"`, `"(5.00)"`, `"-"`, `{"amount":"5.00"}`, `["5.00"]`, `"Infinity"`, `"0x10"`, `"1e999999999"`, `1e400`, `1e-400`, `"5,-"`,
	}, spelledOdd)
}

// spelledOdd are decimals that only a field of FiatConnect takes.
var spelledOdd = []string{`"0750.00"`, `".5"`, `"5."`}

// Shown is an object with dates and decimals that decide nothing.
type Shown struct {
	Good     string   // the members that decide; %s is one member more
	Dates    []string // names of members
	Decimals []string
	Digits   []string // decimals that may begin with a zero or a point, as FiatConnect's
	Read     func(t *testing.T, body string) any
}

// CheckAbsence reads each object with bad dates and decimals. It must be what the object
// is without that member, but for Raw, Extra and Skipped. A good value must show.
func CheckAbsence(t *testing.T, all map[string]Shown) {
	t.Helper()
	for kind, s := range all {
		t.Run(kind, func(t *testing.T) {
			read := func(member string) reflect.Value {
				return reflect.ValueOf(s.Read(t, strings.Replace(s.Good, "%s", member, 1)))
			}
			bare := read(`"a-new-member":0`)
			check := func(names, bad []string, good ...string) {
				for _, name := range names {
					for _, value := range bad {
						if !alike(bare, read(`"`+name+`":`+value)) {
							t.Errorf("%s: %s is taken for something", name, value)
						}
					}
					for _, value := range good {
						if alike(bare, read(`"`+name+`":`+value)) {
							t.Errorf("%s: %s does not show", name, value)
						}
					}
				}
			}
			odd := func(value string) bool { return slices.Contains(spelledOdd, value) }
			check(s.Dates, BadDates(), `"2026-11-21T10:00:00Z"`, `"2026-11-21 10:00:00 UTC"`)
			check(s.Decimals, BadDecimals(), `7.5`, `"7.50"`, `" 7.5 "`)
			check(s.Digits, slices.DeleteFunc(BadDecimals(), odd), append(spelledOdd, `7.5`, `"7.50"`)...)
		})
	}
}

// alike compares two values, but for the fields that hold what was received.
func alike(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() == b.IsNil() && (a.IsNil() || alike(a.Elem(), b.Elem()))
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() || a.Type() == reflect.TypeFor[decimal.NullDecimal]() || a.Type() == reflect.TypeFor[decimal.Decimal]() {
			break
		}
		for _, f := range reflect.VisibleFields(a.Type()) {
			if !f.IsExported() || len(f.Index) > 1 || slices.Contains([]string{"Raw", "Extra", "Skipped"}, f.Name) {
				continue
			}
			if !alike(a.FieldByIndex(f.Index), b.FieldByIndex(f.Index)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return !a.IsValid() || reflect.DeepEqual(a.Interface(), b.Interface())
}

// CheckEdges gives every method of a client and of its services a text with white space or a
// character of no width at an end, for each parameter and each field that names something: an
// id, a reference, or where money goes. Each must be refused. Each placeholder of the operation
// table must be named by some refusal. operations leaves out what no method sends. exempt are
// names of fields whose white space the client does not judge.
func CheckEdges(t *testing.T, client any, operations []sdk.Operation, exempt ...string) {
	t.Helper()
	for _, odd := range []string{"\u00a0x-1", "x-1\n", "\ufeffx-1", "x-1\u200b", "x-1\u2060"} {
		checkEdges(t, client, odd, operations, exempt)
	}
}

func checkEdges(t *testing.T, client any, odd string, operations []sdk.Operation, exempt []string) {
	t.Helper()
	identifying := []string{"ID", "Reference", "AccountNumber", "MerchantNumber", "TillNumber", "ServiceCode", "Bank"}
	named := map[string]bool{}
	ended, end := context.WithCancel(t.Context())
	end() // what is not refused would wait for a server which is not there
	refusal := func(label string, method reflect.Value, args []reflect.Value) {
		var err error
		for _, out := range method.Call(args) {
			switch v := out.Interface().(type) {
			case error:
				err = v
			default:
				if out.Kind() == reflect.Func && out.Type().CanSeq2() {
					for _, second := range out.Seq2() {
						err, _ = second.Interface().(error)
						break
					}
				}
			}
		}
		var e *sdk.Error
		if !errors.As(err, &e) || !errors.Is(err, sdk.ErrNotSent) {
			t.Errorf("%s: %v", label, err)
			return
		}
		edge := false
		for field, texts := range e.Fields {
			for _, text := range texts {
				if strings.Contains(text, "white space at its ends") || strings.Contains(text, "printable ASCII") {
					edge, named[e.Operation+" "+field] = true, true
				}
			}
		}
		if !edge {
			t.Errorf("%s: white space at an end is taken: %v", label, e.Fields)
		}
	}
	each := func(of string, service reflect.Value) {
		for i := range service.NumMethod() {
			method := service.Method(i)
			label := of + service.Type().Method(i).Name
			if label == "Do" || strings.HasSuffix(label, "Format") {
				continue
			}
			in := method.Type()
			args := func() []reflect.Value {
				all := make([]reflect.Value, in.NumIn())
				for j := range all {
					all[j] = reflect.Zero(in.In(j))
					if in.In(j) == reflect.TypeFor[context.Context]() {
						all[j] = reflect.ValueOf(ended)
					}
				}
				return all
			}
			for j := range in.NumIn() {
				if in.IsVariadic() {
					continue
				}
				switch kind := in.In(j); kind.Kind() {
				case reflect.String:
					if slices.Contains(exempt, label) {
						continue
					}
					all := args()
					for k := range all {
						if in.In(k).Kind() == reflect.String && (k == j || !slices.Contains(exempt, in.In(k).Name())) {
							all[k] = reflect.ValueOf("x").Convert(in.In(k))
						}
					}
					all[j] = reflect.ValueOf(odd).Convert(kind)
					if !slices.Contains(exempt, kind.Name()) {
						refusal(label, method, all)
					}
				case reflect.Struct:
					for k := range kind.NumField() {
						field := kind.Field(k)
						name := field.Name
						if field.Type.Kind() != reflect.String || !field.IsExported() || slices.Contains(exempt, name) || slices.Contains(exempt, label+"."+name) ||
							!slices.ContainsFunc(identifying, func(end string) bool { return strings.HasSuffix(name, end) }) {
							continue
						}
						all := args()
						for m := range all {
							if in.In(m).Kind() == reflect.String {
								all[m] = reflect.ValueOf("x").Convert(in.In(m))
							}
						}
						p := reflect.New(kind).Elem()
						p.Field(k).SetString(odd)
						all[j] = p
						refusal(label+"."+name, method, all)
					}
				}
			}
		}
	}
	v := reflect.ValueOf(client)
	each("", v)
	for i := range v.Elem().NumField() {
		if field := v.Elem().Type().Field(i); field.IsExported() && field.Type.Kind() == reflect.Pointer {
			each(field.Name+".", v.Elem().Field(i))
		}
	}
	for _, op := range operations {
		for part := range strings.SplitSeq(op.Path, "/") {
			if name := strings.Trim(part, "{}"); name != part && !named[op.Name+" "+name] && !slices.Contains(exempt, op.Name) {
				t.Errorf("%s: no method names {%s}", op.Name, name)
			}
		}
	}
}
