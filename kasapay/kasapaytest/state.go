package kasapaytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is everything that changes, and what a snapshot holds. It belongs to the
// World's lock.
type state struct {
	Payouts    []*Payout    `json:"payouts"` // oldest first
	Ledger     *fake.Ledger `json:"ledger"`
	Deposits   int          `json:"deposits"`
	Tokens     int          `json:"tokens"`      // given out so far
	TokenEpoch int          `json:"token_epoch"` // older tokens are void

	byReference map[string]*Payout
	byReturned  map[string]*Payout
}

func emptyState() *state {
	return &state{
		Payouts: []*Payout{}, Ledger: fake.NewLedger(),
		byReference: map[string]*Payout{}, byReturned: map[string]*Payout{},
	}
}

func newState(c Config, now time.Time) *state {
	st := emptyState()
	for _, currency := range slices.Sorted(maps.Keys(c.Float)) {
		st.deposit(currency, c.Float[currency], now)
	}
	return st
}

func (st *state) add(p *Payout) {
	st.Payouts = append(st.Payouts, p)
	st.index(p)
}

func (st *state) index(p *Payout) {
	st.byReference[p.Reference] = p
	st.byReturned[p.ReturnedReference] = p
}

func (st *state) find(reference string) *Payout {
	if p := st.byReference[reference]; p != nil {
		return p
	}
	return st.byReturned[reference]
}

func known(status kasapay.PaymentStatus) bool {
	return status >= kasapay.StatusProcessed && status <= kasapay.StatusRefunded && len(status) == 3
}

func (f *Fake) save() any { return f.state }

func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := emptyState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Ledger == nil {
		return nil, errors.New("no ledger")
	}
	for _, p := range st.Payouts {
		if p == nil || p.Reference == "" || p.ReturnedReference == "" || !known(p.Status) {
			return nil, errors.New("payout without reference or status")
		}
		if st.find(p.Reference) != nil || st.find(p.ReturnedReference) != nil {
			return nil, fmt.Errorf("payout %q twice", p.Reference)
		}
		st.index(p)
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}
