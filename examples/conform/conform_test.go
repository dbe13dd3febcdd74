package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
)

// distortion changes what goes to a fake and what comes back, so that the fake plays a
// server which differs from what the SDK assumes.
type distortion struct {
	next http.RoundTripper

	moved map[string]string // the path below which a path of the fake is found
	words []string          // old and new in turn, in responses
	twice string            // a reference whose second request counts as a new one
	lag   int32             // lookups which do not show the reference yet
	until func(*http.Request) bool
	mend  func(*http.Request, *http.Response) // changes a response
	says  func(*http.Request) *http.Response  // responds in place of the fake; nil: does not

	sent atomic.Int32
}

func (d *distortion) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for theirs, ours := range d.moved {
		switch {
		case strings.HasSuffix(r.URL.Path, theirs):
			r.URL.Path = strings.TrimSuffix(r.URL.Path, theirs) + ours
			r.URL.RawPath = ""
		case strings.HasSuffix(r.URL.Path, ours):
			return textResponse(r, http.StatusNotFound, "no such page"), nil
		}
	}
	second := ""
	if r.Body != nil && d.twice != "" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Method == http.MethodPost && bytes.Contains(body, []byte(d.twice)) && !bytes.Contains(body, []byte("checkstatus")) && d.sent.Add(1) > 1 {
			second = d.twice + "b"
			body = bytes.ReplaceAll(body, []byte(d.twice), []byte(second))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if d.until != nil && d.until(r) && atomic.AddInt32(&d.lag, -1) >= 0 {
		return textResponse(r, http.StatusNotFound, `{"message":"not found"}`), nil
	}
	if d.says != nil {
		if response := d.says(r); response != nil {
			return response, nil
		}
	}
	response, err := d.next.RoundTrip(r)
	if err == nil && d.mend != nil {
		d.mend(r, response)
	}
	if err != nil || len(d.words) == 0 && second == "" {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	body = []byte(strings.NewReplacer(d.words...).Replace(string(body)))
	if second != "" {
		body = bytes.ReplaceAll(body, []byte(second), []byte(d.twice))
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("Content-Length")
	return response, nil
}

func textResponse(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}}, Request: r, ContentLength: int64(len(body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// on puts the distortion below a client.
func (d *distortion) on(o *sdk.Options) {
	d.next = o.HTTPClient.Transport
	o.HTTPClient = &http.Client{Transport: d}
}

// openDistorted opens a provider on a fake behind a distortion.
func openDistorted(t *testing.T, name string, d *distortion) *target {
	t.Helper()
	out := &target{name: name, fake: true, close: func() {}}
	var err error
	switch name {
	case "kapiten":
		server := kapitentest.NewServer(t, kapitentest.Config{Options: live})
		co := server.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000)})
		cfg := server.ClientConfig(co)
		d.on(&cfg.Options)
		out, err = kapitenTarget(out, cfg, co.ID, "0788000001", "0788000222")
	case "kpay":
		cfg := kpaytest.NewServer(t, kpaytest.Config{Options: live}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kpayTarget(out, cfg, "0788123456")
	case "kasapay":
		cfg := kasapaytest.NewServer(t, kasapaytest.Config{Options: live}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kasapayTarget(out, cfg, "565601")
	case "kotani":
		cfg := kotanitest.NewServer(t, kotanitest.Config{Options: live}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kotaniTarget(out, cfg, "+254711222333")
	case "fiatconnect":
		cfg := kotanitest.NewServer(t, kotanitest.Config{Options: live}).ClientConfig()
		d.on(&cfg.Options)
		out, err = fiatConnectTarget(out, cfg)
	case "bitpesa":
		cfg := bitpesatest.NewServer(t, bitpesatest.Config{Options: live}).ClientConfig()
		d.on(&cfg.Options)
		out, err = bitpesaTarget(out, cfg)
	}
	require.NoError(t, err)
	out.name = name
	if out.operations == nil {
		for _, p := range providers {
			if p.name == name {
				plain, err := p.open(func(string) string { return "" }, false)
				require.NoError(t, err)
				plain.close()
				out.operations = plain.operations
			}
		}
	}
	return out
}

// printed runs conform over a target and returns what people read.
func printed(t *testing.T, target *target, spend bool) (string, int) {
	t.Helper()
	var out, log bytes.Buffer
	code := conform(t.Context(), target, options{spend: spend, patience: 10 * time.Second}, &out, &log)
	assert.Empty(t, log.String())
	return out.String(), code
}

// The fakes are what the SDK assumes: nothing differs. Kapiten's create is the
// exception, by its own document: it promises no unique external id.
func TestTheFakesAreAsAssumed(t *testing.T) {
	for _, p := range providers {
		synctest.Test(t, func(t *testing.T) {
			target := openDistorted(t, p.name, &distortion{})
			text, code := printed(t, target, false)
			assert.Zero(t, code, text)
			assert.NotContains(t, text, string(differs))
			assert.NotContains(t, text, string(absent))
			assert.NotContains(t, text, "Routes")
			assert.Contains(t, text, "seen")

			text, code = printed(t, target, true)
			assert.Zero(t, code, text)
			want := map[string]string{"kapiten": "searched", "kotani": "referenced", "fiatconnect": ""}
			if class, other := want[p.name]; !other {
				assert.Contains(t, text, "unique: yes; duplicate recognised: yes; deserves class referenced", p.name)
			} else if class != "" {
				assert.Contains(t, text, "deserves class "+class, p.name)
			}
		})
	}
}

func TestEachDifferenceIsFound(t *testing.T) {
	for _, row := range []struct {
		provider, name string
		distortion     *distortion
		spend          bool
		want           []string
	}{
		{"kapiten", "another path, in the table of candidates", &distortion{moved: map[string]string{"/rides/price/": "/rides/estimate/"}}, false, []string{
			"found at POST /api/rides/price/", `"rides.estimate": {Method: "POST", Path: "/api/rides/price/"},`}},
		{"kapiten", "a path without its slash", &distortion{moved: map[string]string{"/transactions": "/transactions/"}}, false, []string{
			`"wallet.transactions": {Method: "GET", Path: "/api/companies/{company_id}/transactions"},`}},
		{"kapiten", "an unknown state and an unknown field", &distortion{words: []string{`"WAITING_PAYMENT"`, `"ON_HOLD"`, `"PENDING"`, `"ON_HOLD"`, `"distance_km"`, `"distance_m"`}}, true, nil},
		{"kapiten", "the user list elsewhere", &distortion{moved: map[string]string{"/api/v1/users/": "/users/"}}, false, []string{"users.list", "absent"}},

		{"kpay", "the reference is not unique", &distortion{twice: "conform"}, true, []string{"no: the same reference made two", "deserves class searched"}},
		{"kpay", "another word for a duplicate", &distortion{words: []string{`608`, `699`}}, true, []string{"duplicate recognised: no"}},
		{"kpay", "another path", &distortion{moved: map[string]string{"/api/": "/"}}, false, []string{"differs"}},

		{"kasapay", "another path", &distortion{moved: map[string]string{"/v2/auth": "/v1/auth"}}, false, []string{"login: refused"}},
		{"kasapay", "the reference is not unique", &distortion{twice: "conform-2"}, true, []string{"unclear: the server sent the same response again"}},
		{"kasapay", "the status is elsewhere", &distortion{moved: map[string]string{"/state": "/status"}}, false, []string{"absent", "payouts.status"}},

		{"kotani", "another path", &distortion{moved: map[string]string{"/v1/health": "/health"}}, false, []string{`"health.check": {Method: "GET", Path: "/v1/health"},`}},
		{"kotani", "the reference is not unique", &distortion{twice: "conform-2"}, true, []string{"no: the same reference made two", "deserves class searched"}},
		{"kotani", "the login is elsewhere", &distortion{moved: map[string]string{"/sign-in": "/api/login"}}, false, []string{"login: refused"}},

		{"fiatconnect", "no clock", &distortion{moved: map[string]string{"/time": "/clock"}}, false, []string{"fiatconnect.clock", "absent"}},
		{"fiatconnect", "a version before it", &distortion{moved: map[string]string{"/v1/clock": "/clock"}}, false, []string{`"fiatconnect.clock"`, "/v1/clock"}},
		{"fiatconnect", "a clock of another form", &distortion{words: []string{`"time"`, `"now"`}}, false, []string{"differs"}},

		{"bitpesa", "another version", &distortion{moved: map[string]string{"/v2/accounts": "/v1/accounts"}}, false, []string{"accounts.list", "absent"}},
		{"bitpesa", "an unknown state", &distortion{words: []string{`"approved"`, `"checked"`}}, true, nil},
		{"bitpesa", "the reference is not unique", &distortion{twice: "conform-2"}, true, []string{"no: the same reference made two"}},
	} {
		t.Run(row.provider+", "+row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := openDistorted(t, row.provider, row.distortion)
				text, code := printed(t, target, row.spend)
				if row.want == nil { // states show in a list, once there is something in it
					text, code = printed(t, target, false)
					row.want = []string{"unknown states: "}
				}
				want := 1
				if row.provider == "kotani" && row.spend {
					want = 0 // it is what the SDK takes it for
				}
				assert.Equal(t, want, code)
				for _, want := range row.want {
					assert.Contains(t, text, want)
				}
			})
		})
	}
}

