package webhook_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

func claimOf(reference string) webhook.Claim {
	return webhook.Claim{Provider: "shop", Reference: reference, Wait: time.Second}
}

// become is work that finds one state and leaves another.
func become(t testing.TB, from, to string) webhook.Work {
	return func(_ context.Context, tx *sql.Tx, known webhook.Record) (webhook.Record, error) {
		assert.Nil(t, tx)
		assert.Equal(t, from, known.State)
		return webhook.Record{State: to}, nil
	}
}

func TestMemoryInboxRemembersUpToItsBounds(t *testing.T) {
	now := noon
	m := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: 2, TTL: time.Hour, Now: func() time.Time { return now }})
	for _, reference := range []string{"a", "b"} {
		require.NoError(t, m.Do(t.Context(), claimOf(reference), become(t, "", "1")))
	}
	require.NoError(t, m.Do(t.Context(), claimOf("a"), become(t, "1", "2")))
	require.NoError(t, m.Do(t.Context(), claimOf("c"), become(t, "", "1")), "takes the place of b")
	require.NoError(t, m.Do(t.Context(), claimOf("a"), become(t, "2", "2")))
	require.NoError(t, m.Do(t.Context(), claimOf("b"), become(t, "", "")))
	require.NoError(t, m.Do(t.Context(), claimOf("c"), become(t, "1", "1")), "what changed nothing took no room")
	now = now.Add(time.Hour)
	require.NoError(t, m.Do(t.Context(), claimOf("c"), become(t, "", "1")))
	failing := errors.New("away")
	require.ErrorIs(t, m.Do(t.Context(), claimOf("c"), func(context.Context, *sql.Tx, webhook.Record) (webhook.Record, error) {
		return webhook.Record{State: "x"}, failing
	}), failing)
	require.NoError(t, m.Do(t.Context(), claimOf("c"), become(t, "1", "1")))
}

func TestAnInboxServesAReferenceInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
		var mu sync.Mutex
		var order []int
		var workers sync.WaitGroup
		for i := range 5 {
			workers.Go(func() {
				assert.NoError(t, m.Do(t.Context(), claimOf("a"), func(_ context.Context, _ *sql.Tx, r webhook.Record) (webhook.Record, error) {
					pass(100 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					order = append(order, i)
					return r, nil
				}))
			})
			synctest.Wait()
		}
		start := time.Now()
		require.NoError(t, m.Do(t.Context(), claimOf("b"), become(t, "", "1")))
		assert.Zero(t, time.Since(start), "others are free")
		workers.Wait()
		assert.Equal(t, []int{0, 1, 2, 3, 4}, order)
	})
}

func TestWhoWaitsTooLongForAReferenceIsToldAndBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
		var workers sync.WaitGroup
		workers.Go(func() {
			_ = m.Do(t.Context(), claimOf("a"), func(_ context.Context, _ *sql.Tx, r webhook.Record) (webhook.Record, error) {
				pass(1500 * time.Millisecond)
				return r, nil
			})
		})
		synctest.Wait()
		workers.Go(func() { assert.ErrorIs(t, m.Do(t.Context(), claimOf("a"), become(t, "", "")), webhook.ErrBusy) })
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, m.Do(hasty, claimOf("a"), become(t, "", "")), webhook.ErrBusy)
		pass(900 * time.Millisecond)
		start := time.Now()
		require.NoError(t, m.Do(t.Context(), claimOf("a"), become(t, "", "1")), "its turn comes, though two before it left")
		assert.Less(t, time.Since(start), time.Second)
		workers.Wait()
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		require.ErrorIs(t, m.Do(gone, claimOf("a"), become(t, "", "")), context.Canceled)
	})
}

// named is an inbox that notes under which names it keeps references.
type named struct {
	*webhook.MemoryInbox
	providers map[string]bool
}

func (n named) Do(ctx context.Context, claim webhook.Claim, work webhook.Work) error {
	n.providers[claim.Provider] = true
	return n.MemoryInbox.Do(ctx, claim, work)
}

