package kasapaytest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
)

// Payout is one payout as the fake keeps it.
type Payout struct {
	Reference         string                `json:"payout_reference"`   // the caller's
	ReturnedReference string                `json:"returned_reference"` // what the answer gave: the same, or the server's own
	TransactionID     string                `json:"transaction_id"`
	PaymentReference  string                `json:"payment_reference"` // the processor's receipt; empty until paid
	ServiceCode       string                `json:"service_code"`
	AccountReference  string                `json:"payment_account_reference"`
	RecipientName     string                `json:"recipient_name"`
	RecipientType     kasapay.RecipientType `json:"recipient_type"`
	AccountNumber     string                `json:"recipient_account_number"`
	Amount            decimal.Decimal       `json:"amount"` // in units of Currency
	Currency          string                `json:"currency_code"`
	Country           string                `json:"country_code"`
	Description       string                `json:"payment_description"`
	Method            kasapay.PaymentMethod `json:"payment_method"`
	CallbackURL       string                `json:"callback_url"`

	Status            kasapay.PaymentStatus `json:"payment_status"` // 700 to 705
	ResultDescription string                `json:"result_description"`
	AccountBalance    decimal.Decimal       `json:"account_balance"` // what the float had left after the last change
	Unfunded          bool                  `json:"unfunded"`        // beyond the float when it was accepted: nothing is reserved
	Outcome           Outcome               `json:"outcome"`         // what was planned when it was accepted
	Created           time.Time             `json:"created"`
	Changed           time.Time             `json:"changed"` // when it got its Status
}

// Payout returns one payout by the caller's reference or the returned one.
func (f *Fake) Payout(reference string) (Payout, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if p := f.state.find(reference); p != nil {
		return *p, true
	}
	return Payout{}, false
}

// Payouts are all payouts, oldest first.
func (f *Fake) Payouts() []Payout {
	f.world.Lock()
	defer f.world.Unlock()
	all := make([]Payout, 0, len(f.state.Payouts))
	for _, p := range f.state.Payouts {
		all = append(all, *p)
	}
	return all
}
