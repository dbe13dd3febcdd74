package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// state is everything that a snapshot holds.
type state struct {
	Accounts map[string]*account `json:"accounts"` // by key
	Ledger   *fake.Ledger        `json:"ledger"`
	Nonces   *nonces             `json:"nonces"`
	Outage   bool                `json:"outage"` // of account validations
}

func (f *Fake) newState() *state {
	st := &state{Accounts: map[string]*account{}, Ledger: fake.NewLedger(), Nonces: &nonces{}}
	for _, k := range f.keys {
		a := &account{Key: k.Key, SenderByRef: map[string]string{}, TransactionByRef: map[string]string{}}
		st.Accounts[k.Key] = a
		for code, amount := range k.balances() {
			st.credit(a, code, fake.Entry{ID: entryOpening + " " + a.Key + " " + code, Amount: amount, Kind: entryOpening, Created: f.world.Now()})
		}
	}
	return st
}

// load checks a snapshot: it has the same accounts, and each reference leads to
// an object.
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
		if !a.whole() {
			return nil, fmt.Errorf("account %q: a reference without its object", key)
		}
	}
	return func() { f.state = st }, nil
}

// account holds the objects of one key.
type account struct {
	Key              string               `json:"key"`
	Currencies       []string             `json:"currencies"` // with a balance, sorted
	Senders          table[*Sender]       `json:"senders"`
	SenderByRef      map[string]string    `json:"sender_by_external_id"`
	Transactions     table[*transaction]  `json:"transactions"`
	TransactionByRef map[string]string    `json:"transaction_by_external_id"`
	Recipients       table[*recipient]    `json:"recipients"`
	PayoutMethods    table[*payoutMethod] `json:"payout_methods"`
	PayinMethods     table[*payinMethod]  `json:"payin_methods"`
	Documents        table[*document]     `json:"documents"`
	Mandates         table[*Mandate]      `json:"mandates"`
	Webhooks         table[*webhook]      `json:"webhooks"`
	APILogs          table[*logEntry]     `json:"api_logs"`
	APICalls         int                  `json:"api_calls"`
	WebhookLogs      table[*logEntry]     `json:"webhook_logs"`
}

func senders(a *account) *table[*Sender]             { return &a.Senders }
func transactions(a *account) *table[*transaction]   { return &a.Transactions }
func recipients(a *account) *table[*recipient]       { return &a.Recipients }
func payoutMethods(a *account) *table[*payoutMethod] { return &a.PayoutMethods }
func payinMethods(a *account) *table[*payinMethod]   { return &a.PayinMethods }
func documents(a *account) *table[*document]         { return &a.Documents }
func mandates(a *account) *table[*Mandate]           { return &a.Mandates }
func webhooks(a *account) *table[*webhook]           { return &a.Webhooks }
func apiLogs(a *account) *table[*logEntry]           { return &a.APILogs }
func webhookLogs(a *account) *table[*logEntry]       { return &a.WebhookLogs }

// find looks a row up in all accounts. The account is nil if none has the row.
func find[T row](st *state, rows func(*account) *table[T], id string) (*account, T) {
	for _, a := range st.Accounts {
		if x, ok := rows(a).find(id); ok {
			return a, x
		}
	}
	var none T
	return nil, none
}

// view is a copy of one row, for a test.
func view[T row, V any](f *Fake, rows func(*account) *table[T], id string, copied func(T) V) (V, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	a, x := find(f.state, rows, id)
	if a == nil {
		var none V
		return none, false
	}
	return copied(x), true
}

// views are copies of an account's rows, oldest first.
func views[T row, V any](f *Fake, key string, rows func(*account) *table[T], copied func(T) V) []V {
	f.world.Lock()
	defer f.world.Unlock()
	a := f.state.Accounts[key]
	if a == nil {
		return nil
	}
	out := make([]V, len(rows(a).rows))
	for i, x := range rows(a).rows {
		out[i] = copied(x)
	}
	return out
}

// holds notes that the account has a balance in a currency.
func (a *account) holds(code string) {
	if i, found := slices.BinarySearch(a.Currencies, code); !found {
		a.Currencies = slices.Insert(a.Currencies, i, code)
	}
}

// senderByRef finds a sender by the merchant's own id, or returns nil.
func (a *account) senderByRef(externalID string) *Sender {
	return a.Senders.get(a.SenderByRef[externalID])
}

func (a *account) transactionByRef(externalID string) *transaction {
	return a.Transactions.get(a.TransactionByRef[externalID])
}

// recipientsOf are a transaction's recipients in their order.
func (a *account) recipientsOf(t *transaction) []*recipient { return a.Recipients.all(t.RecipientIDs) }

func (a *account) payinMethodsOf(t *transaction) []*payinMethod {
	return a.PayinMethods.all(t.PayinMethodIDs)
}

// whole reports whether each reference leads to an object.
func (a *account) whole() bool {
	ok := a.SenderByRef != nil && a.TransactionByRef != nil
	for _, t := range a.Transactions.rows {
		ok = ok && a.Senders.get(t.SenderID) != nil
		for _, r := range a.recipientsOf(t) {
			ok = ok && r != nil && r.TransactionID == t.ID
		}
		for _, p := range a.payinMethodsOf(t) {
			ok = ok && p != nil && p.TransactionID == t.ID
		}
	}
	for _, r := range a.Recipients.rows {
		ok = ok && a.PayoutMethods.get(r.PayoutMethodID) != nil && a.Transactions.get(r.TransactionID) != nil
	}
	for _, p := range a.PayinMethods.rows {
		ok = ok && a.Transactions.get(p.TransactionID) != nil
	}
	for _, x := range a.Senders.rows {
		ok = ok && !slices.Contains(a.Documents.all(x.DocumentIDs), nil)
	}
	return ok
}

// row is a pointer to an object with an id.
type row interface {
	comparable
	rowID() string
}

// table holds rows in the order of their creation, and finds them by id.
type table[T row] struct {
	rows []T
	byID map[string]T
}

func (t *table[T]) add(x T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.rows = append(t.rows, x)
	t.byID[x.rowID()] = x
}

// keep adds a row and drops the oldest beyond n.
func (t *table[T]) keep(x T, n int) {
	t.add(x)
	if len(t.rows) > n {
		delete(t.byID, t.rows[0].rowID())
		t.rows = t.rows[1:]
	}
}

func (t *table[T]) find(id string) (T, bool) {
	x, ok := t.byID[id]
	return x, ok
}

// get is the row with this id, or nil.
func (t *table[T]) get(id string) T { return t.byID[id] }

// all are the rows with these ids, nil for each id without a row.
func (t *table[T]) all(ids []string) []T {
	out := make([]T, len(ids))
	for i, id := range ids {
		out[i] = t.byID[id]
	}
	return out
}

// newest are the rows that match, newest first; a nil match takes all.
func (t *table[T]) newest(match func(T) bool) []T {
	var out []T
	for _, x := range slices.Backward(t.rows) {
		if match == nil || match(x) {
			out = append(out, x)
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

// UnmarshalJSON implements json.Unmarshaler. Numbers inside free objects keep
// their digits.
func (t *table[T]) UnmarshalJSON(data []byte) error {
	var rows []T
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		return err
	}
	*t = table[T]{}
	var null T
	for _, x := range rows {
		if x == null || x.rowID() == "" {
			return errors.New("row without id")
		}
		if _, twice := t.find(x.rowID()); twice {
			return errors.New("two rows with one id")
		}
		t.add(x)
	}
	return nil
}
