package kpaytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"
)

// request is the body of an API call: every string or number as trimmed text.
// It is nil when the body is no JSON object. The Content-Type is not looked at.
type request map[string]string

const (
	fieldAction   = "action"
	fieldTID      = "tid"
	fieldRefID    = "refid"
	fieldMSISDN   = "msisdn"
	fieldEmail    = "email"
	fieldDetails  = "details"
	fieldAmount   = "amount"
	fieldCurrency = "currency"
	fieldName     = "cname"
	fieldNumber   = "cnumber"
	fieldMethod   = "pmethod"
	fieldRetailer = "retailerid"
	fieldPostback = "returl"
	fieldRedirect = "redirecturl"
	fieldBank     = "bankid"
)

func readRequest(r *http.Request) request {
	body, err := io.ReadAll(r.Body) // in memory already, and bounded
	if err != nil {
		return nil
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(body, &raw) != nil || raw == nil {
		return nil
	}
	req := request{}
	for name, value := range raw {
		req[name] = scalar(value)
	}
	return req
}

// scalar is the text of a string or a number; anything else counts as empty.
func scalar(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.TrimSpace(text)
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return ""
}

// missing names the fields of a pay request that are empty or unusable.
func (req request) missing(bankOptional bool) []string {
	var names []string
	for _, name := range []string{
		fieldMSISDN, fieldEmail, fieldDetails, fieldRefID, fieldAmount, fieldName, fieldNumber,
		fieldMethod, fieldRetailer, fieldPostback, fieldRedirect, fieldBank,
	} {
		switch {
		case name == fieldBank && bankOptional:
		case req[name] == "":
			names = append(names, name)
		case name == fieldAmount && !req.amount().IsPositive():
			names = append(names, name)
		}
	}
	if c := req.currency(); c != "RWF" && c != "USD" {
		names = append(names, fieldCurrency)
	}
	return names
}

func (req request) currency() string {
	if c := req[fieldCurrency]; c != "" {
		return c
	}
	return "RWF"
}

const maxAmountDigits = 15

// amount is a whole number above zero, with or without a fraction of zeros; zero
// stands for anything else.
func (req request) amount() decimal.Decimal {
	whole, fraction, _ := strings.Cut(req[fieldAmount], ".")
	if len(whole) > maxAmountDigits || len(fraction) > maxAmountDigits ||
		strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0") != "" {
		return decimal.Zero
	}
	amount, err := decimal.NewFromString(whole)
	if err != nil {
		return decimal.Zero
	}
	return amount
}
