package webhook

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/shopspring/decimal"
)

// Source describes one provider's callbacks: how to read, identify, confirm and
// acknowledge them. The provider constructors have theirs; write one yourself for a
// sender this module does not know.
type Source[E any] struct {
	// Provider names the sender in the inbox, logs and errors.
	Provider string
	// Decode reads a body as received, whatever its content type. It may keep the
	// slice.
	Decode func(body []byte) (E, error)
	// Identify says what the event is about. The handler calls it for the posted
	// event and again for the event that Ask returned.
	Identify func(E) Identity
	// Ask asks the provider's API about a reference. It makes each delivery a knock:
	// of what was posted, only reference and status are used. Nil makes each delivery
	// a fact, which Config.Auth must have proven.
	Ask func(ctx context.Context, about Identity) (E, error)
	// Acknowledge builds the response the sender expects, from the event as posted.
	// The same event must give the same response. Nil sends 200 without a body.
	Acknowledge func(E) Response

	// scope tells apart, in the inbox, references of one provider that may be equal.
	scope string
	// byURL says that a callback to a capability URL is about the URL's reference,
	// whatever reference it names.
	byURL bool
}

// Event is one status change, as handed to your function.
type Event[E any] struct {
	Identity

	// Data is the provider's event. Once Confirmed it is what the API returned,
	// not what was posted.
	Data     E
	Provider string
	Trust    Trust
	// Transition is Advanced, Reversed, Corrected or Unexpected.
	Transition Transition
	// Previous is the status applied before, empty if there was none.
	Previous string
}

// Identity says what an event is about, in terms that all providers share.
type Identity struct {
	// Reference is the object the event belongs to, under one name however the event
	// came. Events of one reference are kept in order.
	Reference string
	// Alias says that Reference is the provider's own name for the object, because
	// the delivery has no other. Ask then finds the event under its Reference.
	Alias bool
	// Status is the state the event reports. It may be empty, and then ID must be set.
	Status string
	// ID tells apart the signed deliveries of one reference, so that one that comes
	// again is known. Leave it empty if Status says it all. Without States, an event
	// with an ID is news unless that very ID came before.
	ID string
	// Amount and Currency are set if the event carries them.
	Amount   decimal.NullDecimal
	Currency string
	// States is the table that Status belongs to; nil for events without an order.
	States *States
}

// Trust is how far an event can be believed.
type Trust int

const (
	// Posted: the sender knew the way in, and nothing else speaks for the event.
	// Look it up before you act on it.
	Posted Trust = iota
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
		return "posted"
	}
}

// Response is the HTTP response to an accepted event, and to each duplicate of it.
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

func (e Event[E]) fail(err error) *Error {
	return &Error{Provider: e.Provider, Reference: e.Reference, Status: e.Status, Trust: e.Trust, Err: err}
}

// maxNameBytes bounds the texts of an Identity, which become database keys.
const maxNameBytes = 255

func (i Identity) check() error {
	if i.Reference == "" || i.ID == "" && i.Status == "" {
		return fmt.Errorf("%w: no reference or no status", ErrMalformed)
	}
	for _, text := range [...]string{i.Reference, i.ID, i.Status, i.Currency} {
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

// contradicts reports whether the event differs from what its URL was minted for. An
// amount or currency that only one of them shows does not differ.
func (b *Bound) contradicts(i Identity) bool {
	return b != nil && (b.Reference != i.Reference ||
		i.Amount.Valid && b.Amount.Valid && !i.Amount.Decimal.Equal(b.Amount.Decimal) ||
		i.Currency != "" && b.Currency != "" && i.Currency != b.Currency)
}
