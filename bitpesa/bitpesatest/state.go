package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is everything a snapshot holds.
type state struct {
	Accounts map[string]*account `json:"accounts"` // by key
	Ledger   *fake.Ledger        `json:"ledger"`
	Nonces   *nonces             `json:"nonces"`
	Outage   bool                `json:"outage"` // of account validations
}

func (f *Fake) newState() *state {
	st := &state{Accounts: map[string]*account{}, Ledger: fake.NewLedger(), Nonces: &nonces{}}
	for _, k := range f.keys {
		a := newAccount(k.Key)
		st.Accounts[k.Key] = a
		for code, amount := range k.balances() {
			st.open(a, code, amount, f.world.Now())
		}
	}
	return st
}

// load checks a snapshot: the same accounts, and no reference into nothing.
func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := &state{Ledger: fake.NewLedger(), Nonces: &nonces{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(st); err != nil {
		return nil, err
	}
	if st.Ledger == nil || st.Nonces == nil || len(st.Accounts) != len(f.keys) {
		return nil, errors.New("not the accounts of this fake")
	}
	for key := range f.keys {
		a := st.Accounts[key]
		if a == nil || a.Key != key {
			return nil, fmt.Errorf("no account %q", key)
		}
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("account %q: %w", key, err)
		}
	}
	return func() { f.state = st }, nil
}

// transaction finds one by id, whoever owns it.
func (st *state) transaction(id string) (*account, *transaction) {
	for _, a := range st.Accounts {
		if t, ok := a.Transactions.find(id); ok {
			return a, t
		}
	}
	return nil, nil
}

func (st *state) recipient(id string) (*account, *recipient) {
	for _, a := range st.Accounts {
		if r, ok := a.Recipients.find(id); ok {
			return a, r
		}
	}
	return nil, nil
}

func (st *state) sender(id string) (*account, *sender) {
	for _, a := range st.Accounts {
		if x, ok := a.Senders.find(id); ok {
			return a, x
		}
	}
	return nil, nil
}

func (st *state) payinMethod(id string) (*account, *payinMethod) {
	for _, a := range st.Accounts {
		if p, ok := a.PayinMethods.find(id); ok {
			return a, p
		}
	}
	return nil, nil
}

func (st *state) webhook(id string) (*account, *webhook) {
	for _, a := range st.Accounts {
		if h, ok := a.Webhooks.find(id); ok {
			return a, h
		}
	}
	return nil, nil
}
