package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Config sets up a Handler. Set Source, one of Handle and HandleTx, and Auth or
// Confirm, better both. The zero value of everything else is useful.
type Config[E any] struct {
	Source Source[E]

	// Auth lists authenticators that must all accept a delivery. They are asked in
	// order, so put those that need no body first. AnyOf makes alternatives.
	Auth []Authenticator

	// Confirm asks the provider's API about ev.Reference and returns the event as
	// the API shows it. That event replaces the posted one. Wrap ErrMismatch when
	// the API contradicts the posted event. Confirm runs while the reference is
	// leased, so one at a time for each reference, on all machines that share the
	// inbox. With nil, an event is trusted as far as its delivery was authenticated.
	// Without Auth, any stranger can use up ConfirmRate and, in background mode,
	// fill Inbox.
	Confirm func(ctx context.Context, ev Event[E]) (E, error)
	// ConfirmTimeout bounds one Confirm and its wait for ConfirmRate; 0 is 10 s.
	ConfirmTimeout time.Duration
	// ConfirmRate is the most confirmations a second of this process; 0 is 20.
	ConfirmRate int

	// Handle is your function. If it returns an error, the sender gets 500 and
	// retries; in background mode the worker retries. It may run twice for one
	// event: if the process dies right after it, if Inbox cannot mark the event
	// done, or if it takes longer than Lease.
	Handle func(ctx context.Context, ev Event[E]) error
	// HandleTx is your function with the transaction that also marks the event
	// done, so that its writes take effect exactly once. Inbox must be a *SQLInbox
	// on the database you write to. Do not commit or roll back.
	HandleTx func(ctx context.Context, tx *sql.Tx, ev Event[E]) error

	// Inbox; nil is a MemoryInbox of its own. Different handlers that share an
	// inbox need a Source.Provider each, or they work on each other's events.
	Inbox Inbox
	// Lease bounds the work on one event, Confirm included; 0 is 30 s. Then the
	// context of your function ends, and another worker may take over.
	Lease time.Duration
	// Wait is how long a delivery waits while another event of its reference is
	// leased; 0 is 5 s. Then the sender gets 503.
	Wait time.Duration
	// MaxBody is the largest body in bytes; 0 is DefaultMaxBody.
	MaxBody int64

	// Background makes the handler store each delivery and acknowledge it at once.
	// Call Run to work on them. Inbox must be a Queue. With nil, the work is done
	// before the acknowledgement.
	Background *Background

	// Logger; nil is silent. It never gets paths, bodies or secrets.
	Logger *slog.Logger
	// Report is called with an *Error for every delivery that was refused or
	// failed. It must return soon and be safe for concurrent use. Wake somebody for
	// ErrMismatch and ErrImpossible.
	Report func(ctx context.Context, err error)

	// InsecureAcceptAnyoneForTestsOnly allows a handler with neither Auth nor
	// Confirm. Anybody who finds its URL can then say that an order was paid.
	InsecureAcceptAnyoneForTestsOnly bool
}

const shownConfig = "webhook.Config{...}"

// Format keeps secrets out of anything printed.
func (Config[E]) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps them out of encoders, JSON among them.
func (Config[E]) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps them out of logs.
func (Config[E]) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Background sets up background mode. Zero values are useful.
type Background struct {
	// Workers of this process; 0 is 4.
	Workers int
	// MaxAttempts before an event becomes a dead letter; 0 is 12, about two hours
	// with the default delays.
	MaxAttempts int
	// FirstDelay is the wait after the first failure, doubled each time up to
	// MaxDelay and shortened at random by up to half; 0 is 5 s and 1 h.
	FirstDelay, MaxDelay time.Duration
	// Poll is how often an idle worker looks for events: those due for a retry, and
	// those that other processes stored; 0 is 1 s.
	Poll time.Duration
}

func (c Config[E]) withDefaults() Config[E] {
	c.Auth = append([]Authenticator(nil), c.Auth...)
	setDefault(&c.ConfirmTimeout, 10*time.Second)
	setDefault(&c.ConfirmRate, 20)
	setDefault(&c.Lease, 30*time.Second)
	setDefault(&c.Wait, 5*time.Second)
	setDefault(&c.MaxBody, DefaultMaxBody)
	if c.Source.Acknowledge == nil {
		c.Source.Acknowledge = func(E) Response { return Response{Status: http.StatusOK} }
	}
	if c.Inbox == nil {
		c.Inbox = NewMemoryInbox(MemoryInboxConfig{})
	}
	setDefault(&c.Logger, slog.New(slog.DiscardHandler))
	if c.Report == nil {
		c.Report = func(context.Context, error) {}
	}
	if c.Background != nil {
		b := *c.Background
		setDefault(&b.Workers, 4)
		setDefault(&b.MaxAttempts, 12)
		setDefault(&b.FirstDelay, 5*time.Second)
		setDefault(&b.MaxDelay, time.Hour)
		setDefault(&b.Poll, time.Second)
		c.Background = &b
	}
	return c
}

// check names all faults at once; c has its defaults.
func (c Config[E]) check() error {
	var f faults
	f.must(c.Source.Provider != "" && c.Source.Decode != nil && c.Source.Identify != nil, "Source without Provider, Decode or Identify")
	f.must(len(c.Auth) > 0 || c.Confirm != nil || c.InsecureAcceptAnyoneForTestsOnly,
		"nothing tells the provider from a stranger: set Auth, Confirm or both")
	for _, a := range c.Auth {
		if err := faultOf(a); err != nil {
			f.all = append(f.all, err)
		}
	}
	f.must((c.Handle == nil) != (c.HandleTx == nil), "need exactly one of Handle and HandleTx")
	if c.HandleTx != nil {
		_, ok := c.Inbox.(*SQLInbox)
		f.must(ok, "HandleTx needs a *SQLInbox")
	}
	f.must(c.ConfirmTimeout > 0 && c.ConfirmRate > 0 && c.Lease > 0 && c.Wait > 0 && c.MaxBody > 0, "negative limit")
	f.must(c.Confirm == nil || c.ConfirmTimeout < c.Lease, "ConfirmTimeout must be shorter than Lease")
	if b := c.Background; b != nil {
		_, ok := c.Inbox.(Queue)
		f.must(ok, "Background needs an Inbox that is a Queue")
		f.must(b.Workers > 0 && b.MaxAttempts > 0 && b.FirstDelay > 0 && b.MaxDelay >= b.FirstDelay && b.Poll > 0, "Background: negative limit, or MaxDelay below FirstDelay")
	}
	return f.err()
}

// faults collects all that is wrong with a configuration.
type faults struct {
	of  string // names the constructor
	all []error
}

func (f *faults) must(ok bool, text string, args ...any) {
	if !ok {
		f.all = append(f.all, fmt.Errorf("%w: %s%s", ErrConfiguration, f.of, fmt.Sprintf(text, args...)))
	}
}

func (f *faults) err() error { return errors.Join(f.all...) }

// orNow is the clock of a configuration; nil is time.Now.
func orNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
