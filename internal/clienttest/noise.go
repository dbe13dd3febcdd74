package clienttest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
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
