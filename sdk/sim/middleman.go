package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// middleman stands between the clients of one life of a process and the fakes. It is
// the Transport of what Process.HTTPClient returns. It tells httptrace what a real
// transport would, so that a client can see as much as it sees in production.
type middleman struct {
	w *World
	p *Process
}

const hop = 10 * time.Millisecond // one way through the network

var (
	errRefusedConn = errors.New("sim: connect: connection refused")
	errReset       = errors.New("sim: read: connection reset by peer")
	errStream      = errors.New("sim: server sent GOAWAY and closed the connection")
)

func (m *middleman) RoundTrip(req *http.Request) (*http.Response, error) {
	w, ctx := m.w, req.Context()
	actor := m.p.actor(ctx)
	b := w.bankOf(req.URL.Host)
	if b == nil {
		return nil, fmt.Errorf("sim: no fake of this world serves %q", req.URL.Host)
	}
	// An actor may have two requests under way: his own and a login.
	what := req.Method + " " + req.URL.Path
	m.p.gate(actor, what)
	w.mu.Lock()
	w.report.Requests++
	// Requests of one actor that go on in the same instant keep the order in which they
	// began.
	what += fmt.Sprintf(" (%d)", w.report.Requests)
	fault := w.adversary.request()
	if o := w.adversary.outage; o.provider == b.name && !w.adversary.over && w.sinceLocked() >= o.from && w.sinceLocked() < o.till {
		fault = FaultOutage
	}
	if fault == FaultExpire && !b.tokens {
		fault = ""
	}
	w.mu.Unlock()
	if fault != "" {
		defer w.noteFault(b)
	}

	conn := &traceConn{}
	trace := httptrace.ContextClientTrace(ctx)
	if fault == FaultLimiter {
		w.fault(fault, actor, b.name+" request: the merchant's own limiter sends nothing")
		return nil, fmt.Errorf("sim: rate limiter: %w", sdk.ErrNotSent)
	}
	if fault == FaultFailover {
		return nil, m.failover(ctx, req, b, actor, what)
	}
	connected(trace, req, nil)
	if fault == FaultRefuse || fault == FaultOutage {
		w.fault(fault, actor, b.name+" request: connection refused")
		if err := m.wait(ctx, actor, what, hop); err != nil {
			return nil, err
		}
		return nil, errRefusedConn
	}
	connected(trace, req, conn)
	if conn.closed.Load() {
		return nil, net.ErrClosed
	}
	out, err := m.read(req, b, actor, what)
	if err != nil {
		return nil, err
	}
	if trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	got, err := m.carry(ctx, req, trace, out, fault)
	if err != nil || got == nil {
		w.unclear(out)
		return nil, err
	}
	if got.from != "" {
		w.unclear(out)
	}
	m.p.gate(actor, "response to "+what)
	w.note(actor, got.from != "" || got.status >= 300, "%s: %s", out.label, got.short())
	if fault == FaultNonsense {
		return &http.Response{StatusCode: got.status, Header: got.header, Request: req}, nil
	}
	return got.asHTTP(req, m.p.Now()), nil
}

// noteFault notes that a request has met a fault. Calls share requests and logins, so it
// concerns every call at this provider that is under way.
func (w *World) noteFault(b *bank) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.faultAt = w.sinceLocked()
}

// failover is what some RoundTrippers do: the request goes over a connection that no
// trace has seen, and is worked on. No response comes, and a second host is down.
func (m *middleman) failover(ctx context.Context, req *http.Request, b *bank, actor, what string) error {
	w := m.w
	out, err := m.read(req, b, actor, what)
	if err != nil {
		return err
	}
	w.fault(FaultFailover, actor, out.label+": sent by a path that nobody sees, worked on, and the second path is down")
	w.turns.wait(actor + " forward " + out.label)
	w.forward(out, "by the first path")
	w.unclear(out)
	if err := m.wait(ctx, actor, what, hop); err != nil {
		return err
	}
	connected(httptrace.ContextClientTrace(ctx), req, nil)
	return errRefusedConn
}

