package kotani

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpLogin = "auth.login"

	OpCreateOrder = "binance.create_order"
	OpCloseOrder  = "binance.close_order"
	OpQueryOrder  = "binance.query_order"

	OpBuyCelo     = "celo.buy"
	OpSendToMpesa = "celo.send_to_mpesa"

	OpDeposit            = "fiat.deposit"
	OpDepositQuoted      = "fiat.deposit_quoted"
	OpStatusByRequestID  = "fiat.status_by_request_id"
	OpStatusByExternalID = "fiat.status_by_external_id"
	OpWithdraw           = "fiat.withdraw"
	OpTransactions       = "fiat.transactions"
	OpPayBill            = "fiat.pay_bill"
	OpPayTill            = "fiat.pay_till"
	OpWithdrawToBank     = "fiat.withdraw_to_bank"

	OpFiatConnectLogin    = "fiatconnect.login"
	OpCreateCredentials   = "fiatconnect.create_credentials"
	OpFiatConnectClock    = "fiatconnect.clock"
	OpTransferQuoteIn     = "fiatconnect.quote_in"
	OpTransferQuoteOut    = "fiatconnect.quote_out"
	OpAddKYC              = "fiatconnect.add_kyc"
	OpKYCStatus           = "fiatconnect.kyc_status"
	OpDeleteKYC           = "fiatconnect.delete_kyc"
	OpAddFiatAccount      = "fiatconnect.add_account"
	OpFiatAccounts        = "fiatconnect.accounts"
	OpDeleteFiatAccount   = "fiatconnect.delete_account"
	OpTransferIn          = "fiatconnect.transfer_in"
	OpTransferOut         = "fiatconnect.transfer_out"
	OpFiatConnectTransfer = "fiatconnect.transfer"

	OpHealth = "health.check"

	OpCreateUser     = "kyc.create_user"
	OpVerifyUser     = "kyc.verify_user"
	OpUpdateUser     = "kyc.update_user"
	OpUserByPhone    = "kyc.user_by_phone"
	OpUsers          = "kyc.users"
	OpPhoneByAddress = "kyc.phone_by_address"

	OpBalance     = "onchain.balance"
	OpEscrowRates = "onchain.escrow_rates"

	OpStellarCashOut = "stellar.cash_out"

	OpQuoteIn        = "quotes.in"
	OpQuoteOut       = "quotes.out"
	OpAcceptQuoteIn  = "quotes.accept_in"
	OpAcceptQuoteOut = "quotes.accept_out"

	OpTronCashOut = "tron.cash_out"
	OpTronCashIn  = "tron.cash_in"

	OpUBIClaim       = "ubi.claim"
	OpIsBeneficiary  = "ubi.is_beneficiary"
	OpSetBeneficiary = "ubi.set_beneficiary"
)

