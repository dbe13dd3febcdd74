package kasapaytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// object is a request body: its strings, and an amount given as a number. What
// is neither is not in it.
type object map[string]string

// The twelve fields of a payout, in the document's order.
var payoutFields = []string{
	"payout_reference", "service_code", "payment_account_reference", "recipient_name", "recipient_type",
	"recipient_account_number", "amount", "payment_description", "payment_method", "currency_code", "country_code", "callback_url",
}

func readObject(r *http.Request) (object, bool) {
	body, err := io.ReadAll(r.Body) // in memory already, and bounded
	if err != nil {
		return nil, false
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(body, &raw) != nil || raw == nil {
		return nil, false
	}
	fields := object{}
	for name, value := range raw {
		var text string
		var number json.Number
		switch {
		case json.Unmarshal(value, &text) == nil:
			fields[name] = strings.TrimSpace(text)
		case name == "amount" && json.Unmarshal(value, &number) == nil: // public clients of this platform send both
			fields[name] = number.String()
		}
	}
	return fields, true
}

// missing says which of the fields are not there, in the words of the validator
// that comes with NestJS.
func (o object) missing(names ...string) []string {
	var faults []string
	for _, name := range names {
		if text, ok := o[name]; !ok {
			faults = append(faults, name+" must be a string")
		} else if text == "" {
			faults = append(faults, name+" should not be empty")
		}
	}
	return faults
}

// faults says which values of a complete payout are wrong.
func (o object) faults(strictMethod bool) []string {
	var faults []string
	wrong := func(bad bool, text string) {
		if bad {
			faults = append(faults, text)
		}
	}
	bank := o["recipient_type"] == "BANK_ACCOUNT_NUMBER"
	wrong(!bank && o["recipient_type"] != "PAYBILL" && o["recipient_type"] != "TILL",
		"recipient_type must be one of the following values: PAYBILL, TILL, BANK_ACCOUNT_NUMBER")
	methods := []string{"MPESA_B2B", "BANK"}
	if strictMethod {
		methods = methods[:1]
		if bank {
			methods = []string{"BANK"}
		}
	}
	wrong(!slices.Contains(methods, o["payment_method"]), "payment_method must be one of the following values: "+strings.Join(methods, ", "))
	wrong(!o.amount().IsPositive(), "amount must be a positive number with at most two decimals")
	wrong(!letters(o["currency_code"]), "currency_code must be an ISO 4217 code")
	wrong(!letters(o["country_code"]), "country_code must be an ISO 3166-1 alpha-3 code")
	wrong(!webURL(o["callback_url"]), "callback_url must be a URL address")
	return faults
}

const maxAmountDigits = 15

// amount is the amount, or zero when it is none.
func (o object) amount() decimal.Decimal {
	whole, fraction, point := strings.Cut(o["amount"], ".")
	if whole == "" || len(whole) > maxAmountDigits || point && fraction == "" || len(fraction) > 2 ||
		strings.Trim(whole+fraction, "0123456789") != "" {
		return decimal.Zero
	}
	amount, err := decimal.NewFromString(o["amount"])
	if err != nil {
		return decimal.Zero
	}
	return amount
}

// letters says that the text is three capital letters.
func letters(text string) bool {
	return len(text) == 3 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
