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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func TestHandlerHandsOnAndAcknowledgesAsTheProviderWants(t *testing.T) {
	h, l := merchant(t, nil)
	w := post(h, paid("o1"))
	assert.Equal(t, 201, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, `{"reference":"o1","reply":"OK"}`, w.Body.String())
	require.Equal(t, []string{"o1 PAID"}, l.told())
	assert.Equal(t, webhook.Claimed, l.events[0].Trust)
	assert.Equal(t, webhook.Advanced, l.events[0].Transition)
	assert.Equal(t, "shop", l.events[0].Provider)
	assert.Equal(t, 1, l.events[0].Attempt)
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
	assert.Equal(t, webhook.Reversal, l.events[1].Transition)
}

func TestHandlerForgetsNoPositionOverAStatusItsTableDoesNotName(t *testing.T) {
	h, l := merchant(t, nil)
	for _, s := range []string{"ON_HOLD", "PENDING", "PARKED", "NEW", "PARKED", "ON_HOLD", "PAID", "PENDING"} {
		assert.Equal(t, 201, post(h, status("o1", s)).Code, s)
	}
	assert.Equal(t, []string{"o1 ON_HOLD", "o1 PENDING", "o1 PARKED", "o1 PAID"}, l.told())
	for i, previous := range []string{"", "ON_HOLD", "PENDING", "PARKED"} {
		assert.Equal(t, previous, l.events[i].Previous)
	}

	// The same new status under another id: it is there already.
	h, l = merchant(t, func(c *webhook.Config[order]) {
		identify := c.Source.Identify
		c.Source.Identify = func(o order) webhook.Identity {
			s := identify(o)
			s.ID = o.Other
			return s
		}
	})
	for _, id := range []string{"1", "2"} {
		assert.Equal(t, 201, post(h, `{"reference":"o1","status":"PARKED","other":"`+id+`"}`).Code)
	}
	assert.Equal(t, []string{"o1 PARKED"}, l.told())
}

func TestHandlerKeepsAnImpossibleStatusForPeople(t *testing.T) {
	inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
	r := &reports{}
	h, l := merchant(t, func(c *webhook.Config[order]) { c.Inbox, c.Report = inbox, r.add })
	post(h, paid("o1"))
	w := post(h, status("o1", "FAILED"))
	assert.Equal(t, 201, w.Code, "asking the sender again would change nothing")
	assert.Equal(t, []string{"o1 PAID"}, l.told())
	var e *webhook.Error
	require.ErrorAs(t, r.last(), &e)
	require.ErrorIs(t, e, webhook.ErrImpossible)
	assert.Equal(t, "FAILED", e.Status)
	dead, err := inbox.Dead(t.Context(), "shop", 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.Equal(t, webhook.Key{Provider: "shop", Reference: "o1", ID: "FAILED"}, dead[0].Key)
	assert.Equal(t, status("o1", "FAILED"), string(dead[0].Body()))
	assert.Equal(t, 201, post(h, status("o1", "RETURNED")).Code, "the reference is free again")
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
			h, l := merchant(t, func(cfg *webhook.Config[order]) {
				cfg.Report = r.add
				cfg.Confirm = func(context.Context, webhook.Event[order]) (order, error) {
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
	h, l := merchant(t, func(c *webhook.Config[order]) { c.MaxBody = int64(len(body)) })
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
	h, l := merchant(t, func(c *webhook.Config[order]) { c.Report = r.add })
	l.fail = errors.New("database away: password=hunter2")
	w := post(h, paid("o1"))
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "hunter2")
	require.ErrorIs(t, r.last(), l.fail)
	l.fail = nil
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestHandlerSurvivesAPanic(t *testing.T) {
	calls := 0
	r := &reports{}
	h, _ := merchant(t, func(c *webhook.Config[order]) {
		c.Report = r.add
		c.Handle = func(context.Context, webhook.Event[order]) error {
			if calls++; calls == 1 {
				panic("index out of range")
			}
			return nil
		}
	})
	assert.Equal(t, 500, post(h, paid("o1")).Code)
	require.ErrorIs(t, r.last(), webhook.ErrPanic)
	assert.Equal(t, 201, post(h, paid("o1")).Code, "the lease was released")
}

func TestHandlerAnswersWhatPeopleDiscardedAsTheProviderWants(t *testing.T) {
	inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
	h, l := merchant(t, func(c *webhook.Config[order]) { c.Inbox = inbox })
	require.Equal(t, 201, post(h, status("o1", "FAILED")).Code)
	first := post(h, paid("o1"))
	require.NoError(t, inbox.Discard(t.Context(), webhook.Key{Provider: "shop", Reference: "o1", ID: "PAID"}))
	again := post(h, paid("o1"))
	assert.Equal(t, first.Code, again.Code)
	assert.Equal(t, first.Body.String(), again.Body.String())
	assert.Equal(t, []string{"o1 FAILED"}, l.told())
}

func TestHandlerSurvivesASourceThatPanics(t *testing.T) {
	calls := 0
	r := &reports{}
	h, l := merchant(t, func(c *webhook.Config[order]) {
		c.Auth = []webhook.Authenticator{webhook.Signature(webhook.SignatureConfig{Scheme: webhook.Timestamped("X-Signature")}, newKey)}
		c.Report = r.add
		decode := c.Source.Decode
		c.Source.Decode = func(body []byte) (order, error) {
			if calls++; calls == 1 {
				panic("a field nobody expected")
			}
			return decode(body)
		}
	})
	request := func() *http.Request {
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(paid("o1")))
		r.Header.Set("X-Signature", "t="+stamp+",v1="+hexMAC(newKey, stamp+"."+paid("o1")))
		return r
	}
	first := request()
	again := first.Clone(t.Context())
	again.Body = io.NopCloser(strings.NewReader(paid("o1")))
	assert.Equal(t, 500, send(h, first).Code)
	require.ErrorIs(t, r.last(), webhook.ErrPanic)
	assert.Equal(t, 201, send(h, again).Code, "the signature was not used up")
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

// impatient refuses what a database refuses: work for a caller who is gone.
type impatient struct{ *webhook.MemoryInbox }

func (i impatient) Complete(ctx context.Context, c webhook.Lease, r webhook.Result) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return i.MemoryInbox.Complete(ctx, c, r)
}

func TestHandlerMarksWhatTookEffectThoughItsTimeWasOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		h, _ := merchant(t, func(c *webhook.Config[order]) {
			c.Inbox = impatient{webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})}
			c.Handle = func(context.Context, webhook.Event[order]) error {
				calls++
				pass(time.Minute) // and the lease is 30 s
				return nil
			}
		})
		assert.Equal(t, 201, post(h, paid("o1")).Code)
		assert.Equal(t, 201, post(h, paid("o1")).Code)
		assert.Equal(t, 1, calls)
	})
}

