package kapitentest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// fits reports where a response lacks a key of the sample or has another type.
func fits(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{path + " is no object"}
		}
		var wrong []string
		for key, value := range want {
			inner, ok := object[key]
			if !ok {
				wrong = append(wrong, path+"."+key+" is missing")
				continue
			}
			wrong = append(wrong, fits(path+"."+key, value, inner)...)
		}
		return wrong
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) == 0 {
			return []string{path + " is no list with something in it"}
		}
		var wrong []string
		for i, value := range list {
			wrong = append(wrong, fits(fmt.Sprintf("%s[%d]", path, i), want[0], value)...)
		}
		return wrong
	case json.Number:
		n, ok := got.(json.Number)
		if !ok || strings.Contains(want.String(), ".") != strings.Contains(n.String(), ".") {
			return []string{fmt.Sprintf("%s is %v, not a number like %s", path, got, want)}
		}
	case nil:
		if got != nil {
			return []string{path + " is not null"}
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			return []string{fmt.Sprintf("%s is a %T, not a %T", path, got, want)}
		}
	}
	return nil
}

func wantShape(t *testing.T, name, body string) {
	t.Helper()
	assert.Empty(t, fits(name, reply{body: sample(t, name)}.object(t), reply{body: body}.object(t)), "%s", body)
}

func TestResponsesHaveTheShapeOfTheDocumentsSamples(t *testing.T) {
	t.Parallel()
	var callbacks []string
	srv := kapitentest.NewServer(t, kapitentest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			callbacks = append(callbacks, string(body))
		}),
	}})

	r := send(t, srv, "POST", "/api/companies/", sample(t, "create_company.request"))
	require.Equal(t, 201, r.status)
	wantShape(t, "create_company.response", r.body)
	co := kapitentest.Company{ID: r.text(t, "id")}
	require.NoError(t, srv.Configure(co.ID, func(s *kapitentest.Settings) { s.WebhookURL = "http://merchant.localhost/" }))

	r = send(t, srv, "GET", "/api/companies/by-registration/RDB2026-XP/", "")
	wantShape(t, "registration_lookup.response", r.body)

	users := "/api/companies/" + co.ID + "/users/"
	r = send(t, srv, "POST", users, sample(t, "add_api_user.request"))
	require.Equal(t, 201, r.status)
	wantShape(t, "add_api_user.response", r.body)

	r = send(t, srv, "GET", users+r.text(t, "id")+"/api-key/", "")
	wantShape(t, "get_api_key.response", r.body)
	co.Token = r.text(t, "token")
	assert.Regexp(t, `^[0-9a-f]{40}$`, co.Token)

	// The parameters of an estimate are among those of a delivery; others are ignored.
	r = as(t, srv, co, "POST", "/api/rides/estimate/", order(t, co))
	wantShape(t, "estimate_ride_price.response", r.body)
	assert.Equal(t, `{"amount":1200.0,"details":{"base_fare":500,"distance_fare":700}}`, r.body)

	require.NoError(t, srv.Adjust(co.ID, francs(100_000), "start"))
	r = as(t, srv, co, "POST", "/api/rides/", order(t, co))
	require.Equal(t, 201, r.status)
	wantShape(t, "create_delivery.response", r.body)
	assert.Regexp(t, `^\{"id":"[0-9a-f-]{36}","reference_number":"KPT-[0-9]{6}","status":"PENDING","estimated_price":1200\.0,"distance_km":5\.6\}$`, r.body)

	require.NoError(t, srv.MoveRide(r.text(t, "id"), kapiten.RideAccepted))
	srv.Flush()
	require.Len(t, callbacks, 1)
	wantShape(t, "webhook.callback", callbacks[0])

	r = as(t, srv, co, "POST", "/api/companies/"+co.ID+"/topup/", `{"amount":5000.0,"phone_number":"0788123456","description":"Weekly credit top-up"}`)
	require.Equal(t, 201, r.status)
	wantShape(t, "wallet_topup.response", r.body)
	assert.Regexp(t, `^\{"id":"[0-9a-f-]{36}","amount":5000\.0,"transaction_type":"DEPOSIT","status":"PENDING","description":"Weekly credit top-up","created_at":"2026-04-03T09:00:00Z"\}$`, r.body)

	r = as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/", "")
	wantShape(t, "list_transactions.response", r.body)
	r = as(t, srv, co, "GET", users, "")
	wantShape(t, "list_company_users.response", r.body)

	for range 20 {
		ride(t, srv, co)
	}
	r = as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "")
	wantShape(t, "list_rides.response", r.body)
}

func TestDetailsShowOnlyFeesThatAreCharged(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	r := as(t, srv, co, "POST", "/api/rides/estimate/", order(t, co,
		with("weight_range", "10-20"), with("includes_fragile_items", true), with("is_priority", true)))
	assert.Equal(t, `{"amount":2200.0,"details":{"base_fare":500,"distance_fare":700,"weight_fee":500,"fragile_fee":200,"priority_fee":300}}`, r.body)
}

func TestCreateCompanyAnswersItsPricing(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	r := send(t, srv, "POST", "/api/companies/", sample(t, "create_company.request"))
	assert.Equal(t, `{"id":"`+r.text(t, "id")+`","name":"Best Pilau Ltd","registration_number":"RDB2026-XP","balance":0.0,"currency":"RWF",`+
		`"pricing_config":{"base_fare":500,"per_km":125,"minimum_fare":0,"weight_fees":{"0-5":0,"5-10":200,"10-20":500,"20+":1000},`+
		`"fragile_fee":200,"priority_percent":25,"overdraft_limit":0}}`, r.body)
}