// operations is in the order of the document. The suffixes of the FiatConnect
// rows are those of its specification; that they stand under /fiatconnect is
// assumed, and so the rows are graded by the weaker of the two.
var operations = transport.Table{
	{Name: OpLogin, Method: "POST", Path: "/api/login", Class: transport.Safe, Open: true, Source: transport.VendorExtra, Grade: "A"},

	{Name: OpCreateOrder, Method: "POST", Path: "/binance/order/create", Class: transport.Once, Source: transport.Assumed, Grade: "U"},
	{Name: OpCloseOrder, Method: "POST", Path: "/binance/order/close", Class: transport.Once, Source: transport.Assumed, Grade: "U"},
	{Name: OpQueryOrder, Method: "POST", Path: "/binance/order/query", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},

	{Name: OpBuyCelo, Method: "POST", Path: "/dex/buyCelo", Class: transport.Once, MovesMoney: true, Source: transport.VendorExtra, Grade: "A-"},
	{Name: OpSendToMpesa, Method: "POST", Path: "/transactions/withdraw/sendToMpesa", Class: transport.Once, MovesMoney: true, Source: transport.VendorExtra, Grade: "A"},

	{Name: OpDeposit, Method: "POST", Path: "/transactions/deposit/stkpush", Class: transport.Referenced, MovesMoney: true, Source: transport.Observed, Grade: "B"},
	{Name: OpDepositQuoted, Method: "POST", Path: "/transactions/deposit/quote", Class: transport.Referenced, MovesMoney: true, Source: transport.Assumed, Grade: "U"},
	{Name: OpStatusByRequestID, Method: "GET", Path: "/transactions/status/request/{requestId}", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpStatusByExternalID, Method: "GET", Path: "/transactions/status/external/{externalId}", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpWithdraw, Method: "POST", Path: "/transactions/withdraw/momo", Class: transport.Referenced, MovesMoney: true, Source: transport.VendorExtra, Grade: "A-/B"},
	{Name: OpTransactions, Method: "GET", Path: "/transactions", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpPayBill, Method: "POST", Path: "/transactions/paybill", Class: transport.Once, MovesMoney: true, Source: transport.Observed, Grade: "A-/B"},
	{Name: OpPayTill, Method: "POST", Path: "/transactions/till", Class: transport.Once, MovesMoney: true, Source: transport.Assumed, Grade: "C/U"},
	{Name: OpWithdrawToBank, Method: "POST", Path: "/transactions/withdraw/bank", Class: transport.Referenced, MovesMoney: true, Source: transport.Assumed, Grade: "C/U"},

	{Name: OpFiatConnectLogin, Method: "POST", Path: "/fiatconnect/auth/login", Class: transport.Safe, Open: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpCreateCredentials, Method: "POST", Path: "/fiatconnect/credentials", Class: transport.Once, Open: true, Source: transport.Assumed, Grade: "U"},
	{Name: OpFiatConnectClock, Method: "GET", Path: "/fiatconnect/clock", Class: transport.Safe, Open: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpTransferQuoteIn, Method: "POST", Path: "/fiatconnect/quote/in", Class: transport.Safe, Open: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpTransferQuoteOut, Method: "POST", Path: "/fiatconnect/quote/out", Class: transport.Safe, Open: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpAddKYC, Method: "POST", Path: "/fiatconnect/kyc/{kycSchema}", Class: transport.Once, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpKYCStatus, Method: "GET", Path: "/fiatconnect/kyc/{kycSchema}/status", Class: transport.Safe, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpDeleteKYC, Method: "DELETE", Path: "/fiatconnect/kyc/{kycSchema}", Class: transport.Once, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpAddFiatAccount, Method: "POST", Path: "/fiatconnect/accounts", Class: transport.Once, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpFiatAccounts, Method: "GET", Path: "/fiatconnect/accounts", Class: transport.Safe, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpDeleteFiatAccount, Method: "DELETE", Path: "/fiatconnect/accounts/{fiatAccountId}", Class: transport.Once, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpTransferIn, Method: "POST", Path: "/fiatconnect/transfer/in", Class: transport.Keyed, MovesMoney: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpTransferOut, Method: "POST", Path: "/fiatconnect/transfer/out", Class: transport.Keyed, MovesMoney: true, Source: transport.Assumed, Grade: "A/U"},
	{Name: OpFiatConnectTransfer, Method: "GET", Path: "/fiatconnect/transfer/{transferId}/status", Class: transport.Safe, Source: transport.Assumed, Grade: "A/U"},

	{Name: OpHealth, Method: "GET", Path: "/health", Class: transport.Safe, Open: true, Source: transport.Assumed, Grade: "C"},

	{Name: OpCreateUser, Method: "POST", Path: "/kyc/user/create", Class: transport.Once, Source: transport.VendorExtra, Grade: "A"},
	{Name: OpVerifyUser, Method: "POST", Path: "/kyc/user/isverifiedcheck", Class: transport.Safe, Source: transport.VendorExtra, Grade: "A"},
	{Name: OpUpdateUser, Method: "POST", Path: "/kyc/user/update", Class: transport.Once, Source: transport.VendorExtra, Grade: "C"},
	{Name: OpUserByPhone, Method: "POST", Path: "/kyc/user/getDetailsByPhone", Class: transport.Safe, Source: transport.VendorExtra, Grade: "A-"},
	{Name: OpUsers, Method: "GET", Path: "/kyc/users", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpPhoneByAddress, Method: "POST", Path: "/kyc/user/getPhoneByAddress", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},

	{Name: OpBalance, Method: "POST", Path: "/user/account/getBalance", Class: transport.Safe, Source: transport.VendorExtra, Grade: "A"},
	{Name: OpEscrowRates, Method: "POST", Path: "/transactions/getEscrow", Class: transport.Safe, Source: transport.VendorExtra, Grade: "A-"},

	{Name: OpStellarCashOut, Method: "POST", Path: "/stellar/cashout/{countryCode}", Class: transport.Once, MovesMoney: true, Source: transport.Assumed, Grade: "U"},

	{Name: OpQuoteIn, Method: "POST", Path: "/quotes/in", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpQuoteOut, Method: "POST", Path: "/quotes/out", Class: transport.Safe, Source: transport.Assumed, Grade: "U"},
	{Name: OpAcceptQuoteIn, Method: "POST", Path: "/quotes/in/accept", Class: transport.Once, Source: transport.Assumed, Grade: "U"},
	{Name: OpAcceptQuoteOut, Method: "POST", Path: "/quotes/out/accept", Class: transport.Once, Source: transport.Assumed, Grade: "U"},

	{Name: OpTronCashOut, Method: "POST", Path: "/tron/cashout/{countryCode}", Class: transport.Once, MovesMoney: true, Source: transport.Assumed, Grade: "U"},
	{Name: OpTronCashIn, Method: "POST", Path: "/tron/cashin/{countryCode}", Class: transport.Once, MovesMoney: true, Source: transport.Assumed, Grade: "U"},

	{Name: OpUBIClaim, Method: "POST", Path: "/transactions/ubi/claimfunds", Class: transport.Once, MovesMoney: true, Source: transport.VendorExtra, Grade: "A"},
	{Name: OpIsBeneficiary, Method: "POST", Path: "/transactions/ubi/checkIfBeneficiary", Class: transport.Safe, Source: transport.VendorExtra, Grade: "A"},
	{Name: OpSetBeneficiary, Method: "POST", Path: "/transactions/ubi/setBeneficiary", Class: transport.Once, Source: transport.VendorExtra, Grade: "A"},
}

// Operation is one row of the operation table: Name, Method, Path (a template
// with placeholders in braces), Class (how it may be repeated: "safe", "keyed",
// "referenced" or "once"), MovesMoney, Open (needs no login), Source (where the
// route is known from) and Grade (how sure that is). The package documentation
// explains the last two.
type Operation = transport.Operation

// Route replaces the Method or the Path of an operation; an empty field keeps
// the table's value. A path may use only the placeholders of the row it
// replaces.
type Route = transport.Route

// Operations returns the operation table, as a copy.
func Operations() []Operation { return slices.Clone(operations) }
