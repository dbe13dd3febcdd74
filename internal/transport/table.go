package transport

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Table is the operation table of one provider.
type Table []sdk.Operation

// With returns a copy of the table with the given routes in place of its own, and
// every fault of the routes.
func (t Table) With(routes map[string]sdk.Route) (out Table, faults []error) {
	out = slices.Clone(t)
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		i := slices.IndexFunc(out, func(op sdk.Operation) bool { return op.Name == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("route for unknown operation %q", name))
			continue
		}
		if err := override(&out[i], routes[name]); err != nil {
			faults = append(faults, fmt.Errorf("route for %s: %w", name, err))
		}
	}
	return out, faults
}

// override replaces a row's method and path. The path may use only placeholders
// which the row has.
func override(op *sdk.Operation, r sdk.Route) error {
	if r.Method != "" {
		if !validMethod(r.Method) {
			return fmt.Errorf("invalid method %q", r.Method)
		}
		op.Method = r.Method
	}
	if r.Path == "" {
		return nil
	}
	known, err := parseTemplate(op.Path)
	if err != nil {
		return err
	}
	tmpl, err := parseTemplate(r.Path)
	if err != nil {
		return err
	}
	for _, p := range tmpl.names() {
		if !slices.Contains(known.names(), p) {
			return fmt.Errorf("path uses {%s}, which the operation does not have", p)
		}
	}
	op.Path = r.Path
	return nil
}

func validMethod(m string) bool {
	return m != "" && strings.IndexFunc(m, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// template is a parsed path template: literal text and placeholders in turn.
type template struct {
	text   string
	pieces []piece
}

type piece struct {
	literal string // as it stands on the wire
	name    string // of a placeholder; empty for a literal
}

func parseTemplate(text string) (template, error) {
	if !strings.HasPrefix(text, "/") {
		return template{}, fmt.Errorf("path %q does not start with a slash", text)
	}
	if strings.ContainsAny(text, "?#\\ ") {
		return template{}, fmt.Errorf("path %q holds a query, a fragment or a space", text)
	}
	if fault := checkSegments(text); fault != "" {
		return template{}, fmt.Errorf("path %q holds %s", text, fault)
	}
	t := template{text: text}
	rest := text
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			t.pieces = append(t.pieces, piece{literal: rest})
			break
		}
		if open > 0 {
			t.pieces = append(t.pieces, piece{literal: rest[:open]})
		}
		end := strings.IndexByte(rest, '}')
		if end < open+2 {
			return template{}, fmt.Errorf("path %q: malformed placeholder", text)
		}
		name := rest[open+1 : end]
		if strings.ContainsAny(name, "/{%") {
			return template{}, fmt.Errorf("path %q: malformed placeholder", text)
		}
		if slices.Contains(t.names(), name) {
			return template{}, fmt.Errorf("path %q names {%s} twice", text, name)
		}
		t.pieces = append(t.pieces, piece{name: name})
		rest = rest[end+1:]
	}
	for _, p := range t.pieces {
		if strings.ContainsAny(p.literal, "{}") {
			return template{}, fmt.Errorf("path %q: malformed placeholder", text)
		}
		if !wellEscaped(p.literal) {
			return template{}, fmt.Errorf("path %q is not well escaped", text)
		}
	}
	return t, nil
}

// wellEscaped reports whether a path can go over the wire as it stands. If it
// could not, net/url would escape the whole anew and undo the escapes of values.
func wellEscaped(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0:
		case c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

func (t template) names() []string {
	var names []string
	for _, p := range t.pieces {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// checkSegments finds what a server or proxy would resolve to another route: an
// empty segment before the last, a dot segment, plain or escaped.
func checkSegments(path string) string {
	rest := path[1:]
	for more := true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" && more {
			return "an empty segment"
		}
		if len(segment) > len("%2e%2e") || !strings.ContainsAny(segment, ".%") {
			continue
		}
		if plain, err := url.PathUnescape(segment); err == nil && (plain == "." || plain == "..") {
			return "a dot segment"
		}
	}
	return ""
}

// expand fills the placeholders. Each value becomes exactly one escaped path
// segment: empty values and dot segments are refused.
func (t template) expand(value func(name string) string) (escaped string, fault *segmentFault) {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		v := value(p.name)
		if err := CheckSegment(v); err != nil {
			return "", &segmentFault{name: p.name, reason: err.Error()}
		}
		b.WriteString(url.PathEscape(v))
	}
	// No value is empty or a dot, so no two pieces make a dot segment together.
	return b.String(), nil
}

// segmentFault names the placeholder whose value cannot stand in the path.
type segmentFault struct{ name, reason string }

// CheckSegment reports why v cannot stand as one path segment, or might not come back as
// it was. See Faults.CheckReference.
func CheckSegment(v string) error {
	switch v {
	case "":
		return errSegmentEmpty
	case ".", "..":
		return errSegmentDots
	}
	return referenceFault(v)
}

const (
	errSegmentEmpty = problem("is required")
	errSegmentDots  = problem("must not be a dot segment")
)
