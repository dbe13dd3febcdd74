package kasapay_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
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

// writes has an entry per operation that moves money.
var writes = map[string]func(context.Context, *kasapay.Client) (*kasapay.Payout, error){
	kasapay.OpInitiate: func(ctx context.Context, c *kasapay.Client) (*kasapay.Payout, error) {
		p := validPayout()
		p.Description += clienttest.Variant(ctx)
		switch clienttest.Other(ctx) {
		case "amount":
			p.Amount = p.Amount.Add(decimal.NewFromInt(1))
		case "currency":
			p.Currency = "UGX"
		case "kind":
			p.RecipientType = kasapay.Till
		case "account":
			p.RecipientAccountNumber, p.AccountReference = "777777", "9"
		}
		return c.Payouts.Create(ctx, p)
	},
}

func TestEveryWriteIsInTheMatrix(t *testing.T) {
	for _, op := range kasapay.Operations() {
		if op.MovesMoney {
			assert.Contains(t, writes, op.Name)
			assert.Equal(t, sdk.Referenced, op.Class)
		}
	}
}

// isInitiate picks the requests that ask for money.
func isInitiate(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/initiate") }

var throttled = respond(429, `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`)

// failures are what happens to one request for money.
var failures = map[string]*clienttest.Held{
	"held back":                               {},
	"held back, empty 499":                    {Reply: respond(499, "")},
	"held back, HTML 502":                     {Reply: respond(502, "<h1>502</h1>")},
	"held back, foreign 429":                  {Reply: respond(429, `{"message":"slow down"}`)},
	"held back, foreign JSON":                 {Reply: respond(499, `{"errors":["client closed request"]}`)},
	"held back, an acceptance without code":   {Reply: respond(200, `{"success":true}`)},
	"held back, another payout's acceptance":  {Reply: respond(200, `{"response_code":720,"amount":"7.00"}`)},
	"held back, another gateway's 401":        {Reply: respond(401, `{"statusCode":401,"message":"Access denied"}`)},
	"lost after the work":                     {Arrives: true},
	"done, HTML 502":                          {Arrives: true, Reply: respond(502, "<h1>502</h1>")},
	"done, empty 403":                         {Arrives: true, Reply: respond(403, "")},
	"done, empty 404":                         {Arrives: true, Reply: respond(404, "")},
	"done, plain upstream error":              {Arrives: true, Reply: respond(503, "upstream connect error")},
	"done, 422 without a word":                {Arrives: true, Reply: respond(422, "{}")},
	"done, an unknown code":                   {Arrives: true, Reply: respond(200, `{"response_code":799}`)},
	"done, and the throttle meets a repeat":   {Arrives: true, Reply: throttled},
	"done, and a repeat meets the reference":  {Arrives: true, Reply: respond(409, `{"statusCode":409,"message":"Conflict","error":"Conflict"}`)},
	"done, and a repeat is refused otherwise": {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"REFERENCE_LOCKED"}`)},
	"done, and a repeat has no funds":         {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"INSUFFICIENT_FUNDS"}`)},
	"done, and a repeat has no service":       {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED"}`)},
	"done, another payout's refusal":          {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED","payout_reference":"OTHER"}`)},
	"done, another payout's lack of funds":    {Arrives: true, Reply: respond(200, `{"response_code":721,"response_description":"Insufficient funds","payout_reference":"OTHER"}`)},
	"done, another payout's bad field":        {Arrives: true, Reply: respond(400, `{"statusCode":400,"message":["amount must be a string"],"error":"Bad Request","payout_reference":"OTHER"}`)},
	"done, some payout's refusal":             {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED","payout_reference":{"a":1}}`)},
	"done, a refusal and a status":            {Arrives: true, Reply: respond(200, `{"response_code":721,"error_code":"SERVICE_NOT_ALLOWED","payment_status":703}`)},
	"done, a refusal and a receipt":           {Arrives: true, Reply: respond(200, `{"response_code":721,"response_description":"Insufficient funds","payment_reference":"TQLXMNSBBYSF"}`)},
	"done, a refused token and a status":      {Arrives: true, Reply: respond(401, `{"statusCode":401,"message":"Unauthorized","payment_status":700}`)},
	"done, a bad field and an acceptance":     {Arrives: true, Reply: respond(200, `{"statusCode":400,"message":"amount must be a string","error":"Bad Request","response_code":720}`)},
	"held back, an acceptance and a refusal":  {Reply: respond(200, `{"payout_reference":"ms83-1","response_code":720,"response_description":"Insufficient funds","error_code":"SERVICE_NOT_ALLOWED"}`)},
	"held back, an acceptance and an error":   {Reply: respond(200, `{"payout_reference":"ms83-1","response_code":720,"error":"Bad Request","message":"no"}`)},
	"held back, an acceptance and a failure":  {Reply: respond(200, `{"payout_reference":"ms83-1","response_code":720,"payment_status":701}`)},
	"done, a lookup's unknown reference":      {Arrives: true, Reply: respond(200, `{"response_code":721,"response_description":"Invalid payout reference"}`)},
	"done, a load balancer's lack of targets": {Arrives: true, Reply: respond(400, `{"statusCode":400,"error":"Bad Request","message":"not enough healthy targets behind the load balancer"}`)},
	"done, a lack of rights to refunds":       {Arrives: true, Reply: respond(400, `{"statusCode":400,"error":"Bad Request","message":"insufficient permissions to read the balance"}`)},
	"done, and the token is refused":          {Arrives: true, Reply: respond(401, badToken)},
}

func TestNoFailurePaysTwiceAndNoErrorLies(t *testing.T) {
	before := map[string][]step{
		"fresh":         nil,
		"after a 401":   {respond(401, badToken)},
		"after a 429":   {throttled},
		"after a crash": nil,
	}
	for op, write := range writes {
		for failed, held := range failures {
			for when, first := range before {
				t.Run(op+", "+failed+", "+when, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := clienttest.Held{Match: isInitiate, Before: slices.Clone(first), Times: 1, Reply: held.Reply, Arrives: held.Arrives}
						w := newWorld(t, kasapaytest.Config{}, func(c *kasapay.Config) {
							h.Next = c.HTTPClient.Transport
							c.HTTPClient = &http.Client{Transport: &h}
						})
						ctx := t.Context()
						if when == "after a crash" {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
							defer cancel()
						}
						payout, err := write(ctx, w.client)
						settle := func() []string {
							require.NoError(t, h.Deliver())
							wait(t, time.Minute)
							require.NoError(t, w.CheckLedger())
							var ids []string
							for _, e := range w.Debits("ms83-1") {
								ids = append(ids, e.ID)
							}
							return ids
						}
						debits := settle()
						assert.LessOrEqual(t, len(debits), 1)
						switch {
						case err == nil:
							assert.Len(t, debits, 1, "a success moves money")
							assert.Equal(t, "ms83-1", payout.Reference)
						case errors.Is(err, sdk.ErrNotSent), errors.Is(err, sdk.ErrRejected):
							assert.Empty(t, debits, "%v", err)
						default:
							assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
							assert.Equal(t, sdk.Look, sdk.Advise(err))
						}

						fresh, err := kasapay.New(w.ClientConfig())
						require.NoError(t, err)
						payout, err = write(t.Context(), fresh)
						require.NoError(t, err, "calling again is right for a referenced write")
						assert.Equal(t, len(debits) == 1, payout.Existing)
						assert.False(t, payout.Unverified)
						assert.Len(t, settle(), 1)
					})
				})
			}
		}
	}
}

