package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/kapiteni/kapiten-go/sdk"
)

// history is what is known about all attempts of one call. It only grows: what an
// earlier attempt may have done stays so, whatever a later one meets.
type history struct {
	attempts int
	// open: an attempt left, or may have left, and no recognised refusal of it
	// came. From then on only finding the payment settles the call.
	open    bool
	behind  bool    // another call of this client may have made a payment with the reference
	refusal *record // the last recognised refusal
	renewed bool    // a refused token was dropped once
}

// exchange sends one request until it is settled or must not be repeated. It is
// the context of a request that stands for the call and never leaves: only
// go-retryablehttp and our own http.Client see that request. What leaves is made
// anew by each attempt. So an exchange can be used again when its call returns.
type exchange struct {
	state
	outer   http.Request // its context is the exchange
	request retryablehttp.Request
}

type state struct {
	history
	core    *Core
	caller  context.Context
	op      *sdk.Operation
	class   sdk.Class
	body    []byte
	timeout time.Duration

	// Of the Call. Keeping the whole would move it to the heap.
	contentType, key, reference string
	extra                       http.Header
	decode                      func(*Response) error
	looks                       bool // the call has a Lookup
	single                      bool // nothing is repeated, not even what was never sent

	number int           // attempts of this exchange
	wait   time.Duration // before the next attempt
	beyond [1]byte       // what lies behind a body's end: nothing
	last   record
}

// record is what is known about the latest attempt.
type record struct {
	response Response
	verdict  Verdict
	err      error // why there is no complete response, or why it is not understood
	outcome  sdk.Outcome
	ok       bool
	final    bool // must not be repeated whatever the class
	token    string
	wait     time.Duration // which the provider asked for
}

// recognised reports a refusal in the provider's own words.
func (r *record) recognised() bool {
	switch r.verdict.Kind {
	case Refused, Throttled, Expired, Duplicate:
		return true
	}
	return false
}

var exchanges = sync.Pool{New: func() any {
	x := new(exchange)
	x.outer = *(&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(x)
	return x
}}

// noHeader belongs to the requests that stand for calls. Nobody writes to it: only
// a cookie jar would, and then each request gets a header of its own.
var noHeader = http.Header{}

// send carries out the attempts of one request.
func (c *Core) send(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call, h history) (history, failure) {
	x := exchanges.Get().(*exchange)
	x.history, x.core, x.caller, x.op, x.class, x.body, x.timeout = h, c, ctx, op, call.class(op.Class), body, c.timeout
	x.contentType, x.key, x.reference, x.extra, x.decode = call.ContentType, call.Key, call.Reference, call.Header, call.Decode
	x.looks, x.single = call.Lookup != nil, call.single
	if call.Timeout != 0 {
		x.timeout = call.Timeout
	}
	x.outer.Method, x.outer.URL, x.outer.Host, x.outer.Header = op.Method, u, u.Host, noHeader
	if c.client.Jar != nil {
		x.outer.Header = http.Header{}
	}
	x.request.Request = &x.outer

	_, err := c.retry.Do(&x.request) //nolint:bodyclose // http.NoBody: what the attempts meant stands in x
	var f failure
	if !x.last.ok {
		f = x.failure(err)
	}
	h = x.history
	x.state = state{}
	x.outer.URL, x.outer.Header, x.request.Request = nil, nil, nil
	exchanges.Put(x)
	return h, f
}

// The request that stands for the call ends with the caller's context.
func (x *exchange) Deadline() (time.Time, bool) { return x.caller.Deadline() }
func (x *exchange) Done() <-chan struct{}       { return x.caller.Done() }
func (x *exchange) Err() error                  { return x.caller.Err() }

// Value lets the hooks of go-retryablehttp and net/http find the exchange.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.caller.Value(key)
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.(*exchange); ok {
		return x
	}
	return ctx.Value(exchangeKey{}).(*exchange)
}

// attempts is the transport of a Core's http.Client. Standing inside it, each
// exchange sees every request that leaves, redirected ones too. It hides the
// real transport's CloseIdleConnections from go-retryablehttp, which would empty
// a pool that others use.
type attempts struct{}

// RoundTrip never returns an error, so that the hooks find the exchange by the
// response.
func (attempts) RoundTrip(outer *http.Request) (*http.Response, error) {
	resp := exchangeOf(outer.Context()).attempt(outer)
	if resp == nil {
		resp = &http.Response{Header: noHeader}
	}
	resp.Request, resp.Body = outer, http.NoBody
	return resp, nil
}