// A server in a state that the run before cannot show: what conform says of it.
// status responds to what ends in a path, or to everything.
func status(code int, path, body string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if path != "" && !strings.HasSuffix(r.URL.Path, path) {
			return nil
		}
		return textResponse(r, code, body)
	}
}

func TestWhatTheServerSaysOfItself(t *testing.T) {
	for _, row := range []struct {
		provider, name string
		distortion     *distortion
		spend          bool
		code           int
		want           []string
	}{
		{"kapiten", "its clock is five minutes ahead", &distortion{mend: func(_ *http.Request, r *http.Response) {
			r.Header.Set("Date", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
		}}, false, 0, []string{"clock: 5m0s from ours"}},
		{"kasapay", "its token lives for 100 minutes", &distortion{words: []string{`"expiresIn":3600`, `"expiresIn":6000`, `"expiresIn":"3600"`, `"expiresIn":6000`}}, false, 0,
			[]string{"login: works", "the token lives 1h40m0s"}},
		{"kapiten", "OPTIONS requires a field that the SDK does not send", &distortion{says: func(r *http.Request) *http.Response {
			if r.Method != http.MethodOptions || !strings.HasSuffix(r.URL.Path, "/rides/") {
				return nil
			}
			return textResponse(r, http.StatusOK, `{"actions":{"POST":{"pickup_address":{"required":true},"tax_id":{"required":true},"note":{},"id":{"read_only":true}}}}`)
		}}, false, 1, []string{"OPTIONS requires fields that the SDK does not send; unknown fields: note tax_id; fields not shown: pickup_latitude"}},
		{"kapiten", "a path without its slash redirects", &distortion{says: func(r *http.Request) *http.Response {
			if r.Method != http.MethodOptions || strings.HasSuffix(r.URL.Path, "/add-funds/") {
				return nil
			}
			if strings.HasSuffix(r.URL.Path, "/topup/") {
				return textResponse(r, http.StatusPermanentRedirect, "")
			}
			return nil
		}}, false, 1, []string{"wallet.top_up", "HTTP 308: it is elsewhere"}},
		{"kapiten", "it is down", &distortion{says: status(503, "/rides/estimate/", "busy")}, false, 0, []string{"not tried", "HTTP 503: ask again later"}},
		{"bitpesa", "the credentials are refused", &distortion{says: status(401, "", `{"error":"Unauthorized"}`)}, false, 2, []string{"not tried"}},
		{"kpay", "a state that the SDK does not know", &distortion{words: []string{`"statusid":"03"`, `"statusid":"07"`, `"momtransactionid"`, `"mtn_id"`}}, true, 1,
			[]string{"unknown fields: mtn_id; fields not shown: momtransactionid", "unknown states: 07"}},
		{"kasapay", "a state that the SDK does not know", &distortion{words: []string{`"payment_status":703`, `"payment_status":709`, `"transaction_time"`, `"time"`}}, true, 1,
			[]string{"unknown fields: time; fields not shown: transaction_time", "unknown states: 709"}},
		{"kotani", "a state that the SDK does not know", &distortion{words: []string{`"status":"PENDING"`, `"status":"QUEUED"`, `"createdAt"`, `"made"`}}, true, 1,
			[]string{"unknown fields: result.made; fields not shown: result.createdAt", "unknown states: QUEUED"}},
		{"kotani", "an assumed route at another of its names", &distortion{moved: map[string]string{"/transactions/list": "/transactions"}}, false, 1,
			[]string{`"fiat.transactions": {Method: "GET", Path: "/transactions/list"},`}},
		{"fiatconnect", "another prefix", &distortion{moved: map[string]string{"/fiat-connect/clock": "/clock"}}, false, 1,
			[]string{`"fiatconnect.clock": {Method: "GET", Path: "/fiat-connect/clock"},`}},
	} {
		t.Run(row.provider+", "+row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, code := printed(t, openDistorted(t, row.provider, row.distortion), row.spend)
				assert.Equal(t, row.code, code, text)
				for _, want := range row.want {
					assert.Contains(t, text, want)
				}
			})
		})
	}
}

