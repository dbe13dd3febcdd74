package transport_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A keyed write waits for the first request under its key; others have no key
// to ask by. Either way the outcome is open.
func TestARequestStillAtWorkIsNoRefusal(t *testing.T) {
	running := say(409, "running")
	interpreted := func(cfg *transport.Config) {
		cfg.Interpret = func(op sdk.Operation, r *transport.Response) transport.Verdict {
			if r.Status == 409 {
				return transport.Verdict{Kind: transport.InProgress, Reasons: []error{sdk.ErrInProgress}}
			}
			return interpret(op, r)
		}
	}
	for name, row := range map[string]struct {
		op      string
		script  []step
		outcome string // empty: success
	}{
		"keyed, then done":    {"keyed", []step{running, running, accept}, ""},
		"keyed, never done":   {"keyed", []step{running, running, running, running}, "unknown"},
		"keyed, then refused": {"keyed", []step{running, say(400, "refused")}, "unknown"},
		"once":                {"once", []step{running}, "unknown"},
		"referenced":          {"referenced", []step{running}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, row.script...)
				err := s.core(interpreted).Do(t.Context(), callOf(row.op))
				assert.Len(t, s.seen(), len(row.script))
				if row.outcome == "" {
					require.NoError(t, err)
					return
				}
				f := failure(t, err)
				assert.Equal(t, row.outcome, f.Outcome.String())
				assert.NotEqual(t, f.Is(sdk.ErrInProgress), f.Is(sdk.ErrDeclined), "the reason is that of the last response")
			})
		})
	}
}
