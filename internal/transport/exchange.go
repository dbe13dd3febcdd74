package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
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

func checkRedirect(req *http.Request, via []*http.Request) error {
	return exchangeOf(req.Context()).followRedirect(req, via)
}

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

// byteOrderMark stands in front of the JSON of some servers, and no decoder takes it.
var byteOrderMark = []byte("\xef\xbb\xbf")

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
