package kapiten_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

var (
	emptyList   = clienttest.Answer(200, `{"count":0,"next":null,"previous":null,"results":[]}`)
	listed      = clienttest.Answer(200, `{"count":1,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":"ORDER-99123"}]}`)
	created     = clienttest.Answer(201, `{"id":"r-2","status":"PENDING"}`)
	poor        = clienttest.Answer(400, `{"detail":"Insufficient wallet balance."}`)
	taken       = clienttest.Answer(400, `{"external_id":["ride with this external id already exists."]}`)
	badToken    = clienttest.Answer(401, `{"detail":"Invalid token."}`)
	noSuchPage  = clienttest.Answer(404, `{"detail":"Invalid page."}`)
	noSuchRoute = clienttest.Answer(404, `<title>Not Found</title>`, "Content-Type", "text/html")
	cursor      = clienttest.Answer(200, `{"count":40,"next":"https://api.kapiteni.com/api/companies/co-1/rides/?cursor=cD0y","results":[{"id":"r-9","status":"PENDING","external_id":"OTHER"}]}`)
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
		"unknown, absent, sent again":    {[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, created}, "r-2", "", nil, 2},
		"unknown, then no look succeeds": {[]clienttest.Step{emptyList, nil, badToken}, "", "unknown", nil, 1},
		// The first was carried out late: it took the money, or the reference.
		"refused for want of money, yet found": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, poor, listed}, "r-1", "", nil, 2},
		"refused as taken, and found": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, taken, listed}, "r-1", "", nil, 2},
		"refused as taken, never seen": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, taken, emptyList}, "", "unknown", sdk.ErrDuplicate, 2},
		"refused for want of money, absent": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, poor, emptyList}, "", "rejected", sdk.ErrValidation, 2},
		"second with a bad token, absent": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, badToken, emptyList}, "", "unknown", sdk.ErrUnauthorized, 2},
		"unknown twice, absent": {
			[]clienttest.Step{emptyList, nil, emptyList, emptyList, emptyList, nil, emptyList}, "", "unknown", nil, 2},
		// An error is no proof of absence.
		"list without a route":               {[]clienttest.Step{noSuchRoute}, "", "no effect", sdk.ErrUnexpectedResponse, 0},
		"list of a company that is not ours": {[]clienttest.Step{noSuchPage}, "", "no effect", sdk.ErrUnexpectedResponse, 0},
		"unknown, then a list without a route": {
			[]clienttest.Step{emptyList, nil, noSuchRoute}, "", "unknown", nil, 1},
		"unknown, then a page that is gone": {
			[]clienttest.Step{emptyList, nil, noSuchPage}, "", "unknown", nil, 1},
		"more rides behind a link that cannot be read": {
			[]clienttest.Step{cursor}, "", "no effect", sdk.ErrUnexpectedResponse, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := clienttest.NewScript(row.script...)
				client, err := kapiten.New(kapiten.Config{Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
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
					assert.Equal(t, "ORDER-99123", ride.ExternalID)
					return
				}
				assert.Nil(t, ride)
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, row.outcome, apiErr.Outcome.String(), err)
				if row.is != nil {
					assert.ErrorIs(t, err, row.is)
				}
			})
		})
	}
}

func TestCreateOnceLooksForThreeSecondsBeforeItSendsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := clienttest.NewScript(emptyList, nil, emptyList, emptyList, emptyList, created)
		client, err := kapiten.New(kapiten.Config{Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Rides.CreateOnce(t.Context(), validRide())
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}
