package kasapaytest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// response is a JSON object to send.
type response map[string]any

func (f *Fake) write(rw http.ResponseWriter, status int, body response) {
	fake.Respond(rw, status, "application/json; charset=utf-8", f.encode(body))
}

// encode writes a response as JSON, with the Quirks.
func (f *Fake) encode(body response) []byte {
	if f.config.Quirks.NumbersAsStrings {
		for name, value := range body {
			if n, ok := value.(int); ok {
				body[name] = strconv.Itoa(n)
			}
		}
	}
	return fake.Encode(body)
}

// problem sends the envelope of NestJS: message is a string, or a list of them
// for a request that is not valid.
func (f *Fake) problem(rw http.ResponseWriter, status int, message any) {
	f.write(rw, status, response{"statusCode": status, "message": message, "error": http.StatusText(status)})
}

// success is the HTTP status of a POST that went well.
func (f *Fake) success() int {
	if f.config.Quirks.CreatedStatus {
		return http.StatusCreated
	}
	return http.StatusOK
}

// refusal sends the refusal of a payout.
func (f *Fake) refusal(rw http.ResponseWriter, description, code string) {
	f.write(rw, f.config.Quirks.RefusalStatus, response{
		"response_code": 721, "response_description": description, "error_code": code,
	})
}

// refuse writes the status that a fault rule asks for. The framework's throttle leaves
// "error" out (assumed, as that Kasapay has it).
func (f *Fake) refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	if status == http.StatusTooManyRequests {
		f.write(rw, status, response{"statusCode": status, "message": "ThrottlerException: " + http.StatusText(status)})
		return
	}
	f.problem(rw, status, http.StatusText(status))
}

const walletAccount = "784789474" // as in the document's sample

// status is GET /v1/payouts/b2b/{payout_reference}/status.
func (f *Fake) status(rw http.ResponseWriter, r *http.Request) {
	p, known := f.Payout(r.PathValue("payout_reference"))
	if !known {
		f.problem(rw, f.config.Quirks.NotFoundStatus, "Invalid Payout Reference")
		return
	}
	f.write(rw, http.StatusOK, f.result(&p))
}

// result is a payout as status responses and callbacks show it.
func (f *Fake) result(p *Payout) response {
	body := response{
		"payout_reference":   p.Reference,
		"transaction_id":     p.TransactionID,
		"payment_reference":  p.PaymentReference,
		"wallet_account":     walletAccount,
		"destination":        f.destination(p),
		"payment_status":     number(p.Status),
		"amount":             p.Amount.StringFixed(2),
		"currency":           p.Currency,
		"account_number":     f.accountNumber(p),
		"destination_name":   f.destinationName(p),
		"description":        p.Description,
		"transaction_time":   p.Created.UTC().Format("2006-01-02T15:04:05.000Z"),
		"account_balance":    p.AccountBalance.StringFixed(2),
		"result_description": p.ResultDescription,
	}
	optional := []string{"wallet_account", "destination_name", "description"}
	if p.PaymentReference == "" {
		optional = append(optional, "payment_reference")
	}
	if f.config.Quirks.AmountsAsNumbers {
		body["amount"] = json.Number(p.Amount.String())
		body["account_balance"] = json.Number(p.AccountBalance.String())
	}
	if f.config.Quirks.Nulls {
		for _, name := range optional {
			body[name] = nil
		}
	}
	if f.config.Quirks.OmitOptional {
		for _, name := range append(optional, "result_description", "account_balance") {
			delete(body, name)
		}
	}
	if f.config.Quirks.ExtraKeys {
		body["event"] = "payment"
		if p.Status == kasapay.StatusPending {
			body["event"] = "pending_payment"
		}
		body["client_code"] = "TEST"
		body["service_code"] = p.ServiceCode
		body["payment_account_reference"] = p.AccountReference
		body["receiver_narration"] = nil
		body["extra_data"] = response{}
		body["event_history"] = []string{}
	}
	return body
}

func number(status kasapay.PaymentStatus) int {
	n, err := strconv.Atoi(string(status))
	fake.Must(err) // the fake's own states are numbers
	return n
}

func (f *Fake) destination(p *Payout) string {
	switch {
	case f.config.Quirks.DestinationAsRequested:
		return string(p.RecipientType)
	case p.RecipientType == kasapay.BankAccount:
		return "bank_account"
	}
	return strings.ToLower(string(p.RecipientType))
}

// destinationName is the recipient's name, or the bank's for a bank account.
func (f *Fake) destinationName(p *Payout) string {
	if p.RecipientType == kasapay.BankAccount {
		return f.config.BankName
	}
	return p.RecipientName
}

// accountNumber masks all but the first five and the last three characters, as
// the document's sample does. A short number keeps the last character alone.
func (f *Fake) accountNumber(p *Payout) string {
	number := p.AccountNumber
	switch n := len(number); {
	case !f.config.Quirks.MaskAccountNumbers || n < 2:
		return number
	case n <= 8:
		return strings.Repeat("*", n-1) + number[n-1:]
	default:
		return number[:5] + strings.Repeat("*", n-8) + number[n-3:]
	}
}
