package transport_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func retryAfter(value string, then step) step { return with("Retry-After", value, then) }

// In a bubble the clock stands at midnight of 2000-01-01 UTC.
func TestRetryAfterIsWaitedFor(t *testing.T) {
	const second = time.Second
	for name, row := range map[string]struct {
		answer   step
		min, max time.Duration // of the wait before the second attempt
	}{
		"seconds":                 {retryAfter("7", html(503)), 7 * second, 7 * second},
		"seconds of a 429":        {retryAfter("7", html(429)), 7 * second, 7 * second},
		"HTTP date":               {retryAfter("Sat, 01 Jan 2000 00:00:09 GMT", html(503)), 9 * second, 9 * second},
		"old HTTP date":           {retryAfter("Saturday, 01-Jan-00 00:00:09 GMT", html(503)), 9 * second, 9 * second},
		"the cap itself":          {retryAfter("60", html(503)), 60 * second, 60 * second},
		"zero: our own backoff":   {retryAfter("0", html(503)), 1, second / 4},
		"a past date":             {retryAfter("Fri, 31 Dec 1999 23:59:59 GMT", html(503)), 1, second / 4},
		"negative is no number":   {retryAfter("-5", html(503)), 1, second / 4},
		"words":                   {retryAfter("soon", html(503)), 1, second / 4},
		"not with a 408":          {retryAfter("7", html(408)), 1, second / 4},
		"in the provider's words": {say(429, "later"), 3 * second, 3 * second},
		"less than nothing":       {say(429, "sooner"), 1, second / 4},
		"the header has the word": {retryAfter("2", say(429, "later")), 2 * second, 2 * second},
		"none":                    {html(503), 1, second / 4},
		"decimals":                {retryAfter("1.5", html(503)), 3 * second / 2, 3 * second / 2},
		"a point and no decimals": {retryAfter("2.", html(503)), 2 * second, 2 * second},
		"two points":              {retryAfter("1.2.3", html(503)), 1, second / 4},
		"a date by the peer's own clock": {
			with("Date", "Mon, 01 Jun 2026 12:00:00 GMT", retryAfter("Mon, 01 Jun 2026 12:00:05 GMT", html(503))), 5 * second, 5 * second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.answer, accept)
				core := s.core(func(cfg *transport.Config) { cfg.Interpret = withWait })
				assert.NoError(t, core.Do(t.Context(), callOf("safe")))
				waited := s.seen()[1].At.Sub(s.seen()[0].At)
				assert.GreaterOrEqual(t, waited, row.min)
				assert.LessOrEqual(t, waited, row.max)
			})
		})
	}
}

// withWait reads waits from the body too.
func withWait(op sdk.Operation, r *transport.Response) transport.Verdict {
	switch string(r.Body) {
	case `{"say":"later","code":"C1","message":"personal words"}`:
		return transport.Verdict{Kind: transport.Throttled, RetryAfter: 3 * time.Second}
	case `{"say":"sooner","code":"C1","message":"personal words"}`:
		return transport.Verdict{Kind: transport.Throttled, RetryAfter: -3 * time.Second}
	}
	return interpret(op, r)
}

func TestRetryAfterAboveTheCapReturnsAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		value string
		cap   time.Duration
		want  time.Duration
	}{
		"seconds":              {"61", 0, 61 * time.Second},
		"a day":                {"86400", 0, 24 * time.Hour},
		"a date":               {"Sat, 01 Jan 2000 00:02:00 GMT", 0, 2 * time.Minute},
		"overflow of seconds":  {"9223372037", 0, 10 * 365 * 24 * time.Hour},
		"overflow of int64":    {"9223372036854775808", 0, 10 * 365 * 24 * time.Hour},
		"overflow of uint64":   {"99999999999999999999999", 0, 10 * 365 * 24 * time.Hour},
		"a date far away":      {"Fri, 31 Dec 9999 23:59:59 GMT", 0, 10 * 365 * 24 * time.Hour},
		"above a cap of yours": {"6", 5 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, retryAfter(row.value, say(429, "throttled")))
				core := s.core(func(cfg *transport.Config) { cfg.MaxRetryAfter = row.cap })
				start := time.Now()
				err := core.Do(t.Context(), callOf("once"))
				assert.Zero(t, time.Since(start))
				assert.Equal(t, row.want, failure(t, err).RetryAfter)
				assert.ErrorIs(t, err, sdk.ErrRateLimited)
				assert.ErrorIs(t, err, sdk.ErrRejected)
			})
		})
	}
}

