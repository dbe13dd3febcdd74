package kapitentest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func TestAdminMovesRides(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	id := ride(t, srv, co)
	path := "/_fake/kapiten/rides/" + id
	steps := []struct {
		path, body string
		status     int
		field      string
	}{
		{"/status", `{"status":"ACCEPTED"}`, 409, "status"},
		{"/pay", ``, 200, ""},
		{"/pay", ``, 409, "status"},
		{"/status", `{"status":"ACCEPTED"}`, 200, ""},
		{"/status", `{"status":"COMPLETED"}`, 409, "status"},
		{"/status", `{"status":"FLYING"}`, 400, "status"},
		{"/status", `{}`, 400, "status"},
		{"/status", `{"status":1}`, 400, "status"},
		{"/status", `{"state":"x"}`, 400, "state"},
	}
	for _, s := range steps {
		r := send(t, srv.Admin(), "POST", path+s.path, s.body)
		require.Equal(t, s.status, r.status, "%s %s: %s", s.path, s.body, r.body)
		if s.field != "" {
			assert.Equal(t, s.field, r.text(t, "field"))
			assert.NotEmpty(t, r.text(t, "error"))
		} else {
			assert.Equal(t, id, r.text(t, "id"))
		}
	}
	r, _ := srv.Ride(id)
	assert.Equal(t, kapiten.RideAccepted, r.Status)
	assert.Equal(t, 404, send(t, srv.Admin(), "POST", "/_fake/kapiten/rides/x/pay", "").status)
	assert.Equal(t, 404, send(t, srv.Admin(), "POST", "/_fake/kapiten/rides/x/status", `{"status":"ACCEPTED"}`).status)
	assert.Equal(t, 404, send(t, srv.Admin(), "POST", "/_fake/kapiten/nothing", "").status)
}

func TestAdminSettlesTopUps(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	path := "/_fake/kapiten/transactions/" + topUp(t, srv, co, "700", "0788120003") + "/settle"
	assert.Equal(t, 400, send(t, srv.Admin(), "POST", path, `{"status":"PENDING"}`).status)
	r := send(t, srv.Admin(), "POST", path, `{"status":"SUCCESS"}`)
	assert.Equal(t, 200, r.status)
	assert.Equal(t, "SUCCESS", r.text(t, "status"))
	assert.Equal(t, 409, send(t, srv.Admin(), "POST", path, `{"status":"FAILED"}`).status)
	assert.Equal(t, 404, send(t, srv.Admin(), "POST", "/_fake/kapiten/transactions/x/settle", `{"status":"FAILED"}`).status)
	wantMoney(t, 700, srv.Balance(co.ID))
}

func TestAdminChangesCompanies(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	path := "/_fake/kapiten/companies/" + co.ID
	r := send(t, srv.Admin(), "PATCH", path,
		`{"pricing_config":{"base_fare":"600","overdraft_limit":5000,"weight_fees":{"20+":1500.5}},"webhook_url":"http://app:8080/hook"}`)
	require.Equal(t, 200, r.status, "%s", r.body)
	assert.Equal(t, `{"id":"`+co.ID+`","pricing_config":{"base_fare":600,"per_km":125,"minimum_fare":0,"weight_fees":{"0-5":0,"5-10":200,"10-20":500,"20+":1500.5},`+
		`"fragile_fee":200,"priority_percent":25,"overdraft_limit":5000},"is_active":true,"webhook_url":"http://app:8080/hook"}`, strings.TrimSpace(r.body))
	got, _ := srv.Ride(ride(t, srv, co))
	wantMoney(t, 1300, got.Price)
	assert.Equal(t, kapiten.RidePending, got.Status, "the overdraft counts")

	for body, field := range map[string]string{
		`{"pricing_config":{"base_fare":-1}}`:                    "pricing_config.base_fare",
		`{"pricing_config":{"base_fare":true}}`:                  "pricing_config.base_fare",
		`{"pricing_config":{"per_km":1e30}}`:                     "pricing_config.per_km",
		`{"pricing_config":{"per_km":1e15}}`:                     "pricing_config",
		`{"pricing_config":{"colour":1}}`:                        "pricing_config.colour",
		`{"pricing_config":{"weight_fees":1}}`:                   "pricing_config.weight_fees",
		`{"pricing_config":{"weight_fees":{"1":1}}}`:             "pricing_config.weight_fees.1",
		`{"pricing_config":7}`:                                   "pricing_config",
		`{"is_active":"no"}`:                                     "is_active",
		`{"is_active":false,"pricing_config":{"base_fare":"x"}}`: "pricing_config.base_fare",
		`{"webhook_url":1}`:                                      "webhook_url",
		`{"colour":1}`:                                           "colour",
	} {
		r := send(t, srv.Admin(), "PATCH", path, body)
		assert.Equal(t, 400, r.status, body)
		assert.Equal(t, field, r.text(t, "field"), body)
	}
	assert.Equal(t, 200, as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "").status, "nothing of a bad call counts")
	assert.Equal(t, 200, send(t, srv.Admin(), "PATCH", path, `{"is_active":false}`).status)
	assert.Equal(t, 403, as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "").status)
	assert.Equal(t, 404, send(t, srv.Admin(), "PATCH", "/_fake/kapiten/companies/x", `{}`).status)
}

func TestSecretsStayOutOfTheJournal(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	as(t, srv, co, "GET", "/api/companies/"+co.ID+"/users/"+co.UserID+"/api-key/", "")
	as(t, srv, co, "POST", "/api/rides/", order(t, co))
	journal := send(t, srv.Admin(), "GET", "/_fake/requests", "").body
	assert.NotContains(t, journal, co.Token)
	assert.Contains(t, journal, "ORDER-99123")
	b, err := json.Marshal(srv.Requests())
	require.NoError(t, err)
	assert.NotContains(t, string(b), co.Token)
}
