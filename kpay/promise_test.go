package kpay_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// writes has an entry per operation that moves money.
var writes = map[string]func(context.Context, *kpay.Client) (*kpay.Payment, error){
	kpay.OpPay: func(ctx context.Context, c *kpay.Client) (*kpay.Payment, error) {
		p := validPay()
		p.ReturnURL += clienttest.Variant(ctx)
		return c.Pay(ctx, p)
	},
}

func TestEveryWriteIsInTheMatrix(t *testing.T) {
	for _, op := range kpay.Operations() {
		if op.MovesMoney {
			assert.Contains(t, writes, op.Name)
			assert.Equal(t, sdk.Referenced, op.Class)
		}
	}
}

// isPay picks the requests that ask for money.
func isPay(req *http.Request) bool {
	body, err := io.ReadAll(req.Body)
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	return err == nil && strings.Contains(string(body), `"action":"pay"`)
}

// failures are what happens to one request for money.
var failures = map[string]*clienttest.Held{
	"held back":                              {},
	"held back, empty 499":                   {Reply: respond(499, "")},
	"held back, HTML 502":                    {Reply: respond(502, "<h1>502</h1>")},
	"held back, foreign 429":                 {Reply: respond(429, `{"message":"slow down"}`)},
	"held back, a 429 with a reply":          {Reply: respond(429, `{"reply":"slow"}`)},
	"held back, a 429, no known code":        {Reply: respond(429, `{"retcode":"ABC"}`)},
	"held back, a 429, yes and no":           {Reply: respond(429, `{"retcode":"0","success":false}`)},
	"held back, a 429, pending and failed":   {Reply: respond(429, `{"reply":"PENDING","statusid":"03","retcode":"606"}`)},
	"held back, foreign JSON":                {Reply: respond(499, `{"errors":["client closed request"]}`)},
	"held back, success alone":               {Reply: respond(200, `{"success":true}`)},
	"held back, another payment's yes":       {Reply: respond(200, `{"success":1,"retcode":0,"refid":"order-2"}`)},
	"held back, another payment's no":        {Reply: respond(200, `{"reply":"x","success":0,"retcode":606,"refid":"order-2"}`)},
	"held back, a 401 of somebody":           {Reply: respond(401, "", "WWW-Authenticate", "Basic")},
	"lost after the work":                    {Arrives: true},
	"done, HTML 502":                         {Arrives: true, Reply: respond(502, "<h1>502</h1>")},
	"done, empty 403":                        {Arrives: true, Reply: respond(403, "")},
	"done, empty 404":                        {Arrives: true, Reply: respond(404, "")},
	"done, plain upstream error":             {Arrives: true, Reply: respond(503, "upstream connect error")},
	"done, 422 without a word":               {Arrives: true, Reply: respond(422, "{}")},
	"done, an unknown code":                  {Arrives: true, Reply: respond(200, `{"success":0,"retcode":699}`)},
	"done, and the throttle meets a repeat":  {Arrives: true, Reply: respond(429, `{"reply":"Too Many Requests"}`)},
	"done, a lookup's not found":             {Arrives: true, Reply: respond(200, unknown)},
	"done, a lookup's not found, in short":   {Arrives: true, Reply: respond(200, `{"reply":"Transaction not found","success":0,"retcode":611}`)},
	"done, a lookup's not found, a 404":      {Arrives: true, Reply: respond(404, `{"retcode":"611"}`)},
	"done, a lookup's not found of it":       {Arrives: true, Reply: respond(200, `{"success":1,"statusid":"611","refid":"order-1"}`)},
	"done, no and pending":                   {Arrives: true, Reply: respond(200, `{"reply":"PENDING","refid":"order-1","retcode":606}`)},
	"done, no and paid":                      {Arrives: true, Reply: respond(200, `{"statusdesc":"SUCCESSFUL","retcode":603}`)},
	"done, some payment's no":                {Arrives: true, Reply: respond(200, `{"success":0,"retcode":606,"statusmsg":"Not enough funds"}`)},
	"done, and a repeat is declined":         {Arrives: true, Reply: respond(200, `{"success":0,"retcode":606,"refid":"order-1","statusmsg":"Not enough funds"}`)},
	"done, and a repeat is not listed":       {Arrives: true, Reply: respond(200, `{"reply":"x","retcode":602}`)},
	"done, and a repeat has no parameter":    {Arrives: true, Reply: respond(200, `{"reply":"missing","retcode":603}`)},
	"done, and a repeat has no retailer":     {Arrives: true, Reply: respond(200, `{"reply":"x","retcode":604}`)},
	"done, another payment's no":             {Arrives: true, Reply: respond(200, `{"success":0,"retcode":603,"refid":"order-2"}`)},
	"done, and a repeat meets the reference": {Arrives: true, Reply: respond(200, `{"reply":"Duplicate refid used","retcode":608}`)},
}

