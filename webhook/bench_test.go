package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// body300 is a callback of 300 bytes, as performance.md measures them.
var body300 = func() []byte {
	head := `{"event":"status_update","ride_id":"721e54a2-0000-4000-8000-000000000001","reference_number":"KPT-112233","external_id":"order-2026-11-21-0001","status":"PICKED_UP","metadata":{"previous_status":"WAITING_PICKUP","occurred_at":"2026-11-21T12:00:00Z","note":"`
	return []byte(head + strings.Repeat("x", 300-len(head)-3) + `"}}`)
}()

func signed300(t testing.TB) (*http.Request, webhook.Authenticator, *http.Request, webhook.Authenticator) {
	t.Helper()
	require.Len(t, body300, 300)
	hexed := signedBy("X-Shop-Signature", "sha256="+sign(sha256.New, "whsec", string(body300)), "")
	timed := signedBy("Shop-Signature", fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, string(body300))), "")
	return hexed, webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "sha256=")}, "whsec"),
		timed, webhook.Signature(stamped, "whsec")
}

// The baseline: what everyone writes by hand, and the same with encoding/json.
func BenchmarkBareHMAC(b *testing.B) {
	secret := []byte("whsec")
	b.ReportAllocs()
	for b.Loop() {
		m := hmac.New(sha256.New, secret)
		m.Write(body300)
		_ = m.Sum(nil)
	}
}

func BenchmarkBareHMACAndJSON(b *testing.B) {
	secret := []byte("whsec")
	b.ReportAllocs()
	for b.Loop() {
		m := hmac.New(sha256.New, secret)
		m.Write(body300)
		_ = m.Sum(nil)
		var e bareEvent
		if err := json.Unmarshal(body300, &e); err != nil {
			b.Fatal(err)
		}
	}
}

type bareEvent struct {
	Event           string          `json:"event"`
	RideID          string          `json:"ride_id"`
	ReferenceNumber string          `json:"reference_number"`
	ExternalID      string          `json:"external_id"`
	Status          string          `json:"status"`
	Metadata        json.RawMessage `json:"metadata"`
}

func BenchmarkVerify(b *testing.B) {
	hexed, plain, timed, once := signed300(b)
	b.Run("hex", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := webhook.Verify(hexed, body300, plain); err != nil {
				b.Fatal(err)
			}
		}
	})
	// With the time window.
	b.Run("timestamped", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := webhook.Verify(timed, body300, once); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerifyAndDecode(b *testing.B) {
	hexed, plain, _, _ := signed300(b)
	source := webhook.Kapiten()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := webhook.Verify(hexed, body300, plain); err != nil {
			b.Fatal(err)
		}
		if _, err := source.Decode(body300); err != nil {
			b.Fatal(err)
		}
	}
}

// callbacks300 is a handler for signed callbacks of 300 bytes, over a memory inbox.
func callbacks300(t testing.TB) (*webhook.Handler[kapiten.Ride], webhook.Authenticator) {
	t.Helper()
	auth := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "sha256=")}, "whsec")
	h, err := webhook.New(webhook.Kapiten(), webhook.Config[kapiten.Ride]{
		Auth: auth, Handle: func(context.Context, webhook.Event[kapiten.Ride]) error { return nil },
	})
	require.NoError(t, err)
	return h, auth
}

func body300For(n int) string {
	return strings.Replace(string(body300), "000000000001", fmt.Sprintf("%012d", n), 1)
}

func deliver300(t testing.TB, h http.Handler, body string) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header["X-Shop-Signature"] = []string{"sha256=" + sign(sha256.New, "whsec", body)}
	w := &recorder{httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
}

// recorder has deadlines, as a server's ResponseWriter has.
type recorder struct{ *httptest.ResponseRecorder }

func (*recorder) SetReadDeadline(time.Time) error { return nil }

// A whole delivery through the handler and the memory inbox, new and duplicate, and
// the same work without the handler's: request, recorder and signing of the test.
func BenchmarkHandlerWithMemoryInbox(b *testing.B) {
	bare := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, fresh := range map[string]bool{"new": true, "duplicate": false, "test alone": true} {
		b.Run(name, func(b *testing.B) {
			var h http.Handler
			if h, _ = callbacks300(b); name == "test alone" {
				h = bare
			}
			body := string(body300)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if fresh {
					body = body300For(n)
				}
				deliver300(b, h, body)
			}
		})
	}
}
