package kapiten_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// world is a fake with one company that has money, in a synctest bubble: its
// clock is the bubble's.
type world struct {
	*kapitentest.Fake
	company kapitentest.Company
	client  *kapiten.Client
}

func newWorld(t *testing.T, change ...func(*kapiten.Config)) world {
	t.Helper()
	return newWorldWith(t, kapitentest.Quirks{}, change...)
}

func newWorldWith(t *testing.T, quirks kapitentest.Quirks, change ...func(*kapiten.Config)) world {
	t.Helper()
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{RealTime: true}, Quirks: quirks})
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000)})
	cfg := srv.ClientConfig(co)
	for _, c := range change {
		c(&cfg)
	}
	client, err := kapiten.New(cfg)
	require.NoError(t, err)
	return world{srv, co, client}
}

func (w world) ride() kapiten.CreateRideParams {
	p := validRide()
	p.CompanyID = w.company.ID
	return p
}

// debits counts the wallet's charges for rides, deposits its top-ups.
func (w world) count(kind kapiten.TransactionType) int {
	n := 0
	for _, entry := range w.Transactions(w.company.ID) {
		if entry.Type == kind {
			n++
		}
	}
	return n
}

// write is one of the calls that move money.
type write struct {
	name string
	path string // glob of the request that goes wrong
	call func(context.Context, world) error
	// done counts what the fake did, and what was charged or deposited for it.
	done func(world) (works, entries int)
}

func rides(w world) (int, int) {
	return len(w.Rides(w.company.ID)), w.count(kapiten.TransactionRidePayment)
}

func topUps(w world) (int, int) {
	n := w.count(kapiten.TransactionDeposit)
	return n, n
}

var writes = []write{
	{"Create", "/api/rides/", func(ctx context.Context, w world) error {
		_, err := w.client.Rides.Create(ctx, w.ride())
		return err
	}, rides},
	{"CreateOnce", "/api/rides/", func(ctx context.Context, w world) error {
		p := w.ride()
		p.PickupInstructions += clienttest.Variant(ctx)
		switch clienttest.Other(ctx) {
		case "pickup":
			p.PickupAddress = "Airport"
		case "address":
			p.DropoffAddress = "Airport"
		case "sender":
			p.Sender.Phone = "0781111111"
		case "receiver":
			p.Receiver.Phone = "0781111111"
		case "option":
			p.IsPriority = !p.IsPriority
		}
		ride, err := w.client.Rides.CreateOnce(ctx, p)
		if err == nil && ride.ExternalID != "" && ride.ExternalID != w.ride().ExternalID {
			return errors.New("another ride")
		}
		return err
	}, rides},
	{"TopUp", "/api/companies/*/topup/", func(ctx context.Context, w world) error {
		_, err := w.client.Wallet.TopUp(ctx, kapiten.TopUpParams{
			CompanyID: w.company.ID, Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "Weekly credit top-up",
		})
		return err
	}, topUps},
}

// expectation is what a fault must come to, by write. "" means success.
type expectation struct {
	outcome string
	works   int
}

