package transport_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// cell is what one class does in one situation.
type cell struct {
	sent    int      // requests the server saw
	outcome string   // empty: the call succeeded
	lookups []string // findings of the lookup, all of which must be asked for
	kind    error    // a sentinel the error must match
}

var classes = []string{"safe", "keyed", "referenced", "once"}

// TestRetryTable holds every class against every situation. The script goes on
// with an acceptance for those classes which send again.
func TestRetryTable(t *testing.T) {
	again := cell{sent: 2}
	unknown := cell{sent: 1, outcome: "unknown"}
	found := cell{sent: 1, lookups: []string{"found"}}
	rejected := func(kind error) cell { return cell{sent: 1, outcome: "rejected", kind: kind} }
	declined := cell{sent: 1, lookups: []string{"absent once"}, outcome: "rejected", kind: sdk.ErrDeclined}

	for name, row := range map[string]struct {
		first step
		want  [4]cell // in the order of classes
	}{
		"refused connection":       {nil, [4]cell{{sent: 1}, {sent: 1}, {sent: 1}, {sent: 1}}},
		"429 which did nothing":    {say(429, "throttled"), [4]cell{again, again, {sent: 2, lookups: []string{"absent"}}, rejected(sdk.ErrRateLimited)}},
		"429 of a proxy":           {html(429), [4]cell{again, again, found, unknown}},
		"dropped connection":       {drop, [4]cell{again, again, found, unknown}},
		"attempt times out":        {hang, [4]cell{again, again, found, unknown}},
		"truncated answer":         {truncate, [4]cell{again, again, found, unknown}},
		"truncated chunked answer": {truncateChunked, [4]cell{again, again, found, unknown}},
		"408":                      {html(408), [4]cell{again, again, found, unknown}},
		"500 in JSON":              {say(500, "boom"), [4]cell{again, again, found, unknown}},
		"502 in HTML":              {html(502), [4]cell{again, again, found, unknown}},
		"503":                      {html(503), [4]cell{again, again, found, unknown}},
		"200 in words that leave it open": {say(200, "unclear"),
			[4]cell{again, again, found, unknown}},
		"200 that cannot be decoded": {garbled, [4]cell{again, again, found, unknown}},
		"the same key in progress":   {say(409, "in progress"), [4]cell{{sent: 1, outcome: "no effect"}, again, found, unknown}},
		"404 in HTML": {html(404), [4]cell{
			{sent: 1, outcome: "no effect", kind: sdk.ErrUnexpectedResponse}, unknown, found, unknown}},
		"redirect to elsewhere": {redirect(307, "http://other.localhost/x"), [4]cell{
			{sent: 1, outcome: "no effect", kind: sdk.ErrRedirected}, unknown, found, unknown}},
		"refusal in the provider's words": {say(400, "refused"), [4]cell{
			rejected(sdk.ErrDeclined), rejected(sdk.ErrDeclined), declined, rejected(sdk.ErrDeclined)}},
		"refusal within a 200": {say(200, "refused"), [4]cell{
			rejected(sdk.ErrDeclined), rejected(sdk.ErrDeclined), declined, rejected(sdk.ErrDeclined)}},
		"duplicate on a fresh call": {say(409, "duplicate"), [4]cell{
			rejected(sdk.ErrDuplicate), rejected(sdk.ErrDuplicate), found, rejected(sdk.ErrDuplicate)}},
		"expired credentials which cannot be renewed": {say(401, "expired"), [4]cell{
			rejected(sdk.ErrUnauthorized), rejected(sdk.ErrUnauthorized), rejected(sdk.ErrUnauthorized), rejected(sdk.ErrUnauthorized)}},
	} {
		for i, op := range classes {
			want := row.want[i]
			t.Run(name+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					script := []step{row.first}
					if want.sent == 2 || row.first == nil {
						script = append(script, accept)
					}
					s := newFixture(t, script...)
					call := callOf(op)
					lookup := &search{findings: want.lookups}
					call.Lookup = lookup.lookup

					err := s.core().Do(t.Context(), call)

					assert.Len(t, s.seen(), want.sent)
					assert.Equal(t, len(want.lookups), lookup.made, "lookups")
					if want.outcome == "" {
						require.NoError(t, err)
						return
					}
					f := failure(t, err)
					assert.Equal(t, want.outcome, f.Outcome.String())
					assert.Equal(t, want.sent, f.Attempts)
					assert.Equal(t, "ref-1", f.Reference)
					if want.kind != nil {
						assert.ErrorIs(t, err, want.kind)
					}
				})
			})
		}
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	for name, row := range map[string]struct {
		every   step
		op      string
		max     int
		want    int
		outcome string
	}{
		"a read through an outage":           {html(503), "safe", 0, 4, "no effect"},
		"a keyed write through an outage":    {html(503), "keyed", 0, 4, "unknown"},
		"a keyed write that is throttled":    {say(429, "throttled"), "keyed", 0, 4, "rejected"},
		"a once write that is throttled":     {say(429, "throttled"), "once", 0, 1, "rejected"},
		"one attempt means no retry":         {html(503), "safe", 1, 1, "no effect"},
		"a configured number":                {html(503), "safe", 7, 7, "no effect"},
		"a throttled write with one attempt": {say(429, "throttled"), "keyed", 1, 1, "rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t)
				s.always = row.every
				core := s.core(func(cfg *transport.Config) { cfg.MaxAttempts = row.max })
				f := failure(t, core.Do(t.Context(), callOf(row.op)))
				assert.Equal(t, row.outcome, f.Outcome.String())
				assert.Equal(t, row.want, f.Attempts)
				assert.Len(t, s.seen(), row.want)
			})
		})
	}
}

