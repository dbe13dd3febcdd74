package transport_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
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
		"unknown, lookup says nothing":         {[]step{drop}, []string{"nothing"}, "unknown", transport.ErrNoFinding},
		"unknown twice, second lookup fails":   {[]step{drop, drop}, []string{"absent", "fails"}, "unknown", errSearch},
		"duplicate of our own first, found":    {[]step{drop, say(409, "duplicate")}, []string{"absent", "found"}, "", nil},
		"duplicate of our own, cannot be seen": {[]step{drop, say(409, "duplicate")}, []string{"absent", "absent"}, "unknown", sdk.ErrDuplicate},
		"duplicate of our own, lookup fails":   {[]step{drop, say(409, "duplicate")}, []string{"absent", "fails"}, "unknown", errSearch},
		"duplicate on a fresh call, the same":  {[]step{say(409, "duplicate")}, []string{"found"}, "", nil},
		"duplicate on a fresh call, another":   {[]step{say(409, "duplicate")}, []string{"different"}, "rejected", sdk.ErrReferenceTaken},
		"duplicate on a fresh call, unseen":    {[]step{say(409, "duplicate")}, []string{"absent"}, "unknown", sdk.ErrDuplicate},
		"duplicate on a fresh call, untold":    {[]step{say(409, "duplicate")}, []string{"fails"}, "unknown", errSearch},
		"unknown, another is found":            {[]step{drop}, []string{"different"}, "unknown", sdk.ErrReferenceTaken},
		"duplicate after one never sent":       {[]step{nil, say(409, "duplicate")}, []string{"found"}, "", nil},
		"duplicate after a throttled one":      {[]step{throttled, say(409, "duplicate")}, []string{"absent", "found"}, "", nil},
		"refused":                              {[]step{say(400, "refused")}, []string{"absent once"}, "rejected", sdk.ErrDeclined},
		"refused, yet found":                   {[]step{say(400, "refused")}, []string{"found"}, "", nil},
		"refused, and the payment failed":      {[]step{say(400, "refused")}, []string{"failed"}, "rejected", sdk.ErrDeclined},
		"refused, another is found":            {[]step{say(400, "refused")}, []string{"different"}, "rejected", sdk.ErrDeclined},
		"refused, lookup fails":                {[]step{say(400, "refused")}, []string{"fails"}, "rejected", errSearch},
		"refused, and nobody can compare":      {[]step{say(400, "refused")}, []string{"doubtful"}, "unknown", errSearch},
		"refused, not compared, as it was":     {[]step{say(400, "refused")}, []string{"doubtful"}, "unknown", sdk.ErrDeclined},
		"refused, lookup fails, as it was":     {[]step{say(400, "refused")}, []string{"fails"}, "rejected", sdk.ErrDeclined},
		"no money, and absent":                 {[]step{say(400, "poor")}, []string{"absent once"}, "rejected", sdk.ErrInsufficientFunds},
		"no money, lookup fails":               {[]step{say(400, "poor")}, []string{"fails"}, "unknown", errSearch},
		"no money, lookup fails, as it was":    {[]step{say(400, "poor")}, []string{"fails"}, "unknown", sdk.ErrInsufficientFunds},
		"credentials refused: nobody looks":    {[]step{say(401, "expired")}, nil, "rejected", sdk.ErrUnauthorized},
		"never sent, then refused, yet found":  {[]step{nil, say(400, "refused")}, []string{"found"}, "", nil},
		"throttled, refused, yet found":        {[]step{throttled, say(400, "refused")}, []string{"absent", "found"}, "", nil},
		"duplicate of a failed one":            {[]step{say(409, "duplicate")}, []string{"failed"}, "", nil},
		"unknown, and it failed":               {[]step{drop}, []string{"failed"}, "", nil},
		"refused on the second, still absent":  {[]step{drop, say(400, "refused")}, []string{"absent", "absent"}, "unknown", sdk.ErrDeclined},
		// The first was carried out late and took the funds.
		"refused on the second, yet found":       {[]step{drop, say(400, "refused")}, []string{"absent", "found"}, "", nil},
		"refused on the second, lookup fails":    {[]step{drop, say(400, "refused")}, []string{"absent", "fails"}, "unknown", errSearch},
		"second never sent, absent":              {[]step{drop, nil, nil, nil, nil}, []string{"absent", "absent"}, "unknown", nil},
		"second never sent, found after all":     {[]step{drop, nil, nil, nil, nil}, []string{"absent", "found"}, "", nil},
		"second throttled, absent":               {[]step{drop, throttled}, []string{"absent", "absent"}, "unknown", sdk.ErrRateLimited},
		"second forbidden, absent":               {[]step{drop, say(403, "forbidden")}, []string{"absent", "absent"}, "unknown", sdk.ErrForbidden},
		"second throttled, then found":           {[]step{drop, throttled}, []string{"absent", "found"}, "", nil},
		"throttled, then unknown, then found":    {[]step{throttled, drop}, []string{"absent", "found"}, "", nil},
		"throttled, yet found":                   {[]step{throttled}, []string{"found"}, "", nil},
		"throttled, another is found":            {[]step{throttled}, []string{"different"}, "rejected", sdk.ErrReferenceTaken},
		"throttled, and nobody can compare":      {[]step{throttled}, []string{"doubtful"}, "unknown", errSearch},
		"throttled for too long, not compared":   {[]step{with("Retry-After", "300", throttled)}, []string{"doubtful"}, "unknown", sdk.ErrRateLimited},
		"throttled, lookup fails":                {[]step{throttled}, []string{"fails"}, "rejected", sdk.ErrRateLimited},
		"throttled, then never sent":             {[]step{with("Connection", "close", throttled), nil, nil, nil, nil}, []string{"absent", "absent once"}, "rejected", sdk.ErrRateLimited},
		"throttled until nobody tries again":     {[]step{throttled, throttled, throttled, throttled}, []string{"absent", "absent", "absent", "absent"}, "rejected", sdk.ErrRateLimited},
		"throttled to the end, yet found":        {[]step{throttled, throttled, throttled, throttled}, []string{"absent", "absent", "absent", "found"}, "", nil},
		"throttled for too long, absent":         {[]step{with("Retry-After", "300", throttled)}, []string{"absent"}, "rejected", sdk.ErrRateLimited},
		"throttled for too long, yet found":      {[]step{with("Retry-After", "300", throttled)}, []string{"found"}, "", nil},
		"throttled for too long, it failed":      {[]step{with("Retry-After", "300", throttled)}, []string{"failed"}, "", nil},
		"throttled for too long, another":        {[]step{with("Retry-After", "300", throttled)}, []string{"different"}, "rejected", sdk.ErrReferenceTaken},
		"throttled for too long, lookup fails":   {[]step{with("Retry-After", "300", throttled)}, []string{"fails"}, "rejected", sdk.ErrRateLimited},
		"redirected (not followed), then found":  {[]step{redirect(303, "/status")}, []string{"found"}, "", nil},
		"never sent, four times: nobody to look": {[]step{nil, nil, nil, nil}, nil, "not sent", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				lookup := &search{findings: row.lookups}
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
				assert.Equal(t, row.kind == sdk.ErrReferenceTaken, errors.Is(err, sdk.ErrReferenceTaken))
				assert.Equal(t, len(row.script), f.Attempts)
				if row.kind != nil {
					assert.ErrorIs(t, err, row.kind)
				}
			})
		})
	}
}

