package webhook

import (
	"cmp"
	"fmt"
	"net/http"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

// Source describes one provider's callbacks: how to read, identify and
// acknowledge them. Take the provider's own, such as KPay(); write one yourself
// for a sender this module does not know.
type Source[E any] struct {
	// Provider names the sender in inbox keys, logs and errors.
	Provider string
	// Decode reads a body as received, whatever its content type. It may keep the
	// slice.
	Decode func(body []byte) (E, error)
	// Identify says what the event is about. The handler calls it for the posted
	// event and again for the event that Confirm returned.
	Identify func(E) Identity
	// Match reports whether the event is about the reference that its capability
	// URL was minted for. Set it if the provider calls back with a reference of
	// its own; nil compares Identity.Reference.
	Match func(event E, reference string) bool
	// Acknowledge builds the response the sender expects, from the event as
	// posted. Nil sends 200 without a body.
	Acknowledge func(E) Response
}

// Event is one status change, as handed to your function.
type Event[E any] struct {
	Identity

	// Data is the provider's event. Once Confirmed it is what the API returned,
	// not what was posted.
	Data     E
	Provider string
	Trust    Trust
	// Transition is Advanced or Reversal.
	Transition Transition
	// Previous is the status applied before, empty if there was none.
	Previous string
	// Attempt counts from 1; above 1 only in background mode.
	Attempt int
}

// Identity says what an event is about, in terms that all providers share.
type Identity struct {
	// Reference is the object the event belongs to. Events of one reference are
	// kept in order, and the provider is asked by it.
	Reference string
	// ID tells the events of one reference apart: each takes effect once. Leave it
	// empty to use Status, but only if no status can come back.
	ID string
	// Status is the state the event reports. It may be empty if States is nil.
	Status string
	// Amount and Currency are set if the event carries them.
	Amount   decimal.NullDecimal
	Currency string
	// States is the table that Status belongs to; nil for events without an order.
	States *States
}

// Trust is how far an event can be believed.
type Trust int

const (
	// Claimed: the sender knew the way in, and nothing else speaks for the event.
	// Look it up before you act on it.
	Claimed Trust = iota
	// Verified: the provider signed the body.
	Verified
	// Confirmed: the provider's API says so too.
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

// Response is the HTTP response to an accepted event. A duplicate of a finished
// event gets the stored response again.
type Response struct {
	Status      int    // 0 counts as 200
	ContentType string // empty for none
	Body        []byte
}

func (r Response) write(w http.ResponseWriter) {
	if r.ContentType != "" {
		w.Header().Set("Content-Type", r.ContentType)
	}
	w.WriteHeader(cmp.Or(r.Status, http.StatusOK))
	// The event is done, whether or not the sender still reads.
	_, _ = w.Write(r.Body)
}

// uniquely parses, and refuses JSON that has a key twice.
func uniquely[E any](parse func([]byte) (E, error)) func([]byte) (E, error) {
	return func(body []byte) (E, error) {
		e, err := parse(body)
		if err == nil {
			err = wire.UniqueKeys(body)
		}
		return e, err
	}
}

func (e Event[E]) key() Key { return Key{Provider: e.Provider, Reference: e.Reference, ID: e.ID} }

func (e Event[E]) fail(err error) *Error {
	return &Error{Provider: e.Provider, Reference: e.Reference, EventID: e.ID, Status: e.Status, Trust: e.Trust, Err: err}
}

// maxNameBytes bounds the texts of an Identity: the sender chooses them, and they
// become database keys.
const maxNameBytes = 255

func (i Identity) check() error {
	if i.Reference == "" || i.ID == "" {
		return fmt.Errorf("%w: no reference or no status", ErrMalformed)
	}
	for _, text := range []string{i.Reference, i.ID, i.Status, i.Currency} {
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

// contradicts reports whether the two differ in reference, amount or currency. An
// amount or currency that only one of them shows does not differ.
func (i Identity) contradicts(other Identity) bool {
	return i.Reference != other.Reference ||
		i.Amount.Valid && other.Amount.Valid && !i.Amount.Decimal.Equal(other.Amount.Decimal) ||
		i.Currency != "" && other.Currency != "" && i.Currency != other.Currency
}