// Each assumed route has other names to try.
func TestEachAssumedRouteHasCandidates(t *testing.T) {
	for _, p := range providers {
		target, err := p.open(func(string) string { return "" }, false)
		require.NoError(t, err)
		target.close()
		for _, op := range target.operations {
			if op.Source == sdk.Assumed {
				assert.NotEmpty(t, target.candidates[op.Name], op.Name)
			}
		}
		for name := range target.candidates {
			assert.True(t, slices.ContainsFunc(target.operations, func(op sdk.Operation) bool { return op.Name == name }), name)
		}
	}
}

func TestALagOfTheLookupIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distortion{}
		target := openDistorted(t, "kasapay", d)
		looks := 0
		d.lag, d.until = 2, func(r *http.Request) bool {
			if strings.Contains(r.URL.Path, "conform-2") {
				looks++
				return true
			}
			return false
		}
		text, _ := printed(t, target, true)
		assert.Contains(t, text, "lookup: ")
		assert.NotContains(t, text, "found after 0s")
		assert.NotZero(t, looks)
	})
}

func TestTheReportIsJSONToo(t *testing.T) {
	var out, log bytes.Buffer
	code := run(context.Background(), []string{"-provider", "kasapay", "-json", "-spend"}, func(string) string { return "" }, &out, &log)
	assert.Zero(t, code, out.String()+log.String())
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	assert.Equal(t, "kasapay", r.Provider)
	assert.True(t, r.Fake)
	require.Len(t, r.Operations, 3)
	assert.Equal(t, seen, r.Operations[0].Verdict)
	require.Len(t, r.Writes, 1)
	assert.Equal(t, "referenced", r.Writes[0].Has)
}

