package kapiten_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// writesOf are the calls of the rows that move money.
var writesOf = map[string][]string{
	kapiten.OpCreateRide:  {"Create", "CreateOnce"},
	kapiten.OpTopUpWallet: {"TopUp"},
}

func TestEveryRowThatMovesMoneyIsInTheMatrix(t *testing.T) {
	known := map[string]bool{}
	for _, w := range writes {
		known[w.name] = true
	}
	for _, op := range kapiten.Operations() {
		if op.MovesMoney {
			require.NotEmpty(t, writesOf[op.Name], op.Name)
			for _, name := range writesOf[op.Name] {
				assert.True(t, known[name], name)
			}
		}
	}
}

func outcomeOf(err error) string {
	var e *sdk.Error
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &e):
		return e.Outcome.String()
	}
	return "foreign"
}

// later gives every POST up as lost, and delivers it after a while all the same.
type later struct {
	next http.RoundTripper
	wait time.Duration
	on   bool
	done func() // if set, runs after a POST has done its work, in place of a response
	all  sync.WaitGroup
}

func (l *later) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.done != nil && req.Method == http.MethodPost {
		resp, err := l.next.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		l.done()
		return nil, context.Canceled
	}
	if !l.on || req.Method != http.MethodPost {
		return l.next.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	held := req.Clone(context.WithoutCancel(req.Context()))
	held.Body = io.NopCloser(bytes.NewReader(body))
	l.all.Go(func() {
		time.Sleep(l.wait)
		if resp, err := l.next.RoundTrip(held); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	return nil, io.ErrUnexpectedEOF
}

// One call, whatever it meets and whatever came before it, is never debited twice;
// what is "not sent" or "rejected" is never debited, also not by what arrives late.
func TestNoFaultDebitsTwiceOrIsMislabelled(t *testing.T) {
	faults := map[string]fake.Fault{
		"no fault":     {},
		"drop before":  {Kind: fake.FaultDropBefore, Times: 1},
		"drop after":   {Kind: fake.FaultDropAfter, Times: 1},
		"truncated":    {Kind: fake.FaultTruncate, Times: 1},
		"malformed":    {Kind: fake.FaultMalformed, Times: 1},
		"HTML 502":     {Kind: fake.FaultHTML, Times: 1},
		"HTML 200":     {Kind: fake.FaultHTML, Status: 200, Times: 1},
		"500":          {Kind: fake.FaultStatus, Status: 500, Times: 1},
		"408":          {Kind: fake.FaultStatus, Status: 408, Times: 1},
		"429":          {Kind: fake.FaultRateLimit, Seconds: 3, Times: 1},
		"401":          {Kind: fake.FaultStatus, Status: 401, Times: 1},
		"redirect":     {Kind: fake.FaultStatus, Status: 302, Times: 1},
		"late":         {Kind: fake.FaultDelay, Seconds: 20, Times: 1},
		"hang":         {Kind: fake.FaultDelay, Seconds: 3600, Times: 1},
		"held back":    {Kind: "held back"},
		"lookups fail": {Kind: fake.FaultDropAfter, Times: 1},
	}
	before := map[string]*fake.Fault{
		"fresh": nil, "after 401": {Kind: fake.FaultStatus, Status: 401, Times: 1}, "after 429": {Kind: fake.FaultRateLimit, Seconds: 3, Times: 1}, "after a crash": nil,
	}
	for _, write := range writes {
		for faultName, fault := range faults {
			for state, first := range before {
				t.Run(write.name+"/"+faultName+"/"+state, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						hold := &later{next: w.HTTPClient().Transport, wait: 10 * time.Minute}
						var err error
						client := func() *kapiten.Client {
							cfg := w.ClientConfig(w.company)
							cfg.HTTPClient = &http.Client{Transport: hold}
							c, err := kapiten.New(cfg)
							require.NoError(t, err)
							return c
						}
						w.client = client()
						if first != nil {
							f := *first
							f.Method, f.Path = "POST", write.path
							require.NoError(t, w.AddFault(f))
							err = write.call(t.Context(), w)
							require.Equal(t, "rejected", outcomeOf(err))
							works, entries := write.done(w)
							require.Zero(t, works+entries)
						}
						done := 0 // by the process that has crashed
						if state == "after a crash" {
							ctx, die := context.WithCancel(t.Context())
							hold.done = die // the work is done, and nobody hears of it
							err = write.call(ctx, w)
							require.Equal(t, "unknown", outcomeOf(err))
							hold.done = nil
							done, _ = write.done(w)
							require.Equal(t, 1, done)
							w.client = client()
						}
						once := write.name != "CreateOnce" // CreateOnce finds what is there
						switch {
						case fault.Kind == "held back":
							hold.on = true
						case fault.Kind != "":
							f := fault
							f.Method, f.Path = "POST", write.path
							require.NoError(t, w.AddFault(f))
						}
						if faultName == "lookups fail" && write.name == "CreateOnce" {
							require.NoError(t, w.AddFault(fake.Fault{Method: "GET", Kind: fake.FaultHTML, Times: 3}))
						}
						err = write.call(t.Context(), w)
						hold.on = false
						time.Sleep(time.Hour)
						hold.all.Wait()
						works, entries := write.done(w)
						if once {
							works, entries = works-done, entries-done // of this call
						}
						assert.LessOrEqual(t, works, 1)
						assert.LessOrEqual(t, entries, 1)
						switch outcome := outcomeOf(err); outcome {
						case "success":
							assert.Equal(t, 1, works)
						case "not sent", "rejected":
							if !once {
								works, entries = works-done, entries-done
							}
							assert.Zero(t, works+entries, outcome)
						default:
							assert.Equal(t, "unknown", outcome)
						}
						if state == "after a crash" && write.name == "CreateOnce" {
							ride, err := client().Rides.CreateOnce(t.Context(), w.ride())
							require.NoError(t, err)
							assert.True(t, ride.Existing)
							works, entries = write.done(w)
							assert.Equal(t, 1, works)
							assert.Equal(t, 1, entries)
							assert.Len(t, w.Debits(w.ride().ExternalID), 1)
						}
						assert.NoError(t, w.CheckLedger())
					})
				})
			}
		}
	}
}

