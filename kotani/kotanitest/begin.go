package kotanitest

import (
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

const (
	descDuplicate    = "externalId already exists"
	descInsufficient = "insufficient balance"
)

// begin accepts a transaction, reserves its money and plans its outcome, in one
// piece: of those that come at once none can take what another one has. It
// returns why it did not, or nothing.
func (f *Fake) begin(t *Transaction) (refusal string) {
	st := f.state
	switch {
	case t.ExternalID != "" && st.byExternal[externalKey{t.Type, t.ExternalID}] != nil:
		return descDuplicate
	case !st.covered(t.Legs):
		return descInsufficient
	}
	if t.Operation == kotani.OpWithdraw || t.Operation == kotani.OpWithdrawToBank {
		st.Withdrawals++
		t.RequestID = strconv.Itoa(st.Withdrawals)
	} else {
		t.RequestID = f.ids().UUID()
	}
	if t.ExternalID == "" {
		t.ExternalID = f.ids().UUID()
	}
	magic := t.Phone
	if magic == "" {
		magic = t.Account
	}
	t.Status, t.Outcome = kotani.StatusPending, outcomeOf(magic)
	t.Created = f.world.Now()
	t.Updated = t.Created
	st.Transactions = append(st.Transactions, t)
	st.index(t)
	st.reserve(t)
	f.plan(t)
	return ""
}

// pays are the legs of an amount that leaves the partner's account.
func pays(currency string, amount decimal.Decimal) []Leg {
	return []Leg{{partner, currency, amount.Neg()}}
}

// gets are the legs of an amount that comes in.
func gets(owner, currency string, amount decimal.Decimal) []Leg {
	return []Leg{{owner, currency, amount}}
}
