package fake_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// toy is a provider small enough to test this package with. POST /orders makes an
// order and posts a callback. The order ends 10 s later, with a callback
// again.
type toy struct {
	*fake.Control
	world   *fake.World
	hook    string // where callbacks go; empty: none
	policy  fake.Policy
	state   toyState
	handler http.HandlerFunc // nil: its own
}

type toyState struct {
	Orders []string `json:"orders"`
	Token  int      `json:"token"`
}

func newToy(t *testing.T, o fake.Options, change ...func(*toy)) *toy {
	t.Helper()
	w := fake.NewWorld(o)
	w.Attach(t)
	return joinToy(w, "toy", change...)
}

func joinToy(w *fake.World, name string, change ...func(*toy)) *toy {
	s := &toy{world: w}
	s.handler = s.serve
	for _, c := range change {
		c(s)
	}
	s.Control = w.Join(fake.Provider{
		Name:         name,
		Base:         "/v1",
		Handler:      http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler(w, r) }),
		Reset:        func() { s.state = toyState{Orders: []string{}} },
		State:        func() any { return s.state },
		Load:         s.load,
		Fire:         s.fire,
		ExpireTokens: func() { s.state.Token++ },
		Callbacks:    s.policy,
		Secrets:      []string{"card"},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, wait time.Duration) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"toy_error":%d,"wait":%d}`, status, wait/time.Second)
		},
		Admin: map[string]fake.AdminCall{
			"GET /_fake/" + name + "/orders/{id}": {Handle: func(w http.ResponseWriter, r *http.Request) {
				fake.AdminRespond(w, http.StatusOK, map[string]string{"order": r.PathValue("id")})
			}},
		},
	})
	return s
}

func (s *toy) load(raw json.RawMessage) (func(), error) {
	var state toyState
	if err := json.Unmarshal(raw, &state); err != nil {
		return nil, err
	}
	return func() { s.state = state }, nil
}

func (s *toy) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.world.LockFor(r)
	defer s.world.Unlock()
	id := s.world.IDs("toy").UUID()
	s.state.Orders = append(s.state.Orders, id)
	s.world.After(10*time.Second, "toy", "end", id)
	s.call(id, "made")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q,"token":"tkn-%d"}`, id, s.state.Token)
}

func (s *toy) fire(e fake.Event) { s.call(e.Key, e.Kind+"ed") }

func (s *toy) call(id, event string) {
	if s.hook != "" {
		s.world.Send(fake.Callback{
			Provider: "toy", Event: event, Identity: id, URL: s.hook, Tag: "hook-1",
			Header: http.Header{"Content-Type": {"application/json"}},
			Body:   fmt.Appendf(nil, `{"order":%q,"event":%q}`, id, event),
		})
	}
}

// order posts an order over the pipes.
func (s *toy) order(t *testing.T, body string) (*http.Response, string) {
	t.Helper()
	res, err := s.HTTPClient().Post(s.URL()+"/orders", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func (s *toy) orders() int {
	s.world.Lock()
	defer s.world.Unlock()
	return len(s.state.Orders)
}

func withHook(o *toy)                           { o.hook = "http://merchant.localhost/hook" }
func withPolicy(p fake.Policy) func(*toy)       { return func(s *toy) { s.policy = p } }
func withHandler(h http.HandlerFunc) func(*toy) { return func(s *toy) { s.handler = h } }
func responding(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

func TestToyServesOverPipes(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	res, body := s.order(t, `{}`)
	assert.Equal(t, http.StatusCreated, res.StatusCode)
	assert.Contains(t, body, `"id"`)
	assert.Equal(t, 1, s.orders())
}