// Foreign words are no refusal, and a response about something else is no success.
func TestForeignResponsesSettleNoWrite(t *testing.T) {
	foreign := map[string]clienttest.Step{
		"empty 403":               clienttest.Respond(403, ``),
		"empty 404":               clienttest.Respond(404, ``),
		"empty 499":               clienttest.Respond(499, ``),
		"a proxy's 499":           clienttest.Respond(499, `{"errors":["client closed request"]}`),
		"field errors under 499":  clienttest.Respond(499, `{"amount":["Insufficient balance."]}`),
		"a proxy's errors":        clienttest.Respond(400, `{"errors":["client closed request"]}`),
		"a proxy's list":          clienttest.Respond(400, `{"upstream":["connect error"]}`),
		"a proxy's object":        clienttest.Respond(400, `{"errors":{"gateway":["timeout"]}}`),
		"a list under 404":        clienttest.Respond(404, `["x"]`),
		"field errors under 403":  clienttest.Respond(403, `{"amount":["x"]}`),
		"a detail under 499":      clienttest.Respond(499, `{"detail":"client closed request"}`),
		"a detail under 408":      clienttest.Respond(408, `{"detail":"timeout"}`),
		"a detail under 504":      clienttest.Respond(504, `{"detail":"timeout"}`),
		"a detail of nothing":     clienttest.Respond(400, `{"detail":""}`),
		"a detail of a list":      clienttest.Respond(404, `{"detail":[{"loc":["path"]}]}`),
		"a detail and more":       clienttest.Respond(400, `{"detail":"x","trace":"y"}`),
		"422 {}":                  clienttest.Respond(422, `{}`),
		"400 []":                  clienttest.Respond(400, `[]`),
		"a field of nothing":      clienttest.Respond(400, `{"amount":[]}`),
		"a field of null":         clienttest.Respond(400, `{"amount":null}`),
		"another status inside":   clienttest.Respond(400, `{"status":502,"message":"bad gateway"}`),
		"an error object":         clienttest.Respond(400, `{"error":{"code":1}}`),
		"a server_error":          clienttest.Respond(400, `{"type":"server_error","errors":[{"code":"error","detail":"x","attr":null}]}`),
		"a proxy's 429":           clienttest.Respond(429, `{"message":"API rate limit exceeded"}`),
		"a proxy's 429 in detail": clienttest.Respond(429, `{"detail":"Too Many Requests"}`),
		"an error":                clienttest.Respond(400, `{"error":"Bad Request"}`),
		"an error of a token":     clienttest.Respond(401, `{"error":"Invalid token."}`),
		"an error of no object":   clienttest.Respond(404, `{"error":"No Company matches the given query."}`),
		"an error and more":       clienttest.Respond(400, `{"error":"Insufficient balance.","trace":"y"}`),
		"an error under 499":      clienttest.Respond(499, `{"error":"Insufficient balance."}`),
		"an error under 503":      clienttest.Respond(503, `{"error":"Insufficient balance."}`),
		"an error of rights":      clienttest.Respond(400, `{"error":"Insufficient permissions."}`),
		"a load balancer's error": clienttest.Respond(400, `{"error":"not enough healthy targets behind the load balancer"}`),
		"its message":             clienttest.Respond(400, `{"status":400,"message":"not enough healthy targets behind the load balancer"}`),
		"its list":                clienttest.Respond(400, `["insufficient capacity: load balancer queue full"]`),
		"no bandwidth":            clienttest.Respond(422, `{"error":"insufficient bandwidth for refund"}`),
		"an error in a list":      clienttest.Respond(400, `{"error":["Insufficient balance."]}`),
		"a message":               clienttest.Respond(400, `{"message":"Insufficient balance."}`),
		"a message of 402 in 400": clienttest.Respond(400, `{"status":402,"message":"Insufficient balance."}`),
		"a status in words":       clienttest.Respond(400, `{"status":"error","message":"Insufficient balance."}`),
		"a status's own message":  clienttest.Respond(400, `{"status":400,"message":"Bad Request"}`),
		"a status and a message":  clienttest.Respond(404, `{"status":404,"message":"No such company"}`),
		"a list of texts":         clienttest.Respond(400, `["bad gateway"]`),
		"a firewall's detail":     clienttest.Respond(403, `{"detail":"blocked by policy"}`),
		"a detail with a code":    clienttest.Respond(403, `{"detail":"blocked","code":"waf"}`),
		"another status's detail": clienttest.Respond(404, `{"detail":"Invalid token."}`),
		"plain text":              clienttest.Respond(503, `upstream connect error`),
		"HTML 404":                clienttest.Respond(404, `<title>Not Found</title>`),
		"empty 200":               clienttest.Respond(200, ``),
		"204":                     clienttest.Respond(204, ``),
		"{} 200":                  clienttest.Respond(200, `{}`),
		"another ride":            clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"external_id":"OTHER"}`),
		"a ride without one":      clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"external_id":null}`),
		"another pickup":          clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"pickup_address":"Airport"}`),
		"another place":           clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"dropoff_latitude":"-1.5"}`),
		"another sender":          clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"sender":{"name":"x","phone":"0781111111"}}`),
		"another company":         clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"company_id":"co-2"}`),
		"another option":          clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":1,"is_priority":true}`),
		"another amount":          clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":4999,"external_id":"OTHER"}`),
		"an unreadable amount":    clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":"RWF 5000","external_id":"OTHER"}`),
		"another description":     clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"description":"other","external_id":"OTHER"}`),
		"no deposit":              clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"transaction_type":"REFUND","external_id":"OTHER"}`),
		"another deposit":         clienttest.Respond(201, `{"id":"x","amount":4999,"transaction_type":"DEPOSIT","status":"PENDING","created_at":"2026-04-03T09:00:00Z"}`),
		"another payer's":         clienttest.Respond(201, `{"id":"x","amount":5000,"status":"PENDING","phone_number":"0788999999"}`),
		"some payer's":            clienttest.Respond(201, `{"id":"x","amount":5000,"status":"PENDING","phone_number":"0788/123456"}`),
		"another company's":       clienttest.Respond(201, `{"id":"x","amount":5000,"status":"PENDING","company_id":"co-2"}`),
		"a ride beside an error":  clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"error":"Insufficient wallet balance."}`),
		"beside a detail":         clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"detail":"Insufficient wallet balance."}`),
		"beside errors":           clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"errors":["x"]}`),
		"beside a failure":        clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"success":false}`),
		"beside general words":    clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"non_field_errors":["x"]}`),
		"beside an error object":  clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"error":{"code":1}}`),
		"beside no money":         clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"PENDING","amount":5000,"message":"Insufficient wallet balance."}`),
		"a deposit that is made":  clienttest.Respond(201, `{"id":"x","amount":5000,"transaction_type":"DEPOSIT","status":"SUCCESS"}`),
		"a deposit that failed":   clienttest.Respond(201, `{"id":"x","amount":5000,"transaction_type":"DEPOSIT","status":"FAILED"}`),
		"no reference number":     clienttest.Respond(201, `{"id":"x","reference_number":null,"status":"PENDING","amount":4999}`),
	}
	for status, begins := range beginnings {
		if !begins {
			foreign["a ride that is "+string(status)] = clienttest.Respond(201, `{"id":"x","reference_number":"KPT-1","status":"`+string(status)+`","amount":4999}`)
		}
	}
	for name, response := range foreign {
		for _, write := range append(slices.Clone(writes), preparedWrites...) {
			t.Run(name+"/"+write.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					transport := roundTripper(func(req *http.Request) (*http.Response, error) {
						if req.Method == http.MethodGet {
							return emptyList(req), nil
						}
						_, _ = io.Copy(io.Discard, req.Body)
						sent++
						return response(req), nil
					})
					client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: transport}}})
					require.NoError(t, err)
					w := world{client: client, company: kapitentest.Company{ID: "co-1"}}
					err = write.call(t.Context(), w)
					assert.Equal(t, "unknown", outcomeOf(err), err)
					assert.Equal(t, 1, sent)
				})
			})
		}
	}
}

// beginnings says which states a ride can be in when it has just been created: the
// document's first two, and any that it does not name.
var beginnings = map[kapiten.RideStatus]bool{
	kapiten.RideWaitingPayment: true, kapiten.RidePending: true, "SCHEDULED": true,
	kapiten.RideAccepted: false, kapiten.RideWaitingPickup: false, kapiten.RidePickedUp: false, kapiten.RideInTransit: false,
	kapiten.RideWaitingDelivery: false, kapiten.RideCompleted: false, kapiten.RideCancelled: false, kapiten.RideRejected: false,
}

func TestTheResponseToAWriteShowsABeginning(t *testing.T) {
	accepted := map[string][]string{"TopUp": {
		`{"id":"x","amount":5000,"transaction_type":"DEPOSIT","status":"PENDING"}`, `{"id":"x","amount":"5000.00","status":"QUEUED"}`,
		`{"id":"x","amount":5000,"status":"PENDING","phone_number":"+250788123456","company_id":"CO-1"}`,
		`{"id":"x","amount":5000,"status":"PENDING","phone_number":"078****456","company_id":null}`,
		`{"id":"x","amount":5000,"status":"PENDING","error":null,"errors":[],"detail":"","success":true,"message":"Deposit requested."}`,
	}}
	for status, begins := range beginnings {
		if begins {
			accepted["ride"] = append(accepted["ride"], `{"id":"x","reference_number":"KPT-1","status":"`+string(status)+`"}`)
		}
	}
	accepted["ride"] = append(accepted["ride"], `{"id":"x","reference_number":"KPT-1","status":"PENDING","error":null,"errors":{},"detail":"","success":"true","message":"Ride created."}`)
	for _, write := range append(slices.Clone(writes), preparedWrites...) {
		bodies := accepted["ride"]
		if strings.HasSuffix(write.name, "TopUp") {
			bodies = accepted["TopUp"]
		}
		for _, body := range bodies {
			t.Run(write.name+"/"+body, func(t *testing.T) {
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{
					Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						if req.Method == http.MethodGet {
							return emptyList(req), nil
						}
						_, err := io.Copy(io.Discard, req.Body)
						return clienttest.Respond(201, body)(req), err
					}),
				}}})
				require.NoError(t, err)
				assert.NoError(t, write.call(t.Context(), world{client: client, company: kapitentest.Company{ID: "co-1"}}))
			})
		}
	}
}

// preparedWrites are what package sdk/journal sends.
var preparedWrites = []write{
	{"Prepared TopUp", "/api/companies/*/topup/", func(ctx context.Context, w world) error {
		prepared, err := w.client.Wallet.Prepare(kapiten.TopUpParams{CompanyID: w.company.ID, Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "Weekly credit top-up"})
		if err == nil {
			_, err = prepared.Send(ctx, prepared.Body)
		}
		return err
	}, topUps},
	{"Prepared ride", "/api/rides/", func(ctx context.Context, w world) error {
		prepared, err := w.client.Rides.Prepare(w.ride())
		if err == nil {
			_, err = prepared.Send(ctx, prepared.Body)
		}
		return err
	}, rides},
}

// A prepared write is sent without a look. A duplicate of nobody knows what may be the
// very write, of an earlier attempt. Only a refusal of the external id names it.
func TestADuplicateThatNamesNoReferenceSettlesNoPreparedWrite(t *testing.T) {
	for name, row := range map[string]struct {
		refusal clienttest.Step
		named   bool
	}{
		"a list":             {clienttest.Respond(400, `["This already exists."]`), false},
		"a detail":           {clienttest.Respond(400, `{"detail":"This already exists."}`), false},
		"a conflict":         {clienttest.Respond(409, `{"detail":"already exists"}`), false},
		"the company":        {clienttest.Respond(400, `{"company_id":["ride of this company already exists."]}`), false},
		"the external id":    {clienttest.Respond(400, `{"external_id":["ride with this external id already exists."]}`), true},
		"the id's code":      {clienttest.Respond(400, `{"type":"validation_error","errors":[{"code":"unique","detail":"x","attr":"external_id"}]}`), true},
		"the id beside":      {clienttest.Respond(400, `{"external_id":["x"],"company_id":["ride of this company already exists."]}`), false},
		"the id's own words": {clienttest.Respond(400, `["Ride with this external id already exists."]`), true},
		"a set with the id":  {clienttest.Respond(400, `{"non_field_errors":["The fields company_id, external_id must make a unique set."]}`), true},
	} {
		for _, write := range preparedWrites {
			t.Run(name+"/"+write.name, func(t *testing.T) {
				if (row.named || name == "the id beside") && write.name != "Prepared ride" {
					return // a top-up has no external id
				}
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					cfg := w.ClientConfig(w.company)
					cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						_, err := io.Copy(io.Discard, req.Body)
						return row.refusal(req), err
					})}
					var err error
					w.client, err = kapiten.New(cfg)
					require.NoError(t, err)
					err = write.call(t.Context(), w)
					require.ErrorIs(t, err, sdk.ErrDuplicate)
					if row.named {
						assert.ErrorIs(t, err, sdk.ErrRejected)
						assert.Equal(t, sdk.Taken, sdk.Advise(err))
						return
					}
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.Equal(t, sdk.Look, sdk.Advise(err))
				})
			})
		}
	}
}

// A refusal that this request cannot have got is another's: the work may be done.
func TestARefusalOfAnotherRequestSettlesNoWrite(t *testing.T) {
	type row struct {
		refusal clienttest.Step
		of      []string // the writes that it may be about
	}
	every := []string{"Create", "CreateOnce", "TopUp", "Prepared TopUp", "Prepared ride"}
	onTopUps, onRides := []string{"TopUp", "Prepared TopUp"}, []string{"Create", "CreateOnce", "Prepared ride"}
	rows := map[string]row{
		"a page of a list":    {clienttest.Respond(404, `{"detail":"Invalid page."}`), nil},
		"a cursor of a list":  {clienttest.Respond(404, `{"detail":"Invalid cursor"}`), nil},
		"a page that is none": {clienttest.Respond(400, `{"page":["A valid integer is required."]}`), nil},
		"another method":      {clienttest.Respond(405, `{"detail":"Method \"GET\" not allowed."}`), nil},
		"a ride":              {clienttest.Respond(404, `{"detail":"No Ride matches the given query."}`), nil},
		"a transaction":       {clienttest.Respond(404, `{"detail":"No Transaction matches the given query."}`), nil},
		"a company's number":  {clienttest.Respond(400, `{"registration_number":["This field is required."]}`), nil},
		"a user's name":       {clienttest.Respond(400, `{"username":["x"]}`), nil},
		"one such error of several": {clienttest.Respond(400,
			`{"type":"validation_error","errors":[{"code":"required","detail":"x","attr":"amount"},{"code":"required","detail":"x","attr":"last_name"}]}`), nil},
		"a unique field of a user's": {clienttest.Respond(400,
			`{"type":"validation_error","errors":[{"code":"unique","detail":"x","attr":"email"},{"code":"required","detail":"x","attr":"company_id"}]}`), nil},
		"a code of nobody's, in full details": {clienttest.Respond(400, `{"company_id":[{"message":"x","code":"zzz"}]}`), nil},
		"full details":                        {clienttest.Respond(400, `{"company_id":[{"message":"x","code":"invalid"}]}`), every},
		"Kapiten's code for a lack of money": {clienttest.Respond(402,
			`{"type":"client_error","errors":[{"code":"insufficient_funds","detail":"Insufficient funds.","attr":null}]}`), every},
		"its code in full details": {clienttest.Respond(400, `[{"message":"Insufficient balance.","code":"insufficient_funds"}]`), every},
		"no company, standardized": {clienttest.Respond(404,
			`{"type":"client_error","errors":[{"code":"not_found","detail":"No Company matches the given query.","attr":null}]}`), every},
		"a login's account":         {clienttest.Respond(401, `{"detail":"No active account found with the given credentials","code":"no_active_account"}`), nil},
		"a login's, a general code": {clienttest.Respond(401, `{"detail":"No active account found with the given credentials","code":"authentication_failed"}`), nil},
		"a login's credentials":     {clienttest.Respond(400, `{"non_field_errors":["Unable to log in with provided credentials."]}`), nil},
		"a login's credentials, standardized": {clienttest.Respond(400,
			`{"type":"validation_error","errors":[{"code":"invalid","detail":"Unable to log in with provided credentials.","attr":"non_field_errors"}]}`), nil},
		"a login's failure, standardized": {clienttest.Respond(401,
			`{"type":"client_error","errors":[{"code":"authentication_failed","detail":"Unable to log in with provided credentials.","attr":null}]}`), nil},
		"a login's list":                     {clienttest.Respond(400, `[{"message":"Unable to log in with provided credentials.","code":"invalid"}]`), nil},
		"general words of nobody's":          {clienttest.Respond(400, `{"__all__":["The passwords do not match."]}`), nil},
		"general words beside others":        {clienttest.Respond(400, `{"non_field_errors":["No data provided","The passwords do not match."]}`), nil},
		"general words and a field":          {clienttest.Respond(400, `{"non_field_errors":["The passwords do not match."],"company_id":["x"]}`), nil},
		"no data":                            {clienttest.Respond(400, `{"non_field_errors":["No data provided"]}`), every},
		"a list for an object":               {clienttest.Respond(400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}`), every},
		"a balance in general":               {clienttest.Respond(422, `{"__all__":["Insufficient balance."]}`), every},
		"a token":                            {clienttest.Respond(401, `{"detail":"Invalid token.","code":"authentication_failed"}`), every},
		"another text of the token's":        {clienttest.Respond(401, `{"detail":"Jeton invalide.","code":"authentication_failed"}`), every},
		"another's unique field":             {clienttest.Respond(400, `{"username":["A user with that username already exists."]}`), nil},
		"another's unique fields":            {clienttest.Respond(400, `{"email":["This field must be unique."],"company_id":["x"]}`), nil},
		"another's unique field, in full":    {clienttest.Respond(400, `{"email":[{"message":"x","code":"unique"}]}`), nil},
		"a unique field without a name":      {clienttest.Respond(400, `{"detail":"A user with that username already exists."}`), nil},
		"a unique code without a field":      {clienttest.Respond(400, `{"detail":"x","code":"unique"}`), nil},
		"a unique field in a list":           {clienttest.Respond(400, `["company with this registration number already exists."]`), nil},
		"a wallet that exists":               {clienttest.Respond(400, `{"wallet":["This wallet already exists."]}`), nil},
		"a field of another's, on money":     {clienttest.Respond(400, `{"email":["Insufficient balance."]}`), nil},
		"a balance and more":                 {clienttest.Respond(400, `{"balance":["Insufficient balance.","x"]}`), nil},
		"a balance":                          {clienttest.Respond(422, `{"balance":["Not enough funds."]}`), every},
		"a unique field in an error":         {clienttest.Respond(400, `{"error":"A user with that username already exists."}`), nil},
		"a ride's pickup":                    {clienttest.Respond(400, `{"pickup_latitude":["x"]}`), onRides},
		"a ride's sender":                    {clienttest.Respond(400, `{"sender":{"phone":["x"]}}`), onRides},
		"its own method":                     {clienttest.Respond(405, `{"detail":"Method \"POST\" not allowed."}`), every},
		"no company":                         {clienttest.Respond(404, `{"detail":"No Company matches the given query."}`), every},
		"not found":                          {clienttest.Respond(404, `{"detail":"Not found."}`), nil},
		"not found, a code":                  {clienttest.Respond(404, `{"detail":"x","code":"not_found"}`), nil},
		"not found, standardized":            {clienttest.Respond(404, `{"type":"client_error","errors":[{"code":"not_found","detail":"Not found.","attr":null}]}`), nil},
		"keys in another case":               {clienttest.Respond(400, `{"type":"validation_error","errors":[{"Code":"required","Detail":"x","attr":"company_id"}]}`), nil},
		"no wallet":                          {clienttest.Respond(404, `{"detail":"No Wallet matches the given query."}`), nil},
		"no webhook":                         {clienttest.Respond(404, `{"detail":"No Webhook matches the given query."}`), nil},
		"no company user":                    {clienttest.Respond(404, `{"detail":"No Company user matches the given query."}`), nil},
		"no company in another's words":      {clienttest.Respond(404, `{"detail":"Blocked: No Company matches the given query."}`), nil},
		"no user":                            {clienttest.Respond(404, `{"detail":"No User matches the given query."}`), nil},
		"a field of nobody's":                {clienttest.Respond(400, `{"company":["This field is required."]}`), nil},
		"a code of another status":           {clienttest.Respond(403, `{"detail":"blocked by policy","code":"not_found"}`), nil},
		"a code without a meaning":           {clienttest.Respond(400, `{"detail":"blocked by policy","code":"invalid"}`), nil},
		"a company id":                       {clienttest.Respond(400, `{"company_id":["x"]}`), every},
		"a wallet":                           {clienttest.Respond(400, `{"wallet":["Insufficient balance."]}`), every},
		"a limit of a company's":             {clienttest.Respond(400, `{"overdraft_limit":["A valid number is required."]}`), nil},
		"a company's rights":                 {clienttest.Respond(400, `{"company":["Insufficient permissions."]}`), nil},
		"a company that exists":              {clienttest.Respond(400, `{"company":["This company already exists."]}`), nil},
		"a lack of money and more":           {clienttest.Respond(400, `{"company":["Insufficient balance.","x"]}`), nil},
		"a lack of money beside more":        {clienttest.Respond(400, `{"company":["Insufficient balance."],"email":["x"]}`), nil},
		"an amount's lack of money and more": {clienttest.Respond(400, `{"amount":["Insufficient balance.","x"]}`), onTopUps},
		"a wallet of nobody's":               {clienttest.Respond(400, `{"wallet":["x"]}`), nil},
		"a right":                            {clienttest.Respond(403, `{"detail":"x","code":"permission_denied"}`), every},
		"an amount":                          {clienttest.Respond(400, `{"amount":["x"]}`), onTopUps},
		"an id":                              {clienttest.Respond(400, `{"external_id":["x"]}`), onRides},
	}
	// What drf-standardized-errors says under a status of its own, and under any other.
	for code, statuses := range map[string][]int{
		"parse_error": {400}, "not_authenticated": {401, 403}, "authentication_failed": {401, 403}, "permission_denied": {403},
		"method_not_allowed": {405}, "not_acceptable": {406}, "unsupported_media_type": {415},
		"not_found": nil, "no_active_account": nil, "zzz": nil,
	} {
		for _, status := range []int{400, 401, 402, 403, 404, 405, 406, 409, 415, 422} {
			of := every
			if !slices.Contains(statuses, status) {
				of = nil
			}
			rows[fmt.Sprint("standardized ", code, " under ", status)] = row{clienttest.Respond(status, fmt.Sprintf(
				`{"type":"client_error","errors":[{"code":%q,"detail":"Method \"POST\" not allowed.","attr":null}]}`, code)), of}
		}
	}
	for _, status := range []int{400, 401, 402, 403, 404, 405, 406, 409, 415, 422} {
		of := every
		if status != 400 && status != 422 {
			of = nil
		}
		for code, of := range map[string][]string{"required": of, "zzz": nil, "not_found": nil, "permission_denied": nil} {
			rows[fmt.Sprint("standardized field ", code, " under ", status)] = row{clienttest.Respond(status, fmt.Sprintf(
				`{"type":"validation_error","errors":[{"code":%q,"detail":"x","attr":"company_id"}]}`, code)), of}
		}
	}
	for name, row := range rows {
		for _, write := range append(slices.Clone(writes), preparedWrites...) {
			t.Run(name+"/"+write.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					own := slices.Contains(row.of, write.name)
					cfg := w.ClientConfig(w.company)
					cfg.HTTPClient = &http.Client{Transport: &clienttest.Held{
						Match: func(r *http.Request) bool { return r.Method == http.MethodPost }, Times: 1, Arrives: !own, Reply: row.refusal, Next: cfg.HTTPClient.Transport,
					}}
					client, err := kapiten.New(cfg)
					require.NoError(t, err)
					w.client = client
					err = write.call(t.Context(), w)
					works, _ := write.done(w)
					switch {
					case own:
						assert.Equal(t, "rejected", outcomeOf(err))
						assert.Zero(t, works)
					case write.name == "CreateOnce":
						assert.NoError(t, err, "the ride is found")
						assert.Equal(t, 1, works)
					default:
						assert.Equal(t, "unknown", outcomeOf(err))
						assert.Equal(t, 1, works)
					}
				})
			})
		}
	}
	list := newStub(t, 404, "application/json", `{"detail":"Invalid page."}`)
	_, err := newClient(t, list.URL).Rides.List(t.Context(), "co-1", kapiten.ListOptions{Page: 9})
	assert.ErrorIs(t, err, sdk.ErrNotFound, "a list is asked for a page")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The shapes of specs/kapiten.md, section 5.4 and the additions to it.