func TestSettingsAreNamedBeforeAnythingIsAsked(t *testing.T) {
	var out, log bytes.Buffer
	env := func(name string) string { return map[string]string{"KPAY_BASE_URL": "https://kpay.example"}[name] }
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "kpay"}, env, &out, &log))
	assert.Equal(t, "conform: set KPAY_USERNAME, KPAY_PASSWORD, KPAY_RETAILER_ID\n", log.String())
	for provider, want := range map[string]string{
		"kapiten": "KAPITEN_TOKEN, KAPITEN_COMPANY_ID, KAPITEN_SENDER_PHONE, KAPITEN_RECEIVER_PHONE",
		"kpay":    "KPAY_USERNAME, KPAY_PASSWORD, KPAY_RETAILER_ID, KPAY_MSISDN",
		"kasapay": "KASAPAY_CONSUMER_KEY, KASAPAY_CONSUMER_SECRET, KASAPAY_SERVICE_CODE, KASAPAY_PAYBILL",
		"kotani":  "KOTANI_PHONE, KOTANI_COUNTRY, KOTANI_PASSWORD, KOTANI_MSISDN",
	} {
		log.Reset()
		env := func(name string) string {
			return map[string]string{strings.ToUpper(provider) + "_BASE_URL": "https://nowhere.example"}[name]
		}
		assert.Equal(t, 2, run(t.Context(), []string{"-provider", provider, "-spend"}, env, &out, &log))
		assert.Equal(t, "conform: set "+want+"\n", log.String())
	}
	log.Reset()
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "visa"}, env, &out, &log))
	assert.Contains(t, log.String(), "kapiten, kpay, kasapay, kotani, fiatconnect, bitpesa")
	assert.Empty(t, out.String())
}

