package clienttest

import (
	"io"
	"net/http"
	"strings"
	"sync"
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

// Answer is a step that responds with JSON and further headers, name and value in
// turn.
func Answer(status int, body string, header ...string) Step {
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
