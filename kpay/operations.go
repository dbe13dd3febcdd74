package kpay

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Names of the operations: keys of Config.Routes, and the Operation of an
// *sdk.Error.
const (
	OpPay    = "pay"
	OpStatus = "checkstatus"
)

// Both operations have the same URL. The body's action tells them apart.
var operations = transport.Table{
	{Name: OpPay, Method: "POST", Path: "/", Class: sdk.Referenced, MovesMoney: true, Source: sdk.VendorExtra},
	{Name: OpStatus, Method: "POST", Path: "/", Class: sdk.Safe, Source: sdk.VendorExtra},
}

// Operations returns the operation table, as a copy.
func Operations() []sdk.Operation { return slices.Clone(operations) }
