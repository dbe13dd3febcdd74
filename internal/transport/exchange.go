package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/kapiteni/kapiten-go/sdk"
)

// exchange is one call on the wire: the request's context and the record of its
// attempts, in one allocation.
type exchange struct {
	context.Context                 // the caller's, with trace
	caller          context.Context // the caller's own

	core    *Core
	op      *sdk.Operation
	body    []byte
	timeout time.Duration

	// Of the Call. Keeping the whole would move it to the heap.
	contentType, key, reference string
	extra                       http.Header
	decode                      func(*Response) error

	client retryablehttp.Client
	trace  httptrace.ClientTrace

	// Hooks run on other goroutines, late ones too. A late hook can only make
	// an attempt look more sent than it was: the safe side.
	asked atomic.Bool // a connection was asked for
	got   atomic.Bool // ... and obtained
	wrote atomic.Bool // request headers may have left

	beyond  [1]byte // what lies behind a body's end: nothing
	number  int     // of attempts begun
	renewed bool    // a refused token was dropped once
	left    bool    // some attempt left unanswered
	last    record
}

// record is what is known about the latest attempt.
type record struct {
	response Response
	verdict  Verdict
	err      error // why there is no complete answer, or why it is not understood
	outcome  sdk.Outcome
	ok       bool
	final    bool // must not be repeated whatever the class
	token    string
	wait     time.Duration
}

// send carries out the attempts of one request.
func (c *Core) send(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call) failure {
	x := &exchange{
		core: c, caller: ctx, op: op, body: body, timeout: c.timeout,
		contentType: call.ContentType, key: call.Key, reference: call.Reference, extra: call.Header, decode: call.Decode,
	}
	if call.Timeout != 0 {
		x.timeout = call.Timeout
	}
	x.trace.GetConn = x.onGetConn
	x.trace.GotConn = x.onGotConn
	x.trace.WroteHeaders = x.onWroteHeaders
	x.Context = httptrace.WithClientTrace(ctx, &x.trace)
	x.client = retryablehttp.Client{
		HTTPClient:   &c.client,
		RetryMax:     c.cfg.MaxAttempts + 1, // decide counts; one more for a renewed token
		CheckRetry:   checkRetry,
		Backoff:      waitDecided,
		PrepareRetry: prepareRetry,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}

	req := (&http.Request{
		Method: op.Method, URL: u, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(x)
	x.prepare(req)

	// What the attempts meant stands in x; bodies are read there.
	resp, err := x.client.Do(&retryablehttp.Request{Request: req})
	if resp != nil {
		_ = resp.Body.Close()
	}
	if x.last.ok {
		return failure{}
	}
	return x.failure(err)
}

func (x *exchange) onGetConn(string) {
	// net/http asks for another connection only when the last one took nothing
	// of the request, or when the request may be repeated.
	x.got.Store(false)
	x.asked.Store(true)
}
func (x *exchange) onGotConn(httptrace.GotConnInfo) { x.got.Store(true) }
func (x *exchange) onWroteHeaders()                 { x.wrote.Store(true) }

// prepare gives each attempt headers and a body of its own: those of an earlier
// one may still be on their way out on another goroutine.
func (x *exchange) prepare(req *http.Request) {
	req.Header = x.header()
	repeats := repeatsMethod(req.Method) && x.op.Class != sdk.Safe
	if len(x.body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(x.body))
		req.ContentLength = int64(len(x.body))
		if !repeats {
			req.GetBody = x.getBody
		}
	} else if repeats {
		// net/http would send such a request again by itself when a pooled
		// connection breaks. It does not when it cannot rewind the body.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
}

func (x *exchange) getBody() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(x.body)), nil
}

// Value lets go-retryablehttp's and net/http's hooks find the exchange, which
// comes along as the request's context.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// attempts is the transport of a Core's http.Client. Standing inside it, each
// exchange sees every request that leaves, redirected ones too. It hides the
// real transport's CloseIdleConnections from go-retryablehttp, which would empty
// a pool that others use.
type attempts struct{}

func (attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	return exchangeOf(req.Context()).attempt(req)
}

func checkRetry(ctx context.Context, _ *http.Response, _ error) (bool, error) {
	return exchangeOf(ctx).again(), nil
}

func waitDecided(decided, _ time.Duration, _ int, _ *http.Response) time.Duration { return decided }

func prepareRetry(req *http.Request) error {
	exchangeOf(req.Context()).prepare(req)
	return nil
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	return exchangeOf(req.Context()).followRedirect(req, via)
}

