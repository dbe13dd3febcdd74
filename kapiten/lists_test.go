package kapiten_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	results := ""
	for i, id := range ids {
		if i > 0 {
			results += ","
		}
		results += fmt.Sprintf(`{"id":%q,"status":"PENDING","external_id":"ext-%s"}`, id, id)
	}
	return fmt.Sprintf(`{"count":%d,"next":%s,"previous":null,"results":[%s]}`, count, next, results)
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

func TestAllStopsOnAPageThatLeadsNowhereNew(t *testing.T) {
	for name, next := range map[string]string{
		"itself": `"/?page=2"`, "the one before": `"/?page=1"`, "no number": `"/?page=abc"`, "no page": `"/"`, "not a URL": `"://%"`,
	} {
		t.Run(name, func(t *testing.T) {
			server, asked := pagedServer(t, map[string]string{
				"1": ridesPage(9, `"/?page=2"`, "a"),
				"2": ridesPage(9, next, "b"),
			})
			n := 0
			for _, err := range newClient(t, server.URL).Rides.All(t.Context(), "co-1") {
				require.NoError(t, err)
				n++
			}
			assert.Equal(t, 2, n)
			assert.Equal(t, []string{"1", "2"}, asked())
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

func TestASearchLooksThroughTheNewestPagesOnly(t *testing.T) {
	pages := map[string]string{}
	for n := 1; n <= 9; n++ {
		pages[fmt.Sprint(n)] = ridesPage(9, fmt.Sprintf(`"/?page=%d"`, n+1), fmt.Sprintf("r%d", n))
	}
	server, asked := pagedServer(t, pages)
	client := newClient(t, server.URL)

	ride, err := client.Rides.Find(t.Context(), "co-1", "ext-r5", kapiten.SearchOptions{})
	require.NoError(t, err)
	assert.Equal(t, "r5", ride.ID)
	assert.Len(t, asked(), 5)

	_, err = client.Rides.Get(t.Context(), "co-1", "r6")
	require.ErrorIs(t, err, sdk.ErrNotFound)
	assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, asked(), 10)
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