// carry takes a request to the provider and the response back, as the fault has it.
func (m *middleman) carry(ctx context.Context, req *http.Request, trace *httptrace.ClientTrace, out *outgoing, fault Fault) (*response, error) {
	w := m.w
	lost := func() (*response, error) {
		if err := m.wait(ctx, out.actor, out.what, hop); err != nil {
			return nil, err
		}
		return nil, errReset
	}
	if err := m.wait(ctx, out.actor, out.what, hop); err != nil && fault == "" {
		fault = FaultHold // the caller has gone, and what left arrives
	}
	switch fault {
	case FaultCutRequest:
		w.turns.wait(out.actor + " forward " + out.label)
		sent, all := w.forwardPart(out)
		w.fault(fault, out.actor, fmt.Sprintf("%s: the request is cut after %d of %d bytes, and the caller sees a reset", out.label, sent, all))
		return lost()
	case FaultHold:
		d := w.delay()
		w.fault(fault, out.actor, fmt.Sprintf("%s: HELD for %s, and the caller sees a reset", out.label, d))
		w.later(d, out)
		return lost()
	case FaultSlow:
		d := w.slowness()
		w.fault(fault, out.actor, fmt.Sprintf("%s: %s on its way", out.label, d))
		arrives := w.since() + d
		if err := m.wait(ctx, out.actor, out.what, d); err != nil {
			w.note(out.actor, true, "%s: the caller gives up", out.label)
			if d = arrives - w.since(); w.profile.Prompt {
				d = min(d, w.delay())
			}
			w.later(d, out)
			return nil, err
		}
	case FaultProxy:
		w.fault(fault, out.actor, out.label+": a proxy responds, and passes nothing on")
		return w.proxy(), nil
	case FaultQueue:
		d := w.delay()
		w.fault(fault, out.actor, fmt.Sprintf("%s: a proxy responds, and passes it on %s later", out.label, d))
		w.later(d, out)
		return w.proxy(), nil
	case FaultThrottle:
		w.fault(fault, out.actor, out.label+": the provider throttles")
		out.bank.spoil(fake.Fault{Kind: fake.FaultRateLimit, Times: 1, Seconds: 2})
	case FaultExpire:
		w.fault(fault, out.actor, out.label+": the provider has forgotten the tokens")
		out.bank.spoil(fake.Fault{Kind: fake.FaultExpireToken, Times: 1})
	}

	w.turns.wait(out.actor + " forward " + out.label)
	got := w.forward(out, "")
	if fault == FaultDuplicate {
		w.fault(fault, out.actor, out.label+": somebody between repeats the request")
		second := w.forward(out, "again")
		if w.choose(2) == 1 {
			got = second
		}
	}
	if fault == FaultResend {
		return m.resend(ctx, req, trace, out)
	}
	return m.back(ctx, out, got, fault)
}

