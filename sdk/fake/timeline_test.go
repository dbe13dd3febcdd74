package fake_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// One path may serve many operations, and one operation may have many paths.
func TestAFaultRuleMeetsTheOperationItNames(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	w.Attach(t)
	control := w.Join(fake.Provider{
		Name: "routed", Handler: responding(200), Reset: func() {}, State: func() any { return nil },
		Refuse: func(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) { rw.WriteHeader(status) },
		Routes: []fake.Route{
			{Name: "pay", Method: "POST", Path: "/", Body: map[string]string{"action": "pay"}, MovesMoney: true},
			{Name: "pay", Method: "POST", Path: "/api/", Body: map[string]string{"action": "pay"}, MovesMoney: true},
			{Name: "status", Method: "POST", Path: "/", Body: map[string]string{"action": "status"}},
			{Name: "one", Method: "GET", Path: "/orders/{id}"},
			{Name: "newest", Method: "GET", Path: "/orders/newest"},
		},
	})
	send := func(method, path, body string) int {
		rec := httptest.NewRecorder()
		control.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
		return rec.Code
	}
	for _, tt := range []struct{ method, path, body, operation string }{
		{"POST", "/", `{"action":"pay"}`, "pay"},
		{"POST", "/api/", `{"action":"pay"}`, "pay"},
		{"POST", "/api", `{"action":"pay"}`, "pay"},
		{"POST", "/", `{"action":"status"}`, "status"},
		{"POST", "/", `{"action":"refund"}`, ""},
		{"POST", "/", `["pay"]`, ""},
		{"POST", "/", ``, ""},
		{"GET", "/orders/7", ``, "one"},
		{"GET", "/orders/*", ``, "one"},
		{"GET", "/orders/[", ``, "one"},
		{"GET", "/orders/newest", ``, "newest"},
		{"PUT", "/orders/newest", ``, ""},
	} {
		for _, operation := range []string{"pay", "status", "one", "newest"} {
			require.NoError(t, control.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 503, Operation: operation}))
			want := map[bool]int{true: 503, false: 200}[tt.operation == operation]
			assert.Equal(t, want, send(tt.method, tt.path, tt.body), "%s %s %s under a rule for %s", tt.method, tt.path, tt.body, operation)
			control.ClearFaults()
		}
		all := control.Requests()
		assert.Equal(t, tt.operation, all[len(all)-1].Operation, "%s %s %s", tt.method, tt.path, tt.body)
	}
	for body, field := range map[string]string{
		`{"kind":"html","operation":"refund"}`:                       "operation",
		`{"kind":"html","provider":"routed","operation":"PAY"}`:      "operation",
		`{"kind":"html","operation":"status","path":"/orders/*"}`:    "path",
		`{"kind":"html","operation":"pay","method":"GET"}`:           "method",
		`{"kind":"html","operation":"pay","path":"/api/"}`:           "",
		`{"kind":"html","operation":"status","method":"post"}`:       "",
		`{"kind":"html","provider":"routed","operation":"newest"}`:   "",
		`{"kind":"html","provider":"bank","operation":"newest"}`:     "provider",
		`{"kind":"html","provider":"routed","operation":["newest"]}`: "operation",
	} {
		status, out := admin(t, control, "POST", "/_fake/faults", body)
		assert.Equal(t, field == "", status == 201, body)
		assert.Equal(t, field, fmt.Sprint(cmp.Or(out["field"], any(""))), body)
	}
	require.Error(t, control.AddFault(fake.Fault{Kind: fake.FaultHTML, Operation: "refund"}))
	require.Error(t, newToy(t, fake.Options{}).AddFault(fake.Fault{Kind: fake.FaultHTML, Operation: "pay"}), "a fake without a table has no operations")
}

func TestTheTotalOfAListIsOfWhatFitsTheQuery(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{JournalSize: 7, Callbacks: responding(200)}, withHook)
	other := joinToy(s.World(), "other")
	for i := range 6 {
		s.order(t, fmt.Sprintf(`{"name":"Jane %d"}`, i))
	}
	s.order(t, `{"name":"John"}`)
	s.Flush()
	other.order(t, `{}`)
	for path, want := range map[string][2]float64{ // elements on the page, in total
		"requests":                           {7, 7},
		"requests?provider=toy":              {6, 6},
		"requests?q=jane":                    {5, 5},
		`requests?q=%22name%22%3A%22jane`:    {5, 5}, // a body as it was written
		"requests?q=jane&limit=2":            {2, 5},
		"requests?limit=2":                   {2, 7},
		"requests?q=jane&limit=2&cursor=4":   {2, 5},
		"requests?q=nobody":                  {0, 0},
		"requests?q=created":                 {0, 0},
		"deliveries?state=dead":              {0, 0},
		"deliveries?state=delivered&limit=3": {3, 7},
		"deliveries?q=made":                  {7, 7},
		"deliveries?provider=other":          {0, 0},
		"timeline?kind=request&limit=3":      {3, 8},
		"timeline?kind=request&provider=toy": {7, 7},
		"timeline?result=refused":            {0, 0},
	} {
		_, out := admin(t, s, "GET", "/_fake/"+path, "")
		name, _, _ := strings.Cut(path, "?")
		if name == "timeline" {
			name = "records"
		}
		assert.Len(t, out[name], int(want[0]), path)
		assert.Equal(t, want[1], out["total"], path)
	}
	_, page := admin(t, s, "GET", "/_fake/requests?q=jane&limit=2", "")
	seen := 2
	for page["next"] != nil {
		_, page = admin(t, s, "GET", fmt.Sprintf("/_fake/requests?q=jane&limit=2&cursor=%s", page["next"]), "")
		seen += len(page["requests"].([]any))
		assert.Equal(t, 5.0, page["total"])
	}
	assert.Equal(t, 5, seen)
}

