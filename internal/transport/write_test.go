package transport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

type said struct{ Say string }

// writeOf is the write of the row of a class. lookup may be nil.
func writeOf(core *transport.Core, op string, lookup *search, change ...func(*transport.Call)) transport.Write[said] {
	return transport.Write[said]{Core: core, Call: func(out **said) transport.Call {
		call := callOf(op)
		call.Decode = transport.Into(out, func(body []byte) (said, error) {
			return said{string(body)}, decode(&transport.Response{Body: body})
		})
		if lookup != nil {
			call.Lookup = func(ctx context.Context, existing bool) (transport.Finding, error) {
				found, err := lookup.lookup(ctx, existing)
				if err == nil && found == transport.Same {
					*out = &said{"looked up"}
				}
				return found, err
			}
		}
		for _, c := range change {
			c(&call)
		}
		return call
	}}
}

// TestSendOfAPreparedWriteMakesOneAttempt: whatever comes back, in every class, nothing
// is repeated and nothing is looked up.
func TestSendOfAPreparedWriteMakesOneAttempt(t *testing.T) {
	for _, op := range classes {
		for name, row := range map[string]struct {
			script  step
			outcome sdk.Outcome
		}{
			"lost":       {drop, sdk.Unknown},
			"never sent": {nil, sdk.NotSent},
			"throttled":  {say(429, "throttled"), sdk.Rejected},
			"a proxy":    {say(503, "busy"), sdk.Unknown},
			"duplicate":  {say(409, "duplicate"), sdk.Rejected},
			"expired":    {say(401, "expired"), sdk.Rejected},
		} {
			t.Run(op+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newFixture(t, row.script)
					var logins atomic.Int64
					p, err := writeOf(s.core(withTokens(&logins, nil)), op, &search{}, func(c *transport.Call) { c.LookFirst = true }).Prepare()
					require.NoError(t, err)
					value, err := p.Send(t.Context(), p.Body)
					assert.Nil(t, value)
					f := failure(t, err)
					if op != "safe" {
						assert.Equal(t, row.outcome.String(), f.Outcome.String())
					}
					assert.LessOrEqual(t, len(s.seen()), 1)
					assert.Equal(t, 1, f.Attempts)
				})
			})
		}
	}
}

func TestSendLogsInAgainAfterARefusedToken(t *testing.T) {
	s := newFixture(t, say(401, "expired"), accept)
	var logins atomic.Int64
	p, err := writeOf(s.core(withTokens(&logins, nil)), "once", nil).Prepare()
	require.NoError(t, err)
	assert.Nil(t, p.Look)
	_, err = p.Send(t.Context(), p.Body)
	require.ErrorIs(t, err, sdk.ErrRejected)
	_, err = p.Send(t.Context(), p.Body)
	require.NoError(t, err)
	assert.Equal(t, []string{"Bearer t1", "Bearer t2"}, authorizations(s.seen()))
}

// TestPreparedAndDoSendTheSameBytes: Do and Send share the request and the decoding.
func TestPreparedAndDoSendTheSameBytes(t *testing.T) {
	s := newFixture(t, accept, accept, accept)
	w := writeOf(s.core(), "referenced", &search{})
	done, err := w.Do(t.Context())
	require.NoError(t, err)
	p, err := w.Prepare()
	require.NoError(t, err)
	assert.Equal(t, "ref-1", p.Reference)
	assert.Equal(t, sdk.Referenced, p.Operation.Class)
	sent, err := p.Send(t.Context(), p.Body)
	require.NoError(t, err)
	assert.Equal(t, done, sent)
	stored := strings.Replace(string(p.Body), "ref-1", "ref-0", 1)
	_, err = p.Send(t.Context(), []byte(stored))
	require.NoError(t, err)
	seen := s.seen()
	require.Len(t, seen, 3)
	assert.Equal(t, seen[0].Body, seen[1].Body)
	assert.Equal(t, stored, seen[2].Body, "what was stored is sent, and not what this release would make")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", p, p, p), "ref-1")
}

func TestLookOfAPreparedWrite(t *testing.T) {
	for answer, want := range map[string]error{
		"found": nil, "absent": sdk.ErrNotFound, "different": sdk.ErrReferenceTaken, "fails": nil,
	} {
		p, err := writeOf(newFixture(t).core(), "referenced", &search{findings: []string{answer}, perLook: true}).Prepare()
		require.NoError(t, err)
		value, err := p.Look(t.Context())
		if answer == "found" {
			require.NoError(t, err)
			assert.Equal(t, "looked up", value.Say)
			continue
		}
		f := failure(t, err)
		assert.Equal(t, sdk.NoEffect, f.Outcome, answer)
		assert.Nil(t, value)
		if want != nil {
			assert.ErrorIs(t, err, want)
			continue
		}
		assert.NotErrorIs(t, err, sdk.ErrNotFound)
		assert.NotErrorIs(t, err, sdk.ErrReferenceTaken)
		assert.ErrorIs(t, err, errSearch)
	}
	// The "not found" of a wrong route is no absence.
	p, err := writeOf(newFixture(t).core(), "referenced", nil, func(c *transport.Call) {
		c.Lookup = func(context.Context, bool) (transport.Finding, error) {
			return 0, &sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrNotFound}, StatusCode: 404}
		}
	}).Prepare()
	require.NoError(t, err)
	_, err = p.Look(t.Context())
	assert.NotErrorIs(t, err, sdk.ErrNotFound)
	_, err = p.Look(nil) //nolint:staticcheck // a nil context is what is tested
	assert.ErrorIs(t, err, sdk.ErrValidation)
}

