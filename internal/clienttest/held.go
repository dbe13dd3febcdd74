package clienttest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
)

// Held is a RoundTripper on whose way requests get lost and turn up later. It holds
// back the first requests that Match picks, and tells the sender nothing but that
// the connection broke, or what Reply says instead. Deliver lets them arrive.
type Held struct {
	Next  http.RoundTripper
	Match func(*http.Request) bool
	Times int  // how many requests are held back
	Reply Step // nil: the connection breaks
	// Arrives lets the request arrive at once as well: only the response is replaced.
	Arrives bool

	mu   sync.Mutex
	held []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (h *Held) RoundTrip(req *http.Request) (*http.Response, error) {
	h.mu.Lock()
	match := h.Times > 0 && h.Match(req)
	if match {
		h.Times--
	}
	h.mu.Unlock()
	if !match {
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