// The first payout has emptied the float at which Kasapay looks before the reference. So
// the same call again, after a crash, is refused for lack of funds.
func TestAPayoutThatEmptiedTheFloatIsFoundAgain(t *testing.T) {
	for _, floatFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			lost := clienttest.Held{Match: isInitiate, Times: 1, Arrives: true}
			w := newWorld(t, kasapaytest.Config{
				Balances: map[string]decimal.Decimal{"KES": decimal.NewFromInt(150)}, RefuseBeyondFloat: true, Quirks: kasapaytest.Quirks{FloatFirst: floatFirst},
			}, func(c *kasapay.Config) {
				lost.Next = c.HTTPClient.Transport
				c.HTTPClient = &http.Client{Transport: &lost}
			})
			prepared, err := w.client.Payouts.Prepare(validPayout())
			require.NoError(t, err)
			_, err = prepared.Send(t.Context(), prepared.Body)
			require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)

			fresh, err := kasapay.New(w.ClientConfig())
			require.NoError(t, err)
			payout, err := fresh.Payouts.Create(t.Context(), validPayout())
			require.NoError(t, err)
			assert.True(t, payout.Existing)
			other := validPayout()
			other.Reference = "ms83-2"
			_, err = fresh.Payouts.Create(t.Context(), other)
			require.ErrorIs(t, err, sdk.ErrInsufficientFunds, "the float is short indeed")
			require.ErrorIs(t, err, sdk.ErrRejected)
			wait(t, time.Minute)
			assert.Len(t, w.Debits("ms83-1"), 1)
			assert.Empty(t, w.Debits("ms83-2"))
		})
	}
}