// again decides whether to try once more, and how long to wait before.
func (x *exchange) again() bool {
	a := &x.last
	if a.ok || a.final || x.caller.Err() != nil {
		return false
	}
	if a.verdict.Kind == Expired {
		if x.renewed || x.core.cfg.Tokens == nil || a.token == "" {
			return false
		}
		x.core.cfg.Tokens.Drop(a.token)
		x.renewed = true
		x.client.RetryWaitMin = 0
		return true
	}
	if !x.repeatable(a) || x.number >= x.core.cfg.MaxAttempts {
		return false
	}
	cfg := &x.core.cfg
	wait := a.wait
	if wait > cfg.MaxRetryAfter {
		return false
	}
	if wait == 0 {
		wait = backoff(x.number, cfg.MinBackoff, cfg.MaxBackoff, cfg.Jitter)
	}
	if deadline, ok := x.caller.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	x.client.RetryWaitMin = wait
	return true
}

func (x *exchange) repeatable(a *record) bool {
	switch a.verdict.Kind {
	case Throttled:
		return true
	case InProgress:
		return x.op.Class == sdk.Keyed
	case Refused, Duplicate:
		return false
	}
	switch a.outcome {
	case sdk.NotSent:
		return true
	case sdk.NoEffect, sdk.Unknown:
		return (x.op.Class == sdk.Safe || x.op.Class == sdk.Keyed) && !settledStatus(a.response.Status)
	}
	return false
}

// settledStatus tells answers which another attempt would only repeat: a page
// that is not there, a redirect that is not followed.
func settledStatus(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// failure is the error of a call, or none. settled says that the provider refused
// the call in words which speak of the work itself.
type failure struct {
	err     *sdk.Error
	settled bool
}

func (x *exchange) failure(err error) failure {
	a := &x.last
	settled := a.settles()
	e := &sdk.Error{
		Provider: x.core.cfg.Provider, Operation: x.op.Name, Class: x.op.Class, Outcome: a.outcome,
		StatusCode: a.response.Status, Code: a.verdict.Code, Message: a.verdict.Message, Fields: a.verdict.Fields,
		RequestID: a.response.Header.Get("X-Request-Id"), Reference: x.reference, IdempotencyKey: x.key,
		Attempts: x.number, RetryAfter: a.wait, Detail: a.verdict.Detail,
		Reasons: a.verdict.Reasons, Cause: a.err,
	}
	if body := a.response.Body; len(body) > 0 {
		e.Body = bytes.Clone(body[:min(len(body), maxFailureBody)])
	}
	if x.number == 0 { // net/http refused the request before any attempt
		e.Outcome, e.Cause = sdk.NotSent, err
		var shown *url.Error
		if errors.As(err, &shown) {
			e.Cause = shown.Err // without the URL
		}
	}
	if ended := x.ended(); ended != nil && !a.answered() && !errors.Is(e.Cause, ended) {
		// The caller's own deadline or cancellation is the reason he looks for.
		e.Cause = errors.Join(ended, e.Cause)
	}
	if x.left && x.op.Class != sdk.Safe && !settled {
		e.Outcome = sdk.Unknown
	}
	return failure{e, settled}
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

// answered reports whether the provider settled the call in its own words, so
// that the end of the context had no part in it.
func (a *record) answered() bool {
	return a.verdict.Kind == Refused || a.verdict.Kind == Duplicate
}

// settles reports whether a refusal speaks of the work itself, and so of an
// earlier attempt that left unanswered too. A refused token or a throttled
// repeat says nothing about the first one, and a duplicate says it was taken.
func (a *record) settles() bool {
	if a.verdict.Kind != Refused {
		return false
	}
	return !slices.ContainsFunc(a.verdict.Reasons, func(reason error) bool {
		return errors.Is(reason, sdk.ErrUnauthorized) || errors.Is(reason, sdk.ErrForbidden) || errors.Is(reason, sdk.ErrRateLimited)
	})
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

// repeatsMethod names the methods at which it does the same.
func repeatsMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// checkHeader finds what net/http would refuse before any trace of an attempt
// shows: a secret with a line end, say.
func checkHeader(h http.Header) error {
	for name, values := range h {
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

// followRedirect lets a read follow to another place on the same host. Every
// other redirect is handed back as the answer: net/http would turn a POST into
// a GET, and would carry our own headers to another host. What is a write
// follows from the operation's class, never from the method.
func (x *exchange) followRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if x.op.Class != sdk.Safe || x.core.cfg.NoRedirects ||
		first.Method != http.MethodGet && first.Method != http.MethodHead ||
		len(via) > maxRedirects ||
		req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}
