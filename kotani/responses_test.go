package kotani_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// An operation of class once shows best how a response was understood.
func TestResponsesMeanWhatTheOperatorMeans(t *testing.T) {
	const (
		rejected = "rejected"
		unknown  = "unknown"
	)
	for name, tc := range map[string]struct {
		status  int
		body    string
		outcome string
		kind    error
		code    string
	}{
		"refused inside a 200":              {200, `{"status":400,"desc":"insufficient balance"}`, rejected, sdk.ErrInsufficientFunds, "400"},
		"refused as text":                   {200, `{"status":"400","desc":"insufficient balance"}`, rejected, nil, "400"},
		"unauthorised inside a 200":         {200, `{"status":401,"desc":"Bad day"}`, unknown, sdk.ErrUnexpectedResponse, "401"},
		"wrong role":                        {200, `{"status":"Unauthorized"}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"no such user":                      {200, `{"status":"user not found"}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"unverified":                        {200, `{"status":"unverified"}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"insufficient":                      {200, `{"status":400,"desc":"insufficient balance"}`, rejected, sdk.ErrInsufficientFunds, "400"},
		"insufficient, as a message":        {200, `{"status":400,"message":"insufficient balance"}`, unknown, sdk.ErrUnexpectedResponse, "400"},
		"insufficient, as an error":         {200, `{"status":400,"error":"insufficient balance"}`, unknown, sdk.ErrUnexpectedResponse, "400"},
		"taken":                             {200, `{"status":400,"desc":"externalId already exists"}`, unknown, sdk.ErrUnexpectedResponse, "400"},
		"a field is missing":                {200, `{"status":400,"desc":"amount is required"}`, rejected, sdk.ErrValidation, "400"},
		"the text is elsewhere":             {200, `{"status":400,"Comment":"insufficient balance"}`, rejected, sdk.ErrInsufficientFunds, "400"},
		"a crash inside a 200":              {200, `{"status":500,"desc":"oops"}`, unknown, sdk.ErrUnexpectedResponse, "500"},
		"a status of no meaning":            {200, `{"status":302,"desc":"oops","result":{}}`, unknown, sdk.ErrUnexpectedResponse, "302"},
		"false":                             {200, `{"status":false,"result":{}}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a response without its substance":  {200, `{"status":201}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a response that is no JSON":        {200, `OK`, unknown, sdk.ErrUnexpectedResponse, ""},
		"nothing":                           {200, ``, unknown, sdk.ErrUnexpectedResponse, ""},
		"400 in JSON":                       {400, `{"status":400,"desc":"invalid accountNumber"}`, rejected, sdk.ErrValidation, "400"},
		"400 in plain text":                 {400, `cannot find user`, unknown, sdk.ErrUnexpectedResponse, ""},
		"another route":                     {404, `Cannot GET /`, unknown, sdk.ErrUnexpectedResponse, ""},
		"404 in plain text":                 {404, `no such thing`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a route that does not exist":       {404, `<!DOCTYPE html><pre>Cannot POST /api_v2/transactions/paybill</pre>`, rejected, sdk.ErrConfiguration, ""},
		"another route that does not exist": {404, `<pre>Cannot POST /api_v2/transactions/till</pre>`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a route below it":                  {404, `<pre>Cannot POST /transactions/paybill/x</pre>`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a page of somebody else's":         {404, `<html>Not found</html>`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a firewall's page":                 {403, `<html>Forbidden</html>`, unknown, sdk.ErrForbidden, ""},
		"408":                               {408, `{"desc":"timeout"}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"500":                               {500, ``, unknown, sdk.ErrServer, ""},
		"500 in JSON":                       {500, `{"status":400,"desc":"x"}`, unknown, sdk.ErrServer, "400"},
		"503 page":                          {503, `<html>`, unknown, sdk.ErrServer, ""},
		"429 of a proxy":                    {429, `<html>slow down</html>`, unknown, sdk.ErrRateLimited, ""},
		"429 of the host's":                 {429, `Rate exceeded.`, unknown, sdk.ErrRateLimited, ""},
		"429 in plain text":                 {429, `Too Many Requests`, rejected, sdk.ErrRateLimited, ""},
		"429 in no form of Kotani's":        {429, `{"message":"API rate limit exceeded"}`, unknown, sdk.ErrRateLimited, ""},
		"429, empty":                        {429, ``, unknown, sdk.ErrRateLimited, ""},
		"401 in plain text":                 {401, `Unauthorized`, rejected, sdk.ErrUnauthorized, ""},
		"403 in plain text":                 {403, `Forbidden`, rejected, sdk.ErrUnauthorized, ""},
		"403 of a mesh":                     {403, `RBAC: access denied`, unknown, sdk.ErrForbidden, ""},
		"403, empty":                        {403, ``, unknown, sdk.ErrForbidden, ""},
		"403 of a firewall's in JSON":       {403, `{"message":"Forbidden"}`, unknown, sdk.ErrForbidden, ""},
		"401, empty":                        {401, ``, unknown, sdk.ErrUnauthorized, ""},
		"a wrong role under a 401":          {401, `{"status":"Unauthorized"}`, rejected, sdk.ErrUnauthorized, ""},
		"404, empty":                        {404, ``, unknown, sdk.ErrUnexpectedResponse, ""},
		"404 of a mesh":                     {404, `upstream connect error or disconnect/reset before headers`, unknown, sdk.ErrUnexpectedResponse, ""},
		"400 of a mesh":                     {400, `upstream connect error or disconnect/reset before headers. reset reason: connection termination`, unknown, sdk.ErrUnexpectedResponse, ""},
		"400, empty":                        {400, ``, unknown, sdk.ErrUnexpectedResponse, ""},
		"400, an empty object":              {400, `{}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"400, a list":                       {400, `[{"status":400}]`, unknown, sdk.ErrUnexpectedResponse, ""},
		"499, empty":                        {499, ``, unknown, sdk.ErrUnexpectedResponse, ""},
		"499 in JSON":                       {499, `{"errors":["client closed request"]}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"499 with a status":                 {499, `{"status":499,"message":"client closed request"}`, unknown, sdk.ErrUnexpectedResponse, "499"},
		"499 inside a 200":                  {200, `{"status":499,"message":"client closed request"}`, unknown, sdk.ErrUnexpectedResponse, "499"},
		"408 inside a 200":                  {200, `{"status":408,"desc":"timeout"}`, unknown, sdk.ErrUnexpectedResponse, "408"},
		"a problem document":                {404, `{"type":"about:blank","title":"Not Found","status":404}`, unknown, sdk.ErrUnexpectedResponse, "404"},
		"429 in JSON":                       {429, `{"status":429,"desc":"slow down"}`, unknown, sdk.ErrRateLimited, "429"},
		"403 in JSON":                       {403, `{"status":403,"desc":"jwt expired"}`, unknown, sdk.ErrForbidden, "403"},
		"401 in JSON":                       {401, `{"status":401,"desc":"jwt expired"}`, unknown, sdk.ErrUnauthorized, "401"},
		"a wrong role and more":             {401, `{"status":"Unauthorized","path":"/x"}`, unknown, sdk.ErrUnauthorized, ""},
		"a wrong role under a 403":          {403, `{"status":"Unauthorized"}`, unknown, sdk.ErrForbidden, ""},
		"403 of Spring's":                   {403, `{"timestamp":"2026-11-28T12:00:00Z","status":403,"error":"Forbidden","path":"/x"}`, unknown, sdk.ErrForbidden, "403"},
		"400 of Spring's":                   {400, `{"timestamp":"2026-11-28T12:00:00Z","status":400,"error":"Bad Request","desc":"x"}`, unknown, sdk.ErrUnexpectedResponse, "400"},
		"400 with a message":                {400, `{"status":400,"message":"invalid request"}`, unknown, sdk.ErrUnexpectedResponse, "400"},
		"400 with an error beside":          {400, `{"status":400,"desc":"invalid amount","error":"bad"}`, rejected, sdk.ErrValidation, "400"},
		"400 with what else is known":       {400, `{"status":400,"desc":"invalid amount","userId":"u","blockNumber":1,"latestBlock":2}`, rejected, sdk.ErrValidation, "400"},
		"redirect":                          {301, ``, unknown, sdk.ErrRedirected, ""},
	} {
		for behind, mark := range map[string]string{"": "", ", behind a mark": "\ufeff"} {
			t.Run(name+behind, func(t *testing.T) {
				s := newScript(respond(tc.status, mark+tc.body))
				client := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 })
				_, err := client.Fiat.PayBill(t.Context(), kotani.PayBillParams{MerchantNumber: "1", AccountNumber: "2", Amount: twenty})
				e := failure(t, err)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, tc.status, e.StatusCode)
				assert.Equal(t, tc.code, e.Code)
				if tc.kind != nil {
					assert.ErrorIs(t, err, tc.kind)
				}
				if errors.Is(err, sdk.ErrRejected) && tc.status > 400 && errors.Is(err, sdk.ErrUnauthorized) && tc.body[0] != '{' {
					assert.Len(t, s.requests(), 2, "a fresh token is tried")
				} else {
					assert.Len(t, s.requests(), 1)
				}
				assert.Equal(t, tc.outcome == unknown, errors.Is(err, sdk.ErrOutcomeUnknown))
			})
		}
	}
}

// What is insufficient must be money: else a merchant tops his wallet up for nothing. A
// read believes any text.
func TestInsufficientRightsAreNoLackOfFunds(t *testing.T) {
	for text, poor := range map[string]bool{
		"insufficient balance": true, "Insufficient funds": true, "Not enough fiat balance": true, "not enough money": true,
		"Insufficient permissions": false, "insufficient scope": false, "Not enough confirmations": false,
	} {
		_, err := newClient(t, newScript(respond(200, `{"status":400,"desc":"`+text+`"}`))).OnChain.Balance(t.Context(), customer, kotani.ChainCelo)
		assert.ErrorIs(t, err, sdk.ErrRejected, text)
		assert.Equal(t, poor, errors.Is(err, sdk.ErrInsufficientFunds), text)
	}
}

func TestAPolymorphicStatusIsAResponseWhereItShouldBe(t *testing.T) {
	for body, want := range map[string]kotani.Verification{
		`{"status":true}`:         {Verified: true, Status: "true"},
		`{"status":false}`:        {Status: "false"},
		`{"status":"active"}`:     {Verified: true, Status: "active"},
		`{"status":"unverified"}`: {Status: "unverified"},
		`{"status":"string"}`:     {Status: "string"},
	} {
		v, err := newClient(t, newScript(respond(200, body))).KYC.VerifyUser(t.Context(), "254712345678")
		if assert.NoError(t, err, body) {
			want.Raw = []byte(body)
			assert.Equal(t, want, *v)
		}
	}
	_, err := newClient(t, newScript(respond(200, `{"status":null}`)), func(c *kotani.Config) { c.MaxAttempts = 1 }).KYC.VerifyUser(t.Context(), "254712345678")
	assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
}

// A request which somebody on the way repeats may have met the throttle, while the
// first one was carried out.
func TestAThrottledPaymentIsNeverSentAgain(t *testing.T) {
	for method := range payments {
		for name, throttle := range map[string]step{
			"of Kotani's": respond(429, `Too Many Requests`, "Retry-After", "7"),
			"of a proxy":  respond(429, `slow down`),
		} {
			t.Run(method+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if name == "of Kotani's" && strings.HasPrefix(method, "FiatConnect.") {
						throttle = respond(429, `{"error":"TooManyRequests"}`, "Retry-After", "7")
					}
					s := newScript(throttle, isAbsent)
					start := time.Now()
					err := wireCalls[method].call(t.Context(), newClient(t, s))
					if strings.HasPrefix(method, "FiatConnect.Transfer") {
						assert.Greater(t, len(s.requests()), 1, "a key says that it is the same transfer")
						return
					}
					e := failure(t, err)
					assert.ErrorIs(t, err, sdk.ErrRateLimited)
					moves := 0
					for _, r := range s.requests() {
						if r.Method == "POST" {
							moves++
						}
					}
					assert.Equal(t, 1, moves)
					if name == "of a proxy" {
						assert.Equal(t, sdk.Unknown, e.Outcome)
						return
					}
					assert.Equal(t, sdk.Rejected, e.Outcome)
					assert.Equal(t, 7*time.Second, e.RetryAfter)
					assert.Zero(t, time.Since(start))
				})
			})
		}
	}
}

func TestReadsAreRepeatedThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(gateway, nil, respond(200, `{"status":500}`), respond(200, `{"escrowAddress":"0x1","conversionRate":{}}`))
		_, err := newClient(t, s).OnChain.EscrowRates(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, "getEscrow getEscrow getEscrow getEscrow", s.actions())
	})
}

func TestTheErrorTextIsStable(t *testing.T) {
	texts := map[string]bool{}
	for _, phone := range []string{"254711111111", "254722222222"} {
		s := newScript(respond(200, `{"status":400,"desc":"insufficient balance","phoneNumber":"`+phone+`"}`), isAbsent)
		p := validWithdraw
		p.PhoneNumber, p.ExternalID = phone, "order-"+phone
		_, err := newClient(t, s).Fiat.Withdraw(t.Context(), p)
		e := failure(t, err)
		assert.Equal(t, "order-"+phone, e.Reference)
		assert.Contains(t, string(e.Body), phone)
		texts[err.Error()] = true
	}
	assert.Equal(t, map[string]bool{"kotani: fiat.withdraw: insufficient funds: HTTP 200, code 400 (outcome: rejected)": true}, texts)
}

// A lookup that says "not found" about anything else must not pass for absence.
func TestOnlyAMissingTransactionIsNotFound(t *testing.T) {
	for body, want := range map[string]error{
		`{"status":400,"desc":"transaction not found"}`:               sdk.ErrNotFound,
		`{"status":400,"desc":"Transaction does not exist"}`:          sdk.ErrNotFound,
		`{"status":400,"desc":"user not found"}`:                      sdk.ErrUnexpectedResponse,
		`{"status":404,"desc":"/transactions/status not found"}`:      sdk.ErrUnexpectedResponse,
		`{"status":"transaction not found"}`:                          sdk.ErrUnexpectedResponse,
		`{"status":400,"desc":"no such transaction: user not found"}`: sdk.ErrNotFound,
	} {
		_, found := newClient(t, newScript(respond(200, body))).Fiat.Find(t.Context(), "order-1", kotani.Payouts)
		_, got := newClient(t, newScript(respond(200, body))).Fiat.Get(t.Context(), "r-1")
		for _, err := range []error{found, got} {
			assert.ErrorIs(t, err, sdk.ErrRejected, body)
			assert.ErrorIs(t, err, want, body)
			assert.Equal(t, want == sdk.ErrNotFound, errors.Is(err, sdk.ErrNotFound), body)
		}
	}
}

// replying edits what the requests of a write are answered with. deliver has the fake
// do the work and returns its response.
type replying struct {
	http.RoundTripper
	path string
	edit func(sent map[string]any, deliver func() string) (status int, body string)
}

func (r replying) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, r.path) {
		return r.RoundTripper.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	status, reply := r.edit(sent, func() string {
		again := req.Clone(req.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := r.RoundTripper.RoundTrip(again)
		if err != nil {
			return ""
		}
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	})
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(reply)), Request: req}, nil
}

// replied makes the call of a write while its responses are edited. It returns how much
// work the fake did.
func (wr write) replied(t *testing.T, edit func(sent map[string]any, deliver func() string) (int, string)) (works int, err error) {
	t.Helper()
	w := newWorld(t, func(c *kotani.Config) {
		c.HTTPClient = &http.Client{Transport: replying{c.HTTPClient.Transport, wr.path, edit}}
	})
	made := wr.works(w)
	err = wr.call(t.Context(), w)
	time.Sleep(time.Hour)
	return wr.works(w) - made, err
}

// names are the fields by which a request and a refusal name a payment.
var names = map[string]string{
	"externalId": "OTHER", "phoneNumber": "254799999999", "accountNumber": "9999999", "serviceProviderId": "31",
	"merchantNumber": "777", "merchantTill": "777", "txHash": strings.Repeat("e", 64), "txhash": "0x" + strings.Repeat("e", 64),
}

// A kept connection that is out of step brings the refusal of another payment.
func TestARefusalThatNamesAnotherPaymentRefusesNone(t *testing.T) {
	var many clienttest.Sixteenth
	for _, wr := range writes {
		if wr.fiatConnect() {
			continue // its refusals are codes
		}
		compared := 0
		for name, other := range names {
			for where, form := range map[string]string{
				"shown": `{"status":400,"desc":"invalid %[1]s",%[1]q:%[2]q}`, "in an object": `{"status":400,"desc":"invalid %[1]s","details":{%[1]q:%[2]q}}`,
			} {
				if compared > 0 && many.LeavesOut() {
					continue
				}
				t.Run(wr.op+"/"+name+"/"+where, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						asked := ""
						works, err := wr.replied(t, func(sent map[string]any, deliver func() string) (int, string) {
							asked, _ = sent[name].(string)
							deliver()
							return 200, fmt.Sprintf(form, name, other)
						})
						if asked == "" { // it is not sent
							return
						}
						compared++
						assert.Equal(t, 1, works)
						assert.NotErrorIs(t, err, sdk.ErrRejected)
						if wr.class() == sdk.Once {
							assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
						}
						works, err = wr.replied(t, func(map[string]any, func() string) (int, string) {
							return 200, fmt.Sprintf(form, name, asked)
						})
						assert.Zero(t, works)
						assert.ErrorIs(t, err, sdk.ErrRejected, "its own")
						assert.ErrorIs(t, err, sdk.ErrValidation)
					})
				})
			}
		}
		assert.NotZero(t, compared, wr.op)
	}
}

// Kotani's own refusals have a status. A response of another form tells of a failure in
// other members, and the documents leave the responses of some payments empty.
func TestAWordOfFailureIsNoSuccess(t *testing.T) {
	alone := []string{
		`{"error":"Invalid transaction hash"}`, `{"success":false,"error":"x"}`, `{"success":false}`, `{"success":"false"}`,
		`{"statusCode":503,"message":"Service Unavailable"}`, `{"statusCode":"400"}`, `{"error":{"code":5}}`, `{"errors":["x"]}`,
		`{"errors":{"txHash":["x"]}}`, `{"status":true,"error":"x"}`, `{"status":201,"error":"x","details":{}}`,
		`{"message":"Insufficient balance"}`, `{"desc":"Invalid transaction hash"}`, `{"result":"Insufficient balance"}`,
		`{"details":"user not found"}`, `{"status":201,"details":"user not found"}`, `{"status":"failed","message":"no"}`, `{"status":"error","details":{}}`,
		`{"status":201,"details":{"error":"x"}}`, `{"result":{"error":"x"},"details":{"message":"insufficient balance"}}`,
	}
	beside := map[string]bool{ // in a good response
		`"error":"x"`: false, `"errors":["x"]`: false, `"success":false`: false, `"statusCode":500`: false,
		`"error":null,"errors":[],"success":true,"statusCode":201`: true, `"error":"","errors":{},"success":"yes"`: true, `"error":false,"success":null,"statusCode":""`: true,
	}
	var many clienttest.Sixteenth
	for _, wr := range writes {
		if wr.fiatConnect() {
			continue
		}
		for _, body := range alone {
			if many.LeavesOut() {
				continue
			}
			t.Run(wr.op+"/"+body, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					works, err := wr.replied(t, func(map[string]any, func() string) (int, string) { return 200, body })
					assert.Zero(t, works)
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				})
			})
		}
		for members, success := range beside {
			if many.LeavesOut() {
				continue
			}
			t.Run(wr.op+"/beside "+members, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					works, err := wr.replied(t, func(_ map[string]any, deliver func() string) (int, string) {
						good := strings.TrimPrefix(strings.TrimSpace(deliver()), "{")
						if good = strings.TrimSpace(good); good != "}" {
							return 200, "{" + members + "," + good
						}
						return 200, "{" + members + "}"
					})
					assert.Equal(t, 1, works)
					if success || wr.class() == sdk.Searched { // the lookup finds it
						assert.NoError(t, err)
						return
					}
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				})
			})
		}
	}
}

// A read may show a failed transaction with the error that it failed for.
func TestAFailedTransactionIsReadWithItsError(t *testing.T) {
	found, err := newClient(t, newScript(respond(200, `{"requestId":"r-1","externalId":"order-1","status":"FAILED","error":"no funds","success":false}`))).
		Fiat.Find(t.Context(), "order-1", kotani.Payouts)
	require.NoError(t, err)
	assert.Equal(t, kotani.StatusFailed, found.Status)
}

func TestALookupsRefusalRefusesNoPayment(t *testing.T) {
	for _, wr := range writes {
		if wr.fiatConnect() {
			continue
		}
		for body, status := range map[string]int{
			`{"status":404,"desc":"transaction not found"}`:      200,
			`{"status":404,"desc":"Transaction not found"}`:      404,
			`{"status":400,"desc":"transaction does not exist"}`: 400,
			`{"status":"transaction not found"}`:                 200,
		} {
			t.Run(wr.op+"/"+body, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					works, err := wr.replied(t, func(_ map[string]any, deliver func() string) (int, string) {
						deliver()
						return status, body
					})
					assert.Equal(t, 1, works)
					assert.NotErrorIs(t, err, sdk.ErrRejected)
					if wr.class() == sdk.Once {
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					}
				})
			})
		}
	}
}

func TestALookupsRefusalIsThatOfTheTransactionItNames(t *testing.T) {
	for member, own := range map[string]bool{``: true, `,"externalId":"order-1"`: true, `,"externalId":"OTHER"`: false, `,"details":{"externalId":"OTHER"}`: false} {
		_, err := newClient(t, newScript(respond(200, `{"status":404,"desc":"transaction not found"`+member+`}`)), func(c *kotani.Config) { c.MaxAttempts = 1 }).
			Fiat.Find(t.Context(), "order-1", kotani.Payouts)
		assert.Equal(t, own, errors.Is(err, sdk.ErrNotFound), "%s: %v", member, err)
		require.Error(t, err)
	}
	for member, own := range map[string]bool{``: true, `,"requestId":"r-1"`: true, `,"requestId":"r-2"`: false} {
		_, err := newClient(t, newScript(respond(200, `{"status":404,"desc":"transaction not found"`+member+`}`)), func(c *kotani.Config) { c.MaxAttempts = 1 }).
			Fiat.Get(t.Context(), "r-1")
		assert.Equal(t, own, errors.Is(err, sdk.ErrNotFound), "%s: %v", member, err)
		require.Error(t, err)
	}
}
