package transport_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func contextWithin(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

const promptly = 10 * time.Millisecond

func TestCancelledCallReturnsPromptly(t *testing.T) {
	for name, row := range map[string]struct {
		op      string
		always  step
		outcome sdk.Outcome
	}{
		"a write that hangs":             {"once", hang, sdk.Unknown},
		"a read that hangs":              {"safe", hang, sdk.NoEffect},
		"a keyed write during backoff":   {"keyed", with("Retry-After", "50", html(503)), sdk.Unknown},
		"a read during backoff":          {"safe", with("Retry-After", "50", html(503)), sdk.NoEffect},
		"a throttled write, waiting":     {"keyed", with("Retry-After", "50", say(429, "throttled")), sdk.Rejected},
		"an answer that stops half-way":  {"once", stall, sdk.Unknown},
		"a read's answer stops half-way": {"safe", stall, sdk.NoEffect},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t)
				s.always = row.always
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var cancelled time.Time
				time.AfterFunc(20*time.Second, func() {
					cancelled = time.Now()
					cancel()
				})
				err := s.core().Do(ctx, callOf(row.op))
				require.False(t, cancelled.IsZero(), "returned before the cancellation")
				assert.LessOrEqual(t, time.Since(cancelled), promptly)
				assert.ErrorIs(t, err, context.Canceled)
				assert.NotErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, row.outcome, failure(t, err).Outcome)
			})
		})
	}
}

// stall sends the beginning of an answer and then nothing.
func stall(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"say":`))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestDeadlineEndsAHangingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, hang)
		ctx, cancel := contextWithin(t, 7*time.Second)
		defer cancel()
		start := time.Now()
		err := s.core().Do(ctx, callOf("once"))
		assert.Equal(t, 7*time.Second, time.Since(start))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Equal(t, "acme: once: deadline exceeded (outcome: unknown)", err.Error())
	})
}

// The attempt's own timeout is not the caller's deadline.
func TestAttemptTimeoutIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, hang)
		err := s.core().Do(t.Context(), callOf("once"))
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, context.Canceled)
		assert.Equal(t, "acme: once: attempt timed out (outcome: unknown)", err.Error())
	})
}

// An answer that settles the call is the answer, whether or not the context
// ended while it was being read.
func TestSettlingAnswerOutranksTheEndOfTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newFixture(t, say(400, "refused"))
		core := s.core(func(cfg *transport.Config) {
			cfg.Interpret = func(op sdk.Operation, r *transport.Response) transport.Verdict {
				cancel()
				return interpret(op, r)
			}
		})
		err := core.Do(ctx, callOf("once"))
		assert.Equal(t, sdk.Rejected, failure(t, err).Outcome)
		assert.NotErrorIs(t, err, context.Canceled)
		assert.Equal(t, "acme: once: declined: HTTP 400, code C1 (outcome: rejected)", err.Error())
	})
}

// A context of the caller's own making, with a cause, is told apart as well.
func TestCancellationWithACauseIsACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, hang)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(assert.AnError) })
		err := s.core().Do(ctx, callOf("once"))
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	})
}
