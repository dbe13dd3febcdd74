package kapiten_test

import (
	"io"
	"net/http"
	"strings"
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

var (
	emptyList   = clienttest.Respond(200, `{"count":0,"next":null,"previous":null,"results":[]}`)
	listed      = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":"ORDER-99123"}]}`)
	created     = clienttest.Respond(201, `{"id":"r-2","reference_number":"KPT-2","status":"PENDING"}`)
	poor        = clienttest.Respond(400, `{"detail":"Insufficient wallet balance."}`)
	taken       = clienttest.Respond(400, `{"external_id":["ride with this external id already exists."]}`)
	badToken    = clienttest.Respond(401, `{"detail":"Invalid token."}`)
	throttle    = clienttest.Respond(429, `{"detail":"Request was throttled. Expected available in 7 seconds."}`, "Retry-After", "7")
	proxy429    = clienttest.Respond(429, `{"message":"API rate limit exceeded"}`, "Retry-After", "1")
	noSuchPage  = clienttest.Respond(404, `{"detail":"Invalid page."}`)
	noSuchRoute = clienttest.Respond(404, `<title>Not Found</title>`, "Content-Type", "text/html")
	cursor      = clienttest.Respond(200, `{"count":40,"next":"https://api.kapiteni.com/api/companies/co-1/rides/?cursor=cD0y","results":[{"id":"r-9","status":"PENDING","external_id":"OTHER"}]}`)
)

var (
	createdOther     = clienttest.Respond(201, `{"id":"r-9","reference_number":"KPT-9","status":"PENDING","external_id":"OTHER"}`)
	createdElsewhere = clienttest.Respond(201, `{"id":"r-9","reference_number":"KPT-9","status":"PENDING","dropoff_address":"Airport"}`)
	createdLong      = clienttest.Respond(201, `{"id":"r-9","reference_number":"KPT-9","status":"COMPLETED"}`)
	deposited        = clienttest.Respond(201, `{"id":"t-1","amount":1200.0,"transaction_type":"DEPOSIT","status":"PENDING"}`)
	listedElsewhere  = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":"ORDER-99123","receiver":{"phone":"0789000112"}}]}`)
	listedUnreadable = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":"ORDER-99123","receiver":{"phone":"0789/000112"}}]}`)
	listedTwice      = clienttest.Respond(200, `{"count":2,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":"ORDER-99123"},{"id":"r-2","status":"CANCELLED","external_id":"ORDER-99123"}]}`)
	badRow           = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":{},"status":"PENDING","external_id":"OTHER"}]}`)
	badRowFound      = clienttest.Respond(200, `{"count":2,"next":null,"results":[7,{"id":"r-1","status":"PENDING","external_id":"ORDER-99123"}]}`)
	hiddenRow        = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"r-7","status":"PENDING"}]}`)
	nullRow          = clienttest.Respond(200, `{"count":1,"next":null,"results":[{"id":"r-7","status":"PENDING","external_id":null}]}`)
	shortList        = clienttest.Respond(200, `{"count":150,"results":[{"id":"r-7","status":"PENDING","external_id":null}]}`)
)

func TestCreateOnceSettlesWhatItCannotKnow(t *testing.T) {
	for name, row := range map[string]struct {
		script  []clienttest.Step // nil: the connection drops once the request has left
		ride    string            // id; empty: an error
		outcome string
		is      error
		sent    int // rides.create requests
	}{
		"there already":                  {[]clienttest.Step{listed}, "r-1", "", nil, 0},
		"created":                        {[]clienttest.Step{emptyList, created}, "r-2", "", nil, 1},
		"unknown, found":                 {[]clienttest.Step{emptyList, nil, listed}, "r-1", "", nil, 1},
		"unknown, found late":            {[]clienttest.Step{emptyList, nil, emptyList, emptyList, listed}, "r-1", "", nil, 1},
		"unknown, then no look succeeds": {[]clienttest.Step{emptyList, nil, badToken}, "", "unknown", nil, 1},
		// Never a second time: the first may still be on its way.
		"unknown, absent": {[]clienttest.Step{emptyList, nil, emptyList}, "", "unknown", nil, 1},
		// Somebody else's, in another process, or this one's from before a crash.
		"refused as taken, and found":                 {[]clienttest.Step{emptyList, taken, listed}, "r-1", "", nil, 1},
		"refused as taken, and found late":            {[]clienttest.Step{emptyList, taken, emptyList, emptyList, listed}, "r-1", "", nil, 1},
		"refused as taken, never seen":                {[]clienttest.Step{emptyList, taken, emptyList}, "", "unknown", sdk.ErrDuplicate, 1},
		"refused for want of money":                   {[]clienttest.Step{emptyList, poor}, "", "rejected", sdk.ErrValidation, 1},
		"refused for a bad token":                     {[]clienttest.Step{emptyList, badToken}, "", "rejected", sdk.ErrUnauthorized, 1},
		"throttled":                                   {[]clienttest.Step{emptyList, throttle}, "", "rejected", sdk.ErrRateLimited, 1},
		"throttled by a proxy":                        {[]clienttest.Step{emptyList, proxy429, emptyList}, "", "unknown", sdk.ErrRateLimited, 1},
		"response about another ride":                 {[]clienttest.Step{emptyList, createdOther, emptyList}, "", "unknown", sdk.ErrUnexpectedResponse, 1},
		"response about another, then found":          {[]clienttest.Step{emptyList, createdOther, listed}, "r-1", "", nil, 1},
		"response about a ride that is over":          {[]clienttest.Step{emptyList, createdLong, emptyList}, "", "unknown", sdk.ErrUnexpectedResponse, 1},
		"response about one that is over, then found": {[]clienttest.Step{emptyList, createdLong, listed}, "r-1", "", nil, 1},
		"response about a deposit":                    {[]clienttest.Step{emptyList, deposited, emptyList}, "", "unknown", sdk.ErrUnexpectedResponse, 1},
		"response about a deposit, then found":        {[]clienttest.Step{emptyList, deposited, listed}, "r-1", "", nil, 1},
		"response about another address":              {[]clienttest.Step{emptyList, createdElsewhere, emptyList}, "", "unknown", sdk.ErrUnexpectedResponse, 1},
		"there already, to another address":           {[]clienttest.Step{listedElsewhere}, "", "unknown", sdk.ErrReferenceTaken, 0},
		"refused as taken, by another":                {[]clienttest.Step{emptyList, taken, listedElsewhere}, "", "unknown", sdk.ErrReferenceTaken, 1},
		"two rides there":                             {[]clienttest.Step{listedTwice}, "", "unknown", sdk.ErrUnexpectedResponse, 0},
		"there, and it cannot be told":                {[]clienttest.Step{listedUnreadable}, "", "unknown", nil, 0},
		"no money, and two rides there":               {[]clienttest.Step{emptyList, poor, listedTwice}, "", "unknown", sdk.ErrInsufficientFunds, 1},
		"no money, and it cannot be told":             {[]clienttest.Step{emptyList, poor, listedUnreadable}, "", "unknown", sdk.ErrInsufficientFunds, 1},
		"no money, and another ride":                  {[]clienttest.Step{emptyList, poor, listedElsewhere}, "", "rejected", sdk.ErrInsufficientFunds, 1},
		"throttled, and two rides there":              {[]clienttest.Step{emptyList, throttle, listedTwice}, "", "unknown", sdk.ErrRateLimited, 1},
		"throttled, and it cannot be told":            {[]clienttest.Step{emptyList, throttle, listedUnreadable}, "", "unknown", sdk.ErrRateLimited, 1},
		"throttled, and another ride":                 {[]clienttest.Step{emptyList, throttle, listedElsewhere}, "", "rejected", sdk.ErrRateLimited, 1},
		"unknown, then two rides":                     {[]clienttest.Step{emptyList, nil, listedTwice}, "", "unknown", nil, 1},
		// An error is no proof of absence.
		"list without a route":               {[]clienttest.Step{noSuchRoute}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"list of a company that is not ours": {[]clienttest.Step{noSuchPage}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"unknown, then a list without a route": {
			[]clienttest.Step{emptyList, nil, noSuchRoute}, "", "unknown", nil, 1},
		"unknown, then a page that is gone": {
			[]clienttest.Step{emptyList, nil, noSuchPage}, "", "unknown", nil, 1},
		"a bare pair of brackets":     {[]clienttest.Step{clienttest.Respond(200, `[]`)}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"brackets after unknown":      {[]clienttest.Step{emptyList, nil, clienttest.Respond(200, `[]`)}, "", "unknown", nil, 1},
		"a row that cannot be read":   {[]clienttest.Step{badRow}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"a row without external id":   {[]clienttest.Step{hiddenRow}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"fewer rows than are counted": {[]clienttest.Step{shortList}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
		"an external id of null":      {[]clienttest.Step{nullRow, created}, "r-2", "", nil, 1},
		"a bad row, and yet found":    {[]clienttest.Step{badRowFound}, "r-1", "", nil, 0},
		"more rides behind a link that cannot be read": {
			[]clienttest.Step{cursor}, "", "not sent", sdk.ErrUnexpectedResponse, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := clienttest.NewScript(row.script...)
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
				require.NoError(t, err)

				ride, err := client.Rides.CreateOnce(t.Context(), validRide())

				sent := 0
				for _, r := range script.Requests() {
					if r.Method == "POST" {
						sent++
					}
				}
				assert.Equal(t, row.sent, sent)
				if row.ride != "" {
					require.NoError(t, err)
					assert.Equal(t, row.ride, ride.ID)
					if row.ride == "r-1" {
						assert.Equal(t, "ORDER-99123", ride.ExternalID)
					} else {
						assert.Empty(t, ride.ExternalID, "the response does not show it")
					}
					assert.True(t, ride.Unverified, "the responses show nothing to compare")
					assert.Equal(t, name == "there already" || strings.HasPrefix(name, "refused as taken") || name == "a bad row, and yet found", ride.Existing)
					return
				}
				assert.Nil(t, ride)
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, row.outcome, apiErr.Outcome.String(), err)
				if row.outcome == "unknown" {
					assert.Equal(t, sdk.Look, sdk.Advise(err))
				}
				if row.is != nil {
					assert.ErrorIs(t, err, row.is)
				}
			})
		})
	}
}

// A ride is compared by the number that was sent, however the merchant wrote it.
func TestARidesPhonesAreComparedHoweverTheyAreWritten(t *testing.T) {
	for _, row := range []struct {
		asked, shown string
		same         bool
	}{
		{"+250 (0)788 300 000", "+250788300000", true},
		{"+250\u00a0788300000", "+250788300000", true},
		{"788300000", "0788300000", true},
		{"+250 (0)788 300 000", "+250788999999", false},
		{"+250\u00a0788300000", "+250788999999", false},
		{"\u200e0788300000", "0788999999", false},
		{"0788300000", "+250\u00a0788\u00a0999\u00a0999", false},
	} {
		for _, field := range []string{"sender", "receiver"} {
			synctest.Test(t, func(t *testing.T) {
				shown := `{"id":"r-1","reference_number":"KPT-1","status":"PENDING","external_id":"ORDER-99123","` + field + `":{"phone":"` + row.shown + `"}}`
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{
					Transport: clienttest.NewScript(clienttest.Respond(200, `{"count":1,"next":null,"results":[`+shown+`]}`), clienttest.Respond(201, shown)),
				}}})
				require.NoError(t, err)
				p := validRide()
				if p.Sender.Phone = row.asked; field == "receiver" {
					p.Sender, p.Receiver = p.Receiver, p.Sender
				}
				found, once := client.Rides.CreateOnce(t.Context(), p)
				if row.same {
					require.NoError(t, once, row)
					assert.True(t, found.Existing)
					_, created := client.Rides.Create(t.Context(), p)
					assert.NoError(t, created, row)
					return
				}
				assert.Nil(t, found)
				assert.ErrorIs(t, once, sdk.ErrReferenceTaken, row)
			})
		}
	}
}

func TestCreateOnceLooksForThreeSecondsAndNeverSendsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := clienttest.NewScript(emptyList, nil, emptyList)
		client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Rides.CreateOnce(t.Context(), validRide())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Len(t, script.Requests(), 5, "one look, the ride, three looks")
	})
}

// After it has sent a ride, CreateOnce looks no further than to what was there
// before. A ride that the server says exists may be older than that.
func TestCreateOnceLooksAsFarAsItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := `{"id":"r-1","status":"COMPLETED","external_id":"ORDER-99123","created_at":"2026-01-01T10:00:00Z"}`
		page := func(next string, rows ...string) string {
			return `{"count":3,"next":` + next + `,"results":[` + strings.Join(rows, ",") + `]}`
		}
		for name, response := range map[string]clienttest.Step{"unknown": nil, "duplicate": taken} {
			var asked []string
			transport := roundTripper(func(req *http.Request) (*http.Response, error) {
				asked = append(asked, req.Method+req.URL.Query().Get("page"))
				switch {
				case req.Method == http.MethodPost && response == nil:
					return nil, io.ErrUnexpectedEOF
				case req.Method == http.MethodPost:
					return response(req), nil
				case req.URL.Query().Get("page") == "1":
					return clienttest.Respond(200, page(`"/?page=2"`, `{"id":"r-3","status":"PENDING","external_id":"c","created_at":"2026-11-21T10:00:00Z"}`))(req), nil
				case req.URL.Query().Get("page") == "2":
					return clienttest.Respond(200, page(`"/?page=3"`, `{"id":"r-2","status":"PENDING","external_id":"b","created_at":"2026-11-20T10:00:00Z"}`))(req), nil
				}
				return clienttest.Respond(200, page("null", old))(req), nil
			})
			client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: transport}}})
			require.NoError(t, err)
			p := validRide()
			p.Since = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
			ride, err := client.Rides.CreateOnce(t.Context(), p)
			if name == "unknown" {
				require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				assert.Equal(t, []string{"GET1", "GET2", "POST", "GET1", "GET1", "GET1"}, asked)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, "r-1", ride.ID)
			assert.True(t, ride.Existing)
			assert.Equal(t, []string{"GET1", "GET2", "POST", "GET1", "GET2", "GET3"}, asked)
		}
	})
}

// A limit that the documentation names: a list that lags hides the ride of the call
// before. After the lag the ride is found.
func TestAListThatLagsHidesTheRideOfTheCallBefore(t *testing.T) {
	for wait, debits := range map[time.Duration]int{0: 2, 3 * time.Second: 1} {
		synctest.Test(t, func(t *testing.T) {
			srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{RealTime: true}, ListLag: 2 * time.Second})
			co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000)})
			client, err := kapiten.New(srv.ClientConfig(co))
			require.NoError(t, err)
			p := validRide()
			p.CompanyID = co.ID
			_, err = client.Rides.CreateOnce(t.Context(), p)
			require.NoError(t, err)
			time.Sleep(wait)
			ride, err := client.Rides.CreateOnce(t.Context(), p)
			require.NoError(t, err)
			assert.Equal(t, debits == 1, ride.Existing)
			assert.Len(t, srv.Debits(p.ExternalID), debits)
		})
	}
}