// An attempt that left unanswered keeps the call unknown. A later refusal does not
// settle it: the first request may still be on its way.
func TestUnknownIsSticky(t *testing.T) {
	for name, row := range map[string]struct {
		script  []step
		outcome string
		kind    error
	}{
		"then never sent":          {[]step{drop, nil, nil, nil}, "unknown", nil},
		"then throttled":           {[]step{drop, say(429, "throttled"), say(429, "throttled"), say(429, "throttled")}, "unknown", sdk.ErrRateLimited},
		"then credentials refused": {[]step{drop, say(401, "expired")}, "unknown", sdk.ErrUnauthorized},
		"then forbidden":           {[]step{drop, say(403, "forbidden")}, "unknown", sdk.ErrForbidden},
		"then a page not found":    {[]step{drop, html(404)}, "unknown", sdk.ErrUnexpectedResponse},
		"then a redirect":          {[]step{drop, redirect(302, "/login")}, "unknown", sdk.ErrRedirected},
		"then the key is taken":    {[]step{drop, say(409, "duplicate")}, "unknown", sdk.ErrDuplicate},
		"then refused":             {[]step{drop, say(400, "refused")}, "unknown", sdk.ErrDeclined},
		"then accepted":            {[]step{drop, accept}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				err := s.core().Do(t.Context(), callOf("keyed"))
				for _, r := range s.seen() {
					assert.Equal(t, "key-1", r.Header.Get("Idempotency-Key"))
				}
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

func TestReadStaysHarmlessWhateverHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, drop, nil, truncate, say(401, "expired"))
		f := failure(t, s.core().Do(t.Context(), callOf("safe")))
		assert.Equal(t, sdk.Rejected, f.Outcome)
		assert.Equal(t, 4, f.Attempts)
	})
}

func TestAttemptTimeoutOfOneCallReplacesTheConfigured(t *testing.T) {
	for name, row := range map[string]struct {
		configured, own, want time.Duration
	}{
		"the default":             {0, 0, 30 * time.Second},
		"the configured":          {5 * time.Second, 0, 5 * time.Second},
		"the call's own":          {5 * time.Second, 7 * time.Second, 7 * time.Second},
		"none, until the context": {-1, 0, 2 * time.Hour},
		"none for this call":      {5 * time.Second, -1, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, hang)
				core := s.core(func(cfg *transport.Config) { cfg.AttemptTimeout = row.configured })
				ctx, cancel := contextWithin(t, 2*time.Hour)
				defer cancel()
				call := callOf("once")
				call.Timeout = row.own
				start := time.Now()
				f := failure(t, core.Do(ctx, call))
				assert.Equal(t, row.want, time.Since(start))
				assert.Equal(t, sdk.Unknown, f.Outcome)
			})
		})
	}
}

func TestTimeoutOfTheCallersHTTPClientBoundsAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, hang)
		core := s.core(func(cfg *transport.Config) { cfg.HTTPClient.Timeout = 3 * time.Second })
		start := time.Now()
		f := failure(t, core.Do(t.Context(), callOf("once")))
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, sdk.Unknown, f.Outcome)
	})
}
