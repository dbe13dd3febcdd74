package fakeserver

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// get decodes the response of an admin call.
func get(t *testing.T, url string) map[string]any {
	t.Helper()
	status, body := ask(t, "GET", url, "")
	require.Equal(t, 200, status, "%s: %s", url, body)
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	return out
}

func elements(t *testing.T, of map[string]any, name string) []map[string]any {
	t.Helper()
	var out []map[string]any
	list, ok := of[name].([]any)
	require.True(t, ok, "no list %s", name)
	for _, e := range list {
		out = append(out, e.(map[string]any))
	}
	return out
}

const newCompany = `{"name":"Best Pilau Ltd","registration_number":"RDB2026-XP","address":"KN 78 St, Kigali","contact_person":"Victor","phone_number":"+250788123456","email":"hello@bestpilau.com"}`

// shop signs a company up and returns its id and its token.
func shop(t *testing.T, kapiten string) (id, token string) {
	t.Helper()
	field := func(body, name string) string {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &o))
		value, _ := o[name].(string)
		require.NotEmpty(t, value, body)
		return value
	}
	_, body := ask(t, "POST", kapiten+"/api/companies/", newCompany)
	id = field(body, "id")
	_, body = ask(t, "POST", kapiten+"/api/companies/"+id+"/users/", `{"phone_number":"+250788000111","first_name":"A","last_name":"B","email":"a@bestpilau.com"}`)
	_, body = ask(t, "GET", kapiten+"/api/companies/"+id+"/users/"+field(body, "id")+"/api-key/", "")
	return id, field(body, "token")
}

func order(t *testing.T, kapiten, company, token, reference string) int {
	t.Helper()
	body := fmt.Sprintf(`{"pickup_address":"a","pickup_latitude":-1.9,"pickup_longitude":30.1,"dropoff_address":"b","dropoff_latitude":-1.9,"dropoff_longitude":30.2,`+
		`"sender":{"name":"a","phone":"0788123456"},"receiver":{"name":"b","phone":"0788123457"},"company_id":%q,"external_id":%q}`, company, reference)
	return send(t, "POST", kapiten+"/api/rides/", "", body, "Content-Type", "application/json", "Authorization", "Token "+token).StatusCode
}

// TestTheOpenAPIDocumentIsTheAdminAPI holds the document, the list of calls and the
// routes against each other.
func TestTheOpenAPIDocumentIsTheAdminAPI(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	document := get(t, admin+"/openapi.json")
	assert.Equal(t, "3.1.0", document["openapi"])
	listed := map[string]bool{}
	for _, call := range elements(t, get(t, admin+"/"), "calls") {
		method, path := call["method"].(string), call["path"].(string)
		listed[method+" "+path] = true
		assert.NotEmpty(t, call["does"], "%s %s says nothing", method, path)
		assert.NotContains(t, call["does"], "\n")
		described, _ := document["paths"].(map[string]any)[path].(map[string]any)[strings.ToLower(method)].(map[string]any)
		require.NotNil(t, described, "%s %s is not in the document", method, path)
		assert.Equal(t, call["does"], described["summary"])
		names := regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1)
		for i, name := range names {
			parameter := described["parameters"].([]any)[i].(map[string]any)
			assert.Equal(t, name[1], parameter["name"])
			assert.Equal(t, "path", parameter["in"])
		}
		if path == "/_fake/events" || path == "/_fake/reset" {
			continue
		}
		status, body := ask(t, method, strings.TrimSuffix(admin, "/_fake")+regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "no-such"), map[bool]string{true: "", false: "[]"}[method == "GET"])
		assert.NotEqual(t, 405, status, path)
		assert.NotContains(t, body, "no such admin call", path)
	}
	count := 0
	for _, methods := range document["paths"].(map[string]any) {
		count += len(methods.(map[string]any))
	}
	assert.Len(t, listed, count)
	for _, call := range []string{"POST /_fake/kapiten/rides/{id}/status", "GET /_fake/bitpesa/senders", "DELETE /_fake/faults/{id}", "GET /_fake/fiatconnect/transfers/{id}"} {
		assert.True(t, listed[call], call)
	}
}

