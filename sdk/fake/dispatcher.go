package fake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kapiteni/kapiten-go/internal/pipe"
)

const (
	attemptLimit   = 10 * time.Second      // real time one attempt waits for its response
	idleLimit      = time.Second           // real time a connection is kept without an attempt
	refusalLimit   = 20 * time.Millisecond // real time a refused connection is not asked for again
	maxRefusals    = 1000
	responseLimit  = 64 << 10  // bytes read of a response
	maxWorkers     = 32        // attempts side by side
	maxQueued      = 100_000   // attempts waiting for a worker
	eventDeliver   = "deliver" // event of the World itself: the next scheduled attempt is due
	errorQueueFull = "too many callbacks waiting"

	// flushLimit bounds, in real time, how long Advance and Flush wait for
	// callbacks. It allows for a few attempts that run into attemptLimit.
	flushLimit = time.Minute
)

// dispatcher sends callbacks. It holds the deliveries since the last reset or
// restore. The World's lock guards all its fields.
type dispatcher struct {
	ctx        context.Context // ends with the dispatcher; attempts still on their way then no longer count
	deliveries []*delivery     // oldest first
	byID       map[string]*delivery
	count      int
	crowded    int                    // deliveries there were when the last search for old ones ended
	held       map[string][]*delivery // by lane
	lanes      map[string]*lane
	ready      []*lane // lanes with a job and no worker at it
	queued     int
	running    int           // workers
	inFlight   int           // jobs queued or under way, and woken requests
	idle       chan struct{} // closed when inFlight comes back to zero; nil while it is zero
}

// lane queues the callbacks about one object, so that they are sent in order:
// one job at a time.
type lane struct {
	key  string
	jobs []job
}

// job is one attempt to be made.
type job struct {
	d         *delivery
	scheduled bool // part of the retry schedule; else an extra attempt
}

// startDispatcher begins anew, without any delivery. It cancels what is under
// way.
func (w *World) startDispatcher() {
	if w.dispatcher != nil {
		w.stopDelivery()
		if w.dispatcher.idle != nil { // nobody needs to wait for the old one any more
			close(w.dispatcher.idle)
			w.dispatcher.idle = nil
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stopDelivery = cancel
	w.dispatcher = &dispatcher{ctx: ctx, byID: map[string]*delivery{}, held: map[string][]*delivery{}, lanes: map[string]*lane{}}
}

func (disp *dispatcher) begin() {
	if disp.inFlight == 0 {
		disp.idle = make(chan struct{})
	}
	disp.inFlight++
}

func (disp *dispatcher) end() {
	disp.inFlight--
	if disp.inFlight == 0 && disp.idle != nil {
		close(disp.idle)
		disp.idle = nil
	}
}

// flush waits until nothing is in flight, at most flushLimit.
func (w *World) flush() {
	w.mu.Lock()
	idle := w.dispatcher.idle
	w.mu.Unlock()
	if idle == nil {
		return
	}
	limit := time.NewTimer(flushLimit)
	defer limit.Stop()
	for idle != nil {
		select {
		case <-idle:
		case <-limit.C:
			return
		case <-w.closed:
			return
		}
		w.mu.Lock()
		idle = w.dispatcher.idle
		w.mu.Unlock()
	}
}

// enqueue puts a job at the end of its lane. The lock is held.
func (w *World) enqueue(j job) {
	disp := w.dispatcher
	if disp.ctx.Err() != nil { // closed
		return
	}
	if disp.queued >= maxQueued {
		j.d.State = DeliveryDead
		j.d.note(DeliveryAttempt{Time: w.Now(), Error: errorQueueFull})
		return
	}
	disp.begin()
	disp.queued++
	j.d.queued++
	key := j.d.lane()
	l := disp.lanes[key]
	if l != nil { // a worker is at it or will be
		l.jobs = append(l.jobs, j)
		return
	}
	l = &lane{key: key, jobs: []job{j}}
	disp.lanes[key] = l
	disp.ready = append(disp.ready, l)
	if disp.running < maxWorkers {
		disp.running++
		w.workers.Add(1)
		if w.stepping && w.delivering == nil {
			w.delivering = func() { w.deliver(disp) }
			return
		}
		go w.deliver(disp)
	}
}

// deliver is a worker: it takes jobs until none is ready.
func (w *World) deliver(disp *dispatcher) {
	defer w.workers.Done()
	w.Lock()
	defer w.Unlock()
	for len(disp.ready) > 0 && disp.ctx.Err() == nil {
		l := disp.ready[0]
		disp.ready = disp.ready[1:]
		j := l.jobs[0]
		l.jobs = l.jobs[1:]
		disp.queued--
		w.attempt(disp, j)
		if len(l.jobs) > 0 {
			disp.ready = append(disp.ready, l)
		} else {
			delete(disp.lanes, l.key)
		}
		j.d.queued--
		disp.end()
	}
	disp.running--
}

// attempt posts a delivery once. It gives the lock back for as long as the
// network takes.
func (w *World) attempt(disp *dispatcher, j job) {
	d := j.d
	if j.scheduled && d.State != DeliveryPending { // delivered or abandoned meanwhile
		d.firstOver()
		return
	}
	policy := w.byName[d.Provider].provider.Callbacks
	seen := d.copy()
	x := Exchange{DeliveryAttempt: DeliveryAttempt{Time: w.Now()}, Sent: seen.Header.Clone()}
	if x.Sent == nil {
		x.Sent = http.Header{}
	}
	if policy.Sign != nil {
		policy.Sign(seen, x.Sent)
	}

	var acknowledged bool
	var received receipt
	do := func(req *http.Request) (*http.Response, error) { return w.callbacks.Do(req) }
	if b := w.burst; b != nil {
		do = func(req *http.Request) (*http.Response, error) { return b.do(req, d.URL) }
	}
	func() {
		w.mu.Unlock()
		defer w.mu.Lock()
		begin := time.Now()
		exchange(disp.ctx, do, d.URL, d.Body, &x)
		received.Milliseconds = milliseconds(time.Since(begin))
		received.Response = w.byName[d.Provider].secrets.body(x.Received.Get("Content-Type"), string(x.Body))
		received.Response = received.Response[:min(len(received.Response), receiptBody)]
		acknowledged = x.Status != 0 && x.Error == "" && policy.acknowledged(seen, x)
	}()
	if disp.ctx.Err() != nil { // reset or closed while on the way
		return
	}
	x.Acknowledged = acknowledged
	d.note(x.DeliveryAttempt)
	if j.scheduled { // an attempt by hand leaves the schedule as it is
		d.due = time.Time{}
	}
	defer func() { w.noteAttempt(d, x.DeliveryAttempt, received) }()
	giveUp := false
	if policy.Attempted != nil {
		w.timeline.cause = "callback " + d.ID
		giveUp = policy.Attempted(d.copy(), x)
		w.compareTouched()
		w.timeline.cause = ""
	}
	if acknowledged {
		d.State = DeliveryDelivered
		return
	}
	if d.State != DeliveryPending || !j.scheduled {
		return
	}
	if giveUp || d.scheduled >= len(policy.Retries) {
		d.State = DeliveryDead
		return
	}
	wait := policy.Retries[d.scheduled]
	d.scheduled++
	d.due = w.Now().Add(wait)
	w.After(wait, "", eventDeliver, d.ID)
}

func (p Policy) acknowledged(d Delivery, x Exchange) bool {
	if p.Acknowledged != nil {
		return p.Acknowledged(d, x.Status, x.Body)
	}
	return x.Status >= 200 && x.Status < 300
}

func (p Policy) wants() string {
	return cmp.Or(p.Wants, "the provider wants any status 2xx")
}

// retry queues the scheduled attempt that is due. The lock is held.
func (w *World) retry(id string) {
	if d := w.dispatcher.byID[id]; d != nil && d.State == DeliveryPending {
		w.enqueue(job{d: d, scheduled: true})
	}
}

// exchange posts the body and reads the response into x. It is called without
// the lock.
func exchange(ctx context.Context, do func(*http.Request) (*http.Response, error), url, body string, x *Exchange) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		x.Error = "invalid url"
		return
	}
	req.Header = x.Sent
	res, err := do(req)
	if err != nil {
		x.TimedOut = errors.Is(err, context.DeadlineExceeded)
		x.Error = reason(err)
		return
	}
	defer res.Body.Close()
	x.Status, x.Received = res.StatusCode, res.Header
	x.Body, err = io.ReadAll(io.LimitReader(res.Body, responseLimit))
	if err != nil {
		x.TimedOut = errors.Is(err, context.DeadlineExceeded)
		x.Error = reason(err)
	}
}