func TestTheFrameworksOwnWordsAreARefusal(t *testing.T) {
	for body, want := range map[string]struct {
		status int
		is     error
	}{
		`{"amount":"Insufficient balance."}`:                                                        {400, sdk.ErrValidation},
		`{"amount":["x"],"phone_number":["y"]}`:                                                     {422, sdk.ErrValidation},
		`{"amount":[{"message":"x","code":"invalid"}]}`:                                             {400, sdk.ErrValidation},
		`[{"message":"Insufficient balance.","code":"invalid"}]`:                                    {400, sdk.ErrValidation},
		`{"detail":"Given token not valid","code":"token_not_valid"}`:                               {401, sdk.ErrUnauthorized},
		`{"detail":"x","code":"token_not_valid","messages":[{"token_class":"AccessToken"}]}`:        {401, sdk.ErrUnauthorized},
		`{"type":"validation_error","errors":[{"code":"max_value","detail":"x","attr":"amount"}]}`:  {400, sdk.ErrValidation},
		`{"type":"client_error","errors":[{"code":"permission_denied","detail":"no","attr":null}]}`: {403, sdk.ErrForbidden},
		`["A top-up like this already exists."]`:                                                    {400, sdk.ErrDuplicate},
		`{"detail":"Invalid token header. No credentials provided."}`:                               {403, sdk.ErrForbidden},
		`{"detail":"No Company matches the given query."}`:                                          {404, sdk.ErrNotFound},
		`{"detail":"JSON parse error - Expecting value: line 1 column 1 (char 0)"}`:                 {400, sdk.ErrValidation},
		`{"detail":"Insufficient funds."}`:                                                          {402, sdk.ErrRejected},
		`{"non_field_errors":["The fields a, b must make a unique set."]}`:                          {400, sdk.ErrDuplicate},
		`{"detail":"A top-up like this already exists."}`:                                           {400, sdk.ErrDuplicate},
		`{"type":"validation_error","errors":[{"code":"unique","detail":"x","attr":"amount"}]}`:     {400, sdk.ErrDuplicate},
		`{"detail":"Request was throttled."}`:                                                       {429, sdk.ErrRateLimited},
	} {
		t.Run(body, func(t *testing.T) {
			server := newStub(t, want.status, "application/json", body)
			_, err := newClient(t, server.URL).Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "co-1", Amount: decimal.NewFromInt(5), PhoneNumber: "0788123456"})
			outcome := "rejected"
			if want.is == sdk.ErrDuplicate { // of an earlier call, perhaps, and nothing can be looked up
				outcome = "unknown"
			}
			assert.Equal(t, outcome, outcomeOf(err))
			assert.ErrorIs(t, err, want.is)
		})
	}
}

