package kasapay_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

type step = clienttest.Step

var respond = clienttest.Respond

// actions lists what the requests asked for, logins included.
func actions(s *clienttest.Script) string {
	var all []string
	for _, r := range s.Requests() {
		switch {
		case strings.HasSuffix(r.URL, "/v1/auth"):
			all = append(all, "auth")
		case r.Method == http.MethodGet:
			all = append(all, "status")
		default:
			all = append(all, "initiate")
		}
	}
	return strings.Join(all, " ")
}

const (
	planted   = "planted-secret"
	token     = `{"access_token":"planted-token","expiresIn":3600}`
	accepted  = `{"payout_reference":"ms83-1","response_code":720,"response_description":"Payout request has been accepted for processing"}`
	processed = `{"payout_reference":"ms83-1","payment_status":700,"amount":"100.00","currency":"KES"}`
	pending   = `{"payout_reference":"ms83-1","payment_status":703,"amount":"100.00","currency":"KES"}`
	unknown   = `{"statusCode":404,"message":"Invalid Payout Reference","error":"Not Found"}`
	badToken  = `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized"}`
)

// newClient plays a login first, then the steps.
func newClient(t testing.TB, steps []step, change ...func(*kasapay.Config)) (*kasapay.Client, *clienttest.Script) {
	t.Helper()
	s := clienttest.NewScript(append([]step{respond(200, token)}, steps...)...)
	cfg := kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: "key-1", ConsumerSecret: planted, ServiceCode: "12346",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kasapay.New(cfg)
	require.NoError(t, err)
	return client, s
}

func validPayout() kasapay.CreatePayoutParams {
	return kasapay.CreatePayoutParams{
		Reference: "ms83-1", RecipientType: kasapay.Paybill, RecipientAccountNumber: "5656", RecipientName: "Test Limited",
		AccountReference: "0101", Amount: decimal.NewFromInt(100), Currency: "KES", Country: "KEN", Description: "Flour",
		CallbackURL: "https://shop.example/kasapay",
	}
}

func jwt(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
}

// The lifetime shows in when the client logs in again: never while the token
// serves, always once it is over.
func TestATokenLivesAsLongAsItsResponseSays(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want time.Duration
	}{
		"the documented field":        {`{"access_token":"t","expiresIn":3600}`, time.Hour},
		"the platform's longer one":   {`{"access_token":"t","expiresIn":6000}`, 100 * time.Minute},
		"text":                        {`{"access_token":"t","expiresIn":"600"}`, 10 * time.Minute},
		"the other spelling":          {`{"access_token":"t","expires_in":"600"}`, 10 * time.Minute},
		"with its unit":               {`{"access_token":"t","expiresIn":"3600s"}`, time.Hour},
		"an hour":                     {`{"access_token":"t","expiresIn":"1h"}`, time.Hour},
		"an hour less a fraction":     {`{"access_token":"t","expires_in":3599.5}`, time.Hour},
		"a list":                      {`{"access_token":"t","expiresIn":[60]}`, time.Hour},
		"in hours":                    {`{"access_token":"t","expires_in":"2h"}`, time.Hour},
		"with a fraction":             {`{"access_token":"t","expiresIn":7199.5}`, time.Hour},
		"a date":                      {`{"access_token":"t","expiresIn":"2026-11-21T15:04:05Z"}`, time.Hour},
		"true":                        {`{"access_token":"t","expiresIn":true}`, time.Hour},
		"an object":                   {`{"access_token":"t","expiresIn":{"seconds":60}}`, time.Hour},
		"neither":                     {`{"access_token":"t"}`, time.Hour},
		"null":                        {`{"access_token":"t","expiresIn":null}`, time.Hour},
		"less than nothing":           {`{"access_token":"t","expiresIn":-5}`, time.Hour},
		"more than a day":             {`{"access_token":"t","expiresIn":9223372036854775807}`, 24 * time.Hour},
		"inside the token":            {`{"access_token":"` + jwt(`{"iat":1000,"exp":7000}`) + `"}`, 100 * time.Minute},
		"inside the token, no start":  {`{"access_token":"` + jwt(`{"exp":7000}`) + `"}`, time.Hour},
		"inside the token, backwards": {`{"access_token":"` + jwt(`{"iat":7000,"exp":1000}`) + `"}`, time.Hour},
		"a token that looks like one": {`{"access_token":"a.b.c"}`, time.Hour},
		"the response goes first":     {`{"access_token":"` + jwt(`{"iat":1000,"exp":7000}`) + `","expiresIn":600}`, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				login := respond(201, tc.body)
				s := clienttest.NewScript(login, respond(200, processed), respond(200, processed), login, respond(200, processed))
				client, err := kasapay.New(kasapay.Config{
					BaseURL: kasapay.SandboxURL, ConsumerKey: "k", ConsumerSecret: "s",
					Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
				})
				require.NoError(t, err)
				ask := func() {
					_, err := client.Payouts.Find(t.Context(), "ms83-1")
					require.NoError(t, err)
				}
				ask()
				wait(t, tc.want-2*time.Minute)
				ask()
				assert.Equal(t, "auth status status", actions(s))
				wait(t, 2*time.Minute)
				ask()
				assert.Equal(t, "auth status status auth status", actions(s))
			})
		})
	}
}