func TestListsComeInPagesUnder50KB(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	company, token := shop(t, kapiten)
	for i := range 300 {
		require.Equal(t, 201, order(t, kapiten, company, token, fmt.Sprintf("ORDER-%d", i)))
	}
	seen, cursor := []string{}, ""
	for pages := 0; pages == 0 || cursor != ""; pages++ {
		status, body := ask(t, "GET", admin+"/kapiten/rides?limit=1000&cursor="+cursor, "")
		require.Equal(t, 200, status)
		assert.Less(t, len(body), 50_000)
		var page struct {
			Rides []struct{ Reference string }
			Total int
			Next  string
		}
		require.NoError(t, json.Unmarshal([]byte(body), &page))
		require.NotEmpty(t, page.Rides)
		for _, r := range page.Rides {
			seen = append(seen, r.Reference)
		}
		cursor = page.Next
		assert.Equal(t, 300+pages, page.Total)
		require.Equal(t, 201, order(t, kapiten, company, token, fmt.Sprintf("LATE-%d", pages)), "what is new in between moves no page")
	}
	require.Len(t, seen, 300)
	assert.Equal(t, "ORDER-299", seen[0], "newest first")
	for i, reference := range seen {
		assert.Equal(t, fmt.Sprintf("ORDER-%d", 299-i), reference)
	}
	found := elements(t, get(t, admin+"/kapiten/rides?q=order-17&limit=5"), "rides")
	assert.Len(t, found, 5)
	assert.Equal(t, "ORDER-179", found[0]["reference"])
	status, body := ask(t, "GET", admin+"/kapiten/rides?cursor=x", "")
	assert.Equal(t, 400, status)
	assert.Contains(t, body, `"field":"cursor"`)
	for _, list := range []string{"requests", "deliveries", "timeline", "bitpesa/senders", "kapiten/accounts"} {
		_, body := ask(t, "GET", admin+"/"+list+"?limit=100000", "")
		assert.Less(t, len(body), 50_000, list)
		assert.Contains(t, get(t, admin+"/"+list), "total", list)
	}
}

func TestARequestTellsWhyItWasRefusedAndWhatItCaused(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	company, token := shop(t, kapiten)
	require.Equal(t, 401, order(t, kapiten, company, "no-such-token", "ORDER-1"))
	require.Equal(t, 201, order(t, kapiten, company, token, "ORDER-1"))

	records := elements(t, get(t, admin+"/timeline?subject=ORDER-1"), "records")
	require.Len(t, records, 3, "%v", records)
	state, made, refused := records[0], records[1], records[2]
	assert.Equal(t, "state", state["kind"])
	assert.Equal(t, "WAITING_PAYMENT", state["text"])
	assert.Equal(t, "rides", state["object"])
	assert.Equal(t, made["request"], state["request"], "the request caused it")
	assert.Equal(t, "refused", refused["result"])
	assert.Equal(t, "detail: Invalid token.", refused["cause"])

	request := get(t, fmt.Sprintf("%s/requests/%s", admin, refused["request"]))
	assert.Equal(t, "detail: Invalid token.", request["reason"])
	assert.Equal(t, []any{"[masked]"}, request["header"].(map[string]any)["Authorization"])
	assert.Equal(t, 401.0, request["status"])
	assert.Greater(t, request["ms"], 0.0)
	assert.Contains(t, request["request_body"], "ORDER-1")
	assert.NotContains(t, fmt.Sprint(request), "no-such-token")

	status, _ := ask(t, "POST", fmt.Sprintf("%s/kapiten/rides/%s/pay", admin, state["subject"]), "")
	require.Equal(t, 200, status)
	ride := get(t, fmt.Sprintf("%s/kapiten/rides/%s", admin, state["subject"]))
	assert.Equal(t, "PENDING", ride["state"])
	first := elements(t, ride, "acts")[0]
	assert.Equal(t, "ACCEPTED", first["name"])
	records = elements(t, get(t, admin+"/timeline?subject=ORDER-1&kind=state"), "records")
	assert.Equal(t, "WAITING_PAYMENT → PENDING", records[0]["text"])
}