func TestFaultMatrix(t *testing.T) {
	const forever = 3600
	refused := func(cfg *kapiten.Config) {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			},
		}}
	}
	ok := expectation{"", 1}
	cases := []struct {
		name    string
		client  func(*kapiten.Config)
		fault   fake.Fault
		limit   time.Duration // deadline of the call; 0: none
		cancel  time.Duration // when the caller gives up; 0: never
		want    map[string]expectation
		is      error
		elapsed time.Duration // exact, when not 0
	}{
		{name: "connection refused", client: refused, is: sdk.ErrNotSent, want: map[string]expectation{
			"Create": {"not sent", 0}, "TopUp": {"not sent", 0},
			"CreateOnce": {"not sent", 0}, // its first look does not get through
		}},
		{name: "dropped before the work", fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1},
			is: sdk.ErrOutcomeUnknown, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
		{name: "dropped after the work", fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1},
			is: sdk.ErrOutcomeUnknown, want: map[string]expectation{
				"Create": {"unknown", 1}, "TopUp": {"unknown", 1}, "CreateOnce": ok,
			}},
		{name: "truncated 2xx", fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1},
			is: sdk.ErrOutcomeUnknown, want: map[string]expectation{
				"Create": {"unknown", 1}, "TopUp": {"unknown", 1}, "CreateOnce": ok,
			}},
		{name: "malformed 2xx", fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1},
			is: sdk.ErrUnexpectedResponse, want: map[string]expectation{
				"Create": {"unknown", 1}, "TopUp": {"unknown", 1}, "CreateOnce": ok,
			}},
		{name: "HTML 502", fault: fake.Fault{Kind: fake.FaultHTML, Times: 1},
			is: sdk.ErrServer, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
		{name: "500 in the provider's format", fault: fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1},
			is: sdk.ErrServer, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
		{name: "429 with Retry-After", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1},
			is: sdk.ErrRateLimited, want: map[string]expectation{"Create": {"rejected", 0}, "TopUp": {"rejected", 0}, "CreateOnce": {"rejected", 0}}},
		{name: "429 for longer than anybody waits", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 86400},
			is: sdk.ErrRateLimited, want: map[string]expectation{
				"Create": {"rejected", 0}, "TopUp": {"rejected", 0}, "CreateOnce": {"rejected", 0},
			}},
		{name: "hang until the deadline", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, limit: 5 * time.Second,
			elapsed: 5 * time.Second, is: context.DeadlineExceeded, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
		{name: "hang of one attempt", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever, Times: 1},
			is: sdk.ErrOutcomeUnknown, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
		{name: "cancelled during a hang", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, cancel: 3 * time.Second,
			elapsed: 3 * time.Second, is: context.Canceled, want: map[string]expectation{
				"Create": {"unknown", 0}, "TopUp": {"unknown", 0}, "CreateOnce": {"unknown", 0},
			}},
	}
	for _, tc := range cases {
		for _, write := range writes {
			t.Run(tc.name+"/"+write.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					if tc.client != nil {
						w = newWorld(t, tc.client)
					}
					if tc.fault.Kind != "" {
						tc.fault.Method, tc.fault.Path = "POST", write.path
						require.NoError(t, w.AddFault(tc.fault))
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if tc.limit > 0 {
						ctx, cancel = context.WithTimeout(ctx, tc.limit)
						defer cancel()
					}
					if tc.cancel > 0 {
						time.AfterFunc(tc.cancel, cancel)
					}
					start := time.Now()
					err := write.call(ctx, w)
					elapsed := time.Since(start)

					want := tc.want[write.name]
					works, entries := write.done(w)
					assert.Equal(t, want.works, works, "done by the fake")
					assert.Equal(t, want.works, entries, "entries in the ledger")
					assert.NoError(t, w.CheckLedger())
					if tc.elapsed > 0 {
						assert.Equal(t, tc.elapsed, elapsed)
					}
					if want.outcome == "" {
						assert.NoError(t, err)
						return
					}
					var apiErr *sdk.Error
					require.ErrorAs(t, err, &apiErr)
					assert.Equal(t, want.outcome, apiErr.Outcome.String())
					assert.ErrorIs(t, err, tc.is)
					assert.Equal(t, want.outcome == "unknown", errors.Is(err, sdk.ErrOutcomeUnknown))
				})
			})
		}
	}
}

func TestCreateOnceReturnsTheFirstRideHoweverOftenItIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, err := w.client.Rides.CreateOnce(t.Context(), w.ride())
		require.NoError(t, err)
		again, err := w.client.Rides.CreateOnce(t.Context(), w.ride())
		require.NoError(t, err)
		assert.Equal(t, first.ID, again.ID)
		other := w.ride()
		other.ExternalID = "ORDER-2"
		second, err := w.client.Rides.CreateOnce(t.Context(), other)
		require.NoError(t, err)
		assert.NotEqual(t, first.ID, second.ID)
		assert.Len(t, w.Rides(w.company.ID), 2)
	})
}

func TestCreateOnceStaysUnknownWhenItCannotLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.AddFault(fake.Fault{Method: "GET", Kind: fake.FaultHTML}))
		_, err := w.client.Rides.CreateOnce(t.Context(), w.ride())
		require.ErrorIs(t, err, sdk.ErrServer, "without a look nothing may be created")
		works, _ := rides(w)
		assert.Zero(t, works)

		w.ClearFaults()
		require.NoError(t, w.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultDropAfter}))
		client, err := kapiten.New(func() kapiten.Config {
			cfg := w.ClientConfig(w.company)
			cfg.OnAttempt = func(_ context.Context, a sdk.Attempt) {
				if a.Operation == kapiten.OpCreateRide { // from now on no look gets through
					_ = w.AddFault(fake.Fault{Method: "GET", Kind: fake.FaultHTML})
				}
			}
			return cfg
		}())
		require.NoError(t, err)
		_, err = client.Rides.CreateOnce(t.Context(), w.ride())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		works, entries := rides(w)
		assert.Equal(t, 1, works)
		assert.Equal(t, 1, entries)
	})
}

func TestAttemptsThatNeverLeftAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		w := newWorld(t)
		real := w.HTTPClient().Transport.(*http.Transport)
		cfg := w.ClientConfig(w.company)
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if dials++; dials < 3 {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
				}
				return real.DialContext(ctx, network, addr)
			},
			DisableKeepAlives: true,
		}}
		client, err := kapiten.New(cfg)
		require.NoError(t, err)
		ride, err := client.Rides.Create(t.Context(), w.ride())
		require.NoError(t, err)
		assert.Equal(t, kapiten.RidePending, ride.Status)
		assert.Equal(t, 3, dials)
		works, entries := rides(w)
		assert.Equal(t, 1, works)
		assert.Equal(t, 1, entries)
	})
}
