package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestSettleBelievesInAbsenceOnlyAfterThreeLooks(t *testing.T) {
	for name, row := range map[string]struct {
		findings []string
		found    transport.Finding
		err      error
		took     time.Duration
	}{
		"found at once":       {[]string{"found"}, transport.Same, nil, 0},
		"shown late":          {[]string{"absent", "found"}, transport.Same, nil, time.Second},
		"shown at last":       {[]string{"absent", "absent", "found"}, transport.Same, nil, 3 * time.Second},
		"absent":              {[]string{"absent", "absent", "absent"}, transport.Absent, nil, 3 * time.Second},
		"a look fails":        {[]string{"fails"}, 0, errSearch, 0},
		"a look says nothing": {[]string{"nothing"}, 0, transport.ErrNoFinding, 0},
		"a second look fails": {[]string{"absent", "fails"}, 0, errSearch, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := &search{findings: row.findings, perLook: true}, time.Now()
				found, err := transport.LookRepeatedly(t.Context(), s.lookup, false)
				assert.Equal(t, row.found, found)
				assert.ErrorIs(t, err, row.err)
				assert.Equal(t, row.took, time.Since(start))
				assert.Equal(t, len(row.findings), s.made)
			})
		})
	}
}

func TestSettleEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := transport.LookRepeatedly(ctx, (&search{findings: []string{"absent"}, perLook: true}).lookup, false)
		assert.EqualError(t, err, "no time left to look again before the deadline")
		assert.Zero(t, time.Since(start), "a wait that does not fit is not begun")

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		_, err = transport.LookRepeatedly(ctx, (&search{findings: []string{"absent"}, perLook: true}).lookup, false)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
	})
}

// A refusal may have the very payment as its reason that the caller asks for. Only a look
// tells, and without a look nobody can.
func TestADoubtfulRefusalIsLookedUp(t *testing.T) {
	for name, row := range map[string]struct {
		op, words, look string // one word per look; none: nobody can look
		outcome         string
		advice          sdk.Advice
	}{
		"found":                    {"once", "duplicate", "found", "", sdk.Done},
		"different":                {"once", "duplicate", "different", "unknown", sdk.Look},
		"different, unique":        {"referenced", "refused", "different", "rejected", sdk.Taken},
		"found late":               {"referenced", "refused", "absent absent found", "", sdk.Done},
		"a late look fails":        {"referenced", "refused", "absent fails", "unknown", sdk.Look},
		"a duplicate that is none": {"once", "duplicate", "absent absent absent", "unknown", sdk.Look},
		"absent":                   {"once", "refused", "absent absent absent", "rejected", sdk.Mend},
		"the look fails":           {"once", "refused", "fails", "unknown", sdk.Look},
		"the look says nothing":    {"referenced", "refused", "nothing", "unknown", sdk.Look},
		"nobody can look":          {"once", "duplicate", "", "unknown", sdk.Look},
		"no doubt":                 {"once", "declined", "fails", "rejected", sdk.Mend},
		"nobody knows anyway":      {"once", "unclear", "found", "unknown", sdk.Look},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status := map[string]int{"duplicate": 409, "unclear": 500}[row.words]
				if status == 0 {
					status = 400
				}
				words := row.words
				if words == "declined" {
					words = "refused"
				}
				s := newFixture(t, say(status, words))
				call, lookup := callOf(row.op), &search{findings: strings.Fields(row.look), perLook: true}
				call.Doubts = func(*sdk.Error) bool { return row.words != "declined" }
				if row.look != "" {
					call.LookRefused = lookup.lookup
				}
				err := s.core(noRetry).Do(t.Context(), call)
				assert.Equal(t, row.advice, sdk.Advise(err))
				if row.outcome == "" {
					assert.NoError(t, err)
					assert.NotContains(t, lookup.existing, false, "an earlier call has made it")
					assert.Len(t, lookup.existing, len(strings.Fields(row.look)))
					return
				}
				e := failure(t, err)
				assert.Equal(t, row.outcome, e.Outcome.String())
				assert.Equal(t, row.look == "different", errors.Is(err, sdk.ErrReferenceTaken))
				assert.Equal(t, strings.HasSuffix(row.look, "fails") && row.words == "refused", errors.Is(err, errSearch))
			})
		})
	}
}

func TestADuplicateOfARawCallSettlesNothing(t *testing.T) {
	for readOnly, outcome := range map[bool]string{false: "unknown", true: "rejected"} {
		_, err := newFixture(t, say(409, "duplicate")).core(noRetry).Ask(t.Context(), sdk.RawCall{Method: "POST", Path: "/x", ReadOnly: readOnly})
		assert.Equal(t, outcome, failure(t, err).Outcome.String())
		assert.ErrorIs(t, err, sdk.ErrDuplicate)
	}
}
