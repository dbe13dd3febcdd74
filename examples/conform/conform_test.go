package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

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
	var many clienttest.Quarter
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
		{"kasapay", "the reference is not unique", &distortion{twice: "conform-2"}, true, []string{"unclear: not both responses name their transaction"}},
		{"kasapay", "the status is elsewhere", &distortion{moved: map[string]string{"/state": "/status"}}, false, []string{"absent", "payouts.status"}},

		{"kotani", "another path", &distortion{moved: map[string]string{"/v1/health": "/health"}}, false, []string{`"health.check": {Method: "GET", Path: "/v1/health"},`}},
		{"kotani", "the reference is not unique", &distortion{twice: "conform-2"}, true, []string{"no: the same reference made two", "deserves class searched"}},
		{"kotani", "the login is elsewhere", &distortion{moved: map[string]string{"/sign-in": "/api/login"}}, false, []string{"login: refused"}},

		{"fiatconnect", "no clock", &distortion{moved: map[string]string{"/time": "/clock"}}, false, []string{"fiatconnect.clock", "absent"}},
		{"fiatconnect", "a version before it", &distortion{moved: map[string]string{"/v1/clock": "/clock"}}, false, []string{`"fiatconnect.clock"`, "/v1/clock"}},
		{"fiatconnect", "a clock of another form", &distortion{words: []string{`"time"`, `"now"`}}, false, []string{"differs"}},

		{"bitpesa", "another version", &distortion{moved: map[string]string{"/v2/accounts": "/v1/accounts"}}, false, []string{"accounts.list", "absent"}},
		{"bitpesa", "an unknown state", &distortion{words: []string{`"approved"`, `"checked"`}}, true, nil},
		{"bitpesa", "the reference is not unique", &distortion{again: func(first string) string {
			return regexp.MustCompile(`"id":"[0-9a-f-]+","input_amount"`).ReplaceAllString(first, `"id":"00000000-0000-4000-8000-000000000002","input_amount"`)
		}}, true, []string{"no: the same reference made two"}},
	} {
		if many.LeavesOut() {
			continue
		}
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
