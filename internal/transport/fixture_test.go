package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/pipe"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// step is what one request meets on the other side. A nil step refuses the
// connection, so that the request is never sent.
type step func(http.ResponseWriter, *http.Request)

// request is one request as the server saw it.
type request struct {
	Method, URI, Host, Body string
	Header                  http.Header
	At                      time.Time
}

// fixture is a real net/http server and a real http.Transport with net.Pipe
// between them, playing a script: one step per request. It works inside and
// outside of a synctest bubble.
type fixture struct {
	t         testing.TB
	transport *http.Transport
	listener  *pipe.Listener

	mu       sync.Mutex
	script   []step
	always   step // once the script has ended
	requests []request
	dials    int
	dies     bool // the connection of the next write, after left bytes
	left     int
}

func newFixture(t testing.TB, script ...step) *fixture {
	s := &fixture{t: t, script: script, listener: pipe.NewListener()}
	s.transport = &http.Transport{DialContext: s.dial, DialTLSContext: s.dial, MaxIdleConnsPerHost: 64}
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(s.listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		s.transport.CloseIdleConnections()
		<-served
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.script) > 0 {
			t.Errorf("%d steps of the script were not played", len(s.script))
		}
	})
	return s
}

func (s *fixture) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	s.dials++
	refuse := len(s.script) > 0 && s.script[0] == nil
	if refuse {
		s.script = s.script[1:]
	}
	s.mu.Unlock()
	if refuse {
		return refusedDial(ctx, "", "")
	}
	return s.listener.Dial(ctx, network, address)
}

func refusedDial(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4711}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func (s *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away in the middle of its request
	}
	s.mu.Lock()
	s.requests = append(s.requests, request{
		Method: r.Method, URI: r.RequestURI, Host: r.Host, Body: string(body), Header: r.Header.Clone(), At: time.Now(),
	})
	next := s.always
	if len(s.script) > 0 {
		next, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	if next == nil {
		s.t.Errorf("unexpected request: %s %s", r.Method, r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next(w, r)
}

func (s *fixture) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.requests...)
}

func (s *fixture) dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// The steps.

// say responds in the test provider's own words: {"say": kind}.
func say(status int, kind string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"say":%q,"code":"C1","message":"personal words"}`, kind)
	}
}

func accept(w http.ResponseWriter, r *http.Request) { say(200, "accepted")(w, r) }

func html(status int) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><h1>Bad Gateway</h1></html>")
	}
}

func garbled(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"say":`) }

func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func truncate(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"say":"accepted"`)
	panic(http.ErrAbortHandler)
}

// truncateChunked ends a body of unknown length without its last chunk.
func truncateChunked(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"say":"accepted"}`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// hang sends nothing until the client goes away.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func with(name, value string, then step) step {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(name, value)
		then(w, r)
	}
}

func redirect(status int, to string) step {
	return with("Location", to, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

// interpret reads the test provider's responses.
func interpret(_ sdk.Operation, r *transport.Response) transport.Verdict {
	var body struct{ Say, Code, Message string }
	if json.Unmarshal(r.Body, &body) != nil && r.Status >= 300 {
		return transport.Verdict{}
	}
	v := transport.Verdict{Code: body.Code, Message: body.Message}
	switch body.Say {
	case "refused":
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrDeclined}
	case "poor":
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrInsufficientFunds}
	case "forbidden":
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrForbidden}
	case "throttled":
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
	case "expired":
		v.Kind, v.Reasons = transport.Expired, []error{sdk.ErrUnauthorized}
	case "duplicate":
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case "in progress":
		v.Kind = transport.InProgress
	default:
		if r.Status < 300 && body.Say != "unclear" {
			v.Kind = transport.Accepted
		}
	}
	return v
}