// A searched write is looked up and never sent again once it may have left.
func TestASearchedWriteIsNeverSentTwice(t *testing.T) {
	for name, row := range map[string]struct {
		script  []step
		lookups []string
		outcome string
		kind    error
	}{
		"unknown, found":            {[]step{drop}, []string{"found"}, "", nil},
		"unknown, absent":           {[]step{drop}, []string{"absent"}, "unknown", nil},
		"unknown, another is found": {[]step{drop}, []string{"different"}, "unknown", sdk.ErrReferenceTaken},
		"never sent, then accepted": {[]step{nil, accept}, nil, "", nil},
		"throttled, absent":         {[]step{say(429, "throttled")}, []string{"absent once"}, "rejected", sdk.ErrRateLimited},
		"throttled, yet found":      {[]step{say(429, "throttled")}, []string{"found"}, "", nil},
		"throttled, another":        {[]step{say(429, "throttled")}, []string{"different"}, "rejected", sdk.ErrRateLimited},
		"throttled, not compared":   {[]step{say(429, "throttled")}, []string{"doubtful"}, "unknown", errSearch},
		"refused, lookup fails":     {[]step{say(400, "refused")}, []string{"fails"}, "rejected", errSearch},
		"refused, not compared":     {[]step{say(400, "refused")}, []string{"doubtful"}, "unknown", errSearch},
		"no money, lookup fails":    {[]step{say(400, "poor")}, []string{"fails"}, "unknown", sdk.ErrInsufficientFunds},
		"throttled, lookup fails":   {[]step{say(429, "throttled")}, []string{"fails"}, "rejected", errSearch},
		"duplicate, the same":       {[]step{say(409, "duplicate")}, []string{"found"}, "", nil},
		"duplicate, another":        {[]step{say(409, "duplicate")}, []string{"different"}, "unknown", sdk.ErrReferenceTaken},
		"refused, absent":           {[]step{say(400, "refused")}, []string{"absent once"}, "rejected", sdk.ErrDeclined},
		"refused, yet found":        {[]step{say(400, "refused")}, []string{"found"}, "", nil},
		"refused, and it failed":    {[]step{say(400, "refused")}, []string{"failed"}, "rejected", sdk.ErrDeclined},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				lookup := &search{findings: row.lookups}
				call := callOf("once")
				call.Lookup, call.Searched = lookup.lookup, true
				err := s.core().Do(t.Context(), call)
				assert.Equal(t, len(row.lookups), lookup.made)
				if row.outcome == "" {
					require.NoError(t, err)
					return
				}
				assert.Equal(t, row.outcome, failure(t, err).Outcome.String())
				assert.Equal(t, sdk.Searched, failure(t, err).Class)
				assert.Equal(t, row.kind == sdk.ErrReferenceTaken, errors.Is(err, sdk.ErrReferenceTaken))
				if row.kind != nil {
					assert.ErrorIs(t, err, row.kind)
				}
			})
		})
	}
}

func TestAOnceWriteIsNotLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop)
		lookup := &search{findings: []string{"found"}}
		call := callOf("once")
		call.Lookup = lookup.lookup
		assert.ErrorIs(t, s.core().Do(t.Context(), call), sdk.ErrOutcomeUnknown)
		assert.Zero(t, lookup.made)
	})
}

func TestALookupBeforeTheFirstAttempt(t *testing.T) {
	for name, row := range map[string]struct {
		script  []step
		lookups []string
		outcome string
		kind    error
	}{
		"found":   {nil, []string{"found"}, "", nil},
		"absent":  {[]step{accept}, []string{"absent"}, "", nil},
		"another": {nil, []string{"different"}, "unknown", sdk.ErrReferenceTaken},
		"fails":   {nil, []string{"fails"}, "not sent", errSearch},
		"two":     {nil, []string{"doubtful"}, "unknown", errSearch},
		"nothing": {nil, []string{"nothing"}, "not sent", transport.ErrNoFinding},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t, row.script...)
			lookup := &search{findings: row.lookups, perLook: true}
			call := callOf("once")
			call.Lookup, call.Searched, call.LookFirst = lookup.lookup, true, true
			err := s.core().Do(t.Context(), call)
			assert.Equal(t, []bool{true}, lookup.existing)
			assert.Len(t, s.seen(), len(row.script))
			if row.outcome == "" {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, row.outcome, failure(t, err).Outcome.String())
			assert.ErrorIs(t, err, row.kind)
		})
	}
}

// What a look before the first attempt did not show, only this call can have made. So the
// look after a refusal does not go further back.
func TestARefusalAfterALookIsOfThisCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, say(400, "refused"))
		lookup := &search{findings: []string{"absent", "found"}, perLook: true}
		call := callOf("once")
		call.Lookup, call.Searched, call.LookFirst = lookup.lookup, true, true
		require.NoError(t, s.core().Do(t.Context(), call))
		assert.Equal(t, []bool{true, false}, lookup.existing)
	})
}

