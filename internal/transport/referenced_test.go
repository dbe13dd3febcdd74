package transport_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

func TestReferencedWriteIsSettledByLookup(t *testing.T) {
	throttled := say(429, "throttled")
	for name, row := range map[string]struct {
		script  []step
		lookups []string
		outcome string // empty: success
		kind    error
	}{
		"answered":                             {[]step{accept}, nil, "", nil},
		"unknown, found":                       {[]step{drop}, []string{"found"}, "", nil},
		"unknown, absent, sent again":          {[]step{drop, accept}, []string{"absent"}, "", nil},
		"unknown, lookup fails":                {[]step{drop}, []string{"fails"}, "unknown", errSearch},
		"unknown twice, then found":            {[]step{drop, drop}, []string{"absent", "found"}, "", nil},
		"unknown twice, never found":           {[]step{drop, drop}, []string{"absent", "absent"}, "unknown", nil},
		"unknown twice, second lookup fails":   {[]step{drop, drop}, []string{"absent", "fails"}, "unknown", errSearch},
		"duplicate of our own first, found":    {[]step{drop, say(409, "duplicate")}, []string{"absent", "found"}, "", nil},
		"duplicate of our own, cannot be seen": {[]step{drop, say(409, "duplicate")}, []string{"absent", "absent"}, "unknown", sdk.ErrDuplicate},
		"duplicate of our own, lookup fails":   {[]step{drop, say(409, "duplicate")}, []string{"absent", "fails"}, "unknown", errSearch},
		"duplicate on a fresh call":            {[]step{say(409, "duplicate")}, nil, "rejected", sdk.ErrDuplicate},
		"duplicate after one never sent":       {[]step{nil, say(409, "duplicate")}, nil, "rejected", sdk.ErrDuplicate},
		"duplicate after a throttled one":      {[]step{throttled, say(409, "duplicate")}, nil, "rejected", sdk.ErrDuplicate},
		"refused":                              {[]step{say(400, "refused")}, nil, "rejected", sdk.ErrDeclined},
		"refused on the second, still absent":  {[]step{drop, say(400, "refused")}, []string{"absent", "absent"}, "rejected", sdk.ErrDeclined},
		// The first was carried out late and took the funds.
		"refused on the second, yet found":       {[]step{drop, say(400, "refused")}, []string{"absent", "found"}, "", nil},
		"refused on the second, lookup fails":    {[]step{drop, say(400, "refused")}, []string{"absent", "fails"}, "unknown", errSearch},
		"second never sent, absent":              {[]step{drop, nil, nil, nil, nil}, []string{"absent", "absent"}, "unknown", nil},
		"second never sent, found after all":     {[]step{drop, nil, nil, nil, nil}, []string{"absent", "found"}, "", nil},
		"second throttled, absent":               {[]step{drop, throttled, throttled, throttled, throttled}, []string{"absent", "absent"}, "unknown", sdk.ErrRateLimited},
		"second forbidden, absent":               {[]step{drop, say(403, "forbidden")}, []string{"absent", "absent"}, "unknown", sdk.ErrForbidden},
		"second throttled once, then accepted":   {[]step{drop, throttled, accept}, []string{"absent"}, "", nil},
		"throttled, then unknown, then found":    {[]step{throttled, drop}, []string{"found"}, "", nil},
		"redirected (not followed), then found":  {[]step{redirect(303, "/status")}, []string{"found"}, "", nil},
		"never sent, four times: nobody to look": {[]step{nil, nil, nil, nil}, nil, "not sent", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, row.script...)
				lookup := &search{answers: row.lookups}
				call := callOf("referenced")
				call.Lookup = lookup.lookup

				err := s.core().Do(t.Context(), call)

				assert.Equal(t, len(row.lookups), lookup.made, "lookups")
				bodies := map[string]bool{}
				for _, r := range s.seen() {
					bodies[r.Body] = true
				}
				assert.LessOrEqual(t, len(bodies), 1, "the same body each time")
				if row.outcome == "" {
					require.NoError(t, err)
					return
				}
				f := failure(t, err)
				assert.Equal(t, row.outcome, f.Outcome.String())
				assert.Equal(t, len(row.script), f.Attempts)
				if row.kind != nil {
					assert.ErrorIs(t, err, row.kind)
				}
			})
		})
	}
}

