package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The floor is what one would write by hand with net/http, io.ReadAll and
// encoding/json for one POST. Everything is measured against it in one run.

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

// memory answers in memory, as net/http's transport does, but for the hooks.
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

// byHand is the floor.
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
		"floor": func(ctx context.Context) error { return byHand(ctx, client, url+"/once", &into) },
		"core":  func(ctx context.Context) error { return byCore(ctx, core, &into) },
	}
}

// withDeadline lets a call have one of its own, as callers do.
func withDeadline(call func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return call(ctx)
	}
}

// Tracing, outcomes and the attempt's own timeout cost at most five allocations.
// What they take in bytes, reading the answer in one piece gives back once the
// answer has some size.
func TestCallAllocatesLittleMoreThanTheFloor(t *testing.T) {
	for size, spare := range map[int]float64{len(reply): 800, 1 << 10: 0, 15 << 10: -10_000} {
		calls := sides(t, memory{answerOf(size)}, "https://acme.example")
		for name, wrap := range map[string]func(func(context.Context) error) func(context.Context) error{
			"without a deadline": func(call func(context.Context) error) func(context.Context) error { return call },
			"with a deadline":    withDeadline,
		} {
			t.Run(fmt.Sprintf("%d bytes, %s", size, name), func(t *testing.T) {
				floor, floorBytes := allocations(t, wrap(calls["floor"]))
				core, coreBytes := allocations(t, wrap(calls["core"]))
				t.Logf("allocations: floor %.1f, core %.1f; bytes: floor %.0f, core %.0f", floor, core, floorBytes, coreBytes)
				assert.Less(t, core, floor+5.5) // the race detector drops what pools hold at random
				assert.LessOrEqual(t, coreBytes, floorBytes+spare)
			})
		}
	}
}

// allocations is testing.AllocsPerRun with bytes and without rounding.
func allocations(t *testing.T, call func(context.Context) error) (count, size float64) {
	t.Helper()
	const runs = 100
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx := t.Context()
	require.NoError(t, call(ctx))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		_ = call(ctx)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs
}

// BenchmarkCall compares pairwise in one run: every iteration makes one call of
// each side and charges the time to it. "floor again" against "floor" is the
// control: what it differs is noise.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply)
	}))
	b.Cleanup(server.Close)
	for place, where := range map[string]struct {
		rt  http.RoundTripper
		url string
	}{
		"memory":   {memory{reply}, "https://acme.example"},
		"loopback": {&http.Transport{MaxIdleConnsPerHost: 64}, server.URL},
	} {
		calls := sides(b, where.rt, where.url)
		for _, deadline := range []bool{false, true} {
			name, floor, core := place, calls["floor"], calls["core"]
			if deadline {
				name, floor, core = place+"+deadline", withDeadline(floor), withDeadline(core)
			}
			b.Run(name, func(b *testing.B) {
				ctx := context.Background()
				var spent [3]time.Duration
				order := [3]func(context.Context) error{floor, core, floor}
				for i := range b.N {
					for j := range order {
						k := (i + j) % len(order) // nobody is always the first
						start := time.Now()
						if err := order[k](ctx); err != nil {
							b.Fatal(err)
						}
						spent[k] += time.Since(start)
					}
				}
				b.ReportMetric(float64(spent[0].Nanoseconds())/float64(b.N), "ns/floor")
				b.ReportMetric(float64(spent[1].Nanoseconds())/float64(b.N), "ns/core")
				b.ReportMetric(float64(spent[1])/float64(spent[0]), "core/floor")
				b.ReportMetric(float64(spent[2])/float64(spent[0]), "control")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