// back takes a response to the caller.
func (m *middleman) back(ctx context.Context, out *outgoing, got *response, fault Fault) (*response, error) {
	w := m.w
	var err error
	switch fault {
	case FaultLose:
		w.fault(fault, out.actor, out.label+": worked on, and the connection is reset")
		err = errReset
	case FaultCut:
		n := w.part(len(got.body))
		w.fault(fault, out.actor, fmt.Sprintf("%s: worked on, and the response is cut after %d of %d bytes of its body", out.label, n, len(got.body)))
		got = &response{got.status, got.header, got.body[:n], cutShort} // the client reads some of it
	case FaultProxyAfter:
		w.fault(fault, out.actor, out.label+": worked on, and a proxy responds")
		got = w.proxy()
	case FaultSilent:
		w.fault(fault, out.actor, out.label+": worked on, and no response comes")
		return nil, m.wait(ctx, out.actor, out.what, 24*time.Hour)
	case FaultLate:
		d := w.slowness()
		w.fault(fault, out.actor, fmt.Sprintf("%s: the response takes %s", out.label, d))
		if err := m.wait(ctx, out.actor, out.what, d); err != nil {
			w.note(out.actor, true, "%s: the caller gives up", out.label)
			return nil, err
		}
	case FaultGarble:
		if body := amounts.ReplaceAll(got.body, []byte(`$1"about $2"`)); !bytes.Equal(body, got.body) {
			w.fault(fault, out.actor, out.label+": the response writes its amounts in words")
			got = &response{got.status, got.header, body, "a provider with words for amounts"}
		}
	case FaultNonsense:
		w.fault(fault, out.actor, out.label+": worked on, and the merchant's own RoundTripper returns nonsense")
		if w.choose(2) == 0 {
			return nil, nil
		}
	case FaultStale:
		if old := w.stale(out); old != nil {
			w.fault(fault, out.actor, out.label+": an older response to the same question")
			got = old
		}
	case FaultReplay:
		if old := w.replay(out); old != nil {
			w.fault(fault, out.actor, out.label+": worked on, and another request's response comes")
			got = old
		}
	case FaultSwap:
		if other := w.swap(out, got, m); other != nil {
			w.fault(fault, out.actor, out.label+": worked on, and gets another request's response")
			got = other
		}
	}
	if gone := m.wait(ctx, out.actor, out.what, hop); gone != nil {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

// amounts finds amounts in the responses of all providers.
var amounts = regexp.MustCompile(`("(?:[a-zA-Z_]*amount|[a-z_]*price)":)"?([0-9][0-9.]*)"?`)

// unclear notes a write without a response of its provider.
func (w *World) unclear(out *outgoing) {
	if out.write && out.call != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		out.call.unclear++
	}
}

// resend is what net/http does by itself when a peer refuses a stream or goes away:
// it sends the request again if it can have the body again. This peer has lied, for
// it has worked on the request.
func (m *middleman) resend(ctx context.Context, req *http.Request, trace *httptrace.ClientTrace, out *outgoing) (*response, error) {
	w := m.w
	w.fault(FaultResend, out.actor, out.label+": worked on, and the stream is refused")
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		if err := m.wait(ctx, out.actor, out.what, hop); err != nil {
			return nil, err
		}
		return nil, errStream
	}
	conn := &traceConn{}
	connected(trace, req, nil)
	connected(trace, req, conn)
	if err := m.wait(ctx, out.actor, out.what, hop); err != nil {
		return nil, err
	}
	if conn.closed.Load() {
		return nil, net.ErrClosed
	}
	w.turns.wait(out.actor + " forward " + out.label)
	got := w.forward(out, "again, by net/http")
	return m.back(ctx, out, got, "")
}

// connected tells a trace that a connection is asked for, or obtained.
func connected(trace *httptrace.ClientTrace, req *http.Request, conn *traceConn) {
	switch {
	case trace == nil:
	case conn == nil && trace.GetConn != nil:
		trace.GetConn(req.URL.Host)
	case conn != nil && trace.GotConn != nil:
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
}

// traceConn is the connection that a trace is shown. Only closing it means anything.
type traceConn struct {
	net.Conn
	closed atomic.Bool
}

func (c *traceConn) Close() error {
	c.closed.Store(true)
	return nil
}

// wait lets time pass, until the caller's context ends. Then it takes a turn, so that
// callers whose time ends in the same instant go on one after the other.
func (m *middleman) wait(ctx context.Context, actor, what string, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	m.p.gate(actor, "wait for "+what)
	return ctx.Err()
}

func (m *middleman) read(req *http.Request, b *bank, actor, what string) (*outgoing, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	out := &outgoing{
		actor: actor, what: what, bank: b, method: req.Method, url: req.URL.String(), host: req.Host,
		header: req.Header.Clone(), body: body, call: callOf(req.Context()),
	}
	label, write := b.describe(req, body)
	out.label, out.write, out.reference = b.name+" "+label, write, b.reference(body)
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if write && out.call == nil {
		named, _ := req.Context().Value(actorKey{}).(string)
		if out.call = m.p.onlyCallLocked(named, b.name, out.reference); out.call != nil {
			out.call.guessed = true
		}
	}
	if write && out.call != nil {
		out.call.writes++
	}
	return out, nil
}