// The response to the first call is lost, and a server that keeps something unique refuses
// the second: the ride or the deposit may be the very one that is asked for.
func TestADuplicateAfterACrashIsNeverRejected(t *testing.T) {
	withoutID := write{"Create without an external id", "/api/rides/", func(ctx context.Context, w world) error {
		p := w.ride()
		p.ExternalID = ""
		_, err := w.client.Rides.Create(ctx, p)
		return err
	}, rides}
	for _, write := range append(slices.Clone(writes), withoutID) {
		for _, refusal := range []clienttest.Step{
			clienttest.Respond(400, `["A top-up like this already exists."]`),
			clienttest.Respond(400, `{"company_id":["transaction of this company already exists."]}`),
			clienttest.Respond(422, `{"type":"validation_error","errors":[{"code":"unique","detail":"x","attr":"company_id"}]}`),
			clienttest.Respond(400, `{"company_id":[{"message":"x","code":"unique"}]}`),
			clienttest.Respond(400, `{"type":"validation_error","errors":[{"code":"unique","detail":"x","attr":"company_id"},{"code":"null","detail":"x","attr":"company_id"}]}`),
			clienttest.Respond(400, `{"detail":"This already exists."}`),
			clienttest.Respond(400, `{"error":"This already exists."}`),
			clienttest.Respond(409, `{"status":409,"message":"This already exists."}`),
			clienttest.Respond(409, `{"detail":"already exists"}`),
		} {
			t.Run(write.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					require.NoError(t, w.AddFault(fake.Fault{Method: "POST", Kind: fake.FaultDropAfter, Times: 1}))
					_ = write.call(t.Context(), w)
					works, _ := write.done(w)
					require.Equal(t, 1, works)
					cfg := w.ClientConfig(w.company)
					next := cfg.HTTPClient.Transport
					cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						if req.Method == http.MethodGet {
							return next.RoundTrip(req)
						}
						_, err := io.Copy(io.Discard, req.Body)
						return refusal(req), err
					})}
					var err error
					w.client, err = kapiten.New(cfg)
					require.NoError(t, err)
					if err = write.call(t.Context(), w); err == nil {
						return // it was looked up
					}
					assert.Equal(t, "unknown", outcomeOf(err))
					assert.ErrorIs(t, err, sdk.ErrDuplicate)
					assert.Equal(t, sdk.Look, sdk.Advise(err))
				})
			})
		}
	}
}