func TestAFaultRuleCountsItsHitsAndCanBeRemoved(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kpay := text(t, greeting, "admin"), text(t, greeting, "kpay")
	for body, field := range map[string]string{
		`{"kind":"html","provider":"kpay","path":"/v1/nothing"}`:                      "path",
		`{"kind":"html","path":"/api/ride/"}`:                                         "path",
		`{"kind":"html","provider":"kapiten","path":"/api/rides/","method":"DELETE"}`: "method",
		`{"kind":"html","provider":"kapiten","path":"/api/companies/7f/wallet/*"}`:    "path",
		`{"kind":"html","id":"flt-1"}`:                                                "id",
	} {
		status, response := ask(t, "POST", admin+"/faults", body)
		assert.Equal(t, 400, status, body)
		assert.Contains(t, response, `"field":"`+field+`"`, body)
	}
	for _, body := range []string{
		`{"kind":"html","path":"/api/companies/*/users/"}`, `{"kind":"html","path":"/**/rides/"}`, `{"kind":"html","provider":"bitpesa","path":"/senders"}`,
		`{"kind":"html","provider":"fiatconnect","path":"/transfer/*","method":"POST"}`, `{"kind":"html","path":"/api/rides"}`, `{"kind":"html","path":"**"}`,
	} {
		status, response := ask(t, "POST", admin+"/faults", body)
		assert.Equal(t, 201, status, "%s: %s", body, response)
	}
	_, _ = ask(t, "DELETE", admin+"/faults", "")
	for _, times := range []string{"0", "1"} {
		status, _ := ask(t, "POST", admin+"/faults", `{"provider":"kpay","kind":"status","status":503,"times":`+times+`}`)
		require.Equal(t, 201, status)
	}
	for range 3 {
		status, _ := ask(t, "POST", kpay+"/", "{}")
		assert.Equal(t, 503, status)
	}
	rules := elements(t, get(t, admin+"/faults"), "faults")
	require.Len(t, rules, 2)
	assert.Equal(t, 3.0, rules[1]["hits"], "the oldest rule counts")
	status, _ := ask(t, "DELETE", fmt.Sprintf("%s/faults/%s", admin, rules[1]["id"]), "")
	assert.Equal(t, 200, status)
	status, _ = ask(t, "POST", kpay+"/", "{}")
	assert.Equal(t, 503, status)
	all := get(t, admin+"/faults")
	assert.Empty(t, elements(t, all, "faults"))
	assert.Equal(t, 1.0, elements(t, all, "spent")[0]["hits"])
	status, _ = ask(t, "DELETE", admin+"/faults/flt-999999", "")
	assert.Equal(t, 404, status)
}

// next reads the next message of a stream of events.
func next(t *testing.T, stream *bufio.Scanner) (name, id, data string) {
	t.Helper()
	for stream.Scan() {
		field, value, _ := strings.Cut(stream.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			return name, id, data
		}
	}
	require.NoError(t, stream.Err())
	t.Fatal("the stream has ended")
	return "", "", ""
}

func events(t *testing.T, admin, last string) *bufio.Scanner {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", admin+"/events", nil)
	require.NoError(t, err)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	stream := bufio.NewScanner(resp.Body)
	stream.Buffer(nil, 1<<20)
	return stream
}

func TestTheStreamGoesOnWhereAClientLeftIt(t *testing.T) {
	greeting, stop := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	stream := events(t, admin, "")
	name, first, data := next(t, stream)
	assert.Equal(t, "records", name)
	assert.Contains(t, data, `"clock"`)
	_, _ = ask(t, "POST", kapiten+"/api/companies/", newCompany)
	_, second, data := next(t, stream)
	assert.Contains(t, data, "POST /api/companies/")
	assert.NotEqual(t, first, second)

	_, _ = ask(t, "POST", admin+"/clock/advance", `{"seconds":5}`)
	name, _, data = next(t, events(t, admin, second))
	assert.Equal(t, "records", name)
	assert.Contains(t, data, "the clock was advanced")
	assert.NotContains(t, data, "companies", "seen before")

	_, _ = ask(t, "POST", admin+"/reset", "")
	for _, last := range []string{second, "other.1", "nonsense"} {
		name, _, _ = next(t, events(t, admin, last))
		assert.Equal(t, "reset", name, last)
	}
	require.NoError(t, stop(), "open streams do not hold the server back")
}

