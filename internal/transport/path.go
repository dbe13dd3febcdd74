package transport

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

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
	t := template{text: text}
	for segment := range strings.SplitSeq(text[1:], "/") {
		if segment == "." || segment == ".." {
			return template{}, fmt.Errorf("path %q holds a dot segment", text)
		}
	}
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
	}
	return t, nil
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

// expand fills the placeholders. Each value becomes exactly one escaped path
// segment: empty values and dot segments are refused, because a server or proxy
// would resolve them to another route.
func (t template) expand(value func(name string) string) (escaped string, err error) {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		v := value(p.name)
		if err := CheckSegment(v); err != nil {
			return "", &segmentError{name: p.name, reason: err.Error()}
		}
		b.WriteString(url.PathEscape(v))
	}
	return b.String(), nil
}

// CheckSegment reports why v cannot stand as one path segment.
func CheckSegment(v string) error {
	switch v {
	case "":
		return errSegmentEmpty
	case ".", "..":
		return errSegmentDots
	}
	return nil
}

type segmentProblem string

func (p segmentProblem) Error() string { return string(p) }

const (
	errSegmentEmpty = segmentProblem("is required")
	errSegmentDots  = segmentProblem("must not be a dot segment")
)

type segmentError struct{ name, reason string }

func (e *segmentError) Error() string { return e.name + " " + e.reason }