func TestAOnceWriteIsSettledByLookupOnlyWhenToldSo(t *testing.T) {
	for told, script := range map[bool][]step{false: {drop}, true: {drop, accept}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, script...)
			lookup := &search{answers: []string{"absent"}}
			call := callOf("once")
			call.Lookup, call.SettleOnce = lookup.lookup, told
			err := s.core().Do(t.Context(), call)
			assert.Equal(t, len(script)-1, lookup.made)
			assert.Equal(t, !told, errors.Is(err, sdk.ErrOutcomeUnknown), err)
		})
	}
}

// What the lookup failed of says nothing about the payment. If it showed, a
// caller who asks for "not sent" first would pay a second time.
func TestFailedLookupDoesNotSpeakForThePayment(t *testing.T) {
	for name, script := range map[string][]step{
		"never sent":   {drop, nil, nil, nil, nil},
		"refused":      {drop, say(400, "refused")},
		"throttled":    {drop, with("Retry-After", "3600", say(429, "throttled"))},
		"unauthorized": {drop, say(401, "expired")},
		"not found":    {drop, html(404)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, script...)
				core := s.core()
				call := callOf("referenced")
				call.Lookup = func(ctx context.Context) (bool, error) {
					return false, core.Do(ctx, callOf("safe"))
				}
				err := core.Do(t.Context(), call)
				require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				for _, sentinel := range sentinels {
					if sentinel != sdk.ErrOutcomeUnknown {
						assert.NotErrorIs(t, err, sentinel)
					}
				}
				assert.Contains(t, err.Error(), "lookup by reference failed: acme: safe: ")
				assert.Equal(t, 1, failure(t, err).Attempts)
			})
		})
	}
}

var sentinels = []error{
	sdk.ErrOutcomeUnknown, sdk.ErrNotSent, sdk.ErrRejected, sdk.ErrValidation,
	sdk.ErrUnauthorized, sdk.ErrForbidden, sdk.ErrNotFound, sdk.ErrDuplicate,
	sdk.ErrRateLimited, sdk.ErrInsufficientFunds, sdk.ErrDeclined, sdk.ErrConfiguration,
	sdk.ErrServer, sdk.ErrRedirected, sdk.ErrUnexpectedResponse,
}

func TestDeadContextIsNotLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hang)
		ctx, cancel := contextWithin(t, 1e9)
		defer cancel()
		lookup := &search{}
		call := callOf("referenced")
		call.Lookup = lookup.lookup
		err := s.core().Do(ctx, call)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, lookup.made)
	})
}

func TestContextThatDiesDuringTheLookupLeavesTheOutcomeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, drop, hang)
		ctx, cancel := contextWithin(t, 1e9)
		defer cancel()
		core := s.core()
		call := callOf("referenced")
		call.Lookup = func(ctx context.Context) (bool, error) { return false, core.Do(ctx, callOf("safe")) }
		err := core.Do(ctx, call)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// A lookup that ended with the context cannot have found anything absent.
func TestContextThatDiesAfterTheLookupSendsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, drop)
		ctx, cancel := context.WithCancel(t.Context())
		call := callOf("referenced")
		call.Lookup = func(context.Context) (bool, error) {
			cancel()
			return false, nil
		}
		err := s.core().Do(ctx, call)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Len(t, s.seen(), 1)
	})
}

func TestReferencedWriteWithoutALookupStaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, drop)
		f := failure(t, s.core().Do(t.Context(), callOf("referenced")))
		assert.Equal(t, sdk.Unknown, f.Outcome)
	})
}
