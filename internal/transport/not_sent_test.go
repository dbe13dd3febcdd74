package transport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// noRetry makes one attempt show its outcome.
func noRetry(cfg *transport.Config) { cfg.MaxAttempts = 1 }

func TestNotSentOverSockets(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(accept))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.HandlerFunc(accept))
	t.Cleanup(plain.Close)

	for name, row := range map[string]struct{ url, text string }{
		"connection refused":      {"http://127.0.0.1:1", "acme: once: connection refused (outcome: not sent)"},
		"certificate not trusted": {secure.URL, "acme: once: certificate refused (outcome: not sent)"},
		"no TLS on the other side": {strings.Replace(plain.URL, "http:", "https:", 1),
			"acme: once: connection failed (outcome: not sent)"},
	} {
		t.Run(name, func(t *testing.T) {
			core := newCore(t, noRetry, func(cfg *transport.Config) { cfg.BaseURL = row.url })
			err := core.Do(t.Context(), callOf("once"))
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
			assert.EqualError(t, err, row.text)
		})
	}
}

func TestUnknownHostIsNotSent(t *testing.T) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}
	dialer := &net.Dialer{Resolver: resolver}
	core := newCore(t, noRetry, func(cfg *transport.Config) {
		cfg.BaseURL = "https://no-such-host.example"
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	})
	err := core.Do(t.Context(), callOf("once"))
	assert.EqualError(t, err, "acme: once: host name not resolved (outcome: not sent)")
	assert.ErrorIs(t, err, sdk.ErrNotSent)
}

func TestDeadContextSendsNothing(t *testing.T) {
	for name, end := range map[string]error{"cancelled": context.Canceled, "past its deadline": context.DeadlineExceeded} {
		t.Run(name, func(t *testing.T) {
			for _, op := range classes {
				s := newFixture(t)
				ctx, cancel := context.WithCancel(t.Context())
				if end == context.DeadlineExceeded {
					ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
				}
				cancel()
				err := s.core().Do(ctx, callOf(op))
				assert.ErrorIs(t, err, sdk.ErrNotSent)
				assert.ErrorIs(t, err, end)
				assert.Empty(t, s.seen())
				assert.Zero(t, s.dialled())
			}
		})
	}
}

// A call that gives up while it waits for a connection sent nothing.
func TestDeadlineWhileDiallingIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{}) // net/http dials on after the call has gone
		defer close(never)
		core := newCore(t, func(cfg *transport.Config) {
			cfg.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				<-never
				return nil, net.ErrClosed
			}}}
		})
		ctx, cancel := contextWithin(t, time.Second)
		defer cancel()
		err := core.Do(ctx, callOf("once"))
		assert.ErrorIs(t, err, sdk.ErrNotSent)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// failover is what a caller may register for a scheme: a first leg without a trace, and a
// second one that finds nobody.
type failover struct{ second *http.Transport }

func (f failover) RoundTrip(req *http.Request) (*http.Response, error) {
	if f.second.DisableCompression { // stands for: the first leg did the work
		_, _ = io.Copy(io.Discard, req.Body)
	}
	again := req.Clone(req.Context())
	again.Body = http.NoBody
	return f.second.RoundTrip(again)
}

// net/http's own transport may hand a request to a RoundTripper that is registered for
// the scheme. A body that somebody has read may have left.
func TestARegisteredProtocolThatReadTheBodyMayHaveSent(t *testing.T) {
	for _, read := range []bool{true, false} {
		for _, op := range classes {
			synctest.Test(t, func(t *testing.T) {
				second := &http.Transport{DialContext: refusedDial, DisableCompression: read}
				outer := &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
				outer.RegisterProtocol("https", failover{second})
				legs := 0
				core := newCore(t, func(cfg *transport.Config) {
					cfg.BaseURL, cfg.HTTPClient = "https://acme.example", &http.Client{Transport: outer}
					cfg.OnAttempt = func(context.Context, sdk.Attempt) { legs++ }
				})
				call := callOf(op)
				call.Body = map[string]string{"amount": "7"}
				err := core.Do(t.Context(), call)
				switch {
				case op == "safe":
					assert.Equal(t, 4, legs)
				case !read:
					assert.ErrorIs(t, err, sdk.ErrNotSent, op)
					assert.Equal(t, 4, legs, op)
				case op == "keyed":
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				default:
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, op)
					assert.Equal(t, 1, legs, op)
				}
			})
		}
	}
}

// unseen is what a caller may register for a scheme: it does the work without a trace, and
// then hands the request back to net/http, which sends it again.
type unseen struct{ done *int }

