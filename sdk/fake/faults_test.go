package fake_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestFaultKinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    fake.Fault
		status   int // 0: no response
		body     string
		wantErr  bool // while reading the body
		orders   int  // made by the faulty request
		noJSON   bool
		header   string // Retry-After
		recorded int    // status in the journal
	}{
		"status in the provider's words": {fault: fake.Fault{Kind: fake.FaultStatus, Status: 503}, status: 503, body: `{"toy_error":503,"wait":0}`, recorded: 503},
		"rate limit with a wait":         {fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 6.5}, status: 429, body: `{"toy_error":429,"wait":7}`, header: "7", recorded: 429},
		"rate limit without a wait":      {fault: fake.Fault{Kind: fake.FaultRateLimit}, status: 429, body: `{"toy_error":429,"wait":0}`, recorded: 429},
		"html page":                      {fault: fake.Fault{Kind: fake.FaultHTML}, status: 502, body: "502 Bad Gateway", noJSON: true, recorded: 502},
		"html page of another status":    {fault: fake.Fault{Kind: fake.FaultHTML, Status: 200}, status: 200, body: "<html>", noJSON: true, recorded: 200},
		"dropped before the work":        {fault: fake.Fault{Kind: fake.FaultDropBefore}},
		"dropped after the work":         {fault: fake.Fault{Kind: fake.FaultDropAfter}, orders: 1},
		"truncated":                      {fault: fake.Fault{Kind: fake.FaultTruncate}, status: 201, body: `{"id"`, wantErr: true, orders: 1, noJSON: true, recorded: 201},
		"malformed":                      {fault: fake.Fault{Kind: fake.FaultMalformed}, status: 201, body: `{"id"`, orders: 1, noJSON: true, recorded: 201},
		"expired token":                  {fault: fake.Fault{Kind: fake.FaultExpireToken}, status: 201, body: `"tkn-1"`, orders: 1, recorded: 201},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newToy(t, fake.Options{})
			tt.fault.Times = 1
			require.NoError(t, s.AddFault(tt.fault))
			res, err := s.HTTPClient().Post(s.URL()+"/orders", "application/json", strings.NewReader(`{}`))
			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.Equal(t, tt.status, res.StatusCode)
				assert.Equal(t, tt.header, res.Header.Get("Retry-After"))
				assert.Equal(t, tt.fault.Kind == fake.FaultHTML, res.Header.Get("Content-Type") == "text/html")
				body, err := io.ReadAll(res.Body)
				require.NoError(t, res.Body.Close())
				assert.Equal(t, tt.wantErr, err != nil, "%v", err)
				assert.Contains(t, string(body), tt.body)
				assert.Equal(t, tt.noJSON, !json.Valid(body), "%s", body)
			}
			assert.Equal(t, tt.orders, s.orders())
			r := s.Requests()
			require.Len(t, r, 1)
			assert.Equal(t, tt.recorded, r[0].Status)
			assert.Equal(t, tt.fault.Kind, r[0].Fault)
			if tt.orders == 1 {
				assert.Contains(t, r[0].ResponseBody, `"id"`, "the journal shows what the work gave")
			}
			assert.Empty(t, s.Faults(), "the rule is used up")
			res, _ = s.order(t, `{}`)
			assert.Equal(t, http.StatusCreated, res.StatusCode, "the next request is served")
		})
	}
}

func TestFaultMatching(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		meets bool
	}{
		"everything":              {fake.Fault{}, true},
		"method":                  {fake.Fault{Method: "POST"}, true},
		"method in another case":  {fake.Fault{Method: "post"}, true},
		"another method":          {fake.Fault{Method: "GET"}, false},
		"path behind the base":    {fake.Fault{Path: "/orders/77/items"}, true},
		"path with the base":      {fake.Fault{Path: "/v1/orders/77/items"}, false},
		"star within a segment":   {fake.Fault{Path: "/orders/*/items"}, true},
		"star spans no segments":  {fake.Fault{Path: "/orders/*"}, false},
		"star at part of segment": {fake.Fault{Path: "/ord*/7?/items"}, true},
		"two stars span segments": {fake.Fault{Path: "/orders/**"}, true},
		"two stars in the middle": {fake.Fault{Path: "/**/items"}, true},
		"two stars, wrong end":    {fake.Fault{Path: "/**/orders"}, false},
		"shorter path":            {fake.Fault{Path: "/orders/77"}, false},
		"longer path":             {fake.Fault{Path: "/orders/77/items/1"}, false},
		"missing slash":           {fake.Fault{Path: "/orders/77/items/"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newToy(t, fake.Options{})
			tt.fault.Kind, tt.fault.Status = fake.FaultStatus, 599
			require.NoError(t, s.AddFault(tt.fault))
			res, err := s.HTTPClient().Post(s.URL()+"/orders/77/items", "", nil)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, tt.meets, res.StatusCode == 599)
		})
	}
}

