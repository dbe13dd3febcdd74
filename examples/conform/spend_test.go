package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
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

// A gateway says 502, and the ride is made all the same or it is not: the merchant must be
// able to find it.
func TestAnUnknownFirstSendIsLookedUpByAReferenceThatIsPrinted(t *testing.T) {
	for _, row := range []struct {
		name       string
		distortion func(first func() bool) *distortion
		want       []string
	}{
		{"the response is lost", func(first func() bool) *distortion {
			return &distortion{mend: func(r *http.Request, response *http.Response) {
				if r.Method == http.MethodPost && first() {
					*response = *textResponse(r, http.StatusBadGateway, "bad gateway")
				}
			}}
		}, []string{"lookup: found after 0s", "again:  not sent"}},
		{"the request is lost", func(first func() bool) *distortion {
			return &distortion{says: func(r *http.Request) *http.Response {
				if r.Method != http.MethodPost || !first() {
					return nil
				}
				return textResponse(r, http.StatusBadGateway, "bad gateway")
			}}
		}, []string{"lookup: not found in 1", "again:  not sent"}},
		{"it is refused", func(first func() bool) *distortion {
			return &distortion{says: func(r *http.Request) *http.Response {
				if r.Method != http.MethodPost || !first() {
					return nil
				}
				return textResponse(r, http.StatusBadRequest, `{"pickup_latitude":["A valid number is required."]}`)
			}}
		}, []string{"lookup: none", "again:  not sent"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log, before, text, asJSON bytes.Buffer
				var target *target
				sent := 0
				target = openDistorted(t, "kapiten", row.distortion(func() bool {
					if sent++; sent == 1 {
						before.WriteString(log.String())
					}
					return true
				}))
				h, err := newHook("", target)
				require.NoError(t, err)
				r := &report{Spent: true, Operations: []finding{{Operation: target.spends[0].op, Verdict: seen}}}
				target.spend(t.Context(), r, options{patience: 10 * time.Second}, h, &log)
				r.scrub([]string{"conform"})
				require.NoError(t, r.print(&text, false))
				require.NoError(t, r.print(&asJSON, true))
				assert.Equal(t, 1, sent)
				assert.Equal(t, 1, r.exitCode())
				for _, want := range row.want {
					assert.Contains(t, text.String(), want)
				}
				reference := target.spends[0].reference
				assert.Contains(t, before.String(), reference, "before it is sent")
				assert.Contains(t, text.String(), "rides.create, class once, reference "+reference+"\n")
				assert.Contains(t, asJSON.String(), `"reference": "`+reference+`"`)
			})
		})
	}
}

// The second response may differ from the first in more than its transaction: a time, or a
// gateway's error after which the client looks up what the first one made.
func TestTheSameTransactionAgainIsNotASecondOne(t *testing.T) {
	for name, again := range map[string]func(first string) string{
		"another time": func(first string) string {
			return strings.TrimSuffix(strings.TrimSpace(first), "}") + `,"at":"12:00:01"}`
		},
		"no response": func(string) string { return "<html>gateway</html>" },
	} {
		for _, provider := range []string{"kapiten", "kpay", "kasapay", "kotani", "bitpesa"} {
			t.Run(provider+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					text, _ := printed(t, openDistorted(t, provider, &distortion{again: again}), true)
					assert.NotContains(t, text, "made two")
					if name == "another time" && provider != "kasapay" { // whose acceptance names no transaction
						assert.Contains(t, text, "unclear: the same transaction came back")
					}
				})
			})
		}
	}
}

// A refusal of the second send shows no unique reference, unless it is one that the SDK knows
// as a duplicate: it may be about the phone, the sender or the amount.
func TestARefusalProvesNoUniqueReference(t *testing.T) {
	for _, row := range []struct {
		provider string
		status   int
		body     string
	}{
		{"kpay", 200, `{"retcode":699,"reply":"this refid was already used"}`},
		{"kpay", 200, `{"retcode":609,"tid":"A608"}`},
		{"kasapay", 400, `{"status":"failed","message":"a duplicate"}`},
		{"kotani", 400, `{"status":"400","desc":"Unable to lock subscriber, a transaction is already in process for the current subscriber"}`},
		{"kotani", 400, `{"status":"400","desc":"no such wallet exists"}`},
		{"bitpesa", 422, `{"object":{"errors":{"sender":[{"error":"already"}]}}}`},
		{"bitpesa", 422, `{"object":{"errors":{"input_amount":[{"error":"daily limit already used"}]}}}`},
	} {
		t.Run(row.provider+", "+row.body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, code := printed(t, openDistorted(t, row.provider, &distortion{status: row.status, again: func(string) string { return row.body }}), true)
				assert.Contains(t, text, "unique: unclear")
				assert.Contains(t, text, "(unproven)")
				assert.Equal(t, 1, code)
			})
		})
	}
}

