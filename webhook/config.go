package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config sets up a Handler. Source, one of Handle and HandleTx, and at least one
// of Auth and Confirm are required; the zero value of all else is useful.
type Config[E any] struct {
	Source Source[E]

	// Auth must all let a delivery in. They are asked in order, so put those that
	// need no body first. AnyOf makes alternatives.
	Auth []Authenticator

	// Confirm asks the provider's API about ev.Reference and returns the event as
	// the API tells it, which replaces the posted one. It runs under the claim of
	// the reference: one at a time for each, on all machines that share the inbox.
	// Wrap ErrMismatch when the API contradicts the event. Nil trusts the delivery
	// as far as it was authenticated. Without Auth in front of it any stranger can
	// use up ConfirmRate, and in background mode fill Inbox.
	Confirm func(ctx context.Context, ev Event[E]) (E, error)
	// ConfirmTimeout bounds one Confirm, its wait for ConfirmRate included; 0 is 10 s.
	ConfirmTimeout time.Duration
	// ConfirmRate is how many confirmations a second this process asks for at
	// most; 0 is 20.
	ConfirmRate int

	// Handle is your function. An error makes the sender come again (or the
	// worker, in background mode). It may run twice for one event if the process
	// dies right after it, if Inbox cannot store the mark, or if it outlives Lease.
	Handle func(ctx context.Context, ev Event[E]) error
	// HandleTx is your function with the transaction that also marks the event
	// done, for an effect that happens exactly once. Inbox must be a *SQLInbox on
	// the database you write to. Do not commit or roll back.
	HandleTx func(ctx context.Context, tx *sql.Tx, ev Event[E]) error

	// Inbox; nil is a MemoryInbox of its own. Handlers that share one and are not
	// the same need a Source.Provider each, or they work on each other's events.
	Inbox Inbox
	// Lease is how long one event may be worked on, Confirm included, before
	// another worker may take it over; 0 is 30 s. The context of your function
	// ends with it.
	Lease time.Duration
	// Wait is how long a delivery waits while another event of its reference is
	// worked on, before the sender is told to come again; 0 is 5 s.
	Wait time.Duration
	// MaxBody is the largest body in bytes; 0 is DefaultMaxBody.
	MaxBody int64

	// Background makes the handler store deliveries and acknowledge at once; Run
	// works on them. Inbox must be a Queue. Nil works before acknowledging.
	Background *Background

	// Logger; nil is silent. Attributes only, never paths, bodies or secrets.
	Logger *slog.Logger
	// Report is told of every delivery that was refused or failed, as *Error. It
	// must return soon and be safe for concurrent use. ErrMismatch and
	// ErrImpossible are the ones to wake someone for.
	Report func(ctx context.Context, err error)

	// InsecureAcceptAnyoneForTestsOnly allows a handler with neither Auth nor
	// Confirm. Whoever finds its URL can then say that an order was paid.
	InsecureAcceptAnyoneForTestsOnly bool
}

// Background sets up background mode. Zero values are useful.
type Background struct {
	// Workers of this process; 0 is 4.
	Workers int
	// MaxAttempts before an event becomes a dead letter; 0 is 12, which with the
	// default delays is about two hours.
	MaxAttempts int
	// FirstDelay after a failure, doubled each time up to MaxDelay, then jittered
	// down to as little as half; 0 is 5 s and 1 h.
	FirstDelay, MaxDelay time.Duration
	// Poll is how often an idle worker looks for events it was not told of: those
	// that are due again, and other processes'; 0 is 1 s.
	Poll time.Duration
}

func (c Config[E]) withDefaults() Config[E] {
	c.Auth = append([]Authenticator(nil), c.Auth...)
	setDefault(&c.ConfirmTimeout, 10*time.Second)
	setDefault(&c.ConfirmRate, 20)
	setDefault(&c.Lease, 30*time.Second)
	setDefault(&c.Wait, 5*time.Second)
	setDefault(&c.MaxBody, DefaultMaxBody)
	if c.Inbox == nil {
		c.Inbox = NewMemoryInbox(MemoryInboxConfig{})
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
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
	var faults []error
	must := func(ok bool, text string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: %s", ErrConfiguration, text))
		}
	}
	must(c.Source.Provider != "" && c.Source.Decode != nil && c.Source.Identify != nil, "Source without Provider, Decode or Identify")
	must(len(c.Auth) > 0 || c.Confirm != nil || c.InsecureAcceptAnyoneForTestsOnly,
		"nothing tells the provider from a stranger: set Auth, Confirm or both")
	for _, a := range c.Auth {
		if err := faultOf(a); err != nil {
			faults = append(faults, err)
		}
	}
	must((c.Handle == nil) != (c.HandleTx == nil), "need exactly one of Handle and HandleTx")
	if c.HandleTx != nil {
		_, ok := c.Inbox.(*SQLInbox)
		must(ok, "HandleTx needs a *SQLInbox")
	}
	must(c.ConfirmTimeout > 0 && c.ConfirmRate > 0 && c.Lease > 0 && c.Wait > 0 && c.MaxBody > 0, "negative limit")
	must(c.Confirm == nil || c.ConfirmTimeout < c.Lease, "ConfirmTimeout must be shorter than Lease")
	if b := c.Background; b != nil {
		_, ok := c.Inbox.(Queue)
		must(ok, "Background needs an Inbox that is a Queue")
		must(b.Workers > 0 && b.MaxAttempts > 0 && b.FirstDelay > 0 && b.MaxDelay >= b.FirstDelay && b.Poll > 0, "Background: negative limit, or MaxDelay below FirstDelay")
	}
	return errors.Join(faults...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
