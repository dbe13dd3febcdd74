package kapiten_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// pagedServer serves bodies by page number and counts the requests per page.
func pagedServer(t *testing.T, pages map[string]string) (*httptest.Server, func() []string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		asked = append(asked, page)
		body, ok := pages[page]
		if !ok {
			w.WriteHeader(404)
			body = `{"detail":"Invalid page."}`
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server, func() []string { return asked }
}

func ridesPage(count int, next string, ids ...string) string {
	var results strings.Builder
	for i, id := range ids {
		if i > 0 {
			results.WriteString(",")
		}
		results.WriteString(fmt.Sprintf(`{"id":%q,"status":"PENDING","external_id":"ext-%s"}`, id, id))
	}
	return fmt.Sprintf(`{"count":%d,"next":%s,"previous":null,"results":[%s]}`, count, next, results.String())
}

func TestAListTakesThePageNumberOfALinkAndNeverTheLink(t *testing.T) {
	thief := newStub(t, 200, "application/json", `{}`)
	server, asked := pagedServer(t, map[string]string{
		"1": ridesPage(3, `"`+thief.URL+`/api/companies/co-1/rides/?page=2"`, "a", "b"),
		"2": ridesPage(3, "null", "c"),
	})
	var ids []string
	for ride, err := range newClient(t, server.URL).Rides.All(t.Context(), "co-1") {
		require.NoError(t, err)
		ids = append(ids, ride.ID)
	}
	assert.Equal(t, []string{"a", "b", "c"}, ids)
	assert.Equal(t, []string{"1", "2"}, asked())
	assert.Empty(t, thief.requests(), "the link's host must never be asked")
}

func TestAllIsLazyRestartableAndStopsWhenTold(t *testing.T) {
	server, asked := pagedServer(t, map[string]string{
		"1": ridesPage(4, `"/?page=2"`, "a", "b"),
		"2": ridesPage(4, "null", "c", "d"),
	})
	rides := newClient(t, server.URL).Rides.All(t.Context(), "co-1")
	assert.Empty(t, asked(), "nothing is fetched before the first item is wanted")
	for range 2 {
		for ride, err := range rides {
			require.NoError(t, err)
			if ride.ID == "b" {
				break
			}
		}
	}
	assert.Equal(t, []string{"1", "1"}, asked())
}

func TestAllEndsWithTheErrorOfAPage(t *testing.T) {
	server, _ := pagedServer(t, map[string]string{"1": ridesPage(4, `"/?page=2"`, "a")})
	var ids []string
	var last error
	for ride, err := range newClient(t, server.URL).Rides.All(t.Context(), "co-1") {
		if last = err; err == nil {
			ids = append(ids, ride.ID)
		}
	}
	assert.Equal(t, []string{"a"}, ids)
	require.ErrorIs(t, last, sdk.ErrNotFound)
}

func TestAllEndsWithAnErrorOnALinkThatCannotBeFollowed(t *testing.T) {
	for name, next := range map[string]string{
		"itself": `"/?page=2"`, "the one before": `"/?page=1"`, "no number": `"/?page=abc"`, "no page": `"/"`, "not a URL": `"://%"`,
		"an offset": `"/?limit=20&offset=40"`, "a cursor": `"/?cursor=cD0y"`, "another name": `"/?p=3"`, "an offset beside a page": `"/?page=3&offset=40"`,
		"past a page": `"/?page=4"`, "a number": `3`, "an object": `{"page":3}`, "a list": `["/?page=3"]`, "true": `true`,
	} {
		t.Run(name, func(t *testing.T) {
			server, asked := pagedServer(t, map[string]string{
				"1": ridesPage(9, `"/?page=2"`, "a"),
				"2": ridesPage(9, next, "b"),
			})
			n, last := 0, error(nil)
			for _, err := range newClient(t, server.URL).Rides.All(t.Context(), "co-1") {
				if last = err; err == nil {
					n++
				}
			}
			assert.Equal(t, 2, n)
			assert.ErrorIs(t, last, sdk.ErrUnexpectedResponse)
			assert.Equal(t, []string{"1", "2"}, asked())
		})
	}
}

// An envelope that tells of more rows in another way than by next is no end: All says so,
// a search cannot tell, and CreateOnce makes no ride.
func TestAnEnvelopeThatTellsOfMoreIsNoEnd(t *testing.T) {
	const row = `"results":[{"id":"a","status":"PENDING","external_id":"another"}]}`
	for envelope, more := range map[string]bool{
		`{"count":5,"next":null,`:                                    true,
		`{"links":{"next":"https://x.example/?page=2"},`:             true,
		`{"links":[{"rel":"self"},{"rel":"next","href":"?page=2"}],`: true,
		`{"next_page":2,`:                                            true,
		`{"nextCursor":"abc",`:                                       true,
		`{"has_more":true,`:                                          true,
		`{"pagination":{"next":"?page=2"},`:                          true,
		`{"meta":{"pagination":{"next_page":2}},`:                    true,
		`{"page":1,"pages":3,`:                                       true,
		`{"total_pages":"2","next":null,`:                            true,
		`{"total":2,`:                                                true,
		`{"count":1,"next":null,`:                                    false,
		// An envelope in which the documented members say nothing of an end.
		`{"page_info":{"has_next_page":true},`:     true,
		`{"last":false,"number":0,`:                true,
		`{"page":{"totalPages":2},`:                true,
		`{"num_pages":2,`:                          true,
		`{"page":1,"pages":1,"total":1,"meta":{},`: true,
		`{"count":"1,204","next":null,`:            true,
		`{"count":null,`:                           true,
		`{`:                                        true,

		`{"count":1,`:                false,
		`{"count":"1","next":"",`:    false,
		`{"next":null,`:              false,
		`{"next":null,"count":null,`: false,
		`{"next":null,"links":{"next":null,"previous":"?page=9"},`:          false,
		`{"count":1,"links":[{"rel":"self"},{"rel":"last"}],`:               false,
		`{"count":1,"has_more":false,"next_page":null,"prev_cursor":"abc",`: false,
	} {
		t.Run(envelope, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var methods []string
				client, err := kapiten.New(kapiten.Config{BaseURL: "https://kapiten.example", Token: "t", Options: sdk.Options{
					HTTPClient: clienttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						methods = append(methods, r.Method)
						if r.Method == http.MethodPost {
							w.WriteHeader(http.StatusCreated)
							_, _ = io.WriteString(w, `{"id":"r-2","reference_number":"KPT-2","status":"PENDING"}`)
							return
						}
						_, _ = io.WriteString(w, envelope+row)
					})),
				}})
				require.NoError(t, err)
				var n int
				var last error
				for _, err := range client.Rides.All(t.Context(), "co-1") {
					if last = err; err == nil {
						n++
					}
				}
				assert.Equal(t, 1, n)
				_, found := client.Rides.Find(t.Context(), "co-1", "ORDER-99123", kapiten.SearchOptions{})
				methods = nil
				_, made := client.Rides.CreateOnce(t.Context(), validRide())
				if !more {
					assert.NoError(t, last)
					assert.ErrorIs(t, found, sdk.ErrNotFound)
					assert.NoError(t, made)
					assert.Contains(t, methods, "POST")
					return
				}
				assert.ErrorIs(t, last, sdk.ErrUnexpectedResponse)
				assert.NotErrorIs(t, found, sdk.ErrNotFound)
				assert.Error(t, found)
				assert.Error(t, made)
				assert.NotContains(t, methods, "POST")
			})
		})
	}
}