// A merchant whose URL does not lead here, or is not registered, learns that.
func TestACallbackThatDoesNotComeIsTold(t *testing.T) {
	var many clienttest.Quarter
	for provider, want := range map[string]string{
		"kapiten": "none in 3ms", "kpay": "none in 3ms", "kasapay": "none in 3ms", "kotani": "none in 3ms", "bitpesa": "none in 3ms",
		"fiatconnect": "not awaited, because no transaction was made",
	} {
		for _, live := range []bool{false, true} {
			for _, asJSON := range []bool{false, true} {
				if many.LeavesOut() {
					continue
				}
				target := openDistorted(t, provider, &distortion{})
				target.fake = !live
				var out, log bytes.Buffer
				o := options{spend: true, json: asJSON, callback: "http://127.0.0.1:1/", listen: "127.0.0.1:0", patience: 3 * time.Millisecond}
				code := conform(t.Context(), target, o, &out, &log)
				if asJSON {
					assert.Contains(t, out.String(), `"no_callback": "`+want+`"`, provider)
				} else {
					assert.Contains(t, out.String(), "\ncallback: "+want+"\n", provider)
				}
				assert.Equal(t, live, code == 1, "%s: %d", provider, code)
			}
		}
	}
}

// Each provider gets the response that the handler of package webhook gives. KPay documents
// a body, and posts again without it.
func TestACallbackIsAcknowledgedAsItsProviderWants(t *testing.T) {
	const kpays = `{"tid":"T-1","refid":"R-1","momtransactionid":"","statusid":"01","statusdesc":"","payaccount":""}`
	for _, row := range []struct{ provider, body, kind, want string }{
		{"kpay", kpays, "application/json", `{"tid":"T-1","refid":"R-1","reply":"OK"}`},
		{"kpay", "tid=T-1&refid=R-1&statusid=01", "application/json", `{"tid":"T-1","refid":"R-1","reply":"OK"}`},
		{"kpay", `not of KPay`, "", ""},
		{"kapiten", `{}`, "", ""},
		{"kasapay", `{"payout_reference":"R-1","payment_status":700}`, "", ""},
		{"kotani", `{"externalId":"R-1","status":"SUCCESSFUL"}`, "", ""},
		{"bitpesa", `{"webhook":"w","event":"transaction.paid_out","object":{"id":"x"}}`, "", ""},
	} {
		h := hookFor(t, openDistorted(t, row.provider, &distortion{}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook/"+h.nonce, strings.NewReader(row.body)))
		assert.Equal(t, http.StatusOK, w.Code, row.provider)
		assert.Equal(t, row.kind, w.Header().Get("Content-Type"), row.body)
		assert.Equal(t, row.want, w.Body.String(), row.body)
	}
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
				target.spend(t.Context(), r, options{patience: time.Hour}, h, io.Discard)
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
			target.spend(t.Context(), r, options{patience: 5 * time.Second}, h, io.Discard)
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
	got, others, none := h.wait(t.Context(), time.Minute)
	require.Len(t, got, 3)
	assert.Empty(t, none)
	assert.Equal(t, 1, others)
	var fields []string
	for _, p := range got {
		fields = append(fields, p.Fields...)
	}
	assert.ElementsMatch(t, []string{"payer", "refid", "object"}, fields)
	got, _, none = h.wait(t.Context(), 0) // there is no news, and there are callbacks
	assert.Len(t, got, 3)
	assert.Empty(t, none)
}

// Two runs share no path, and what the URL of the merchant has stays in it.
func TestEachRunHasAPathOfItsOwn(t *testing.T) {
	first, err := newHook("https://shop.example/hook/?tenant=a", &target{})
	require.NoError(t, err)
	second, err := newHook("https://shop.example/hook/?tenant=a", &target{})
	require.NoError(t, err)
	assert.NotEqual(t, first.url, second.url)
	assert.Equal(t, "https://shop.example/hook/"+first.nonce+"?tenant=a", first.url)
	for _, no := range []string{"shop.example/hook", "ftp://shop.example/", "https://", "https://a b/", "://PLANTED"} {
		_, err := newHook(no, &target{})
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
	got, others, none := h.wait(t.Context(), time.Minute)
	require.Len(t, got, 1)
	assert.Empty(t, none)
	assert.Zero(t, others)
	assert.Equal(t, []string{"refid"}, got[0].Fields)
	assert.NotContains(t, got[0].Headers, "R-1")
}

// hookFor takes callbacks of a target. BitPesa learns its URL, as its merchants do it.
func hookFor(t *testing.T, target *target) *hook {
	t.Helper()
	h, err := newHook(registered, target)
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
