package fake_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// receiver keeps callbacks and responds as it is told to.
type receiver struct {
	mu      sync.Mutex
	bodies  []string
	headers []http.Header
	respond func(n int) (status int, body string) // n counts from 1
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.bodies = append(r.bodies, string(body))
	r.headers = append(r.headers, req.Header.Clone())
	n := len(r.bodies)
	r.mu.Unlock()
	if r.respond == nil {
		return
	}
	status, text := r.respond(n)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (r *receiver) events() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, b := range r.bodies {
		_, event, _ := strings.Cut(b, `"event":"`)
		all = append(all, strings.TrimSuffix(event, `"}`))
	}
	return strings.Join(all, " ")
}

func always(status int) func(int) (int, string) { return func(int) (int, string) { return status, "" } }

var retries = fake.Policy{Retries: []time.Duration{10 * time.Second, time.Minute}}

func TestFirstAttemptGoesOutAtOnceOverASocket(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	s := newToy(t, fake.Options{}, func(s *toy) { s.hook = server.URL + "/hook" })
	s.order(t, `{}`)
	s.Flush()
	assert.Equal(t, "made", r.events())
	d := s.Deliveries()
	require.Len(t, d, 1)
	assert.Equal(t, fake.DeliveryDelivered, d[0].State)
	require.Len(t, d[0].Attempts, 1)
	assert.Equal(t, 200, d[0].Attempts[0].Status)
}

func TestRetriesWaitForTheClockThenTheDeliveryIsDead(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: always(500)}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(retries))
	start := s.Now()
	s.order(t, `{}`)
	s.Advance(10 * time.Second)
	s.Advance(time.Minute)
	d := s.Deliveries()[0]
	assert.Equal(t, fake.DeliveryDead, d.State)
	var at []time.Duration
	for _, a := range d.Attempts {
		assert.Equal(t, 500, a.Status)
		at = append(at, a.Time.Sub(start))
	}
	assert.Equal(t, []time.Duration{0, 10 * time.Second, 70 * time.Second}, at)
	s.Advance(24 * time.Hour)
	assert.Len(t, s.Deliveries()[0].Attempts, 3, "no attempt after the last retry")
}

func TestAcknowledgedRetryEndsTheDelivery(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: func(n int) (int, string) {
		if n == 1 {
			return 302, ""
		}
		return 204, ""
	}}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(retries))
	s.order(t, `{}`)
	s.Advance(9 * time.Second)
	assert.Equal(t, fake.DeliveryPending, s.Deliveries()[0].State)
	s.Advance(24 * time.Hour)
	d := s.Deliveries()
	assert.Equal(t, fake.DeliveryDelivered, d[0].State)
	assert.Len(t, d[0].Attempts, 2)
	assert.Equal(t, "made ended made", r.events(), "a redirect is not followed, and a retry does not hold the next callback up")
}

func TestPolicyDecidesAcknowledgementAndSigns(t *testing.T) {
	t.Parallel()
	var gaveUp []bool
	r := &receiver{respond: func(n int) (int, string) { return 200, fmt.Sprintf("reply-%d", n) }}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(fake.Policy{
		Retries:      []time.Duration{time.Second, time.Second, time.Second},
		Acknowledged: func(_ fake.Delivery, status int, body []byte) bool { return status == 200 && string(body) == "reply-3" },
		Sign: func(d fake.Delivery, h http.Header) {
			h.Set("X-Sign", fmt.Sprintf("%s/%d/%t", d.Tag, len(d.Attempts), d.Forged))
		},
		Attempted: func(_ fake.Delivery, x fake.Exchange) bool {
			gaveUp = append(gaveUp, x.Sent.Get("X-Sign") == "" || string(x.Body) == "")
			return false
		},
	}))
	s.order(t, `{}`)
	s.Advance(5 * time.Second)
	assert.Equal(t, fake.DeliveryDelivered, s.Deliveries()[0].State)
	assert.Equal(t, []bool{false, false, false}, gaveUp)
	var signs []string
	for _, h := range r.headers {
		signs = append(signs, h.Get("X-Sign"))
		assert.Equal(t, "application/json", h.Get("Content-Type"))
	}
	assert.Equal(t, []string{"hook-1/0/false", "hook-1/1/false", "hook-1/2/false"}, signs)
	assert.Empty(t, s.Deliveries()[0].Header.Get("X-Sign"), "signatures are not kept")
}

func TestAttemptTimesOutAfterTenSecondsAndTheProviderMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		var timedOut []bool
		s := newToy(t, fake.Options{Callbacks: hang}, withHook, withPolicy(fake.Policy{
			Retries:   []time.Duration{time.Second},
			Attempted: func(_ fake.Delivery, x fake.Exchange) bool { timedOut = append(timedOut, x.TimedOut); return true },
		}))
		real := time.Now()
		s.order(t, `{}`)
		s.Flush()
		assert.Equal(t, 10*time.Second, time.Since(real))
		assert.Equal(t, []bool{true}, timedOut)
		d := s.Deliveries()[0]
		assert.Equal(t, fake.DeliveryDead, d.State)
		assert.Equal(t, "no response within 10 s", d.Attempts[0].Error)
	})
}

