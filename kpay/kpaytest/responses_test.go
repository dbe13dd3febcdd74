package kpaytest_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Each quirk changes what it says and nothing else.
func TestQuirks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		quirks                 kpaytest.Quirks
		pending, status, error string // the keys that differ
	}{
		"none":               {},
		"blank url":          {kpaytest.Quirks{BlankURL: true}, `{"url":" "}`, `{}`, `{}`},
		"numbers as strings": {kpaytest.Quirks{NumbersAsStrings: true}, `{"success":"1","retcode":"000"}`, `{}`, `{"success":"0","retcode":"608"}`},
		"strings as numbers": {kpaytest.Quirks{StringsAsNumbers: true}, `{"refid":77}`, `{"refid":77,"statusid":3}`, `{"refid":77}`},
		"success as bool":    {kpaytest.Quirks{SuccessAsBool: true}, `{"success":true}`, `{}`, `{"success":false}`},
		"bool over string":   {kpaytest.Quirks{SuccessAsBool: true, NumbersAsStrings: true}, `{"success":true,"retcode":"000"}`, `{}`, `{"success":false,"retcode":"608"}`},
		"padded":             {kpaytest.Quirks{PadValues: true}, `{"reply":" PENDING ","refid":" 77 "}`, `{"refid":" 77 ","statusid":" 03 ","statusdesc":" Pending transaction. ","momtransactionid":"  "}`, `{"reply":" Duplicate refid used ","tid":" E ","refid":" 77 ","url":"   "}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, quirky := newMerchant(t, kpaytest.Config{}), newMerchant(t, kpaytest.Config{Quirks: tc.quirks})
			for _, step := range []struct {
				body object
				diff string
			}{
				{order(object{"refid": "77"}), tc.pending},
				{object{"action": "checkstatus", "refid": "77"}, tc.status},
				{order(object{"refid": "77"}), tc.error},
			} {
				want, got := plain.call(step.body), quirky.call(step.body)
				if step.diff != "" {
					maps.Copy(want, parse(t, step.diff))
				}
				if tc.quirks.PadValues { // drawn ids: the diffs above cannot name them
					for _, o := range []object{want, got} {
						maps.DeleteFunc(o, func(key string, v any) bool {
							text, _ := v.(string)
							return key == "authkey" || strings.TrimSpace(text) != "E" && key == "tid" || strings.Contains(text, "//")
						})
					}
				}
				assert.Equal(t, want, got)
			}
		})
	}
}

func TestMinimalErrors(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{MinimalErrors: true}})
	assert.Equal(t, parse(t, `{"reply":"TARGET_AUTHORIZATION_ERROR","retcode":606}`), m.pay(object{"msisdn": "0783300008"}))
	assert.Equal(t, parse(t, `{"reply":"Unknown retailer","retcode":604}`), m.pay(object{"retailerid": "1", "refid": "n"}))
	assert.Contains(t, m.pay(object{"refid": "n"}), "success", "what went well is not cut")
}

func TestQuirksReachPostbacks(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{StringsAsNumbers: true}})
	m.pay(object{"refid": "77"})
	m.Advance(10 * time.Second)
	posts := m.postbacks()
	require.Len(t, posts, 1, "an acknowledgement that repeats the numbers is taken")
	assert.Contains(t, posts[0].body, `"refid":77,"statusdesc"`)
	assert.Contains(t, posts[0].body, `"statusid":1,`)
}

// The requests of the document's samples are carried out and the responses have
// the shape of its sample responses: the same keys, values of the same kind.
func TestResponsesHaveTheShapeOfTheDocumentsSamples(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OtherTID: true}})

	pending := m.call(sample(t, "pay_request"))
	want := sample(t, "pay_pending")
	assert.Equal(t, faketest.Shape(want), faketest.Shape(pending))
	for _, name := range []string{"reply", "success", "refid", "retcode"} {
		assert.Equal(t, want[name], pending[name], name)
	}
	assert.Regexp(t, `^E[1-9][0-9]{15}$`, pending["tid"])
	assert.Regexp(t, `^[0-9a-z]{26}$`, pending["authkey"])
	assert.Regexp(t, `^http://kpay\.localhost/checkout/A[1-9][0-9]{10}$`, pending["url"])

	unknown := m.call(sample(t, "status_request"))
	assert.Equal(t, sample(t, "status_not_found"), unknown)

	m.Advance(10 * time.Second)
	posts := m.postbacks()
	require.Len(t, posts, 1)
	paid := parse(t, posts[0].body)
	want = sample(t, "postback_paid")
	assert.Equal(t, faketest.Shape(want), faketest.Shape(paid))
	assert.Equal(t, want["statusid"], paid["statusid"])
	assert.Equal(t, want["statusdesc"], paid["statusdesc"])
	assert.Equal(t, want["payaccount"], paid["payaccount"])
	assert.Regexp(t, `^A[1-9][0-9]{11}$`, paid["tid"])
	assert.Equal(t, paid, m.status("15947234071471114"), "a status response has the shape of a postback")
}

// The document's acknowledgement, with the ids of the postback, is the one that
// is taken.
func TestTheDocumentsAcknowledgementIsTaken(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{Quirks: kpaytest.Quirks{OtherTID: true}})
	ack := sample(t, "postback_answer")
	m.respond = func(_ int, body object) (int, any) {
		assert.Len(t, ack, 3)
		return 200, object{"tid": body["tid"], "refid": body["refid"], "reply": ack["reply"]}
	}
	m.pay(nil)
	m.Advance(10 * time.Second)
	require.Len(t, m.Deliveries(), 1)
	assert.EqualValues(t, "delivered", m.Deliveries()[0].State)
}

