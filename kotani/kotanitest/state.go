package kotanitest

import (
	"cmp"
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
	Tokens        map[string]time.Time    `json:"tokens"` // when each expires
	Ledger        *fake.Ledger            `json:"ledger"`
	Adjustments   int                     `json:"adjustments"` // how often a test deposited or withdrew money
	Transactions  fake.Store[Transaction] `json:"transactions"`
	Withdrawals   int                     `json:"withdrawals"` // the last id of a withdrawal
	Hashes        map[string]bool         `json:"hashes"`      // processed hashes, without 0x, in lower case
	Quotes        fake.Store[quote]       `json:"quotes"`
	Orders        fake.Store[Order]       `json:"orders"`
	Users         fake.Store[User]        `json:"users"`
	Beneficiaries fake.Store[beneficiary] `json:"beneficiaries"`

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
		byExternal:    map[externalKey]*Transaction{},
		Transactions:  fake.NewStore(func(t *Transaction) string { return t.RequestID }),
		Quotes:        fake.NewStore(func(q *quote) string { return q.ID }),
		Orders:        fake.NewStore(func(o *Order) string { return o.PrepayID }),
		Users:         fake.NewStore(func(u *User) string { return u.Phone }),
		Beneficiaries: fake.NewStore((*beneficiary).key),
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

// olderScenario is the scenario of a transaction or a transfer in a snapshot that does
// not name it outcome.
type olderScenario struct {
	RequestID string        `json:"request_id"`
	ID        string        `json:"id"`
	Scenario  fake.Scenario `json:"scenario"`
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
	var older struct {
		Transactions []olderScenario `json:"transactions"`
	}
	if err := json.Unmarshal(raw, &older); err != nil {
		return nil, err
	}
	for _, o := range older.Transactions {
		if t := st.Transactions.Find(o.RequestID); t != nil {
			t.Scenario = cmp.Or(t.Scenario, o.Scenario)
		}
	}
	for _, t := range st.Transactions.All() {
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
	Sessions  map[string]session        `json:"sessions"` // by cookie
	Nonces    map[string]time.Time      `json:"nonces"`   // until when each is reserved
	Keys      fake.Store[Credentials]   `json:"keys"`
	Clients   map[string]string         `json:"clients"` // the key a user's calls came with, by address
	Quotes    fake.Store[transferQuote] `json:"quotes"`
	KYC       fake.Store[KYCRecord]     `json:"kyc"`
	Accounts  fake.Store[FiatAccount]   `json:"accounts"`
	Transfers fake.Store[Transfer]      `json:"transfers"`
	Requests  map[string]keyedRequest   `json:"requests"`
}

func emptyFiatConnectState() *fiatConnectState {
	return &fiatConnectState{
		Sessions: map[string]session{}, Nonces: map[string]time.Time{},
		Clients: map[string]string{}, Requests: map[string]keyedRequest{},
		Keys:      fake.NewStore(func(c *Credentials) string { return c.APIKey }),
		Quotes:    fake.NewStore(func(q *transferQuote) string { return q.ID }),
		KYC:       fake.NewStore((*KYCRecord).key),
		Accounts:  fake.NewStore(func(a *FiatAccount) string { return a.ID }),
		Transfers: fake.NewStore(func(t *Transfer) string { return t.ID }),
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
	var older struct {
		Transfers []olderScenario `json:"transfers"`
	}
	if err := json.Unmarshal(raw, &older); err != nil {
		return nil, err
	}
	for _, o := range older.Transfers {
		if t := st.Transfers.Find(o.ID); t != nil {
			t.Scenario = cmp.Or(t.Scenario, o.Scenario)
		}
	}
	for id, r := range st.Requests {
		r.Running = false
		st.Requests[id] = r
	}
	return func() { f.state = st }, nil
}

var errIncomplete = errors.New("a part is missing")