// Who lacks money must hear so, wherever the framework puts it: he tops his wallet up.
func TestALackOfMoneyRefusesAWriteThatCanMeetIt(t *testing.T) {
	every := []string{"Create", "CreateOnce", "TopUp", "Prepared TopUp", "Prepared ride"}
	onRides := []string{"Create", "CreateOnce", "Prepared ride"}
	onTopUps := []string{"TopUp", "Prepared TopUp"}
	for body, of := range map[string][]string{
		`{"detail":"Insufficient wallet balance."}`:                                                                                     every,
		`["Insufficient balance."]`:                                                                                                     every,
		`{"error":"Insufficient wallet balance."}`:                                                                                      every,
		`{"status":400,"message":"Insufficient wallet balance."}`:                                                                       every,
		`{"message":"Overdraft limit exceeded.","status":"400"}`:                                                                        onRides,
		`{"detail":"The ride price exceeds the overdraft limit."}`:                                                                      onRides,
		`{"detail":["The ride price exceeds the overdraft limit."]}`:                                                                    onRides,
		`["The ride price exceeds the overdraft limit."]`:                                                                               onRides,
		`{"error":"The ride price exceeds the overdraft limit."}`:                                                                       onRides,
		`{"non_field_errors":["The ride price exceeds the overdraft limit."]}`:                                                          onRides,
		`{"__all__":["The ride price exceeds the overdraft limit."]}`:                                                                   onRides,
		`{"amount":["The ride price exceeds the overdraft limit."]}`:                                                                    onRides,
		`{"wallet":["Insufficient balance for this ride."]}`:                                                                            onRides,
		`{"detail":"Insufficient wallet balance for this delivery."}`:                                                                   onRides,
		`{"detail":"Insufficient balance for this top-up."}`:                                                                            onTopUps,
		`{"amount":["Insufficient funds for the deposit."]}`:                                                                            onTopUps,
		`{"non_field_errors":["Not enough funds."]}`:                                                                                    every,
		`{"amount":"Insufficient balance."}`:                                                                                            every,
		`{"amount":["Insufficient balance."]}`:                                                                                          every,
		`{"wallet":{"balance":["Insufficient balance."]}}`:                                                                              every,
		`{"balance":["Not enough money."]}`:                                                                                             every,
		`{"company_id":["Insufficient wallet balance."]}`:                                                                               every,
		`{"company":["Insufficient wallet balance."]}`:                                                                                  onRides, // a top-up needs none
		`{"overdraft_limit":["Insufficient balance."]}`:                                                                                 onRides,
		`{"overdraft_limit":["Overdraft limit exceeded."]}`:                                                                             onRides,
		`{"company":"This ride exceeds the overdraft limit."}`:                                                                          onRides,
		`{"company":[{"message":"Insufficient balance.","code":"invalid"}],"amount":["Insufficient balance."]}`:                         onRides,
		`{"type":"validation_error","errors":[{"code":"insufficient_funds","detail":"Insufficient balance.","attr":"amount"}]}`:         every,
		`{"type":"validation_error","errors":[{"code":"insufficient_funds","detail":"Insufficient wallet balance.","attr":"company"}]}`: onRides,
		`{"type":"validation_error","errors":[{"code":"overdraft","detail":"The overdraft limit would be exceeded.","attr":"overdraft_limit"}]}`: onRides,
	} {
		for _, write := range append(slices.Clone(writes), preparedWrites...) {
			t.Run(body+"/"+write.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					cfg := w.ClientConfig(w.company)
					next := cfg.HTTPClient.Transport
					cfg.HTTPClient = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						if req.Method == http.MethodGet {
							return next.RoundTrip(req)
						}
						_, err := io.Copy(io.Discard, req.Body)
						return clienttest.Respond(400, body)(req), err
					})}
					var err error
					w.client, err = kapiten.New(cfg)
					require.NoError(t, err)
					err = write.call(t.Context(), w)
					if !slices.Contains(of, write.name) {
						assert.Equal(t, "unknown", outcomeOf(err), err)
						return
					}
					assert.Equal(t, "rejected", outcomeOf(err), err)
					assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
				})
			})
		}
	}
}

