package bitpesatest

import (
	"errors"
	"slices"
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