func TestARefusalWithoutATextStillHasAReason(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                   "the response gives no reason but 403 Forbidden",
		"{}":                 "the response gives no reason but 403 Forbidden",
		`{"code":7}`:         "the response gives no reason but 403 Forbidden",
		`{"detail":"wrong"}`: "detail: wrong",
		`{"token":"s3cret","blank":" ","detail":"wrong"}`:                                                   "detail: wrong",
		`{"object":{"birth_date":"1974-12-24","errors":{"external_id":[{"error":"taken"}]}}}`:               "external_id: taken",
		`{"object":{"city":"X","errors":{},"recipients":[{"errors":{"bank_code":[{"error":"invalid"}]}}]}}`: "bank_code: invalid",
		`{"errors":{"phone":["is short"],"city":["is blank"]},"phone":"1"}`:                                 "city: is blank; phone: is short",
		"<html><head><title>Not Found</title></head><body>x</body></html>":                                  "a page Not Found",
	} {
		s := newToy(t, fake.Options{}, withHandler(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(rw, body)
		}))
		s.order(t, "{}")
		assert.Equal(t, want, s.Requests()[0].Reason, body)
	}
}

func TestUsedUpRulesAreBoundedAndCounted(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	for range 23 {
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 503, Times: 1}))
		s.order(t, "{}")
	}
	_, out := admin(t, s, "GET", "/_fake/faults", "")
	assert.Len(t, out["spent"], 20)
	assert.Equal(t, 3.0, out["dropped"])
	s.Reset()
	_, out = admin(t, s, "GET", "/_fake/faults", "")
	assert.NotContains(t, out, "dropped")
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

// The first callback is sent while the request is in work, the second by the clock.
func TestARequestAndItsCallbacksNameEachOther(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
	for range 2 {
		s.order(t, `{}`)
	}
	s.Advance(10 * time.Second)
	for request, callbacks := range map[string][]string{"req-000001": {"dlv-000003", "dlv-000001"}, "req-000002": {"dlv-000004", "dlv-000002"}, "req-000003": {}} {
		_, out := admin(t, s, "GET", "/_fake/deliveries?request="+request, "")
		ids := []string{}
		for _, d := range out["deliveries"].([]any) {
			ids = append(ids, d.(map[string]any)["id"].(string))
		}
		assert.Equal(t, callbacks, ids, request)
		for _, id := range callbacks {
			_, d := admin(t, s, "GET", "/_fake/deliveries/"+id, "")
			assert.Equal(t, request, d["request"])
			_, out = admin(t, s, "GET", "/_fake/timeline?subject="+id, "")
			assert.Equal(t, request, out["records"].([]any)[0].(map[string]any)["request"], "its attempt names the request too")
		}
	}
}

// What the clock does while a request is in work is not the request's doing, and a
// request that only reads causes nothing.
func TestARequestDidNotCauseWhatTheClockDidMeanwhile(t *testing.T) {
	t.Parallel()
	var s *toy
	s = newToy(t, fake.Options{Callbacks: responding(200)}, withHook, withHandler(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/wait":
			s.Advance(10 * time.Second)
			fmt.Fprintf(rw, `{"id":%q}`, s.state.Orders[0])
		case "/v1/read":
			s.world.Lock()
			s.call(s.state.Orders[0], "read")
			s.world.Unlock()
			fmt.Fprintf(rw, `{"id":%q}`, s.state.Orders[0])
		default:
			s.serve(rw, r)
		}
	}))
	s.order(t, `{}`)
	for _, call := range [][2]string{{"POST", "/v1/wait"}, {"GET", "/v1/read"}} {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(call[0], call[1], strings.NewReader("{}")))
	}
	s.Flush()
	_, out := admin(t, s, "GET", "/_fake/deliveries", "")
	require.Len(t, out["deliveries"], 3)
	for _, d := range out["deliveries"].([]any) {
		assert.Equal(t, "req-000001", d.(map[string]any)["request"], "the order's own request: %v", d)
	}
}

