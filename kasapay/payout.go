package kasapay

import (
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
)

// Payout is a payout as an answer or a callback shows it. After Initiate only
// the references, Status and Result are set.
type Payout struct {
	// Reference is your own payout_reference, the one Initiate or Status was
	// called with. In a callback it is what was posted: yours, or Kasapay's.
	Reference string
	// GatewayReference is the payout_reference in the answer. The document's
	// samples show yours in a status and another one in an acceptance; whether
	// Kasapay mints its own is not documented. Keep both.
	GatewayReference string
	Status           PaymentStatus
	// Result says in words what became of it: the reason of a failure.
	Result string

	TransactionID string // Kasapay's: "10001"
	Receipt       string // the processor's (payment_reference): "TQLXMNSBBYSF"; empty until paid
	FloatAccount  string // the account of yours that is debited (wallet_account)
	// FloatBalance is what is left on it afterwards (account_balance).
	FloatBalance decimal.NullDecimal

	// Amount is not valid where the answer has none or none that can be read.
	// "10" may come back as "10.00": compare with Equal.
	Amount      decimal.NullDecimal
	Currency    string        // ISO 4217
	Destination RecipientType // in the request's spelling where it is known
	// AccountNumber may be masked: never compare it with the one you sent.
	AccountNumber string
	RecipientName string // destination_name: "BANKX"
	Description   string // of the request
	Time          time.Time
	Raw           sdk.Raw
}

// missing is the decode error of an answer without a field that makes it what
// it is. An answer like that settles nothing.
type missing string

func (m missing) Error() string { return "answer without " + string(m) }

// payout shows a status or a callback as a Payout.
func (a *answer) payout(reference string) (Payout, error) {
	if a.PaymentStatus == "" {
		return Payout{}, missing("payment_status")
	}
	return Payout{
		Reference: reference, GatewayReference: string(a.PayoutReference), Status: PaymentStatus(a.PaymentStatus),
		Result: string(a.ResultDescription), TransactionID: string(a.TransactionID), Receipt: string(a.PaymentReference),
		FloatAccount: string(a.WalletAccount), FloatBalance: amount(a.AccountBalance),
		Amount: amount(a.Amount), Currency: string(a.Currency), Destination: parseRecipientType(string(a.Destination)),
		AccountNumber: string(a.AccountNumber), RecipientName: string(a.DestinationName), Description: string(a.Description),
		Time: a.TransactionTime.Time, Raw: a.raw,
	}, nil
}

// accepted shows the acceptance of a request as a Payout.
func (a *answer) accepted(reference string) (Payout, error) {
	if PaymentStatus(a.ResponseCode) != StatusAccepted {
		return Payout{}, missing("response_code 720")
	}
	return Payout{
		Reference: reference, GatewayReference: string(a.PayoutReference), Status: StatusAccepted,
		Result: string(a.ResponseDescription), Raw: a.raw,
	}, nil
}