// The fake accepts its own credentials: it must not answer for those of a merchant.
func TestCredentialsWithoutAURLAreRefused(t *testing.T) {
	for provider, name := range map[string]string{
		"kapiten": "KAPITEN_TOKEN", "kpay": "KPAY_PASSWORD", "kasapay": "KASAPAY_CONSUMER_SECRET",
		"kotani": "KOTANI_PASSWORD", "fiatconnect": "FIATCONNECT_API_KEY", "bitpesa": "BITPESA_SECRET",
	} {
		var out, log bytes.Buffer
		env := func(asked string) string { return map[string]string{name: "wrong"}[asked] }
		assert.Equal(t, 2, run(t.Context(), []string{"-provider", provider}, env, &out, &log))
		base := strings.ToUpper(provider) + "_BASE_URL"
		assert.Equal(t, "conform: "+name+" is set, and "+base+" is not: set both, or neither for the embedded fake\n", log.String())
		assert.Empty(t, out.String())
	}
}

// A server that shows a page for every path has none of the routes, and no route is to
// be pasted.
func TestAPageForEveryPathIsNoRoute(t *testing.T) {
	page := func(r *http.Request) *http.Response {
		if strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasSuffix(r.URL.Path, "/users/") {
			return nil
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			return textResponse(r, http.StatusNotFound, "no such page")
		}
		return textResponse(r, http.StatusOK, "<html>welcome</html>")
	}
	synctest.Test(t, func(t *testing.T) {
		text, code := printed(t, openDistorted(t, "kapiten", &distortion{says: page}), false)
		assert.Equal(t, 1, code, text)
		assert.NotContains(t, text, "Routes", "a page was taken for users.list")
	})
	for _, provider := range []string{"kotani", "fiatconnect", "bitpesa"} {
		synctest.Test(t, func(t *testing.T) {
			everywhere := func(r *http.Request) *http.Response { return textResponse(r, http.StatusOK, "<html>welcome</html>") }
			text, code := printed(t, openDistorted(t, provider, &distortion{says: everywhere}), false)
			assert.NotZero(t, code, text)
			assert.NotRegexp(t, `(?m)  seen\b`, text)
			assert.NotContains(t, text, "Routes")
		})
	}
}

