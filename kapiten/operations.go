package kapiten

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpCreateCompany    = "companies.create"
	OpCompanyByReg     = "companies.by_registration"
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
	{Name: OpCreateCompany, Method: "POST", Path: "/api/companies/", Class: transport.Once, Source: transport.VendorExtra},
	{Name: OpCompanyByReg, Method: "GET", Path: "/api/companies/by-registration/{registration_number}/", Class: transport.Safe, Source: transport.VendorExtra},
	{Name: OpCreateUser, Method: "POST", Path: "/api/companies/{company_id}/users/", Class: transport.Once, Source: transport.Assumed},
	{Name: OpUserToken, Method: "GET", Path: "/api/companies/{company_id}/users/{user_id}/api-key/", Class: transport.Safe, Source: transport.Assumed},
	{Name: OpListUsers, Method: "GET", Path: "/api/companies/{company_id}/users/", Class: transport.Safe, Source: transport.Assumed},
	{Name: OpEstimateRide, Method: "POST", Path: "/api/rides/estimate/", Class: transport.Safe, Source: transport.Assumed},
	{Name: OpCreateRide, Method: "POST", Path: "/api/rides/", Class: transport.Once, MovesMoney: true, Source: transport.Assumed},
	{Name: OpListRides, Method: "GET", Path: "/api/companies/{company_id}/rides/", Class: transport.Safe, Source: transport.Assumed},
	{Name: OpTopUpWallet, Method: "POST", Path: "/api/companies/{company_id}/topup/", Class: transport.Once, MovesMoney: true, Source: transport.Assumed},
	{Name: OpListTransactions, Method: "GET", Path: "/api/companies/{company_id}/transactions/", Class: transport.Safe, Source: transport.Assumed},
}

// Operation is one row of the operation table: Name, Method, Path (a template
// with placeholders in braces), Class (how it may be repeated: "safe" or
// "once"), MovesMoney, and Source (where the route is known from: "vendor-extra"
// is Kapiten's public page, "assumed" is our convention).
type Operation = transport.Operation

// Route replaces the Method or the Path of an operation; an empty field keeps
// the table's value. A path may use only the placeholders of the row it
// replaces.
type Route = transport.Route

// Operations returns the operation table, as a copy.
func Operations() []Operation { return slices.Clone(operations) }
