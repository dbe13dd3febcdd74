package webhook_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/webhook"
)

func TestHandlerHandsOnAndAcknowledgesAsTheProviderWants(t *testing.T) {
	h, l := merchant(t, nil)
	w := post(h, paid("o1"))
	assert.Equal(t, 201, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, `{"reference":"o1","reply":"OK"}`, w.Body.String())
	require.Equal(t, []string{"o1 PAID"}, l.told())
	assert.Equal(t, webhook.Posted, l.events[0].Trust)
	assert.Equal(t, webhook.Advanced, l.events[0].Transition)
	assert.Equal(t, "shop", l.events[0].Provider)
}

func TestHandlerAnswersADuplicateAsTheFirstTime(t *testing.T) {
	h, l := merchant(t, nil)
	first := post(h, paid("o1"))
	second := post(h, paid("o1"))
	assert.Equal(t, first.Code, second.Code)
	assert.Equal(t, first.Body.String(), second.Body.String())
	assert.Equal(t, first.Header().Get("Content-Type"), second.Header().Get("Content-Type"))
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestHandlerKeepsStatusesInOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		sent []string
		told []string
	}{
		{"in order", []string{"NEW", "PENDING", "PAID"}, []string{"o1 NEW", "o1 PENDING", "o1 PAID"}},
		{"a late one is acknowledged and not handed on", []string{"PAID", "PENDING", "NEW"}, []string{"o1 PAID"}},
		{"a gap is an advance", []string{"NEW", "PAID"}, []string{"o1 NEW", "o1 PAID"}},
		{"a reversal is handed on", []string{"PAID", "RETURNED"}, []string{"o1 PAID", "o1 RETURNED"}},
		{"success after its reversal is late", []string{"PAID", "RETURNED", "PAID"}, []string{"o1 PAID", "o1 RETURNED"}},
		{"an unknown status passes through", []string{"NEW", "ON_THE_MOON", "PAID"}, []string{"o1 NEW", "o1 ON_THE_MOON", "o1 PAID"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := merchant(t, nil)
			for _, s := range c.sent {
				assert.Equal(t, 201, post(h, status("o1", s)).Code)
			}
			assert.Equal(t, c.told, l.told())
		})
	}
}

func TestHandlerTellsThePreviousStatusAndTheReversal(t *testing.T) {
	h, l := merchant(t, nil)
	post(h, paid("o1"))
	post(h, status("o1", "RETURNED"))
	require.Len(t, l.events, 2)
	assert.Empty(t, l.events[0].Previous)
	assert.Equal(t, "PAID", l.events[1].Previous)
	assert.Equal(t, webhook.Reversed, l.events[1].Transition)
}

func TestHandlerForgetsNoPositionOverAStatusItsTableDoesNotName(t *testing.T) {
	h, l := merchant(t, nil)
	for _, s := range []string{"ON_HOLD", "PENDING", "PARKED", "NEW", "PARKED", "ON_HOLD", "PAID", "PENDING"} {
		assert.Equal(t, 201, post(h, status("o1", s)).Code, s)
	}
	assert.Equal(t, []string{"o1 ON_HOLD", "o1 PENDING", "o1 PARKED", "o1 ON_HOLD", "o1 PAID"}, l.told())
	for i, previous := range []string{"", "ON_HOLD", "PENDING", "PARKED", "ON_HOLD"} {
		assert.Equal(t, previous, l.events[i].Previous)
	}
}

func TestNothingTrueIsWithheld(t *testing.T) {
	for _, c := range []struct {
		sent []string
		told []string
	}{
		{[]string{"FAILED", "PAID"}, []string{"FAILED advanced", "PAID corrected"}},
		{[]string{"PAID", "FAILED"}, []string{"PAID advanced", "FAILED reversed"}},
		{[]string{"RETURNED"}, []string{"RETURNED reversed"}},
		{[]string{"FAILED", "NEW", "ON_THE_MOON"}, []string{"FAILED advanced", "ON_THE_MOON unexpected"}},
	} {
		h, l := merchant(t, nil)
		for _, s := range c.sent {
			assert.Equal(t, 201, post(h, status("o1", s)).Code)
		}
		assert.Equal(t, c.told, l.transitions())
	}
}

