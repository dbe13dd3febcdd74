package kapitentest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func fleet(t *testing.T, rides int, c kapitentest.Config) (*kapitentest.Fake, kapitentest.Company, string) {
	t.Helper()
	srv := kapitentest.NewServer(t, c)
	co := srv.AddCompany(kapitentest.Company{})
	for i := range rides {
		ride(t, srv, co, with("external_id", fmt.Sprint(i)))
	}
	return srv, co, "/api/companies/" + co.ID + "/rides/"
}

func TestPages(t *testing.T) {
	t.Parallel()
	srv, co, path := fleet(t, 45, kapitentest.Config{})
	at := "http://example.com" + path
	tests := map[string]struct {
		query, next, previous string
		first, rows           int
	}{
		"first":              {"", `"` + at + `?page=2"`, "null", 44, 20},
		"empty page":         {"?page=", `"` + at + `?page=2"`, "null", 44, 20},
		"second":             {"?page=2", `"` + at + `?page=3"`, `"` + at + `"`, 24, 20},
		"last by number":     {"?page=3", "null", `"` + at + `?page=2"`, 4, 5},
		"last by name":       {"?page=last", "null", `"` + at + `?page=2"`, 4, 5},
		"others are kept":    {"?z=1&page=2&a=%20x&a=2", `"` + at + `?a=+x&a=2&page=3&z=1"`, `"` + at + `?a=+x&a=2&z=1"`, 24, 20},
		"last of several":    {"?page=9&page=2", `"` + at + `?page=3"`, `"` + at + `"`, 24, 20},
		"size is no concern": {"?page_size=1", `"` + at + `?page=2&page_size=1"`, "null", 44, 20},
		"with a plus":        {"?page=%2B2", `"` + at + `?page=3"`, `"` + at + `"`, 24, 20},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := as(t, srv, co, "GET", path+tt.query, "")
			require.Equal(t, 200, r.status)
			assert.True(t, strings.HasPrefix(r.body, `{"count":45,"next":`+tt.next+`,"previous":`+tt.previous+`,"results":[{`), "%.300s", r.body)
			rows := r.results(t)
			require.Len(t, rows, tt.rows)
			assert.Equal(t, fmt.Sprint(tt.first), rows[0]["external_id"], "newest first")
		})
	}
	for _, bad := range []string{"abc", "0", "-1", "4", "1.5", "99999999999999999999", "LAST"} {
		r := as(t, srv, co, "GET", path+"?page="+bad, "")
		assert.Equal(t, 404, r.status, bad)
		assert.Equal(t, `{"detail":"Invalid page."}`, r.body)
	}
}

func TestPageOfAnEmptyList(t *testing.T) {
	t.Parallel()
	srv, co, path := fleet(t, 0, kapitentest.Config{})
	for _, query := range []string{"", "?page=1", "?page=last"} {
		assert.Equal(t, `{"count":0,"next":null,"previous":null,"results":[]}`, as(t, srv, co, "GET", path+query, "").body)
	}
	assert.Equal(t, 404, as(t, srv, co, "GET", path+"?page=2", "").status)
	r := as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/", "")
	assert.Equal(t, `{"count":0,"next":null,"previous":null,"results":[]}`, r.body)
}

func TestRideRowShowsEverything(t *testing.T) {
	t.Parallel()
	srv, co, path := fleet(t, 1, kapitentest.Config{})
	r := srv.Rides(co.ID)[0]
	assert.Equal(t, `{"count":1,"next":null,"previous":null,"results":[{"id":"`+r.ID+`","reference_number":"`+r.ReferenceNumber+
		`","status":"WAITING_PAYMENT","estimated_price":1200.0,"distance_km":5.6,"external_id":"0",`+
		`"created_at":"2026-04-03T09:00:00Z","updated_at":"2026-04-03T09:00:00Z","created_by":"`+co.UserID+
		`","package_type":"","weight_range":"","includes_fragile_items":false,"is_priority":false}]}`, as(t, srv, co, "GET", path, "").body)
}

func TestTransactionRowShowsItsRide(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	id := ride(t, srv, co)
	ledger := srv.Transactions(co.ID)
	assert.Equal(t, `{"count":2,"next":null,"previous":null,"results":[`+
		`{"id":"`+ledger[1].ID+`","amount":-1200.0,"transaction_type":"RIDE_PAYMENT","status":"SUCCESS","description":"Ride deduction","created_at":"2026-04-03T09:00:00Z","ride":"`+id+`"},`+
		`{"id":"`+ledger[0].ID+`","amount":1200.0,"transaction_type":"ADJUSTMENT","status":"SUCCESS","description":"Opening balance","created_at":"2026-04-03T09:00:00Z","ride":null}]}`,
		as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/", "").body)
}

func TestListSwitches(t *testing.T) {
	t.Parallel()
	srv, co, path := fleet(t, 3, kapitentest.Config{Quirks: kapitentest.Quirks{PageSize: 2, OmitNullLinks: true, NextLinkHost: "api.kapiten.com"}})
	link := "https://api.kapiten.com" + path
	assert.True(t, strings.HasPrefix(as(t, srv, co, "GET", path, "").body, `{"count":3,"next":"`+link+`?page=2","results":[`))
	assert.True(t, strings.HasPrefix(as(t, srv, co, "GET", path+"?page=2", "").body, `{"count":3,"previous":"`+link+`","results":[`))
	assert.True(t, strings.HasPrefix(as(t, srv, co, "GET", "/api/companies/"+co.ID+"/users/", "").body, `{"count":1,"results":[`))
}

func TestLinksKeepTheMount(t *testing.T) {
	t.Parallel()
	srv, co, path := fleet(t, 3, kapitentest.Config{Quirks: kapitentest.Quirks{PageSize: 2}})
	r := send(t, http.StripPrefix("/kapiten", srv), "GET", "/kapiten"+path, "", "Authorization", "Token "+co.Token)
	assert.Contains(t, r.body, `"next":"http://example.com/kapiten`+path+`?page=2"`)
}
