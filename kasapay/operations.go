package kasapay

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpAuth     = "auth"
	OpInitiate = "payouts.initiate"
	OpStatus   = "payouts.status"
)

var operations = transport.Table{
	{Name: OpAuth, Method: "POST", Path: "/v1/auth", Class: transport.Safe, Source: transport.Documented, Open: true},
	{Name: OpInitiate, Method: "POST", Path: "/v1/payouts/b2b/initiate", Class: transport.Referenced, MovesMoney: true, Source: transport.Documented},
	{Name: OpStatus, Method: "GET", Path: "/v1/payouts/b2b/{payout_reference}/status", Class: transport.Safe, Source: transport.Documented},
}

// Operation is one row of the operation table: Name, Method, Path (a template
// with placeholders in braces), Class (how it may be repeated: "referenced" is
// settled by asking for the reference, "safe" may always be repeated),
// MovesMoney, Source (where the route is known from; all are documented) and
// Open (sent without a token).
type Operation = transport.Operation

// Route replaces the Method or the Path of an operation; an empty field keeps
// the table's value. A path may use only the placeholders of the row it
// replaces.
type Route = transport.Route

// Operations returns the operation table, as a copy.
func Operations() []Operation { return slices.Clone(operations) }
