package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

const capabilityKey = "a key of at least 16 bytes"

// collections is a merchant at the fake KPay who mints a postback URL for each
// payment, and all he was told.
type collections struct {
	*kpaytest.Fake
	client  *kpay.Client
	handler *webhook.Handler[kpay.Payment]
	caps    *webhook.Capabilities
	reports reports

	mu   sync.Mutex
	told []webhook.Event[kpay.Payment]
}

func newCollections(t *testing.T, cfg kpaytest.Config) *collections {
	t.Helper()
	c := &collections{}
	cfg.Options.Callbacks = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) })
	c.Fake = kpaytest.NewServer(t, cfg)
	var err error
	c.caps, err = webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay"}, capabilityKey)
	require.NoError(t, err)
	clientConfig := c.ClientConfig()
	clientConfig.CallbackURL = c.caps.Mint
	c.client, err = kpay.New(clientConfig)
	require.NoError(t, err)
	c.handler, err = webhook.NewKPay(c.client, webhook.Config[kpay.Payment]{
		Auth:   c.caps,
		Report: c.reports.add,
		Handle: func(_ context.Context, ev webhook.Event[kpay.Payment]) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.told = append(c.told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	return c
}

func (c *collections) pay(t *testing.T, refID string) {
	t.Helper()
	_, err := c.client.Pay(t.Context(), kpay.PayParams{
		RefID: refID, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "customer@example.com",
		CustomerName: "John Doe", CustomerNumber: "123456789", Details: "Order", RedirectURL: "https://shop.example/thanks",
	})
	require.NoError(t, err)
}

// heard lists what the merchant was told: refid, state, code.
func (c *collections) heard() []string {
	c.Flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, ev := range c.told {
		out = append(out, ev.Reference+" "+ev.Status+" "+string(ev.Data.Status))
	}
	return out
}

// forge posts a body to the URL that was minted for a payment.
func (c *collections) forge(t *testing.T, refID, body string) int {
	t.Helper()
	p, ok := c.Payment(refID)
	require.True(t, ok)
	return postTo(c.handler, p.PostbackURL, body).Code
}

func (c *collections) asked() int {
	n := 0
	for _, r := range c.Requests() {
		if strings.Contains(r.RequestBody, "checkstatus") {
			n++
		}
	}
	return n
}

func TestKPayPostbacksAreConfirmedAndAcknowledgedInEveryForm(t *testing.T) {
	for _, format := range []kpaytest.PostbackFormat{kpaytest.PostbackJSON, kpaytest.PostbackFormLabelled, kpaytest.PostbackForm} {
		t.Run(string(format), func(t *testing.T) {
			c := newCollections(t, kpaytest.Config{Quirks: kpaytest.Quirks{PostbackFormat: format, OtherTID: true, OmitPayAccount: true}})
			c.pay(t, "order-1")
			c.Advance(10 * time.Second)
			require.Equal(t, []string{"order-1 01 01"}, c.heard())
			ev := c.told[0]
			assert.Equal(t, webhook.Confirmed, ev.Trust)
			assert.Equal(t, webhook.Advanced, ev.Transition)
			assert.NotEmpty(t, ev.Data.ProcessorID)
			require.Len(t, c.Deliveries(), 1)
			assert.Equal(t, fake.DeliveryDelivered, c.Deliveries()[0].State, "the fake wants reply OK and the right ids")
			assert.Equal(t, 1, c.asked())
		})
	}
}

func TestKPayIsAcknowledgedInItsOwnWords(t *testing.T) {
	c := newCollections(t, kpaytest.Config{})
	c.pay(t, "order-1")
	require.NoError(t, c.MovePayment("order-1", kpay.CodePaid))
	c.Flush()
	p, _ := c.Payment("order-1")
	w := postTo(c.handler, p.PostbackURL, `{"tid":"A1","refid":"order-1","statusid":"01"}`)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, `{"tid":"A1","refid":"order-1","reply":"OK"}`, w.Body.String())
}

func TestTheDocumentsPostbackGetsTheDocumentsAnswer(t *testing.T) {
	posted, err := os.ReadFile("../testdata/kpay/postback_paid.json")
	require.NoError(t, err)
	want, err := os.ReadFile("../testdata/kpay/postback_answer.json")
	require.NoError(t, err)
	h, err := webhook.NewKPay(paidPayments{}, goodConfig[kpay.Payment]())
	require.NoError(t, err)
	w := post(h, string(posted))
	require.Equal(t, 200, w.Code)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, want))
	assert.Equal(t, compact.String(), w.Body.String())
}

// paidPayments is an API that says of each payment that it is paid.
type paidPayments struct{}

func (paidPayments) Find(_ context.Context, refID string) (*kpay.Payment, error) {
	return &kpay.Payment{RefID: refID, Status: kpay.CodePaid}, nil
}