func TestUnreachableReceiverIsNotedWithoutItsURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	s := newToy(t, fake.Options{}, func(s *toy) { s.hook = server.URL + "/secret-path" })
	s.order(t, `{}`)
	s.Flush()
	a := s.Deliveries()[0].Attempts
	require.Len(t, a, 1)
	assert.Equal(t, 0, a[0].Status)
	assert.Contains(t, a[0].Error, "refused")
	assert.NotContains(t, a[0].Error, "secret-path")
}

func TestDeliveriesAboutOneObjectGoOutInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string][]string{}
	r := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		object, n, _ := strings.Cut(string(body), " ")
		mu.Lock()
		seen[object] = append(seen[object], n)
		mu.Unlock()
	})
	s := newToy(t, fake.Options{Callbacks: r})
	s.world.Lock()
	for i := range 20 {
		for object := range 50 {
			s.world.Send(fake.Callback{
				Provider: "toy", Identity: fmt.Sprint(object), URL: "http://m.localhost/",
				Body: fmt.Appendf(nil, "%d %02d", object, i),
			})
		}
	}
	s.world.Unlock()
	s.Flush()
	require.Len(t, seen, 50)
	for object, order := range seen {
		assert.Len(t, order, 20)
		assert.IsIncreasing(t, order, "object %s", object)
	}
}

func TestCallbackFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule  fake.CallbackFault
		atOne string // received before the clock moves
		after string // received in the end
		first fake.DeliveryState
	}{
		"none":          {fake.CallbackFault{Kind: fake.CallbackDrop, Event: "other"}, "made", "made ended", fake.DeliveryDelivered},
		"dropped":       {fake.CallbackFault{Kind: fake.CallbackDrop}, "", "ended", fake.DeliveryDead},
		"duplicated":    {fake.CallbackFault{Kind: fake.CallbackDuplicate}, "made made", "made made ended", fake.DeliveryDelivered},
		"delayed":       {fake.CallbackFault{Kind: fake.CallbackDelay, Seconds: 15}, "", "ended made", fake.DeliveryDelivered},
		"reordered":     {fake.CallbackFault{Kind: fake.CallbackHold, Event: "ma*"}, "", "ended made", fake.DeliveryDelivered},
		"other objects": {fake.CallbackFault{Kind: fake.CallbackDrop, Identity: "x*"}, "made", "made ended", fake.DeliveryDelivered},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{}
			s := newToy(t, fake.Options{Callbacks: r}, withHook)
			tt.rule.Times = 1
			require.NoError(t, s.AddCallbackFault(tt.rule))
			s.order(t, `{}`)
			s.Flush()
			assert.Equal(t, tt.atOne, r.events())
			s.Advance(time.Hour)
			assert.Equal(t, tt.after, r.events())
			assert.Equal(t, tt.first, s.Deliveries()[0].State)
		})
	}
}

func TestForgedCallbackTellsTheSigner(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(fake.Policy{
		Sign: func(d fake.Delivery, h http.Header) { h.Set("X-Sign", fmt.Sprint(d.Forged)) },
	}))
	require.NoError(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackForge, Times: 1}))
	s.order(t, `{}`)
	s.Advance(10 * time.Second)
	require.Len(t, r.headers, 2)
	assert.Equal(t, "true", r.headers[0].Get("X-Sign"))
	assert.Equal(t, "false", r.headers[1].Get("X-Sign"))
}

func TestCallbackFaultsAreChecked(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	for name, r := range map[string]fake.CallbackFault{
		"no kind":          {},
		"negative seconds": {Kind: fake.CallbackDelay, Seconds: -1},
		"negative times":   {Kind: fake.CallbackDrop, Times: -1},
		"broken pattern":   {Kind: fake.CallbackDrop, Event: "[", Times: 1},
		"unknown provider": {Kind: fake.CallbackDrop, Provider: "bank"},
	} {
		assert.Error(t, s.AddCallbackFault(r), name)
	}
	assert.ErrorIs(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDrop, Provider: "bank"}), fake.ErrNotFound)
}

func TestHeldCallbackFollowsTheNextOnce(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: always(500)}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(retries))
	require.NoError(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 1}))
	s.world.Lock()
	for _, event := range []string{"one", "two", "three"} {
		s.call("order", event)
	}
	s.world.Unlock()
	s.Flush()
	assert.Equal(t, "two one three", r.events())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	r := http.NewServeMux()
	elsewhere := &receiver{}
	r.Handle("/hook", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	r.Handle("/elsewhere", elsewhere)
	s := newToy(t, fake.Options{Callbacks: r}, withHook)
	s.order(t, `{}`)
	s.Flush()
	assert.Empty(t, elsewhere.events())
	assert.Equal(t, http.StatusTemporaryRedirect, s.Deliveries()[0].Attempts[0].Status)
	assert.Equal(t, fake.DeliveryDead, s.Deliveries()[0].State)
}

