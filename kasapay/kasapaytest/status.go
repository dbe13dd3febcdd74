package kasapaytest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/kasapay"
)

const walletAccount = "784789474" // as in the document's sample

// status is GET /v1/payouts/b2b/{payout_reference}/status.
func (f *Fake) status(rw http.ResponseWriter, r *http.Request) {
	p, known := f.Payout(r.PathValue("reference"))
	if !known {
		f.problem(rw, f.config.NotFoundStatus, "Invalid Payout Reference")
		return
	}
	f.write(rw, http.StatusOK, f.result(&p))
}

// result is a payout as status answers and callbacks show it.
func (f *Fake) result(p *Payout) answer {
	a := answer{
		"payout_reference":   p.Reference,
		"transaction_id":     p.TransactionID,
		"payment_reference":  p.PaymentReference,
		"wallet_account":     walletAccount,
		"destination":        f.destination(p),
		"payment_status":     number(p.Status),
		"amount":             p.Amount.StringFixed(2),
		"currency":           p.Currency,
		"account_number":     f.accountNumber(p),
		"destination_name":   p.RecipientName,
		"description":        p.Description,
		"transaction_time":   p.Created.UTC().Format("2006-01-02T15:04:05.000Z"),
		"account_balance":    p.AccountBalance.StringFixed(2),
		"result_description": p.ResultDescription,
	}
	optional := []string{"wallet_account", "destination_name", "description"}
	if p.PaymentReference == "" {
		optional = append(optional, "payment_reference")
	}
	if f.config.AmountsAsNumbers {
		a["amount"] = json.Number(p.Amount.String())
		a["account_balance"] = json.Number(p.AccountBalance.String())
	}
	if f.config.Nulls {
		for _, name := range optional {
			a[name] = nil
		}
	}
	if f.config.OmitOptional {
		for _, name := range append(optional, "result_description", "account_balance") {
			delete(a, name)
		}
	}
	if f.config.ExtraKeys {
		a["event"] = "payment"
		if p.Status == kasapay.StatusPending {
			a["event"] = "pending_payment"
		}
		a["client_code"] = "TEST"
		a["service_code"] = p.ServiceCode
		a["payment_account_reference"] = p.AccountReference
		a["receiver_narration"] = nil
		a["extra_data"] = answer{}
		a["event_history"] = []string{}
	}
	return a
}

func number(status kasapay.PaymentStatus) int {
	n, err := strconv.Atoi(string(status))
	if err != nil {
		panic(err) // the fake's own states are numbers
	}
	return n
}

func (f *Fake) destination(p *Payout) string {
	switch {
	case f.config.DestinationAsRequested:
		return string(p.RecipientType)
	case p.RecipientType == kasapay.BankAccount:
		return "bank_account"
	}
	return strings.ToLower(string(p.RecipientType))
}

// accountNumber keeps the first five and the last three characters when it
// masks, as the document's sample does; of a short one the last alone.
func (f *Fake) accountNumber(p *Payout) string {
	number := p.AccountNumber
	switch n := len(number); {
	case !f.config.MaskAccountNumbers || n < 2:
		return number
	case n <= 8:
		return strings.Repeat("*", n-1) + number[n-1:]
	default:
		return number[:5] + strings.Repeat("*", n-8) + number[n-3:]
	}
}
