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
	u, err := url.Parse(value)
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		f.Add(field, "must be an absolute http or https URL")
	}
}