// TestNoAdminResponseShowsALiveToken logs in everywhere and looks for the tokens in
// every list, object and snapshot.
func TestNoAdminResponseShowsALiveToken(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	company, token := shop(t, kapiten)
	require.Equal(t, 201, order(t, kapiten, company, token, "ORDER-1"))
	field := func(body, name string) string {
		m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindStringSubmatch(body)
		require.NotNil(t, m, body)
		return m[1]
	}
	_, body := ask(t, "POST", text(t, greeting, "kasapay")+"/v1/auth", `{"consumer_key":"test-key","consumer_secret":"test-secret"}`)
	kasapay := field(body, "access_token")
	_, body = ask(t, "POST", text(t, greeting, "kotani")+"/api/login", `{"phoneNumber":"254700000000","countryCode":"KEN","password":"test-password"}`)
	kotani := field(body, "accessToken")
	_, body = ask(t, "POST", text(t, greeting, "fiatconnect")+"/credentials", `{"webhook":"http://127.0.0.1:1/hook"}`)
	tokens := []string{token, kasapay, kotani}
	if m := regexp.MustCompile(`"(?:apiKey|api_key|webhookSecret)":"([^"]+)"`).FindAllStringSubmatch(body, -1); len(m) > 0 {
		for _, found := range m {
			tokens = append(tokens, found[1])
		}
	}
	for _, call := range elements(t, get(t, admin+"/"), "calls") {
		path := call["path"].(string)
		if call["method"] != "GET" || strings.Contains(path, "{") || path == "/_fake/events" {
			continue
		}
		_, body := ask(t, "GET", strings.TrimSuffix(admin, "/_fake")+path, "")
		for _, secret := range tokens {
			assert.NotContains(t, body, secret, path)
		}
	}
	for _, k := range append(elements(t, get(t, admin+"/kinds"), "kinds"), map[string]any{"name": "requests"}, map[string]any{"name": "deliveries"}) {
		path, name := admin, fmt.Sprint(k["name"])
		if k["provider"] != nil {
			path += fmt.Sprint("/", k["provider"])
		}
		if name == "accounts" {
			continue
		}
		for _, o := range elements(t, get(t, path+"/"+name), name) {
			_, body := ask(t, "GET", fmt.Sprintf("%s/%s/%s", path, name, url.PathEscape(fmt.Sprint(o["id"]))), "")
			for _, secret := range tokens {
				assert.NotContains(t, body, secret, "%s %s", name, o["id"])
			}
		}
	}
	_, whole := ask(t, "GET", admin+"/snapshot?secrets=1", "")
	assert.Contains(t, whole, token)
	assert.Contains(t, whole, kotani)

	_, masked := ask(t, "GET", admin+"/snapshot", "")
	status, body := ask(t, "PUT", admin+"/snapshot", masked)
	require.Equal(t, 200, status, body)
	assert.Equal(t, 401, order(t, kapiten, company, token, "ORDER-2"), "the token is gone")
	users := elements(t, get(t, admin+"/kapiten/rides"), "rides")
	assert.Len(t, users, 1, "the rest is there")
	status, _ = ask(t, "PUT", admin+"/snapshot", whole)
	require.Equal(t, 200, status)
	assert.Equal(t, 201, order(t, kapiten, company, token, "ORDER-2"))
}

func TestTheClockGoesToTheNextEvent(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	status, _ := ask(t, "POST", admin+"/clock/advance", `{"to_next_event":true}`)
	assert.Equal(t, 409, status, "nothing waits")
	company, token := shop(t, kapiten)
	require.Equal(t, 201, order(t, kapiten, company, token, "ORDER-1"))
	clock := get(t, admin+"/clock")
	assert.Equal(t, 1.0, clock["due"])
	status, _ = ask(t, "POST", admin+"/clock/advance", `{"to_next_event":true}`)
	require.Equal(t, 200, status)
	assert.Equal(t, clock["next"], get(t, admin+"/clock")["now"])
	assert.Equal(t, "CANCELLED", elements(t, get(t, admin+"/kapiten/rides"), "rides")[0]["state"], "nobody paid in time")
}

