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
	"strings"
	"sync"
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
			x.last.response.Status = resp.StatusCode // somebody has answered
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

// byteOrderMark stands in front of the JSON of some servers, and no decoder takes it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// mayHaveLeft reports whether the peer may have got enough of an attempt to act on
// it. Without proof of the contrary it may.
func (x *exchange) mayHaveLeft(a *attempt, err error) bool {
	e, unread := &a.seen, len(x.body) == 0
	if !x.core.plain && !unread {
		unread = a.body.seal()
	}
	if x.core.plain {
		unread = true // the hooks tell
	}
	switch {
	case !unread:
		return true
	case !x.core.plain && errors.Is(err, sdk.ErrNotSent):
		return false // the caller's own RoundTripper says so
	case !x.core.plain && len(x.body) == 0 && x.class != sdk.Safe:
		return true // nobody can see whether such a request was sent
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

// judge says what an attempt meant, and enters it in the history.
func (x *exchange) judge(err error, left, stale bool) {
	a := &x.last
	noAnswer := sdk.Unknown
	if x.class == sdk.Safe {
		noAnswer = sdk.NoEffect
	}
	if err != nil {
		a.err, a.outcome = err, noAnswer
		if left || a.response.Status != 0 {
			x.open = true
			return
		}
		a.outcome = sdk.NotSent
		if stale {
			a.err = errConnectionStale
		}
		return
	}

	r := &a.response
	if r.Status == http.StatusTooManyRequests || r.Status >= 500 {
		a.wait = retryAfter(r.Header, time.Now())
	}
	if r.Status >= 300 && r.Status < 400 {
		a.outcome = noAnswer // unless net/http goes on to follow it
		a.verdict.Reasons = []error{sdk.ErrRedirected}
		x.open = x.open || x.class != sdk.Safe
		return
	}
	r.Reference = x.reference
	a.verdict = x.core.cfg.Interpret(*x.op, r)
	if a.wait == 0 {
		a.wait = max(a.verdict.RetryAfter, 0)
	}
	switch {
	case a.verdict.Kind == Accepted && x.decode == nil:
		a.ok = true
	case a.verdict.Kind == Accepted:
		if err := x.decode(r); err != nil {
			a.err, a.outcome = &wrapped{text: "response not understood", err: err}, noAnswer
			a.verdict = Verdict{Reasons: []error{sdk.ErrUnexpectedResponse}}
			x.open = true
			return
		}
		a.ok = true
	case a.recognised():
		a.outcome = sdk.Rejected
		refusal := *a
		x.refusal = &refusal
	default:
		a.outcome = noAnswer
		if a.verdict.Reasons == nil {
			a.verdict.Reasons = unclearReasons(r.Status)
		}
		x.open = true
	}
}

func unclearReasons(status int) []error {
	switch {
	case status == http.StatusUnauthorized:
		return []error{sdk.ErrUnauthorized}
	case status == http.StatusForbidden:
		return []error{sdk.ErrForbidden}
	case status == http.StatusNotFound:
		return []error{sdk.ErrNotFound}
	case status == http.StatusTooManyRequests:
		return []error{sdk.ErrRateLimited}
	case status >= 500:
		return []error{sdk.ErrServer}
	}
	return []error{sdk.ErrUnexpectedResponse}
}

// buffers serve responses of unknown length. They never hold more than a page.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxPooledBuffer = 256 << 10

// readBody reads a whole response to its end, bounded, which frees the connection
// for the next call. What it returns belongs to the caller: results keep it as
// their raw JSON.
func (x *exchange) readBody(resp *http.Response) ([]byte, error) {
	n, limit := resp.ContentLength, x.core.maxResponse
	switch {
	case resp.Body == http.NoBody:
		return nil, nil // nothing, or the response to a HEAD, whatever its length says
	case n > limit:
		return nil, errBodyTooLarge
	case n > 0:
		body := make([]byte, n)
		if _, err := io.ReadFull(resp.Body, body); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch _, err := io.ReadFull(resp.Body, x.beyond[:]); {
		case err == nil:
			return nil, errBodyTooLong
		case !errors.Is(err, io.EOF):
			return nil, err
		}
		return body, nil
	}
	// Unknown, or said to be empty by a RoundTripper that does not say.
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooledBuffer {
			buffers.Put(buf)
		}
	}()
	read, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if read > limit {
		return nil, errBodyTooLarge
	}
	return bytes.Clone(buf.Bytes()), nil
}

var jsonType = []string{"application/json"}

// header returns the headers of one attempt, credentials excepted.
func (x *exchange) header() http.Header {
	h := make(http.Header, 6+len(x.extra))
	for name, values := range x.extra {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h["Accept"] = jsonType
	h["User-Agent"] = x.core.userAgent
	if x.body != nil {
		if x.contentType == "" {
			h["Content-Type"] = jsonType
		} else {
			h["Content-Type"] = []string{x.contentType}
		}
	}
	if x.key != "" {
		h["Idempotency-Key"] = []string{x.key}
	}
	return h
}

// repeatsRequest names the headers at which net/http takes a request to be
// repeatable and sends it again by itself when a pooled connection breaks.
func repeatsRequest(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return name == "Idempotency-Key" || name == "X-Idempotency-Key"
}

// checkHeader finds what net/http would refuse before any trace of an attempt
// shows: a secret with a line end, say.
func (c *Core) checkHeader(h http.Header) error {
	for name, values := range h {
		if len(values) == 1 && (&values[0] == &jsonType[0] || &values[0] == &c.userAgent[0]) {
			continue // ours, checked by New
		}
		if !sendable(name, values) {
			return errHeader
		}
	}
	return nil
}

func sendable(name string, values []string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case strings.IndexByte("!#$%&'*+.^_`|~", c) < 0:
			return false
		}
	}
	for _, v := range values {
		if !validHeaderValue(v) {
			return false
		}
	}
	return true
}

func validHeaderValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
