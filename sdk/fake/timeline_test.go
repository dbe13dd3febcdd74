package fake_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTheTimelineForgetsTheOldestAndCountsThem(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{JournalSize: 10})
	for i := range 200 {
		s.order(t, fmt.Sprintf(`{"n":%d}`, i))
	}
	_, out := admin(t, s, "GET", "/_fake/timeline?limit=1", "")
	kept, dropped := out["total"].(float64), out["dropped"].(float64)
	assert.EqualValues(t, 200, kept+dropped)
	assert.Positive(t, dropped)
	newest := out["records"].([]any)[0].(map[string]any)
	assert.EqualValues(t, 200, newest["id"])
	_, out = admin(t, s, "GET", "/_fake/requests?limit=1", "")
	assert.EqualValues(t, 10, out["total"])
	assert.EqualValues(t, 190, out["dropped"])

	seen := 0
	for cursor := ""; ; {
		_, out = admin(t, s, "GET", "/_fake/timeline?limit=7&cursor="+cursor, "")
		seen += len(out["records"].([]any))
		next, more := out["next"].(string)
		if !more {
			break
		}
		cursor = next
	}
	assert.EqualValues(t, kept, seen)
}

func TestACallbacksAttemptsShowWhatTheReceiverResponded(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(500)}, withHook)
	s.order(t, `{}`)
	s.Flush()
	_, out := admin(t, s, "GET", "/_fake/deliveries/dlv-000001", "")
	attempt := out["attempts"].([]any)[0].(map[string]any)
	assert.EqualValues(t, 500, attempt["status"])
	assert.Contains(t, attempt, "ms")
	status, out := admin(t, s, "POST", "/_fake/deliveries/redeliver", "{}")
	assert.Equal(t, 200, status)
	assert.EqualValues(t, 1, out["sent"])
	_, out = admin(t, s, "GET", "/_fake/timeline?kind=callback&result=failed", "")
	assert.Len(t, out["records"], 2)
	_, out = admin(t, s, "GET", "/_fake/timeline?kind=act", "")
	assert.Equal(t, "all dead callbacks were sent again", out["records"].([]any)[0].(map[string]any)["text"])
}

// A pattern and a template meet if some path matches both.
func TestAFaultRuleMustBeAbleToMeetARoute(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	w.Attach(t)
	routes := []fake.Route{
		{Name: "a", Method: "POST", Path: "/api/rides/"}, {Name: "b", Method: "GET", Path: "/api/companies/{id}/rides/"}, {Name: "c", Method: "GET", Path: "/kyc/{schema}"},
	}
	control := w.Join(fake.Provider{
		Name: "routed", Handler: responding(200), Reset: func() {}, State: func() any { return nil }, Routes: routes,
	})
	for path, want := range map[string]int{
		"/api/rides/": 201, "/api/rides": 201, "/api/*/": 201, "/api/r*/": 201, "/**": 201, "**": 201, "/**/rides/": 201, "/api/companies/7/rides/": 201,
		"/api/companies/*/rides/": 201, "/kyc/*": 201, "/kyc/Some[A-Z]*": 201, "/api/companies/**": 201, "": 201,
		"/api/ride/": 400, "/api": 400, "/api/companies/7": 400, "/api/companies//rides/": 400, "/kyc/a/b": 400, "/x/**": 400, "api/rides/": 400, "/**/drivers/": 400,
	} {
		rec := httptest.NewRecorder()
		control.Admin().ServeHTTP(rec, httptest.NewRequest("POST", "/_fake/faults", strings.NewReader(fmt.Sprintf(`{"kind":"html","path":%q}`, path))))
		assert.Equal(t, want, rec.Code, "%s: %s", path, rec.Body)
	}
	rec := httptest.NewRecorder()
	control.Admin().ServeHTTP(rec, httptest.NewRequest("POST", "/_fake/faults", strings.NewReader(`{"kind":"html","path":"/kyc/*","method":"POST"}`)))
	require.Equal(t, 400, rec.Code)
	assert.Contains(t, rec.Body.String(), `"field":"method"`)
}

func TestARequestThatAResetOvertakesLeavesNoTrace(t *testing.T) {
	t.Parallel()
	started, goOn := make(chan struct{}), make(chan struct{})
	s := newToy(t, fake.Options{}, withHandler(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-goOn
		w.WriteHeader(http.StatusNoContent)
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/orders", strings.NewReader("{}")))
	}()
	<-started
	s.Reset()
	close(goOn)
	<-done
	_, out := admin(t, s, "GET", "/_fake/timeline", "")
	assert.Empty(t, out["records"])
}
