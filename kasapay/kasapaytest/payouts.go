package kasapaytest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Payout is one payout as the fake keeps it.
type Payout struct {
	Reference         string                `json:"payout_reference"`   // the caller's
	ReturnedReference string                `json:"returned_reference"` // of the response: the same, or the server's own
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
	Unfunded          bool                  `json:"unfunded"`        // beyond the float at acceptance: nothing is reserved
	Scenario          fake.Scenario         `json:"outcome"`         // chosen at acceptance
	Created           time.Time             `json:"created"`
	Updated           time.Time             `json:"changed"` // when it got its Status
}

// Scenarios of Kasapay's own. The others are in package fake; a payout plays all
// but ScenarioLagging.
const (
	ScenarioJammed         fake.Scenario = "jammed"          // 704, and stays so
	ScenarioJammedPaid     fake.Scenario = "jammed-paid"     // 704, 700 ten minutes later
	ScenarioJammedReversed fake.Scenario = "jammed-reversed" // 704, 702 ten minutes later
)

// Payout returns one payout by the caller's reference or the returned one.
func (f *Fake) Payout(reference string) (Payout, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.find(reference))
}

// Payouts are all payouts, oldest first.
func (f *Fake) Payouts() []Payout {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Payouts.All())
}

// MovePayout moves a payout to another status now, whatever its scenario says:
// 700, 701, 702, 704 or 705, by the transitions of the package comment. The float
// and the callback follow at once. The reference is the caller's or the returned
// one. The error wraps fake.ErrNotFound for an unknown reference. It wraps
// fake.ErrIllegalMove for any other transition, and for 700 when the float does
// not cover a payout that reserved nothing.
func (f *Fake) MovePayout(reference string, to kasapay.PaymentStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	p := f.state.find(reference)
	if p == nil {
		return fmt.Errorf("kasapaytest: payout %q: %w", reference, fake.ErrNotFound)
	}
	return f.move(p, to, "")
}

// adminMovePayout is POST /_fake/kasapay/payouts/{reference}/settle
// {"payment_status":700}.
type moveBody struct {
	PaymentStatus int `json:"payment_status"`
}

func (f *Fake) adminMovePayout(rw http.ResponseWriter, r *http.Request) {
	var in moveBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	to := kasapay.PaymentStatus(strconv.Itoa(in.PaymentStatus))
	if !known(to) || to == kasapay.StatusPending {
		fake.AdminError(rw, http.StatusBadRequest, "payment_status", "payment_status must be 700, 701, 702, 704 or 705")
		return
	}
	reference := r.PathValue("reference")
	err := f.MovePayout(reference, to)
	var result response
	if p, ok := f.Payout(reference); ok {
		result = f.result(&p)
	}
	fake.AdminMoved(rw, result, err, "reference", "payment_status")
}

// transitions are the statuses that can follow.
func (f *Fake) transitions(from kasapay.PaymentStatus) []kasapay.PaymentStatus {
	if from == kasapay.StatusFailed && f.config.Quirks.RefundFailed {
		return []kasapay.PaymentStatus{kasapay.StatusRefunded}
	}
	return map[kasapay.PaymentStatus][]kasapay.PaymentStatus{
		kasapay.StatusPending:   {kasapay.StatusProcessed, kasapay.StatusFailed, kasapay.StatusJammed},
		kasapay.StatusJammed:    {kasapay.StatusProcessed, kasapay.StatusFailed, kasapay.StatusReversed},
		kasapay.StatusProcessed: {kasapay.StatusReversed, kasapay.StatusRefunded},
	}[from]
}

// move takes a payout to another status, with its money.
func (f *Fake) move(p *Payout, to kasapay.PaymentStatus, reason string) error {
	if !slices.Contains(f.transitions(p.Status), to) {
		return fmt.Errorf("kasapaytest: %w: payout %q from %s to %s", fake.ErrIllegalMove, p.Reference, p.Status, to)
	}
	if err := f.state.pay(p, to, f.world.Now()); err != nil {
		return err
	}
	f.enter(p, to, reason)
	return nil
}

// enter gives a payout a status and tells the caller.
func (f *Fake) enter(p *Payout, status kasapay.PaymentStatus, reason string) {
	p.Status, p.ResultDescription, p.Updated = status, reason, f.world.Now()
	if reason == "" {
		p.ResultDescription = description(status)
	}
	if status == kasapay.StatusProcessed {
		p.PaymentReference = "T" + strings.ToUpper(f.world.IDs(providerName).Hex(9))
	}
	p.AccountBalance = f.state.Ledger.Available(float(p.Currency))
	if p.Scenario != fake.ScenarioLost && (status != kasapay.StatusPending || f.config.PendingCallbacks) {
		f.sendCallback(p)
	}
}

