package kpay

import (
	"context"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// Currency is an ISO 4217 code.
type Currency string

// The documented currencies. For USD neither a sample nor a unit is documented.
const (
	RWF Currency = "RWF" // the default
	USD Currency = "USD"
)

// PayParams describe a collection. Everything the document requires is
// required here, unless a default is named.
type PayParams struct {
	// RefID is your unique reference for this payment (refid). KPay refuses one
	// it has seen, and everything later is asked and matched by it. Length and
	// alphabet are not documented.
	RefID string
	// Amount in whole francs, at most 18 digits. A fraction is refused. For USD the unit is
	// assumed to be whole dollars: ask KPay before relying on it.
	Amount   decimal.Decimal
	Currency Currency // default RWF

	Method Method // how the payer pays
	// BankID is the institution. Default (observed): for momo the network of
	// MSISDN, 000 for cc and smartcash, 63502 for spenn. Required for bank.
	BankID BankID
	// MSISDN is the payer's number, "0783300000" or "250783300000". A plus
	// sign, spaces and hyphens are taken off.
	MSISDN         string
	Email          string // of the payer
	CustomerName   string // cname
	CustomerNumber string // cnumber: the payer's number at the processor; many repeat the phone
	Details        string // what is paid for: "Order #123"

	RetailerID string // default Config.RetailerID
	// ReturnURL is where KPay posts the result (returl). Default: made by
	// Config.CallbackURL.
	ReturnURL   string
	RedirectURL string // where the payer's browser goes afterwards
	LogoURL     string // optional, for the checkout page
}

// Pay asks a payer for money and returns a pending payment: see Wait, and
// Payment.CheckoutURL for cards. A payment that KPay took and that failed at
// once is returned too, with its Status.
//
// A RefID which KPay has seen gives ErrDuplicate: the payment exists, ask
// Status for it. After an unknown outcome Pay asks itself, see the package's
// documentation; the payment it finds by that has no CheckoutURL, and may be
// paid or failed by then. KPay shows no amount, so that payment cannot be told
// from one you made earlier under the same RefID: never use one twice.
func (c *Client) Pay(ctx context.Context, p PayParams) (*Payment, error) {
	refID := p.RefID
	request, fields := c.payRequest(p)
	if err := c.core.Invalid(OpPay, refID, fields); err != nil {
		return nil, err
	}
	var payment *Payment
	err := c.core.Do(ctx, transport.Call{
		Op: OpPay, Reference: refID, Body: request,
		Decode: into(&payment, refID, false),
		Lookup: func(ctx context.Context) (bool, error) {
			found, err := c.Find(ctx, refID)
			if transport.SaysAbsent(err) {
				return false, nil
			}
			payment = found
			return err == nil, err
		},
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

type payRequest struct {
	Action         string   `json:"action"`
	MSISDN         string   `json:"msisdn"`
	Email          string   `json:"email"`
	Details        string   `json:"details"`
	RefID          string   `json:"refid"`
	Amount         int64    `json:"amount"`
	Currency       Currency `json:"currency"`
	CustomerName   string   `json:"cname"`
	CustomerNumber string   `json:"cnumber"`
	Method         Method   `json:"pmethod"`
	RetailerID     string   `json:"retailerid"`
	ReturnURL      string   `json:"returl"`
	RedirectURL    string   `json:"redirecturl"`
	BankID         BankID   `json:"bankid"`
	LogoURL        string   `json:"logourl,omitempty"`
}

// payRequest fills in the defaults and says what is wrong, by KPay's own names.
func (c *Client) payRequest(p PayParams) (*payRequest, transport.Fields) {
	if p.Currency == "" {
		p.Currency = RWF
	}
	if p.RetailerID == "" {
		p.RetailerID = c.retailerID
	}
	p.MSISDN = plainNumber(p.MSISDN)
	if p.BankID == "" {
		p.BankID = p.Method.defaultBank(p.MSISDN)
	}
	f := p.validate()
	p.ReturnURL = f.CallbackURL("returl", p.ReturnURL, c.callbackURL, p.RefID, p.Amount, string(p.Currency))
	if f.Fields != nil {
		return nil, f.Fields
	}
	return &payRequest{
		"pay", p.MSISDN, p.Email, p.Details, p.RefID, p.Amount.IntPart(), p.Currency, p.CustomerName, p.CustomerNumber,
		p.Method, p.RetailerID, p.ReturnURL, p.RedirectURL, p.BankID, p.LogoURL,
	}, nil
}

func (p PayParams) validate() (f transport.Faults) {
	checkRefID(&f, p.RefID)
	if fault := wire.AmountFault(p.Amount, 0); fault != "" {
		f.Add("amount", fault)
	}
	if p.Currency != RWF && p.Currency != USD {
		f.Add("currency", "must be RWF or USD")
	}
	f.Require("pmethod", string(p.Method))
	n := len(p.MSISDN)
	badNumber := !numeric(p.MSISDN) || n < 9 || n > 15
	if badNumber {
		f.Add("msisdn", "must be a phone number of 9 to 15 digits")
	}
	if p.Method != MethodMoMo || !badNumber { // whose network would be the default
		f.Require("bankid", string(p.BankID))
	}
	f.Require("email", p.Email)
	f.Require("cname", p.CustomerName)
	f.Require("cnumber", p.CustomerNumber)
	f.Require("details", p.Details)
	f.Require("retailerid", p.RetailerID)
	f.RequireURL("redirecturl", p.RedirectURL)
	if p.LogoURL != "" {
		f.RequireURL("logourl", p.LogoURL)
	}
	return f
}

// checkRefID refuses a reference which KPay could not give back as it was.
func checkRefID(f *transport.Faults, refID string) {
	switch {
	case refID == "":
		f.Add("refid", "is required")
	case strings.TrimSpace(refID) != refID || !printable(refID):
		f.Add("refid", "must hold no control character and no space at its ends")
	}
}

// plainNumber takes off what people write into phone numbers.
func plainNumber(msisdn string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.TrimPrefix(strings.TrimSpace(msisdn), "+"))
}