func TestHandlerRefusesStrangersWithoutDetail(t *testing.T) {
	var asked atomic.Int32
	cases := []struct {
		name    string
		request func() *http.Request
		want    int
	}{
		{"wrong secret", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+strings.Repeat("x", 22), strings.NewReader(paid("o1")))
		}, 401},
		{"almost the secret", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret[:21], strings.NewReader(paid("o1")))
		}, 401},
		{"empty secret", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/", strings.NewReader(paid("o1")))
		}, 401},
		{"missing secret", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/", strings.NewReader(paid("o1")))
		}, 401},
		{"secret not last", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/"+pathSecret+"/x", strings.NewReader(paid("o1")))
		}, 401},
		{"wrong method", func() *http.Request {
			return httptest.NewRequest(http.MethodGet, "/hooks/"+pathSecret, nil)
		}, 405},
		{"too large, announced", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o1")+strings.Repeat(" ", webhook.DefaultMaxBody)))
		}, 413},
		{"too large, not announced", func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, io.MultiReader(strings.NewReader(paid("o1")+strings.Repeat(" ", webhook.DefaultMaxBody))))
			r.ContentLength = -1
			return r
		}, 413},
		{"compressed", func() *http.Request {
			var bomb bytes.Buffer
			z := gzip.NewWriter(&bomb)
			_, _ = z.Write(bytes.Repeat([]byte(" "), 4<<20))
			_ = z.Close()
			r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, &bomb)
			r.Header.Set("Content-Encoding", "gzip")
			return r
		}, 415},
		{"compressed under a second header", func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o1")))
			r.Header["Content-Encoding"] = []string{"identity", "br"}
			return r
		}, 415},
		{"cut short", func() *http.Request {
			body := io.MultiReader(strings.NewReader(`{"reference":"o1",`), failingReader{})
			r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, body)
			r.ContentLength = 40
			return r
		}, 400},
		{"not JSON", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader("status=PAID"))
		}, 400},
		{"empty body", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, nil)
		}, 400},
		{"no reference", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(`{"status":"PAID"}`))
		}, 400},
		{"no status", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(`{"reference":"o1"}`))
		}, 400},
		{"control character in the reference", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o\x001")))
		}, 400},
		{"endless reference", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid(strings.Repeat("o", 256))))
		}, 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &reports{}
			h, l := merchant(t, func(cfg *setup) {
				cfg.Report = r.add
				cfg.Source.Ask = func(context.Context, webhook.Identity) (order, error) {
					asked.Add(1)
					return order{}, errors.New("unasked")
				}
			})
			w := send(h, c.request())
			assert.Equal(t, c.want, w.Code)
			assert.Equal(t, http.StatusText(c.want), strings.TrimSpace(w.Body.String()))
			assert.Empty(t, l.told())
			require.Error(t, r.last())
			assert.NotContains(t, r.last().Error(), pathSecret)
			assert.NotContains(t, r.last().Error(), "\n")
		})
	}
	assert.Zero(t, asked.Load())
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHandlerTakesWhatIsJustWithinBounds(t *testing.T) {
	body := paid("o1")
	h, l := merchant(t, func(c *setup) { c.MaxBody = int64(len(body)) })
	assert.Equal(t, 413, post(h, body+" ").Code)
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(body))
	r.Header.Set("Content-Encoding", "Identity")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // JSON labelled as a form
	assert.Equal(t, 201, send(h, r).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestHandlerDoesNotReadTheBodyOfAStranger(t *testing.T) {
	h, _ := merchant(t, nil)
	body := &countingReader{}
	w := send(h, httptest.NewRequest(http.MethodPost, "/hooks/wrong", body))
	assert.Equal(t, 401, w.Code)
	assert.Zero(t, body.reads)
}

type countingReader struct{ reads int }

func (c *countingReader) Read([]byte) (int, error) { c.reads++; return 0, io.EOF }

func TestHandlerLetsTheSenderComeAgainAfterAFailure(t *testing.T) {
	r := &reports{}
	h, l := merchant(t, func(c *setup) { c.Report = r.add })
	l.fail = errors.New("database away: password=hunter2")
	w := post(h, paid("o1"))
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "hunter2")
	require.ErrorIs(t, r.last(), l.fail)
	l.fail = nil
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

// An announced length costs nothing: neither a byte is read nor room made for it.
func TestAnAnnouncedBodyCostsNothing(t *testing.T) {
	const limit = 64 << 20
	announce := func(length int64, body io.Reader) (*http.Request, *httptest.ResponseRecorder) {
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.ContentLength = length
		return r, httptest.NewRecorder()
	}
	unread := strings.NewReader("x")
	r, w := announce(limit+1, unread)
	_, err := webhook.ReadBody(w, r, limit)
	require.ErrorIs(t, err, webhook.ErrBodyTooLarge)
	assert.Equal(t, 1, unread.Len())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, w = announce(limit, strings.NewReader("x"))
	_, _ = webhook.ReadBody(w, r, limit)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(limit/4))
}