// What is insufficient must be money: else a merchant tops his wallet up for nothing.
func TestInsufficientRightsAreNoLackOfFunds(t *testing.T) {
	for text, poor := range map[string]bool{
		"Insufficient wallet balance.": true, "Insufficient funds": true, "not enough money": true,
		"Insufficient permissions": false, "insufficient scope": false, "Not enough riders": false,
		"The overdraft limit must be a number.": false, "Weight limit exceeded.": false,
	} {
		server := newStub(t, 400, "application/json", `{"amount":["`+text+`"]}`)
		_, err := newClient(t, server.URL).Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "co-1", Amount: decimal.NewFromInt(5), PhoneNumber: "0788123456"})
		assert.ErrorIs(t, err, sdk.ErrRejected, text)
		assert.Equal(t, poor, errors.Is(err, sdk.ErrInsufficientFunds), text)
	}
}

func TestAHundredCallersMakeOneRideAndHearTheTruth(t *testing.T) {
	const callers = 100
	for name, tc := range map[string]struct {
		config  kapitentest.Config
		clients int // otherwise one each
	}{
		"one client":                      {kapitentest.Config{}, 1},
		"one client, unique ids":          {kapitentest.Config{UniqueExternalID: true}, 1},
		"a client each, unique ids":       {kapitentest.Config{UniqueExternalID: true}, callers},
		"a client each, a list that lags": {kapitentest.Config{UniqueExternalID: true, ListLag: 2 * time.Second}, callers},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.config.Options = fake.Options{RealTime: true}
				srv := kapitentest.NewServer(t, tc.config)
				co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(500_000)})
				clients := make([]*kapiten.Client, tc.clients)
				for i := range clients {
					var err error
					clients[i], err = kapiten.New(srv.ClientConfig(co))
					require.NoError(t, err)
				}
				p := validRide()
				p.CompanyID = co.ID
				ids := make([]string, callers)
				errs := make([]error, callers)
				var all sync.WaitGroup
				for i := range callers {
					all.Go(func() {
						ride, err := clients[i%len(clients)].Rides.CreateOnce(t.Context(), p)
						if errs[i] = err; err == nil {
							ids[i] = ride.ID
						}
					})
				}
				all.Wait()
				made := srv.Rides(co.ID)
				require.Len(t, made, 1)
				for i := range callers {
					require.NoError(t, errs[i])
					assert.Equal(t, made[0].ID, ids[i])
				}
				assert.Len(t, srv.Debits(p.ExternalID), 1)
			})
		})
	}
}

func TestARideToAnotherAddressIsNotTheOneAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, unique := range []bool{false, true} {
			srv := kapitentest.NewServer(t, kapitentest.Config{
				Options: fake.Options{RealTime: true}, UniqueExternalID: unique, Quirks: kapitentest.Quirks{ShowRequest: true},
			})
			co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(500_000)})
			client, err := kapiten.New(srv.ClientConfig(co))
			require.NoError(t, err)
			p := validRide()
			p.CompanyID = co.ID
			first, err := client.Rides.CreateOnce(t.Context(), p)
			require.NoError(t, err)
			assert.False(t, first.Unverified)
			assert.False(t, first.Existing)
			p.PickupAddress = " kicukiro,  KK 12 AVE " // the same to a person
			p.Receiver.Phone = "+250 789 000 111"
			again, err := client.Rides.CreateOnce(t.Context(), p)
			require.NoError(t, err)
			assert.True(t, again.Existing)
			assert.False(t, again.Unverified)

			other := p
			other.DropoffAddress = "Airport"
			_, err = client.Rides.CreateOnce(t.Context(), other)
			require.ErrorIs(t, err, sdk.ErrReferenceTaken)
			assert.Equal(t, "unknown", outcomeOf(err))
			require.Len(t, srv.Rides(co.ID), 1)
			if !unique {
				continue
			}
			_, err = client.Rides.Create(t.Context(), other)
			require.ErrorIs(t, err, sdk.ErrReferenceTaken)
			ride, err := client.Rides.Create(t.Context(), p)
			require.NoError(t, err, "the ride is there, whoever asked for it")
			assert.Equal(t, first.ID, ride.ID)
			assert.True(t, ride.Existing)
			require.Len(t, srv.Rides(co.ID), 1)
		}
	})
}

// Calls at the same time with one external id never both send, also where the list lags.
// The same external id of another company is another ride.
func TestAnExternalIDThatIsUnderWayIsUsedOnce(t *testing.T) {
	for name, row := range map[string]struct {
		lag  time.Duration
		want error
	}{"shown": {0, sdk.ErrReferenceTaken}, "a list that lags": {time.Minute, sdk.ErrOutcomeUnknown}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{RealTime: true}, ListLag: row.lag, Quirks: kapitentest.Quirks{ShowRequest: true}})
				co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(500_000)})
				require.NoError(t, srv.AddFault(fake.Fault{Method: "POST", Kind: fake.FaultDelay, Seconds: 1}))
				client, err := kapiten.New(srv.ClientConfig(co))
				require.NoError(t, err)
				p := validRide()
				p.CompanyID = co.ID
				var all sync.WaitGroup
				all.Go(func() {
					_, err := client.Rides.CreateOnce(t.Context(), p)
					assert.NoError(t, err)
				})
				synctest.Wait()
				for range 4 {
					all.Go(func() {
						other := p
						other.DropoffAddress = "Airport"
						_, err := client.Rides.CreateOnce(t.Context(), other)
						assert.ErrorIs(t, err, row.want)
						assert.Equal(t, sdk.Look, sdk.Advise(err))
					})
				}
				all.Wait()
				assert.Len(t, srv.Debits(p.ExternalID), 1)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodGet {
				return emptyList(req), nil
			}
			_, err := io.Copy(io.Discard, req.Body)
			time.Sleep(time.Second)
			return created(req), err
		})}}})
		require.NoError(t, err)
		start := time.Now()
		var all sync.WaitGroup
		for _, company := range []string{"co-1", "co-2"} {
			all.Go(func() {
				p := validRide()
				p.CompanyID = company
				_, err := client.Rides.CreateOnce(t.Context(), p)
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.Equal(t, time.Second, time.Since(start), "nobody waits for another company")
	})
}

func TestADuplicateThatCannotBeSeenIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, config := range map[string]kapitentest.Config{
			"a list that lags":           {UniqueExternalID: true, ListLag: time.Hour},
			"a list without external id": {UniqueExternalID: true, Quirks: kapitentest.Quirks{HideExternalID: true}},
		} {
			config.Options = fake.Options{RealTime: true}
			srv := kapitentest.NewServer(t, config)
			co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(500_000)})
			client, err := kapiten.New(srv.ClientConfig(co))
			require.NoError(t, err)
			p := validRide()
			p.CompanyID = co.ID
			_, err = client.Rides.Create(t.Context(), p)
			require.NoError(t, err)
			_, err = client.Rides.Create(t.Context(), p)
			require.ErrorIs(t, err, sdk.ErrOutcomeUnknown, name)
			require.ErrorIs(t, err, sdk.ErrDuplicate, name)
			assert.NotErrorIs(t, err, sdk.ErrRejected, name)
			_, err = client.Rides.CreateOnce(t.Context(), p)
			require.Error(t, err, name)
			assert.NotErrorIs(t, err, sdk.ErrRejected, name)
			assert.Len(t, srv.Rides(co.ID), 1, name)
		}
	})
}

// archive is a company with many pages of rides: number 1 is the oldest, and alone on the
// last page.
func archive(pages int) (*kapiten.Client, *int, error) {
	asked, onPage := new(int), clienttest.Times(20, 2)
	rides := (pages-1)*onPage + 1
	transport := roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method != http.MethodGet {
			return nil, errors.New("nothing should be sent")
		}
		*asked++
		time.Sleep(time.Millisecond) // others may come meanwhile
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		var rows []string
		for n := rides - (page-1)*onPage; n > max(0, rides-page*onPage); n-- {
			rows = append(rows, fmt.Sprintf(`{"id":"r%d","status":"COMPLETED","external_id":"ORDER-%d"}`, n, n))
		}
		next := "null"
		if page < pages {
			next = fmt.Sprintf(`"https://api.kapiten.com/x/?page=%d"`, page+1)
		}
		return clienttest.Respond(200, fmt.Sprintf(`{"count":%d,"next":%s,"results":[%s]}`, rides, next, strings.Join(rows, ",")))(req), nil
	})
	client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: transport}}})
	return client, asked, err
}

// All who wait for one ride read one sweep through the list, and each gets a ride of
// his own. Those who come later sweep again.
func TestCallersThatWaitForARideShareTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, pages = 100, 25
		client, asked, err := archive(pages)
		require.NoError(t, err)
		p := validRide()
		p.ExternalID = "ORDER-1" // on the last page
		ask := func() {
			rides := make([]*kapiten.Ride, callers)
			var all sync.WaitGroup
			for i := range rides {
				all.Go(func() {
					var err error
					rides[i], err = client.Rides.CreateOnce(t.Context(), p)
					if assert.NoError(t, err) {
						assert.Equal(t, "r1", rides[i].ID)
						assert.True(t, rides[i].Existing)
						rides[i].Raw[0] = byte(i)
					}
				})
			}
			all.Wait()
			for i := range rides {
				assert.Equal(t, byte(i), rides[i].Raw[0])
			}
		}
		ask()
		assert.Equal(t, pages, *asked)
		ask()
		assert.Equal(t, 2*pages, *asked)
	})
}

