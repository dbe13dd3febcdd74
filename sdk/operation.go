package sdk

// Class says how an operation may be repeated.
type Class uint8

const (
	// Once: a write that is never repeated after an unknown outcome. It is the
	// zero value, so that a forgotten Class never says "repeat".
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
	// uniqueness the provider does not promise.
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