// A fact that comes to a capability URL must be about what the URL was minted for.
func TestAFactThatContradictsItsURLIsRefused(t *testing.T) {
	caps := capabilities(t, atNoon, newKey)
	h, l := merchant(t, func(c *setup) { c.Auth = webhook.AllOf(caps, webhook.Signature(stamped, newKey)) })
	for body, want := range map[string]int{paid("o1"): 201, paid("o2"): 422, `{"reference":"o1","status":"RETURNED","other":5}`: 400} {
		r := signedBy("Shop-Signature", fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1(newKey, noon, body)), body)
		r.URL.Path = mint(t, caps, webhook.Bound{Reference: "o1"})
		assert.Equal(t, want, send(h, r).Code, body)
	}
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestARequestWithoutABodyIsRefused(t *testing.T) {
	for name, auth := range map[string]webhook.Authenticator{"secret": webhook.PathSecret(pathSecret), "signature": webhook.Signature(stamped, newKey)} {
		r := &reports{}
		h, _ := merchant(t, func(c *setup) { c.Auth, c.Report = auth, r.add })
		request := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, nil)
		request.Body = nil
		assert.Equal(t, 400, send(h, request).Code, name)
		assert.ErrorContains(t, r.last(), "a middleware may have read it")
	}
}

func TestReportSaysThatAMiddlewareReadAPartOfTheBody(t *testing.T) {
	for name, tc := range map[string]struct {
		auth   webhook.Authenticator
		status int
	}{
		"signature": {webhook.Signature(stamped, newKey), 401},
		"secret":    {webhook.PathSecret(pathSecret), 400},
	} {
		for read, told := range map[int64]bool{0: false, 5: true} {
			r := &reports{}
			h, _ := merchant(t, func(c *setup) { c.Auth, c.Report = tc.auth, r.add })
			request := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(`{"no order": 1`))
			_, err := io.CopyN(io.Discard, request.Body, read)
			require.NoError(t, err)
			assert.Equal(t, tc.status, send(h, request).Code, name)
			assert.Equal(t, told, strings.Contains(r.last().Error(), "a middleware may have read a part"), "%s, %d bytes read: %v", name, read, r.last())
		}
	}
}

