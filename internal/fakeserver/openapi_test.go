package fakeserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// described holds real calls of the admin API against the OpenAPI document.
type described struct {
	t        *testing.T
	document map[string]any
	patterns map[string]*regexp.Regexp // of its paths
	done     map[string]bool           // calls that were answered as the document says, by method and path; true: with success
}

// operation is what the document says of a call.
func (d *described) operation(method, path string) (template string, operation map[string]any) {
	d.t.Helper()
	for t, methods := range d.document["paths"].(map[string]any) {
		if o, ok := methods.(map[string]any)[strings.ToLower(method)].(map[string]any); ok && d.patterns[t].MatchString(path) {
			if template == "" || strings.Count(t, "{") < strings.Count(template, "{") {
				template, operation = t, o
			}
		}
	}
	require.NotEmpty(d.t, template, "%s %s is not in the document", method, path)
	return template, operation
}

// call makes an admin call. Its body and its response must be as the document says.
func (d *described) call(admin, method, path, body string) (status int, response map[string]any) {
	d.t.Helper()
	bare, query, _ := strings.Cut(path, "?")
	template, operation := d.operation(method, bare)
	name := method + " " + template
	for parameter := range strings.SplitSeq(query, "&") {
		given, value, _ := strings.Cut(parameter, "=")
		known := given == ""
		for _, p := range operation["parameters"].([]any) {
			if p := p.(map[string]any); p["name"] == given {
				known = true
				var v any = value
				if n, err := strconv.ParseFloat(value, 64); err == nil && p["schema"].(map[string]any)["type"] == "integer" {
					v = n
				}
				assert.Empty(d.t, d.check(p["schema"].(map[string]any), v, given), name)
			}
		}
		assert.True(d.t, known, "%s: the document has no parameter %s", name, given)
	}
	takes, hasBody := operation["requestBody"].(map[string]any)
	assert.True(d.t, body == "" || hasBody, "%s: the document has no body", name)
	if body != "" && hasBody {
		assert.Empty(d.t, d.faults(takes, decoded(d.t, body), "body"), "%s %s", name, body)
	}
	status, text := ask(d.t, method, strings.TrimSuffix(admin, "/_fake")+path, body)
	response, _ = decoded(d.t, text).(map[string]any)
	if hasBody {
		assert.Equal(d.t, true, takes["required"], name)
		assert.True(d.t, body != "" || status >= 400, "%s: it works without a body", name)
	}
	outcome := fmt.Sprintf("%dXX", status/100)
	answer, ok := operation["responses"].(map[string]any)[outcome].(map[string]any)
	require.True(d.t, ok, "%s: the document has no %s", name, outcome)
	assert.Empty(d.t, d.faults(answer, response, "response"), "%s: %.300s", name, text)
	d.done[name] = d.done[name] || status < 300
	return status, response
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

// faults are the places where a JSON value differs from the schema of a body.
func (d *described) faults(of map[string]any, v any, where string) []string {
	content, _ := of["content"].(map[string]any)["application/json"].(map[string]any)
	schema, _ := content["schema"].(map[string]any)
	if schema == nil {
		return []string{where + ": no schema"}
	}
	return d.check(schema, v, where)
}

// check knows the words of JSON Schema that the document uses, and fails on others.
func (d *described) check(schema map[string]any, v any, where string) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, where+": "+fmt.Sprintf(format, args...)) }
	for _, word := range slices.Sorted(maps.Keys(schema)) {
		of := schema[word]
		switch word {
		case "$ref":
			name := strings.TrimPrefix(of.(string), "#/components/schemas/")
			target, ok := d.document["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
			if !ok {
				say("no schema %s", name)
				continue
			}
			faults = append(faults, d.check(target, v, where)...)
		case "anyOf":
			var all []string
			for _, one := range of.([]any) {
				wrong := d.check(one.(map[string]any), v, where)
				if len(wrong) == 0 {
					all = nil
					break
				}
				all = append(all, wrong...)
			}
			faults = append(faults, all...)
		case "type":
			allowed, many := of.([]any)
			if !many {
				allowed = []any{of}
			}
			if !slices.Contains(allowed, any(kindOf(v))) && (kindOf(v) != "integer" || !slices.Contains(allowed, any("number"))) {
				say("%s is not %v", kindOf(v), of)
			}
		case "const":
			if v != of {
				say("%v is not %v", v, of)
			}
		case "enum":
			if !slices.Contains(of.([]any), v) {
				say("%v is none of %v", v, of)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < of.(float64) {
				say("%v is below %v", v, of)
			}
		case "required":
			object, _ := v.(map[string]any)
			for _, name := range of.([]any) {
				if _, ok := object[name.(string)]; !ok {
					say("%s is missing", name)
				}
			}
		case "properties":
			object, _ := v.(map[string]any)
			for name, inner := range of.(map[string]any) {
				if value, ok := object[name]; ok {
					faults = append(faults, d.check(inner.(map[string]any), value, where+"."+name)...)
				}
			}
		case "additionalProperties":
			object, _ := v.(map[string]any)
			known, _ := schema["properties"].(map[string]any)
			for name, value := range object {
				if _, ok := known[name]; ok {
					continue
				}
				if inner, ok := of.(map[string]any); ok {
					faults = append(faults, d.check(inner, value, where+"."+name)...)
				} else {
					say("%s is not in the schema", name)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, value := range list {
				faults = append(faults, d.check(of.(map[string]any), value, fmt.Sprintf("%s[%d]", where, i))...)
			}
		case "format", "contentEncoding", "contentMediaType", "description":
		default:
			say("the test does not know the word %s", word)
		}
	}
	return faults
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// TestTheOpenAPIDocumentDescribesRealCalls makes each call of the document on servers
// with an object of each kind, and holds bodies and responses against the schemas.
func TestTheOpenAPIDocumentDescribesRealCalls(t *testing.T) {
	t.Parallel()
	greeting, _ := start(t, "-clock", "manual")
	d := &described{t: t, document: get(t, text(t, greeting, "admin")+"/openapi.json"), patterns: map[string]*regexp.Regexp{}, done: map[string]bool{}}
	placeholder := regexp.MustCompile(`\\\{\w+\\\}`)
	for path := range d.document["paths"].(map[string]any) {
		d.patterns[path] = regexp.MustCompile("^" + placeholder.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
	}
	admins := map[string]bool{}
	for name, s := range players(t) {
		if strings.HasPrefix(name, "bitpesa/") && name != "bitpesa/payout NGN::Bank" {
			continue
		}
		admins[s.admin] = true
		id, _ := s.play(t, map[bool]string{true: "5101180000000007", false: "0000"}[strings.Contains(name, "card")], "")
		d.acts(s, id)
		if s.provider != "bitpesa" {
			continue
		}
		s.play(t, "0000", "") // one more, whose transaction is not over
		for _, kind := range []string{"transactions", "senders"} {
			of := s
			of.kind = kind
			for _, o := range elements(t, get(t, s.admin+"/bitpesa/"+kind), kind) {
				d.acts(of, fmt.Sprint(o["id"]))
			}
		}
	}
	d.byHand(greeting)
	admins[text(t, greeting, "admin")] = true
	for admin := range admins {
		d.reads(admin)
		d.world(admin)
	}
	for path, methods := range d.document["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			name := strings.ToUpper(method) + " " + path
			answered, tried := d.done[name]
			assert.True(t, tried || path == "/_fake/events", "nobody called %s", name)
			if tried && !regexp.MustCompile(`^GET .*\{id\}$`).MatchString(name) { // no object of some kinds was made: they are all read by the same code
				assert.True(t, answered, "%s never succeeded", name)
			}
		}
	}
	d.stream(text(t, greeting, "admin"))
}

// acts does with an object, or with a ledger entry, all that it offers.
func (d *described) acts(s player, id string) {
	d.t.Helper()
	if id == "" {
		return
	}
	offered := []any{}
	if s.entries == nil {
		status, object := d.call(s.admin, "GET", "/_fake/"+s.provider+"/"+s.kind+"/"+url.PathEscape(id), "")
		require.Equal(d.t, 200, status)
		offered = object["acts"].([]any)
	} else {
		for _, a := range elements(d.t, get(d.t, s.admin+"/"+s.provider+"/accounts"), "accounts") {
			_, page := d.call(s.admin, "GET", fmt.Sprintf("/_fake/%s/entries?owner=%s&currency=%s", s.provider, a["owner"], a["currency"]), "")
			for _, e := range page["entries"].([]any) {
				if acts, ok := e.(map[string]any)["acts"].([]any); ok {
					offered = append(offered, acts...)
				}
			}
		}
	}
	for _, a := range offered {
		act := a.(map[string]any)
		body := ""
		if act["body"] != nil {
			encoded, err := json.Marshal(act["body"])
			require.NoError(d.t, err)
			body = string(encoded)
		}
		d.call(s.admin, act["method"].(string), act["path"].(string), body) // the first is legal, the others may be refused afterwards
	}
}

// byHand makes the calls that no object of a player offers.
func (d *described) byHand(greeting map[string]any) {
	t := d.t
	admin := text(t, greeting, "admin")
	company, token := shop(t, text(t, greeting, "kapiten"))
	must := func(status int, response map[string]any) {
		t.Helper()
		require.Less(t, status, 300, "%v", response)
	}
	must(d.call(admin, "POST", "/_fake/kapiten/companies/"+company+"/adjust", `{"amount":250000,"description":"a gift"}`))
	must(d.call(admin, "PATCH", "/_fake/kapiten/companies/"+company, `{"pricing_config":{},"is_active":true,"webhook_url":"http://127.0.0.1:1/kapiten"}`))
	for i, act := range []string{"/cancel", "/pay", "/status"} {
		require.Equal(t, 201, order(t, text(t, greeting, "kapiten"), company, token, fmt.Sprint("ORDER-", i)))
		ride := elements(t, get(t, admin+"/kapiten/rides?limit=1"), "rides")[0]
		body := map[string]string{"/cancel": `{"by":"sender","reason":"late"}`, "/pay": `{"status":"PAID","phone":"0788000222"}`, "/status": `{"status":"ACCEPTED"}`}[act]
		status, _ := d.call(admin, "POST", fmt.Sprintf("/_fake/kapiten/rides/%s%s", ride["id"], act), body)
		assert.Equal(t, act == "/pay", status == 409, "%s: %d", act, status)
	}
	// A ride of a company without money waits for its customer.
	must(d.call(admin, "POST", "/_fake/kapiten/companies/"+company+"/adjust", `{"amount":"-248000"}`))
	require.Equal(t, 201, order(t, text(t, greeting, "kapiten"), company, token, "ORDER-9"))
	must(d.call(admin, "POST", fmt.Sprintf("/_fake/kapiten/rides/%s/pay", elements(t, get(t, admin+"/kapiten/rides?limit=1"), "rides")[0]["id"]), `{"status":"PAID"}`))
	client, err := kotani.New(kotani.Config{BaseURL: text(t, greeting, "kotani"), PhoneNumber: "254700000000", CountryCode: "KEN", Password: "test-password"})
	require.NoError(t, err)
	for range 2 {
		_, err = client.Binance.CreateOrder(t.Context(), kotani.CreateOrderParams{Amount: decimal.NewFromInt(10), GoodsName: "a", GoodsDetail: "b", Currency: "USDT", ReturnURL: "https://shop.example/ok", CancelURL: "https://shop.example/no"})
		require.NoError(t, err)
	}
	orders := elements(t, get(t, admin+"/kotani/orders"), "orders")
	must(d.call(admin, "POST", fmt.Sprintf("/_fake/kotani/orders/%s/pay", orders[0]["id"]), ""))
	must(d.call(admin, "POST", fmt.Sprintf("/_fake/kotani/orders/%s/settle", orders[1]["id"]), `{"status":"FAILED"}`))
	must(d.call(admin, "POST", "/_fake/fiatconnect/kyc", `{"address":"0x000000000000000000000000000000000000dEaD","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"}`))
	must(d.call(admin, "POST", "/_fake/bitpesa/account_validations/outage", `{"on":true}`))
	for _, rule := range []string{`{"kind":"status","status":503,"times":1,"provider":"kpay"}`, `{"kind":"delay","seconds":2.5,"operation":"rides.create","method":"POST","path":"/api/rides/"}`} {
		must(d.call(admin, "POST", "/_fake/faults", rule))
	}
	_, _ = ask(t, "POST", text(t, greeting, "kpay")+"/", "{}") // the first rule is used up
	d.call(admin, "POST", "/_fake/faults", `{"kind":"status","status":99}`)
	for _, kind := range []fake.FaultKind{
		fake.FaultStatus, fake.FaultDelay, fake.FaultDropBefore, fake.FaultDropAfter, fake.FaultTruncate, fake.FaultMalformed, fake.FaultHTML, fake.FaultRateLimit, fake.FaultExpireToken,
	} {
		must(d.call(admin, "POST", "/_fake/faults", fmt.Sprintf(`{"kind":%q,"status":503,"seconds":1,"times":1}`, kind)))
	}
	_, kinds := d.operation("POST", "/_fake/faults")
	assert.NotEmpty(t, d.faults(kinds["requestBody"].(map[string]any), decoded(t, `{"kind":"nonsense"}`), "body"), "the document names the kinds of faults")
}

// reads lists everything, and reads each element of a list by itself.
func (d *described) reads(admin string) {
	d.t.Helper()
	for path, methods := range d.document["paths"].(map[string]any) {
		if methods.(map[string]any)["get"] == nil || strings.Contains(path, "{") || path == "/_fake/events" {
			continue
		}
		status, page := d.call(admin, "GET", path, "")
		if strings.HasSuffix(path, "/entries") {
			assert.Equal(d.t, 404, status, "no account was named")
			continue
		}
		require.Equal(d.t, 200, status, path)
		listed, _ := page[path[strings.LastIndex(path, "/")+1:]].([]any)
		one, _ := d.document["paths"].(map[string]any)[path+"/{id}"].(map[string]any)
		for _, e := range listed {
			element := e.(map[string]any)
			if strings.HasSuffix(path, "/accounts") {
				d.call(admin, "GET", strings.TrimSuffix(path, "accounts")+fmt.Sprintf("entries?owner=%s&currency=%s", url.QueryEscape(fmt.Sprint(element["owner"])), element["currency"]), "")
			} else if one["get"] != nil {
				status, _ := d.call(admin, "GET", path+"/"+url.PathEscape(fmt.Sprint(element["id"])), "")
				assert.Equal(d.t, 200, status, "%s %v", path, element["id"])
			}
		}
		if one["get"] != nil {
			d.call(admin, "GET", path+"/no-such", "")
		}
	}
}

// world makes the calls about the whole world, the reset last.
func (d *described) world(admin string) {
	d.t.Helper()
	d.call(admin, "GET", "/_fake/timeline?kind=act&result=ok&limit=2", "")
	d.call(admin, "POST", "/_fake/clock/advance", `{"seconds":0.5}`)
	d.call(admin, "POST", "/_fake/clock/advance", `{"to_next_event":true}`)
	d.call(admin, "POST", "/_fake/clock/advance", `{"seconds":172800}`)
	d.call(admin, "POST", "/_fake/deliveries/redeliver", "")
	for _, c := range elements(d.t, get(d.t, admin+"/deliveries?limit=1"), "deliveries") {
		d.call(admin, "POST", fmt.Sprintf("/_fake/deliveries/%s/redeliver", c["id"]), "")
		d.call(admin, "GET", fmt.Sprintf("/_fake/deliveries/%s", c["id"]), "")
	}
	for _, f := range elements(d.t, get(d.t, admin+"/faults"), "faults") {
		d.call(admin, "DELETE", fmt.Sprintf("/_fake/faults/%s", f["id"]), "")
	}
	d.call(admin, "DELETE", "/_fake/faults?provider=kpay", "")
	d.call(admin, "DELETE", "/_fake/faults/flt-999999", "")
	_, whole := ask(d.t, "GET", admin+"/snapshot?secrets=1", "")
	d.call(admin, "GET", "/_fake/snapshot?secrets=1", "")
	status, _ := d.call(admin, "PUT", "/_fake/snapshot", whole)
	assert.Equal(d.t, 200, status)
	d.call(admin, "POST", "/_fake/reset", "")
}

// stream holds a message of the stream of events against its schema.
func (d *described) stream(admin string) {
	d.t.Helper()
	_, operation := d.operation("GET", "/_fake/events")
	content := operation["responses"].(map[string]any)["2XX"].(map[string]any)["content"].(map[string]any)["text/event-stream"].(map[string]any)
	messages := events(d.t, admin, "")
	_, _, first := next(d.t, messages)
	_, _ = ask(d.t, "POST", admin+"/clock/advance", `{"seconds":1}`)
	_, _, second := next(d.t, messages)
	assert.Contains(d.t, second, "the clock was advanced")
	for _, data := range []string{first, second} {
		assert.Empty(d.t, d.check(content["schema"].(map[string]any)["contentSchema"].(map[string]any), decoded(d.t, data), "data"), data)
	}
}
