package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// roundTrip is a caller's own RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (rt roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return rt(r) }

// over returns a Core that sends through a caller's own RoundTripper.
func over(t testing.TB, rt http.RoundTripper, change ...func(*transport.Config)) *transport.Core {
	return newCore(t, append([]func(*transport.Config){func(cfg *transport.Config) {
		cfg.BaseURL, cfg.HTTPClient = "http://provider.localhost", &http.Client{Transport: rt}
	}}, change...)...)
}

// failures that reach an attempt through a RoundTripper of several legs. refused
// stands for net/http's own transport, which meets a closed port.
var severalLegs = map[string]func(work func(*http.Request), refused http.RoundTripper) roundTrip{
	"failover": func(work func(*http.Request), refused http.RoundTripper) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			work(r) // untraced, and its response is lost
			return refused.RoundTrip(again(r))
		}
	},
	"failover that hides the trace of its first leg": func(work func(*http.Request), refused http.RoundTripper) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			work(r.WithContext(context.Background()))
			return refused.RoundTrip(again(r))
		}
	},
	"a retry of its own": func(work func(*http.Request), refused http.RoundTripper) roundTrip {
		return func(r *http.Request) (resp *http.Response, err error) {
			for i := range 3 {
				if i == 0 {
					trace := httptrace.ContextClientTrace(r.Context())
					trace.GetConn("provider.localhost:80")
					trace.GotConn(httptrace.GotConnInfo{})
					work(r)
					continue
				}
				resp, err = refused.RoundTrip(again(r))
			}
			return resp, err
		}
	},
}

// again is the request with a body of its own, as a RoundTripper makes it that keeps
// what it has read.
func again(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	if r.Body != nil {
		r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", int(r.ContentLength))))
	}
	return r
}

// The first leg does the work and the second one is refused. That is no proof that
// nothing was sent, and the write must not be sent again.
func TestARoundTripperOfSeveralLegsIsBelievedByItsBody(t *testing.T) {
	for name, legs := range severalLegs {
		for _, class := range []sdk.Class{sdk.Once, sdk.Searched, sdk.Referenced} {
			for _, body := range []any{nil, "x"} {
				t.Run(fmt.Sprintf("%s, %s, body %v", name, class, body), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						done := 0
						s := newFixture(t)
						refuse := &http.Transport{DialContext: refusedDial}
						core := s.core(func(cfg *transport.Config) {
							cfg.HTTPClient = &http.Client{Transport: legs(func(r *http.Request) {
								done++
								if r.Body != nil {
									_, _ = io.Copy(io.Discard, r.Body)
								}
							}, refuse)}
						})
						err := core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/x", Class: class, Call: transport.Call{Body: body}})
						f := failure(t, err)
						assert.Equal(t, sdk.Unknown, f.Outcome)
						assert.Equal(t, 1, done)
						assert.Equal(t, 1, f.Attempts)
					})
				})
			}
		}
	}
}