// twoShops feeds the same event to handlers of several accounts on one inbox.
func twoShops[E any](t *testing.T, make func(webhook.Config[E]) (*webhook.Handler[E], error), cfg webhook.Config[E], event E, key string) {
	t.Helper()
	inbox := named{webhook.NewMemoryInbox(webhook.MemoryInboxConfig{}), map[string]bool{}}
	want := map[string]bool{}
	for _, account := range []string{"", "a", "b", "Ünïon & Söhne / 2"} {
		cfg.Inbox, cfg.Account = inbox, account
		h, err := make(cfg)
		require.NoError(t, err, key)
		for _, expected := range []webhook.Transition{webhook.Advanced, webhook.Duplicate} {
			transition, err := h.Feed(t.Context(), event)
			require.NoError(t, err, key)
			assert.Equal(t, expected, transition, "%s, account %q", key, account)
		}
		if want[key] = true; account != "" {
			want[key+"/"+account] = true
		}
		assert.Equal(t, want, inbox.providers, "without an account the rows that are there keep their key")
	}
}

// The accounts of one provider use references of their own, which may be equal.
func TestTwoAccountsOfAProviderShareAnInbox(t *testing.T) {
	twoShops(t, func(c webhook.Config[kapiten.Ride]) (*webhook.Handler[kapiten.Ride], error) {
		return webhook.NewKapiten(rides{}, "c1", c)
	}, goodConfig[kapiten.Ride](), kapiten.Ride{ID: "order-1", Status: kapiten.RideCompleted}, "kapiten")
	twoShops(t, func(c webhook.Config[kpay.Payment]) (*webhook.Handler[kpay.Payment], error) {
		return webhook.NewKPay(&kpay.Client{}, c)
	}, goodConfig[kpay.Payment](), kpay.Payment{RefID: "order-1", Status: kpay.CodePaid}, "kpay")
	twoShops(t, func(c webhook.Config[kasapay.Payout]) (*webhook.Handler[kasapay.Payout], error) {
		return webhook.NewKasapay(&kasapay.PayoutsService{}, c)
	}, goodConfig[kasapay.Payout](), kasapay.Payout{Reference: "order-1", Status: "700"}, "kasapay")
	for kind, key := range map[kotani.TransactionType]string{kotani.Payouts: "kotani " + string(kotani.Payouts), kotani.Collections: "kotani " + string(kotani.Collections)} {
		twoShops(t, func(c webhook.Config[kotani.Transaction]) (*webhook.Handler[kotani.Transaction], error) {
			return webhook.NewKotani(&books{}, kind, c)
		}, goodConfig[kotani.Transaction](), kotani.Transaction{ExternalID: "order-1", Status: kotani.StatusSuccessful}, key)
	}
	signed := goodConfig[bitpesa.Event]()
	signed.Auth = webhook.BitPesaSignature(bitpesaURL, testKeys()...)
	paid, err := bitpesa.ParseEvent([]byte(`{"webhook":"w","event":"transaction.paid_in","object":{"id":"order-1","state":"paid"}}`))
	require.NoError(t, err)
	twoShops(t, webhook.NewBitPesa, signed, paid, "bitpesa")
	v3 := goodConfig[kotani.V3Event]()
	v3.Auth = webhook.KotaniV3Signature("whsec")
	twoShops(t, webhook.NewKotaniV3, v3, kotani.V3Event{Event: "transaction.deposit.status.updated", Reference: "order-1", Status: "SUCCESSFUL"}, "kotani-v3")
	fiat := goodConfig[kotani.FiatConnectEvent]()
	fiat.Auth = webhook.FiatConnectSignature(webhook.SignatureConfig{}, "whsec")
	transfer, err := kotani.ParseFiatConnectEvent([]byte(fiatConnectEvent("e-1", "WebhookTransferInStatusEvent", transferIn("TransferComplete"))))
	require.NoError(t, err)
	twoShops(t, webhook.NewFiatConnect, fiat, transfer, "fiatconnect")
}

