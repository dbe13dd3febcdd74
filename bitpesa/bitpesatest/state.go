package bitpesatest

import (
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
	for _, k := range f.config.Keys {
		a := newAccount(k.Key)
		a.SenderByRef, a.TransactionByRef = map[string]string{}, map[string]string{}
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
	if err := json.Unmarshal(raw, st); err != nil {
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
	Key              string                   `json:"key"`
	Currencies       []string                 `json:"currencies"` // with a balance, sorted
	Senders          fake.Store[Sender]       `json:"senders"`
	SenderByRef      map[string]string        `json:"sender_by_external_id"`
	Transactions     fake.Store[transaction]  `json:"transactions"`
	TransactionByRef map[string]string        `json:"transaction_by_external_id"`
	Recipients       fake.Store[recipient]    `json:"recipients"`
	PayoutMethods    fake.Store[payoutMethod] `json:"payout_methods"`
	PayinMethods     fake.Store[payinMethod]  `json:"payin_methods"`
	Documents        fake.Store[document]     `json:"documents"`
	Mandates         fake.Store[Mandate]      `json:"mandates"`
	Webhooks         fake.Store[webhook]      `json:"webhooks"`
	APILogs          fake.Store[logEntry]     `json:"api_logs"`
	APICalls         int                      `json:"api_calls"`
	WebhookLogs      fake.Store[logEntry]     `json:"webhook_logs"`
}

func newAccount(key string) *account {
	logID := func(e *logEntry) string { return e.ID }
	return &account{
		Key:           key,
		Senders:       fake.NewStore(func(x *Sender) string { return x.ID }),
		Transactions:  fake.NewStore(func(t *transaction) string { return t.ID }),
		Recipients:    fake.NewStore(func(r *recipient) string { return r.ID }),
		PayoutMethods: fake.NewStore(func(m *payoutMethod) string { return m.ID }),
		PayinMethods:  fake.NewStore(func(p *payinMethod) string { return p.ID }),
		Documents:     fake.NewStore(func(d *document) string { return d.ID }),
		Mandates:      fake.NewStore(func(m *Mandate) string { return m.ID }),
		Webhooks:      fake.NewStore(func(h *webhook) string { return h.ID }),
		APILogs:       fake.NewStore(logID),
		WebhookLogs:   fake.NewStore(logID),
	}
}

// UnmarshalJSON reads an account of a snapshot.
func (a *account) UnmarshalJSON(data []byte) error {
	type plain account
	*a = *newAccount("")
	return json.Unmarshal(data, (*plain)(a))
}

func senders(a *account) *fake.Store[Sender]             { return &a.Senders }
func transactions(a *account) *fake.Store[transaction]   { return &a.Transactions }
func recipients(a *account) *fake.Store[recipient]       { return &a.Recipients }
func payoutMethods(a *account) *fake.Store[payoutMethod] { return &a.PayoutMethods }
func payinMethods(a *account) *fake.Store[payinMethod]   { return &a.PayinMethods }
func documents(a *account) *fake.Store[document]         { return &a.Documents }
func mandates(a *account) *fake.Store[Mandate]           { return &a.Mandates }
func webhooks(a *account) *fake.Store[webhook]           { return &a.Webhooks }
func apiLogs(a *account) *fake.Store[logEntry]           { return &a.APILogs }
func webhookLogs(a *account) *fake.Store[logEntry]       { return &a.WebhookLogs }

// find looks an object up in all accounts. The account is nil if none has it.
func find[T any](st *state, in func(*account) *fake.Store[T], id string) (*account, *T) {
	for _, a := range st.Accounts {
		if x := in(a).Find(id); x != nil {
			return a, x
		}
	}
	return nil, nil
}

// view is a copy of an object, for a test.
func view[T, V any](f *Fake, in func(*account) *fake.Store[T], id string, copied func(*T) V) (found V, ok bool) {
	f.world.Lock()
	defer f.world.Unlock()
	_, x := find(f.state, in, id)
	if x == nil {
		return found, false
	}
	return copied(x), true
}

// views are copies of an account's objects, oldest first.
func views[T, V any](f *Fake, key string, in func(*account) *fake.Store[T], copied func(*T) V) []V {
	f.world.Lock()
	defer f.world.Unlock()
	a := f.state.Accounts[key]
	if a == nil {
		return nil
	}
	out := []V{}
	for _, x := range in(a).All() {
		out = append(out, copied(x))
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
	return a.Senders.Find(a.SenderByRef[externalID])
}

func (a *account) transactionByRef(externalID string) *transaction {
	return a.Transactions.Find(a.TransactionByRef[externalID])
}

// recipientsOf are a transaction's recipients in their order.
func (a *account) recipientsOf(t *transaction) []*recipient {
	return named(&a.Recipients, t.RecipientIDs)
}

func (a *account) payinMethodsOf(t *transaction) []*payinMethod {
	return named(&a.PayinMethods, t.PayinMethodIDs)
}

// whole reports whether each reference leads to an object.
func (a *account) whole() bool {
	ok := a.SenderByRef != nil && a.TransactionByRef != nil
	for _, t := range a.Transactions.All() {
		ok = ok && a.Senders.Find(t.SenderID) != nil
		for _, r := range a.recipientsOf(t) {
			ok = ok && r != nil && r.TransactionID == t.ID
		}
		for _, p := range a.payinMethodsOf(t) {
			ok = ok && p != nil && p.TransactionID == t.ID
		}
	}
	for _, r := range a.Recipients.All() {
		ok = ok && a.PayoutMethods.Find(r.PayoutMethodID) != nil && a.Transactions.Find(r.TransactionID) != nil
	}
	for _, p := range a.PayinMethods.All() {
		ok = ok && a.Transactions.Find(p.TransactionID) != nil
	}
	for _, x := range a.Senders.All() {
		ok = ok && !slices.Contains(named(&a.Documents, x.DocumentIDs), nil)
	}
	return ok
}

// keep adds an object and forgets the oldest beyond n.
func keep[T any](objects *fake.Store[T], x *T, n int) {
	objects.Add(x)
	if all := objects.All(); len(all) > n {
		objects.Remove(all[0])
	}
}

// named are the objects with these ids, nil for each id without an object.
func named[T any](objects *fake.Store[T], ids []string) []*T {
	out := make([]*T, len(ids))
	for i, id := range ids {
		out[i] = objects.Find(id)
	}
	return out
}

// newest are the objects that match, newest first; a nil match takes all.
func newest[T any](objects *fake.Store[T], match func(*T) bool) []*T {
	var out []*T
	for _, x := range slices.Backward(objects.All()) {
		if match == nil || match(x) {
			out = append(out, x)
		}
	}
	return out
}
