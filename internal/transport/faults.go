package transport

import (
	"net/url"
	"strings"
)

// Faults collects what is wrong with parameters, all of it at once. The zero
// value has found nothing.
type Faults struct{ Fields Fields }

// Add adds a message about a field.
func (f *Faults) Add(field, message string) {
	if f.Fields == nil {
		f.Fields = Fields{}
	}
	f.Fields.Add(field, message)
}

// Require adds a message when a value is blank.
func (f *Faults) Require(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.Add(field, "is required")
	}
}

// RequireURL adds a message when a value is no absolute http or https URL.
func (f *Faults) RequireURL(field, value string) {
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case !absolute(value):
		f.Add(field, "must be an absolute http or https URL")
	}
}

func absolute(value string) bool {
	rest, ok := strings.CutPrefix(value, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(value, "http://")
	}
	host, _, _ := strings.Cut(rest, "/")
	if ok && host != "" && strings.IndexFunc(host, unusual) < 0 && strings.IndexFunc(value, unprintable) < 0 {
		return true // the usual case, without allocating
	}
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func unusual(r rune) bool {
	return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
}

// unprintable also finds the percent sign, whose use only a parser can judge.
func unprintable(r rune) bool { return r <= ' ' || r > '~' || r == '%' }