func TestWaitThatDoesNotFitTheDeadlineIsNotBegun(t *testing.T) {
	for name, row := range map[string]struct {
		answer   step
		deadline time.Duration
		sent     int
	}{
		"fits":                       {retryAfter("20", html(503)), 20*time.Second + 1, 2},
		"ends with the deadline":     {retryAfter("20", html(503)), 20 * time.Second, 1},
		"ends after it":              {retryAfter("20", html(503)), 5 * time.Second, 1},
		"not even a backoff of ours": {html(503), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, []step{row.answer, accept}[:row.sent]...)
				ctx, cancel := contextWithin(t, row.deadline)
				defer cancel()
				start := time.Now()
				err := s.core().Do(ctx, callOf("safe"))
				assert.Len(t, s.seen(), row.sent)
				if row.sent == 2 {
					assert.NoError(t, err)
					return
				}
				assert.Zero(t, time.Since(start))
				assert.ErrorIs(t, err, sdk.ErrServer, "the real cause")
				assert.NotErrorIs(t, err, context.DeadlineExceeded, "it has not passed")
			})
		})
	}
}

func TestBackoffGrowsWithFullJitterUnderItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t)
		s.always = html(503)
		core := s.core(func(cfg *transport.Config) {
			cfg.MaxAttempts, cfg.MinBackoff, cfg.MaxBackoff = 8, time.Second, 10*time.Second
		})
		bounds := []time.Duration{1, 2, 4, 8, 10, 10, 10}
		longest := make([]time.Duration, len(bounds))
		shortest := slices.Repeat([]time.Duration{time.Hour}, len(bounds))
		for range 40 {
			before := len(s.seen())
			_ = failure(t, core.Do(t.Context(), callOf("safe")))
			for i, bound := range bounds {
				waited := s.seen()[before+i+1].At.Sub(s.seen()[before+i].At)
				assert.Positive(t, waited)
				assert.LessOrEqual(t, waited, bound*time.Second)
				longest[i], shortest[i] = max(longest[i], waited), min(shortest[i], waited)
			}
		}
		for i, bound := range bounds { // one run in 2^40 keeps to one half
			assert.Greater(t, longest[i], bound*time.Second/2)
			assert.Less(t, shortest[i], bound*time.Second/2)
		}
	})
}

func TestConfigOfWaitsAdaptsItsDefaults(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*transport.Config)
		fault  string
	}{
		"only a small maximum":  {func(c *transport.Config) { c.MaxBackoff = time.Millisecond }, ""},
		"only a great minimum":  {func(c *transport.Config) { c.MinBackoff = time.Hour }, ""},
		"minimum above maximum": {func(c *transport.Config) { c.MinBackoff, c.MaxBackoff = 2, 1 }, "acme: MinBackoff is greater than MaxBackoff"},
		"negative minimum":      {func(c *transport.Config) { c.MinBackoff = -1 }, "acme: MinBackoff must not be negative"},
		"negative maximum":      {func(c *transport.Config) { c.MaxBackoff = -1 }, "acme: MaxBackoff must not be negative"},
		"negative cap":          {func(c *transport.Config) { c.MaxRetryAfter = -1 }, "acme: MaxRetryAfter must not be negative"},
		"negative attempts":     {func(c *transport.Config) { c.MaxAttempts = -1 }, "acme: MaxAttempts must not be negative"},
		"nothing to interpret":  {func(c *transport.Config) { c.Interpret = nil }, "acme: Interpret is required"},
	} {
		cfg := transport.Config{Provider: "acme", BaseURL: "https://acme.example", Interpret: interpret, Options: sdk.Options{HTTPClient: http.DefaultClient}}
		row.change(&cfg)
		_, err := transport.New(cfg)
		if row.fault == "" {
			assert.NoError(t, err, name)
		} else {
			assert.EqualError(t, err, row.fault, name)
		}
	}
}
