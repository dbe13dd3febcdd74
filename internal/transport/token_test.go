package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// bearer sends the token as Kotani and Kasapay want it.
func bearer(req *http.Request, _ sdk.Operation, _ []byte, token string) error {
	if token != "" {
		req.Header["Authorization"] = []string{"Bearer " + token}
	}
	return nil
}

// withTokens gives a core tokens t1, t2, ... from a login which the function
// can hold up or fail.
func withTokens(logins *atomic.Int64, login func(ctx context.Context, n int64) (transport.Token, error)) func(*transport.Config) {
	return func(cfg *transport.Config) {
		cfg.Authorize = bearer
		cfg.Tokens = transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) {
			n := logins.Add(1)
			if login != nil {
				return login(ctx, n)
			}
			return transport.Token{Value: fmt.Sprint("t", n)}, nil
		})
	}
}

func authorizations(requests []request) (tokens []string) {
	for _, r := range requests {
		tokens = append(tokens, r.Header.Get("Authorization"))
	}
	return tokens
}

func TestRefusedTokenIsRenewedOnceAndTheRequestSentOnceMore(t *testing.T) {
	expired := map[string]step{"401": say(401, "expired"), "403, as Kotani has it": say(403, "expired")}
	for status, refused := range expired {
		for _, op := range classes {
			for name, row := range map[string]struct {
				script  []step
				tokens  []string
				outcome string
			}{
				"accepted with the new one": {[]step{refused, accept}, []string{"Bearer t1", "Bearer t2"}, ""},
				"refused again":             {[]step{refused, refused}, []string{"Bearer t1", "Bearer t2"}, "rejected"},
			} {
				t.Run(status+"/"+op+"/"+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newFixture(t, row.script...)
						var logins atomic.Int64
						start := time.Now()
						err := s.core(withTokens(&logins, nil)).Do(t.Context(), callOf(op))
						assert.Equal(t, row.tokens, authorizations(s.seen()))
						assert.EqualValues(t, 2, logins.Load())
						assert.Zero(t, time.Since(start), "no wait before the second")
						if row.outcome == "" {
							assert.NoError(t, err)
							return
						}
						assert.Equal(t, row.outcome, failure(t, err).Outcome.String())
						assert.ErrorIs(t, err, sdk.ErrUnauthorized)
					})
				})
			}
		}
	}
}

// The renewal needs no attempt of the budget: a token can expire at the last.
func TestTokenRefusedAtTheLastAttemptIsStillRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, html(503), say(401, "expired"), html(503))
		var logins atomic.Int64
		core := s.core(withTokens(&logins, nil), func(cfg *transport.Config) { cfg.MaxAttempts = 2 })
		f := failure(t, core.Do(t.Context(), callOf("safe")))
		assert.Equal(t, 3, f.Attempts)
		assert.EqualValues(t, 2, logins.Load())
	})
}

func TestRefusedTokenAfterAnUnansweredAttemptStaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop, say(401, "expired"), say(401, "expired"))
		var logins atomic.Int64
		err := s.core(withTokens(&logins, nil)).Do(t.Context(), callOf("keyed"))
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.NotErrorIs(t, err, sdk.ErrRejected)
		assert.Equal(t, []string{"Bearer t1", "Bearer t1", "Bearer t2"}, authorizations(s.seen()))
	})
}

func TestFailedRenewalAfterARefusedTokenIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, say(401, "expired"))
		var logins atomic.Int64
		err := s.core(withTokens(&logins, func(_ context.Context, n int64) (transport.Token, error) {
			if n > 1 {
				return transport.Token{}, assert.AnError
			}
			return transport.Token{Value: "t1"}, nil
		})).Do(t.Context(), callOf("once"))
		assert.ErrorIs(t, err, sdk.ErrRejected)
		assert.ErrorIs(t, err, assert.AnError)
		assert.Equal(t, sdk.Again, sdk.Advise(err), "nothing happened, and the login may work again")
	})
}