// A state that can come back tells nothing apart: only the delivery's own name does.
func TestARedeliveredFactOfACircleIsADuplicate(t *testing.T) {
	var told []string
	cfg := webhook.Config[bitpesa.Event]{
		Auth: webhook.BitPesaSignature(bitpesaURL, testKeys()...),
		Handle: func(_ context.Context, ev webhook.Event[bitpesa.Event]) error {
			told = append(told, string(ev.Data.Name)+" "+string(ev.Transition))
			return nil
		},
	}
	h, err := webhook.NewBitPesa(cfg)
	require.NoError(t, err)
	deliver := func(event, state, reason string) {
		body := fmt.Sprintf(`{"webhook":"w","event":%q,"object":{"id":"r-1","state":%q,"state_reason":%q}}`, event, state, reason)
		r, err := webhook.NewBitPesaTestDelivery(bitpesaURL, testKeys()[1], []byte(body))
		require.NoError(t, err)
		assert.Equal(t, 200, send(h, r).Code)
	}
	for range 2 {
		deliver("recipient.pending", "pending", "first")
	}
	deliver("recipient.error", "error", "first")
	deliver("recipient.pending", "pending", "second")
	deliver("recipient.error", "error", "first") // again, long after
	deliver("recipient.pending", "pending", "first")
	deliver("recipient.error", "error", "second")
	assert.Equal(t, []string{"recipient.pending advanced", "recipient.error advanced", "recipient.pending advanced", "recipient.error advanced"}, told)
}

func TestOneChangeIsOneEffectUnderWhateverName(t *testing.T) {
	var told []string
	h, err := webhook.NewBitPesa(webhook.Config[bitpesa.Event]{
		Auth: webhook.BitPesaSignature(bitpesaURL, testKeys()...),
		Handle: func(_ context.Context, ev webhook.Event[bitpesa.Event]) error {
			told = append(told, ev.Status)
			return nil
		},
	})
	require.NoError(t, err)
	feed := func(state string) {
		event, err := webhook.BitPesa().Decode([]byte(`{"event":"transaction","object":{"id":"t-1","state":"` + state + `"}}`))
		require.NoError(t, err)
		_, err = h.Feed(t.Context(), event)
		require.NoError(t, err)
	}
	for _, state := range []string{"received", "manual", "paid"} {
		if state == "manual" {
			feed(state)
		}
		for _, name := range []string{"transaction.changed", "transaction." + state} {
			r, err := webhook.NewBitPesaTestDelivery(bitpesaURL, testKeys()[1], []byte(`{"event":"`+name+`","object":{"id":"t-1","state":"`+state+`"}}`))
			require.NoError(t, err)
			assert.Equal(t, 200, send(h, r).Code)
		}
		feed(state)
	}
	assert.Equal(t, []string{"received", "manual", "paid"}, told)
}

func TestASourceWithoutAnOrderTellsItsEventsApartByTheirNames(t *testing.T) {
	h, l := merchant(t, func(c *setup) {
		c.Source.Identify = func(o order) webhook.Identity {
			return webhook.Identity{Reference: o.Reference, Status: o.Status, ID: o.Other}
		}
	})
	for _, id := range []string{"1", "2", "1", "3", "2"} {
		assert.Equal(t, 201, post(h, `{"reference":"o1","status":"LATE","other":"`+id+`"}`).Code)
	}
	assert.Len(t, l.told(), 3)
	// The last 128 of a reference are remembered.
	for i := range 128 {
		post(h, fmt.Sprintf(`{"reference":"o1","other":"many-%d"}`, i))
	}
	told := len(l.told())
	post(h, `{"reference":"o1","other":"many-0"}`)
	assert.Len(t, l.told(), told)
	post(h, `{"reference":"o1","status":"LATE","other":"1"}`)
	assert.Len(t, l.told(), told+1)
}

// What the API says now is news, though a delivery with that name came before.
func TestFeedIsNoDelivery(t *testing.T) {
	h, l := merchant(t, func(c *setup) {
		identify := c.Source.Identify
		c.Source.Identify = func(o order) webhook.Identity {
			i := identify(o)
			i.ID = o.Status
			return i
		}
	})
	for _, s := range []string{"PARKED", "ON_HOLD", "PARKED"} {
		assert.Equal(t, 201, post(h, status("o1", s)).Code)
	}
	assert.Equal(t, []string{"o1 PARKED", "o1 ON_HOLD"}, l.told(), "a delivery that comes again is not")
	transition, err := h.Feed(t.Context(), order{Reference: "o1", Status: "PARKED"})
	require.NoError(t, err)
	assert.Equal(t, webhook.Advanced, transition)
}

