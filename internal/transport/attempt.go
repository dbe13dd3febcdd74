package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// attempt is one attempt: request, context, body and evidence in one allocation.
// A RoundTripper's goroutines may keep it after it has returned, so it is never
// used again. It is the request's context, so that its time limit needs no second
// one.
type attempt struct {
	caller context.Context // with its own trace and ours, if it has one
	limit  limit
	seen   evidence
	req    http.Request
	body   body

	limited bool // limit ends it; else the caller's context alone
	h2c     bool // the transport may speak HTTP/2 without TLS
}

func (a *attempt) Deadline() (time.Time, bool) {
	if !a.limit.deadline.IsZero() {
		return a.limit.deadline, true
	}
	return a.caller.Deadline()
}

func (a *attempt) Done() <-chan struct{} {
	if !a.limited {
		return a.caller.Done()
	}
	return a.limit.wait()
}

func (a *attempt) Err() error {
	if !a.limited {
		return a.caller.Err()
	}
	if err := a.limit.reason(); err == nil || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err := a.caller.Err(); err != nil {
		return err
	}
	return context.Canceled
}

func (a *attempt) Value(key any) any {
	if key == traceKey && a.seen.hooks.GotConn != nil {
		return &a.seen.hooks
	}
	return a.caller.Value(key)
}

// AfterFunc is how package context ends contexts made of this one without a
// goroutine for each.
func (a *attempt) AfterFunc(f func()) func() bool {
	if !a.limited {
		return context.AfterFunc(a.caller, f)
	}
	return a.limit.after(f)
}

// traceKey is httptrace's own key of a context's value.
var traceKey = func() any {
	p := &keyProbe{Context: context.Background()}
	httptrace.ContextClientTrace(p)
	return p.key
}()

type keyProbe struct {
	context.Context
	key any
}

func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}

// gotConn keeps the latest connection. Before, it may end the attempt: net/http
// asks for a second connection when it sends the request again by itself. A write
// must not be sent again, unless not one byte went over the first connection.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	e := &a.seen
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.got.Swap(true) && !e.untouched() {
		a.limit.cancel()
		if !a.shared(info.Conn) {
			// Over HTTP/1 net/http writes without another look at the context.
			_ = info.Conn.Close()
		}
	}
	if e.conn = counterOf(info.Conn); e.conn != nil {
		e.before = e.conn.written.Load()
	}
}

// shared reports a connection that can carry other requests at the same time.
func (a *attempt) shared(conn net.Conn) bool {
	secure, ok := conn.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2" || !ok && a.h2c
}

