package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder keeps what the server got.
type recorder struct {
	mu   sync.Mutex
	seen []seen
}

type seen struct {
	method, url, authorization, kind string
	body                             any
}

func (r *recorder) record(req *http.Request, body []byte) {
	s := seen{method: req.Method, url: req.URL.RequestURI(), authorization: req.Header.Get("Authorization"), kind: req.Header.Get("Content-Type")}
	if len(body) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&s.body); err != nil {
			s.body = err.Error()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

func (r *recorder) take() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.seen
	r.seen = nil
	return taken
}

// Each side checks the response by itself, and returns an error if it is not the one
// that was asked for.
func TestEachClientSendsTheRequestThatIsSentByHand(t *testing.T) {
	var server recorder
	cells, done, err := callCellsSeen(server.record)
	require.NoError(t, err)
	defer done()
	require.Len(t, cells, 2*2*4*2)
	clients := map[string]int{}
	for _, c := range cells {
		var byHand seen
		for i, s := range c.sides {
			name := c.name + ", " + c.where + ", " + s.name
			require.NoError(t, s.once(t.Context(), c.deadline), name)
			got := server.take()
			require.Len(t, got, 1, name)
			got[0].kind, _, _ = strings.Cut(got[0].kind, ";")
			if got[0].method == http.MethodGet {
				got[0].kind = "" // some clients send it without a body, too
			}
			if i == 0 {
				byHand = got[0]
				assert.Equal(t, c.name == post, byHand.body != nil, name)
				assert.Contains(t, byHand.authorization, token, name)
			}
			assert.Equal(t, byHand, got[0], name)
			clients[strings.Fields(s.name)[0]]++
		}
	}
	for _, client := range []string{"kapiten-go", "go-retryablehttp", "resty", "go-github", "stripe-go", "openai-go"} {
		assert.Positive(t, clients[client], client)
	}
}

func TestEachVerifierAcceptsTheCallbackAndRefusesAnother(t *testing.T) {
	ride, event := rideCallback(), stripeEvent()
	require.Len(t, ride, bodySize)
	require.Len(t, event, bodySize)
	cells, done, err := webhookCellsOf(ride, event)
	require.NoError(t, err)
	defer done()
	for _, c := range cells {
		for _, s := range c.sides {
			require.NoError(t, s.prepared(), s.name)
			require.NoError(t, s.do(t.Context()), s.name)
		}
	}
	at := bytes.Index(ride, []byte("xxx"))
	ride[at], event[bytes.Index(event, []byte("xxx"))] = 'y', 'y'
	for _, c := range cells {
		for _, s := range c.sides {
			assert.Error(t, s.do(t.Context()), s.name)
		}
	}
}

func TestTwoRoundsOfEverySideMakeTheTables(t *testing.T) {
	var out bytes.Buffer
	o := options{rounds: 2, slice: time.Microsecond, only: []string{"calls", "webhooks", "fakes"}, out: &out, progress: io.Discard}
	require.NoError(t, run(t.Context(), o))
	for _, line := range []string{
		"| kapiten-go | POST create | no socket |", "| kapiten-go | GET | loopback, deadline |", "| by hand, again (control) |",
		"| kapiten-go, hex header | verify |", "| stripe-go v85", "| standard-webhooks v", "| svix v", "ConstructEvent | verify and decode |",
		"| kapitentest | start |", "| stripe-mock v", ", a charge | POST create |", "| kapitentest, a ride | POST create |",
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.NotContains(t, out.String(), "NaN")

	o.rounds = 0
	assert.Error(t, run(t.Context(), o))
	o.rounds, o.only = 1, []string{"everything"}
	assert.ErrorContains(t, run(t.Context(), o), `no part "everything"`)
}

// The README's table is out of date as soon as a peer is updated.
func TestTheRootREADMEShowsTheseClients(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{rounds: 1, slice: time.Microsecond, readme: true, out: &out, progress: io.Discard}))
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 10)
	header := lines[3]
	for _, client := range []string{"by hand, again", "kapiten-go", "go-retryablehttp v", "resty v3", "go-github v", "stripe-go v", "openai-go v"} {
		assert.Contains(t, header, "| "+client)
	}
	if !strings.Contains(string(readme), "\n"+header+"\n") {
		t.Errorf("README.md does not show these versions: run go run -C internal/peerbench . -readme, and put the lines there\n%s", header)
	}
}

func TestTheStatisticsOfKnownRounds(t *testing.T) {
	baseline, s := &side{nanos: []float64{10, 20, 10, 40, 10}}, &side{nanos: []float64{20, 60, 10, 40, 50}}
	// Round by round 2, 3, 1, 1 and 5 times the baseline.
	assert.Equal(t, spread{1, 2, 3}, s.against(baseline))
	assert.Equal(t, "2.00 (1.00 to 3.00)", s.against(baseline).String())
	assert.Equal(t, "1.00 (1.00 to 1.00)", baseline.against(baseline).String())
	assert.InDelta(t, 1.5, quantile([]float64{2, 1}, 0.5), 0)
	assert.InDelta(t, 7, quantile([]float64{7}, 0.25), 0)
	assert.Equal(t, "-1 to +2", between([]float64{2, -1}))
	assert.Equal(t, "+3", between([]float64{3, 3}))
}

func TestASideThatFailsStopsTheMeasurement(t *testing.T) {
	fails := &side{name: "broken", do: func(context.Context) error { return assert.AnError }}
	works := &side{name: "works", do: func(context.Context) error { return nil }}
	err := measure(t.Context(), []*cell{{name: "call", sides: []*side{works, fails, works}}}, 1, time.Microsecond, func(int) {})
	require.ErrorIs(t, err, assert.AnError)
	assert.ErrorContains(t, err, "broken")
}

// No side is always the first in its round.
func TestTheSidesTakeTurns(t *testing.T) {
	var order []string
	named := func(name string) *side {
		return &side{name: name, heavy: true, do: func(context.Context) error { order = append(order, name); return nil }}
	}
	c := &cell{sides: []*side{named("a"), named("b"), named("c")}}
	require.NoError(t, measure(t.Context(), []*cell{c}, 3, time.Microsecond, func(int) {}))
	assert.Equal(t, strings.Split("a b c b c a c a b", " "), order)
	for _, s := range c.sides {
		assert.Len(t, s.nanos, 3)
	}
	assert.True(t, slices.Contains(order, c.baseline().name))
}