func TestOpenOperationsNeedNoToken(t *testing.T) {
	s := newFixture(t, accept)
	var logins atomic.Int64
	require.NoError(t, s.core(withTokens(&logins, nil)).Do(t.Context(), callOf("login")))
	assert.Zero(t, logins.Load())
	assert.Equal(t, []string{""}, authorizations(s.seen()))
}

func TestOneLoginServesAllCallersOnAnExpiredToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t)
		s.always = func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer t1" {
				say(401, "expired")(w, r)
				return
			}
			accept(w, r)
		}
		var logins atomic.Int64
		core := s.core(withTokens(&logins, func(_ context.Context, n int64) (transport.Token, error) {
			wait(2 * time.Second)
			return transport.Token{Value: fmt.Sprint("t", n)}, nil
		}))
		var calls sync.WaitGroup
		for range 64 {
			calls.Go(func() { assert.NoError(t, core.Do(t.Context(), callOf("once"))) })
		}
		calls.Wait()
		assert.EqualValues(t, 2, logins.Load(), "the first, and one for all 64 when it was refused")
		assert.Len(t, s.seen(), 128)
	})
}

// wait passes virtual time.
func wait(d time.Duration) { <-time.After(d) }

func TestOneLoginServesAllCallersPastExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logins atomic.Int64
		tokens := source(&logins, time.Hour, time.Second)
		mustGet(t, tokens, "t1")
		wait(2 * time.Hour)
		var callers sync.WaitGroup
		for range 64 {
			callers.Go(func() { mustGet(t, tokens, "t2") })
		}
		callers.Wait()
		assert.EqualValues(t, 2, logins.Load())
	})
}

// source hands out t1, t2, ... with a lifetime, after the time a login takes.
func source(logins *atomic.Int64, life, takes time.Duration) *transport.TokenSource {
	return transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) {
		n := logins.Add(1)
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return transport.Token{}, ctx.Err()
		}
		return transport.Token{Value: fmt.Sprint("t", n), Expires: time.Now().Add(life)}, nil
	})
}

func mustGet(t *testing.T, tokens *transport.TokenSource, want string) {
	t.Helper()
	token, err := tokens.Get(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, want, token)
}

func TestTokenIsRenewedAheadOfExpiryWhileOthersUseTheOld(t *testing.T) {
	for name, row := range map[string]struct{ life, early time.Duration }{
		"a minute ahead":               {time.Hour, time.Minute},
		"a fifth of a short life":      {100 * time.Second, 20 * time.Second},
		"a fifth of a very short life": {10 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logins atomic.Int64
				tokens := source(&logins, row.life, time.Second)
				mustGet(t, tokens, "t1")

				wait(row.life - row.early - time.Millisecond)
				mustGet(t, tokens, "t1")
				synctest.Wait()
				assert.EqualValues(t, 1, logins.Load(), "too early")

				wait(2 * time.Millisecond)
				start := time.Now()
				for range 10 {
					mustGet(t, tokens, "t1")
				}
				assert.Zero(t, time.Since(start), "nobody waits for an early renewal")
				synctest.Wait()
				assert.EqualValues(t, 2, logins.Load())
				wait(time.Second)
				synctest.Wait()
				mustGet(t, tokens, "t2")
			})
		})
	}
}

func TestFailedEarlyRenewalBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logins atomic.Int64
		tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) {
			if logins.Add(1) > 1 {
				return transport.Token{}, assert.AnError
			}
			return transport.Token{Value: "t1", Expires: time.Now().Add(time.Hour)}, nil
		})
		mustGet(t, tokens, "t1")
		wait(59 * time.Minute)
		for range 59 { // every second until one before the end
			mustGet(t, tokens, "t1")
			synctest.Wait()
			wait(time.Second)
		}
		assert.EqualValues(t, 1+2, logins.Load(), "one at once, one 30 s later")
		wait(time.Second)
		_, err := tokens.Get(t.Context())
		assert.ErrorIs(t, err, assert.AnError, "past expiry the caller learns of it")
	})
}

