package fake

import (
	"time"

	"github.com/shopspring/decimal"
)

// Entry is one line of an account.
type Entry struct {
	ID          string          `json:"id"`
	Account     Account         `json:"account"`
	Amount      decimal.Decimal `json:"amount"` // signed: a debit is negative
	Kind        string          `json:"kind"`   // the provider's own word, such as DEPOSIT
	Status      EntryStatus     `json:"status"`
	Description string          `json:"description"`
	Reference   string          `json:"reference"` // what it belongs to: a ride, a payout
	Created     time.Time       `json:"created"`
}

// EntryStatus says whether an entry counts.
type EntryStatus string

const (
	EntryPending EntryStatus = "pending" // a credit to come, or a debit that is reserved
	EntryPosted  EntryStatus = "posted"  // part of the balance
	EntryFailed  EntryStatus = "failed"  // never took effect
)