func checkRetry(ctx context.Context, _ *http.Response, _ error) (bool, error) {
	x := exchangeOf(ctx)
	return !x.last.ok && x.again(), nil
}

func waitDecided(_, _ time.Duration, _ int, resp *http.Response) time.Duration {
	return exchangeOf(resp.Request.Context()).wait
}

// freshHeader takes the cookies of the last attempt away.
func freshHeader(req *http.Request) error {
	req.Header = http.Header{}
	return nil
}

// observe tells the hook and the log about an attempt. Only what is listed here
// leaves: no URL, no body, no header but the request id.
func (x *exchange) observe(start time.Time) {
	ctx, cfg := x.caller, &x.core.cfg
	level := slog.LevelDebug
	if !x.last.ok {
		level = slog.LevelWarn
	}
	logging := cfg.Logger != nil && cfg.Logger.Enabled(ctx, level)
	if cfg.OnAttempt == nil && !logging {
		return
	}
	a := sdk.Attempt{
		Succeeded: x.last.ok,
		Provider:  cfg.Provider, Operation: x.op.Name, Method: x.op.Method, Path: x.op.Path,
		Number: x.number, StatusCode: x.last.response.Status, Duration: time.Since(start),
		Outcome: x.last.outcome, RequestID: x.last.response.Header.Get("X-Request-Id"), Err: x.last.err,
	}
	if logging {
		attrs := []slog.Attr{
			slog.String("provider", a.Provider),
			slog.String("operation", a.Operation),
			slog.String("method", a.Method),
			slog.String("path", a.Path),
			slog.Int("attempt", a.Number),
			slog.Int("status", a.StatusCode),
			slog.Duration("duration", a.Duration),
		}
		if !a.Succeeded {
			attrs = append(attrs, slog.String("outcome", a.Outcome.String()))
		}
		if a.RequestID != "" {
			attrs = append(attrs, slog.String("request_id", a.RequestID))
		}
		if a.Err != nil {
			attrs = append(attrs, slog.String("cause", sdk.SafeText(a.Err)))
		}
		cfg.Logger.LogAttrs(ctx, level, "http attempt", attrs...)
	}
	if cfg.OnAttempt != nil {
		cfg.OnAttempt(ctx, a)
	}
}