// newAttempt makes the request of one attempt, with headers and a body of its own:
// those of an earlier attempt may still be on their way on another goroutine.
func (x *exchange) newAttempt(outer *http.Request) *attempt {
	a := &attempt{caller: x.caller, h2c: x.core.h2c}
	a.req = *(&http.Request{
		Method: outer.Method, URL: outer.URL, Host: outer.Host, Header: x.header(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Response: outer.Response,
	}).WithContext(a)
	// cookies, and a redirect's referer
	maps.Copy(a.req.Header, outer.Header)
	if x.class != sdk.Safe {
		h := &a.seen.hooks
		h.GetConn, h.GotConn, h.WroteHeaders = a.seen.getConn, a.gotConn, a.seen.wroteHeaders
	} else {
		h := &a.seen.hooks
		h.GetConn, h.GotConn, h.WroteHeaders = a.seen.getConn, a.seen.gotReadConn, a.seen.wroteHeaders
	}
	if x.caller.Value(traceKey) != nil { // the caller's own trace sees everything as well
		both := a.seen.hooks
		a.caller = httptrace.WithClientTrace(x.caller, &both)
		a.seen.hooks = httptrace.ClientTrace{}
	}
	// An empty body stays nil: anything else changes the wire. A write has no
	// GetBody, so that net/http cannot send it again.
	if len(x.body) > 0 {
		a.req.ContentLength = int64(len(x.body))
		a.body.bytes.Reset(x.body)
		if x.core.plain {
			// For a body of another type net/http sends the headers in a packet of
			// their own.
			a.req.Body = io.NopCloser(&a.body.bytes)
		} else {
			a.req.Body = &a.body
		}
		if x.class == sdk.Safe {
			body := x.body
			a.req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		}
	}
	return a
}

// attempt carries out one attempt: authorize, send, read the whole response, and
// say what it means. It returns nil without a response.
func (x *exchange) attempt(outer *http.Request) *http.Response {
	if outer.Response == nil { // a redirect that is followed belongs to its attempt
		x.number++
		x.attempts++
	}
	x.last = record{}
	start := x.core.startOfAttempt()
	a := x.newAttempt(outer)
	err := x.caller.Err() // net/http would return it without a trace
	if err == nil {
		err = x.authorize(&a.req)
	}
	if err != nil {
		x.last = record{err: err, outcome: sdk.NotSent, final: true}
		x.observe(start)
		return nil
	}
	resp, err := x.perform(a)
	left := err == nil || x.mayHaveLeft(a, err)
	// It had one of the SDK's own connections, and yet nothing left.
	stale := !left && x.core.own != nil && x.class != sdk.Safe && a.seen.got.Load()
	x.judge(err, left, stale)
	x.observe(start)
	return resp
}

// startOfAttempt reads the clock if anybody is going to ask how long it took.
func (c *Core) startOfAttempt() (start time.Time) {
	if c.cfg.OnAttempt != nil || c.cfg.Logger != nil {
		start = time.Now()
	}
	return start
}

func (x *exchange) authorize(req *http.Request) error {
	cfg := &x.core.cfg
	if cfg.Tokens != nil && !x.op.Open {
		token, err := cfg.Tokens.Get(x.caller)
		if err != nil {
			if x.caller.Err() != nil {
				return x.caller.Err()
			}
			return &otherCall{text: "login failed", err: err, reasons: true}
		}
		x.last.token = token
	}
	if cfg.Authorize != nil {
		if err := cfg.Authorize(req, *x.op, x.body, x.last.token); err != nil {
			return err
		}
	}
	return x.core.checkHeader(req.Header)
}

// perform sends one request and reads the response whole into x.last.
func (x *exchange) perform(a *attempt) (*http.Response, error) {
	timeout := x.timeout
	if deadline, ok := x.caller.Deadline(); ok && timeout > 0 && time.Until(deadline) <= timeout {
		timeout = 0 // the caller's deadline comes first: no second timer
	}
	// Over the SDK's own connections a request with a body is never sent again, so
	// that nothing but time must be able to end it.
	if a.limited = timeout > 0 || x.class != sdk.Safe && (x.core.own == nil || len(x.body) == 0); a.limited {
		a.limit.begin(x.caller, timeout)
		defer a.limit.finish()
	}
	resp, err := x.core.pool(x.class).RoundTrip(&a.req)
	if err == nil && (resp == nil || resp.Body == nil) {
		if resp != nil {
			x.last.response.Status = resp.StatusCode // somebody has responded
		}
		resp, err = nil, errNoResponse
	}
	if err == nil {
		x.last.response.Status, x.last.response.Header = resp.StatusCode, resp.Header
		x.last.response.Body, err = x.readBody(resp)
		x.last.response.Body = bytes.TrimPrefix(x.last.response.Body, byteOrderMark)
		_ = resp.Body.Close()
	}
	if err != nil && a.limited && x.caller.Err() == nil {
		switch ended := a.limit.reason(); {
		case errors.Is(ended, context.DeadlineExceeded):
			err = errAttemptTimedOut
		case ended != nil:
			err = errSentAgain
		}
	}
	return resp, err
}

// pool is where a call of a class is sent.
func (c *Core) pool(class sdk.Class) http.RoundTripper {
	switch {
	case c.own == nil:
		return c.transport
	case class == sdk.Safe:
		return c.own.reads
	}
	return c.own.writes
}

// byteOrderMark stands in front of the JSON of some servers, and no decoder takes it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// evidence is what the hooks of net/http have seen. They run on other goroutines,
// late ones too. What was seen stays seen: a late hook can only make an attempt
// look more sent than it was, which is the safe side.
type evidence struct {
	hooks httptrace.ClientTrace
	asked atomic.Bool // a connection was asked for
	got   atomic.Bool // ... and obtained
	wrote atomic.Bool // request headers may have left

	mu     sync.Mutex
	conn   *countedConn // the latest connection, if it is the SDK's own
	before int64        // bytes written on it before this attempt
}

func (e *evidence) getConn(string) { e.asked.Store(true) }

func (e *evidence) wroteHeaders() { e.wrote.Store(true) }

// untouched reports that not one byte was written on the latest connection. The
// lock is held.
func (e *evidence) untouched() bool { return e.conn != nil && e.conn.written.Load() == e.before }

// mayHaveLeft reports whether the peer may have got enough of an attempt to act on
// it. Without proof of the contrary it may.
func (x *exchange) mayHaveLeft(a *attempt, err error) bool {
	e, unread := &a.seen, len(x.body) == 0
	if !x.core.plain && !unread {
		unread = a.body.seal()
	}
	if x.core.plain {
		// The hooks tell. They are silent about a RoundTripper that the caller has
		// registered for the scheme.
		unread = e.got.Load() || !e.asked.Load() || a.body.bytes.Len() == len(x.body)
	}
	switch {
	case !unread:
		return true
	case !x.core.plain && errors.Is(err, sdk.ErrNotSent):
		return false // the caller's own RoundTripper says so
	case x.core.own == nil && len(x.body) == 0 && x.class != sdk.Safe:
		// Nobody can see whether the caller's RoundTripper sent such a request, or one that he
		// has registered with his *http.Transport.
		return true
	case !e.asked.Load():
		return true // a RoundTripper of which nothing is known
	case !e.got.Load() && !e.wrote.Load():
		return false // no connection was ever had
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, errAttemptTimedOut) || errors.Is(err, errSentAgain) || x.caller.Err() != nil {
		return true // the request may still be written on another goroutine
	}
	// Otherwise net/http has waited for that goroutine.
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.untouched()
}

// body is a request body that cannot be rewound. It remembers whether somebody has
// read it. Once it is sealed nobody can.
type body struct {
	bytes bytes.Reader
	state atomic.Int32 // 0, bodyOpened or bodySealed
}

const bodyOpened, bodySealed = 1, 2

func (b *body) open() bool {
	return b.state.CompareAndSwap(0, bodyOpened) || b.state.Load() == bodyOpened
}

// seal reports that nobody has read the body, and that nobody will.
func (b *body) seal() bool {
	return b.state.CompareAndSwap(0, bodySealed) || b.state.Load() == bodySealed
}

func (b *body) Read(p []byte) (int, error) {
	if !b.open() {
		return 0, errBodySealed
	}
	return b.bytes.Read(p)
}

func (b *body) WriteTo(to io.Writer) (int64, error) {
	if !b.open() {
		return 0, errBodySealed
	}
	return b.bytes.WriteTo(to)
}

func (b *body) Close() error { return nil }

func (e *evidence) gotReadConn(httptrace.GotConnInfo) { e.got.Store(true) }

// limit ends one attempt: after its time, with the caller's context, on demand, or
// when the attempt returns. It is made for one attempt only. It starts a timer and
// listens to the caller only once somebody listens to it: its channel and its list
// of functions are made then, too. Package context asks with AfterFunc, which spares
// it a goroutine.
type limit struct {
	caller   context.Context
	deadline time.Time // zero: the caller's

	mu      sync.Mutex
	err     error
	timer   *time.Timer
	release func() bool // stops listening to the caller's context
	heard   bool        // somebody listens
	done    chan struct{}
	funcs   []func() // to run at the end; removed ones are nil
	first   [1]func()
}

// begin is called before anybody else can see the attempt. A timeout of zero sets
// no deadline.
func (l *limit) begin(caller context.Context, timeout time.Duration) {
	l.caller = caller
	if timeout > 0 {
		l.deadline = time.Now().Add(timeout)
	}
}

// listen starts what ends the attempt. The lock is held.
func (l *limit) listen() {
	if l.heard || l.err != nil {
		return
	}
	l.heard = true
	if !l.deadline.IsZero() {
		l.timer = time.AfterFunc(time.Until(l.deadline), l.expire)
	}
	if l.caller.Done() != nil {
		l.release = context.AfterFunc(l.caller, l.cancel)
	}
}

// finish ends everything that an attempt which has returned may have left behind.
func (l *limit) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.release != nil {
		l.release()
	}
	l.end(context.Canceled)
}

