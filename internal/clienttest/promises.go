package clienttest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// MoneyWrite is a call of an operation that moves money.
type MoneyWrite struct {
	Op    string
	Class sdk.Class // which this call has
	// Accepts are the responses without a word that its document shows as a success, or
	// that nothing rules out: names of mishaps.
	Accepts []string
	// Prepare makes a client whose transport is what over returns, and whatever else
	// the call needs.
	Prepare func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) (call func(context.Context) error)
}

// CheckPromises holds every operation of a table that moves money against what can go
// wrong whatever the provider is. An operation without a call in writes is a failure.
func CheckPromises(t *testing.T, table []sdk.Operation, writes []MoneyWrite) {
	missing := map[string]bool{}
	for _, op := range table {
		if op.MovesMoney {
			missing[op.Name] = true
		}
	}
	for _, w := range writes {
		delete(missing, w.Op)
		for _, m := range mishaps() {
			if slices.Contains(w.Accepts, m.name) {
				continue
			}
			t.Run(m.name+"/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { m.check(t, w) })
			})
		}
		if w.Class == sdk.Referenced || w.Class == sdk.Searched {
			t.Run("many callers/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkCallers(t, w) })
			})
		}
	}
	for name := range missing {
		t.Errorf("nothing calls %s, which moves money", name)
	}
}

// mishap is what happens to the n-th request of a write, from 1.
type mishap struct {
	name string
	meet func(n int, req *http.Request) (*http.Response, error)
	sent bool // it reaches somebody, so that the outcome is unknown; else it is "not sent"
}

func mishaps() []mishap {
	all := []mishap{
		{"net/http sends it again", sentAgain, true},
		{"another leg did it, this one is refused", func(_ int, req *http.Request) (*http.Response, error) { return refused(read(req)) }, true},
		{"unanswered, then refused", func(n int, req *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errors.Join(read(req), io.ErrUnexpectedEOF)
			}
			return refused(nil)
		}, true},
		{"no response, no error", func(_ int, req *http.Request) (*http.Response, error) { return nil, read(req) }, true},
		{"a response without a body", func(_ int, req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Request: req}, read(req)
		}, true},
		{"a limiter that lets nothing out", func(int, *http.Request) (*http.Response, error) {
			return nil, errors.Join(sdk.ErrNotSent, errors.New("no permit"))
		}, false},
	}
	for name, step := range map[string]Step{
		// No success.
		"empty 200": Answer(200, ""), "{} 200": Answer(200, "{}"), "[] 200": Answer(200, "[]"), "null 200": Answer(200, "null"),
		"204": Answer(204, ""), "success alone": Answer(200, `{"success":true}`), "HTML 200": Answer(200, "<html>welcome</html>"),
		// No refusal.
		"empty 403": Answer(403, ""), "empty 404": Answer(404, ""), "empty 499": Answer(499, ""), "422 {}": Answer(422, "{}"),
		"upstream error": Answer(503, "upstream connect error"), "HTML 404": Answer(404, "<html>nginx</html>"),
		"a proxy's list": Answer(499, `{"errors":["client closed request"]}`), "a proxy's 429": Answer(429, `{"message":"API rate limit exceeded"}`),
	} {
		all = append(all, mishap{name, func(_ int, req *http.Request) (*http.Response, error) { return step(req), read(req) }, true})
	}
	return all
}

func read(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	_, err := io.Copy(io.Discard, req.Body)
	return err
}

func refused(err error) (*http.Response, error) {
	return nil, errors.Join(err, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
}

// sentAgain does as net/http does when a peer resets the stream: it asks for a second
// connection within the same attempt. That must end the attempt.
func sentAgain(_ int, req *http.Request) (*http.Response, error) {
	if err := read(req); err != nil {
		return nil, err
	}
	for range 2 {
		conn, peer := net.Pipe()
		defer conn.Close()
		defer peer.Close()
		httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return nil, errSentTwice
}

var errSentTwice = errors.New("the request goes out again")

// crossing is a transport on which the requests of a write meet a mishap. Only a write
// has no GetBody.
type crossing struct {
	next http.RoundTripper

	mu    sync.Mutex
	meet  func(n int, req *http.Request) (*http.Response, error)
	met   int
	twice bool // one of them would have gone out twice
}

func (c *crossing) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	meet := c.meet
	if req.Method == http.MethodGet || req.GetBody != nil || meet == nil {
		c.mu.Unlock()
		return c.next.RoundTrip(req)
	}
	c.met++
	n := c.met
	c.mu.Unlock()
	resp, err := meet(n, req)
	if errors.Is(err, errSentTwice) {
		c.mu.Lock()
		c.twice = true
		c.mu.Unlock()
	}
	return resp, err
}

func (w MoneyWrite) over(t *testing.T) (*crossing, func(context.Context) error) {
	c := &crossing{}
	call := w.Prepare(t, func(next http.RoundTripper) http.RoundTripper {
		c.next = next
		return c
	})
	return c, call
}

func (m mishap) check(t *testing.T, w MoneyWrite) {
	c, call := w.over(t)
	c.meet = m.meet
	err := call(t.Context())
	most := map[sdk.Class]int{sdk.Once: 1, sdk.Searched: 1, sdk.Referenced: 2}[w.Class] // a keyed write is repeated with its key
	want := sdk.ErrOutcomeUnknown
	if !m.sent {
		want, most = sdk.ErrNotSent, 0
	}
	switch {
	case !errors.Is(err, want):
		t.Errorf("%v, and it should be: %v", err, want)
	case c.met == 0:
		t.Error("no request without GetBody was made: net/http could repeat it")
	case most > 0 && c.met > most:
		t.Errorf("sent %d times", c.met)
	case c.twice:
		t.Error("net/http could send it again by itself")
	case m.sent && sdk.Advise(err) != sdk.Look:
		t.Errorf("advises %v", sdk.Advise(err))
	}
}

// checkCallers has twenty callers of one write at once: they make no more requests than
// a single caller does.
func checkCallers(t *testing.T, w MoneyWrite) {
	requests := func(callers int) int {
		c, call := w.over(t)
		c.meet = func(_ int, req *http.Request) (*http.Response, error) {
			slow := time.NewTimer(time.Second)
			defer slow.Stop()
			<-slow.C
			return c.next.RoundTrip(req)
		}
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if err := call(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		return c.met
	}
	if one, twenty := requests(1), requests(20); one == 0 || twenty != one {
		t.Errorf("%d requests of one caller, %d of twenty", one, twenty)
	}
}