func TestPagesSayWhatIsBeforeAndBehindThem(t *testing.T) {
	server, _ := pagedServer(t, map[string]string{
		"2": `{"count":"150","next":"https://api.kapiten.com/api/companies/x/rides/?page=3","previous":"https://api.kapiten.com/api/companies/x/rides/","results":[]}`,
		"7": `[{"id":"a","status":"PENDING"}]`, // pagination switched off
		"8": `{"count":0}`,
	})
	client := newClient(t, server.URL)

	page, err := client.Rides.List(t.Context(), "co-1", kapiten.ListOptions{Page: 2})
	require.NoError(t, err)
	assert.Equal(t, 150, page.Count)
	assert.Equal(t, 3, page.NextPage)
	assert.Equal(t, 1, page.PreviousPage)
	assert.Empty(t, page.Items)
	assert.Contains(t, string(page.Raw), `"count":"150"`)

	page, err = client.Rides.List(t.Context(), "co-1", kapiten.ListOptions{Page: 7})
	require.NoError(t, err)
	assert.Equal(t, 1, page.Count)
	assert.Zero(t, page.NextPage)

	_, err = client.Rides.List(t.Context(), "co-1", kapiten.ListOptions{Page: 8})
	assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, "an envelope without results is no empty list")
}

func TestASearchEndsAtWhatExistedBefore(t *testing.T) {
	pages := map[string]string{"30": ridesPage(30, "null", "r30")}
	for n := 1; n < 30; n++ {
		pages[fmt.Sprint(n)] = ridesPage(30, fmt.Sprintf(`"/?page=%d"`, n+1), fmt.Sprintf("r%d", n))
	}
	server, asked := pagedServer(t, pages)
	client := newClient(t, server.URL)

	ride, err := client.Rides.Find(t.Context(), "co-1", "ext-r29", kapiten.SearchOptions{})
	require.NoError(t, err)
	assert.Equal(t, "r29", ride.ID)
	assert.Len(t, asked(), 30, "a second one with the same external id would make it doubtful")

	_, err = client.Rides.Find(t.Context(), "co-1", "ext-r29", kapiten.SearchOptions{Before: []string{"r4", "r5"}})
	require.ErrorIs(t, err, sdk.ErrNotFound)
	assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, asked(), 34)

	_, err = client.Rides.Find(t.Context(), "co-1", "ext-r29", kapiten.SearchOptions{MaxPages: 5})
	require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
	require.NotErrorIs(t, err, sdk.ErrNotFound, "a limit reached is no absence")
	assert.Len(t, asked(), 39)

	ride, err = client.Rides.Find(t.Context(), "co-1", "ext-r2", kapiten.SearchOptions{MaxPages: 5})
	require.NoError(t, err, "what was found was found")
	assert.Equal(t, "r2", ride.ID)

	_, err = client.Rides.Get(t.Context(), "co-1", "r40")
	require.ErrorIs(t, err, sdk.ErrNotFound)
	ride, err = client.Rides.Get(t.Context(), "co-1", "r30")
	require.NoError(t, err)
	assert.Equal(t, "r30", ride.ID)

	before := len(asked())
	results, err := client.Rides.FindMany(t.Context(), "co-1", []string{"ext-r1", "ext-r30", "nobody"}, kapiten.SearchOptions{})
	require.NoError(t, err)
	assert.Len(t, asked(), before+30, "one sweep for all")
	assert.Equal(t, "r1", results["ext-r1"].Ride.ID)
	assert.Equal(t, "r30", results["ext-r30"].Ride.ID)
	require.ErrorIs(t, results["nobody"].Err, sdk.ErrNotFound)
	assert.Nil(t, results["nobody"].Ride)
}

