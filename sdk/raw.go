package sdk

import (
	"encoding/json"
	"net/url"
)

// Raw is JSON as the provider sent it. Unlike json.RawMessage it prints as JSON.
type Raw []byte

// String returns the JSON.
func (r Raw) String() string { return string(r) }

// GoString returns the JSON.
func (r Raw) GoString() string { return string(r) }

// MarshalJSON returns the JSON as it is, or null when there is none.
func (r Raw) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// UnmarshalJSON keeps a copy of the JSON.
func (r *Raw) UnmarshalJSON(data []byte) error {
	*r = append((*r)[:0], data...)
	return nil
}

// RawCall is a request to an endpoint which the provider's package does not know.
type RawCall struct {
	Method string // "GET"
	// Path begins with a slash, is escaped already and stands behind the base
	// URL. The host is always the configured one.
	Path  string
	Query url.Values
	Body  any // encoded as JSON; nil sends none
	// ReadOnly says that the endpoint changes nothing, so that the call may be
	// repeated after any failure. Without it an unknown outcome is returned as
	// such, whatever the method.
	ReadOnly bool
}
