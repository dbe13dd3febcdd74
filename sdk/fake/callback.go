package fake

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Callback is a message to a merchant's URL.
type Callback struct {
	Provider string
	Event    string // what the journal calls it, such as "status_update"
	Subject  string // deliveries of one subject go out in order; empty: none to keep
	URL      string
	Header   http.Header // sent as it is; the Policy's Sign adds to it
	Body     []byte
	Tag      string // the provider's own, given back in Delivery and to Abandon
}

// Policy is how a provider delivers callbacks. The zero value sends once and
// takes any 2xx as acknowledgement.
type Policy struct {
	// Retries are the waits on the clock after each attempt that was not
	// acknowledged; after the last one the delivery is dead.
	Retries []time.Duration

	// Acknowledged judges an answer; nil takes any 2xx. body is bounded to
	// 64 KiB. It is called without the lock.
	Acknowledged func(d Delivery, status int, body []byte) bool

	// Sign adds headers to one attempt; d.Attempts are the earlier ones. A
	// delivery with Forged set is to be signed wrongly. The lock is held.
	Sign func(d Delivery, h http.Header)

	// Attempted hears of each attempt when it is over. When it reports true no
	// further attempt is made. The lock is held.
	Attempted func(d Delivery, x Exchange) (giveUp bool)
}

// Exchange is one attempt with what went over the wire.
type Exchange struct {
	DeliveryAttempt
	TimedOut bool        // no answer within 10 s
	Sent     http.Header // the request's headers
	Answered http.Header // nil without an answer
	Body     []byte      // of the answer, bounded
}

// Send posts a callback: the first attempt at once whatever the clock says, in
// the order of its subject; retries on the clock. It returns the delivery's id.
// The lock is held.
func (w *World) Send(cb Callback) string {
	p := w.post
	p.count++
	d := &delivery{
		Delivery: Delivery{
			ID:       fmt.Sprintf("dlv-%06d", p.count),
			Time:     w.Now(),
			Provider: cb.Provider,
			Event:    cb.Event,
			Subject:  cb.Subject,
			URL:      cb.URL,
			Header:   cb.Header.Clone(),
			Body:     string(cb.Body),
			Tag:      cb.Tag,
			State:    DeliveryPending,
		},
		first: make(chan struct{}),
	}
	p.add(d, w.opts.JournalSize)
	w.applyCallbackFault(d)
	return d.ID
}

// applyCallbackFault sends a fresh delivery on its way, as the oldest matching rule would
// have it.
func (w *World) applyCallbackFault(d *delivery) {
	rule := w.takeCallbackFault(d)
	subject := d.lane()
	held := w.post.held[subject]
	switch rule.Kind {
	case CallbackDrop:
		d.State = DeliveryDead
		d.firstOver()
		return
	case CallbackDelay:
		w.After(rule.wait(), "", eventDeliver, d.ID)
		return
	case CallbackHold:
		d.Held = true
		w.post.held[subject] = append(held, d)
		return
	case CallbackDuplicate:
		w.enqueue(job{d: d, scheduled: true})
		w.enqueue(job{d: d})
	case CallbackForge:
		d.Forged = true
		w.enqueue(job{d: d, scheduled: true})
	default:
		w.enqueue(job{d: d, scheduled: true})
	}
	delete(w.post.held, subject)
	for _, late := range held {
		late.Held = false
		w.enqueue(job{d: late, scheduled: true})
	}
}

// Abandon ends all pending deliveries of a provider with that tag: a webhook
// that was deleted or disabled. The lock is held.
func (w *World) Abandon(provider, tag string) {
	for _, d := range w.post.deliveries {
		if d.Provider == provider && d.Tag == tag && d.State == DeliveryPending {
			d.State = DeliveryDead
		}
	}
}

// FirstAttempt is closed once the delivery's first attempt is over, whatever
// became of it, or the delivery was dropped. For an unknown id it is closed
// already. The lock is held while asking, and must not be while waiting. Wait
// for the request's context too: a delivery that is held, or cut off by Reset
// or Close, may never have an attempt.
func (w *World) FirstAttempt(id string) <-chan struct{} {
	if d := w.post.byID[id]; d != nil {
		return d.first
	}
	done := make(chan struct{})
	close(done)
	return done
}

// Redeliver posts a delivery once more, now, in the order of its subject. A
// delivery that is dead stays dead unless this attempt is acknowledged.
// The lock is held.
func (w *World) redeliver(id string) error {
	d := w.post.byID[id]
	if d == nil {
		return fmt.Errorf("no delivery %q", id)
	}
	if d.Held {
		d.Held = false
		lane := d.lane()
		w.post.held[lane] = slices.DeleteFunc(w.post.held[lane], func(h *delivery) bool { return h == d })
		w.enqueue(job{d: d, scheduled: true})
		return nil
	}
	w.enqueue(job{d: d})
	return nil
}