// Each handler that finds its secret or capability in the path says what a router or a
// middleware took from the request.
func TestReportSaysWhatARouterOrAMiddlewareDid(t *testing.T) {
	for provider, handler := range handlersByPath(t) {
		for way, auth := range map[string]func(path string) (webhook.Authenticator, string){
			"secret": func(path string) (webhook.Authenticator, string) {
				return webhook.PathSecret(pathSecret), path + pathSecret
			},
			"capability": func(path string) (webhook.Authenticator, string) {
				caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: provider, BaseURL: "https://shop.example" + path}, newKey)
				require.NoError(t, err)
				return caps, mint(t, caps, webhook.Bound{Reference: "o1"})
			},
		} {
			t.Run(provider+"/"+way, func(t *testing.T) {
				a, good := auth("/hooks/" + provider + "/")
				for name, tc := range map[string]struct {
					path  string
					body  io.Reader
					code  int
					error error
					says  string
				}{
					"trailing slash":         {good + "/", strings.NewReader("{}"), 401, webhook.ErrUnauthenticated, "ends with a slash"},
					"two slashes":            {good + "//", strings.NewReader("{}"), 401, webhook.ErrUnauthenticated, "ends with a slash"},
					"only the folder":        {"/hooks/" + provider + "/", strings.NewReader("{}"), 401, webhook.ErrUnauthenticated, "ends with a slash"},
					"stripped to a slash":    {"/", strings.NewReader("{}"), 401, webhook.ErrUnauthenticated, "http.StripPrefix"},
					"stripped to nothing":    {"", strings.NewReader("{}"), 401, webhook.ErrUnauthenticated, "http.StripPrefix"},
					"a body that was read":   {good, emptied(t, `{"status":"x"}`), 400, webhook.ErrMalformed, "middleware"},
					"a body that was closed": {good, closedBody{}, 400, webhook.ErrMalformed, "middleware"},
					"a body of http.NoBody":  {good, http.NoBody, 400, webhook.ErrMalformed, "middleware"},
				} {
					r := &reports{}
					request := httptest.NewRequest(http.MethodPost, "/", tc.body)
					request.URL.Path = tc.path
					request.Header.Set("Authorization-Key", testKeys()[0].Key) // BitPesa's body is not read without it
					w := send(handler(a, r.add), request)
					assert.Equal(t, tc.code, w.Code, name)
					require.ErrorIs(t, r.last(), tc.error, name)
					assert.ErrorContains(t, r.last(), tc.says, name)
					secret := good[strings.LastIndexByte(good, '/')+1:]
					assert.NotContains(t, r.last().Error()+w.Body.String(), secret, name)
				}
			})
		}
	}
}

type report = func(context.Context, error)

// handlersByPath build the handler of each provider, by the provider's name. Where the
// provider signs, its signature is asked for behind the path.
func handlersByPath(t *testing.T) map[string]func(webhook.Authenticator, report) http.Handler {
	t.Helper()
	return map[string]func(webhook.Authenticator, report) http.Handler{
		"kapiten": reporting(t, nil, func(c webhook.Config[kapiten.Ride]) (*webhook.Handler[kapiten.Ride], error) {
			return webhook.NewKapiten(rides{}, "co-1", c)
		}),
		"kpay": reporting(t, nil, func(c webhook.Config[kpay.Payment]) (*webhook.Handler[kpay.Payment], error) {
			return webhook.NewKPay(&kpay.Client{}, c)
		}),
		"kasapay": reporting(t, nil, func(c webhook.Config[kasapay.Payout]) (*webhook.Handler[kasapay.Payout], error) {
			return webhook.NewKasapay(&kasapay.PayoutsService{}, c)
		}),
		"kotani": reporting(t, nil, func(c webhook.Config[kotani.Transaction]) (*webhook.Handler[kotani.Transaction], error) {
			return webhook.NewKotani(&books{}, kotani.Payouts, c)
		}),
		"kotani-v3":   reporting(t, webhook.KotaniV3Signature(v3Whsec), webhook.NewKotaniV3),
		"fiatconnect": reporting(t, webhook.FiatConnectSignature(webhook.SignatureConfig{}, newKey), webhook.NewFiatConnect),
		"bitpesa":     reporting(t, webhook.BitPesaSignature(bitpesaURL, testKeys()...), webhook.NewBitPesa),
	}
}

func reporting[E any](t *testing.T, signature webhook.Authenticator, build func(webhook.Config[E]) (*webhook.Handler[E], error)) func(webhook.Authenticator, report) http.Handler {
	return func(a webhook.Authenticator, r report) http.Handler {
		c := goodConfig[E]()
		c.Auth, c.Report = a, r
		if signature != nil {
			c.Auth = webhook.AllOf(a, signature)
		}
		h, err := build(c)
		require.NoError(t, err)
		return h
	}
}

// emptied is a body that a middleware has read, as one that logs bodies does.
func emptied(t *testing.T, body string) io.Reader {
	t.Helper()
	r := strings.NewReader(body)
	_, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	return r
}

// closedBody is a body that a middleware has closed.
type closedBody struct{}

func (closedBody) Read([]byte) (int, error) { return 0, http.ErrBodyReadAfterClose }