// reason is an error's text without the URL around it, which may be a secret.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no response within 10 s"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// burst is the callbacks of one Advance. An hour on the clock may hold many
// thousand attempts, so they keep their connections and, for refusalLimit, do not
// ask again for a connection that was refused.
type burst struct {
	client  *http.Client
	mu      sync.Mutex
	refused map[string]refusal // by URL
}

type refusal struct {
	err   error
	until time.Time // real
}

func (b *burst) do(req *http.Request, url string) (*http.Response, error) {
	b.mu.Lock()
	known := b.refused[url]
	b.mu.Unlock()
	if known.err != nil && time.Now().Before(known.until) {
		return nil, known.err
	}
	res, err := b.client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.refused) >= maxRefusals {
			clear(b.refused)
		}
		b.refused[url] = refusal{err, time.Now().Add(refusalLimit)}
	}
	return res, err
}

// beginBurst makes the attempts from now on a burst and returns the function that
// ends it. It does nothing to a client that the caller gave.
func (w *World) beginBurst() (end func()) {
	if w.opts.Callbacks != nil || w.opts.CallbackClient != nil {
		return func() {}
	}
	t := &http.Transport{DialContext: dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: maxWorkers, IdleConnTimeout: idleLimit}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.burst = &burst{client: &http.Client{Transport: t, CheckRedirect: w.callbacks.CheckRedirect}, refused: map[string]refusal{}}
	return func() {
		w.mu.Lock()
		w.burst = nil
		w.mu.Unlock()
		t.CloseIdleConnections()
	}
}

// callbackClient returns the client that sends callbacks, and the function that
// closes it.
func callbackClient(o Options) (*http.Client, func()) {
	c := http.Client{}
	closeIt := func() {}
	switch {
	case o.Callbacks != nil:
		c.Transport, closeIt = pipe.Serve(o.Callbacks)
	case o.CallbackClient != nil:
		c = *o.CallbackClient
	default:
		// No proxy from the environment. No kept connection either: a receiver
		// that was restarted meanwhile would reset it.
		t := &http.Transport{DialContext: dial, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		c.Transport, closeIt = t, t.CloseIdleConnections
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c, closeIt
}

// errNoReceiver is the error of an attempt that would need to look up a name.
var errNoReceiver = errors.New("no receiver: set Options.Callbacks, because no host name is looked up inside a synctest bubble")

// dial connects to a receiver. Inside a bubble it looks up no name: package net makes a
// channel at its first look-up, and keeps it. Go ends the whole process when code outside
// that bubble then looks up a name.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err != nil && inBubble() {
		return nil, errNoReceiver
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
