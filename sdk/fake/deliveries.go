package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Delivery is one callback with its attempts.
type Delivery struct {
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"` // virtual, when it was caused
	Provider string            `json:"provider"`
	Event    string            `json:"event"`   // the provider's own word, such as "status_update"
	Identity string            `json:"subject"` // the ride, payment or transfer it is about
	URL      string            `json:"url"`
	Header   http.Header       `json:"header,omitempty"` // without what an attempt is signed with
	Body     string            `json:"body"`
	Tag      string            `json:"tag,omitempty"`    // the provider's own
	Forged   bool              `json:"forged,omitempty"` // signed wrongly: CallbackForge
	Held     bool              `json:"held,omitempty"`   // waits for the next one: CallbackHold
	State    DeliveryState     `json:"state"`
	Attempts []DeliveryAttempt `json:"attempts"` // oldest first
}

// DeliveryState says whether a callback arrived.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"   // not acknowledged yet
	DeliveryDelivered DeliveryState = "delivered" // acknowledged
	DeliveryDead      DeliveryState = "dead"      // dropped, or all attempts used up; can be redelivered
)

// DeliveryAttempt is one POST of a delivery.
type DeliveryAttempt struct {
	Time   time.Time `json:"time"`            // virtual
	Status int       `json:"status"`          // of the receiver's response; zero: none came
	Error  string    `json:"error,omitempty"` // why none came, or why its body could not be read

	Acknowledged bool `json:"acknowledged"` // the provider takes the response as an acknowledgement
}

// Callback is a message from the provider to a merchant's URL. Authors of fakes
// post it with World.Send.
type Callback struct {
	Provider string
	Event    string      // see Delivery.Event
	Identity string      // callbacks with the same Identity are sent in order; empty: in any order
	URL      string      // where it is posted
	Header   http.Header // sent as it is; the Policy's Sign adds to it
	Body     []byte
	Tag      string // the provider's own; Delivery shows it, and Abandon asks for it
}

// Policy is how a provider delivers callbacks. The zero value sends once and
// takes any 2xx as acknowledgement.
type Policy struct {
	// Retries are the waits on the clock after each attempt that was not
	// acknowledged; after the last one the delivery is dead.
	Retries []time.Duration

	// Acknowledged judges a receiver's response; nil takes any 2xx. body holds at
	// most 64 KiB. It is called without the lock.
	Acknowledged func(d Delivery, status int, body []byte) bool

	// Wants says for people which response acknowledges; empty: any 2xx.
	Wants string

	// Sign adds headers to one attempt; d.Attempts are the earlier ones. It must
	// sign wrongly if d.Forged is set. The lock is held.
	Sign func(d Delivery, h http.Header)

	// Attempted hears of each attempt when it is over. If it reports true, no
	// further attempt is made. The lock is held.
	Attempted func(d Delivery, x Exchange) (giveUp bool)
}

// Exchange is one attempt with its request and its response.
type Exchange struct {
	DeliveryAttempt
	TimedOut bool        // no response within 10 s
	Sent     http.Header // the request's headers
	Received http.Header // the response's headers; nil without a response
	Body     []byte      // the response's, 64 KiB at most
}

// Send posts a callback and returns its delivery's id. The first attempt goes out
// at once, whatever the clock says, and retries wait for the clock. The lock is
// held.
func (w *World) Send(cb Callback) string {
	c := w.byName[cb.Provider]
	if c == nil {
		panic(fmt.Sprintf("fake: a callback of provider %q, which has not joined", cb.Provider))
	}
	disp := w.dispatcher
	disp.count++
	d := &delivery{
		Delivery: Delivery{
			ID:       fmt.Sprintf("dlv-%06d", disp.count),
			Time:     w.Now(),
			Provider: cb.Provider,
			Event:    cb.Event,
			Identity: cb.Identity,
			URL:      cb.URL,
			Header:   cb.Header.Clone(),
			Body:     string(cb.Body),
			Tag:      cb.Tag,
			State:    DeliveryPending,
		},
		first: make(chan struct{}),
	}
	switch t := &w.timeline; {
	case t.by != nil:
		d.request = t.comes(d.Provider, d.Identity)
	case t.cause == "" && c.unsaid == 0:
		d.cause = byHand
	default: // an event, which goes on with what a request began
		d.request = w.timeline.origins[d.Provider+"\x00"+w.timeline.about(Record{Provider: d.Provider, Identity: d.Identity}).Identity]
	}
	disp.add(d, w.opts.JournalSize)
	w.touch(c, cb.Identity)
	w.applyCallbackFault(d)
	return d.ID
}