// wait lets virtual time pass.
func wait(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func TestOneLoginServesAllWaitingCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, s := newClient(t, []step{respond(200, processed)})
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				_, err := client.Payouts.Find(t.Context(), "ms83-1")
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		logins := 0
		for _, r := range s.Requests() {
			if r.Method == http.MethodPost {
				logins++
			}
		}
		assert.Equal(t, 1, logins)
	})
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	for name, refusal := range map[string]step{
		"401":                       respond(401, badToken),
		"400 which says why":        respond(400, `{"statusCode":400,"message":"Invalid x-access-token","error":"Bad Request"}`),
		"403 which says why":        respond(403, `{"statusCode":403,"message":["Invalid x-access-token"],"error":"Forbidden"}`),
		"200 with the code inside":  respond(200, `{"statusCode":401,"message":"Unauthorized"}`),
		"the gateway's own refusal": respond(200, `{"response_code":721,"response_description":"Invalid x-access-token"}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				absent := respond(404, unknown)
				client, s := newClient(t, []step{refusal, respond(200, token), absent, absent, absent, respond(200, accepted)})
				_, err := client.Payouts.Create(t.Context(), validPayout())
				require.NoError(t, err)
				assert.Equal(t, "auth initiate auth status status status initiate", actions(s))

				client, s = newClient(t, []step{refusal, respond(200, token), absent, absent, absent, refusal, absent, absent, absent})
				_, err = client.Payouts.Create(t.Context(), validPayout())
				require.ErrorIs(t, err, sdk.ErrUnauthorized)
				require.ErrorIs(t, err, sdk.ErrRejected)
				assert.Equal(t, "auth initiate auth status status status initiate status status status", actions(s), "never a third time")
			})
		})
	}
}

func TestAPayoutIsNotSentWithoutALogin(t *testing.T) {
	authRefused := sample(t, "auth_refused.json")
	for name, tc := range map[string]struct {
		login    step
		sentinel error
	}{
		"refused":               {respond(400, authRefused), sdk.ErrUnauthorized},
		"refused in a 200":      {respond(200, authRefused), sdk.ErrUnauthorized},
		"refused with 401":      {respond(401, badToken), sdk.ErrUnauthorized},
		"down":                  {respond(503, "<h1>503</h1>"), sdk.ErrServer},
		"no token":              {respond(200, `{"expiresIn":3600}`), sdk.ErrUnexpectedResponse},
		"a token for no header": {respond(200, `{"access_token":"a\nb"}`), sdk.ErrUnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := clienttest.NewScript(tc.login)
				client, err := kasapay.New(kasapay.Config{
					BaseURL: kasapay.SandboxURL, ConsumerKey: "k", ConsumerSecret: "s", ServiceCode: "1",
					Options: sdk.Options{HTTPClient: &http.Client{Transport: s}},
				})
				require.NoError(t, err)
				_, err = client.Payouts.Create(t.Context(), validPayout())
				require.ErrorIs(t, err, sdk.ErrNotSent)
				assert.ErrorIs(t, err, tc.sentinel)
				assert.NotErrorIs(t, err, sdk.ErrRejected)
				assert.NotContains(t, actions(s), "initiate")
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, kasapay.OpInitiate, e.Operation)
			})
		})
	}
}
