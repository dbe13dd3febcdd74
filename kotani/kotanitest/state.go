package kotanitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is everything that changes, and what a snapshot holds. It belongs to the
// World's lock.
type state struct {
	Tokens       map[string]time.Time         `json:"tokens"` // when they expire
	Ledger       *fake.Ledger                 `json:"ledger"`
	Deposits     int                          `json:"deposits"`
	Transactions []*Transaction               `json:"transactions"` // oldest first
	Withdrawals  int                          `json:"withdrawals"`  // the last id of a withdrawal
	Hashes       map[string]bool              `json:"hashes"`       // those that were processed, without 0x, in lower case
	Quotes       map[string]*quote            `json:"quotes"`
	Orders       map[string]*Order            `json:"orders"`
	Users        map[string]*User             `json:"users"`    // by phone number
	Programs     map[string]map[string]*claim `json:"programs"` // program, then phone number

	byID       map[string]*Transaction
	byExternal map[externalKey]*Transaction
}

// externalKey is what an external id is unique in.
type externalKey struct {
	kind kotani.TransactionType
	id   string
}

func emptyState() *state {
	return &state{
		Tokens: map[string]time.Time{}, Ledger: fake.NewLedger(), Hashes: map[string]bool{},
		Quotes: map[string]*quote{}, Orders: map[string]*Order{}, Users: map[string]*User{},
		Programs: map[string]map[string]*claim{},
		byID:     map[string]*Transaction{}, byExternal: map[externalKey]*Transaction{},
	}
}

func newState(c Config, now time.Time) *state {
	st := emptyState()
	for _, currency := range slices.Sorted(maps.Keys(c.Balances)) {
		st.fund(currency, c.Balances[currency], now)
	}
	return st
}

func (st *state) index(t *Transaction) {
	st.byID[t.RequestID] = t
	st.byExternal[externalKey{t.Type, t.ExternalID}] = t
}

func (st *state) find(id string) *Transaction {
	for _, t := range []*Transaction{
		st.byID[id], st.byExternal[externalKey{kotani.Collections, id}], st.byExternal[externalKey{kotani.Payouts, id}],
	} {
		if t != nil {
			return t
		}
	}
	return nil
}

func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := emptyState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Ledger == nil || st.Tokens == nil || st.Hashes == nil || st.Quotes == nil || st.Orders == nil || st.Users == nil || st.Programs == nil {
		return nil, errors.New("a part is missing")
	}
	for _, t := range st.Transactions {
		if t == nil || t.RequestID == "" || st.byID[t.RequestID] != nil {
			return nil, errors.New("transaction without id, or twice")
		}
		st.index(t)
	}
	for id, q := range st.Quotes {
		if q == nil {
			return nil, fmt.Errorf("empty quote %q", id)
		}
	}
	for id, o := range st.Orders {
		if o == nil {
			return nil, fmt.Errorf("empty order %q", id)
		}
	}
	for phone, u := range st.Users {
		if u == nil {
			return nil, fmt.Errorf("empty user %q", phone)
		}
	}
	for name, p := range st.Programs {
		for phone, c := range p {
			if c == nil {
				return nil, fmt.Errorf("empty beneficiary %q of %q", phone, name)
			}
		}
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}
