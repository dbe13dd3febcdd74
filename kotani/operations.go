package kotani

import (
	"net/http"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
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

// operations is in the order of the document. The FiatConnect specification gives
// the suffixes of the FiatConnect rows; the prefix /fiatconnect is assumed. The
// grade A/U of these rows names both.
var operations = transport.Table{
	{Name: OpLogin, Method: "POST", Path: "/api/login", Class: sdk.Safe, Open: true, Source: sdk.VendorExtra, Grade: "A"},

	{Name: OpCreateOrder, Method: "POST", Path: "/binance/order/create", Class: sdk.Once, Source: sdk.Assumed, Grade: "U"},
	{Name: OpCloseOrder, Method: "POST", Path: "/binance/order/close", Class: sdk.Once, Source: sdk.Assumed, Grade: "U"},
	{Name: OpQueryOrder, Method: "POST", Path: "/binance/order/query", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},

	{Name: OpBuyCelo, Method: "POST", Path: "/dex/buyCelo", Class: sdk.Once, MovesMoney: true, Source: sdk.VendorExtra, Grade: "A-"},
	{Name: OpSendToMpesa, Method: "POST", Path: "/transactions/withdraw/sendToMpesa", Class: sdk.Once, MovesMoney: true, Source: sdk.VendorExtra, Grade: "A"},

	{Name: OpDeposit, Method: "POST", Path: "/transactions/deposit/stkpush", Class: sdk.Searched, MovesMoney: true, Source: sdk.Observed, Grade: "B"},
	{Name: OpDepositQuoted, Method: "POST", Path: "/transactions/deposit/quote", Class: sdk.Searched, MovesMoney: true, Source: sdk.Assumed, Grade: "U"},
	{Name: OpStatusByRequestID, Method: "GET", Path: "/transactions/status/{requestId}", Class: sdk.Safe, Source: sdk.Observed, Grade: "B"},
	{Name: OpStatusByExternalID, Method: "GET", Path: "/transactions/status/external/{externalId}", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},
	{Name: OpWithdraw, Method: "POST", Path: "/transactions/withdraw/momo", Class: sdk.Searched, MovesMoney: true, Source: sdk.VendorExtra, Grade: "A-/B"},
	{Name: OpTransactions, Method: "GET", Path: "/transactions", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},
	{Name: OpPayBill, Method: "POST", Path: "/transactions/paybill", Class: sdk.Once, MovesMoney: true, Source: sdk.Observed, Grade: "A-/B"},
	{Name: OpPayTill, Method: "POST", Path: "/transactions/till", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed, Grade: "C/U"},
	{Name: OpWithdrawToBank, Method: "POST", Path: "/transactions/withdraw/bank", Class: sdk.Searched, MovesMoney: true, Source: sdk.Assumed, Grade: "C/U"},

	{Name: OpFiatConnectLogin, Method: "POST", Path: "/fiatconnect/auth/login", Class: sdk.Safe, Open: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpCreateCredentials, Method: "POST", Path: "/fiatconnect/credentials", Class: sdk.Once, Open: true, Source: sdk.Assumed, Grade: "U"},
	{Name: OpFiatConnectClock, Method: "GET", Path: "/fiatconnect/clock", Class: sdk.Safe, Open: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpTransferQuoteIn, Method: "POST", Path: "/fiatconnect/quote/in", Class: sdk.Safe, Open: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpTransferQuoteOut, Method: "POST", Path: "/fiatconnect/quote/out", Class: sdk.Safe, Open: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpAddKYC, Method: "POST", Path: "/fiatconnect/kyc/{kycSchema}", Class: sdk.Once, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpKYCStatus, Method: "GET", Path: "/fiatconnect/kyc/{kycSchema}/status", Class: sdk.Safe, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpDeleteKYC, Method: "DELETE", Path: "/fiatconnect/kyc/{kycSchema}", Class: sdk.Once, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpAddFiatAccount, Method: "POST", Path: "/fiatconnect/accounts", Class: sdk.Once, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpFiatAccounts, Method: "GET", Path: "/fiatconnect/accounts", Class: sdk.Safe, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpDeleteFiatAccount, Method: "DELETE", Path: "/fiatconnect/accounts/{fiatAccountId}", Class: sdk.Once, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpTransferIn, Method: "POST", Path: "/fiatconnect/transfer/in", Class: sdk.Keyed, MovesMoney: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpTransferOut, Method: "POST", Path: "/fiatconnect/transfer/out", Class: sdk.Keyed, MovesMoney: true, Source: sdk.Assumed, Grade: "A/U"},
	{Name: OpFiatConnectTransfer, Method: "GET", Path: "/fiatconnect/transfer/{transferId}/status", Class: sdk.Safe, Source: sdk.Assumed, Grade: "A/U"},

	{Name: OpHealth, Method: "GET", Path: "/health", Class: sdk.Safe, Open: true, Source: sdk.Assumed, Grade: "C"},

	{Name: OpCreateUser, Method: "POST", Path: "/kyc/user/create", Class: sdk.Once, Source: sdk.VendorExtra, Grade: "A"},
	{Name: OpVerifyUser, Method: "POST", Path: "/kyc/user/isverifiedcheck", Class: sdk.Safe, Source: sdk.VendorExtra, Grade: "A"},
	{Name: OpUpdateUser, Method: "POST", Path: "/kyc/user/update", Class: sdk.Once, Source: sdk.VendorExtra, Grade: "C"},
	{Name: OpUserByPhone, Method: "POST", Path: "/kyc/user/getDetailsByPhone", Class: sdk.Safe, Source: sdk.VendorExtra, Grade: "A-"},
	{Name: OpUsers, Method: "GET", Path: "/kyc/users", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},
	{Name: OpPhoneByAddress, Method: "POST", Path: "/kyc/user/getPhoneByAddress", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},

	{Name: OpBalance, Method: "POST", Path: "/user/account/getBalance", Class: sdk.Safe, Source: sdk.VendorExtra, Grade: "A"},
	{Name: OpEscrowRates, Method: "POST", Path: "/transactions/getEscrow", Class: sdk.Safe, Source: sdk.VendorExtra, Grade: "A-"},

	{Name: OpStellarCashOut, Method: "POST", Path: "/stellar/cashout/{countryCode}", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed, Grade: "U"},

	{Name: OpQuoteIn, Method: "POST", Path: "/quotes/in", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},
	{Name: OpQuoteOut, Method: "POST", Path: "/quotes/out", Class: sdk.Safe, Source: sdk.Assumed, Grade: "U"},
	{Name: OpAcceptQuoteIn, Method: "POST", Path: "/quotes/in/accept", Class: sdk.Once, Source: sdk.Assumed, Grade: "U"},
	{Name: OpAcceptQuoteOut, Method: "POST", Path: "/quotes/out/accept", Class: sdk.Once, Source: sdk.Assumed, Grade: "U"},

	{Name: OpTronCashOut, Method: "POST", Path: "/tron/cashout/{countryCode}", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed, Grade: "U"},
	{Name: OpTronCashIn, Method: "POST", Path: "/tron/cashin/{countryCode}", Class: sdk.Once, MovesMoney: true, Source: sdk.Assumed, Grade: "U"},

	{Name: OpUBIClaim, Method: "POST", Path: "/transactions/ubi/claimfunds", Class: sdk.Once, MovesMoney: true, Source: sdk.VendorExtra, Grade: "A"},
	{Name: OpIsBeneficiary, Method: "POST", Path: "/transactions/ubi/checkIfBeneficiary", Class: sdk.Safe, Source: sdk.VendorExtra, Grade: "A"},
	{Name: OpSetBeneficiary, Method: "POST", Path: "/transactions/ubi/setBeneficiary", Class: sdk.Once, Source: sdk.VendorExtra, Grade: "A"},
}

// Operations returns the operation table, as a copy.
func Operations() []sdk.Operation { return slices.Clone(operations) }

// refusals are the texts with which Kotani refuses a write of its own API, in lower case:
// the operator's of 2022, and the assumed texts of the fake. A star stands for any end. A
// text behind "status " is the whole response, {"status":"..."}. Every write has the
// refusals of fieldRefusal besides. A text that is not listed for an operation may be the
// response to another request.
func refusals(op string) []string {
	const poor, noUser, unverified = "insufficient balance", "user account does not exist", "user account is not verified"
	const badHash, usedHash, noCountry = "invalid hash", "transaction hash is already processed", "country not supported"
	switch op {
	case OpBuyCelo:
		return []string{"status user not found"}
	case OpSendToMpesa:
		return []string{badHash, usedHash, unverified, "invalid transaction", "invalid transaction receipt", "not enough fiat balance to fulfill the request"}
	case OpDeposit, OpWithdraw:
		return []string{noUser, unverified, poor}
	case OpDepositQuoted:
		return []string{noUser, unverified, poor, "quote not found", "quote expired", "quote is not accepted", "quote already used"}
	case OpWithdrawToBank, OpPayBill, OpPayTill:
		return []string{poor}
	case OpStellarCashOut, OpTronCashOut:
		return []string{badHash, usedHash, poor, noCountry}
	case OpTronCashIn:
		return []string{noCountry, "only kenya is supported"}
	case OpUBIClaim:
		return []string{"not yet time*", "insufficient funds", "not approved", "not verified", unverified, "user is not approved as a beneficiary"}
	case OpSetBeneficiary:
		return []string{"user does not exist", "user is already a beneficiary"}
	case OpCreateUser:
		return []string{"user exists"}
	case OpUpdateUser:
		return []string{"user does not exist", "kyc document already exists"}
	case OpCreateOrder:
		return []string{"currency not supported"}
	case OpCloseOrder:
		return []string{"order not found", "order is already paid", "order has failed already", "order is already closed"}
	case OpAcceptQuoteIn, OpAcceptQuoteOut:
		return []string{"quote not found", "quote expired", "quote already accepted"}
	}
	return nil
}

// quoteRefusals are those of a cash-out at the rate of an accepted quote (assumed).
func quoteRefusals() []string {
	return []string{"quote not found", "quote is not accepted", "quote already used", "quote is for another payment"}
}

// refusesWrite reports that Kotani's words refuse this write, by the table.
func refusesWrite(op sdk.Operation, c content, sent []byte) bool {
	said := strings.ToLower(strings.TrimSpace(c.message))
	switch {
	case c.number == 0 && said == "":
		said = "status " + c.status
	case c.user, c.number != http.StatusBadRequest && c.number != http.StatusUnauthorized, !c.own:
		return false
	}
	var fields map[string]any
	_ = wire.Unmarshal(sent, &fields) // without fields none is refused
	texts := refusals(op.Name)
	if fields["acceptedQuoteId"] != nil && op.Name != OpDepositQuoted {
		texts = append(texts, quoteRefusals()...)
	}
	return fieldRefusal(said, fields) || slices.ContainsFunc(texts, func(text string) bool {
		start, open := strings.CutSuffix(text, "*")
		return said == text || open && strings.HasPrefix(said, start)
	})
}

// fieldRefusal reports a text that finds fault with a field of the request. Of another
// form than these two, "... is required" and "invalid ...", are assumed texts.
func fieldRefusal(said string, fields map[string]any) bool {
	for name := range fields {
		name = strings.ToLower(name)
		fault, begins := strings.CutPrefix(said, name+" ")
		switch {
		case said == "invalid "+name:
			return true
		case !begins:
		case fault == "already exists" && name == "externalid", fault == "is required",
			strings.HasPrefix(fault, "must be "), strings.HasPrefix(fault, "does not belong to "):
			return true
		}
	}
	return false
}

// forms are those in which the direct response to a payment may come.
func forms(op string) form {
	switch op {
	case OpWithdraw:
		return numbered | oldOut
	case OpWithdrawToBank:
		return numbered
	case OpDeposit:
		return wrapped | oldIn
	}
	return wrapped
}
