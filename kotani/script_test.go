package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// step responds to one request; nil drops the connection after the request left.
type step func(*http.Request) *http.Response

// sent is a request as it left the client.
type sent struct {
	Method, Host, Path, Query, Body string
	Header                          http.Header
}

// script is a RoundTripper that plays one step per request, the last one again
// and again. Logins and the clock get a response aside and do not count, unless
// the test has a script for them. It is for responses the fake would never give,
// and it opens no socket, so it works on virtual time. It fires no trace: what
// it drops counts as sent.
type script struct {
	mu    sync.Mutex
	steps []step
	aside map[string][]step // by the end of the path
	seen  []sent
	extra []sent // requests that got a response aside
}

const (
	loginPath   = "/api/login"
	siwePath    = "/auth/login"
	clockPath   = "/clock"
	token       = "planted-token"
	sessionPair = "session=planted-session"
)

func newScript(steps ...step) *script {
	return &script{steps: steps, aside: map[string][]step{
		loginPath: {respond(200, `{"status":201,"accessToken":"`+token+`"}`)},
		siwePath:  {respond(200, ``, "Set-Cookie", sessionPair+"; Path=/; HttpOnly; Secure; SameSite=Strict")},
		clockPath: {respond(200, `{"time":"2026-04-03T09:00:00.000Z"}`)},
	}}
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	next := s.play(sent{req.Method, req.URL.Host, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header.Clone()})
	if next == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return next(req), nil
}

func (s *script) play(r sent) step {
	s.mu.Lock()
	defer s.mu.Unlock()
	for end, steps := range s.aside {
		if strings.HasSuffix(r.Path, end) {
			s.extra = append(s.extra, r)
			if len(steps) > 1 {
				s.aside[end] = steps[1:]
			}
			return steps[0]
		}
	}
	s.seen = append(s.seen, r)
	next := s.steps[0]
	if len(s.steps) > 1 {
		s.steps = s.steps[1:]
	}
	return next
}

func (s *script) requests() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sent(nil), s.seen...)
}

// asides lists the requests whose path has an end.
func (s *script) asides(end string) []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []sent
	for _, r := range s.extra {
		if strings.HasSuffix(r.Path, end) {
			all = append(all, r)
		}
	}
	return all
}

// actions lists what the requests asked for, by the ends of their paths.
func (s *script) actions() string {
	var all []string
	for _, r := range s.requests() {
		parts := strings.Split(r.Path, "/")
		if strings.Contains(r.Path, "/status/") {
			all = append(all, "status")
		} else {
			all = append(all, parts[len(parts)-1])
		}
	}
	return strings.Join(all, " ")
}

func respond(status int, body string, header ...string) step {
	return func(req *http.Request) *http.Response {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Header: h, Request: req,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
	}
}

func gateway(req *http.Request) *http.Response {
	return respond(502, "<html><h1>502 Bad Gateway</h1></html>")(req)
}

const (
	walletAddress = "0x52908400098527886E0F7030069857D2E4169EE7"
	password      = "planted-password"
)

// jane is made once: the arithmetic of a signer costs more than the rest of a login.
var jane = sync.OnceValue(func() *kotanitest.Signer { return kotanitest.NewSigner("jane") })

// known is a wallet of the fake, which checks signatures.
func known(signer *kotanitest.Signer) *wallet {
	return &wallet{address: signer.Address(), sign: signer.SignMessage}
}

// wallet signs nothing: the script does not look. known makes a wallet that signs.
type wallet struct {
	address  string
	sign     func(context.Context, []byte) ([]byte, error)
	mu       sync.Mutex
	messages []string
	err      error
}

func (w *wallet) Address() string { return w.address }

func (w *wallet) SignMessage(ctx context.Context, message []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, string(message))
	if w.sign != nil {
		return w.sign(ctx, message)
	}
	return bytes.Repeat([]byte{0xab}, 65), w.err
}

func (w *wallet) signed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.messages...)
}

func newClient(t testing.TB, s *script, change ...func(*kotani.Config)) *kotani.Client {
	t.Helper()
	cfg := kotani.Config{
		BaseURL: "https://kotani.example/api_v2", PhoneNumber: "254700000000", CountryCode: "KEN", Password: password,
		Options:     sdk.Options{HTTPClient: &http.Client{Transport: s}},
		FiatConnect: kotani.FiatConnectConfig{Signer: &wallet{address: walletAddress}},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	return client
}

// failure returns err as an *Error, which every error of a call is.
func failure(t testing.TB, err error) *sdk.Error {
	t.Helper()
	require.Error(t, err)
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	return e
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("../testdata/kotani/" + name)
	require.NoError(t, err)
	return body
}

// canonical gives equal bytes for equal JSON, digit for digit.
func canonical(t testing.TB, body []byte) string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

func wantMoney(t testing.TB, want string, got decimal.Decimal) {
	t.Helper()
	assert.True(t, decimal.RequireFromString(want).Equal(got), "want %s, got %s", want, got)
}

func mustClient(t testing.TB, cfg kotani.Config) *kotani.Client {
	t.Helper()
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	return client
}
