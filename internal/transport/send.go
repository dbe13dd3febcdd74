package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// exchange is one call on the wire: the request's context, the RoundTripper of
// its attempts and their record, in one allocation.
type exchange struct {
	context.Context // the caller's, with trace

	core *Core
	op   Operation
	call *Call
	body []byte

	client  retryablehttp.Client
	http    http.Client
	trace   httptrace.ClientTrace
	timeout time.Duration

	// Hooks run on other goroutines, late ones too. A late hook can only make
	// an attempt look more sent than it was: the safe side.
	asked atomic.Bool // a connection was asked for
	got   atomic.Bool // ... and obtained
	wrote atomic.Bool // request headers may have left

	attempts int
	renewed  bool // a refused token was dropped once
	left     bool // some attempt left unanswered
	last     attempt
}

// attempt is what is known about the latest attempt.
type attempt struct {
	response Response
	verdict  Verdict
	err      error // why there is no complete answer, or why it is not understood
	outcome  Outcome
	ok       bool
	final    bool // must not be repeated whatever the class
	token    string
	wait     time.Duration
}

// send carries out the attempts of one request.
func (c *Core) send(ctx context.Context, op Operation, u *url.URL, body []byte, call Call) *Failure {
	x := &exchange{core: c, op: op, call: &call, body: body, timeout: c.timeout}
	if call.Timeout != 0 {
		x.timeout = call.Timeout
	}
	x.trace.GetConn = x.onGetConn
	x.trace.GotConn = x.onGotConn
	x.trace.WroteHeaders = x.onWroteHeaders
	x.Context = httptrace.WithClientTrace(ctx, &x.trace)
	x.http = http.Client{Transport: x, Jar: c.jar, CheckRedirect: followRedirect}
	if c.cfg.NoRedirects {
		x.http.CheckRedirect = refuseRedirect
	}
	x.client = retryablehttp.Client{
		HTTPClient:   &x.http,
		RetryMax:     c.cfg.MaxAttempts + 1, // decide counts; one more for a renewed token
		CheckRetry:   checkRetry,
		Backoff:      waitDecided,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}

	req := &http.Request{
		Method: op.Method, URL: u, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.header(call, body),
	}
	rr := retryablehttp.Request{Request: req.WithContext(x)}
	if body != nil {
		if err := rr.SetBody(body); err != nil {
			return c.refuse(call, op, "body", "cannot be sent")
		}
	}

	// What the attempts meant stands in x; bodies are read there.
	resp, err := x.client.Do(&rr)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if x.last.ok {
		return nil
	}
	return x.failure(ctx, err)
}

func (x *exchange) onGetConn(string)                { x.asked.Store(true) }
func (x *exchange) onGotConn(httptrace.GotConnInfo) { x.got.Store(true) }
func (x *exchange) onWroteHeaders()                 { x.wrote.Store(true) }

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

type exchangeKey struct{}

var jsonType = []string{"application/json"}

func (c *Core) header(call Call, body []byte) http.Header {
	h := make(http.Header, 5+len(call.Header))
	for name, values := range call.Header {
		h[name] = values
	}
	h["Accept"] = jsonType
	h["User-Agent"] = c.userAgent
	if body != nil {
		if call.ContentType == "" {
			h["Content-Type"] = jsonType
		} else {
			h["Content-Type"] = []string{call.ContentType}
		}
	}
	if call.Key != "" {
		h["Idempotency-Key"] = []string{call.Key}
	}
	return h
}

// checkRetry and waitDecided are go-retryablehttp's two questions. The first
// gets no request, so the exchange comes along as the context.
func checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	x := ctx.Value(exchangeKey{}).(*exchange)
	return x.again(ctx), nil
}

func waitDecided(decided, _ time.Duration, _ int, _ *http.Response) time.Duration { return decided }

// again decides whether to try once more, and how long to wait before.
func (x *exchange) again(ctx context.Context) bool {
	a := &x.last
	if a.ok || a.final || ctx.Err() != nil {
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
	if !x.repeatable(a) || x.attempts >= x.core.cfg.MaxAttempts {
		return false
	}
	cfg := &x.core.cfg
	wait := a.wait
	if wait > cfg.MaxRetryAfter {
		return false
	}
	if wait == 0 {
		wait = backoff(x.attempts, cfg.MinBackoff, cfg.MaxBackoff)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	x.client.RetryWaitMin = wait
	return true
}

func (x *exchange) repeatable(a *attempt) bool {
	switch a.verdict.Kind {
	case Throttled:
		return true
	case InProgress:
		return x.op.Class == Keyed
	case Refused, Duplicate:
		return false
	}
	switch a.outcome {
	case NotSent:
		return true
	case NoEffect, Unknown:
		return (x.op.Class == Safe || x.op.Class == Keyed) && !settledStatus(a.response.Status)
	}
	return false
}

// settledStatus tells answers which another attempt would only repeat: a page
// that is not there, a redirect that is not followed.
func settledStatus(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

func (x *exchange) failure(ctx context.Context, err error) *Failure {
	a := &x.last
	f := &Failure{
		Provider: x.core.cfg.Provider, Operation: x.op.Name, Class: x.op.Class, Outcome: a.outcome,
		Status: a.response.Status, Code: a.verdict.Code, Message: a.verdict.Message, Fields: a.verdict.Fields,
		RequestID: a.response.Header.Get("X-Request-Id"), Reference: x.call.Reference,
		Attempts: x.attempts, RetryAfter: a.wait, Detail: a.verdict.Detail,
		duplicate: a.verdict.Kind == Duplicate,
		kinds:     a.verdict.Kinds, cause: a.err,
	}
	if body := a.response.Body; len(body) > 0 {
		f.Body = append([]byte(nil), body[:min(len(body), maxFailureBody)]...)
	}
	if x.attempts == 0 { // net/http refused the request before any attempt
		f.Outcome, f.cause = NotSent, err
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		// The caller's own deadline or cancellation is the reason he looks for.
		if f.cause == nil || !errors.Is(f.cause, ctxErr) {
			f.cause = errors.Join(ctxErr, f.cause)
		}
	}
	if x.left && x.op.Class != Safe && !a.settles() {
		f.Outcome = Unknown
	}
	return f
}

// settles reports whether a refusal speaks of the work itself, and so of an
// earlier attempt that left unanswered too. A refused token or a throttled
// repeat says nothing about the first one.
func (a *attempt) settles() bool {
	if a.verdict.Kind != Refused && a.verdict.Kind != Duplicate {
		return false
	}
	return !slices.ContainsFunc(a.verdict.Kinds, func(kind error) bool {
		return kind == ErrUnauthorized || kind == ErrForbidden || kind == ErrRateLimited
	})
}
