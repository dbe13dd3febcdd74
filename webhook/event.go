package webhook

import (
	"fmt"
	"net/http"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

// Source describes one provider's callbacks. The provider functions of this
// package return them; write one of your own for a sender this module does not
// know.
type Source[E any] struct {
	// Provider names the sender in inbox keys, logs and errors.
	Provider string
	// Decode reads a body as received, whatever its content type says. It may
	// keep the slice.
	Decode func(body []byte) (E, error)
	// Identify names what the event is about. It is asked again for the event
	// that Confirm returned.
	Identify func(E) Subject
	// Match reports whether the event is about the reference its capability URL
	// was minted for. Nil compares Subject.Reference; needed where a provider
	// calls back with a reference of its own.
	Match func(event E, reference string) bool
	// Acknowledge builds the answer the sender expects, from the event as
	// posted. Nil answers 200 without a body.
	Acknowledge func(E) Answer
}

// Event is one status change, as handed to your function.
type Event[E any] struct {
	Subject

	// Data is the provider's event; after a confirmation the one the API
	// returned, not the posted one.
	Data     E
	Provider string
	Trust    Trust
	// Transition is Advanced or Reversal.
	Transition Transition
	// Previous is the status applied before, empty if none was.
	Previous string
	// Attempt counts from 1; above 1 only in background mode.
	Attempt int
}

func (e Event[E]) key() Key { return Key{Provider: e.Provider, Reference: e.Reference, ID: e.ID} }

func (e Event[E]) fail(err error) *Error {
	return &Error{Provider: e.Provider, Reference: e.Reference, EventID: e.ID, Status: e.Status, Trust: e.Trust, Err: err}
}

// Trust is how far an event can be believed.
type Trust int

const (
	// Claimed: whoever knew the way in said so. Enough to look, not to act.
	Claimed Trust = iota
	// Verified: the provider signed the body.
	Verified
	// Confirmed: the provider's API said so itself.
	Confirmed
)

func (t Trust) String() string {
	switch t {
	case Verified:
		return "verified"
	case Confirmed:
		return "confirmed"
	default:
		return "claimed"
	}
}

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

// Answer is what the sender gets for an event that was taken. A duplicate of a
// finished event gets the stored answer again.
type Answer struct {
	Status      int    // 0 counts as 200
	ContentType string // empty for none
	Body        []byte
}

// uniquely refuses, besides what parse refuses, JSON that names a key twice.
func uniquely[E any](parse func([]byte) (E, error)) func([]byte) (E, error) {
	return func(body []byte) (E, error) {
		e, err := parse(body)
		if err == nil {
			err = wire.UniqueKeys(body)
		}
		return e, err
	}
}

func (s Source[E]) acknowledge(e E) Answer {
	if s.Acknowledge == nil {
		return Answer{Status: 200}
	}
	return s.Acknowledge(e)
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

func (a Answer) write(w http.ResponseWriter) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	// The sender may be gone; the event is done all the same.
	_, _ = w.Write(a.Body)
}
