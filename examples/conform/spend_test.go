package main

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

func TestACallbackWithoutATransactionIsRefused(t *testing.T) {
	var out, log bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "kpay", "-callback", "https://example.com"}, func(string) string { return "" }, &out, &log))
	assert.Contains(t, log.String(), "-callback needs -spend")
}

func TestALagOfTheLookupIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distortion{}
		target := openDistorted(t, "kasapay", d)
		looks := 0
		d.lag, d.until = 2, func(r *http.Request) bool {
			if strings.Contains(r.URL.Path, "conform-2") {
				looks++
				return true
			}
			return false
		}
		text, _ := printed(t, target, true)
		assert.Contains(t, text, "lookup: ")
		assert.NotContains(t, text, "found after 0s")
		assert.NotZero(t, looks)
	})
}

// Callbacks of the fakes themselves come to the path of the run, or name its reference.
func TestACallbackOfThisRunIsDescribed(t *testing.T) {
	for provider, want := range map[string]string{
		"kapiten": "event, external_id, metadata, reference_number, ride_id, status",
		"kpay":    "momtransactionid, payaccount, refid, statusdesc, statusid, tid",
		"kasapay": "payment_status",
		"kotani":  "externalId",
		"bitpesa": "event, object, webhook",
	} {
		t.Run(provider, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *hook
				var path atomic.Value // callbacks come side by side
				d := &distortion{posts: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					path.Store(r.URL.Path)
					h.ServeHTTP(w, r)
				})}
				target := openDistorted(t, provider, d)
				h = hookFor(t, target)
				r := &report{Spent: true}
				target.spend(t.Context(), r, options{patience: time.Hour}, h)
				require.NotEmpty(t, r.Callbacks)
				assert.Contains(t, strings.Join(r.Callbacks[0].Fields, ", "), want)
				assert.Zero(t, r.OtherPosts)
				if provider != "kapiten" && provider != "bitpesa" {
					assert.Equal(t, "/hook/"+h.nonce, path.Load())
				} else {
					assert.Equal(t, "/hook", path.Load())
				}
			})
		})
	}
}

// On the same listener another provider posts, a stranger, and an earlier run.
func TestAPostOfSomebodyElseIsCountedAndNotDescribed(t *testing.T) {
	for _, provider := range []string{"kapiten", "kpay", "kasapay", "kotani", "bitpesa"} {
		synctest.Test(t, func(t *testing.T) {
			target := openDistorted(t, provider, &distortion{})
			h := hookFor(t, target)
			reference := target.spends[0].reference
			for path, body := range map[string]string{
				"/hook":                  `{"payout_reference":"another","STRANGE":1}`,
				"/hook/" + rand.Text():   `{"refid":"another","STRANGE":1}`,
				"/hook/":                 `{"external_id":"` + reference + `-2","STRANGE":1}`,
				"/":                      `{"` + reference + `":"STRANGE"}`,
				"/hook/" + h.nonce + "x": `STRANGE=` + reference,
			} {
				assert.Equal(t, http.StatusNotFound, post(t, h, path, body), "not acknowledged: %s", path)
			}
			r := &report{Spent: true, Provider: provider}
			began := time.Now()
			target.spend(t.Context(), r, options{patience: 5 * time.Second}, h)
			assert.GreaterOrEqual(t, time.Since(began), 5*time.Second, "strangers end no waiting")
			assert.Empty(t, r.Callbacks)
			var text, asJSON bytes.Buffer
			require.NoError(t, r.print(&text, false))
			require.NoError(t, r.print(&asJSON, true))
			assert.NotContains(t, text.String()+asJSON.String(), "STRANGE")
			assert.Contains(t, text.String(), "posts that are not of this run, and are not described: 5\n")
			assert.Contains(t, asJSON.String(), `"other_posts": 5`)
		})
	}
}

func TestBothWaysToKnowACallback(t *testing.T) {
	target := &target{spends: []spending{{reference: "conform-1"}}}
	h := hookFor(t, target)
	for path, body := range map[string]string{
		"/hook/" + h.nonce:       `{"refid":"R-1","payer":{"name":"Jane"}}`,
		"/hook/" + h.nonce + "/": `not JSON`,
		"/any":                   `{"object":{"recipients":[{"transaction_external_id":"conform-1"}]}}`,
	} {
		assert.Equal(t, http.StatusOK, post(t, h, path, body))
	}
	assert.Equal(t, http.StatusNotFound, post(t, h, "/hook", `{"refid":"conform-10"}`))
	got, others := h.wait(t.Context(), time.Minute)
	require.Len(t, got, 3)
	assert.Equal(t, 1, others)
	var fields []string
	for _, p := range got {
		fields = append(fields, p.Fields...)
	}
	assert.ElementsMatch(t, []string{"payer", "refid", "object"}, fields)
}

// Two runs share no path, and what the URL of the merchant has stays in it.
func TestEachRunHasAPathOfItsOwn(t *testing.T) {
	first, err := newHook("https://shop.example/hook/?tenant=a", nil)
	require.NoError(t, err)
	second, err := newHook("https://shop.example/hook/?tenant=a", nil)
	require.NoError(t, err)
	assert.NotEqual(t, first.url, second.url)
	assert.Equal(t, "https://shop.example/hook/"+first.nonce+"?tenant=a", first.url)
	for _, no := range []string{"shop.example/hook", "ftp://shop.example/", "https://", "https://a b/", "://PLANTED"} {
		_, err := newHook(no, nil)
		assert.EqualError(t, err, "-callback must be a URL that begins with http:// or https://", no)
	}
}

func TestTheListenerTakesPosts(t *testing.T) {
	h := hookFor(t, &target{})
	require.NoError(t, h.receive("127.0.0.1:0"))
	defer h.close()
	for method, want := range map[string]int{http.MethodPost: http.StatusOK, http.MethodGet: http.StatusMethodNotAllowed} {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.address+"/hook/"+h.nonce, strings.NewReader(`{"refid":"R-1"}`))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want, response.StatusCode)
	}
	got, others := h.wait(t.Context(), time.Minute)
	require.Len(t, got, 1)
	assert.Zero(t, others)
	assert.Equal(t, []string{"refid"}, got[0].Fields)
	assert.NotContains(t, got[0].Headers, "R-1")
}

// hookFor takes callbacks of a target. BitPesa learns its URL, as its merchants do it.
func hookFor(t *testing.T, target *target) *hook {
	t.Helper()
	h, err := newHook(registered, target.spends)
	require.NoError(t, err)
	if target.name == "bitpesa" {
		webhook := map[string]any{"webhook": map[string]any{"url": registered, "events": []string{"transaction.created"}}}
		_, err := target.call(t.Context(), sdk.RawCall{Method: http.MethodPost, Path: "/v1/webhooks", Body: webhook})
		require.NoError(t, err)
	}
	return h
}

func post(t *testing.T, h *hook, path, body string) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body)))
	return w.Code
}