func TestNoFailureMakesAPayerPayTwiceAndNoErrorLies(t *testing.T) {
	before := map[string][]step{
		"fresh":         nil,
		"after a 429":   {respond(429, `{"reply":"Too Many Requests"}`)},
		"after a crash": nil,
	}
	for op, write := range writes {
		for failed, held := range failures {
			for when, first := range before {
				t.Run(op+", "+failed+", "+when, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := clienttest.Held{Match: isPay, Before: slices.Clone(first), Times: 1, Reply: held.Reply, Arrives: held.Arrives}
						w := newWorld(t, kpaytest.Config{}, func(c *kpay.Config) {
							h.Next = c.HTTPClient.Transport
							c.HTTPClient = &http.Client{Transport: &h}
						})
						ctx := t.Context()
						if when == "after a crash" {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
							defer cancel()
						}
						payment, err := write(ctx, w.client)
						settle := func() []string {
							require.NoError(t, h.Deliver())
							pause(t, time.Minute)
							require.NoError(t, w.CheckLedger())
							var ids []string
							for _, e := range w.Debits("order-1") {
								ids = append(ids, e.ID)
							}
							return ids
						}
						debits := settle()
						assert.LessOrEqual(t, len(debits), 1)
						switch {
						case err == nil:
							assert.Len(t, debits, 1, "a success moves money")
							assert.Equal(t, "order-1", payment.RefID)
						case errors.Is(err, sdk.ErrNotSent), errors.Is(err, sdk.ErrRejected):
							assert.Empty(t, debits, "%v", err)
						default:
							assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
							assert.Equal(t, sdk.Look, sdk.Advise(err))
						}

						fresh, err := kpay.New(w.ClientConfig())
						require.NoError(t, err)
						payment, err = write(t.Context(), fresh)
						require.NoError(t, err, "calling again is right for a referenced write")
						assert.Equal(t, len(debits) == 1, payment.Existing)
						assert.Equal(t, len(debits) == 1, payment.Unverified)
						assert.Len(t, settle(), 1)
					})
				})
			}
		}
	}
}

func TestCallsWhosePostbackURLIsMintedShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kpaytest.Config{}, func(c *kpay.Config) { c.CallbackURL = clienttest.MintEachAnew() })
		p := validPay()
		p.ReturnURL = ""
		require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDelay, Path: "/", Seconds: 1, Times: 1})) // so that all come meanwhile
		done := make(chan error, 8)
		for range cap(done) {
			go func() {
				_, err := w.client.Pay(t.Context(), p)
				done <- err
			}()
		}
		for range cap(done) {
			assert.NoError(t, <-done)
		}
		assert.Len(t, w.Requests(), 1)
		assert.Equal(t, 1, w.collected(t))
	})
}

func TestNoPromiseBreaksForAnyWriteOfTheTable(t *testing.T) {
	var all []clienttest.MoneyWrite
	for op, write := range writes {
		all = append(all, clienttest.MoneyWrite{
			Op: op, Class: sdk.Referenced, Throttle: respond(429, `{"reply":"Too Many Requests"}`),
			Blind: "KPay shows nothing but the refid: TestARefIDUsedBeforeReturnsThatPaymentUnverified", Prepare: func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) func(context.Context) error {
				w := newWorld(t, kpaytest.Config{}, func(c *kpay.Config) { c.HTTPClient = &http.Client{Transport: over(c.HTTPClient.Transport)} })
				return func(ctx context.Context) error {
					_, err := write(ctx, w.client)
					return err
				}
			}})
	}
	clienttest.CheckPromises(t, kpay.Operations(), all)
}
