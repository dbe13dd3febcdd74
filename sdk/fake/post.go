package fake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	attemptLimit   = 10 * time.Second // real time one attempt waits for its answer
	answerLimit    = 64 << 10         // bytes read of an answer
	maxWorkers     = 32               // attempts side by side
	maxQueued      = 100_000          // attempts waiting for a worker
	eventDeliver   = "deliver"        // event of the World itself: the next scheduled attempt is due
	errorQueueFull = "too many callbacks waiting"
)

// post holds the deliveries since the last reset or restore. All its fields
// belong to the World's lock.
type post struct {
	ctx        context.Context // ends with the post; attempts still on their way then no longer count
	deliveries []*delivery     // oldest first
	byID       map[string]*delivery
	count      int
	held       map[string][]*delivery
	lanes      map[string]*lane
	ready      []*lane // lanes with a job and no worker at it
	queued     int
	running    int           // workers
	inFlight   int           // jobs queued or under way, and woken requests
	idle       chan struct{} // closed when inFlight comes back to zero; nil while it is zero
}

// lane keeps the order of one subject: one job at a time.
type lane struct {
	key  string
	jobs []job
}

type job struct {
	d         *delivery
	scheduled bool // part of the retry schedule; else asked for out of turn
}

// startPost begins anew, without any delivery. What is under way is cancelled.
func (w *World) startPost() {
	if w.post != nil {
		w.stopDelivery()
		if w.post.idle != nil { // whoever waits for the old one need not any more
			close(w.post.idle)
			w.post.idle = nil
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stopDelivery = cancel
	w.post = &post{ctx: ctx, byID: map[string]*delivery{}, held: map[string][]*delivery{}, lanes: map[string]*lane{}}
}

func (p *post) begin() {
	if p.inFlight == 0 {
		p.idle = make(chan struct{})
	}
	p.inFlight++
}

func (p *post) end() {
	p.inFlight--
	if p.inFlight == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// enqueue puts a job at the end of its lane. The lock is held.
func (w *World) enqueue(j job) {
	p := w.post
	if p.ctx.Err() != nil { // closed
		return
	}
	if p.queued >= maxQueued {
		j.d.State = DeliveryDead
		j.d.note(DeliveryAttempt{Time: w.Now(), Error: errorQueueFull})
		return
	}
	p.begin()
	p.queued++
	j.d.queued++
	key := j.d.lane()
	l := p.lanes[key]
	if l != nil { // a worker is at it or will be
		l.jobs = append(l.jobs, j)
		return
	}
	l = &lane{key: key, jobs: []job{j}}
	p.lanes[key] = l
	p.ready = append(p.ready, l)
	if p.running < maxWorkers {
		p.running++
		w.workers.Add(1)
		go w.deliver(p)
	}
}

// deliver is a worker: it takes jobs until none is ready.
func (w *World) deliver(p *post) {
	defer w.workers.Done()
	w.Lock()
	defer w.Unlock()
	for len(p.ready) > 0 && p.ctx.Err() == nil {
		l := p.ready[0]
		p.ready = p.ready[1:]
		j := l.jobs[0]
		l.jobs = l.jobs[1:]
		p.queued--
		w.attempt(p, j)
		if len(l.jobs) > 0 {
			p.ready = append(p.ready, l)
		} else {
			delete(p.lanes, l.key)
		}
		j.d.queued--
		p.end()
	}
	p.running--
}

// attempt posts a delivery once. It gives the lock back for as long as the
// network takes.
func (w *World) attempt(p *post, j job) {
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
	func() {
		w.mu.Unlock()
		defer w.mu.Lock()
		w.exchange(p.ctx, d.URL, d.Body, &x)
		acknowledged = x.Status != 0 && x.Error == "" && policy.acknowledged(seen, x)
	}()
	if p.ctx.Err() != nil { // reset or closed while on the way
		return
	}
	d.note(x.DeliveryAttempt)
	giveUp := false
	if policy.Attempted != nil {
		giveUp = policy.Attempted(d.copy(), x)
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
	w.After(wait, "", eventDeliver, d.ID)
}

func (p Policy) acknowledged(d Delivery, x Exchange) bool {
	if p.Acknowledged != nil {
		return p.Acknowledged(d, x.Status, x.Body)
	}
	return x.Status >= 200 && x.Status < 300
}

// retry is the event of a scheduled attempt. The lock is held.
func (w *World) retry(id string) {
	if d := w.post.byID[id]; d != nil && d.State == DeliveryPending {
		w.enqueue(job{d: d, scheduled: true})
	}
}

// exchange posts and reads the answer into x. It is called without the lock.
func (w *World) exchange(ctx context.Context, url, body string, x *Exchange) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		x.Error = "invalid url"
		return
	}
	req.Header = x.Sent
	res, err := w.callbacks.Do(req)
	if err != nil {
		x.TimedOut = errors.Is(err, context.DeadlineExceeded)
		x.Error = reason(err)
		return
	}
	defer res.Body.Close()
	x.Status, x.Answered = res.StatusCode, res.Header
	x.Body, err = io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if err != nil {
		x.TimedOut = errors.Is(err, context.DeadlineExceeded)
		x.Error = reason(err)
	}
}

// reason is an error without the URL around it, which may be a secret.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within 10 s"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// callbackClient is what callbacks are posted with, and how it is put away.
func callbackClient(o Options) (*http.Client, func()) {
	c := http.Client{}
	closeIt := func() {}
	switch {
	case o.Callbacks != nil:
		p := newPipes(o.Callbacks)
		c.Transport, closeIt = p.transport, p.close
	case o.CallbackClient != nil:
		c = *o.CallbackClient
	default:
		// No proxy from the environment, and no kept connection that a
		// receiver restarted meanwhile would answer with a reset.
		t := &http.Transport{DisableKeepAlives: true}
		c.Transport, closeIt = t, t.CloseIdleConnections
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c, closeIt
}
