package webhook

import (
	"time"

	"github.com/shopspring/decimal"
)

// Bound is what a capability URL was minted for. A callback that comes in by the
// URL can speak of nothing else.
type Bound struct {
	Reference string
	Amount    decimal.NullDecimal // not bound unless Valid
	Currency  string              // not bound if empty
	Expires   time.Time           // whole seconds; set by URL
}

func (b Bound) subject() Subject {
	return Subject{Reference: b.Reference, Amount: b.Amount, Currency: b.Currency}
}