// net/http sends a request again by itself if it can rewind the body. Only a read may
// have such a body.
func TestOnlyAReadHasABodyThatCanBeRewound(t *testing.T) {
	for _, class := range []sdk.Class{sdk.Safe, sdk.Keyed, sdk.Referenced, sdk.Searched, sdk.Once} {
		rewindable := false
		core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			rewindable = r.GetBody != nil
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"say":"accepted"}`))}, nil
		}))
		call := transport.Call{Body: "x"}
		if class == sdk.Keyed {
			call.Key = "key-1"
		}
		require.NoError(t, core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/x", Class: class, Call: call}))
		assert.Equal(t, class == sdk.Safe, rewindable, class)
	}
}

// A keyed write is repeated, and stays unknown whatever the later attempts meet.
func TestAKeyedWriteOfSeveralLegsStaysUnknown(t *testing.T) {
	for name, legs := range severalLegs {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				done := 0
				core := over(t, legs(func(r *http.Request) {
					if done++; done == 1 {
						_, _ = io.Copy(io.Discard, r.Body)
					}
				}, &http.Transport{DialContext: refusedDial}))
				assert.ErrorIs(t, core.Do(t.Context(), callOf("keyed")), sdk.ErrOutcomeUnknown)
				assert.Equal(t, 4, done)
			})
		})
	}
}

// What an earlier attempt has met stays in the history of the call.
func TestEvidenceOfACallOnlyGrows(t *testing.T) {
	closing := func(then step) step { return with("Connection", "close", then) }
	for name, row := range map[string]struct {
		op       string
		script   []step
		want     sdk.Outcome
		attempts int
	}{
		"throttled, then refused connections":        {"keyed", []step{closing(say(429, "throttled")), nil, nil, nil}, sdk.Rejected, 4},
		"a foreign 429, then refused connections":    {"keyed", []step{closing(html(429)), nil, nil, nil}, sdk.Unknown, 4},
		"unanswered, then refused connections":       {"keyed", []step{closing(drop), nil, nil, nil}, sdk.Unknown, 4},
		"unanswered, then refused by the provider":   {"keyed", []step{closing(drop), say(400, "refused")}, sdk.Unknown, 2},
		"refused token, then refused connections":    {"once", []step{closing(say(401, "expired")), nil, nil, nil}, sdk.Rejected, 4},
		"refused connection, then a refusal":         {"once", []step{nil, say(400, "refused")}, sdk.Rejected, 2},
		"refused connection, then no response":       {"once", []step{nil, drop}, sdk.Unknown, 2},
		"refused connections, nothing else":          {"once", []step{nil, nil, nil, nil}, sdk.NotSent, 4},
		"half a response, then refused connections":  {"keyed", []step{truncate, nil, nil, nil}, sdk.Unknown, 4},
		"not understood, then refused connections":   {"keyed", []step{closing(garbled), nil, nil, nil}, sdk.Unknown, 4},
		"in progress, then refused connections":      {"keyed", []step{closing(say(409, "in progress")), nil, nil, nil}, sdk.Unknown, 4},
		"a read, throttled, then refused connection": {"safe", []step{closing(say(429, "throttled")), nil, nil, nil}, sdk.NoEffect, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) { return transport.Token{Value: "t"}, nil })
				err := s.core(func(cfg *transport.Config) { cfg.Tokens = tokens }).Do(t.Context(), callOf(row.op))
				f := failure(t, err)
				assert.Equal(t, row.want, f.Outcome)
				assert.Equal(t, row.attempts, f.Attempts)
				assert.Equal(t, row.want == sdk.NotSent, errors.Is(err, sdk.ErrNotSent))
			})
		})
	}
}

// A rate limiter or a circuit breaker can say that it has sent nothing. Its word
// counts as long as nobody has read the body.
func TestARoundTripperCanSayNotSent(t *testing.T) {
	limited := fmt.Errorf("too fast: %w", sdk.ErrNotSent)
	reads := func(r *http.Request) { _, _ = r.Body.Read(make([]byte, 1)) }
	for name, row := range map[string]struct {
		body  any
		first func(*http.Request)
		err   error
		want  sdk.Outcome
		tries int
	}{
		"body unread":                   {"x", nil, limited, sdk.NotSent, 4},
		"without a body":                {nil, nil, limited, sdk.NotSent, 4},
		"body read":                     {"x", reads, limited, sdk.Unknown, 1},
		"another error, body unread":    {"x", nil, io.ErrUnexpectedEOF, sdk.Unknown, 1},
		"another error, without a body": {nil, nil, io.ErrUnexpectedEOF, sdk.Unknown, 1},
		"an *sdk.Error, not sent":       {"x", nil, &sdk.Error{Outcome: sdk.NotSent}, sdk.NotSent, 4},
		"an *sdk.Error, rejected":       {"x", reads, &sdk.Error{Outcome: sdk.Rejected}, sdk.Unknown, 1},
		"no connection, without a body": {nil, asks, io.ErrUnexpectedEOF, sdk.Unknown, 1},
		"no connection, body unread":    {"x", asks, io.ErrUnexpectedEOF, sdk.NotSent, 4},
		"a connection, and says not sent": {"x", func(r *http.Request) {
			asks(r)
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
		}, limited, sdk.NotSent, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					tries++
					if row.first != nil {
						row.first(r)
					}
					return nil, row.err
				}))
				err := core.DoRaw(t.Context(), transport.Raw{Method: "POST", Path: "/x", Call: transport.Call{Body: row.body}})
				f := failure(t, err)
				assert.Equal(t, row.want, f.Outcome)
				assert.Equal(t, row.tries, tries)
				// The error matches its own outcome only, whatever its cause says.
				assert.Equal(t, row.want == sdk.NotSent, errors.Is(err, sdk.ErrNotSent))
				assert.NotErrorIs(t, err, sdk.ErrRejected)
			})
		})
	}
}

func asks(r *http.Request) {
	httptrace.ContextClientTrace(r.Context()).GetConn("provider.localhost:80")
}

// A limiter that lets the second attempt through.
func TestAWriteThatWasNotSentIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, accept)
		held := true
		core := s.core(func(cfg *transport.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if held {
					held = false
					return nil, sdk.ErrNotSent
				}
				return s.transport.RoundTrip(r)
			})}
		})
		require.NoError(t, core.Do(t.Context(), callOf("once")))
		assert.Len(t, s.seen(), 1)
	})
}

// net/http's own transport says itself what was sent. An error of a connection
// that claims otherwise is not believed, and does not show.
func TestAConnectionCannotSayNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, accept)
		lying := &http.Transport{DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			conn, err = s.dial(ctx, network, address)
			return lyingConn{conn}, err
		}}
		t.Cleanup(lying.CloseIdleConnections)
		err := s.core(func(cfg *transport.Config) { cfg.HTTPClient = &http.Client{Transport: lying} }).Do(t.Context(), callOf("once"))
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.NotErrorIs(t, err, sdk.ErrNotSent)
		synctest.Wait()
		assert.Len(t, s.seen(), 1)
	})
}

// lyingConn writes everything and reads an error that says otherwise.
type lyingConn struct{ net.Conn }

func (c lyingConn) Read([]byte) (int, error) {
	wait(time.Second)
	return 0, fmt.Errorf("closed: %w", sdk.ErrNotSent)
}

// A RoundTripper that returns nonsense makes an error, not a panic.
func TestNonsenseOfARoundTripperIsAnError(t *testing.T) {
	for name, row := range map[string]struct {
		before func(*http.Request)
		resp   *http.Response
	}{
		"nothing":                             {nil, nil},
		"no body":                             {nil, &http.Response{StatusCode: 200}},
		"no body, no connection, body unread": {asks, &http.Response{StatusCode: 200, Header: http.Header{}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					tries++
					if row.before != nil {
						row.before(r)
					}
					return row.resp, nil
				}))
				err := core.Do(t.Context(), callOf("once"))
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				assert.Contains(t, err.Error(), "the transport returned no response")
				assert.Equal(t, 1, tries)
				assert.Equal(t, sdk.NoEffect, failure(t, core.Do(t.Context(), callOf("safe"))).Outcome)
				assert.Equal(t, 5, tries, "a read is repeated")
			})
		})
	}
}

func TestANilContextIsRefused(t *testing.T) {
	s := newFixture(t)
	core := s.core()
	var none context.Context
	_, asked := core.Ask(none, sdk.RawCall{Method: "GET", Path: "/x"})
	for name, err := range map[string]error{
		"an operation": core.Do(none, callOf("once")),
		"a raw call":   asked,
	} {
		assert.ErrorIs(t, err, sdk.ErrNotSent, name)
		assert.ErrorIs(t, err, sdk.ErrValidation, name)
		assert.Contains(t, err.Error(), "context: is required", name)
	}
}

// Nobody can read the body once the attempt counts as not sent.
func TestABodyCannotBeReadAfterItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []io.ReadCloser
		core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			kept = append(kept, r.Body)
			asks(r)
			return nil, io.ErrUnexpectedEOF
		}))
		assert.ErrorIs(t, core.Do(t.Context(), callOf("once")), sdk.ErrNotSent)
		require.Len(t, kept, 4)
		for _, body := range kept {
			read, err := io.ReadAll(body)
			assert.Empty(t, read)
			assert.EqualError(t, err, "body read after the attempt")
			written, err := body.(io.WriterTo).WriteTo(io.Discard)
			assert.Zero(t, written)
			assert.EqualError(t, err, "body read after the attempt")
			assert.NoError(t, body.Close())
		}
	})
}

// lingering is a RoundTripper whose goroutines outlive the attempt. They use all
// that a request gives them.
type lingering struct {
	goroutines   sync.WaitGroup
	ended, read  atomic.Int64
	asked, fails bool
}

func (l *lingering) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	if l.asked {
		trace.GetConn("provider.localhost:80")
	}
	l.goroutines.Go(func() {
		if body, _ := io.ReadAll(r.Body); len(body) > 0 {
			l.read.Add(1)
		}
	})
	l.goroutines.Go(func() {
		ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
		defer cancel()
		<-ctx.Done()
		<-r.Context().Done()
		if r.Context().Err() != nil {
			l.ended.Add(1)
		}
		trace.GetConn("provider.localhost:80")
		trace.GotConn(httptrace.GotConnInfo{})
		trace.WroteHeaders()
		_, _ = r.Context().Deadline()
		_ = r.Context().Value("key")
		_ = r.Header.Get("Accept")
		_ = r.URL.String()
		context.AfterFunc(r.Context(), func() {})()
	})
	if l.fails {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// Late goroutines meet what belongs to their own attempt: under the race detector
// nothing else shows.
func TestLateGoroutinesMeetTheirOwnAttempt(t *testing.T) {
	const callers, calls = 4, 50
	for name, l := range map[string]*lingering{
		"success":                       {},
		"no response":                   {fails: true},
		"no response and no connection": {fails: true, asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			var notSent atomic.Int64
			core := over(t, l, noRetry)
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					for range calls {
						ctx, cancel := context.WithCancel(context.Background())
						if i%2 == 0 {
							ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {}})
						}
						if errors.Is(core.Do(ctx, callOf("once")), sdk.ErrNotSent) {
							notSent.Add(1)
						}
						if i%3 == 0 {
							cancel() // else the end of the attempt must do
						}
						defer cancel()
					}
				})
			}
			all.Wait()
			l.goroutines.Wait()
			assert.EqualValues(t, callers*calls, l.ended.Load(), "every attempt's context has ended")
			assert.LessOrEqual(t, l.read.Load()+notSent.Load(), int64(callers*calls), "not sent, and yet its body was read")
			if !l.fails {
				assert.Zero(t, notSent.Load())
			}
		})
	}
}

// The context of an attempt keeps the promises of package context.
func TestTheContextOfAnAttempt(t *testing.T) {
	type key struct{}
	for name, row := range map[string]struct {
		end  time.Duration // of the caller's context
		want error
		took time.Duration
	}{
		"the attempt's own time": {0, context.DeadlineExceeded, 30 * time.Second},
		"the caller's deadline":  {time.Second, context.DeadlineExceeded, time.Second},
		"a later deadline":       {time.Minute, context.DeadlineExceeded, 30 * time.Second},
		"a cancellation":         {-time.Second, context.Canceled, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.WithValue(t.Context(), key{}, "value")
				switch {
				case row.end > 0:
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.end)
					defer cancel()
				case row.end < 0:
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					time.AfterFunc(-row.end, cancel)
				}
				core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					ctx, start := r.Context(), time.Now()
					assert.Equal(t, "value", ctx.Value(key{}))
					deadline, ok := ctx.Deadline()
					assert.True(t, ok)
					if row.want == context.DeadlineExceeded {
						assert.Equal(t, row.took, time.Until(deadline))
					}
					assert.NoError(t, ctx.Err())
					var ran, taken atomic.Int64
					for range 3 {
						context.AfterFunc(ctx, func() { ran.Add(1) })
						assert.True(t, context.AfterFunc(ctx, func() { taken.Add(1) })())
					}
					<-ctx.Done()
					synctest.Wait()
					assert.Equal(t, row.took, time.Since(start))
					assert.Equal(t, row.want, ctx.Err())
					assert.Equal(t, row.want, context.Cause(ctx))
					assert.EqualValues(t, 3, ran.Load())
					assert.Zero(t, taken.Load())
					late := context.AfterFunc(ctx, func() { ran.Add(1) })
					synctest.Wait()
					assert.EqualValues(t, 4, ran.Load())
					assert.False(t, late())
					return nil, ctx.Err()
				}), noRetry)
				assert.ErrorIs(t, core.Do(ctx, callOf("once")), sdk.ErrOutcomeUnknown)
			})
		})
	}
}

// A RoundTripper that asks for Err alone learns of the end as well.
func TestErrAloneTellsTheEndOfAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]error{"time": context.DeadlineExceeded, "cancelled": context.Canceled} {
			ctx, cancel := context.WithCancel(t.Context())
			core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				assert.NoError(t, r.Context().Err(), name)
				if end == context.Canceled {
					cancel()
				} else {
					wait(30 * time.Second)
				}
				assert.Equal(t, end, r.Context().Err(), name)
				<-r.Context().Done()
				return nil, r.Context().Err()
			}), noRetry)
			assert.ErrorIs(t, core.Do(ctx, callOf("once")), sdk.ErrOutcomeUnknown, name)
			cancel()
		}
	})
}

// What an attempt may have left behind ends with it.
func TestTheContextOfAnAttemptEndsWithIt(t *testing.T) {
	for _, limit := range []time.Duration{0, -1} {
		var kept context.Context
		core := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			kept = r.Context() //nolint:fatcontext // the test looks at it afterwards
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}), func(cfg *transport.Config) { cfg.AttemptTimeout = limit })
		require.NoError(t, core.DoRaw(context.Background(), transport.Raw{Method: "POST", Path: "/x", Call: transport.Call{Body: "x"}}))
		assert.Equal(t, context.Canceled, kept.Err())
		<-kept.Done()
	}
}
