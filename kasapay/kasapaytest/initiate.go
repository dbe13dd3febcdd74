package kasapaytest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const firstTransaction = 10001 // as in the document's sample

// initiate is POST /v1/payouts/b2b/initiate.
func (f *Fake) initiate(rw http.ResponseWriter, r *http.Request) {
	o, ok := readObject(r)
	if !ok {
		f.problem(rw, http.StatusBadRequest, "The body is not a JSON object")
		return
	}
	faults := o.missing(payoutFields...)
	if len(faults) == 0 {
		faults = o.faults(f.config.Quirks.AnyMethod)
	}
	if len(faults) > 0 {
		f.problem(rw, http.StatusBadRequest, faults)
		return
	}
	if f.unreachable(o["callback_url"]) {
		f.refusal(rw, "Unreachable callback_url", "CALLBACK_URL_UNREACHABLE")
		return
	}
	if !slices.Contains(f.config.ServiceCodes, o["service_code"]) {
		f.refusal(rw, "Invalid Service", "SERVICE_NOT_ALLOWED")
		return
	}
	p, refused := f.accept(r, o)
	switch {
	case refused == errorDuplicate && f.config.Quirks.DuplicateStatus != 0:
		f.problem(rw, f.config.Quirks.DuplicateStatus, descDuplicate)
	case refused == errorDuplicate:
		f.refusal(rw, descDuplicate, errorDuplicate)
	case refused == errorNoFunds:
		f.refusal(rw, descNoFunds, errorNoFunds)
	default:
		f.write(rw, f.success(), response{
			"payout_reference": p.ReturnedReference, "response_code": 720,
			"response_description": "Payout request has been accepted for processing",
		})
	}
}

// unreachable reports a callback URL that the test has put out of reach.
func (f *Fake) unreachable(callback string) bool {
	u, err := url.Parse(callback)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return strings.HasSuffix(host, ".invalid") ||
		slices.ContainsFunc(f.config.UnreachableHosts, func(lost string) bool { return strings.EqualFold(lost, host) })
}

// Values of error_code for a valid payout that is not accepted. Both are
// invented.
const (
	errorDuplicate = "DUPLICATE_REFERENCE"
	errorNoFunds   = "INSUFFICIENT_FUNDS"

	descDuplicate = "Duplicate payout reference"
	descNoFunds   = "Insufficient funds in the float account"
)

// accept checks reference and float and reserves the amount under one lock, so
// that concurrent payouts cannot take the same money. It returns the error_code of
// a payout that it does not accept.
func (f *Fake) accept(r *http.Request, o object) (accepted Payout, refused string) {
	f.world.LockFor(r)
	defer f.world.Unlock()
	amount := o.amount()
	funded := f.state.Ledger.Covers(float(o["currency_code"]), amount)
	beyond := !funded && f.config.RefuseBeyondFloat
	switch known := f.state.find(o["payout_reference"]) != nil; {
	case known && !(beyond && f.config.Quirks.FloatFirst):
		return Payout{}, errorDuplicate
	case beyond:
		return Payout{}, errorNoFunds
	}
	p := &Payout{
		Reference:         o["payout_reference"],
		ReturnedReference: o["payout_reference"],
		TransactionID:     strconv.Itoa(firstTransaction + len(f.state.Payouts.All())),
		ServiceCode:       o["service_code"],
		AccountReference:  o["payment_account_reference"],
		RecipientName:     o["recipient_name"],
		RecipientType:     kasapay.RecipientType(o["recipient_type"]),
		AccountNumber:     o["recipient_account_number"],
		Amount:            amount,
		Currency:          o["currency_code"],
		Country:           o["country_code"],
		Description:       o["payment_description"],
		Method:            kasapay.PaymentMethod(o["payment_method"]),
		CallbackURL:       o["callback_url"],
		Unfunded:          !funded,
		Scenario:          f.scenario(o),
		Created:           f.world.Now(),
	}
	if f.config.MintReferences {
		p.ReturnedReference = f.world.IDs(providerName).UUID()
	}
	if funded {
		fake.Must(f.state.Ledger.Reserve(p.entry(debitID(p), entryPayout, amount.Neg(), p.Created)))
	}
	f.state.add(p)
	f.enter(p, kasapay.StatusPending, "")
	f.schedule(p)
	return *p, ""
}

// object is a request body: its strings, and an amount given as a number. It
// leaves everything else out.
type object map[string]string

// The twelve fields of a payout, in the document's order.
var payoutFields = []string{
	"payout_reference", "service_code", "payment_account_reference", "recipient_name", "recipient_type",
	"recipient_account_number", "amount", "payment_description", "payment_method", "currency_code", "country_code", "callback_url",
}

func readObject(r *http.Request) (object, bool) {
	body, ok := fake.ReadObject(r.Body)
	fields := object{}
	for name, value := range body {
		switch value.(type) {
		case string, nil:
			fields[name] = fake.Text(value)
		case json.Number:
			if name == "amount" { // public clients of this platform send both
				fields[name] = fake.Text(value)
			}
		}
	}
	return fields, ok
}

// missing says which fields are absent or empty, in the words of the validator
// of NestJS.
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
func (o object) faults(anyMethod bool) []string {
	var faults []string
	wrong := func(bad bool, text string) {
		if bad {
			faults = append(faults, text)
		}
	}
	bank := o["recipient_type"] == "BANK_ACCOUNT_NUMBER"
	wrong(!bank && o["recipient_type"] != "PAYBILL" && o["recipient_type"] != "TILL",
		"recipient_type must be one of the following values: PAYBILL, TILL, BANK_ACCOUNT_NUMBER")
	methods := []string{"MPESA_B2B"}
	switch {
	case anyMethod:
		methods = []string{"MPESA_B2B", "BANK"}
	case bank:
		methods = []string{"BANK"}
	}
	wrong(!slices.Contains(methods, o["payment_method"]), "payment_method must be one of the following values: "+strings.Join(methods, ", "))
	wrong(!o.amount().IsPositive(), "amount must be a positive number with at most two decimals")
	wrong(!wire.IsCurrency(o["currency_code"]), "currency_code must be an ISO 4217 code")
	wrong(!wire.IsCountry(o["country_code"]), "country_code must be an ISO 3166-1 alpha-3 code")
	wrong(!fake.IsWebURL(o["callback_url"]), "callback_url must be a URL address")
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