// Without a status, and without a delivery, nothing tells an event from the last one.
func TestFeedNeedsAStatus(t *testing.T) {
	h, l := merchant(t, func(c *setup) {
		c.Source.Identify = func(o order) webhook.Identity { return webhook.Identity{Reference: o.Reference, ID: o.Other} }
	})
	assert.Equal(t, 201, post(h, `{"reference":"o1","other":"1"}`).Code)
	_, err := h.Feed(t.Context(), order{Reference: "o1", Other: "2"})
	require.ErrorIs(t, err, webhook.ErrMalformed)
	assert.Len(t, l.told(), 1)
}

func TestTestDeliveriesAreAcceptedAsTheProvidersOwn(t *testing.T) {
	fiat := []byte(fiatConnectEvent("e-1", "WebhookTransferInStatusEvent", transferIn("TransferStarted")))
	for name, d := range map[string]struct {
		request func(secret string) (*http.Request, error)
		auth    webhook.Authenticator
	}{
		"BitPesa": {func(secret string) (*http.Request, error) {
			return webhook.NewBitPesaTestDelivery(bitpesaURL, webhook.BitPesaKey{Key: "test-key", Secret: secret}, []byte(`{"event":"transaction.paid_in","object":{"id":"t-1"}}`))
		}, webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Key: "test-key", Secret: "right"})},
		"Kotani v3": {func(secret string) (*http.Request, error) {
			return webhook.NewKotaniV3TestDelivery("https://shop.example/kotani", secret, "transaction.deposit.status.updated", []byte(v3Data))
		}, webhook.KotaniV3Signature("right")},
		"FiatConnect": {func(secret string) (*http.Request, error) {
			return webhook.NewFiatConnectTestDelivery("https://shop.example/fc", secret, noon, fiat)
		}, webhook.FiatConnectSignature(webhook.SignatureConfig{Now: atNoon}, "right")},
	} {
		for secret, want := range map[string]error{"right": nil, "wrong": webhook.ErrUnauthenticated} {
			r, err := d.request(secret)
			require.NoError(t, err, name)
			body, err := webhook.ReadBody(nil, r, 0)
			require.NoError(t, err, name)
			_, err = webhook.Verify(r, body, d.auth)
			assert.ErrorIs(t, err, want, name)
		}
	}
	_, err := webhook.NewKotaniV3TestDelivery(":", "s", "e", []byte("{}"))
	require.Error(t, err)
	event, err := webhook.KotaniV3().Decode([]byte(strings.TrimSpace(v3Body())))
	require.NoError(t, err)
	assert.Equal(t, kotani.StatusSuccessful, event.Status)
}

// A turn that comes at the very moment in which the wait ends goes to the next.
func TestATurnThatComesTooLateIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
		keep := func(_ context.Context, _ *sql.Tx, known webhook.Record) (webhook.Record, error) { return known, nil }
		for i := range 100 {
			claim := webhook.Claim{Provider: "shop", Reference: fmt.Sprint("o", i), Wait: time.Second, Timeout: time.Minute}
			var both sync.WaitGroup
			both.Go(func() {
				_ = inbox.Do(t.Context(), claim, func(_ context.Context, _ *sql.Tx, known webhook.Record) (webhook.Record, error) {
					pass(time.Second)
					return known, nil
				})
			})
			synctest.Wait()
			both.Go(func() { _ = inbox.Do(t.Context(), claim, keep) })
			both.Wait()
			require.NoError(t, inbox.Do(t.Context(), claim, keep))
		}
	})
}

// blocked is a database that lets nobody in, and does not listen to a context.
type blocked struct{ asked, until chan struct{} }

func (b blocked) Connect(context.Context) (driver.Conn, error) {
	close(b.asked)
	<-b.until
	return nil, errors.New("closed")
}

func (blocked) Driver() driver.Driver { return nil }

func TestACheckWaitsNoLongerThanItsContext(t *testing.T) {
	b := blocked{make(chan struct{}), make(chan struct{})}
	db := sql.OpenDB(b)
	defer db.Close()
	inbox, err := webhook.NewSQLInbox(db, webhook.PostgreSQL)
	require.NoError(t, err)
	first := make(chan error)
	go func() { first <- inbox.Check(t.Context()) }()
	<-b.asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, inbox.Check(ctx), context.Canceled, "while the first check is under way")
	close(b.until)
	require.Error(t, <-first)
}
