package kpay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestWaitAsksUntilThePaymentIsFinal(t *testing.T) {
	failed := answer(200, `{"refid":"order-1","statusid":"02","statusdesc":"TARGET_AUTHORIZATION_ERROR"}`)
	for name, tc := range map[string]struct {
		steps    []step
		status   kpay.Code
		sentinel error
		took     time.Duration
	}{
		"paid at once":                   {[]step{answer(200, paid)}, kpay.CodePaid, nil, 0},
		"paid later":                     {[]step{answer(200, awaiting), answer(200, awaiting), answer(200, paid)}, kpay.CodePaid, nil, 5 * time.Second},
		"a failure is no error":          {[]step{answer(200, awaiting), failed}, kpay.CodeFailed, nil, 2 * time.Second},
		"a processor's own failure":      {[]step{answer(200, `{"refid":"order-1","statusid":"682"}`)}, "682", nil, 0},
		"not shown at first":             {[]step{answer(200, unknown), answer(200, unknown), answer(200, paid)}, kpay.CodePaid, nil, 5 * time.Second},
		"never shown":                    {[]step{answer(200, unknown)}, "", sdk.ErrNotFound, 16250 * time.Millisecond},
		"credentials are refused":        {[]step{answer(200, `{"reply":"Invalid PIN","retcode":600}`)}, "", sdk.ErrUnauthorized, 0},
		"an odd state is waited through": {[]step{answer(200, `{"refid":"order-1","statusid":"ODD"}`), answer(200, paid)}, kpay.CodePaid, nil, 2 * time.Second},
		"gone after it was seen, too late": {[]step{answer(200, awaiting), answer(200, awaiting), answer(200, awaiting), answer(200, awaiting), answer(200, awaiting), answer(200, unknown)},
			kpay.CodePending, sdk.ErrNotFound, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, tc.steps)
				start := time.Now()
				payment, err := client.Wait(t.Context(), "order-1")
				assert.ErrorIs(t, err, tc.sentinel)
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status == "" {
					assert.Nil(t, payment)
					return
				}
				require.NotNil(t, payment)
				assert.Equal(t, tc.status, payment.Status)
			})
		})
	}
}

func TestWaitOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := answer(503, "<h1>503</h1>")
		client, s := newClient(t, []step{down, down, down, down, down, nil, nil, nil, answer(200, paid)})
		payment, err := client.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, kpay.CodePaid, payment.Status)
		assert.Len(t, s.Requests(), 9)
	})
}

func TestWaitEndsWithItsContextAndShowsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newClient(t, []step{answer(200, awaiting)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		payment, err := client.Wait(ctx, "order-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NotNil(t, payment)
		assert.True(t, payment.Status.Pending())
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, sdk.NoEffect, e.Outcome)
		assert.Equal(t, "order-1", e.Reference)
	})
}
