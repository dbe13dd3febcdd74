package kotanitest

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is what changes in Kotani Pay, and what a snapshot holds. The World's
// lock guards it.
type state struct {
	Tokens        map[string]time.Time `json:"tokens"` // when each expires
	Ledger        *fake.Ledger         `json:"ledger"`
	Adjustments   int                  `json:"adjustments"` // how often a test deposited or withdrew money
	Transactions  store[*Transaction]  `json:"transactions"`
	Withdrawals   int                  `json:"withdrawals"` // the last id of a withdrawal
	Hashes        map[string]bool      `json:"hashes"`      // processed hashes, without 0x, in lower case
	Quotes        store[*quote]        `json:"quotes"`
	Orders        store[*Order]        `json:"orders"`
	Users         store[*User]         `json:"users"`
	Beneficiaries store[*beneficiary]  `json:"beneficiaries"`

	byExternal map[externalKey]*Transaction
}

// externalKey is the scope in which an external id is unique.
type externalKey struct {
	kind kotani.TransactionType
	id   string
}

func emptyState() *state {
	return &state{
		Tokens: map[string]time.Time{}, Ledger: fake.NewLedger(), Hashes: map[string]bool{},
		byExternal: map[externalKey]*Transaction{},
	}
}

func newState(balances map[string]decimal.Decimal, now time.Time) *state {
	st := emptyState()
	for _, currency := range slices.Sorted(maps.Keys(balances)) {
		if amount := balances[currency]; amount.IsPositive() {
			st.adjust(kindDeposit, currency, amount, now)
		} else {
			st.account(partner, currency)
		}
	}
	return st
}

// load checks a snapshot's part for Kotani Pay and returns the function that
// takes it over.
func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := emptyState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Ledger == nil || st.Tokens == nil || st.Hashes == nil {
		return nil, errIncomplete
	}
	for _, t := range st.Transactions.all {
		st.byExternal[externalKey{t.Type, t.ExternalID}] = t
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}

// fiatConnectState is what changes in FiatConnect, and what a snapshot holds.
// The World's lock guards it. Addresses are in lower case.
type fiatConnectState struct {
	Sessions  map[string]session      `json:"sessions"` // by cookie
	Nonces    map[string]time.Time    `json:"nonces"`   // until when each is reserved
	Keys      store[*Credentials]     `json:"keys"`
	Clients   map[string]string       `json:"clients"` // the key a user's calls came with, by address
	Quotes    store[*transferQuote]   `json:"quotes"`
	KYC       store[*KYCRecord]       `json:"kyc"`
	Accounts  store[*FiatAccount]     `json:"accounts"`
	Transfers store[*Transfer]        `json:"transfers"`
	Requests  map[string]keyedRequest `json:"requests"`
}

func emptyFiatConnectState() *fiatConnectState {
	return &fiatConnectState{
		Sessions: map[string]session{}, Nonces: map[string]time.Time{},
		Clients: map[string]string{}, Requests: map[string]keyedRequest{},
	}
}

// load does the same for FiatConnect. Nobody works on a restored request any
// more.
func (f *FiatConnect) load(raw json.RawMessage) (func(), error) {
	st := emptyFiatConnectState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Sessions == nil || st.Nonces == nil || st.Clients == nil || st.Requests == nil {
		return nil, errIncomplete
	}
	for id, r := range st.Requests {
		r.Running = false
		st.Requests[id] = r
	}
	return func() { f.state = st }, nil
}

var errIncomplete = errors.New("a part is missing, or an object is empty or comes twice")

// store keeps objects by their key, oldest first. A snapshot holds them as a
// list. The zero value is empty and ready.
type store[T stored] struct {
	all   []T
	byKey map[string]T
}

// stored is a pointer to an object with a key.
type stored interface {
	comparable
	key() string
}

func (s *store[T]) add(object T) {
	if s.byKey == nil {
		s.byKey = map[string]T{}
	}
	s.all = append(s.all, object)
	s.byKey[object.key()] = object
}

// find returns nil for an unknown key.
func (s *store[T]) find(key string) T { return s.byKey[key] }

func (s *store[T]) remove(object T) {
	delete(s.byKey, object.key())
	s.all = slices.DeleteFunc(s.all, func(other T) bool { return other == object })
}

func (s store[T]) MarshalJSON() ([]byte, error) { return json.Marshal(append([]T{}, s.all...)) }

func (s *store[T]) UnmarshalJSON(data []byte) error {
	var all []T
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	if all == nil {
		return errIncomplete
	}
	*s = store[T]{}
	for _, object := range all {
		var none T
		if object == none || object.key() == "" || s.find(object.key()) != none {
			return errIncomplete
		}
		s.add(object)
	}
	return nil
}

// copyOf returns a copy of an object for a test, or false for nil.
func copyOf[T any](object *T) (copied T, ok bool) {
	if object == nil {
		return copied, false
	}
	copied = *object
	switch c := any(&copied).(type) { // what a test changes must not reach the fake
	case *Transaction:
		c.Legs = slices.Clone(c.Legs)
	case *Transfer:
		c.UserAction = maps.Clone(c.UserAction)
	case *KYCRecord:
		c.Data = maps.Clone(c.Data)
	}
	return copied, true
}

func copiesOf[T any](objects []*T) []T {
	all := make([]T, 0, len(objects))
	for _, object := range objects {
		c, _ := copyOf(object)
		all = append(all, c)
	}
	return all
}
