package transport

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Class says how an operation may be repeated.
type Class string

const (
	// Safe operations move nothing: reads, quotes, estimates, logins.
	Safe Class = "safe"
	// Keyed writes carry an idempotency key which the provider documents.
	Keyed Class = "keyed"
	// Referenced writes carry the caller's unique reference, and the provider
	// documents a lookup by it.
	Referenced Class = "referenced"
	// Once writes are never repeated after an unknown outcome.
	Once Class = "once"
)

func (c Class) known() bool {
	return c == Safe || c == Keyed || c == Referenced || c == Once
}

// Provenance says where method and path of an operation are known from.
type Provenance string

const (
	Documented  Provenance = "documented"   // the provider's reference document
	VendorExtra Provenance = "vendor-extra" // another page of the vendor
	Observed    Provenance = "observed"     // public clients
	Assumed     Provenance = "assumed"      // our convention
)

// Operation is one row of a provider's operation table.
type Operation struct {
	// Name identifies the row: "rides.create".
	Name string
	// Method and Path are the route. Path is a template with placeholders in
	// braces, "/api/companies/{company_id}/rides/"; a trailing slash is kept.
	Method, Path string
	// Class says how the operation may be repeated.
	Class Class
	// MovesMoney marks operations that can debit or credit somebody.
	MovesMoney bool
	// Source says where the route is known from.
	Source Provenance
	// Grade is how sure the route is, on a scale which the provider package
	// explains. Empty where it has none.
	Grade string
	// Open marks operations that need no credentials (a login, say).
	Open bool
}

// Route replaces method and path of an operation. An empty field keeps the
// table's value.
type Route struct {
	Method, Path string
}

// Table is the operation table of one provider.
type Table []Operation

// With returns a copy of the table with the given routes in place of its own.
// A replaced path may use only placeholders which the row has.
func (t Table) With(routes map[string]Route) (Table, error) {
	out := slices.Clone(t)
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		r := routes[name]
		i := slices.IndexFunc(out, func(op Operation) bool { return op.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("route for unknown operation %q", name)
		}
		if r.Method != "" {
			if !validMethod(r.Method) {
				return nil, fmt.Errorf("route for %s: invalid method %q", name, r.Method)
			}
			out[i].Method = r.Method
		}
		if r.Path == "" {
			continue
		}
		known, err := parseTemplate(out[i].Path)
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
		tmpl, err := parseTemplate(r.Path)
		if err != nil {
			return nil, fmt.Errorf("route for %s: %w", name, err)
		}
		for _, p := range tmpl.names() {
			if !slices.Contains(known.names(), p) {
				return nil, fmt.Errorf("route for %s: path uses {%s}, which the operation does not have", name, p)
			}
		}
		out[i].Path = r.Path
	}
	return out, nil
}

func validMethod(m string) bool {
	return m != "" && strings.IndexFunc(m, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}