// An element of 200 KB leaves no list and no message of the stream above the bound. The
// next element is still there.
func TestOneLargeElementIsCutAndNamesItsWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, largeElements)
}

func largeElements(t *testing.T) {
	large := strings.Repeat("<", 200_000)
	s := newToy(t, fake.Options{Callbacks: responding(500)}, withHandler(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, large)
	}))
	for i := range 60 { // a rule of 500 bytes has 3,000 as JSON
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 503, Times: max(0, 1-i/30), Method: "PUT", Path: "/[" + large[:490] + "x]"}))
	}
	for range 30 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/x", nil)
		require.NoError(t, err)
		res, err := s.HTTPClient().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	rec := httptest.NewRecorder()
	s.Admin().ServeHTTP(rec, httptest.NewRequest("GET", "/_fake/faults?limit=1000", nil))
	assert.Less(t, rec.Body.Len(), 50_000)
	left := 0
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		_, out := admin(t, s, "GET", "/_fake/faults?limit=1000&cursor="+cursor, "")
		left += len(out["faults"].([]any))
		assert.EqualValues(t, len(s.Faults()), out["total"])
		cursor, _ = out["next"].(string)
	}
	assert.Len(t, s.Faults(), left)
	assert.Equal(t, 30, left, "the others are used up")
	s.Reset()
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, before, _ := strings.Cut(streamed(soon, s, ""), "id: ")
	before, _, _ = strings.Cut(before, "\n")
	s.world.Lock()
	s.world.Send(fake.Callback{Provider: "toy", Event: "made", Identity: "1", URL: "http://shop.localhost/" + large, Header: http.Header{"X": {large}}, Body: []byte(large)})
	s.world.Unlock()
	s.Flush()
	s.order(t, large)
	res, err := s.HTTPClient().Post(s.URL()+"/"+large, "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	for list, total := range map[string]int{"requests": 2, "deliveries": 1, "timeline": 3} {
		name := strings.Replace(list, "timeline", "records", 1)
		whole := 0
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			rec := httptest.NewRecorder()
			s.Admin().ServeHTTP(rec, httptest.NewRequest("GET", "/_fake/"+list+"?cursor="+cursor, nil))
			assert.Less(t, rec.Body.Len(), 50_000, list)
			_, out := admin(t, s, "GET", "/_fake/"+list+"?cursor="+cursor, "")
			for _, e := range out[name].([]any) {
				element := e.(map[string]any)
				total--
				if element["cut"] == nil {
					continue
				}
				whole++
				status, _ := admin(t, s, "GET", element["whole"].(string), "")
				assert.Equal(t, 200, status, "%s: %s", list, element["whole"])
				assert.Contains(t, fmt.Sprint(element), "...[cut]")
				assert.NotEmpty(t, element["id"], "what is short stays")
			}
			cursor, _ = out["next"].(string)
		}
		assert.Zero(t, total, "all elements of %s came", list)
		assert.Positive(t, whole, "an element of %s was cut", list)
	}
	for last, cut := range map[string]bool{before: true, "": false} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		message := streamed(ctx, s, "?last="+last)
		assert.Less(t, len(message), 50_000)
		assert.Equal(t, cut, strings.Contains(message, `"cut":true`), last)
		assert.Contains(t, message, "event: records\n")
	}

	// None of these is large, and all together are too much for one message.
	for range 60 {
		res, err := s.HTTPClient().Get(s.URL() + "/" + large[:1000])
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	message := streamed(ctx, s, "?last="+before)
	assert.Less(t, len(message), 50_000)
	assert.Contains(t, message, "event: reset\n")
}

// streamed is what a client of the stream of events gets until ctx ends.
func streamed(ctx context.Context, s interface{ Admin() http.Handler }, query string) string {
	rec := httptest.NewRecorder()
	s.Admin().ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "/_fake/events"+query, nil))
	return rec.Body.String()
}

// A page tells a quiet server from a dead connection by the pings.
func TestTheStreamOfEventsPingsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 21*time.Second)
		defer cancel()
		var got string
		done := make(chan struct{})
		go func() {
			defer close(done)
			got = streamed(ctx, s, "")
		}()
		time.Sleep(7 * time.Second) // after the first ping; the second is five seconds after this
		s.order(t, "{}")
		<-done
		assert.Equal(t, 3, strings.Count(got, "event: ping\n"), got)
		assert.Equal(t, 2, strings.Count(got, "event: records\n"), got)
		assert.Contains(t, got, `"heartbeat":5`, "the page learns how long a silence may be")
		assert.NotContains(t, got, "event: ping\nid:", "a ping is no place to go on from")
	})
}