// A row that may be younger than it seems ends no search: what is looked for may stand
// behind it.
func TestARowThatShowsNoExactTimeEndsNoSearch(t *testing.T) {
	since := time.Date(2026, 11, 28, 10, 30, 20, 500_000_000, time.UTC)
	for form, ends := range map[string]bool{
		"2026-11-28": false, "2026-11-28T10:30Z": false, "2026-11-28T10:30:05": false, "2026-11-28 10:30:05": false, "2026-11-28T10:30:20Z": false, "soon": false,
		"2026-11-28T10:30:05Z": true, "2026-11-28T12:30:05+02:00": true, "2026-11-28 10:30:05 UTC": true,
	} {
		t.Run(form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				pages := roundTripper(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodPost {
						sent++
						_, err := io.Copy(io.Discard, req.Body)
						return clienttest.Respond(201, `{"id":"new","reference_number":"KPT-1","status":"PENDING"}`)(req), err
					}
					row := `{"id":"%s","status":"PENDING","amount":5000,"external_id":"%[1]s","description":"%[1]s","created_at":"` + form + `"}`
					if req.URL.Query().Get("page") == "2" {
						return clienttest.Respond(200, `{"count":2,"next":null,"results":[`+fmt.Sprintf(row, "ORDER-1")+`]}`)(req), nil
					}
					return clienttest.Respond(200, `{"count":2,"next":"https://x/?page=2","results":[`+fmt.Sprintf(row, "other")+`]}`)(req), nil
				})
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: pages}}})
				require.NoError(t, err)
				ride := validRide()
				ride.ExternalID, ride.Since = "ORDER-1", since
				_, findErr := client.Rides.Find(t.Context(), ride.CompanyID, "ORDER-1", kapiten.SearchOptions{Since: since})
				topUp, err := client.Wallet.Prepare(kapiten.TopUpParams{
					CompanyID: "co-1", Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "ORDER-1", Since: since,
				})
				require.NoError(t, err)
				_, lookErr := topUp.Look(t.Context())
				once, err := client.Rides.CreateOnce(t.Context(), ride)
				require.NoError(t, err)
				if ends {
					require.ErrorIs(t, findErr, sdk.ErrNotFound)
					require.ErrorIs(t, lookErr, sdk.ErrNotFound)
					assert.Equal(t, 1, sent)
					return
				}
				require.NoError(t, findErr)
				require.NoError(t, lookErr)
				assert.Zero(t, sent, "no second ride")
				assert.True(t, once.Existing)
			})
		})
	}
}

