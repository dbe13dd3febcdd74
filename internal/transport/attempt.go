package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// attempt carries out one: authorize, send, read the whole answer, and say what
// it means.
func (x *exchange) attempt(req *http.Request) (*http.Response, error) {
	if req.Response == nil { // a redirect that is followed belongs to its attempt
		x.number++
	}
	x.last = record{}
	x.asked.Store(false)
	x.got.Store(false)
	x.wrote.Store(false)
	start := x.core.startOfAttempt()
	err := x.caller.Err() // net/http would return it without a trace
	if err == nil {
		err = x.authorize(req)
	}
	if err != nil {
		x.last = record{err: err, outcome: sdk.NotSent, final: true}
		x.observe(start)
		return nil, err
	}

	resp, err := x.perform(req)
	x.judge(err)
	x.observe(start)
	if err != nil {
		return nil, err
	}
	resp.Body = http.NoBody
	return resp, nil
}

func (x *exchange) authorize(req *http.Request) error {
	cfg := &x.core.cfg
	if cfg.Tokens != nil && !x.op.Open {
		// Without the trace: a login's connection is not this request's.
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
	return checkHeader(req.Header)
}

// perform sends one request and reads the answer whole into x.last.
func (x *exchange) perform(req *http.Request) (*http.Response, error) {
	if x.timeout > 0 {
		// A sooner deadline of the caller's makes another timer pointless.
		if deadline, ok := req.Context().Deadline(); !ok || time.Until(deadline) > x.timeout {
			ctx, cancel := context.WithTimeoutCause(req.Context(), x.timeout, errAttemptTimedOut)
			defer cancel()
			req = req.WithContext(ctx)
		}
	}
	resp, err := x.core.transport.RoundTrip(req)
	if err != nil {
		return nil, timedOut(req.Context(), err)
	}
	defer resp.Body.Close()
	x.last.response.Status, x.last.response.Header = resp.StatusCode, resp.Header
	x.last.response.Body, err = x.readBody(resp)
	return resp, timedOut(req.Context(), err)
}

// timedOut names the attempt's own timeout as the reason of err, if it is.
func timedOut(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errAttemptTimedOut) {
		return errAttemptTimedOut
	}
	return err
}

// judge says what an attempt meant.
func (x *exchange) judge(err error) {
	a := &x.last
	noAnswer := sdk.Unknown
	if x.op.Class == sdk.Safe {
		noAnswer = sdk.NoEffect
	}
	if err != nil {
		a.err, a.outcome = err, noAnswer
		// With a connection in hand the write may be under way on another
		// goroutine, and over HTTP/2 it is done before WroteHeaders is called.
		if x.asked.Load() && !x.got.Load() && !x.wrote.Load() && a.response.Status == 0 {
			a.outcome = sdk.NotSent
		} else {
			x.left = true
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
		x.left = x.left || x.op.Class != sdk.Safe
		return
	}
	a.verdict = x.core.cfg.Interpret(*x.op, r)
	if a.wait == 0 {
		a.wait = max(a.verdict.RetryAfter, 0)
	}
	switch a.verdict.Kind {
	case Accepted:
		if x.decode == nil {
			a.ok = true
			return
		}
		if err := x.decode(r); err != nil {
			a.err, a.outcome = &wrapped{text: "response not understood", err: err}, noAnswer
			a.verdict = Verdict{Reasons: []error{sdk.ErrUnexpectedResponse}}
			x.left = true
			return
		}
		a.ok = true
	case Refused, Throttled, Expired, Duplicate:
		a.outcome = sdk.Rejected
	default:
		a.outcome = noAnswer
		if a.verdict.Reasons == nil {
			a.verdict.Reasons = unclearReasons(r.Status)
		}
		x.left = true
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

// buffers serve answers of unknown length. They never hold more than a page.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxPooledBuffer = 256 << 10

// readBody reads a whole answer to its end, bounded, which frees the connection
// for the next call. What it returns belongs to the caller: results keep it as
// their raw JSON.
func (x *exchange) readBody(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	switch {
	case resp.Body == http.NoBody:
		return nil, nil // nothing, or the answer to a HEAD, whatever its length says
	case n > MaxResponseBody:
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
	read, err := buf.ReadFrom(io.LimitReader(resp.Body, MaxResponseBody+1))
	if err != nil {
		return nil, err
	}
	if read > MaxResponseBody {
		return nil, errBodyTooLarge
	}
	return bytes.Clone(buf.Bytes()), nil
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
