package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// account is what belongs to one key.
type account struct {
	Key              string               `json:"key"`
	Currencies       []string             `json:"currencies"` // with a balance, sorted
	Senders          table[*sender]       `json:"senders"`
	SenderByRef      map[string]string    `json:"sender_by_external_id"`
	Transactions     table[*transaction]  `json:"transactions"`
	TransactionByRef map[string]string    `json:"transaction_by_external_id"`
	Recipients       table[*recipient]    `json:"recipients"`
	PayoutMethods    table[*payoutMethod] `json:"payout_methods"`
	PayinMethods     table[*payinMethod]  `json:"payin_methods"`
	Documents        table[*document]     `json:"documents"`
	Mandates         table[*mandate]      `json:"mandates"`
	Webhooks         table[*webhook]      `json:"webhooks"`
	APILogs          table[*logEntry]     `json:"api_logs"`
	APICalls         int                  `json:"api_calls"`
	WebhookLogs      table[*logEntry]     `json:"webhook_logs"`
}

func newAccount(key string) *account {
	return &account{Key: key, SenderByRef: map[string]string{}, TransactionByRef: map[string]string{}}
}

// holds notes that the account has a balance in a currency.
func (a *account) holds(code string) {
	if i, found := slices.BinarySearch(a.Currencies, code); !found {
		a.Currencies = slices.Insert(a.Currencies, i, code)
	}
}

// senderByRef finds by the caller's own id.
func (a *account) senderByRef(externalID string) *sender {
	x, _ := a.Senders.find(a.SenderByRef[externalID])
	return x
}

func (a *account) transactionByRef(externalID string) *transaction {
	t, _ := a.Transactions.find(a.TransactionByRef[externalID])
	return t
}

// recipientsOf are a transaction's recipients in their order.
func (a *account) recipientsOf(t *transaction) []*recipient {
	out := make([]*recipient, len(t.Recipients))
	for i, id := range t.Recipients {
		out[i], _ = a.Recipients.find(id)
	}
	return out
}

func (a *account) payinMethodsOf(t *transaction) []*payinMethod {
	out := make([]*payinMethod, len(t.PayinMethods))
	for i, id := range t.PayinMethods {
		out[i], _ = a.PayinMethods.find(id)
	}
	return out
}

// check reports a reference into nothing.
func (a *account) check() error {
	missing := errors.New("a reference into nothing")
	if a.SenderByRef == nil || a.TransactionByRef == nil {
		return missing
	}
	for _, t := range a.Transactions.rows {
		if _, ok := a.Senders.find(t.Sender); !ok {
			return missing
		}
		for _, r := range a.recipientsOf(t) {
			if r == nil || r.Transaction != t.ID {
				return missing
			}
		}
		for _, p := range a.payinMethodsOf(t) {
			if p == nil || p.Transaction != t.ID {
				return missing
			}
		}
	}
	for _, r := range a.Recipients.rows {
		if _, ok := a.PayoutMethods.find(r.PayoutMethod); !ok {
			return missing
		}
		if _, ok := a.Transactions.find(r.Transaction); !ok {
			return missing
		}
	}
	for _, p := range a.PayinMethods.rows {
		if _, ok := a.Transactions.find(p.Transaction); !ok {
			return missing
		}
	}
	for _, x := range a.Senders.rows {
		for _, id := range x.Documents {
			if _, ok := a.Documents.find(id); !ok {
				return missing
			}
		}
	}
	return nil
}

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

// table holds rows in the order they came, found by id.
type table[T interface{ rowID() string }] struct {
	rows []T
	byID map[string]T
}

func (t *table[T]) add(row T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.rows = append(t.rows, row)
	t.byID[row.rowID()] = row
}

// keep adds a row and lets the oldest go beyond n.
func (t *table[T]) keep(row T, n int) {
	t.add(row)
	if len(t.rows) > n {
		delete(t.byID, t.rows[0].rowID())
		t.rows = t.rows[1:]
	}
}

func (t *table[T]) find(id string) (T, bool) {
	row, ok := t.byID[id]
	return row, ok
}

// newest are the rows that match, newest first; nil matches all.
func (t *table[T]) newest(match func(T) bool) []T {
	var out []T
	for i := len(t.rows) - 1; i >= 0; i-- {
		if match == nil || match(t.rows[i]) {
			out = append(out, t.rows[i])
		}
	}
	return out
}

// MarshalJSON implements json.Marshaler.
func (t table[T]) MarshalJSON() ([]byte, error) {
	if t.rows == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(t.rows)
}

// UnmarshalJSON implements json.Unmarshaler. Numbers inside of free objects
// keep their digits.
func (t *table[T]) UnmarshalJSON(data []byte) error {
	var rows []*T
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		return err
	}
	*t = table[T]{}
	for _, row := range rows {
		if row == nil || (*row).rowID() == "" {
			return errors.New("row without id")
		}
		if _, twice := t.find((*row).rowID()); twice {
			return errors.New("two rows with one id")
		}
		t.add(*row)
	}
	return nil
}