func TestKPayFailuresKeepTheirCode(t *testing.T) {
	for _, code := range []kpay.Code{kpay.CodeFailed, "682"} {
		c := newCollections(t, kpaytest.Config{})
		c.pay(t, "order-1")
		require.NoError(t, c.MovePayment("order-1", code))
		assert.Equal(t, []string{"order-1 02 " + string(code)}, c.heard())
	}
}

func TestKPayDuplicatesTakeEffectOnce(t *testing.T) {
	c := newCollections(t, kpaytest.Config{})
	require.NoError(t, c.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDuplicate}))
	c.pay(t, "order-1")
	c.Advance(10 * time.Second)
	require.NoError(t, c.Redeliver(c.Deliveries()[0].ID))
	assert.Equal(t, []string{"order-1 01 01"}, c.heard())
	assert.GreaterOrEqual(t, len(c.Deliveries()[0].Attempts), 3)
}

func TestKPayNonFinalPostbacksAreNoPayment(t *testing.T) {
	c := newCollections(t, kpaytest.Config{})
	c.pay(t, "order-1")
	assert.Equal(t, 200, c.forge(t, "order-1", `{"refid":"order-1","statusid":"03"}`))
	assert.Equal(t, []string{"order-1 03 03"}, c.heard())
	c.Advance(10 * time.Second)
	assert.Equal(t, 200, c.forge(t, "order-1", `{"refid":"order-1","statusid":"0"}`), "late ones are acknowledged")
	assert.Equal(t, []string{"order-1 03 03", "order-1 01 01"}, c.heard())
}

func TestKPayForgeriesAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollections(t, kpaytest.Config{})
		c.pay(t, "order-1")
		c.pay(t, "order-2")
		paid := `{"tid":"A1","refid":"order-1","statusid":"01"}`

		for range 100 {
			assert.Equal(t, 401, postTo(c.handler, "https://shop.example/hooks/kpay/guess", paid).Code)
		}
		assert.Equal(t, 422, c.forge(t, "order-2", paid), "another payment's URL")
		assert.Zero(t, c.asked(), "strangers make nobody ask")

		assert.Equal(t, 503, c.forge(t, "order-1", paid), "KPay says it is pending")
		assert.Equal(t, 3, c.asked())
		assert.ErrorIs(t, c.reports.last(), webhook.ErrNotConfirmed)
		assert.Equal(t, 200, c.forge(t, "order-1", `{"tid":"A1","statusid":"01"}`), "its URL names the payment")
		assert.Equal(t, 200, c.forge(t, "order-1", `{"refid":"order-1","statusid":"02","statusid":"01"}`), "two minds about the status")
		assert.Equal(t, 5, c.asked())
		assert.Equal(t, []string{"order-1 03 03"}, c.heard(), "which is true")
	})
}

func TestWhatKPayTakesBackIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payments := map[string]kpay.Code{}
		var told []string
		cfg := goodConfig[kpay.Payment]()
		cfg.Handle = func(_ context.Context, ev webhook.Event[kpay.Payment]) error {
			told = append(told, ev.Status+" "+string(ev.Transition))
			return nil
		}
		h, err := webhook.NewKPay(findPayment(func(refID string) (*kpay.Payment, error) {
			return &kpay.Payment{RefID: refID, Status: payments[refID]}, nil
		}), cfg)
		require.NoError(t, err)
		for _, code := range []kpay.Code{"03", "02", "01", "02"} {
			payments["order-1"] = code
			assert.Equal(t, 200, post(h, fmt.Sprintf(`{"refid":"order-1","statusid":%q}`, code)).Code)
		}
		assert.Equal(t, []string{"03 advanced", "02 advanced", "01 corrected", "02 reversed"}, told)
	})
}

type findPayment func(refID string) (*kpay.Payment, error)

func (f findPayment) Find(_ context.Context, refID string) (*kpay.Payment, error) { return f(refID) }

func TestALostKPayPostbackIsFoundByWaitAndByTheReconciler(t *testing.T) {
	c := newCollections(t, kpaytest.Config{Scenario: fake.ScenarioLost})
	c.pay(t, "order-1")
	reconciler, err := webhook.NewReconciler(webhook.ReconcilerConfig[kpay.Payment]{
		Handler: c.handler, Now: c.Now,
		Open: func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("order-1", nil) }
		},
	})
	require.NoError(t, err)
	sweep, err := reconciler.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 1, Asked: 1, Applied: 1}, sweep)

	c.Advance(time.Minute)
	assert.Empty(t, c.Deliveries())
	payment, err := c.client.Wait(t.Context(), "order-1")
	require.NoError(t, err)
	assert.True(t, payment.Status.Paid())

	sweep, err = reconciler.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, sweep.Applied)
	assert.Equal(t, []string{"order-1 03 03", "order-1 01 01"}, c.heard())
	transition, err := c.handler.Feed(t.Context(), *payment)
	require.NoError(t, err)
	assert.Equal(t, webhook.Duplicate, transition, "whoever comes first")
}