func TestWordsForNoEncodingAreNone(t *testing.T) {
	for coding, want := range map[string]int{"UTF-8": 201, "utf8": 201, "none": 201, "identity": 201, " Identity ": 201, "": 201, "gzip": 415, "br": 415, "identity, gzip": 415, "gzip,identity": 415, "Identity, identity": 201, "utf-8,identity": 201, "identity,": 201, "deflate": 415} {
		h, _ := merchant(t, nil)
		r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o1")))
		r.Header["Content-Encoding"] = []string{coding}
		assert.Equal(t, want, send(h, r).Code, coding)
	}
}

func TestObserveSeesEachStep(t *testing.T) {
	var seen []string
	b := &bank{}
	b.set(order{Reference: "o1", Status: "PAID"})
	h, _ := merchant(t, func(c *setup) {
		c.Source.Ask = b.ask
		c.Observe = func(_ context.Context, o webhook.Observation) {
			assert.Equal(t, "shop", o.Provider)
			seen = append(seen, fmt.Sprint(o.Step, " ", o.Reason, o.Transition))
		}
	})
	post(h, paid("o1"))
	post(h, paid("o1"))
	postTo(h, "/guess", paid("o1"))
	assert.Equal(t, []string{
		"received ", "confirmed ", "handed on advanced",
		"received ", "confirmed ", "not new duplicate",
		"received ", "refused not authenticated",
	}, seen)
}

func TestObserveMeasuresTheAPIAndTheLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := map[webhook.Step]time.Duration{}
		b := &bank{}
		h, _ := merchant(t, func(c *setup) {
			c.AskRate, c.Source.Ask = 1, slow(b, 200*time.Millisecond)
			c.Known = func(context.Context, string) (bool, error) { pass(500 * time.Millisecond); return true, nil }
			c.Observe = func(_ context.Context, o webhook.Observation) { took[o.Step] = o.Took }
		})
		for _, each := range []struct {
			reference string
			lag       time.Duration
		}{{"o1", 700 * time.Millisecond}, {"o2", time.Second}} { // the second waits for its turn
			b.set(order{Reference: each.reference, Status: "PAID"})
			post(h, paid(each.reference))
			assert.Equal(t, 200*time.Millisecond, took[webhook.StepConfirmed], "of the question alone")
			assert.Equal(t, each.lag, took[webhook.StepHandedOn], "since the request came")
		}
	})
}

func TestHandlerFinishesWhenTheSenderHangsUp(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	h, _ := merchant(t, func(c *setup) {
		c.Handle = func(ctx context.Context, _ webhook.Event[order]) error {
			hangUp()
			return ctx.Err()
		}
	})
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o1"))).WithContext(ctx)
	assert.Equal(t, 201, send(h, r).Code)
}

func TestHandlerBoundsYourFunctionByTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *setup) {
			c.Timeout = 20 * time.Second
			c.Handle = func(ctx context.Context, _ webhook.Event[order]) error {
				<-ctx.Done()
				return ctx.Err()
			}
		})
		start := time.Now()
		assert.Equal(t, 500, post(h, paid("o1")).Code)
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

func TestHandlerNeverWorksOnOneReferenceTwiceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at, most atomic.Int32
		h, _ := merchant(t, func(c *setup) {
			c.Handle = func(ctx context.Context, ev webhook.Event[order]) error {
				most.Store(max(most.Load(), at.Add(1)))
				pass(time.Second)
				at.Add(-1)
				return nil
			}
		})
		var senders sync.WaitGroup
		codes := make([]int, 3)
		for i, s := range []string{"NEW", "PENDING", "PAID"} {
			senders.Go(func() { codes[i] = post(h, status("o1", s)).Code })
			synctest.Wait()
		}
		senders.Wait()
		assert.Equal(t, []int{201, 201, 201}, codes, "each waits for its turn")
		assert.EqualValues(t, 1, most.Load())
	})
}