// description is the document's text for a status.
func description(status kasapay.PaymentStatus) string {
	return map[kasapay.PaymentStatus]string{
		kasapay.StatusProcessed: "Payout was processed successfully",
		kasapay.StatusFailed:    "Payout failed",
		kasapay.StatusReversed:  "Payout was reversed",
		kasapay.StatusPending:   "Payout is Pending",
		kasapay.StatusJammed:    "Payout is Jammed",
		kasapay.StatusRefunded:  "Payout was refunded",
	}[status]
}

// sendCallback posts a payout's result to the merchant. The lock is held.
func (f *Fake) sendCallback(p *Payout) {
	f.world.Send(fake.Callback{
		Provider: providerName, Event: "payout." + string(p.Status), Identity: p.Reference, URL: p.CallbackURL,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: f.encode(f.result(p)),
	})
}

func (f *Fake) acknowledged(_ fake.Delivery, status int, _ []byte) bool {
	return status == http.StatusOK || f.config.Quirks.AnySuccessAcknowledges && status >= 200 && status < 300
}

// scenarios are those of this fake.
func scenarios() fake.Scenarios {
	return fake.Scenarios{
		"any digits": fake.ScenarioPaid, // by the reference only
		"0001":       fake.ScenarioFailed,
		"0002":       fake.ScenarioNoFunds,
		"0003":       fake.ScenarioNever,
		"0004":       fake.ScenarioSlow,
		"0005":       ScenarioJammed,
		"0006":       ScenarioJammedPaid,
		"0007":       fake.ScenarioReversed,
		"0008":       fake.ScenarioRefunded,
		"0009":       fake.ScenarioLost,
		"0010":       ScenarioJammedReversed,
	}
}

// scenario decides what becomes of a new payout.
func (f *Fake) scenario(o object) fake.Scenario {
	return cmp.Or(scenarios().Choose(o["payout_reference"], o["recipient_account_number"]), f.config.Scenario)
}

const (
	eventFirst  = "first"
	eventSecond = "second"

	// later is how long after the first step of a scenario the second one is.
	later = 10 * time.Minute
)

// schedule puts the first step of a fresh payout's scenario on the clock.
func (f *Fake) schedule(p *Payout) {
	switch p.Scenario {
	case fake.ScenarioNever:
	case fake.ScenarioSlow:
		f.world.After(f.config.Quirks.SlowAfter, providerName, eventFirst, p.Reference)
	default:
		f.world.After(f.config.EndsAfter, providerName, eventFirst, p.Reference)
	}
}

// fire carries out a step of a scenario, unless the payout was moved meanwhile.
func (f *Fake) fire(e fake.Event) {
	p := f.state.Payouts.Find(e.Key)
	if p == nil {
		return
	}
	first, reason, second := steps(p)
	var err error
	switch {
	case e.Kind == eventFirst && p.Status == kasapay.StatusPending:
		err = f.move(p, first, reason)
		if second != "" {
			f.world.After(later, providerName, eventSecond, p.Reference)
		}
	case e.Kind == eventSecond && p.Status == first:
		err = f.move(p, second, "")
	}
	fake.Must(err) // scenarios follow the transitions
}

// steps are the statuses of a payout's scenario: the first one, the reason when
// it fails, and the status that follows ten minutes later, if any.
func steps(p *Payout) (first kasapay.PaymentStatus, reason string, second kasapay.PaymentStatus) {
	if p.Unfunded {
		return kasapay.StatusFailed, descNoFunds, ""
	}
	switch p.Scenario {
	case fake.ScenarioFailed:
		return kasapay.StatusFailed, "Recipient account could not be credited", ""
	case fake.ScenarioNoFunds:
		return kasapay.StatusFailed, descNoFunds, ""
	case fake.ScenarioReversed:
		return kasapay.StatusProcessed, "", kasapay.StatusReversed
	case fake.ScenarioRefunded:
		return kasapay.StatusProcessed, "", kasapay.StatusRefunded
	case ScenarioJammed:
		return kasapay.StatusJammed, "", ""
	case ScenarioJammedPaid:
		return kasapay.StatusJammed, "", kasapay.StatusProcessed
	case ScenarioJammedReversed:
		return kasapay.StatusJammed, "", kasapay.StatusReversed
	}
	return kasapay.StatusProcessed, "", ""
}
