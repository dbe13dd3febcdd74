package fake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// admin calls the admin API and decodes the response.
func admin(t *testing.T, s interface{ Admin() http.Handler }, method, path, body string) (int, map[string]any) {
	t.Helper()
	rec := httptest.NewRecorder()
	s.Admin().ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	var out map[string]any
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &out))
	return rec.Code, out
}

func TestAdminMovesTheClock(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
	s.order(t, `{}`)
	status, out := admin(t, s, "GET", "/_fake/clock", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, map[string]any{"now": "2026-04-03T09:00:00Z", "mode": "manual", "speed": 1.0, "due": 1.0, "next": "2026-04-03T09:00:10Z", "waiting": 0.0}, out)
	status, out = admin(t, s, "POST", "/_fake/clock/advance", `{"seconds":10.5}`)
	assert.Equal(t, 200, status)
	assert.Equal(t, "2026-04-03T09:00:10.5Z", out["now"])
	assert.Len(t, s.Deliveries(), 2, "due events ran before it responded")
}

func TestAdminRefusesBadBodiesNamingTheField(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ method, path, body, field string }{
		"no body":            {"POST", "/_fake/clock/advance", ``, ""},
		"no object":          {"POST", "/_fake/clock/advance", `[1]`, ""},
		"two values":         {"POST", "/_fake/clock/advance", `{"seconds":1}{}`, ""},
		"missing":            {"POST", "/_fake/clock/advance", `{}`, "seconds"},
		"wrong type":         {"POST", "/_fake/clock/advance", `{"seconds":"1"}`, "seconds"},
		"negative":           {"POST", "/_fake/clock/advance", `{"seconds":-1}`, "seconds"},
		"beyond reason":      {"POST", "/_fake/clock/advance", `{"seconds":1e300}`, "seconds"},
		"unknown field":      {"POST", "/_fake/clock/advance", `{"seconds":1,"minutes":2}`, "minutes"},
		"fault kind":         {"POST", "/_fake/faults", `{"kind":"nope"}`, "kind"},
		"fault status":       {"POST", "/_fake/faults", `{"kind":"status"}`, "status"},
		"fault provider":     {"POST", "/_fake/faults", `{"kind":"html","provider":"bank"}`, "provider"},
		"fault path":         {"POST", "/_fake/faults", `{"kind":"html","path":"["}`, "path"},
		"fault times":        {"POST", "/_fake/faults", `{"kind":"html","times":-1}`, "times"},
		"fault times type":   {"POST", "/_fake/faults", `{"kind":"html","times":1.5}`, "times"},
		"list provider":      {"GET", "/_fake/requests?provider=bank", ``, "provider"},
		"list kind":          {"GET", "/_fake/timeline?kind=foo", ``, "kind"},
		"list result":        {"GET", "/_fake/timeline?result=foo", ``, "result"},
		"list state":         {"GET", "/_fake/deliveries?state=foo", ``, "state"},
		"list limit":         {"GET", "/_fake/deliveries?limit=0", ``, "limit"},
		"foreign snapshot":   {"PUT", "/_fake/snapshot", `{"version":1}`, "snapshot"},
		"snapshot, no json":  {"PUT", "/_fake/snapshot", `x`, "snapshot"},
		"faults limit":       {"GET", "/_fake/faults?limit=x", ``, "limit"},
		"clear for nobody":   {"DELETE", "/_fake/faults?provider=bank", ``, "provider"},
		"fault seconds text": {"POST", "/_fake/faults", `{"kind":"delay","seconds":"1"}`, "seconds"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newToy(t, fake.Options{})
			status, out := admin(t, s, tt.method, tt.path, tt.body)
			assert.Equal(t, 400, status)
			assert.NotEmpty(t, out["error"])
			field, _ := out["field"].(string)
			assert.Equal(t, tt.field, field)
			assert.Empty(t, s.Faults())
		})
	}
}