func TestASearchEndsAtItsSinceWhereTheListShowsTimes(t *testing.T) {
	row := func(id, at string) string {
		return fmt.Sprintf(`{"id":%q,"status":"PENDING","external_id":"ext-%s","created_at":%s}`, id, id, at)
	}
	server, asked := pagedServer(t, map[string]string{
		"1": `{"count":4,"next":"/?page=2","results":[` + row("a", `"2026-11-21T10:00:00Z"`) + `]}`,
		"2": `{"count":4,"next":"/?page=3","results":[` + row("b", `{"$date":1}`) + `]}`,
		"3": `{"count":4,"next":"/?page=4","results":[` + row("c", `"2026-11-20T10:00:00Z"`) + `]}`,
		"4": `{"count":4,"next":null,"results":[` + row("d", `"2026-11-19T10:00:00Z"`) + `]}`,
	})
	_, err := newClient(t, server.URL).Rides.Find(t.Context(), "co-1", "ext-d", kapiten.SearchOptions{
		Since: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
	})
	require.ErrorIs(t, err, sdk.ErrNotFound)
	assert.Equal(t, []string{"1", "2", "3"}, asked())
}

func TestTwoRidesWithOneExternalIDCannotBeToldApart(t *testing.T) {
	row := func(id string) string { return `{"id":"` + id + `","status":"PENDING","external_id":"x"}` }
	for name, tc := range map[string]struct {
		second string
		found  bool
	}{"another ride": {row("b"), false}, "the same ride, pushed to the next page": {row("a"), true}} {
		t.Run(name, func(t *testing.T) {
			server, _ := pagedServer(t, map[string]string{
				"1": `{"count":2,"next":"/?page=2","results":[` + row("a") + `]}`,
				"2": `{"count":2,"next":null,"results":[` + tc.second + `]}`,
			})
			ride, err := newClient(t, server.URL).Rides.Find(t.Context(), "co-1", "x", kapiten.SearchOptions{})
			if tc.found {
				require.NoError(t, err)
				assert.Equal(t, "a", ride.ID)
				return
			}
			assert.Nil(t, ride)
			require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
			assert.NotErrorIs(t, err, sdk.ErrNotFound)
		})
	}
}