// The client sees the same payment through every quirk of the fake.
func TestClientSeesThroughEveryQuirk(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]kpaytest.Config{
		"none":               {},
		"api key":            {APIKey: "k"},
		"blank url":          {Quirks: kpaytest.Quirks{BlankURL: true}},
		"numbers as strings": {Quirks: kpaytest.Quirks{NumbersAsStrings: true}},
		"strings as numbers": {Quirks: kpaytest.Quirks{StringsAsNumbers: true}},
		"success as bool":    {Quirks: kpaytest.Quirks{SuccessAsBool: true}},
		"padded":             {Quirks: kpaytest.Quirks{PadValues: true}},
		"minimal errors":     {Quirks: kpaytest.Quirks{MinimalErrors: true}},
		"other tid":          {Quirks: kpaytest.Quirks{OtherTID: true}},
		"no payaccount":      {Quirks: kpaytest.Quirks{OmitPayAccount: true}},
		"HTTP 401":           {Quirks: kpaytest.Quirks{HTTP401: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kpaytest.NewServer(t, cfg)
			client, err := kpay.New(srv.ClientConfig())
			require.NoError(t, err)
			pay := func(refID, msisdn string) (*kpay.Payment, error) {
				return client.Pay(t.Context(), kpay.PayParams{
					RefID: refID, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: msisdn,
					Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "1", Details: "Order",
					ReturnURL: "http://127.0.0.1:1/nobody", RedirectURL: "https://shop.example/thanks",
				})
			}
			p, err := pay("77", "0783300000")
			require.NoError(t, err)
			assert.True(t, p.Status.Pending())
			assert.Equal(t, "77", p.RefID)
			assert.Equal(t, cfg.Quirks.BlankURL, p.CheckoutURL == "")

			p, err = client.Find(t.Context(), "77")
			require.NoError(t, err)
			assert.Equal(t, kpay.CodePending, p.Status)

			srv.Advance(10 * time.Second)
			p, err = client.Wait(t.Context(), "77")
			require.NoError(t, err)
			assert.Equal(t, kpay.CodePaid, p.Status)
			assert.NotEmpty(t, p.ProcessorID)

			p, err = pay("77", "0783300000")
			require.NoError(t, err)
			assert.True(t, p.Existing && p.Unverified, "a duplicate is the payment that was made")
			_, err = pay("78", "0783300008")
			require.ErrorIs(t, err, sdk.ErrDeclined)
			_, err = client.Find(t.Context(), "none")
			require.ErrorIs(t, err, sdk.ErrNotFound)
			p, err = pay("79", "0783300006")
			require.NoError(t, err)
			assert.True(t, p.Status.Paid())
			faketest.WantMoney(t, "8400", srv.Balance("02", "RWF"))
		})
	}
}
