// Package faketest is test support for the fakes: it calls them over HTTP and
// checks what every fake promises.
package faketest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Call sends a request and returns the status and the body of its response. A
// body that is no string is written as JSON; nil is empty. Headers are names and
// values in turn; a header with an empty value is left out. Goroutines may use it,
// since it does not end the test.
func Call(ctx context.Context, c *http.Client, method, url string, body any, header ...string) (int, string, error) {
	text, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, "", err
		}
		text = string(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	response, err := io.ReadAll(res.Body)
	return res.StatusCode, string(response), err
}

// Admin calls a handler, such as the admin API, without a connection.
func Admin(h http.Handler, method, path, body string) (int, string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body)))
	return rec.Code, rec.Body.String()
}

// Object decodes a JSON object. Numbers stay as they stand.
func Object(t testing.TB, text string) map[string]any {
	t.Helper()
	object, ok := fake.ReadObject(strings.NewReader(text))
	if !ok {
		t.Fatalf("no JSON object: %s", text)
	}
	return object
}

// Sample reads a recorded or documented object of testdata, such as
// kpay/pay.response.
func Sample(t testing.TB, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return Object(t, string(text))
}

// Shape is what kind of value each key holds.
func Shape(object map[string]any) map[string]string {
	kinds := map[string]string{}
	for name, v := range object {
		switch v.(type) {
		case string:
			kinds[name] = "string"
		case json.Number:
			kinds[name] = "number"
		default:
			kinds[name] = "other"
		}
	}
	return kinds
}

// Change changes fields of an object; nil removes a field.
func Change(object, changes map[string]any) map[string]any {
	for name, v := range changes {
		object[name] = v
		if v == nil {
			delete(object, name)
		}
	}
	return object
}

// WantMoney checks an amount, whatever its scale.
func WantMoney(t testing.TB, want string, got decimal.Decimal) {
	t.Helper()
	if !decimal.RequireFromString(want).Equal(got) {
		t.Errorf("want %s, got %s", want, got)
	}
}

// Printed is a value in every form in which a program prints values.
func Printed[T any](t testing.TB, v T) string {
	t.Helper()
	var out bytes.Buffer
	for _, v := range []any{v, &v, []any{v}} {
		fmt.Fprintf(&out, "%v|%+v|%#v|%s|%q", v, v, v, v, v)
	}
	text, err := json.Marshal(map[string]any{"config": v, "at": &v})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("configured", "config", v, "at", &v, "listed", []any{v})
	}
	return out.String()
}

// Concurrently plays random turns in several goroutines, from a seed that it logs.
func Concurrently(t testing.TB, workers, turns int, turn func(*rand.Rand)) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for worker := range workers {
		r := rand.New(rand.NewPCG(seed, uint64(worker)))
		wg.Go(func() {
			for range turns {
				turn(r)
			}
		})
	}
	wg.Wait()
}

// CheckRestore changes one text of a snapshot at a time. The fake must refuse each
// changed snapshot and stay as it was.
func CheckRestore(t testing.TB, c *fake.Control, changes map[string][2]string) {
	t.Helper()
	good, err := c.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range changes {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: the snapshot has no %s", name, change[0])
		}
		if c.Restore([]byte(bad)) == nil {
			t.Fatalf("%s: restored", name)
		}
		if now, err := c.Snapshot(); err != nil || string(now) != string(good) {
			t.Fatalf("%s: a refused snapshot has changed something: %v", name, err)
		}
	}
	if err := c.Restore(good); err != nil {
		t.Fatal(err)
	}
}

// CheckRetries waits for the retries of the fake's only callback, whose first
// attempt has been sent, and returns its delivery. received counts the attempts
// that the receiver has got.
func CheckRetries(t testing.TB, c *fake.Control, taken bool, received func() int) fake.Delivery {
	t.Helper()
	want, state := 1, fake.DeliveryDead
	if taken {
		state = fake.DeliveryDelivered
	}
	check := func(when string) {
		t.Helper()
		if got := received(); got != want {
			t.Errorf("%s: %d attempts, not %d", when, got, want)
		}
	}
	check("at first")
	for _, wait := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour} {
		c.Advance(wait - 1)
		check("before its time")
		c.Advance(1)
		if !taken {
			want++
		}
		check("at its time")
	}
	c.Advance(1000 * time.Hour)
	check("attempts are bounded")
	all := c.Deliveries()
	if len(all) != 1 {
		t.Fatalf("%d deliveries, not one", len(all))
	}
	if all[0].State != state || len(all[0].Attempts) != want {
		t.Errorf("the delivery is %s after %d attempts, not %s after %d", all[0].State, len(all[0].Attempts), state, want)
	}
	return all[0]
}

// CheckCallbackFaults makes three objects whose callbacks come twice, get lost and
// come late. Each object has its callback ten seconds later.
func CheckCallbackFaults(t testing.TB, c *fake.Control, newObject func(reference string), received func() int) {
	t.Helper()
	for _, f := range []fake.CallbackFault{
		{Identity: "twice", Kind: fake.CallbackDuplicate}, {Identity: "gone", Kind: fake.CallbackDrop},
		{Identity: "late", Kind: fake.CallbackDelay, Seconds: 60},
	} {
		if err := c.AddCallbackFault(f); err != nil {
			t.Fatal(err)
		}
		newObject(f.Identity)
	}
	check := func(want int) {
		t.Helper()
		if got := received(); got != want {
			t.Errorf("%d callbacks, not %d", got, want)
		}
	}
	c.Advance(10 * time.Second)
	check(2)
	c.Advance(time.Minute)
	check(3)
	for _, d := range c.Deliveries() {
		if d.Identity != "gone" {
			continue
		}
		if err := c.Redeliver(d.ID); err != nil {
			t.Fatal(err)
		}
	}
	check(4)
}
