package transport_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestPollAsksUntilDoneWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, at := time.Now(), []time.Duration(nil)
		err := newCore(t).Poll(t.Context(), "safe", "ref-1", 2*time.Second, 5*time.Second, func(context.Context) (bool, error) {
			at = append(at, time.Since(start))
			return len(at) == 5, nil
		})
		assert.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 2 * time.Second, 5 * time.Second, 9500 * time.Millisecond, 14500 * time.Millisecond}, at)
	})
}

func TestPollOutlastsOutagesOnly(t *testing.T) {
	for name, row := range map[string]struct {
		script []step
		kind   error // the poll ends with
	}{
		"outages":      {[]step{html(503), html(502), html(404), drop, truncate, nil, garbled, say(429, "throttled"), accept}, nil},
		"unauthorized": {[]step{html(401)}, sdk.ErrUnauthorized},
		"forbidden":    {[]step{html(403)}, sdk.ErrForbidden},
		"redirected":   {[]step{redirect(302, "http://elsewhere.localhost")}, sdk.ErrRedirected},
		"refused":      {[]step{say(400, "refused")}, sdk.ErrDeclined},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				core := s.core(noRetry)
				err := core.Poll(t.Context(), "safe", "ref-1", 1, 1, func(ctx context.Context) (bool, error) {
					err := core.Do(ctx, callOf("quote"))
					return err == nil, err
				})
				if row.kind == nil {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, row.kind)
				}
			})
		})
	}
	s := newFixture(t)
	core := s.core()
	err := core.Poll(t.Context(), "safe", "", 1, 1, func(ctx context.Context) (bool, error) {
		return false, core.Do(ctx, transport.Call{Op: "nonsense"})
	})
	assert.ErrorIs(t, err, sdk.ErrValidation, "bad parameters do not get better")
	err = core.Poll(t.Context(), "safe", "", 1, 1, func(context.Context) (bool, error) { return false, assert.AnError })
	assert.ErrorIs(t, err, assert.AnError, "nor does what is no failure of ours")
	err = core.Poll(t.Context(), "safe", "", 1, 1, func(context.Context) (bool, error) { return false, core.Absent("safe", "ref-1") })
	assert.ErrorIs(t, err, sdk.ErrNotFound, "a search that was answered ends it")
}

func TestPollEndsPromptlyWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := contextWithin(t, 30*time.Second)
		defer cancel()
		start := time.Now()
		err := newCore(t).Poll(ctx, "safe", "ref-1", time.Minute, time.Hour, func(context.Context) (bool, error) { return false, nil })
		assert.Equal(t, 30*time.Second, time.Since(start))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		f := failure(t, err)
		assert.Equal(t, "ref-1", f.Reference)
		assert.Equal(t, "acme: safe: deadline exceeded (outcome: no effect)", f.Error())
	})
}
