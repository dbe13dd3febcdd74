package kpay

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpPay    = "pay"
	OpStatus = "checkstatus"
)

// One URL serves both; the body's action tells them apart.
var operations = transport.Table{
	{Name: OpPay, Method: "POST", Path: "/", Class: transport.Referenced, MovesMoney: true, Source: transport.VendorExtra},
	{Name: OpStatus, Method: "POST", Path: "/", Class: transport.Safe, Source: transport.VendorExtra},
}

// Operation is one row of the operation table: Name, Method, Path, Class (how it
// may be repeated: "referenced" is settled by asking for the RefID, "safe" may
// always be repeated), MovesMoney, and Source (where the route is known from:
// "vendor-extra" is KPay's developer guide; the reference document's only full
// URL has the path /api/).
type Operation = transport.Operation

// Route replaces the Method or the Path of an operation; an empty field keeps
// the table's value.
type Route = transport.Route

// Operations returns the operation table, as a copy.
func Operations() []Operation { return slices.Clone(operations) }
