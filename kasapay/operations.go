package kasapay

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Names of the operations: keys of Config.Routes, and the Operation of an
// *sdk.Error.
const (
	OpAuth     = "auth"
	OpInitiate = "payouts.initiate"
	OpStatus   = "payouts.status"
)

var operations = transport.Table{
	{Name: OpAuth, Method: "POST", Path: "/v1/auth", Class: sdk.Safe, Source: sdk.Documented, Open: true},
	{Name: OpInitiate, Method: "POST", Path: "/v1/payouts/b2b/initiate", Class: sdk.Referenced, MovesMoney: true, Source: sdk.Documented},
	{Name: OpStatus, Method: "GET", Path: "/v1/payouts/b2b/{payout_reference}/status", Class: sdk.Safe, Source: sdk.Documented},
}

// Operations returns the operation table, as a copy.
func Operations() []sdk.Operation { return slices.Clone(operations) }