// judge says what an attempt meant, and enters it in the history.
func (x *exchange) judge(err error, left, stale bool) {
	a := &x.last
	noResponse := sdk.Unknown
	if x.class == sdk.Safe {
		noResponse = sdk.NoEffect
	}
	if err != nil {
		a.err, a.outcome = err, noResponse
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
		a.outcome = noResponse // unless net/http goes on to follow it
		a.verdict.Reasons = []error{sdk.ErrRedirected}
		x.open = x.open || x.class != sdk.Safe
		return
	}
	r.Reference, r.Sent = x.reference, x.body
	a.verdict = x.core.cfg.Interpret(*x.op, r)
	if a.wait == 0 {
		a.wait = max(a.verdict.RetryAfter, 0)
	}
	switch {
	case a.verdict.Kind == Accepted && x.decode == nil:
		a.ok = true
	case a.verdict.Kind == Accepted:
		if err := x.decode(r); err != nil {
			a.err, a.outcome = &wrapped{text: "response not understood", err: err}, noResponse
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
		a.outcome = noResponse
		if a.verdict.Reasons == nil {
			a.verdict.Reasons = unclearReasons(r.Status)
		}
		x.open = true
	}
}

// unclearReasons names a response that is not in the provider's words by its status. A
// 404 says nothing about an object: the path may be wrong, or a proxy does not know the
// server. Only Interpret makes a sdk.ErrNotFound.
func unclearReasons(status int) []error {
	switch {
	case status == http.StatusUnauthorized:
		return []error{sdk.ErrUnauthorized}
	case status == http.StatusForbidden:
		return []error{sdk.ErrForbidden}
	case status == http.StatusTooManyRequests:
		return []error{sdk.ErrRateLimited}
	case status >= 500:
		return []error{sdk.ErrServer}
	}
	return []error{sdk.ErrUnexpectedResponse}
}

// failure is the error of an exchange, or none, and what to do about it.
type failure struct {
	err   *sdk.Error
	kind  Kind
	wait  time.Duration // which a throttle asked for
	token string        // which was refused
}

func (x *exchange) failure(err error) failure {
	a := &x.last
	f := failure{kind: a.verdict.Kind, wait: a.wait, token: a.token}
	shown := a
	if !x.open && !a.recognised() && x.refusal != nil && x.refusal.verdict.Kind != Expired {
		shown = x.refusal // the last attempt was never sent
	}
	e := &sdk.Error{
		Provider: x.core.cfg.Provider, Operation: x.op.Name, Class: x.class, Outcome: x.outcome(),
		StatusCode: shown.response.Status, Code: shown.verdict.Code, Message: shown.verdict.Message, Fields: shown.verdict.Fields,
		RequestID: shown.response.Header.Get("X-Request-Id"), Reference: x.reference, IdempotencyKey: x.key,
		Attempts: x.attempts, RetryAfter: shown.wait, Detail: shown.verdict.Detail,
		Reasons: shown.verdict.Reasons, Cause: withoutOutcome(a.err),
	}
	if body := shown.response.Body; len(body) > 0 {
		e.Body = bytes.Clone(body[:min(len(body), maxFailureBody)])
	}
	if x.number == 0 { // net/http refused the request before any attempt
		e.Cause = err
		if !x.open && x.refusal == nil {
			e.Outcome = sdk.NotSent
		}
		var shown *url.Error
		if errors.As(err, &shown) {
			e.Cause = shown.Err // without the URL
		}
	}
	if ended := x.ended(); ended != nil && a.verdict.Kind != Refused && a.verdict.Kind != Duplicate && !errors.Is(e.Cause, ended) {
		// The caller's own deadline or cancellation is the reason he looks for.
		e.Cause = errors.Join(ended, e.Cause)
	}
	f.err = e
	return f
}

// outcome says what the attempts of the whole call mean together.
func (x *exchange) outcome() sdk.Outcome {
	switch a := &x.last; {
	case x.class == sdk.Safe && !a.recognised() && (a.outcome != sdk.NotSent || x.open || x.refusal != nil):
		return sdk.NoEffect
	case x.class != sdk.Safe && x.open:
		return sdk.Unknown
	case x.refusal != nil:
		return sdk.Rejected
	default:
		return a.outcome
	}
}

// ended says how the caller's context ended. A dialler's own timer can go off
// just before the context's.
func (x *exchange) ended() error {
	if err := x.caller.Err(); err != nil {
		return err
	}
	if deadline, ok := x.caller.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// again decides whether to try once more, and how long to wait before. Repeats
// that need a lookup first are not decided here: they end the exchange.
func (x *exchange) again() bool {
	a := &x.last
	if a.final || x.caller.Err() != nil {
		return false
	}
	if a.verdict.Kind == Expired {
		if x.single && x.core.cfg.Tokens != nil && a.token != "" {
			x.core.cfg.Tokens.Drop(a.token) // the next attempt logs in again
		}
		if x.single || x.renewed || x.looksFirst() || x.core.cfg.Tokens == nil || a.token == "" {
			return false
		}
		x.core.cfg.Tokens.Drop(a.token)
		x.renewed, x.wait = true, 0
		return true
	}
	if x.single || !x.repeatable(a) || x.number >= x.core.cfg.MaxAttempts {
		return false
	}
	wait, ok := x.core.waitBefore(x.caller, x.number, a.wait)
	if errors.Is(a.err, errConnectionStale) && x.number == 1 {
		wait = 0 // the connection was old, not the peer in trouble
	}
	x.wait = wait
	return ok
}

// looksFirst reports a write that must be looked up before any repeat.
func (x *exchange) looksFirst() bool {
	return x.looks && (x.class == sdk.Referenced || x.class == sdk.Searched)
}

func (x *exchange) repeatable(a *record) bool {
	safe, keyed := x.class == sdk.Safe, x.class == sdk.Keyed
	switch a.verdict.Kind {
	case Throttled:
		return safe || keyed
	case InProgress:
		return keyed
	case Refused, Duplicate:
		return false
	}
	if a.outcome == sdk.NotSent {
		return true
	}
	return (safe || keyed) && !settledStatus(a.response.Status)
}

// settledStatus tells responses which another attempt would only repeat: a page
// that is not there, a redirect that is not followed.
func settledStatus(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// withoutOutcome returns a cause that matches no outcome and holds no other call's
// *sdk.Error. A caller's RoundTripper may say "not sent" of a request that was sent,
// and only the outcome of this call may match.
func withoutOutcome(err error) error {
	var e *sdk.Error
	if errors.Is(err, sdk.ErrNotSent) || errors.Is(err, sdk.ErrRejected) || errors.Is(err, sdk.ErrOutcomeUnknown) || errors.As(err, &e) {
		return &otherCall{text: "connection failed", err: err}
	}
	return err
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
