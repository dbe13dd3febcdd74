package kasapay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestWaitAsksUntilThePayoutIsFinal(t *testing.T) {
	isPending, jammed := answer(200, pending), answer(200, `{"payment_status":704}`)
	for name, tc := range map[string]struct {
		steps    []step
		status   kasapay.PaymentStatus
		sentinel error
		took     time.Duration
	}{
		"processed at once":        {[]step{answer(200, processed)}, "700", nil, 0},
		"processed later":          {[]step{isPending, isPending, answer(200, processed)}, "700", nil, 5 * time.Second},
		"a failure is no error":    {[]step{isPending, answer(200, `{"payment_status":701}`)}, "701", nil, 2 * time.Second},
		"a reversal is no error":   {[]step{answer(200, `{"payment_status":702}`)}, "702", nil, 0},
		"jammed is waited through": {[]step{jammed, jammed, answer(200, `{"payment_status":705}`)}, "705", nil, 5 * time.Second},
		"an unknown one too":       {[]step{answer(200, `{"payment_status":820}`), answer(200, processed)}, "700", nil, 2 * time.Second},
		"not shown at first":       {[]step{answer(404, unknown), answer(200, processed)}, "700", nil, 2 * time.Second},
		"never shown":              {[]step{answer(404, unknown)}, "", sdk.ErrNotFound, 16250 * time.Millisecond},
		"an outage is outlasted":   {[]step{answer(503, ""), nil, answer(502, ""), nil, nil, answer(200, processed)}, "700", nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, tc.steps)
				start := time.Now()
				payout, err := client.Payouts.Wait(t.Context(), "ms83-1")
				assert.ErrorIs(t, err, tc.sentinel)
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status == "" {
					assert.Nil(t, payout)
					return
				}
				require.NotNil(t, payout)
				assert.Equal(t, tc.status, payout.Status)
			})
		})
	}
}

func TestWaitEndsWithItsContextAndShowsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newClient(t, []step{answer(200, `{"payment_status":704}`)})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		start := time.Now()
		payout, err := client.Payouts.Wait(ctx, "ms83-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Hour, time.Since(start))
		require.NotNil(t, payout)
		assert.Equal(t, kasapay.StatusJammed, payout.Status)
	})
}
