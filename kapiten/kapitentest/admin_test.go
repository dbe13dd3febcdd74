package kapitentest_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
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

func TestAdminCancelsPaysAndAdjusts(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	paid, unpaid := ride(t, srv, co), ride(t, srv, co)
	rides, companies := "/_fake/kapiten/rides/", "/_fake/kapiten/companies/"
	for _, s := range []struct {
		path, body string
		status     int
		want       string // in the response
	}{
		{rides + unpaid + "/status", `{"status":"PENDING"}`, 409, `"field":"status"`},
		{rides + unpaid + "/pay", `{"status":"FAILED","phone":"0728123456"}`, 200, `"payment":{"method":"AIRTEL","phone":"0728123456","amount":"1200","status":"FAILED"}`},
		{rides + unpaid + "/pay", `{"status":"REFUNDED"}`, 400, `"field":"status"`},
		{rides + unpaid + "/pay", `{"colour":1}`, 400, `"field":"colour"`},
		{rides + unpaid + "/pay", `{"phone":"0788123456"}`, 200, `"status":"PENDING"`},
		{rides + unpaid + "/cancel", `{"by":"sender","reason":"late"}`, 200, `"status":"CANCELLED"`},
		{rides + unpaid + "/cancel", `{"by":"sender"}`, 409, `"field":"by"`},
		{rides + unpaid + "/cancel", `{"by":"system"}`, 400, `"field":"by"`},
		{rides + "x/cancel", `{"by":"sender"}`, 404, `"field":"id"`},
		{companies + co.ID + "/adjust", `{"amount":-50,"description":"A detour","ride":"` + paid + `"}`, 200, `"transaction_type":"ADJUSTMENT","status":"SUCCESS","description":"A detour"`},
		{companies + co.ID + "/adjust", `{"amount":"75.5"}`, 200, `"amount":75.5`},
		{companies + co.ID + "/adjust", `{"amount":0}`, 400, `"field":"amount"`},
		{companies + co.ID + "/adjust", `{"amount":"1e99"}`, 400, `"field":"amount"`},
		{companies + co.ID + "/adjust", `{}`, 400, `"field":"amount"`},
		{companies + co.ID + "/adjust", `{"amount":1,"ride":"` + unpaid + `"}`, 409, `"field":"ride"`},
		{companies + "x/adjust", `{"amount":1}`, 404, `"field":"id"`},
		{"/_fake/kapiten/transactions/" + topUp(t, srv, co, "700", "0788120003") + "/settle", `{"status":"FAILED","reason":"line cut"}`, 200, `"description":"Wallet top-up: line cut"`},
	} {
		r := send(t, srv.Admin(), "POST", s.path, s.body)
		assert.Equal(t, s.status, r.status, "%s %s: %s", s.path, s.body, r.body)
		assert.Contains(t, r.body, s.want, "%s %s", s.path, s.body)
	}
	shown := send(t, srv.Admin(), "GET", rides+unpaid, "").body
	assert.Contains(t, shown, `"payment":{"method":"MOMO","phone":"0788123456","amount":"1200","status":"REFUNDED"}`)
	waiting := send(t, srv.Admin(), "GET", rides+ride(t, srv, co), "").object(t)
	var names []string
	for _, act := range waiting["acts"].([]any) {
		names = append(names, act.(map[string]any)["name"].(string))
	}
	assert.Equal(t, []string{"pay", "payment fails", "CANCELLED", "sender cancels"}, names, "no act makes an unpaid ride PENDING")
}

func TestAFaultWithoutARouteIsRefused(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	for _, f := range []fake.Fault{
		{Kind: fake.FaultDropAfter, Path: "/api/ride/"},
		{Kind: fake.FaultDropAfter, Method: "DELETE", Path: "/api/rides/"},
		{Kind: fake.FaultDropAfter, Path: "/kapiten/api/rides/"},
	} {
		assert.Error(t, srv.AddFault(f), "%s %s", f.Method, f.Path)
	}
	assert.Empty(t, srv.Faults())
	for _, f := range []fake.Fault{
		{Kind: fake.FaultDropAfter},
		{Kind: fake.FaultDropAfter, Method: "post", Path: "/api/rides/"},
		{Kind: fake.FaultDropAfter, Path: "/api/rides"}, // gets a redirect
		{Kind: fake.FaultDropAfter, Path: "/api/companies/*/rides/"},
		{Kind: fake.FaultDropAfter, Path: "/**/topup/"},
	} {
		assert.NoError(t, srv.AddFault(f), "%s %s", f.Method, f.Path)
	}
}

// The adjustment pays a ride that waits, while a request without a token is held back.
func TestARefusedRequestIsNoCauseOfWhatAPersonDidMeanwhile(t *testing.T) {
	t.Parallel()
	for who, adjust := range map[string]func(*testing.T, *kapitentest.Fake, string){
		"an admin call": func(t *testing.T, srv *kapitentest.Fake, company string) {
			r := send(t, srv.Admin(), "POST", "/_fake/kapiten/companies/"+company+"/adjust", `{"amount":5000}`)
			require.Equal(t, 200, r.status, r.body)
		},
		"the test itself": func(t *testing.T, srv *kapitentest.Fake, company string) {
			require.NoError(t, srv.Adjust(company, francs(5000), "found"))
		},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := kapitentest.NewServer(t)
				co := srv.AddCompany(kapitentest.Company{})
				id := ride(t, srv, co)
				require.NoError(t, srv.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 1, Times: 1}))
				rec, over := httptest.NewRecorder(), make(chan struct{})
				go func() {
					defer close(over)
					srv.ServeHTTP(rec, httptest.NewRequest("POST", "/api/rides/", strings.NewReader(`{}`)))
				}()
				synctest.Wait()
				adjust(t, srv, co.ID)
				srv.Advance(time.Second)
				<-over
				require.Equal(t, 401, rec.Code)
				r := send(t, srv.Admin(), "GET", "/_fake/timeline?kind=state&subject="+id, "")
				var page struct{ Records []fake.Record }
				require.NoError(t, json.Unmarshal([]byte(r.body), &page))
				require.NotEmpty(t, page.Records)
				assert.Equal(t, "WAITING_PAYMENT → PENDING", page.Records[0].Text)
				assert.Equal(t, "by hand", page.Records[0].Cause)
				assert.Empty(t, page.Records[0].Request)
			})
		})
	}
}
