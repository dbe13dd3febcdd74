package kpaytest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
)

// Payment is one payment as the fake keeps it.
type Payment struct {
	RefID      string          `json:"refid"`
	TID        string          `json:"tid"`        // as the pay answer gave it: E...
	StatusTID  string          `json:"status_tid"` // as status answers and postbacks show it
	RetailerID string          `json:"retailerid"`
	Method     kpay.Method     `json:"pmethod"`
	BankID     kpay.BankID     `json:"bankid"`
	MSISDN     string          `json:"msisdn"`
	Payer      string          `json:"cname"`
	Details    string          `json:"details"`
	Amount     decimal.Decimal `json:"amount"` // whole units of Currency
	Currency   string          `json:"currency"`

	PostbackURL string `json:"returl"`
	RedirectURL string `json:"redirecturl"`
	CheckoutID  string `json:"checkout_id"` // the last part of the checkout page's path

	StatusID          kpay.Code `json:"statusid"` // 01, 02, 03 or a processor's code
	StatusDesc        string    `json:"statusdesc"`
	MoMoTransactionID string    `json:"momtransactionid"` // of the processor; empty until paid
	PayAccount        string    `json:"payaccount"`       // the payer's number, or the masked card
	Outcome           Outcome   `json:"outcome"`          // what was planned when it was accepted; empty: the checkout page decides
	Created           time.Time `json:"created"`
	Settled           time.Time `json:"settled"` // zero while pending
}

// Payment returns one payment by its refid.
func (f *Fake) Payment(refID string) (Payment, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if p := f.state.byRefID[refID]; p != nil {
		return *p, true
	}
	return Payment{}, false
}

// Payments are all payments, oldest first.
func (f *Fake) Payments() []Payment {
	f.world.Lock()
	defer f.world.Unlock()
	all := make([]Payment, 0, len(f.state.payments))
	for _, p := range f.state.payments {
		all = append(all, *p)
	}
	return all
}

// final says that the payment changes no more.
func (p *Payment) final() bool { return p.StatusID != kpay.CodePending }
