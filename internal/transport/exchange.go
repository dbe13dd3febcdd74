package transport

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

// failure is the error of an exchange, or none, and what to do about it.
type failure struct {
	err   *sdk.Error
	kind  Kind
	wait  time.Duration // which a throttle asked for
	token string        // which was refused
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
	return exchangeOf(ctx).again(), nil
}

func waitDecided(_, _ time.Duration, _ int, resp *http.Response) time.Duration {
	return exchangeOf(resp.Request.Context()).wait
}

// freshHeader takes the cookies of the last attempt away.
func freshHeader(req *http.Request) error {
	req.Header = http.Header{}
	return nil
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	return exchangeOf(req.Context()).followRedirect(req, via)
}

// again decides whether to try once more, and how long to wait before. Repeats
// that need a lookup first are not decided here: they end the exchange.
func (x *exchange) again() bool {
	a := &x.last
	if a.ok || a.final || x.caller.Err() != nil {
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

// waitBefore is how long to wait before attempt n+1: as long as the provider asked
// for, or else a random time. It reports whether that wait is to be made at all.
func (c *Core) waitBefore(ctx context.Context, n int, asked time.Duration) (wait time.Duration, ok bool) {
	if asked > c.cfg.MaxRetryAfter {
		return 0, false
	}
	if wait = asked; wait == 0 {
		wait = backoff(n, c.cfg.MinBackoff, c.cfg.MaxBackoff, c.cfg.Jitter)
	}
	deadline, limited := ctx.Deadline()
	return wait, !limited || time.Until(deadline) > wait
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

// backoff is the wait before attempt n+1: full jitter under a growing bound.
func backoff(n int, lo, hi time.Duration, jitter func(time.Duration) time.Duration) time.Duration {
	bound := min(lo, hi)
	for i := 1; i < n && bound < hi; i++ {
		bound += min(bound, hi-bound) // twice as long, never beyond hi
	}
	if jitter != nil {
		return min(max(jitter(bound), 1), bound)
	}
	return rand.N(bound) + 1
}

// retryAfter reads the Retry-After header: seconds, with or without decimals, or an
// HTTP date. A date is measured against the response's own Date, because the two
// clocks may differ. It never overflows and never returns less than zero, which
// stands for no wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	whole, decimals, _ := strings.Cut(text, ".")
	switch {
	case text == "":
		return 0
	case whole != "" && strings.Trim(whole+decimals, "0123456789") == "":
		seconds, err := strconv.ParseUint(whole, 10, 64)
		if err != nil || seconds > maxRetryAfterSeconds { // beyond uint64, too
			seconds = maxRetryAfterSeconds
		}
		wait := time.Duration(seconds) * time.Second
		if fraction, err := time.ParseDuration("0." + decimals + "s"); err == nil && decimals != "" {
			wait += fraction
		}
		return min(wait, maxRetryAfterSeconds*time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return min(max(at.Sub(now), 0), maxRetryAfterSeconds*time.Second)
}

// Long enough to stop any retry, far from overflow.
const maxRetryAfterSeconds = 10 * 365 * 24 * 3600

// startOfAttempt reads the clock if anybody is going to ask how long it took.
func (c *Core) startOfAttempt() (start time.Time) {
	if c.cfg.OnAttempt != nil || c.cfg.Logger != nil {
		start = time.Now()
	}
	return start
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

// followRedirect lets a read follow to another place on the same host. Every
// other redirect is handed back as the response: net/http would turn a POST into
// a GET, and would carry our own headers to another host. What is a write
// follows from the operation's class, never from the method.
func (x *exchange) followRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if x.op.Class != sdk.Safe || x.core.cfg.NoRedirects ||
		first.Method != http.MethodGet && first.Method != http.MethodHead ||
		len(via) > maxRedirects ||
		req.URL.Scheme != first.URL.Scheme || origin(req.URL) != origin(first.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// origin is the host in small letters and its port. Without a port it is the scheme's own.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
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
