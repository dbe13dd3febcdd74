package transport

import (
	"net/url"
	"strings"
)

// Require adds a message when a value is blank.
func (f Fields) Require(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.Add(field, "is required")
	}
}

// RequireURL adds a message when a value is no absolute http or https URL.
func (f Fields) RequireURL(field, value string) {
	u, err := url.Parse(value)
	switch {
	case strings.TrimSpace(value) == "":
		f.Add(field, "is required")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		f.Add(field, "must be an absolute http or https URL")
	}
}