// The login outlives the caller who happened to start it.
func TestCancelledWaiterDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logins atomic.Int64
		tokens := source(&logins, time.Hour, 5*time.Second)
		ctx, cancel := contextWithin(t, time.Second)
		defer cancel()
		start := time.Now()
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := tokens.Get(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(start))
		})
		synctest.Wait() // he is the one who started it
		for range 8 {
			callers.Go(func() { mustGet(t, tokens, "t1") })
		}
		callers.Wait()
		assert.EqualValues(t, 1, logins.Load())
	})
}

func TestLoginIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := transport.NewTokenSource(func(ctx context.Context) (transport.Token, error) {
			<-ctx.Done()
			return transport.Token{}, ctx.Err()
		})
		start := time.Now()
		_, err := tokens.Get(t.Context())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Minute, time.Since(start))
	})
}

// A login's own time limit is not the caller's deadline.
func TestLoginThatTakesTooLongIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t)
		var logins atomic.Int64
		err := s.core(withTokens(&logins, func(ctx context.Context, _ int64) (transport.Token, error) {
			<-ctx.Done()
			return transport.Token{}, ctx.Err()
		})).Do(t.Context(), callOf("once"))
		assert.ErrorIs(t, err, sdk.ErrNotSent)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "acme: once: login failed (outcome: not sent)")
	})
}

func TestCancelledCallLeavesTheLoginPromptly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t)
		var logins atomic.Int64
		core := s.core(withTokens(&logins, func(context.Context, int64) (transport.Token, error) {
			wait(time.Minute)
			return transport.Token{Value: "t1"}, nil
		}))
		ctx, cancel := contextWithin(t, time.Second)
		defer cancel()
		start := time.Now()
		err := core.Do(ctx, callOf("once"))
		assert.LessOrEqual(t, time.Since(start), time.Second+promptly)
		assert.ErrorIs(t, err, sdk.ErrNotSent)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		wait(time.Hour) // let the login end
	})
}

func TestLoginWithoutATokenIsAFailure(t *testing.T) {
	tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) { return transport.Token{}, nil })
	_, err := tokens.Get(t.Context())
	assert.EqualError(t, err, "login response without a token")
}

func TestFailedLoginIsTriedAnewByTheNextCaller(t *testing.T) {
	made := 0
	tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) {
		if made++; made == 1 {
			return transport.Token{}, errors.New("outage")
		}
		return transport.Token{Value: "t2"}, nil
	})
	_, err := tokens.Get(t.Context())
	require.EqualError(t, err, "outage")
	mustGet(t, tokens, "t2")
}

func TestOnlyTheRefusedTokenIsDropped(t *testing.T) {
	var logins atomic.Int64
	tokens := source(&logins, time.Hour, 0)
	mustGet(t, tokens, "t1")
	tokens.Drop("t1")
	mustGet(t, tokens, "t2")
	tokens.Drop("t1") // a late caller's
	mustGet(t, tokens, "t2")
}

// A clock that runs ahead of the provider's makes every token look expired; it
// must still serve once.
func TestTokenThatLooksExpiredOnArrivalIsUsed(t *testing.T) {
	var logins atomic.Int64
	tokens := source(&logins, -time.Hour, 0)
	mustGet(t, tokens, "t1")
	mustGet(t, tokens, "t2")
}

func TestTokenHotPathDoesNotAllocate(t *testing.T) {
	for name, expires := range map[string]time.Duration{"with a lifetime": time.Hour, "for ever": 0} {
		tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) {
			token := transport.Token{Value: "t"}
			if expires != 0 {
				token.Expires = time.Now().Add(expires)
			}
			return token, nil
		})
		ctx := t.Context()
		mustGet(t, tokens, "t")
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = tokens.Get(ctx) }), name)
	}
}
