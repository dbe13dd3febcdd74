package webhook_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// payouts is a payer at the fake Kasapay who mints a callback URL for each
// payout, and all he was told.
type payouts struct {
	*kasapaytest.Fake
	client  *kasapay.Client
	handler *webhook.Handler[kasapay.Payout]
	reports reports

	mu   sync.Mutex
	told []webhook.Event[kasapay.Payout]
}

func newPayouts(t *testing.T, cfg kasapaytest.Config) *payouts {
	t.Helper()
	p := &payouts{}
	cfg.Options.Callbacks = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) })
	p.Fake = kasapaytest.NewServer(t, cfg)
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kasapay", BaseURL: "https://shop.example/hooks/kasapay"}, capabilityKey)
	require.NoError(t, err)
	clientConfig := p.ClientConfig()
	clientConfig.CallbackURL = caps.Mint
	p.client, err = kasapay.New(clientConfig)
	require.NoError(t, err)
	p.handler, err = webhook.NewKasapay(p.client.Payouts, webhook.Config[kasapay.Payout]{
		Auth:   caps,
		Report: p.reports.add,
		Handle: func(_ context.Context, ev webhook.Event[kasapay.Payout]) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	return p
}

func (p *payouts) pay(t *testing.T, reference string) *kasapay.Payout {
	t.Helper()
	payout, err := p.client.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
		Reference: reference, RecipientType: kasapay.BankAccount, RecipientAccountNumber: "0829212345849", RecipientName: "Test Limited",
		AccountReference: "0101", Amount: decimal.NewFromInt(100), Currency: "KES", Country: "KEN", Description: "Flour",
	})
	require.NoError(t, err)
	return payout
}

// heard lists what the payer was told: reference, status and what it means.
func (p *payouts) heard() []string {
	p.Flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, ev := range p.told {
		out = append(out, ev.Reference+" "+ev.Status+" "+string(ev.Transition))
	}
	return out
}

// forge posts a body to the URL that was minted for a payout.
func (p *payouts) forge(t *testing.T, reference, body string) int {
	t.Helper()
	payout, ok := p.Payout(reference)
	require.True(t, ok)
	return postTo(p.handler, payout.CallbackURL, body).Code
}

func (p *payouts) asked() int {
	n := 0
	for _, r := range p.Requests() {
		if r.Method == http.MethodGet {
			n++
		}
	}
	return n
}

func TestKasapayCallbacksAreConfirmedThroughAllTheirNoise(t *testing.T) {
	for name, cfg := range map[string]kasapaytest.Config{
		"plain":   {},
		"noise":   {Quirks: kasapaytest.Quirks{NumbersAsStrings: true, Nulls: true, ExtraKeys: true, MaskAccountNumbers: true, AmountsAsNumbers: true}},
		"other":   {Quirks: kasapaytest.Quirks{DestinationAsRequested: true, OmitOptional: true, CreatedStatus: true}},
		"minting": {MintReferences: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.PendingCallbacks = true
			p := newPayouts(t, cfg)
			p.pay(t, "ms83-1")
			p.Advance(10 * time.Second)
			require.Equal(t, []string{"ms83-1 703 advanced", "ms83-1 700 advanced"}, p.heard())
			ev := p.told[1]
			assert.Equal(t, webhook.Confirmed, ev.Trust)
			assert.Equal(t, kasapay.BankAccount, ev.Data.Destination)
			assert.True(t, ev.Amount.Valid && ev.Amount.Decimal.Equal(decimal.NewFromInt(100)))
			for _, d := range p.Deliveries() {
				assert.Equal(t, fake.DeliveryDelivered, d.State, "the fake wants exactly 200")
			}
		})
	}
}

func TestKasapayReversalsAfterSuccessArriveAsSuch(t *testing.T) {
	for scenario, want := range map[fake.Scenario][]string{
		fake.ScenarioReversed:              {"ms83-1 700 advanced", "ms83-1 702 reversed"},
		fake.ScenarioRefunded:              {"ms83-1 700 advanced", "ms83-1 705 reversed"},
		kasapaytest.ScenarioJammedPaid:     {"ms83-1 704 advanced", "ms83-1 700 advanced"},
		kasapaytest.ScenarioJammedReversed: {"ms83-1 704 advanced", "ms83-1 702 advanced"},
		fake.ScenarioFailed:                {"ms83-1 701 advanced"},
	} {
		t.Run(string(scenario), func(t *testing.T) {
			p := newPayouts(t, kasapaytest.Config{Scenario: scenario})
			p.pay(t, "ms83-1")
			p.Advance(time.Hour)
			assert.Equal(t, want, p.heard())
		})
	}
}