func TestASearchByExternalIDSaysNothingWhereListsDoNotShowIt(t *testing.T) {
	// The document's own list sample has three keys only.
	server, _ := pagedServer(t, map[string]string{"1": `{"count":1,"next":null,"results":[{"id":"a","reference_number":"KPT-112233","status":"COMPLETED"}]}`})
	client := newClient(t, server.URL)
	_, err := client.Rides.Find(t.Context(), "co-1", "ORDER-1", kapiten.SearchOptions{})
	require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
	assert.NotErrorIs(t, err, sdk.ErrNotFound)

	_, err = client.Rides.CreateOnce(t.Context(), validRide())
	assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, "CreateOnce must not create what it could not find again")
}

func TestABalanceCountsEachSuccessOnceOrCannotTell(t *testing.T) {
	row := func(id, amount, status string) string {
		return fmt.Sprintf(`{"id":%q,"amount":%s,"status":%q}`, id, amount, status)
	}
	const whole = `{"count":4,"next":"/?page=2","results":[`
	first := row("d", "-1200.0", "SUCCESS") + "," + row("c", "700", "PENDING") + "," + row("b", `"5000.50"`, "SUCCESS")
	for name, tc := range map[string]struct{ second, want string }{
		"pushed on by a new entry": {`{"count":4,"next":null,"results":[` + row("b", `"5000.50"`, "SUCCESS") + "," + row("a", "900", "FAILED") + `]}`, "3800.5"},
		"an amount that is none":   {`{"count":4,"next":null,"results":[` + row("a", `"a lot"`, "SUCCESS") + `]}`, ""},
		"a row that is missing":    {`{"count":9,"next":null,"results":[` + row("a", "1", "SUCCESS") + `]}`, ""},
		"a link nobody can follow": {`{"count":4,"next":"/?cursor=x","results":[` + row("a", "1", "SUCCESS") + `]}`, ""},
		"no page":                  {`<h1>oops</h1>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server, asked := pagedServer(t, map[string]string{"1": whole + first + `]}`, "2": tc.second})
			balance, err := newClient(t, server.URL).Wallet.Balance(t.Context(), "co-1")
			assert.Equal(t, []string{"1", "2"}, asked())
			if tc.want == "" {
				require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
				assert.True(t, balance.IsZero())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, balance.String())
		})
	}
}

func TestAWaitEndsWithoutAListAndOutlastsWhatIsNobodysWord(t *testing.T) {
	const ride = `{"count":2,"next":null,"results":[{"id":"r-1","status":"COMPLETED"},{"id":"r-2","status":"COMPLETED"}]}`
	first := clienttest.Respond(200, `{"count":2,"next":"/?page=2","results":[{"id":"r-2","status":"COMPLETED"}]}`)
	for name, tc := range map[string]struct {
		steps []clienttest.Step
		found bool
	}{
		"no company":  {[]clienttest.Step{clienttest.Respond(404, `{"detail":"Not found."}`)}, false},
		"a proxy":     {[]clienttest.Step{clienttest.Respond(404, "<html>"), clienttest.Respond(404, ""), clienttest.Respond(200, ride)}, true},
		"a lost page": {[]clienttest.Step{first, clienttest.Respond(404, `{"detail":"Invalid page."}`), clienttest.Respond(200, ride)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := clienttest.NewScript(tc.steps...)
				client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: script}}})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				got, err := client.Rides.Wait(ctx, "co-1", "r-1")
				assert.Len(t, script.Requests(), len(tc.steps))
				if tc.found {
					require.NoError(t, err)
					assert.Equal(t, "r-1", got.ID)
					return
				}
				require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
				assert.NotErrorIs(t, err, sdk.ErrNotFound)
				assert.Equal(t, sdk.Mend, sdk.Advise(err))
			})
		})
	}
}
