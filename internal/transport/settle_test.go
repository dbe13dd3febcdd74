package transport_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

func TestSettleBelievesInAbsenceOnlyAfterThreeLooks(t *testing.T) {
	for name, row := range map[string]struct {
		answers []string
		found   transport.Finding
		err     error
		took    time.Duration
	}{
		"found at once":       {[]string{"found"}, transport.Same, nil, 0},
		"shown late":          {[]string{"absent", "found"}, transport.Same, nil, time.Second},
		"shown at last":       {[]string{"absent", "absent", "found"}, transport.Same, nil, 3 * time.Second},
		"absent":              {[]string{"absent", "absent", "absent"}, transport.Absent, nil, 3 * time.Second},
		"a look fails":        {[]string{"fails"}, transport.Absent, errSearch, 0},
		"a second look fails": {[]string{"absent", "fails"}, transport.Absent, errSearch, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := &search{answers: row.answers, perLook: true}, time.Now()
				found, err := transport.LookRepeatedly(t.Context(), s.lookup, false)
				assert.Equal(t, row.found, found)
				assert.ErrorIs(t, err, row.err)
				assert.Equal(t, row.took, time.Since(start))
				assert.Equal(t, len(row.answers), s.made)
			})
		})
	}
}

func TestSettleEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := transport.LookRepeatedly(ctx, (&search{answers: []string{"absent"}, perLook: true}).lookup, false)
		assert.EqualError(t, err, "no time left to look again before the deadline")
		assert.Zero(t, time.Since(start), "a wait that does not fit is not begun")

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		_, err = transport.LookRepeatedly(ctx, (&search{answers: []string{"absent"}, perLook: true}).lookup, false)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
	})
}