func (u unseen) RoundTrip(*http.Request) (*http.Response, error) {
	*u.done++
	return nil, http.ErrSkipAltProtocol
}

// Without a body nobody sees whether such a RoundTripper has sent the request: the client
// must neither call it "not sent" nor send it again.
func TestAWriteWithoutABodyOverTheCallersTransportMayHaveSent(t *testing.T) {
	for _, op := range classes[1:] {
		synctest.Test(t, func(t *testing.T) {
			done := 0
			outer := &http.Transport{DialContext: refusedDial, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
			outer.RegisterProtocol("https", unseen{&done})
			core := newCore(t, func(cfg *transport.Config) {
				if op == "keyed" { // its key allows a repeat
					cfg.MaxAttempts = 1
				}
			}, func(cfg *transport.Config) {
				cfg.BaseURL, cfg.HTTPClient = "https://acme.example", &http.Client{Transport: outer}
			})
			call := callOf(op)
			call.Body = nil
			assert.ErrorIs(t, core.Do(t.Context(), call), sdk.ErrOutcomeUnknown, op)
			assert.Equal(t, 1, done, op)
		})
	}
	core := newCore(t, noRetry, func(cfg *transport.Config) { cfg.BaseURL = "http://127.0.0.1:1" })
	call := callOf("once")
	call.Body = nil
	assert.ErrorIs(t, core.Do(t.Context(), call), sdk.ErrNotSent, "the SDK's own connections tell")
}

// tracing is a RoundTripper that fires the hooks it is told to and then does
// what it is told.
type tracing struct {
	hooks string // of "asked", "got", "wrote"
	then  func(*http.Request) (*http.Response, error)
}

func (rt tracing) RoundTrip(req *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(req.Context())
	if strings.Contains(rt.hooks, "asked") {
		trace.GetConn("acme.example:443")
	}
	if strings.Contains(rt.hooks, "got") {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if strings.Contains(rt.hooks, "lost") {
		trace.GetConn("acme.example:443")
	}
	if strings.Contains(rt.hooks, "wrote") {
		trace.WroteHeaders()
	}
	return rt.then(req)
}

func fails(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func halfAnswer(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, ContentLength: 100, Body: io.NopCloser(strings.NewReader("{")), Request: req}, nil
}

// What the trace shows decides. Only a connection that was asked for and never
// had proves that nothing left: over HTTP/2 the headers are on the wire before
// WroteHeaders is called.
func TestTraceDecidesWhetherAnythingLeft(t *testing.T) {
	for name, row := range map[string]struct {
		rt   tracing
		want sdk.Outcome
	}{
		"no hook at all":                    {tracing{"", fails}, sdk.Unknown},
		"asked":                             {tracing{"asked", fails}, sdk.NotSent},
		"asked, deadline":                   {tracing{"asked", hangs}, sdk.NotSent},
		"got a connection":                  {tracing{"asked got", fails}, sdk.Unknown},
		"got a connection, deadline":        {tracing{"asked got", hangs}, sdk.Unknown},
		"wrote without a connection":        {tracing{"asked wrote", fails}, sdk.Unknown},
		"wrote":                             {tracing{"asked got wrote", fails}, sdk.Unknown},
		"lost the first, asked for another": {tracing{"asked got lost", fails}, sdk.Unknown},
		"wrote, asked for another":          {tracing{"asked got wrote lost", fails}, sdk.Unknown},
		"asked, yet half an answer came":    {tracing{"asked", halfAnswer}, sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core := newCore(t, noRetry, func(cfg *transport.Config) { cfg.HTTPClient = &http.Client{Transport: row.rt} })
				ctx, cancel := contextWithin(t, time.Second)
				defer cancel()
				f := failure(t, core.Do(ctx, callOf("once")))
				assert.Equal(t, row.want, f.Outcome)
			})
		})
	}
}

func TestRoundTripperThatBypassesNetHTTPProvesNothing(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "https://acme.example/once", httpmock.NewErrorResponder(errors.New("refused, they say")))
	core := newCore(t, func(cfg *transport.Config) { cfg.HTTPClient = &http.Client{Transport: mock} })
	f := failure(t, core.Do(t.Context(), callOf("once")))
	assert.Equal(t, sdk.Unknown, f.Outcome)
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