// A payment that is found exists already if no attempt of this call can have made
// it.
func TestALookupKnowsWhetherAnAttemptIsOpen(t *testing.T) {
	for name, row := range map[string]struct {
		script   []step
		existing bool
	}{
		"duplicate on a fresh call":  {[]step{say(409, "duplicate")}, true},
		"throttled":                  {[]step{say(429, "throttled")}, true},
		"refused":                    {[]step{say(400, "refused")}, true},
		"unknown":                    {[]step{drop}, false},
		"unknown after a throttle":   {[]step{say(429, "throttled"), drop}, false},
		"duplicate of an unknown":    {[]step{drop, say(409, "duplicate")}, false},
		"duplicate, first not sent":  {[]step{nil, say(409, "duplicate")}, true},
		"redirected, so it may have": {[]step{redirect(303, "/status")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				findings := []string{"found"}
				if refused := len(row.script) > 1 && row.script[0] != nil; refused {
					findings = []string{"absent", "found"}
				}
				lookup := &search{findings: findings}
				call := callOf("referenced")
				call.Lookup = lookup.lookup
				require.NoError(t, s.core().Do(t.Context(), call))
				assert.Equal(t, row.existing, lookup.existing[len(lookup.existing)-1])
			})
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
				s := newFixture(t, script...)
				core := s.core()
				call := callOf("referenced")
				call.Lookup = func(ctx context.Context, _ bool) (transport.Finding, error) {
					return transport.Absent, core.Do(ctx, callOf("safe"))
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
		s := newFixture(t, hang)
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
		s := newFixture(t, drop, hang)
		ctx, cancel := contextWithin(t, 1e9)
		defer cancel()
		core := s.core()
		call := callOf("referenced")
		call.Lookup = func(ctx context.Context, _ bool) (transport.Finding, error) {
			return transport.Absent, core.Do(ctx, callOf("safe"))
		}
		err := core.Do(ctx, call)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// A lookup that ended with the context cannot have found anything absent.
func TestContextThatDiesAfterTheLookupSendsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop)
		ctx, cancel := context.WithCancel(t.Context())
		call := callOf("referenced")
		call.Lookup = func(context.Context, bool) (transport.Finding, error) {
			cancel()
			return transport.Absent, nil
		}
		err := s.core().Do(ctx, call)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Len(t, s.seen(), 1)
	})
}

func TestReferencedWriteWithoutALookupStaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop)
		f := failure(t, s.core().Do(t.Context(), callOf("referenced")))
		assert.Equal(t, sdk.Unknown, f.Outcome)
		assert.Equal(t, sdk.Once, f.Class, "as which it was made")
	})
}

// A request that meets an expired token may be a repeat which somebody on the way
// has made. The write is looked up before it is sent with a new token.
func TestAWriteWithARefusedTokenIsLookedUpBeforeItIsSentAgain(t *testing.T) {
	expired := say(401, "expired")
	for name, row := range map[string]struct {
		script  []step
		lookups []string
		outcome string
	}{
		"found":                       {[]step{expired}, []string{"found"}, ""},
		"absent":                      {[]step{expired, accept}, []string{"absent"}, ""},
		"fails":                       {[]step{expired}, []string{"fails"}, "rejected"},
		"absent, refused again":       {[]step{expired, expired}, []string{"absent", "absent"}, "rejected"},
		"refused again, yet found":    {[]step{expired, expired}, []string{"absent", "found"}, ""},
		"absent, no response, found":  {[]step{expired, drop}, []string{"absent", "found"}, ""},
		"absent, no response, absent": {[]step{expired, drop, accept}, []string{"absent", "absent"}, ""},
	} {
		for _, op := range []string{"referenced", "once"} {
			t.Run(name+", "+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					script, outcome := row.script, row.outcome
					if op == "once" && len(script) == 3 {
						script, outcome = script[:2], "unknown" // never sent twice
					}
					s := newFixture(t, script...)
					lookup := &search{findings: row.lookups}
					call := callOf(op)
					call.Lookup, call.Searched = lookup.lookup, op == "once"
					tokens := transport.NewTokenSource(func(context.Context) (transport.Token, error) { return transport.Token{Value: "t"}, nil })
					err := s.core(func(cfg *transport.Config) { cfg.Tokens = tokens }).Do(t.Context(), call)
					assert.Equal(t, len(row.lookups), lookup.made)
					assert.Len(t, s.seen(), len(script))
					if outcome == "" {
						require.NoError(t, err)
						return
					}
					assert.Equal(t, outcome, failure(t, err).Outcome.String())
				})
			})
		}
	}
}