// operations has a row for every class and shape of path.
var operations = transport.Table{
	{Name: "safe", Method: "GET", Path: "/safe", Class: sdk.Safe, Source: sdk.Documented},
	{Name: "quote", Method: "POST", Path: "/quote", Class: sdk.Safe, Source: sdk.Documented},
	{Name: "keyed", Method: "POST", Path: "/keyed", Class: sdk.Keyed, MovesMoney: true, Source: sdk.Documented},
	{Name: "referenced", Method: "POST", Path: "/referenced", Class: sdk.Referenced, MovesMoney: true, Source: sdk.Documented},
	{Name: "once", Method: "POST", Path: "/once", Class: sdk.Once, MovesMoney: true, Source: sdk.Documented},
	{Name: "login", Method: "POST", Path: "/login", Class: sdk.Safe, Source: sdk.Documented, Open: true},
	{Name: "item", Method: "GET", Path: "/shops/{shop_id}/items/{item_id}/", Class: sdk.Safe, Source: sdk.Assumed},
}

// core returns a Core which speaks to the fixture; its waits are exact.
func (s *fixture) core(change ...func(*transport.Config)) *transport.Core {
	return newCore(s.t, append([]func(*transport.Config){func(cfg *transport.Config) {
		cfg.BaseURL = "http://provider.localhost"
		cfg.HTTPClient = &http.Client{Transport: s.transport}
	}}, change...)...)
}

func newCore(t testing.TB, change ...func(*transport.Config)) *transport.Core {
	t.Helper()
	cfg := transport.Config{
		Provider: "acme", Options: sdk.Options{App: "test/1"}, BaseURL: "https://acme.example",
		Operations: operations, Interpret: interpret,
	}
	for _, c := range change {
		c(&cfg)
	}
	core, err := transport.New(cfg)
	require.NoError(t, err)
	return core
}

// decode is what a provider's Decode does.
func decode(r *transport.Response) error {
	var body struct{ Say string }
	return json.Unmarshal(r.Body, &body)
}

// callOf returns a call of the row which stands for a class.
func callOf(op string) transport.Call {
	call := transport.Call{Op: op, Reference: "ref-1", Decode: decode}
	switch op {
	case "keyed":
		call.Key = "key-1"
	case "item":
		call.Path = []string{"s1", "i1"}
	}
	if op != "safe" && op != "item" {
		call.Body = map[string]string{"reference": "ref-1"}
	}
	return call
}

// failure returns err as a *Failure, which every error of a call is.
func failure(t testing.TB, err error) *sdk.Error {
	t.Helper()
	require.Error(t, err)
	var f *sdk.Error
	require.ErrorAs(t, err, &f)
	return f
}

// search is a lookup with scripted findings.
type search struct {
	findings []string // "found", "failed", "absent", "absent once", "different", "doubtful", "fails", "nothing"
	perLook  bool     // a finding serves one look; without it "absent" serves all three
	made     int
	existing []bool // what each look was told
	looks    int    // with the finding that is next
}

var errSearch = errors.New("search failed")

func (l *search) lookup(_ context.Context, existing bool) (transport.Finding, error) {
	l.existing = append(l.existing, existing)
	if l.perLook || l.looks == 0 {
		l.made++
	}
	if len(l.findings) == 0 {
		return 0, errors.New("one lookup too many")
	}
	finding := l.findings[0]
	if l.looks++; l.perLook || finding != "absent" || l.looks == 3 {
		l.findings, l.looks = l.findings[1:], 0
	}
	switch finding {
	case "fails":
		return 0, errSearch
	case "nothing":
		return 0, nil
	case "found":
		return transport.Same, nil
	case "doubtful":
		return transport.Doubtful, errSearch
	case "failed":
		return transport.Failed, nil
	case "different":
		return transport.Different, nil
	}
	return transport.Absent, nil
}

func lines(requests []request) string {
	var b strings.Builder
	for _, r := range requests {
		b.WriteString(r.Method + " " + r.URI + "\n")
	}
	return b.String()
}