// What net/http would refuse without a trace is found before it is asked.
func TestUnsendableHeaderIsNotSent(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"value":            func(r *http.Request) { r.Header["Authorization"] = []string{"Token abc\n"} },
		"value with a NUL": func(r *http.Request) { r.Header["Authorization"] = []string{"Token \x00"} },
		"name":             func(r *http.Request) { r.Header["Bad Name"] = []string{"x"} },
		"empty name":       func(r *http.Request) { r.Header[""] = []string{"x"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			core := s.core(func(cfg *transport.Config) {
				cfg.Authorize = func(r *http.Request, _ sdk.Operation, _ []byte, _ string) error {
					spoil(r)
					return nil
				}
			})
			err := core.Do(t.Context(), callOf("once"))
			assert.EqualError(t, err, "acme: once: header cannot be sent (outcome: not sent)")
			assert.Equal(t, 1, failure(t, err).Attempts)
		})
	}
}

func TestSigningFailureIsNotSentAndNotRepeated(t *testing.T) {
	s := newFixture(t)
	made := 0
	core := s.core(func(cfg *transport.Config) {
		cfg.Authorize = func(*http.Request, sdk.Operation, []byte, string) error {
			made++
			return assert.AnError
		}
	})
	err := core.Do(t.Context(), callOf("safe"))
	assert.ErrorIs(t, err, sdk.ErrNotSent)
	assert.ErrorIs(t, err, assert.AnError)
	assert.Equal(t, 1, made)
}

func TestLoginFailureIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			login []step
			kind  error
		}{
			"refused":     {[]step{say(401, "forbidden")}, sdk.ErrForbidden},
			"unreachable": {[]step{nil, nil, nil, nil}, nil},
			"outage":      {[]step{html(503), html(503), html(503), html(503)}, sdk.ErrServer},
		} {
			for _, op := range classes {
				s := newFixture(t, row.login...)
				var core *transport.Core
				tokens := transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) {
					return transport.Token{}, core.Do(ctx, callOf("login"))
				})
				core = s.core(func(cfg *transport.Config) { cfg.Tokens = tokens })
				err := core.Do(t.Context(), callOf(op))
				assert.ErrorIs(t, err, sdk.ErrNotSent, name)
				assert.NotErrorIs(t, err, sdk.ErrRejected, "the payment itself was not refused: "+name)
				assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown, name)
				if row.kind != nil {
					assert.ErrorIs(t, err, row.kind, name)
				}
				assert.Contains(t, err.Error(), "acme: "+op+": login failed: acme: login: ")
				for _, r := range s.seen() {
					assert.Equal(t, "/login", r.URI)
				}
			}
		}
	})
}

// The login's own request must not count as the payment's.
func TestPaymentRefusedAfterALoginIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, with("Connection", "close", accept), nil, nil, nil, nil)
		var core *transport.Core
		tokens := transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) {
			return transport.Token{Value: "t"}, core.Do(ctx, callOf("login"))
		})
		core = s.core(func(cfg *transport.Config) { cfg.Tokens = tokens })
		f := failure(t, core.Do(t.Context(), callOf("once")))
		assert.Equal(t, sdk.NotSent, f.Outcome)
		assert.Equal(t, 4, f.Attempts)
	})
}

// net/http replays some requests by itself when a pooled connection breaks: a
// GET always, so that a GET which is not safe must not be replayable.
func TestNetHTTPDoesNotReplayAWrite(t *testing.T) {
	for name, row := range map[string]struct {
		method string
		class  sdk.Class
		body   any
		want   int
	}{
		"safe GET is replayed":    {"GET", sdk.Safe, nil, 2},
		"once GET":                {"GET", sdk.Once, nil, 1},
		"once GET with a body":    {"GET", sdk.Once, "x", 1},
		"once OPTIONS":            {"OPTIONS", sdk.Once, nil, 1},
		"referenced HEAD":         {"HEAD", sdk.Referenced, nil, 1},
		"once POST":               {"POST", sdk.Once, "x", 1},
		"once POST without body":  {"POST", sdk.Once, nil, 1},
		"once DELETE":             {"DELETE", sdk.Once, nil, 1},
		"referenced POST":         {"POST", sdk.Referenced, "x", 1},
		"once PATCH with a body":  {"PATCH", sdk.Once, "x", 1},
		"once PUT without a body": {"PUT", sdk.Once, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, accept, drop)
				s.always = accept
				core := s.core(noRetry)
				require.NoError(t, core.Do(t.Context(), callOf("safe")), "fills the pool")
				err := core.DoRaw(t.Context(), transport.Raw{Method: row.method, Path: "/x", Class: row.class, Call: transport.Call{Body: row.body}})
				assert.Equal(t, row.want, len(s.seen())-1)
				if row.want == 1 {
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				} else {
					assert.NoError(t, err)
				}
				for _, r := range s.seen()[1:] {
					if row.body == nil {
						assert.Empty(t, r.Body)
						assert.Empty(t, r.Header.Get("Transfer-Encoding"))
					}
				}
			})
		})
	}
}
