package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The baseline is a POST written by hand with net/http, io.ReadAll and
// encoding/json. A Core is measured against the baseline in the same run.

type payment struct {
	Reference string `json:"reference"`
	Phone     string `json:"phone"`
	Amount    string `json:"amount"`
	Currency  string `json:"currency"`
}

type receipt struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Amount    string `json:"amount"`
	CreatedAt string `json:"created_at"`
}

var (
	sample = payment{Reference: "order-1", Phone: "+250788123456", Amount: "1200.00", Currency: "RWF"}
	reply  = []byte(`{"id":"0b9f1c1e-7c1f-4a53-9d43-0d6a0f6b7d10","reference":"order-1","status":"pending","amount":"1200.00","created_at":"2026-11-21T15:04:05Z"}`)
)

// answerOf pads the reply with a field that nobody reads.
func answerOf(size int) []byte {
	if size <= len(reply) {
		return reply
	}
	const field = `,"note":""}`
	pad := strings.Repeat("x", size-len(reply)+1-len(field))
	return []byte(strings.TrimSuffix(string(reply), "}") + `,"note":"` + pad + `"}`)
}

// memory responds from memory, as net/http's transport does, but for the hooks.
type memory struct{ answer []byte }

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(m.answer)), Body: io.NopCloser(bytes.NewReader(m.answer)), Request: req,
	}, nil
}

// byHand is the baseline.
func byHand(ctx context.Context, client *http.Client, url string, into *receipt) error {
	body, err := json.Marshal(sample)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Token secret")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "test/1")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return json.Unmarshal(raw, into)
}

// byCore does the same through a Core.
func byCore(ctx context.Context, core *transport.Core, into *receipt) error {
	return core.Do(ctx, transport.Call{Op: "once", Body: sample, Reference: sample.Reference, Decode: func(r *transport.Response) error {
		return json.Unmarshal(r.Body, into)
	}})
}

// measured returns a Core and a client over the same transport, the caller's
// own or httptest's.
func measured(t testing.TB, rt http.RoundTripper, url string) (*transport.Core, *http.Client) {
	token := []string{"Token secret"}
	core := newCore(t, func(cfg *transport.Config) {
		cfg.BaseURL, cfg.HTTPClient = url, &http.Client{Transport: rt}
		cfg.Authorize = func(r *http.Request, _ sdk.Operation, _ []byte, _ string) error {
			r.Header["Authorization"] = token
			return nil
		}
		cfg.Interpret = func(_ sdk.Operation, r *transport.Response) transport.Verdict {
			if r.Status == 200 {
				return transport.Verdict{Kind: transport.Accepted}
			}
			return transport.Verdict{}
		}
	})
	return core, &http.Client{Transport: rt}
}

// sides gives the two as functions of a context and the answer.
func sides(t testing.TB, rt http.RoundTripper, url string) map[string]func(context.Context) error {
	core, client := measured(t, rt, url)
	var into receipt
	return map[string]func(context.Context) error{
		"baseline": func(ctx context.Context) error { return byHand(ctx, client, url+"/once", &into) },
		"core":     func(ctx context.Context) error { return byCore(ctx, core, &into) },
	}
}

// contexts are the three kinds of context that callers hand in.
var contexts = []struct {
	name string
	wrap func(func(context.Context) error) func(context.Context) error
}{
	{"no deadline", func(call func(context.Context) error) func(context.Context) error { return call }},
	{"deadline", func(call func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return call(ctx)
		}
	}},
	{"cancellable", func(call func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return call(ctx)
		}
	}},
}

// A call in the default configuration may cost two allocations and 64 bytes more than
// the baseline. The baseline measured twice is the control: it must not differ.
func TestACallAllocatesLittleMoreThanTheBaseline(t *testing.T) {
	for _, size := range []int{len(reply), 1 << 10, 15 << 10} {
		calls := sides(t, memory{answerOf(size)}, "https://acme.example")
		for _, kind := range contexts {
			t.Run(fmt.Sprintf("%d bytes, %s", size, kind.name), func(t *testing.T) {
				count, bytes := allocations(t, kind.wrap(calls["baseline"]), kind.wrap(calls["core"]), kind.wrap(calls["baseline"]))
				t.Logf("allocations: baseline %.1f, core %.1f, control %.1f; bytes: baseline %.0f, core %.0f, control %.0f",
					count[0], count[1], count[2], bytes[0], bytes[1], bytes[2])
				// The race detector drops at random what pools hold.
				assert.InDelta(t, count[0], count[2], 0.5+raceSlack, "the control")
				assert.Less(t, count[1], count[0]+2.5+raceSlack)
				assert.LessOrEqual(t, bytes[1], bytes[0]+64+8+raceSlack*1024)
			})
		}
	}
}

// allocations is testing.AllocsPerRun with bytes and without rounding. The calls take
// turns, so that what happens besides falls on all of them.
func allocations(t *testing.T, calls ...func(context.Context) error) (count, size [3]float64) {
	t.Helper()
	const runs = 100
	rounds := clienttest.Times(5, 2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
	ctx := context.Background()
	for i, call := range calls {
		count[i], size[i] = math.Inf(1), math.Inf(1)
		require.NoError(t, call(ctx))
	}
	for range rounds {
		for i, call := range calls {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				_ = call(ctx)
			}
			runtime.ReadMemStats(&after)
			count[i] = min(count[i], float64(after.Mallocs-before.Mallocs)/runs)
			size[i] = min(size[i], float64(after.TotalAlloc-before.TotalAlloc)/runs)
		}
	}
	return count, size
}

// BenchmarkCall compares pairwise in one run: every iteration makes one call of
// each side and charges the time to it. The control is the baseline against itself:
// what it differs from 1 is noise.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply)
	}))
	b.Cleanup(server.Close)
	for _, place := range []struct {
		name string
		rt   http.RoundTripper
		url  string
	}{
		{"memory", memory{reply}, "https://acme.example"},
		{"loopback", &http.Transport{MaxIdleConnsPerHost: 64}, server.URL},
		{"loopback, own pool", nil, server.URL},
	} {
		calls := sides(b, place.rt, place.url)
		for _, kind := range contexts {
			b.Run(place.name+"/"+kind.name, func(b *testing.B) {
				ctx := context.Background()
				spent := make([][]time.Duration, 3)
				order := [3]func(context.Context) error{kind.wrap(calls["baseline"]), kind.wrap(calls["core"]), kind.wrap(calls["baseline"])}
				for i := range b.N {
					for j := range order {
						k := (i + j) % len(order) // nobody is always the first
						start := time.Now()
						if err := order[k](ctx); err != nil {
							b.Fatal(err)
						}
						spent[k] = append(spent[k], time.Since(start))
					}
				}
				median := func(k int) float64 {
					slices.Sort(spent[k])
					return float64(spent[k][len(spent[k])/2])
				}
				baseline, core, control := median(0), median(1), median(2)
				b.ReportMetric(baseline, "ns/baseline")
				b.ReportMetric(core, "ns/core")
				b.ReportMetric(core/baseline, "core/baseline")
				b.ReportMetric(control/baseline, "control")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
