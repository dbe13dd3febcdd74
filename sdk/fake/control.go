package fake

import (
	"fmt"
	"net/http"
	"time"
)

// Control is what every fake has in common: it serves the provider's API and
// lets a test drive the world around it. Each fake embeds a Control, so a test
// calls these methods on the fake. It is safe for concurrent use.
//
// The clock, snapshots, Reset, Flush and Close concern the whole World, that is
// every fake that shares it. Requests, deliveries and faults concern this
// provider.
type Control struct {
	world    *World
	provider Provider
	secrets  secrets
	unsaid   int // requests in the handler that have not called LockFor; the World's lock guards it
}

// World is the world this fake stands in. Give it to another fake's NewIn to
// have both on one clock.
func (c *Control) World() *World { return c.world }

// URL is the base URL for clients that use HTTPClient:
// http://<provider>.localhost and, for some providers, a path.
func (c *Control) URL() string { return "http://" + c.provider.Name + pipeDomain + c.provider.Base }

// HTTPClient returns a client that speaks real net/http to every fake of this
// World over in-memory pipes, without a socket. It works inside
// testing/synctest if the fake was made in the bubble. Its connections end with
// Close.
func (c *Control) HTTPClient() *http.Client { return c.world.httpClient() }

// Now is the virtual time, in UTC.
func (c *Control) Now() time.Time {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.Now()
}

// Advance moves the clock forward and carries out everything that falls due, in
// order of time, callbacks and their responses included. A negative d counts as
// zero. A receiver of callbacks must respond before it calls Advance.
func (c *Control) Advance(d time.Duration) { c.world.Advance(d) }

// Waiting is how many requests a FaultDelay holds back at the moment. If the
// clock stands still, wait until Waiting counts the delayed request before you
// call Advance.
func (c *Control) Waiting() int {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.sleeping
}

// AddFault adds a rule that makes requests go wrong. A rule that makes no sense, or
// that matches none of the provider's routes, is refused and changes nothing: a test
// with such a rule would pass without its fault. A rule for a provider that is not
// in this World is an ErrNotFound.
func (c *Control) AddFault(f Fault) error {
	if _, err := f.check(); err != nil {
		return fmt.Errorf("fake: fault: %w", err)
	}
	if f.Provider == "" {
		f.Provider = c.provider.Name
	}
	c.world.Lock()
	defer c.world.Unlock()
	if c.world.byName[f.Provider] == nil {
		return fmt.Errorf("fault: provider %q: %w", f.Provider, ErrNotFound)
	}
	if _, err := c.world.checkRoute(f); err != nil {
		return fmt.Errorf("fake: fault: %w", err)
	}
	c.world.addFault(f)
	return nil
}

// AddCallbackFault adds a rule that makes callbacks go wrong which have not been
// sent yet. A rule that makes no sense is refused and changes nothing. A rule for
// a provider that is not in this World is an ErrNotFound.
func (c *Control) AddCallbackFault(r CallbackFault) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("fake: callback fault: %w", err)
	}
	if r.Provider == "" {
		r.Provider = c.provider.Name
	}
	c.world.Lock()
	defer c.world.Unlock()
	if c.world.byName[r.Provider] == nil {
		return fmt.Errorf("callback fault: provider %q: %w", r.Provider, ErrNotFound)
	}
	c.world.callbackFaults = append(c.world.callbackFaults, &r)
	return nil
}

// ClearFaults removes every fault and every callback fault of this provider.
// Rules for all providers, which only the admin API makes, stay.
func (c *Control) ClearFaults() {
	c.world.Lock()
	defer c.world.Unlock()
	c.world.clearFaults(c.provider.Name)
}

// Faults are the rules that still count for this provider, oldest first, with
// the times they have left.
func (c *Control) Faults() []Fault {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.listFaults(c.provider.Name)
}

// Requests are the requests this provider got, oldest first. Secrets are masked.
// The newest Options.JournalSize requests are kept.
func (c *Control) Requests() []Request {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.journal.list(c.provider.Name)
}

// Deliveries are this provider's callbacks, oldest first, with all their
// attempts. Beyond Options.JournalSize the oldest that are over are forgotten.
func (c *Control) Deliveries() []Delivery {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.dispatcher.list(c.provider.Name)
}

// Redeliver sends a callback once more, now; see Flush. A held callback is let
// go. A dead callback stays dead unless the receiver acknowledges this attempt.
// An id that is not this provider's is an ErrNotFound.
func (c *Control) Redeliver(id string) error {
	c.world.Lock()
	defer c.world.Unlock()
	if d := c.world.dispatcher.byID[id]; d == nil || d.Provider != c.provider.Name {
		return fmt.Errorf("delivery %q: %w", id, ErrNotFound)
	}
	return c.world.redeliver(id)
}

// Flush waits until no callback is in flight, a minute of real time at most. It
// does not wait for callbacks that a fault holds back or delays, nor for retries
// that wait for the clock.
func (c *Control) Flush() { c.world.flush() }

// Snapshot is the whole state of the World as one JSON document: clock, ids,
// state of every provider, scheduled events, faults and deliveries. It does not
// hold the journal of requests. It holds secrets. It flushes first.
func (c *Control) Snapshot() ([]byte, error) { return c.world.Snapshot() }

// Restore puts the World into the state of a snapshot of the same providers. A
// document that it does not understand is refused and changes nothing.
func (c *Control) Restore(snapshot []byte) error { return c.world.Restore(snapshot) }

// Reset puts the World back to where it was after the start. Faults, requests
// and deliveries are gone.
func (c *Control) Reset() { c.world.Reset() }

// Admin is the HTTP admin API under /_fake/, for tests that are not in Go.
func (c *Control) Admin() http.Handler { return c.world.Admin() }

// Close ends deliveries, delayed requests and connections, and waits for them.
func (c *Control) Close() { c.world.Close() }

// Errors of every fake, for errors.Is. They are constants, so that nobody can
// reassign them. Nothing has changed when one of them is returned.
const (
	// ErrNotFound: the fake has no object with this id, reference, account or
	// provider's name.
	ErrNotFound = sentinel("not found")
	// ErrIllegalMove: the object's state does not allow this transition, or its
	// ledger does not cover the debit.
	ErrIllegalMove = sentinel("illegal move")
	// ErrInsufficient: a debit would take an account below its limit. It is an
	// ErrIllegalMove too.
	ErrInsufficient = sentinel("not enough money in the account")
)

type sentinel string

func (s sentinel) Error() string { return "fake: " + string(s) }

// Is makes errors.Is find the wider error in the narrower one.
func (s sentinel) Is(target error) bool { return s == ErrInsufficient && target == ErrIllegalMove }