// The other side: a refusal that names this payout, or none, is a refusal.
func TestARefusalIsThatOfThePayoutItNames(t *testing.T) {
	for body, own := range map[string]bool{
		`{"response_code":721,"response_description":"%s"}`:                             true,
		`{"response_code":721,"response_description":"%s","payout_reference":null}`:     true,
		`{"response_code":721,"response_description":"%s","payout_reference":"ms83-1"}`: true,
		`{"response_code":721,"response_description":"%s","payout_reference":"OTHER"}`:  false,
		`{"response_code":721,"response_description":"%s","payout_reference":[]}`:       false,
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := newClient(t, []step{respond(200, strings.Replace(body, "%s", "Insufficient funds", 1)), respond(200, unknown)})
			_, err := c.Payouts.Create(t.Context(), validPayout())
			assert.Equal(t, own, errors.Is(err, sdk.ErrRejected), "%s: %v", body, err)
			assert.Equal(t, !own, errors.Is(err, sdk.ErrOutcomeUnknown), "%s: %v", body, err)

			c, _ = newClient(t, []step{respond(200, strings.Replace(body, "%s", "Invalid payout reference", 1))})
			_, err = c.Payouts.Find(t.Context(), "ms83-1")
			require.Error(t, err)
			assert.Equal(t, own, errors.Is(err, sdk.ErrNotFound), "%s: %v", body, err)
		})
	}
}

func TestCallsWhoseCallbackURLIsMintedShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kasapaytest.Config{}, func(c *kasapay.Config) { c.CallbackURL = clienttest.MintEachAnew() })
		p := validPayout()
		p.CallbackURL = ""
		require.NoError(t, w.AddFault(fake.Fault{Kind: fake.FaultDelay, Path: "/v1/payouts/b2b/initiate", Seconds: 1, Times: 1})) // so that all come meanwhile
		done := make(chan error, 8)
		for range cap(done) {
			go func() {
				_, err := w.client.Payouts.Create(t.Context(), p)
				done <- err
			}()
		}
		for range cap(done) {
			assert.NoError(t, <-done)
		}
		assert.Len(t, w.Requests(), 2, "a login and one request")
		assert.Equal(t, 1, w.paid(t))
	})
}

func TestNoPromiseBreaksForAnyWriteOfTheTable(t *testing.T) {
	var all []clienttest.MoneyWrite
	for op, write := range writes {
		all = append(all, clienttest.MoneyWrite{Op: op, Class: sdk.Referenced, Others: []string{"amount", "currency", "kind", "account"}, Throttle: throttled, Expired: respond(401, `{"statusCode":401,"message":"Unauthorized"}`), Own: map[string]string{
			"Fastify 401": "Kasapay's framework writes the same envelope for a refused token; lookups come before the repeat",
		}, Prepare: func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) func(context.Context) error {
			w := newWorld(t, kasapaytest.Config{}, func(c *kasapay.Config) { c.HTTPClient = &http.Client{Transport: over(c.HTTPClient.Transport)} })
			return func(ctx context.Context) error {
				_, err := write(ctx, w.client)
				return err
			}
		}})
	}
	clienttest.CheckPromises(t, kasapay.Operations(), all)
}
