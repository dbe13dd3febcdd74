package kasapay_test

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
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// world is a fake on the bubble's clock and a client of it that is logged in.
type world struct {
	*kasapaytest.Fake
	client *kasapay.Client
}

func newWorld(t *testing.T, cfg kasapaytest.Config, change ...func(*kasapay.Config)) world {
	t.Helper()
	cfg.Options.RealTime = true
	cfg.Options.Callbacks = http.NotFoundHandler() // what becomes of callbacks is package webhook's matter
	srv := kasapaytest.NewServer(t, cfg)
	c := srv.ClientConfig()
	for _, change := range change {
		change(&c)
	}
	client, err := kasapay.New(c)
	require.NoError(t, err)
	return world{srv, client}
}

// paid is how often the float was debited, once all is settled.
func (w world) paid(t *testing.T) int {
	t.Helper()
	wait(t, time.Minute)
	assert.NoError(t, w.CheckLedger())
	spent := decimal.NewFromInt(1_000_000).Sub(w.Balance("KES"))
	n := spent.Div(decimal.NewFromInt(100))
	assert.True(t, n.IsInteger())
	return int(n.IntPart())
}

func TestWhateverHappensToAPayoutItIsPaidAtMostOnce(t *testing.T) {
	for _, m := range clienttest.ReferencedFailures() {
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kasapaytest.Config{}, func(c *kasapay.Config) { c.HTTPClient = m.HTTPClient(c.HTTPClient) })
				if m.Fault.Kind != "" {
					m.Fault.Method, m.Fault.Path = "POST", "/v1/payouts/b2b/initiate"
					require.NoError(t, w.AddFault(m.Fault))
				}
				ctx, cancel := m.Context(t.Context())
				defer cancel()
				start := time.Now()
				payout, err := w.client.Payouts.Create(ctx, validPayout())
				m.Check(t, err, time.Since(start))
				w.ClearFaults()

				assert.Len(t, w.Payouts(), m.Done)
				assert.Equal(t, m.Done, w.paid(t))
				if m.Outcome == "" {
					require.NoError(t, err)
					assert.Equal(t, "ms83-1", payout.Reference)
					assert.False(t, payout.Status.Final())
					settled, err := w.client.Payouts.Wait(t.Context(), "ms83-1")
					require.NoError(t, err)
					assert.Equal(t, kasapay.StatusProcessed, settled.Status)
					return
				}
				assert.Nil(t, payout)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, m.Outcome, e.Outcome.String())
				assert.Equal(t, "ms83-1", e.Reference)
			})
		})
	}
}

func TestAnExpiredTokenCostsOneLoginAndNoMoney(t *testing.T) {
	for name, tc := range map[string]struct {
		fault fake.Fault
		sent  int // requests to initiate
	}{
		"expired before the payout":      {fake.Fault{Kind: fake.FaultExpireToken, Path: "/v1/payouts/b2b/initiate", Times: 1}, 2},
		"expired before the lookup only": {fake.Fault{Kind: fake.FaultExpireToken, Method: "GET", Times: 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kasapaytest.Config{})
				_, err := w.client.Payouts.Find(t.Context(), "none") // logs in
				require.ErrorIs(t, err, sdk.ErrNotFound)
				require.NoError(t, w.AddFault(tc.fault))
				require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Path: "/v1/payouts/b2b/initiate", Times: 1}))
				_, err = w.client.Payouts.Create(t.Context(), validPayout())
				require.NoError(t, err)
				assert.Equal(t, 1, w.paid(t))
				logins, sent := 0, 0
				for _, r := range w.Requests() {
					switch r.Path {
					case "/v1/auth":
						logins++
					case "/v1/payouts/b2b/initiate":
						sent++
					}
				}
				assert.Equal(t, 2, logins)
				assert.Equal(t, tc.sent, sent)
			})
		})
	}
}

func TestALongRunRenewsItsTokenAheadOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kasapaytest.Config{TokenLifetime: 10 * time.Minute})
		for range 60 {
			_, err := w.client.Payouts.Find(t.Context(), "none")
			require.ErrorIs(t, err, sdk.ErrNotFound)
			wait(t, 30*time.Second)
		}
		for _, r := range w.Requests() {
			assert.NotEqual(t, 401, r.Status, "no request ever met an expired token")
		}
	})
}

func TestNothingIsSentAgainWhileKasapayCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kasapaytest.Config{})
		require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Path: "/v1/payouts/**"})) // the lookups too
		_, err := w.client.Payouts.Create(t.Context(), validPayout())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		w.ClearFaults()
		assert.Equal(t, 1, w.paid(t))
		payout, err := w.client.Payouts.Find(t.Context(), "ms83-1")
		require.NoError(t, err, "what the error's reference is for")
		assert.Equal(t, kasapay.StatusProcessed, payout.Status)
	})
}

func TestCallersWithOneReferenceShareOnePayout(t *testing.T) {
	for name, status := range map[string]int{"721": 0, "409": 409, "400": 400} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{DuplicateStatus: status}})
				var wg sync.WaitGroup
				for range 8 {
					fresh, err := kasapay.New(w.ClientConfig())
					require.NoError(t, err)
					for _, client := range []*kasapay.Client{w.client, fresh} {
						wg.Go(func() {
							_, err := client.Payouts.Create(t.Context(), validPayout())
							assert.NoError(t, err)
						})
					}
				}
				wg.Wait()
				assert.Equal(t, 1, w.paid(t))
			})
		})
	}
}

func TestBothReferencesFindThePayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kasapaytest.Config{MintReferences: true})
		accepted, err := w.client.Payouts.Create(t.Context(), validPayout())
		require.NoError(t, err)
		require.NotEqual(t, "ms83-1", accepted.GatewayReference)
		for _, find := range []func() (*kasapay.Payout, error){
			func() (*kasapay.Payout, error) { return w.client.Payouts.Find(t.Context(), accepted.Reference) },
			func() (*kasapay.Payout, error) { return w.client.Payouts.Get(t.Context(), accepted.GatewayReference) },
		} {
			payout, err := find()
			require.NoError(t, err)
			assert.Equal(t, "ms83-1", payout.Reference)
			assert.Equal(t, kasapay.StatusPending, payout.Status)
		}
		_, err = w.client.Payouts.Find(t.Context(), accepted.GatewayReference)
		assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, "the response names your reference")
		_, err = w.client.Payouts.Get(t.Context(), "nobody's")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
}

func TestGetTakesTheReferenceThatTheResponseNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for body, want := range map[string]string{
			processed: "ms83-1", `{"payout_reference":"a99658d5","payment_status":700}`: "a99658d5", `{"payout_reference":145245,"payment_status":"700"}`: "145245",
			`{"payment_status":700}`: "", `{"payout_reference":null,"payment_status":700}`: "", `{"payout_reference":[],"payment_status":700}`: "", `{"payout_reference":"ms83-1"}`: "",
		} {
			client, _ := newClient(t, []step{respond(200, body)})
			payout, err := client.Payouts.Get(t.Context(), "a99658d5")
			if want == "" {
				assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, body)
				assert.Nil(t, payout)
				continue
			}
			require.NoError(t, err, body)
			assert.Equal(t, want, payout.Reference)
			assert.Equal(t, want, payout.GatewayReference)
		}
	})
}

func TestTheFakeRefusesWhatTheDocumentForbids(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*kasapay.CreatePayoutParams)
		code   string
		is     error
	}{
		"a callback URL out of reach": {func(p *kasapay.CreatePayoutParams) { p.CallbackURL = "https://shop.invalid/kasapay" }, "CALLBACK_URL_UNREACHABLE", sdk.ErrValidation},
		"a service nobody has":        {func(p *kasapay.CreatePayoutParams) { p.ServiceCode = "777" }, "SERVICE_NOT_ALLOWED", sdk.ErrConfiguration},
		"a method of another kind":    {func(p *kasapay.CreatePayoutParams) { p.Method = kasapay.MethodBank }, "", sdk.ErrValidation},
		"a method nobody knows":       {func(p *kasapay.CreatePayoutParams) { p.Method = "PESALINK" }, "", sdk.ErrValidation},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kasapaytest.Config{}, func(c *kasapay.Config) { c.AnyMethod = true })
				p := validPayout()
				tc.change(&p)
				_, err := w.client.Payouts.Create(t.Context(), p)
				require.ErrorIs(t, err, sdk.ErrRejected)
				assert.ErrorIs(t, err, tc.is)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tc.code, e.Code)
				assert.Empty(t, w.Payouts())
			})
		})
	}
}

func TestAPayoutShowsTheRecipientThatWasAskedFor(t *testing.T) {
	for kind, name := range map[kasapay.RecipientType]string{kasapay.Paybill: "Test Limited", kasapay.Till: "Test Limited", kasapay.BankAccount: "BANKX"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, kasapaytest.Config{})
			p := validPayout()
			p.RecipientType = kind
			_, err := w.client.Payouts.Create(t.Context(), p)
			require.NoError(t, err)
			payout, err := w.client.Payouts.Wait(t.Context(), p.Reference)
			require.NoError(t, err)
			assert.Equal(t, kind, payout.Destination)
			assert.Equal(t, name, payout.DestinationName)
		})
	}
}

func TestWaitFollowsAPayoutToItsEnd(t *testing.T) {
	for scenario, want := range map[fake.Scenario]kasapay.PaymentStatus{
		fake.ScenarioPaid: "700", fake.ScenarioFailed: "701", fake.ScenarioNoFunds: "701", fake.ScenarioSlow: "700",
		kasapaytest.ScenarioJammedPaid: "700", kasapaytest.ScenarioJammedReversed: "702", fake.ScenarioLost: "700",
	} {
		t.Run(string(scenario), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kasapaytest.Config{Scenario: scenario})
				_, err := w.client.Payouts.Create(t.Context(), validPayout())
				require.NoError(t, err)
				payout, err := w.client.Payouts.Wait(t.Context(), "ms83-1")
				require.NoError(t, err)
				assert.Equal(t, want, payout.Status)
			})
		})
	}
}

func TestAJammedPayoutIsWaitedForUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kasapaytest.Config{Scenario: kasapaytest.ScenarioJammed})
		_, err := w.client.Payouts.Create(t.Context(), validPayout())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		payout, err := w.client.Payouts.Wait(ctx, "ms83-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotNil(t, payout)
		assert.Equal(t, kasapay.StatusJammed, payout.Status)
	})
}