func TestAKasapayRefundAfterAFailureIsHandedOn(t *testing.T) {
	p := newPayouts(t, kasapaytest.Config{Scenario: fake.ScenarioFailed, Quirks: kasapaytest.Quirks{RefundFailed: true}})
	p.pay(t, "ms83-1")
	p.Advance(10 * time.Second)
	require.NoError(t, p.MovePayout("ms83-1", kasapay.StatusRefunded))
	assert.Equal(t, []string{"ms83-1 701 advanced", "ms83-1 705 advanced"}, p.heard())
}

func TestASuccessAfterAFailureIsACorrectionThoughARefundCouldFollow(t *testing.T) {
	assert.Equal(t, webhook.Corrected, webhook.KasapayStates().Transition("701", "700"))
	assert.Equal(t, webhook.Reversed, webhook.KasapayStates().Transition("700", "701"))
	assert.Equal(t, webhook.Reversed, webhook.KasapayStates().Transition("703", "702"), "the success in between was missed")
}

func TestKasapayCallbacksOutOfOrderNeverGoBackwards(t *testing.T) {
	p := newPayouts(t, kasapaytest.Config{PendingCallbacks: true})
	require.NoError(t, p.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Event: "payout.703"}))
	require.NoError(t, p.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDuplicate, Event: "payout.700"}))
	p.pay(t, "ms83-1")
	p.Advance(10 * time.Second)
	assert.Equal(t, []string{"ms83-1 700 advanced"}, p.heard())
	require.Len(t, p.Deliveries(), 2)
	for _, d := range p.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, d.State, "what is stale is acknowledged")
	}
}

func TestKasapayForgeriesAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPayouts(t, kasapaytest.Config{})
		p.pay(t, "ms83-1")
		p.pay(t, "ms83-2")
		done := `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.00","currency":"KES"}`

		for range 100 {
			assert.Equal(t, 401, postTo(p.handler, "https://shop.example/hooks/kasapay/guess", done).Code)
		}
		assert.Zero(t, p.asked(), "strangers make nobody ask")

		assert.Equal(t, 200, p.forge(t, "ms83-1", `{"payout_reference":"ms83-1","payment_status":701,"payment_status":700}`), "the URL names the payout")
		assert.Equal(t, 503, p.forge(t, "ms83-1", done), "Kasapay says it is pending")
		assert.ErrorIs(t, p.reports.last(), webhook.ErrNotConfirmed)
		assert.Equal(t, 503, p.forge(t, "ms83-2", done), "a knock is about the payout of its URL")
		assert.Equal(t, []string{"ms83-1 703 advanced", "ms83-2 703 advanced"}, p.heard(), "which is true")
	})
}

func TestACallbackByKasapaysOwnReferenceIsAboutThePayoutOfItsURL(t *testing.T) {
	p := newPayouts(t, kasapaytest.Config{MintReferences: true, Scenario: fake.ScenarioLost})
	own := p.pay(t, "ms83-1").GatewayReference
	require.NotEqual(t, "ms83-1", own)
	p.Advance(10 * time.Second)
	assert.Equal(t, 200, p.forge(t, "ms83-1", `{"payout_reference":"`+own+`","payment_status":700}`))
	assert.Equal(t, []string{"ms83-1 700 advanced"}, p.heard())
	assert.Equal(t, "ms83-1", p.told[0].Data.Reference)
}

// Whatever the form of a callback, its capability URL says what it is about.
func TestACapabilityURLIsEnoughForAKnock(t *testing.T) {
	for _, body := range []string{
		`{"externalId":"o1"}`, `{"externalId":"o1","state":"DONE"}`, `{"status":"SUCCESSFUL"}`, `externalId=o1&status=SUCCESSFUL`, `{}`, `[]`,
		`{"payout_reference":"o1"}`, `{"payment_status":700}`, `{"refid":"o1"}`, `{"statusid":"01"}`, `{"refid":"o1\u0000","statusid":"01"}`,
		`{"externalId":"` + strings.Repeat("o", 300) + `"}`, `{"externalId":"o1","status":"A","status":"B"}`, "\xff", `{"externalId":`,
	} {
		for name, newHandler := range map[string]func(auth webhook.Authenticator, told *[]string) (http.Handler, error){
			"kotani": func(auth webhook.Authenticator, told *[]string) (http.Handler, error) {
				b := &books{}
				b.set("o1 Payouts", transaction("o1", "SUCCESSFUL", "20"))
				return webhook.NewKotani(b, kotani.Payouts, telling[kotani.Transaction](auth, told))
			},
			"kasapay": func(auth webhook.Authenticator, told *[]string) (http.Handler, error) {
				return webhook.NewKasapay(&payoutsThatFlip{says: []string{"700"}}, telling[kasapay.Payout](auth, told))
			},
			"kpay": func(auth webhook.Authenticator, told *[]string) (http.Handler, error) {
				return webhook.NewKPay(&flipping{says: []kpay.Code{"01"}}, telling[kpay.Payment](auth, told))
			},
		} {
			t.Run(name+" "+body[:min(len(body), 60)], func(t *testing.T) {
				caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: name, BaseURL: "https://shop.example/hooks"}, capabilityKey)
				require.NoError(t, err)
				var told []string
				h, err := newHandler(webhook.AnyOf(webhook.PathSecret(pathSecret), caps), &told)
				require.NoError(t, err)
				assert.Equal(t, 200, postTo(h, mint(t, caps, webhook.Bound{Reference: "o1"}), body).Code)
				status := map[string]string{"kotani": "SUCCESSFUL", "kasapay": "700", "kpay": "01"}[name]
				assert.Equal(t, []string{"o1 " + status + " advanced confirmed"}, told)
			})
		}
	}
}

