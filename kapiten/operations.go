package kapiten

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpCreateCompany    = "companies.create"
	OpFindCompany      = "companies.by_registration"
	OpCreateUser       = "users.create"
	OpUserToken        = "users.token"
	OpListUsers        = "users.list"
	OpEstimateRide     = "rides.estimate"
	OpCreateRide       = "rides.create"
	OpListRides        = "rides.list"
	OpTopUpWallet      = "wallet.top_up"
	OpListTransactions = "wallet.transactions"
)

var operations = transport.Table{
	{Name: OpCreateCompany, Method: "POST", Path: "/api/companies/", Class: sdk.Once, Source: sdk.VendorExtra, Open: true},
	{Name: OpFindCompany, Method: "GET", Path: "/api/companies/by-registration/{registration_number}/", Class: sdk.Safe, Source: sdk.VendorExtra, Open: true},
	{Name: OpCreateUser, Method: "POST", Path: "/api/companies/{company_id}/users/", Class: sdk.Once, Source: sdk.Assumed, Open: true},
	{Name: OpUserToken, Method: "GET", Path: "/api/companies/{company_id}/users/{user_id}/api-key/", Class: sdk.Safe, Source: sdk.Assumed, Open: true},
	{Name: OpListUsers, Method: "GET", Path: "/api/companies/{company_id}/users/", Class: sdk.Safe, Source: sdk.Assumed},
	{Name: OpEstimateRide, Method: "POST", Path: "/api/rides/estimate/", Class: sdk.Safe, Source: sdk.Assumed},
	{Name: OpCreateRide, Method: "POST", Path: "/api/rides/", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed},
	{Name: OpListRides, Method: "GET", Path: "/api/companies/{company_id}/rides/", Class: sdk.Safe, Source: sdk.Assumed},
	{Name: OpTopUpWallet, Method: "POST", Path: "/api/companies/{company_id}/topup/", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed},
	{Name: OpListTransactions, Method: "GET", Path: "/api/companies/{company_id}/transactions/", Class: sdk.Safe, Source: sdk.Assumed},
}

// Operations returns the operation table, as a copy.
func Operations() []sdk.Operation { return slices.Clone(operations) }