func TestHandlerFinishesWhenTheSenderHangsUp(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	h, _ := merchant(t, func(c *webhook.Config[order]) {
		c.Handle = func(ctx context.Context, _ webhook.Event[order]) error {
			hangUp()
			return ctx.Err()
		}
	})
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+pathSecret, strings.NewReader(paid("o1"))).WithContext(ctx)
	assert.Equal(t, 201, send(h, r).Code)
}

func TestHandlerBoundsYourFunctionByTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *webhook.Config[order]) {
			c.Lease = 20 * time.Second
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
		h, _ := merchant(t, func(c *webhook.Config[order]) {
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
		h, l := merchant(t, func(c *webhook.Config[order]) {
			c.Report = r.add
			c.Handle = func(context.Context, webhook.Event[order]) error { <-proceed; return nil }
		})
		var first sync.WaitGroup
		first.Go(func() { assert.Equal(t, 201, post(h, status("o1", "NEW")).Code) })
		synctest.Wait()

		start := time.Now()
		same := post(h, status("o1", "NEW"))
		assert.Equal(t, 503, same.Code)
		assert.Zero(t, time.Since(start), "a copy has nothing to wait for")
		require.ErrorIs(t, r.last(), webhook.ErrBusy)
		assert.NotEmpty(t, same.Header().Get("Retry-After"))

		other := post(h, paid("o1"))
		assert.Equal(t, 503, other.Code)
		assert.InDelta(t, 5, time.Since(start).Seconds(), 0.5)
		close(proceed)
		first.Wait()
		assert.Equal(t, 201, post(h, status("o1", "NEW")).Code)
		assert.Empty(t, l.told())
	})
}

func TestShutdownFinishesWhatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := merchant(t, func(c *webhook.Config[order]) {
			c.Handle = func(context.Context, webhook.Event[order]) error { pass(3 * time.Second); return nil }
		})
		var sender sync.WaitGroup
		sender.Go(func() { assert.Equal(t, 201, post(h, paid("o1")).Code) })
		synctest.Wait()
		start := time.Now()

		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Shutdown(hasty), context.DeadlineExceeded)
		assert.Equal(t, 503, post(h, paid("o2")).Code)
		_, err := h.Feed(t.Context(), order{Reference: "o3", Status: "PAID"})
		require.ErrorIs(t, err, webhook.ErrClosed)

		require.NoError(t, h.Shutdown(t.Context()))
		assert.Equal(t, 3*time.Second, time.Since(start))
		sender.Wait()
		require.NoError(t, h.Shutdown(t.Context()))
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
		h, _ := merchant(t, func(c *webhook.Config[order]) {
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
