package webhook

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Subject is what an event is about, in terms all providers share.
type Subject struct {
	// Reference is the object the event belongs to: order is kept, and the
	// provider asked, by it.
	Reference string
	// ID tells the events of one reference apart: each takes effect once. Empty
	// means Status does, which only suits statuses that cannot come back.
	ID string
	// Status is the state the event reports; it may be empty where States is nil.
	Status string
	// Amount and Currency, where the event carries them.
	Amount   decimal.NullDecimal
	Currency string
	// States is the table Status belongs to; nil for events without an order.
	States *States
}

// Senders choose these texts and they become database keys, hence the bounds.
const maxNameBytes = 255

func (s Subject) check() error {
	if s.Reference == "" || s.ID == "" {
		return fmt.Errorf("%w: no reference or no status", ErrMalformed)
	}
	for _, text := range []string{s.Reference, s.ID, s.Status, s.Currency} {
		if !plain(text) {
			return fmt.Errorf("%w: reference or status is not plain text", ErrMalformed)
		}
	}
	return nil
}

func plain(text string) bool {
	if len(text) > maxNameBytes || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// contradicts reports whether the provider's own word differs from what was
// claimed. What one of them leaves out cannot differ.
func (s Subject) contradicts(claim Subject) bool {
	return s.Reference != claim.Reference ||
		s.Amount.Valid && claim.Amount.Valid && !s.Amount.Decimal.Equal(claim.Amount.Decimal) ||
		s.Currency != "" && claim.Currency != "" && s.Currency != claim.Currency
}