func TestAccountsShowEntriesWithTheRunningSum(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	company, token := shop(t, kapiten)
	topUp := func(phone string) {
		body := `{"amount":5000,"phone_number":"` + phone + `"}`
		require.Equal(t, 201, send(t, "POST", kapiten+"/api/companies/"+company+"/topup/", "", body, "Content-Type", "application/json", "Authorization", "Token "+token).StatusCode)
	}
	topUp("0788000999")
	_, _ = ask(t, "POST", admin+"/clock/advance", `{"seconds":6}`)
	require.Equal(t, 201, order(t, kapiten, company, token, "ORDER-1"))
	topUp("0788000003")
	account := elements(t, get(t, admin+"/kapiten/accounts"), "accounts")[0]
	assert.Equal(t, "Best Pilau Ltd", account["name"])
	entries := elements(t, get(t, admin+"/kapiten/entries?currency=RWF&owner="+company), "entries")
	require.Len(t, entries, 3)
	assert.Equal(t, "pending", entries[0]["status"])
	assert.Equal(t, account["balance"], entries[1]["balance"])
	assert.Equal(t, "ORDER-1", entries[1]["object_reference"], "not the ride's id alone")
	assert.Equal(t, "5000", entries[2]["balance"])
	act := elements(t, entries[0], "acts")[0]
	status, _ := ask(t, act["method"].(string), strings.TrimSuffix(admin, "/_fake")+act["path"].(string), `{"status":"SUCCESS"}`)
	assert.Equal(t, 200, status)
	assert.NotEqual(t, account["balance"], elements(t, get(t, admin+"/kapiten/accounts"), "accounts")[0]["balance"])
	status, _ = ask(t, "GET", admin+"/kapiten/entries?owner=nobody&currency=RWF", "")
	assert.Equal(t, 404, status)
}

func TestARefusedLoginTellsWhichCheckFailed(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	for _, tt := range []struct{ url, want string }{
		{text(t, greeting, "bitpesa") + "/accounts", "Authorization-Key is missing or unknown"},
		{text(t, greeting, "kotani") + "/transactions", "the Authorization header holds no bearer token"},
		{text(t, greeting, "kasapay") + "/v1/payouts/b2b/ORDER-1/status", "the header X-Access-Token is missing"},
	} {
		send(t, "GET", tt.url, "", "")
		newest := elements(t, get(t, admin+"/requests?limit=1"), "requests")[0]
		if strings.EqualFold(fmt.Sprint(newest["reason"]), tt.want) {
			continue
		}
		t.Errorf("%s: %v, not %s", tt.url, newest["reason"], tt.want)
	}
	const credentials = "Basic dGVzdC11c2VyOnRlc3QtcGFzcw=="
	newest := func() map[string]any {
		return elements(t, get(t, admin+"/timeline?kind=request&limit=1"), "records")[0]
	}
	for _, tt := range []struct{ method, url, body, want string }{
		{"POST", text(t, greeting, "kpay") + "/", `{"action":"pay","refid":"R-1"}`, "Missing required parameters: "},
		{"GET", text(t, greeting, "kpay") + "/checkout/none", "", "No such payment."},
		{"GET", text(t, greeting, "kapiten") + "/nothing", "", "no such route: GET /nothing"},
		{"GET", text(t, greeting, "fiatconnect") + "/nothing", "", "no such route: GET /nothing"},
		{"POST", text(t, greeting, "fiatconnect") + "/quote/in", `{"fiatType":"KES","cryptoType":"cUSD","fiatAmount":"1"}`, "InvalidParameters: country"},
		{"POST", text(t, greeting, "fiatconnect") + "/quote/in", `{"fiatType":"KES","cryptoType":"cUSD","country":"KE"}`, "InvalidParameters: not one of fiatAmount and cryptoAmount"},
	} {
		ask(t, tt.method, tt.url, tt.body, "Authorization", credentials)
		if tt.method == "POST" && strings.Contains(tt.url, "fiatconnect") {
			ask(t, tt.method, tt.url, tt.body)
		}
		cause, _ := newest()["cause"].(string)
		assert.Contains(t, cause, tt.want)
	}
	status, _ := ask(t, "POST", admin+"/faults", `{"provider":"kpay","kind":"delay","seconds":0.001,"times":1}`)
	require.Equal(t, 201, status)
	done := later(t, text(t, greeting, "kpay")+"/", `{"action":"pay"}`)
	require.Eventually(t, func() bool { return get(t, admin+"/clock")["waiting"] == 1.0 }, 5*time.Second, time.Millisecond)
	ask(t, "POST", admin+"/clock/advance", `{"seconds":1}`)
	<-done
	assert.Equal(t, "Missing authentication header; fault delay", newest()["cause"])
	_, _ = ask(t, "POST", text(t, greeting, "kpay")+"/", `{"action":"pay"}`)
	refused := elements(t, get(t, admin+"/timeline?provider=kpay"), "records")[0]
	assert.Equal(t, "refused", refused["result"], "KPay refuses with HTTP 200: %v", refused)
}