// Abandon ends all pending deliveries of a provider with that tag, for instance
// because the merchant deleted a webhook. The lock is held.
func (w *World) Abandon(provider, tag string) {
	for _, d := range w.dispatcher.deliveries {
		if d.Provider == provider && d.Tag == tag && d.State == DeliveryPending {
			d.State = DeliveryDead
		}
	}
}

// FirstAttempt returns a channel that is closed once the delivery's first attempt
// is over or a fault has dropped the delivery. For an unknown id it is closed
// already. The lock is held during the call; release it before you wait. Wait for
// the request's context too: a delivery that is held, or ended by Reset or Close,
// may never have an attempt.
func (w *World) FirstAttempt(id string) <-chan struct{} {
	if d := w.dispatcher.byID[id]; d != nil {
		return d.first
	}
	done := make(chan struct{})
	close(done)
	return done
}

// applyCallbackFault queues a new delivery as the rule that counts for it says.
// Held deliveries about the same object follow it.
func (w *World) applyCallbackFault(d *delivery) {
	rule := w.takeCallbackFault(d)
	key := d.lane()
	held := w.dispatcher.held[key]
	switch rule.Kind {
	case CallbackDrop:
		d.State = DeliveryDead
		d.firstOver()
		return
	case CallbackDelay:
		w.After(duration(rule.Seconds), "", eventDeliver, d.ID)
		return
	case CallbackHold:
		d.Held = true
		w.dispatcher.held[key] = append(held, d)
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
	delete(w.dispatcher.held, key)
	for _, late := range held {
		late.Held = false
		w.enqueue(job{d: late, scheduled: true})
	}
}

// redeliver sends a delivery once more, now, after those about the same object
// which are queued already. A dead delivery stays dead unless this attempt is
// acknowledged. The lock is held.
func (w *World) redeliver(id string) error {
	d := w.dispatcher.byID[id]
	if d == nil {
		return fmt.Errorf("delivery %q: %w", id, ErrNotFound)
	}
	if d.Held {
		d.Held = false
		lane := d.lane()
		w.dispatcher.held[lane] = slices.DeleteFunc(w.dispatcher.held[lane], func(h *delivery) bool { return h == d })
		w.enqueue(job{d: d, scheduled: true})
		return nil
	}
	w.enqueue(job{d: d})
	return nil
}

// delivery is a Delivery in work. Its Delivery is what a snapshot holds.
type delivery struct {
	Delivery
	request   string        // id of the request that caused it, or that began what an event goes on with
	cause     string        // byHand, without a request
	scheduled int           // attempts of the retry schedule so far
	queued    int           // jobs of it waiting or under way
	due       time.Time     // when the next scheduled attempt is due; zero: at once or never
	receipts  []receipt     // of the last attempts
	first     chan struct{} // closed after the first attempt
}

// lane is the key of the queue this delivery stands in.
func (d *delivery) lane() string {
	if d.Identity == "" {
		return d.Provider + "\x00\x00" + d.ID
	}
	return d.Provider + "\x00" + d.Identity
}

func (d *delivery) note(a DeliveryAttempt) {
	d.Attempts = append(d.Attempts, a)
	d.firstOver()
}

func (d *delivery) firstOver() {
	select {
	case <-d.first:
	default:
		close(d.first)
	}
}

func (d *delivery) copy() Delivery {
	c := d.Delivery
	c.Header = d.Header.Clone()
	c.Attempts = append([]DeliveryAttempt{}, d.Attempts...)
	return c
}

// add keeps a delivery and forgets old ones that are over. It searches for these
// only after many new ones, because thousands may be pending.
func (disp *dispatcher) add(d *delivery, size int) {
	disp.deliveries = append(disp.deliveries, d)
	disp.byID[d.ID] = d
	if len(disp.deliveries) <= max(size, disp.crowded)+size/4 {
		return
	}
	surplus := len(disp.deliveries) - size
	disp.deliveries = slices.DeleteFunc(disp.deliveries, func(old *delivery) bool {
		if surplus == 0 || old.State == DeliveryPending || old.queued > 0 {
			return false
		}
		surplus--
		delete(disp.byID, old.ID)
		return true
	})
	disp.crowded = len(disp.deliveries)
}

// list copies the deliveries of one provider, or of all when it is empty.
func (disp *dispatcher) list(provider string) []Delivery {
	var all []Delivery
	for _, d := range disp.deliveries {
		if provider == "" || d.Provider == provider {
			all = append(all, d.copy())
		}
	}
	return all
}

// deliveryView is a delivery with what receivers responded.
type deliveryView struct {
	Delivery
	Reference string        `json:"reference,omitempty"`
	Object    string        `json:"object,omitempty"`
	Request   string        `json:"request,omitempty"` // id of the request that caused it, or that began what an event goes on with
	Cause     string        `json:"cause,omitempty"`   // "by hand", without a request
	Attempts  []attemptView `json:"attempts"`
	Next      *time.Time    `json:"next,omitempty"` // when the next attempt is due
	Wants     string        `json:"wants"`          // which response acknowledges
}

type attemptView struct {
	DeliveryAttempt
	receipt
}

// receipt is what the journal keeps of an attempt beside the attempt itself. It is
// no part of a snapshot.
type receipt struct {
	Milliseconds float64 `json:"ms"` // real
	Response     string  `json:"response,omitempty"`
}

const receiptBody = 2 << 10

func (w *World) deliveryView(d *delivery) deliveryView {
	v := deliveryView{Delivery: d.copy(), Request: d.request, Cause: d.cause, Attempts: []attemptView{}}
	for i, a := range v.Delivery.Attempts {
		x := attemptView{DeliveryAttempt: a}
		if behind := len(d.Attempts) - len(d.receipts); i >= behind {
			x.receipt = d.receipts[i-behind]
		}
		v.Attempts = append(v.Attempts, x)
	}
	c := w.byName[d.Provider]
	v.Body = c.secrets.body(d.Header.Get("Content-Type"), d.Body)
	about := w.timeline.about(Record{Provider: d.Provider, Identity: d.Identity})
	v.Reference, v.Object = about.Reference, about.Object
	v.Wants = c.provider.Callbacks.wants()
	if d.State == DeliveryPending && !d.due.IsZero() {
		due := d.due
		v.Next = &due
	}
	return v
}

// noteAttempt records an attempt that is over. The lock is held.
func (w *World) noteAttempt(d *delivery, a DeliveryAttempt, x receipt) {
	d.receipts = append(d.receipts, x)
	r := Record{Kind: RecordCallback, Provider: d.Provider, Result: ResultPending, Identity: d.Identity, Delivery: d.ID, Request: d.request}
	switch {
	case a.Acknowledged:
		r.Result = ResultOK
	case d.State != DeliveryPending: // no retry follows
		r.Result = ResultFailed
	}
	r.Text = d.Event + " → " + strconv.Itoa(a.Status)
	if a.Status == 0 {
		r.Text = d.Event + " → no response"
	}
	r.Cause = a.Error
	if r.Cause == "" && r.Result != ResultOK {
		r.Cause = "not acknowledged: " + w.byName[d.Provider].provider.Callbacks.wants()
	}
	r.Cause = cmp.Or(r.Cause, d.cause)
	w.record(r)
}
