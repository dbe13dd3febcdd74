package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
)

// Class says how an operation may be repeated.
type Class uint8

const (
	// Once: a write that is never repeated after an unknown outcome. It is repeated
	// when it was not sent. Where the client logs in by itself, it is also repeated once
	// after the provider's own refusal of a token, with a new token. Once is the zero
	// value, so that a forgotten Class never says "repeat".
	Once Class = iota
	// Safe: moves nothing (reads, quotes, estimates, logins) and may always be
	// repeated.
	Safe
	// Keyed: a write with an idempotency key which the provider documents. It is
	// repeated with the same key.
	Keyed
	// Referenced: a write with the caller's reference, which the provider
	// documents as unique. An unknown outcome is settled by a lookup.
	Referenced
	// Searched: a write that can be looked up by the caller's reference, whose
	// uniqueness the provider does not promise. It is repeated when it was not sent.
	// Where the client logs in by itself, it is also repeated once after a refused
	// token, when lookups do not find it. An unknown outcome is looked up, and the
	// write never sent again.
	Searched
)

// String returns the name of the constant in lower case.
func (c Class) String() string {
	switch c {
	case Safe:
		return "safe"
	case Keyed:
		return "keyed"
	case Referenced:
		return "referenced"
	case Searched:
		return "searched"
	}
	return "once"
}

// MarshalText writes what String returns.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Provenance says where the route of an operation is known from.
type Provenance string

const (
	Documented  Provenance = "documented"   // the provider's reference document
	VendorExtra Provenance = "vendor-extra" // another page of the vendor
	Observed    Provenance = "observed"     // public clients
	Assumed     Provenance = "assumed"      // our convention
)

// Operation is one row of a provider's operation table.
type Operation struct {
	// Name identifies the row, in Config.Routes and in an Error: "rides.create".
	Name string
	// Method and Path are the route. Path is a template with placeholders in
	// braces, "/api/companies/{company_id}/rides/". A trailing slash is kept.
	Method, Path string
	// Class says how the operation may be repeated.
	Class Class
	// MovesMoney marks operations that can debit or credit somebody.
	MovesMoney bool
	// Source says where the route is known from.
	Source Provenance
	// Grade says how sure the route is, on a scale which the provider's package
	// explains. Empty where the package has none.
	Grade string
	// Open marks operations that need no credentials, such as a login.
	Open bool
}

// Route replaces the method or the path of an operation. An empty field keeps the
// table's value. A path may use only the placeholders which the row has.
type Route struct {
	Method, Path string
}

// Prepared is a write that was checked and encoded, and of which nothing has left. It
// is for a program that keeps its own record of attempts, as package sdk/journal does:
// nothing here repeats anything. A client's Prepare methods make one, and the same
// parameters make the same again in another process.
//
// Store Body, write down that an attempt begins, and call Send with the stored Body.
// After an unknown outcome call Look.
type Prepared[T any] struct {
	Operation Operation
	Reference string // the caller's own reference, or its idempotency key
	// Body is the request as it is sent. PlaceholderURL stands in it for a callback URL
	// that Config.CallbackURL makes, so that no secret of the URL is stored.
	Body []byte
	// Send makes one attempt with a Body, and looks nothing up. An error's Outcome is
	// that of this attempt alone: the outcome of an earlier attempt stays open.
	Send func(ctx context.Context, body []byte) (*T, error)
	// Look looks once for what the attempts have made. The error matches ErrNotFound
	// where the provider says that it has none, and ErrReferenceTaken where it has
	// another under the reference. Any other error says neither. Look is nil where the
	// provider has no such lookup.
	Look func(ctx context.Context) (*T, error)
}

// PlaceholderURL stands for a callback URL in Prepared.Body. Send replaces it by a new
// URL in each attempt.
const PlaceholderURL = "https://callback.invalid/"

// Format keeps the body out of anything printed.
func (p Prepared[T]) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "sdk.Prepared{"+p.Operation.Name+" ...}")
}

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
	// Body is encoded as JSON, except a []byte: it goes as it is, and must be UTF-8. nil
	// sends none.
	Body any
	// ReadOnly says that the endpoint changes nothing, so that the call may be
	// repeated after any failure. Without it an unknown outcome is returned as
	// such, whatever the method.
	ReadOnly bool
}