// A merchant learns before he goes live that a server refuses his credentials.
// FiatConnect has no row: without a session nothing is read with credentials.
func TestRefusedCredentialsAreNotAsAssumed(t *testing.T) {
	for provider, says := range map[string]func(*http.Request) *http.Response{
		"kapiten": status(401, "", `{"detail":"Invalid token."}`),
		"kpay":    status(200, "", `{"success":0,"retcode":600,"reply":"Invalid username / password combination"}`),
		"kasapay": status(401, "", `{"statusCode":401,"message":"Invalid credentials","error":"Unauthorized"}`),
		"kotani":  status(401, "", "Unauthorized"),
		"bitpesa": status(401, "", `{"error":"Unauthorized"}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			text, code := printed(t, openDistorted(t, provider, &distortion{says: says}), false)
			assert.Equal(t, 2, code, text)
			assert.Contains(t, text, "credentials: refused by", provider)
		})
	}
}

func TestACallbackWithoutATransactionIsRefused(t *testing.T) {
	var out, log bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "kpay", "-callback", "https://example.com"}, func(string) string { return "" }, &out, &log))
	assert.Contains(t, log.String(), "-callback needs -spend")
}

// Nothing of a person or of the credentials is printed.
func TestTheReportHoldsNoPersonalDatum(t *testing.T) {
	for _, p := range providers {
		target, err := p.open(func(string) string { return "" }, false)
		require.NoError(t, err)
		var out, log bytes.Buffer
		conform(t.Context(), target, options{spend: true, json: true}, &out, &log)
		target.close()
		for _, secret := range []string{"0788", "+2547", "254711", "email@domain.com", "Kampala", "Bearer", "Token ", target.ids["company_id"], target.ids["user_id"]} {
			if secret != "" {
				assert.NotContains(t, out.String(), secret, p.name)
			}
		}
	}
}

// A server that repeats all it hears, in every place that conform looks at.
func TestNothingThatTheServerRepeatsIsPrinted(t *testing.T) {
	var heard atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Allow", "PLANTED-secret, +250788123456, Plantedname, PATCH")
		said := map[string]any{"PLANTED-secret": 1, "0788 123 456": 2, "jane@planted.example": 3, "status": "0788123456", "statusid": "0788123456", "payment_status": "0788123456",
			"retcode": "0788123456", "code": "PLANTED-secret", "detail": "0788123456 PLANTED-secret", "desc": "0788123456 PLANTED-secret", "message": "jane@planted.example", "error": "PLANTED-secret",
			"refid": "0788123456", "external_id": "0788123456", "error_code": "0788123456", "response_code": 720, "access_token": "PLANTED-secret", "expiresIn": 788123456}
		said["results"], said["result"], said["object"] = []any{said["status"], map[string]any{"status": "0788123456", "0788123456": 1}}, map[string]any{"status": "0788123456", "token": "PLANTED-secret", "+250788123456": 1}, []any{}
		w.WriteHeader([]int{200, 200, 405, 400, 422, 200}[int(heard.Load())%6])
		_ = json.NewEncoder(w).Encode(said)
	}))
	defer server.Close()
	for _, p := range providers {
		for _, extra := range []string{"-json", "-json=false"} {
			env := func(name string) string {
				switch {
				case strings.HasSuffix(name, "_BASE_URL"):
					return server.URL
				case strings.HasSuffix(name, "PHONE"), strings.HasSuffix(name, "MSISDN"):
					return "+250788123456"
				case name == "KOTANI_COUNTRY":
					return "KE"
				case strings.HasSuffix(name, "PAYBILL"):
					return "565601"
				}
				return "PLANTED-secret"
			}
			var out, log bytes.Buffer
			run(t.Context(), []string{"-provider", p.name, "-spend", "-patience", "1ms", extra}, env, &out, &log)
			assert.NotEmpty(t, out.String(), p.name+log.String())
			for _, planted := range []string{"PLANTED", "Planted", "788123456", "123 456", "planted.example"} {
				assert.NotContains(t, out.String()+log.String(), planted, p.name)
			}
		}
	}
	assert.NotZero(t, heard.Load())
}

func TestACallbackIsDescribed(t *testing.T) {
	h, err := receive(options{callback: "https://shop.example/hook", listen: "127.0.0.1:0"})
	require.NoError(t, err)
	defer h.close()
	response, err := send(t, "http://"+h.address+"/hook", `{"refid":"R-1","payer":{"name":"Jane"}}`)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	got := h.wait(t.Context(), options{patience: time.Minute})
	require.Len(t, got, 1)
	assert.Equal(t, []string{"payer", "refid"}, got[0].Fields)
	assert.NotContains(t, got[0].Headers, "R-1")
}

func send(t *testing.T, url, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	return http.DefaultClient.Do(r)
}
