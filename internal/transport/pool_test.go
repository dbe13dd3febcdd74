package transport_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// fill makes n connections and leaves them idle.
func fill(t *testing.T, s *fixture, core *transport.Core, n int) {
	t.Helper()
	release := make(chan struct{})
	s.mu.Lock()
	s.always = func(w http.ResponseWriter, r *http.Request) {
		<-release
		accept(w, r)
	}
	s.mu.Unlock()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { assert.NoError(t, core.Do(t.Context(), callOf("safe"))) })
	}
	synctest.Wait()
	close(release)
	calls.Wait()
	require.Equal(t, n, s.dialled())
	s.mu.Lock()
	s.always = accept
	s.mu.Unlock()
}

// go-retryablehttp empties the pool of the transport it knows on any failure.
func TestOneFailureDoesNotEmptyThePool(t *testing.T) {
	const warm = 16
	for name, fail := range map[string]func(*testing.T, *fixture, *transport.Core){
		"a call cancelled while it hangs": func(t *testing.T, s *fixture, core *transport.Core) {
			s.script = []step{hang}
			ctx, cancel := contextWithin(t, 1e9)
			defer cancel()
			assert.ErrorIs(t, core.Do(ctx, callOf("once")), context.DeadlineExceeded)
		},
		"a call cancelled during backoff": func(t *testing.T, s *fixture, core *transport.Core) {
			s.script = []step{with("Retry-After", "50", html(503))}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				wait(1e9)
				cancel()
			}()
			assert.ErrorIs(t, core.Do(ctx, callOf("safe")), context.Canceled)
		},
		"a final failure": func(t *testing.T, s *fixture, core *transport.Core) {
			s.script = []step{drop}
			assert.ErrorIs(t, core.Do(t.Context(), callOf("once")), sdk.ErrOutcomeUnknown)
		},
		"an outage": func(t *testing.T, s *fixture, core *transport.Core) {
			s.script = []step{html(503), html(503), html(503), html(503)}
			assert.ErrorIs(t, core.Do(t.Context(), callOf("safe")), sdk.ErrServer)
		},
		"a dead context": func(t *testing.T, _ *fixture, core *transport.Core) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			assert.ErrorIs(t, core.Do(ctx, callOf("safe")), context.Canceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t)
				core := s.core()
				fill(t, s, core, warm)
				fail(t, s, core)
				for range 4 {
					require.NoError(t, core.Do(t.Context(), callOf("once")))
				}
				// All at once, so that each needs a connection of its own.
				before := s.dialled()
				var barrier sync.WaitGroup
				barrier.Add(warm - 1) // at most the failed call's own is gone
				s.mu.Lock()
				s.always = func(w http.ResponseWriter, r *http.Request) {
					barrier.Done()
					barrier.Wait()
					accept(w, r)
				}
				s.mu.Unlock()
				var calls sync.WaitGroup
				for range warm - 1 {
					calls.Go(func() { assert.NoError(t, core.Do(t.Context(), callOf("safe"))) })
				}
				calls.Wait()
				assert.Equal(t, before, s.dialled(), "redialled")
			})
		})
	}
}

// net/http gives up a connection whose request is not known to be written 50 ms after
// the response. On a busy machine that happens; a bubble's clock does not run ahead.
func TestConnectionsAreReusedWhateverTheAnswer(t *testing.T) {
	synctest.Test(t, testConnectionsAreReused)
}

func testConnectionsAreReused(t *testing.T) {
	page := strings.Repeat("<p>", 20_000)
	s := newFixture(t)
	core := s.core(noRetry)
	for _, next := range []step{
		accept, html(404), html(502), say(400, "refused"), garbled,
		answer([]byte(page), false), answer([]byte(page), true), answer(nil, true),
		redirect(302, "/elsewhere"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = w.Write([]byte(page))
		},
	} {
		s.mu.Lock()
		s.always = next
		s.mu.Unlock()
		_ = core.Do(t.Context(), callOf("once")) // whatever it means
		synctest.Wait()                          // until the connection is idle
	}
	assert.Len(t, s.seen(), 11)
	assert.Equal(t, 1, s.dialled())
}