// TestAResultWithoutAReferenceIsLookedUp: it may be that of another request.
func TestAResultWithoutAReferenceIsLookedUp(t *testing.T) {
	for name, row := range map[string]struct {
		findings []string
		named    bool
		want     string // the result
		reason   error
	}{
		"named":             {nil, true, "accepted", nil},
		"unnamed, found":    {[]string{"found"}, false, "looked up", nil},
		"unnamed, absent":   {[]string{"absent"}, false, "", nil},
		"unnamed, another":  {[]string{"different"}, false, "", sdk.ErrReferenceTaken},
		"unnamed, no reply": {[]string{"fails"}, false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				look := &search{findings: row.findings}
				s := newFixture(t, accept)
				w := writeOf(s.core(), "referenced", look)
				w.Named = func(*said) bool { return row.named }
				result, err := w.Do(t.Context())
				assert.Len(t, s.seen(), 1)
				assert.NotContains(t, look.existing, true, "this call has sent it")
				if row.want != "" {
					require.NoError(t, err)
					assert.Contains(t, result.Say, row.want)
					return
				}
				assert.Nil(t, result)
				assert.Equal(t, sdk.Unknown, failure(t, err).Outcome)
				assert.Equal(t, row.reason != nil, errors.Is(err, sdk.ErrReferenceTaken))
			})
		})
	}
}

// TestTheCallbackURLIsMadeWhenTheCallIsSent: no secret of it is in what a journal
// stores, and each attempt has a URL of its own.
func TestTheCallbackURLIsMadeWhenTheCallIsSent(t *testing.T) {
	made := 0
	withURL := func(mint func() (string, error), fields ...string) func(*transport.Call) {
		return func(c *transport.Call) {
			body := map[string]string{"reference": "ref-1", "callback": sdk.PlaceholderURL}
			for _, f := range fields {
				body[f] = sdk.PlaceholderURL
			}
			c.Body = body
			if mint != nil {
				c.Callback = &transport.Callback{Field: "callback", Mint: mint}
			}
		}
	}
	good := func() (string, error) {
		made++
		return fmt.Sprintf("https://shop.example/hooks?n=%d&secret=<x>", made), nil
	}
	s := newFixture(t, accept, accept, accept, accept)
	w := writeOf(s.core(), "once", nil, withURL(good))
	p, err := w.Prepare()
	require.NoError(t, err)
	assert.Zero(t, made)
	assert.Contains(t, string(p.Body), sdk.PlaceholderURL)
	for range 2 {
		_, err = p.Send(t.Context(), p.Body)
		require.NoError(t, err)
	}
	_, err = w.Do(t.Context())
	require.NoError(t, err)
	for i, r := range s.seen() {
		assert.Contains(t, r.Body, fmt.Sprintf(`"callback":"https://shop.example/hooks?n=%d\u0026secret=\u003cx\u003e"`, i+1))
	}

	_, err = p.Send(t.Context(), []byte(`{"reference":"ref-1"}`))
	require.NoError(t, err, "prepared by a client without a callback URL")
	assert.Equal(t, 3, made)

	for name, row := range map[string]struct {
		change func(*transport.Call)
		text   string
	}{
		"the minter fails":          {withURL(func() (string, error) { return "", errors.New("no key") }), "cannot be made: no key"},
		"the minter makes no URL":   {withURL(func() (string, error) { return "hooks", nil }), "must be an absolute http or https URL"},
		"another field has it, too": {withURL(good, "details"), "must stand once in the request"},
		"nothing makes one":         {withURL(nil), "Config.CallbackURL is not set"},
	} {
		s := newFixture(t)
		w := writeOf(s.core(), "once", nil, row.change)
		p, err := w.Prepare()
		require.NoError(t, err, name)
		_, err = p.Send(t.Context(), p.Body)
		f := failure(t, err)
		assert.Equal(t, sdk.NotSent, f.Outcome, name)
		assert.Equal(t, sdk.Credentials, sdk.Advise(err), name)
		assert.Contains(t, f.Fields["callback"][0], row.text, name)
		if name == "nothing makes one" {
			continue
		}
		_, err = w.Do(t.Context())
		assert.Equal(t, sdk.Mend, sdk.Advise(err), name)
		assert.ErrorIs(t, err, sdk.ErrNotSent, name)
		assert.Empty(t, s.seen(), name)
	}
}

func TestPrepareRefusesWhatDoRefuses(t *testing.T) {
	core := newFixture(t).core()
	for name, change := range map[string]func(*transport.Call){
		"no such row":    func(c *transport.Call) { c.Op = "none" },
		"a key too many": func(c *transport.Call) { c.Key = "k" },
		"invalid UTF-8":  func(c *transport.Call) { c.Body = map[string]string{"a": "\xff"} },
		"not encodable":  func(c *transport.Call) { c.Body = map[string]any{"a": func() {}} },
	} {
		w := writeOf(core, "once", nil, change)
		_, prepared := w.Prepare()
		_, done := w.Do(t.Context())
		require.Error(t, prepared, name)
		assert.Equal(t, done.Error(), prepared.Error(), name)
	}
	w := writeOf(core, "item", nil, func(c *transport.Call) { c.Path = nil })
	_, err := w.Prepare()
	require.ErrorIs(t, err, sdk.ErrValidation)
	w.Err = errSearch
	_, err = w.Prepare()
	require.ErrorIs(t, err, errSearch)
	_, err = w.Do(t.Context())
	require.ErrorIs(t, err, errSearch)
}