// A path secret names no reference, so the body must.
func TestAPathSecretIsNotEnoughForAKnock(t *testing.T) {
	for _, body := range []string{`{"externalId":"o1"}`, `{"status":"SUCCESSFUL"}`, `{}`, `externalId=o1&status=SUCCESSFUL`} {
		var told []string
		b := &books{}
		h, err := webhook.NewKotani(b, kotani.Payouts, telling[kotani.Transaction](webhook.PathSecret(pathSecret), &told))
		require.NoError(t, err)
		assert.Equal(t, 400, post(h, body).Code, body)
		assert.Empty(t, b.asked)
	}
}

// A reference that can be read, and is another than the URL's, is a contradiction, with
// or without a status.
func TestAnotherReferenceThanTheURLsIsRefusedWithoutAStatusAsWell(t *testing.T) {
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://shop.example/hooks"}, capabilityKey)
	require.NoError(t, err)
	f, told, r := &flipping{says: []kpay.Code{"01"}}, []string{}, &reports{}
	cfg := telling[kpay.Payment](caps, &told)
	cfg.Report = r.add
	h, err := webhook.NewKPay(f, cfg)
	require.NoError(t, err)
	for body, status := range map[string]string{`{"refid":"o2","statusid":"01"}`: "01", `{"refid":"o2","statusid":"\u0001"}`: ""} {
		assert.Equal(t, 422, postTo(h, mint(t, caps, webhook.Bound{Reference: "o1"}), body).Code, body)
		var e *webhook.Error
		require.ErrorAs(t, r.last(), &e)
		assert.Equal(t, status, e.Status, "plain text or nothing")
	}
	assert.Zero(t, f.asked)
}

// telling is a configuration that writes down what it is told.
func telling[E any](auth webhook.Authenticator, told *[]string) webhook.Config[E] {
	return webhook.Config[E]{
		Auth: auth, Known: everything,
		Handle: func(_ context.Context, ev webhook.Event[E]) error {
			*told = append(*told, ev.Reference+" "+ev.Status+" "+string(ev.Transition)+" "+ev.Trust.String())
			return nil
		},
	}
}

func TestALostKasapayCallbackIsFoundByWaitAndByTheReconciler(t *testing.T) {
	p := newPayouts(t, kasapaytest.Config{Scenario: fake.ScenarioLost})
	p.pay(t, "ms83-1")
	p.Advance(time.Minute)
	assert.Empty(t, p.Deliveries())
	payout, err := p.client.Payouts.Wait(t.Context(), "ms83-1")
	require.NoError(t, err)
	assert.Equal(t, kasapay.StatusProcessed, payout.Status)

	reconciler, err := webhook.NewReconciler(webhook.ReconcilerConfig[kasapay.Payout]{
		Handler: p.handler, Now: p.Now,
		Open: func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("ms83-1", nil) }
		},
	})
	require.NoError(t, err)
	sweep, err := reconciler.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, sweep.Applied)
	assert.Equal(t, []string{"ms83-1 700 advanced"}, p.heard())
	transition, err := p.handler.Feed(t.Context(), *payout)
	require.NoError(t, err)
	assert.Equal(t, webhook.Duplicate, transition)
}

func TestKasapayIsAnsweredExactly200(t *testing.T) {
	p := newPayouts(t, kasapaytest.Config{Scenario: fake.ScenarioNever})
	p.pay(t, "ms83-1")
	payout, _ := p.Payout("ms83-1")
	w := postTo(p.handler, payout.CallbackURL, `{"payout_reference":"ms83-1","payment_status":703}`)
	assert.Equal(t, 200, w.Code)
	assert.Empty(t, w.Body.String())
}

func TestAKasapayHandlerNeedsSomebodyToAskOrAProof(t *testing.T) {
	_, err := webhook.NewKasapay(nil, webhook.Config[kasapay.Payout]{Handle: func(context.Context, webhook.Event[kasapay.Payout]) error { return nil }})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}
