package fake

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Control is what every fake has in common: it serves the provider's API and
// lets a test drive the world around it. The public fakes embed it. It is safe
// for concurrent use.
//
// Time, snapshots, reset and closing concern the whole World, that is every
// fake that shares it; requests, deliveries and rules concern this provider.
type Control struct {
	world    *World
	provider Provider
	secrets  secrets
}

// World is the ground this fake stands on; give it to another fake's NewIn to
// have both on one clock.
func (c *Control) World() *World { return c.world }

// URL is the base URL for clients that use HTTPClient:
// http://<provider>.localhost and, for some providers, a path.
func (c *Control) URL() string { return "http://" + c.provider.Name + pipeDomain + c.provider.Base }

// HTTPClient returns a client that speaks real net/http to every fake of this
// World over in-memory pipes, without a socket. It works inside
// testing/synctest when the fake was made in the bubble. Its connections end
// with Close.
func (c *Control) HTTPClient() *http.Client { return c.world.httpClient() }

// Now is the virtual time, in UTC.
func (c *Control) Now() time.Time {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.Now()
}

// Advance moves the clock forward and carries out everything that falls due,
// in order of time, callbacks' answers included. A negative d counts as zero.
// A callback's receiver must answer before it calls it.
func (c *Control) Advance(d time.Duration) { c.world.Advance(d) }

// Waiting is how many requests a delay fault holds back at the moment. A test
// that delays a request on a clock standing still waits for it before Advance.
func (c *Control) Waiting() int {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.sleeping
}

// AddFault adds a rule that makes requests go wrong. It refuses a rule that makes
// no sense and then changes nothing.
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
		return fmt.Errorf("fake: fault: no provider %q", f.Provider)
	}
	c.world.addFault(f)
	return nil
}

// AddCallbackFault adds a rule that makes fresh callbacks go wrong. It refuses a rule
// that makes no sense and then changes nothing.
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
		return fmt.Errorf("fake: callback fault: no provider %q", r.Provider)
	}
	c.world.callbackFaults = append(c.world.callbackFaults, &r)
	return nil
}

// ClearFaults removes every fault and every callback fault of this provider.
// Rules for all providers, which only the admin API makes, stay.
func (c *Control) ClearFaults() {
	c.world.Lock()
	defer c.world.Unlock()
	c.world.clearRules(c.provider.Name)
}

// Faults are the rules that still count for this provider, oldest first, with
// the times they have left.
func (c *Control) Faults() []Fault {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.listFaults(c.provider.Name)
}

// Requests are the requests this provider got, oldest first, the newest 10,000
// at most. Secrets are masked.
func (c *Control) Requests() []Request {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.journal.list(c.provider.Name)
}

// Deliveries are this provider's callbacks, oldest first, with all their
// attempts. Old ones that are settled go when there are more than 10,000.
func (c *Control) Deliveries() []Delivery {
	c.world.Lock()
	defer c.world.Unlock()
	return c.world.post.list(c.provider.Name)
}

// Redeliver posts a callback once more, now. A dead one comes to life only
// when this attempt is acknowledged; a held one is let go.
func (c *Control) Redeliver(id string) error {
	c.world.Lock()
	defer c.world.Unlock()
	if d := c.world.post.byID[id]; d == nil || d.Provider != c.provider.Name {
		return fmt.Errorf("fake: no delivery %q", id)
	}
	return c.world.redeliver(id)
}

// Flush waits until no callback is in flight, a minute at most. Retries that
// wait for the clock, and callbacks held back, are not in flight.
func (c *Control) Flush() { c.world.settle() }

// Snapshot is the whole state of the World as one JSON document: clock, ids,
// state of every provider, scheduled events, rules and deliveries. The journal
// of requests is no part of it. It holds secrets. It flushes first.
func (c *Control) Snapshot() ([]byte, error) { return c.world.Snapshot() }

// Restore puts the World into the state of a snapshot of the same providers. A
// document it does not understand is refused and changes nothing.
func (c *Control) Restore(snapshot []byte) error { return c.world.Restore(snapshot) }

// Reset puts the World back to where it was after the start; faults, journal
// and deliveries are gone.
func (c *Control) Reset() { c.world.Reset() }

// Admin is the HTTP admin API under /_fake/, for tests that are not in Go.
func (c *Control) Admin() http.Handler { return c.world.Admin() }

// Close ends deliveries, delayed requests and connections, and waits for them.
func (c *Control) Close() { c.world.Close() }

func (w *World) clearRules(provider string) {
	w.faults = slices.DeleteFunc(w.faults, func(f *Fault) bool { return provider == "" || f.Provider == provider })
	w.callbackFaults = slices.DeleteFunc(w.callbackFaults, func(r *CallbackFault) bool { return provider == "" || r.Provider == provider })
}

// listFaults copies the rules that meet a provider, or all when it is empty.
func (w *World) listFaults(provider string) []Fault {
	all := []Fault{}
	for _, f := range w.faults {
		if provider == "" || f.Provider == "" || f.Provider == provider {
			all = append(all, *f)
		}
	}
	return all
}
