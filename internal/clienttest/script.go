// Package clienttest is test support for clients, where a stateful fake behaves too
// well: scripted responses, a handler behind in-memory pipes, the failures that a
// write must survive, and the comparison of a call with the same call by hand.
package clienttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/pipe"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Step responds to one request; nil drops the connection after the request left.
type Step func(*http.Request) *http.Response

// Sent is a request as it left the client.
type Sent struct {
	Method, URL, Body string
	Header            http.Header
}

// Script is a RoundTripper that plays one step per request, the last one again
// and again. It opens no socket, so it works on virtual time, and it fires no
// trace, so what it drops counts as sent.
type Script struct {
	mu    sync.Mutex
	steps []Step
	sent  []Sent
}

// NewScript takes at least one step.
func NewScript(steps ...Step) *Script { return &Script{steps: steps} }

// RoundTrip implements http.RoundTripper.
func (s *Script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, Sent{req.Method, req.URL.String(), string(body), req.Header.Clone()})
	next := s.steps[0]
	if len(s.steps) > 1 {
		s.steps = s.steps[1:]
	}
	if next == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return next(req), nil
}

// Requests are the requests so far, oldest first.
func (s *Script) Requests() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// Respond is a step that responds with JSON and further headers, name and value in
// turn.
func Respond(status int, body string, header ...string) Step {
	return func(req *http.Request) *http.Response {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Header: h, Request: req,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
	}
}

// Serve returns a client that speaks real net/http to a handler over in-memory
// pipes, whatever host it names, until the test ends.
func Serve(t interface{ Cleanup(func()) }, h http.Handler) *http.Client {
	transport, stop := pipe.Serve(h)
	t.Cleanup(stop)
	return &http.Client{Transport: transport}
}

// Held is a RoundTripper on whose way requests get lost and turn up later. It holds
// back the first requests that Match picks, and tells the sender nothing but that
// the connection broke, or what Reply says instead. Deliver lets them arrive.
type Held struct {
	Next   http.RoundTripper
	Match  func(*http.Request) bool
	Before []Step // responses to the first requests of all, which never arrive
	Times  int    // how many requests are held back
	Reply  Step   // nil: the connection breaks
	// Arrives lets the request arrive at once as well: only the response is replaced.
	Arrives bool

	mu   sync.Mutex
	held []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (h *Held) RoundTrip(req *http.Request) (*http.Response, error) {
	before, match := h.meets(req)
	switch {
	case before != nil:
		_, err := io.Copy(io.Discard, req.Body)
		return before(req), err
	case !match:
		return h.Next.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	again := req.Clone(context.WithoutCancel(req.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	if h.Arrives {
		if err := arrive(h.Next, again); err != nil {
			return nil, err
		}
	} else {
		h.mu.Lock()
		h.held = append(h.held, again)
		h.mu.Unlock()
	}
	if h.Reply == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return h.Reply(req), nil
}

// meets says what happens to a request.
func (h *Held) meets(req *http.Request) (before Step, match bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.Match(req):
	case len(h.Before) > 0:
		before, h.Before = h.Before[0], h.Before[1:]
	case h.Times > 0:
		h.Times--
		match = true
	}
	return before, match
}

// Deliver lets everything arrive that was held back.
func (h *Held) Deliver() error {
	h.mu.Lock()
	held := h.held
	h.held = nil
	h.mu.Unlock()
	for _, req := range held {
		if err := arrive(h.Next, req); err != nil {
			return err
		}
	}
	return nil
}

func arrive(next http.RoundTripper, req *http.Request) error {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

// SendPrepared makes the one attempt of a prepared write.
func SendPrepared[T any](ctx context.Context, p sdk.Prepared[T], err error) error {
	if err != nil {
		return err
	}
	_, err = p.Send(ctx, p.Body)
	return err
}

// CheckNilContexts calls every method of a client without a context. Each is an error
// that says so, and nothing is sent.
func CheckNilContexts(t *testing.T, methods []string, sent func() int, call func(method string, ctx context.Context) error) {
	t.Helper()
	for _, method := range methods {
		err := call(method, nil)
		var e *sdk.Error
		switch {
		case !errors.As(err, &e), !errors.Is(err, sdk.ErrNotSent), !errors.Is(err, sdk.ErrValidation), e.Fields["context"] == nil:
			t.Errorf("%s: %v", method, err)
		case sent() > 0:
			t.Fatalf("%s has sent a request", method)
		}
	}
}

// MintEachAnew makes callback URLs, never the same one twice.
func MintEachAnew() func(reference string, _ decimal.Decimal, _ string) (string, error) {
	var n atomic.Int64
	return func(reference string, _ decimal.Decimal, _ string) (string, error) {
		return fmt.Sprintf("https://shop.example/callbacks/%s/%d", reference, n.Add(1)), nil
	}
}