func TestARideBehindFiveThousandIsFoundOrCannotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, asked, err := archive(251)
		require.NoError(t, err)
		ctx := t.Context()
		ride, err := client.Rides.Find(ctx, "co-1", "ORDER-1", kapiten.SearchOptions{})
		require.NoError(t, err)
		assert.Equal(t, "r1", ride.ID)
		ride, err = client.Rides.Get(ctx, "co-1", "r1")
		require.NoError(t, err)
		assert.Equal(t, "r1", ride.ID)
		ride, err = client.Rides.Wait(ctx, "co-1", "r1")
		require.NoError(t, err)
		assert.Equal(t, "r1", ride.ID)
		p := validRide()
		p.ExternalID = "ORDER-1"
		ride, err = client.Rides.CreateOnce(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, "r1", ride.ID)
		assert.True(t, ride.Existing)
		*asked = 0
		_, err = client.Rides.Find(ctx, "co-1", "ORDER-1", kapiten.SearchOptions{MaxPages: 250})
		require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
		assert.NotErrorIs(t, err, sdk.ErrNotFound)
		assert.Equal(t, 250, *asked)

		client, _, err = archive(1001)
		require.NoError(t, err)
		_, err = client.Rides.CreateOnce(ctx, p)
		require.ErrorIs(t, err, sdk.ErrNotSent, "the limit is reached: nothing is sent")
		require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
		for name, look := range map[string]func() error{
			"Find": func() error {
				_, err := client.Rides.Find(ctx, "co-1", "ORDER-1", kapiten.SearchOptions{})
				return err
			},
			"Get": func() error {
				_, err := client.Rides.Get(ctx, "co-1", "r1")
				return err
			},
			"Wait": func() error {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				_, err := client.Rides.Wait(ctx, "co-1", "r1")
				return err
			},
		} {
			err := look()
			require.Error(t, err, name)
			assert.NotErrorIs(t, err, sdk.ErrNotFound, name)
		}
	})
}

func TestReferencesThatAServerWouldChangeAreRefused(t *testing.T) {
	server := newStub(t, 200, "application/json", `{}`)
	client := newClient(t, server.URL)
	for _, edge := range []string{" ", "\t", "\n", "\u00a0", "\u0085", "\u2028", "\u3000", "\x1c", "\x1f", "\u2003"} {
		for _, reference := range []string{edge + "ORDER", "ORDER" + edge} {
			for field, call := range map[string]func() error{
				"external_id": func() error {
					p := validRide()
					p.ExternalID = reference
					_, err := client.Rides.Create(t.Context(), p)
					return err
				},
				"external_id of CreateOnce": func() error {
					p := validRide()
					p.ExternalID = reference
					_, err := client.Rides.CreateOnce(t.Context(), p)
					return err
				},
				"external_id of Find": func() error {
					_, err := client.Rides.Find(t.Context(), "co-1", reference, kapiten.SearchOptions{})
					return err
				},
				"description": func() error {
					_, err := client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "c", Amount: decimal.NewFromInt(1), PhoneNumber: "0788000111", Description: reference})
					return err
				},
				"registration_number": func() error {
					_, err := client.Companies.Create(t.Context(), kapiten.CreateCompanyParams{Name: "n", RegistrationNumber: reference, Address: "a", ContactPerson: "c", PhoneNumber: "0788000111", Email: "e"})
					return err
				},
				"email": func() error {
					_, err := client.Users.Create(t.Context(), kapiten.CreateUserParams{CompanyID: "c", PhoneNumber: "0788000111", FirstName: "f", LastName: "l", Email: reference})
					return err
				},
			} {
				err := call()
				require.ErrorIs(t, err, sdk.ErrNotSent, "%s %q", field, reference)
				require.ErrorIs(t, err, sdk.ErrValidation)
				name, _, _ := strings.Cut(field, " ")
				assert.ErrorContains(t, err, name)
			}
		}
	}
	for field, change := range map[string]func(*kapiten.CreateRideParams){
		"external_id":     func(p *kapiten.CreateRideParams) { p.ExternalID = "a\xff" },
		"pickup_address":  func(p *kapiten.CreateRideParams) { p.PickupAddress = "a\xff" },
		"sender.name":     func(p *kapiten.CreateRideParams) { p.Sender.Name = "a\xff" },
		"package_type":    func(p *kapiten.CreateRideParams) { p.PackageType = "a\xff" },
		"pickup_instruct": func(p *kapiten.CreateRideParams) { p.PickupInstructions = "a\xff" },
	} {
		p := validRide()
		change(&p)
		_, err := client.Rides.Create(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrNotSent, field)
		assert.ErrorContains(t, err, field)
	}
	assert.Empty(t, server.requests())
}

func TestACompanyOrUserThatIsAnotherIsUnknown(t *testing.T) {
	for _, body := range []string{`{"id":"x","registration_number":"OTHER"}`, `{"id":"x","name":"Other"}`} {
		_, err := newClient(t, newStub(t, 201, "application/json", body).URL).Companies.Create(t.Context(), kapiten.CreateCompanyParams{
			Name: "n", RegistrationNumber: "r", Address: "a", ContactPerson: "c", PhoneNumber: "0788000111", Email: "e",
		})
		assert.Equal(t, "unknown", outcomeOf(err), body)
	}
	for _, body := range []string{`{"id":"x","email":"other"}`, `{"id":"x","phone_number":"+250788000112"}`, `{"id":"x","last_name":"Other"}`} {
		_, err := newClient(t, newStub(t, 201, "application/json", body).URL).Users.Create(t.Context(), kapiten.CreateUserParams{
			CompanyID: "c", PhoneNumber: "0788000111", FirstName: "f", LastName: "l", Email: "e",
		})
		assert.Equal(t, "unknown", outcomeOf(err), body)
	}
	for _, body := range []string{`{"email":["user with this email already exists."]}`, `{"email":["This field must be unique."]}`} {
		_, err := newClient(t, newStub(t, 400, "application/json", body).URL).Users.Create(t.Context(), kapiten.CreateUserParams{
			CompanyID: "c", PhoneNumber: "0788000111", FirstName: "f", LastName: "l", Email: "e",
		})
		assert.Equal(t, "rejected", outcomeOf(err), body)
		assert.ErrorIs(t, err, sdk.ErrDuplicate)
	}
}

func TestNoPromiseBreaksForAnyWriteOfTheTable(t *testing.T) {
	var all []clienttest.MoneyWrite
	for op, names := range writesOf {
		for _, write := range writes {
			if !slices.Contains(names, write.name) {
				continue
			}
			class, others := sdk.Once, []string(nil)
			if write.name == "CreateOnce" {
				class, others = sdk.Searched, []string{"pickup", "address", "sender", "receiver", "option"}
			}
			throttle := clienttest.Respond(429, `{"detail":"Request was throttled."}`)
			all = append(all, clienttest.MoneyWrite{Op: op, Class: class, Throttle: throttle, Others: others, Prepare: func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) func(context.Context) error {
				w := newWorldWith(t, kapitentest.Quirks{ShowRequest: true}) // else there is nothing to compare
				cfg := w.ClientConfig(w.company)
				cfg.HTTPClient = &http.Client{Transport: over(cfg.HTTPClient.Transport)}
				client, err := kapiten.New(cfg)
				require.NoError(t, err)
				w.client = client
				return func(ctx context.Context) error { return write.call(ctx, w) }
			}})
		}
	}
	clienttest.CheckPromises(t, kapiten.Operations(), all)
}