func TestHandlerTellsTheSenderToComeAgainWhenTheWaitIsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		proceed := make(chan struct{})
		h, l := merchant(t, func(c *setup) {
			c.Report = r.add
			c.Handle = func(context.Context, webhook.Event[order]) error { <-proceed; return nil }
		})
		var first sync.WaitGroup
		first.Go(func() { assert.Equal(t, 201, post(h, status("o1", "NEW")).Code) })
		synctest.Wait()

		start := time.Now()
		same := post(h, status("o1", "NEW"))
		assert.Equal(t, 503, same.Code)
		require.ErrorIs(t, r.last(), webhook.ErrBusy)
		assert.NotEmpty(t, same.Header().Get("Retry-After"))
		assert.Equal(t, 5*time.Second, time.Since(start))
		close(proceed)
		first.Wait()
		assert.Equal(t, 201, post(h, status("o1", "NEW")).Code)
		assert.Empty(t, l.told())
	})
}

// A signed delivery has no time to be refused: BitPesa disables an endpoint that
// does not acknowledge.
func TestASignedBodyThatComesAgainWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := paid("o1")
		header := fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body))
		calls := 0
		h, _ := merchant(t, func(c *setup) {
			c.Auth = webhook.Signature(stamped, "whsec")
			c.Handle = func(context.Context, webhook.Event[order]) error { calls++; pass(3 * time.Second); return nil }
		})
		var senders sync.WaitGroup
		answers := make([]*httptest.ResponseRecorder, 6)
		for i := range 5 {
			senders.Go(func() { answers[i] = send(h, signedBy("Shop-Signature", header, body)) })
		}
		senders.Wait()
		answers[5] = send(h, signedBy("Shop-Signature", header, body))
		for _, a := range answers {
			assert.Equal(t, 201, a.Code)
			assert.Equal(t, answers[0].Body.String(), a.Body.String())
		}
		assert.Equal(t, 1, calls)
	})
}

func TestHandlerRunsUnderAnyRouter(t *testing.T) {
	h, l := merchant(t, nil)
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/shop/{secret}", h)
	mux.Handle("/stripped/", http.StripPrefix("/stripped", h))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for i, path := range []string{"/hooks/shop/", "/stripped/"} {
		res, err := server.Client().Post(server.URL+path+pathSecret, "application/json", strings.NewReader(paid(fmt.Sprint("o", i))))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, 201, res.StatusCode)
	}
	assert.Equal(t, []string{"o0 PAID", "o1 PAID"}, l.told())
}

// connected talks to a real server over a pipe, inside a synctest bubble.
func connected(t *testing.T, h http.Handler, talk func(sender net.Conn, response *bufio.Reader)) {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	defer serving.Wait()
	defer func() { assert.NoError(t, server.Close()) }()
	sender, conn := net.Pipe()
	defer sender.Close()
	listener.conns <- conn
	talk(sender, bufio.NewReader(sender))
}

func TestHandlerGivesUpOnASenderThatFeedsItsBodySlowly(t *testing.T) {
	for path, want := range map[string]int{pathSecret: 400, "stranger": 401} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, l := merchant(t, nil)
				connected(t, h, func(sender net.Conn, response *bufio.Reader) {
					start := time.Now()
					_, err := fmt.Fprintf(sender, "POST /%s HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\n{", path)
					require.NoError(t, err)
					res, err := http.ReadResponse(response, nil)
					require.NoError(t, err)
					assert.Equal(t, want, res.StatusCode)
					_, err = io.Copy(io.Discard, response)
					require.NoError(t, err, "until the server hangs up")
					require.NoError(t, res.Body.Close())
					assert.InDelta(t, 10, time.Since(start).Seconds(), 1)
					assert.Empty(t, l.told())
				})
			})
		})
	}
}

func TestHandlerDoesNotHurryASenderWhoseBodyIsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *setup) {
			c.Handle = func(context.Context, webhook.Event[order]) error { pass(20 * time.Second); return nil }
		})
		patient := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			assert.NoError(t, r.Context().Err(), "as if the sender had hung up")
		})
		connected(t, patient, func(sender net.Conn, response *bufio.Reader) {
			for _, body := range []string{paid("o1"), paid("o2")} { // on one connection
				_, err := fmt.Fprintf(sender, "POST /%s HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n%s", pathSecret, len(body), body)
				require.NoError(t, err)
				res, err := http.ReadResponse(response, nil)
				require.NoError(t, err)
				assert.Equal(t, 201, res.StatusCode)
				_, err = io.Copy(io.Discard, res.Body)
				require.NoError(t, err)
			}
		})
	})
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
