package kpay_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// world is a fake on the bubble's clock and a client of it.
type world struct {
	*kpaytest.Fake
	client *kpay.Client
}

func newWorld(t *testing.T, cfg kpaytest.Config, change ...func(*kpay.Config)) world {
	t.Helper()
	cfg.Options.RealTime = true
	cfg.Options.Callbacks = http.NotFoundHandler() // what becomes of callbacks is package webhook's matter
	srv := kpaytest.NewServer(t, cfg)
	c := srv.ClientConfig()
	for _, change := range change {
		change(&c)
	}
	client, err := kpay.New(c)
	require.NoError(t, err)
	return world{srv, client}
}

// collected is how often the payer's money came in, once all is settled.
func (w world) collected(t *testing.T) int {
	t.Helper()
	pause(t, time.Minute)
	assert.NoError(t, w.CheckLedger())
	entries := w.Entries("02", "RWF")
	assert.True(t, w.Balance("02", "RWF").Equal(decimal.NewFromInt(int64(4200*len(entries)))))
	return len(entries)
}

// pause lets virtual time pass.
func pause(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func TestWhateverHappensToAPaymentThePayerPaysAtMostOnce(t *testing.T) {
	for _, m := range clienttest.ReferencedFailures() {
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kpaytest.Config{}, func(c *kpay.Config) { c.HTTPClient = m.HTTPClient(c.HTTPClient) })
				if m.Fault.Kind != "" {
					m.Fault.Method, m.Fault.Path = "POST", "/"
					require.NoError(t, w.AddFault(m.Fault))
				}
				ctx, cancel := m.Context(t.Context())
				defer cancel()
				start := time.Now()
				payment, err := w.client.Pay(ctx, validPay())
				m.Check(t, err, time.Since(start))
				w.ClearFaults()

				assert.Len(t, w.Payments(), m.Done)
				assert.Equal(t, m.Done, w.collected(t))
				if m.Outcome == "" {
					require.NoError(t, err)
					assert.Equal(t, "order-1", payment.RefID)
					assert.True(t, payment.Status.Pending())
					settled, err := w.client.Wait(t.Context(), "order-1")
					require.NoError(t, err)
					assert.True(t, settled.Status.Paid())
					return
				}
				assert.Nil(t, payment)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, m.Outcome, e.Outcome.String())
				assert.Equal(t, "order-1", e.Reference)
			})
		})
	}
}

func TestAPaymentDoneBeforeTheResponseGotLostIsNeverSentAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		lag     time.Duration // until checkstatus shows it
		outcome string
		is      error
	}{
		"shown at once":                  {0, "", nil},
		"shown within the grace":         {2 * time.Second, "", nil},
		"shown after the second request": {4 * time.Second, "", nil},
		"not shown while anybody looks":  {time.Hour, "unknown", sdk.ErrDuplicate},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kpaytest.Config{LookupLag: tc.lag})
				require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}))
				_, err := w.client.Pay(t.Context(), validPay())
				assert.Equal(t, 1, w.collected(t))
				if tc.outcome == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				assert.ErrorIs(t, err, tc.is)
			})
		})
	}
}

func TestNothingIsSentAgainWhileKPayCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kpaytest.Config{})
		require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDropAfter})) // the lookups too
		_, err := w.client.Pay(t.Context(), validPay())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		w.ClearFaults()
		assert.Equal(t, 1, w.collected(t))
		paid, err := w.client.Find(t.Context(), "order-1")
		require.NoError(t, err, "what the error's reference is for")
		assert.True(t, paid.Status.Paid())
	})
}

func TestCallersWithOneReferenceShareOnePayment(t *testing.T) {
	for name, oneClient := range map[string]bool{"one client": true, "a client each": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kpaytest.Config{})
				if oneClient {
					require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 1, Times: 1})) // so that all come meanwhile
				}
				var mu sync.Mutex
				var wg sync.WaitGroup
				paid, existing := 0, 0
				for range 16 {
					client := w.client
					if !oneClient {
						var err error
						client, err = kpay.New(w.ClientConfig())
						require.NoError(t, err)
					}
					wg.Go(func() {
						payment, err := client.Pay(t.Context(), validPay())
						mu.Lock()
						defer mu.Unlock()
						if assert.NoError(t, err) {
							paid++
						}
						if err == nil && payment.Existing {
							existing++
							assert.True(t, payment.Unverified)
						}
					})
				}
				wg.Wait()
				assert.Equal(t, 16, paid)
				if oneClient {
					assert.Zero(t, existing)
					assert.Len(t, w.Requests(), 1)
				} else {
					assert.Equal(t, 15, existing)
				}
				assert.Equal(t, 1, w.collected(t))
			})
		})
	}
}

// KPay shows no amount, so Pay can only say that it did not compare it.
func TestARefIDUsedBeforeReturnsThatPaymentUnverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kpaytest.Config{})
		first, err := w.client.Pay(t.Context(), validPay())
		require.NoError(t, err)
		assert.False(t, first.Existing)
		assert.False(t, first.Unverified)
		p := validPay()
		p.Amount = decimal.NewFromInt(99)
		second, err := w.client.Pay(t.Context(), p)
		require.NoError(t, err)
		assert.True(t, second.Existing)
		assert.True(t, second.Unverified)
		assert.Equal(t, 1, w.collected(t))
	})
}