func (l *limit) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(context.DeadlineExceeded)
}

func (l *limit) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(context.Canceled)
}

// end keeps the first reason. The lock is held.
func (l *limit) end(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	if l.done != nil {
		close(l.done)
	}
	for _, f := range l.funcs {
		if f != nil {
			go f()
		}
	}
	l.funcs = nil
}

// reason is nil while the attempt may go on.
func (l *limit) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
	case l.caller.Err() != nil:
		l.end(context.Canceled)
	case !l.deadline.IsZero() && !time.Now().Before(l.deadline):
		l.end(context.DeadlineExceeded)
	}
	return l.err
}

func (l *limit) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.err != nil {
			close(l.done)
		}
	}
	return l.done
}

// after runs f in a goroutine of its own once the attempt ends. The function it
// returns takes f back.
func (l *limit) after(f func()) func() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	l.listen()
	if l.funcs == nil { // nearly always the only one
		l.first[0] = f
		l.funcs = l.first[:]
		return l.dropFirst
	}
	i := len(l.funcs)
	l.funcs = append(l.funcs, f)
	return func() bool { return l.drop(i) }
}

func (l *limit) dropFirst() bool { return l.drop(0) }

func (l *limit) drop(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i >= len(l.funcs) || l.funcs[i] == nil {
		return false
	}
	l.funcs[i] = nil
	return true
}
