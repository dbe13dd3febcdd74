package transport

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Table is the operation table of one provider.
type Table []sdk.Operation

// With returns a copy of the table with the given routes in place of its own.
// A replaced path may use only placeholders which the row has.
func (t Table) With(routes map[string]sdk.Route) (Table, error) {
	out := slices.Clone(t)
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		r := routes[name]
		i := slices.IndexFunc(out, func(op sdk.Operation) bool { return op.Name == name })
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
