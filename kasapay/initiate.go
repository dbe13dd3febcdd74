package kasapay

import (
	"context"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// PayoutsService pays businesses.
type PayoutsService struct{ c *Client }

// InitiateParams describe a payout. The document requires all twelve fields; two
// have a default.
type CreatePayoutParams struct {
	// Reference is your unique reference (payout_reference): "ms83-367839".
	// Everything later is asked by it. Length and alphabet are not documented.
	Reference   string
	ServiceCode string // default Config.ServiceCode

	RecipientType RecipientType
	// RecipientAccountNumber is the paybill, till or bank account number. No
	// field for the bank itself is documented: ask Kasapay.
	RecipientAccountNumber string
	RecipientName          string // "Test Limited"
	// AccountReference is the account at the recipient
	// (payment_account_reference): the account number at a paybill, "0101".
	AccountReference string

	// Amount in units of Currency, sent with two decimals and refused if it has
	// more. Limits and the processor's precision are not documented.
	Amount   decimal.Decimal
	Currency string // ISO 4217: "KES"
	Country  string // ISO 3166-1 alpha-3: "KEN"
	// Method is the payment method. Default: the documented one of the
	// RecipientType. Another one goes as it is: the document's own bank sample
	// has MPESA_B2B.
	Method      PaymentMethod
	Description string
	// CallbackURL is where Kasapay posts what becomes of it. Default: made by
	// Config.CallbackURL.
	CallbackURL string
}

// Initiate asks for a payout and returns it as accepted (720), which is queued
// and not paid: see Wait.
//
// A reference that Kasapay has seen gives ErrDuplicate where its answer is
// recognised (the wording is not documented): the payout exists, ask Status for
// it. After an unknown outcome Initiate asks itself, see the package's
// documentation. The payout it finds may have come further than 720, to a
// failure even: look at its Status. One under this reference with another amount
// or currency is not taken for this one.
func (s *PayoutsService) Create(ctx context.Context, p CreatePayoutParams) (*Payout, error) {
	i, fields := s.c.initiation(p)
	if err := s.c.core.Invalid(OpInitiate, p.Reference, fields); err != nil {
		return nil, err
	}
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpInitiate, Reference: i.request.PayoutReference, Body: &i.request, Decode: i.accepted, Lookup: i.lookup,
	})
	if err != nil {
		return nil, err
	}
	return &i.payout, nil
}

// initiation is one use of Initiate.
type initiation struct {
	c       *Client
	amount  decimal.Decimal
	request initiateRequest
	payout  Payout // the result
}

// accepted decodes the answer to the request itself.
func (i *initiation) accepted(r *transport.Response) (err error) {
	a, ok := r.Parsed.(*answer)
	if !ok {
		return errNoObject
	}
	i.payout, err = a.accepted(i.request.PayoutReference)
	return err
}

// lookup settles an unknown outcome.
func (i *initiation) lookup(ctx context.Context) (bool, error) {
	found, err := i.c.Payouts.Find(ctx, i.request.PayoutReference)
	switch {
	case transport.SaysAbsent(err):
		return false, nil
	case err != nil:
		return false, err
	case found.Amount.Valid && !found.Amount.Decimal.Equal(i.amount), found.Currency != "" && found.Currency != i.request.CurrencyCode:
		return false, otherPayout{}
	}
	i.payout = *found
	return true, nil
}

// otherPayout is what a lookup found when the reference was used for something
// else.
type otherPayout struct{}

func (otherPayout) Error() string {
	return "the payout under this reference has another amount or currency"
}
func (o otherPayout) SafeText() string { return o.Error() }

type initiateRequest struct {
	PayoutReference         string        `json:"payout_reference"`
	ServiceCode             string        `json:"service_code"`
	PaymentAccountReference string        `json:"payment_account_reference"`
	RecipientName           string        `json:"recipient_name"`
	RecipientType           RecipientType `json:"recipient_type"`
	RecipientAccountNumber  string        `json:"recipient_account_number"`
	Amount                  string        `json:"amount"`
	PaymentDescription      string        `json:"payment_description"`
	PaymentMethod           PaymentMethod `json:"payment_method"`
	CurrencyCode            string        `json:"currency_code"`
	CountryCode             string        `json:"country_code"`
	CallbackURL             string        `json:"callback_url"`
}

// initiation fills in the defaults and says what is wrong, by Kasapay's own
// names.
func (c *Client) initiation(p CreatePayoutParams) (*initiation, transport.Fields) {
	if p.ServiceCode == "" {
		p.ServiceCode = c.serviceCode
	}
	if p.Method == "" {
		p.Method = p.RecipientType.method()
	}
	f := p.validate()
	p.CallbackURL = f.CallbackURL("callback_url", p.CallbackURL, c.callbackURL, p.Reference, p.Amount, p.Currency)
	if f.Fields != nil {
		return nil, f.Fields
	}
	return &initiation{c: c, amount: p.Amount, request: initiateRequest{
		p.Reference, p.ServiceCode, p.AccountReference, p.RecipientName, p.RecipientType, p.RecipientAccountNumber,
		p.Amount.StringFixed(2), p.Description, p.Method, p.Currency, p.Country, p.CallbackURL,
	}}, nil
}

func (p CreatePayoutParams) validate() (f transport.Faults) {
	checkReference(&f, p.Reference)
	f.Require("service_code", p.ServiceCode)
	f.Require("payment_account_reference", p.AccountReference)
	f.Require("recipient_name", p.RecipientName)
	if !p.RecipientType.known() {
		f.Add("recipient_type", "must be PAYBILL, TILL or BANK_ACCOUNT_NUMBER")
	}
	f.Require("recipient_account_number", p.RecipientAccountNumber)
	if fault := wire.AmountFault(p.Amount, 2); fault != "" {
		f.Add("amount", fault)
	}
	f.Require("payment_description", p.Description)
	if !threeLetters(p.Currency) {
		f.Add("currency_code", "must be three capital letters")
	}
	if !threeLetters(p.Country) {
		f.Add("country_code", "must be three capital letters")
	}
	return f
}

// checkReference refuses a reference that cannot be asked for in a path or that
// would not come back as it was.
func checkReference(f *transport.Faults, reference string) {
	unfit := strings.TrimSpace(reference) != reference || strings.IndexFunc(reference, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0
	if err := transport.CheckSegment(reference); err != nil {
		f.Add("payout_reference", err.Error())
	} else if unfit {
		f.Add("payout_reference", "must hold no control character and no space at its ends")
	}
}

func threeLetters(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