func TestAdminUnknownCalls(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	for _, path := range []string{"/_fake/nothing", "/_fake/clock/", "/other", "/_fake/toy/orders"} {
		status, out := admin(t, s, "GET", path, "")
		assert.Equal(t, 404, status, path)
		assert.NotEmpty(t, out["error"])
	}
	status, _ := admin(t, s, "POST", "/_fake/clock", "{}")
	assert.Equal(t, 405, status)
}

func TestAdminLists(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(500)}, withHook)
	s.order(t, `{"n":1,"password":"planted"}`)
	s.order(t, `{"n":2}`)
	s.Flush()

	_, out := admin(t, s, "GET", "/_fake/requests?provider=toy&limit=1", "")
	requests := out["requests"].([]any)
	require.Len(t, requests, 1)
	assert.Equal(t, `{"n":2}`, requests[0].(map[string]any)["request_body"], "newest first")
	_, out = admin(t, s, "GET", "/_fake/requests", "")
	require.Len(t, out["requests"], 2)
	assert.NotContains(t, out["requests"].([]any)[1].(map[string]any)["request_body"], "planted")

	_, out = admin(t, s, "GET", "/_fake/deliveries", "")
	deliveries := out["deliveries"].([]any)
	require.Len(t, deliveries, 2)
	d := deliveries[0].(map[string]any)
	assert.Equal(t, "dlv-000002", d["id"])
	assert.Equal(t, "made", d["event"])
	assert.Equal(t, "dead", d["state"])
	assert.Equal(t, 500.0, d["attempts"].([]any)[0].(map[string]any)["status"])

	status, out := admin(t, s, "POST", "/_fake/deliveries/dlv-000002/redeliver", "")
	assert.Equal(t, 200, status)
	assert.Len(t, out["attempts"], 2)
	status, _ = admin(t, s, "POST", "/_fake/deliveries/dlv-000009/redeliver", "")
	assert.Equal(t, 404, status)

	_, out = admin(t, newToy(t, fake.Options{}), "GET", "/_fake/deliveries", "")
	assert.Equal(t, []any{}, out["deliveries"], "an empty list, not null")
}

func TestAdminFaults(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	status, out := admin(t, s, "POST", "/_fake/faults",
		`{"provider":"toy","method":"POST","path":"/orders","times":2,"kind":"status","status":503}`)
	assert.Equal(t, 201, status)
	assert.Equal(t, map[string]any{"id": "flt-000001", "hits": 0.0, "provider": "toy", "operation": "", "method": "POST", "path": "/orders", "times": 2.0, "kind": "status", "status": 503.0, "seconds": 0.0}, out)
	admin(t, s, "POST", "/_fake/faults", `{"kind":"drop_after","path":"/never"}`)
	res, _ := s.order(t, `{}`)
	assert.Equal(t, 503, res.StatusCode)
	_, out = admin(t, s, "GET", "/_fake/faults", "")
	require.Len(t, out["faults"], 2)
	assert.Equal(t, "drop_after", out["faults"].([]any)[0].(map[string]any)["kind"], "newest first")
	assert.Equal(t, 1.0, out["faults"].([]any)[1].(map[string]any)["times"], "times left")
	_, out = admin(t, s, "DELETE", "/_fake/faults", "")
	assert.Equal(t, []any{}, out["faults"])
	assert.Empty(t, s.Faults())
}

func TestAdminSnapshotAndReset(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	s.order(t, `{}`)
	rec := httptest.NewRecorder()
	s.Admin().ServeHTTP(rec, httptest.NewRequest("GET", "/_fake/snapshot", nil))
	require.Equal(t, 200, rec.Code)
	status, _ := admin(t, s, "POST", "/_fake/reset", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, 0, s.orders())
	status, _ = admin(t, s, "PUT", "/_fake/snapshot", rec.Body.String())
	assert.Equal(t, 200, status)
	assert.Equal(t, 1, s.orders())
}

func TestAdminServesProvidersOwnCalls(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Start: time.Unix(0, 0)})
	status, out := admin(t, s, "GET", "/_fake/toy/orders/7", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "7", out["order"])
}
