package kpaytest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is everything that changes. It belongs to the World's lock.
type state struct {
	payments   []*Payment // oldest first
	byRefID    map[string]*Payment
	byTID      map[string]*Payment // both tids of each payment
	byCheckout map[string]*Payment
	ledger     *fake.Ledger
}

func newState() *state {
	return &state{
		byRefID:    map[string]*Payment{},
		byTID:      map[string]*Payment{},
		byCheckout: map[string]*Payment{},
		ledger:     fake.NewLedger(),
	}
}

func (st *state) add(p *Payment) {
	st.payments = append(st.payments, p)
	st.byRefID[p.RefID] = p
	st.byTID[p.TID] = p
	st.byTID[p.StatusTID] = p
	st.byCheckout[p.CheckoutID] = p
}

// savedState is the part of a snapshot that is this fake's.
type savedState struct {
	Payments []*Payment   `json:"payments"`
	Ledger   *fake.Ledger `json:"ledger"`
}

func (f *Fake) save() any { return savedState{f.state.payments, f.state.ledger} }

func (f *Fake) load(raw json.RawMessage) (func(), error) {
	saved := savedState{Ledger: fake.NewLedger()}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return nil, err
	}
	st := newState()
	if saved.Ledger == nil {
		return nil, errors.New("no ledger")
	}
	st.ledger = saved.Ledger
	for _, p := range saved.Payments {
		if p == nil || p.RefID == "" || p.TID == "" || p.StatusTID == "" || p.CheckoutID == "" || p.StatusID == "" {
			return nil, errors.New("payment without refid, tid, checkout id or status")
		}
		if st.byRefID[p.RefID] != nil || st.byTID[p.TID] != nil || st.byTID[p.StatusTID] != nil || st.byCheckout[p.CheckoutID] != nil {
			return nil, fmt.Errorf("payment %q twice", p.RefID)
		}
		st.add(p)
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}