func TestAbandonedCallbackInTheQueueIsNotSent(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan string), make(chan struct{})
	s := newToy(t, fake.Options{Callbacks: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- string(body)
		<-leave
	})}, withHook)
	s.world.Lock()
	s.call("order", "one")
	s.call("order", "two")
	s.world.Unlock()
	assert.Contains(t, <-arrived, "one")
	s.world.Lock()
	s.world.Abandon("toy", "hook-1")
	s.world.Unlock()
	close(leave)
	s.Flush()
	d := s.Deliveries()
	assert.Equal(t, fake.DeliveryDelivered, d[0].State, "it was on its way and arrived")
	assert.Equal(t, fake.DeliveryDead, d[1].State)
	assert.Empty(t, d[1].Attempts)
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: func(n int) (int, string) {
		if n <= 2 {
			return 500, ""
		}
		return 200, ""
	}}
	s := newToy(t, fake.Options{Callbacks: r}, withHook)
	s.order(t, `{}`)
	s.Flush()
	id := s.Deliveries()[0].ID
	assert.Equal(t, fake.DeliveryDead, s.Deliveries()[0].State)
	for _, want := range []fake.DeliveryState{fake.DeliveryDead, fake.DeliveryDelivered, fake.DeliveryDelivered} {
		require.NoError(t, s.Redeliver(id))
		s.Flush()
		assert.Equal(t, want, s.Deliveries()[0].State)
	}
	assert.Len(t, s.Deliveries()[0].Attempts, 4)
	assert.ErrorIs(t, s.Redeliver("dlv-999999"), fake.ErrNotFound)
}

func TestRedeliverLetsAHeldCallbackGo(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	s := newToy(t, fake.Options{Callbacks: r}, withHook)
	require.NoError(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 1}))
	s.order(t, `{}`)
	s.Flush()
	require.True(t, s.Deliveries()[0].Held)
	require.NoError(t, s.Redeliver(s.Deliveries()[0].ID))
	assert.False(t, s.Deliveries()[0].Held)
	s.Advance(time.Hour)
	assert.Equal(t, "made ended", r.events(), "and it does not go out twice")
}

func TestAbandonEndsPendingDeliveriesOfATag(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: always(500)}
	s := newToy(t, fake.Options{Callbacks: r}, withHook, withPolicy(retries))
	s.order(t, `{}`)
	s.Flush()
	s.world.Lock()
	s.world.Abandon("toy", "hook-2")
	assert.Equal(t, fake.DeliveryPending, s.state0())
	s.world.Abandon("toy", "hook-1")
	assert.Equal(t, fake.DeliveryDead, s.state0())
	s.world.Unlock()
	s.Advance(time.Hour)
	assert.Len(t, s.Deliveries()[0].Attempts, 1)
}

// state0 needs the lock held, so it cannot ask Deliveries.
func (s *toy) state0() fake.DeliveryState {
	s.world.Unlock()
	defer s.world.Lock()
	return s.Deliveries()[0].State
}

func TestFirstAttemptCanBeWaitedFor(t *testing.T) {
	t.Parallel()
	r := &receiver{respond: always(500)}
	s := newToy(t, fake.Options{Callbacks: r})
	s.world.Lock()
	id := s.world.Send(fake.Callback{Provider: "toy", Event: "made", Identity: "1", URL: "http://m.localhost/"})
	done, unknown := s.world.FirstAttempt(id), s.world.FirstAttempt("nobody")
	s.world.Unlock()
	<-done
	<-unknown
	assert.Len(t, s.Deliveries()[0].Attempts, 1)
}

func TestDeliveriesThatAreOverAreForgottenBeyondTheJournalSize(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: &receiver{}, JournalSize: 8}, withHook)
	for range 30 {
		s.order(t, `{}`)
		s.Flush()
	}
	d := s.Deliveries()
	assert.LessOrEqual(t, len(d), 10)
	assert.Equal(t, "dlv-000030", d[len(d)-1].ID)
	assert.Len(t, s.Requests(), 8)
}

func TestARestartedReceiverGetsTheNextCallback(t *testing.T) {
	t.Parallel()
	var got atomic.Int32
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) })
	receiver := httptest.NewServer(handler)
	address := receiver.Listener.Addr().String()
	s := newToy(t, fake.Options{}, func(s *toy) { s.hook = receiver.URL })
	s.order(t, `{}`)
	s.Flush()
	receiver.Close()

	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	again.Start()
	defer again.Close()
	s.Advance(10 * time.Second)
	assert.EqualValues(t, 2, got.Load())
	for _, d := range s.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, d.State)
	}
}