func TestFaultRulesAreChecked(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	for name, f := range map[string]fake.Fault{
		"no kind":                {},
		"unknown kind":           {Kind: "explode"},
		"status missing":         {Kind: fake.FaultStatus},
		"status too large":       {Kind: fake.FaultStatus, Status: 600},
		"html status too small":  {Kind: fake.FaultHTML, Status: 99},
		"delay without seconds":  {Kind: fake.FaultDelay},
		"negative seconds":       {Kind: fake.FaultRateLimit, Seconds: -1},
		"seconds beyond reason":  {Kind: fake.FaultDelay, Seconds: 1e12},
		"negative times":         {Kind: fake.FaultDropAfter, Times: -1},
		"broken pattern":         {Kind: fake.FaultDropAfter, Path: "/a[/"},
		"pattern made to be bad": {Kind: fake.FaultDropAfter, Path: strings.Repeat("/**", 5)},
		"unknown provider":       {Kind: fake.FaultDropAfter, Provider: "bank"},
	} {
		assert.Error(t, s.AddFault(f), name)
	}
	assert.ErrorIs(t, s.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Provider: "bank"}), fake.ErrNotFound)
	assert.Empty(t, s.Faults())
}

func TestFaultTimesCountDownAndZeroStays(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 2}))
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 418}))
	var got []int
	for range 4 {
		res, _ := s.order(t, ``)
		got = append(got, res.StatusCode)
	}
	assert.Equal(t, []int{500, 500, 418, 418}, got)
	assert.Len(t, s.Faults(), 1)
	s.ClearFaults()
	res, _ := s.order(t, ``)
	assert.Equal(t, 201, res.StatusCode)
}

func TestDelayWaitsForTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{})
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 5, Times: 1}))
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1}))
		status := make(chan int, 1)
		go func() {
			res, err := s.HTTPClient().Post(s.URL()+"/orders", "", nil)
			if !assert.NoError(t, err) {
				status <- 0
				return
			}
			_ = res.Body.Close()
			status <- res.StatusCode
		}()
		synctest.Wait()
		assert.Equal(t, 1, s.Waiting())
		s.Advance(4 * time.Second)
		assert.Equal(t, 1, s.Waiting())
		s.Advance(time.Second)
		assert.Equal(t, 500, <-status, "the next rule counts too")
		assert.Equal(t, 0, s.Waiting())
	})
}

func TestDelayedWorkIsDoneWhenAdvanceReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{})
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 5, Times: 1}))
		responded := make(chan struct{})
		go func() {
			defer close(responded)
			res, err := s.HTTPClient().Post(s.URL()+"/orders", "", nil)
			if assert.NoError(t, err) {
				_ = res.Body.Close()
			}
		}()
		synctest.Wait()
		s.Advance(5 * time.Second)
		assert.Equal(t, 1, s.orders())
		<-responded
	})
}

func TestDelayEndsWhenTheClientGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{RealTime: true})
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 60}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/orders", strings.NewReader(`{}`))
		require.NoError(t, err)
		_, err = s.HTTPClient().Do(req) //nolint:bodyclose // there is none
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 0, s.Waiting())
		<-time.After(2 * time.Minute)
		assert.Equal(t, 0, s.orders(), "the work was never begun")
		begin := time.Now()
		s.Advance(0)
		assert.Zero(t, time.Since(begin), "and nobody waits for it")
	})
}

func TestDroppedRequestShowsInTheTraceAsSent(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDropAfter}))
	var asked, wrote atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:      func(string) { asked.Add(1) },
		WroteHeaders: func() { wrote.Add(1) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/orders", nil)
	require.NoError(t, err)
	_, err = s.HTTPClient().Do(req) //nolint:bodyclose // there is none
	require.Error(t, err)
	assert.Equal(t, int32(1), asked.Load())
	assert.Equal(t, int32(1), wrote.Load())
	assert.Equal(t, 1, s.orders())
}

func TestTruncationOfAnEmptyBodyIsSeen(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{}, withHandler(func(http.ResponseWriter, *http.Request) {}))
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultTruncate, Times: 1}))
	res, err := s.HTTPClient().Post(s.URL()+"/orders", "", nil)
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	require.NoError(t, res.Body.Close())
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestPanicOfAHandlerIsA500AndLocksNothing(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	t.Cleanup(w.Close)
	var s *toy
	s = joinToy(w, "toy", withHandler(func(http.ResponseWriter, *http.Request) {
		s.world.Lock()
		defer s.world.Unlock()
		panic("bug")
	}))
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v1/orders", nil))
	assert.Equal(t, 500, rec.Code)
	assert.Equal(t, `{"toy_error":500,"wait":0}`, rec.Body.String())
	assert.Equal(t, 0, s.orders())
}

func TestTooLargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v1/orders", io.LimitReader(zeros{}, 17<<20)))
	assert.Equal(t, http.StatusRequestEntityTooLarge, rec.Code)
	assert.Equal(t, 0, s.orders())
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
