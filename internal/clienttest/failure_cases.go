package clienttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// FailureCase is a failure during a write, and what must come of it.
type FailureCase struct {
	Name    string
	Refused bool          // nobody listens
	Fault   fake.Fault    // of the fake, but for its method and path
	Limit   time.Duration // deadline of the call; 0: none
	Cancel  time.Duration // when the caller gives up; 0: never

	Outcome string        // empty: the call succeeds
	Is      error         // a sentinel the error matches
	Done    int           // how often the provider did the work
	Took    time.Duration // exactly, on the clock; 0: not told
}

// HTTPClient returns the client to use: the fake's own, or one that reaches
// nobody.
func (c FailureCase) HTTPClient(own *http.Client) *http.Client {
	if !c.Refused {
		return own
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		},
	}}
}

// Context returns the context of the call.
func (c FailureCase) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	if c.Limit > 0 {
		ctx, cancel = context.WithTimeout(parent, c.Limit)
	}
	if c.Cancel > 0 {
		time.AfterFunc(c.Cancel, cancel)
	}
	return ctx, cancel
}

// Check holds the call's error and duration against what must come of it. It
// reports what is wrong through t.
func (c FailureCase) Check(t *testing.T, err error, took time.Duration) {
	t.Helper()
	if c.Took > 0 && took != c.Took {
		t.Errorf("took %v, not %v", took, c.Took)
	}
	if c.Outcome == "" {
		if err != nil {
			t.Errorf("failed: %v", err)
		}
		return
	}
	for outcome, sentinel := range map[string]error{
		"not sent": sdk.ErrNotSent, "rejected": sdk.ErrRejected, "unknown": sdk.ErrOutcomeUnknown,
	} {
		if errors.Is(err, sentinel) != (outcome == c.Outcome) {
			t.Errorf("should be %s: %v", c.Outcome, err)
		}
	}
	if c.Is != nil && !errors.Is(err, c.Is) {
		t.Errorf("does not match %q: %v", c.Is, err)
	}
}

// ReferencedFailures are the failure cases of a write that a lookup by the caller's
// reference settles. A fault without Times meets the lookups too, where they share the
// write's path.
func ReferencedFailures() []FailureCase {
	const hour = 3600
	return []FailureCase{
		{Name: "connection refused", Refused: true, Outcome: "not sent", Is: sdk.ErrNotSent},
		{Name: "dropped before the work", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "dropped after the work", Fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1}, Done: 1},
		{Name: "truncated 2xx", Fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1}, Done: 1},
		{Name: "malformed 2xx", Fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1}, Done: 1},
		{Name: "HTML 502", Fault: fake.Fault{Kind: fake.FaultHTML, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "HTML 200", Fault: fake.Fault{Kind: fake.FaultHTML, Status: 200, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "500 in the provider's format", Fault: fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "redirect", Fault: fake.Fault{Kind: fake.FaultStatus, Status: 302, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "429 with Retry-After", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1}, Done: 1, Took: 7 * time.Second},
		{Name: "429 for longer than anybody waits", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 24 * hour},
			Outcome: "rejected", Is: sdk.ErrRateLimited},
		{Name: "hang until the deadline", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour}, Limit: 5 * time.Second,
			Outcome: "unknown", Is: context.DeadlineExceeded, Took: 5 * time.Second},
		{Name: "hang of one attempt", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour, Times: 1}, Done: 1, Took: 33 * time.Second},
		{Name: "late response, in time", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: 20, Times: 1}, Done: 1},
		{Name: "cancelled during a hang", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour}, Cancel: 3 * time.Second,
			Outcome: "unknown", Is: context.Canceled, Took: 3 * time.Second},
		{Name: "cancelled while waiting between attempts", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 30}, Cancel: 3 * time.Second,
			Outcome: "rejected", Is: context.Canceled, Took: 3 * time.Second},
		{Name: "cancelled while waiting to look again", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Cancel: 1500 * time.Millisecond,
			Outcome: "unknown", Is: context.Canceled, Took: 1500 * time.Millisecond},
		{Name: "a deadline too near to look again", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Limit: 900 * time.Millisecond,
			Outcome: "unknown"},
	}
}

// MoneyWrite is a call of an operation that moves money.
type MoneyWrite struct {
	Op    string
	Class sdk.Class // which this call has
	// Accepts are the responses without a word that its document shows as a success, or
	// that nothing rules out: names of failure cases.
	Accepts []string
	// Own are the responses of foreign servers that cannot be told from the provider's
	// own refusal: the name of each, and what shows the same response.
	Own map[string]string
	// Throttle and Expired are the provider's own refusals of a request before any work. nil: it
	// has none.
	Throttle, Expired Step
	// Others are the parameters that a call changes when Other names them: with the same
	// reference each makes another payment. Blind says why there are none, where calling again
	// with the same reference is right.
	Others []string
	Blind  string
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
	var many Sixteenth
	for _, w := range writes {
		delete(missing, w.Op)
		for _, m := range failureCases() {
			if many.LeavesOut() || slices.Contains(w.Accepts, m.name) || w.Own[m.name] != "" {
				continue
			}
			t.Run(m.name+"/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { m.check(t, w) })
			})
		}
		w.checkRepeats(t)
		if w.Class != sdk.Once {
			w.checkOthers(t)
		}
		if w.Class == sdk.Referenced || w.Class == sdk.Searched {
			t.Run("many callers/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkCallers(t, w, false) })
			})
			t.Run("many callers with other parameters/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkCallers(t, w, true) })
			})
		}
	}
	for name := range missing {
		t.Errorf("nothing calls %s, which moves money", name)
	}
}

// failureCase is what happens to the n-th request of a write, from 1.
type failureCase struct {
	name string
	meet func(n int, req *http.Request) (*http.Response, error)
	sent bool // it reaches somebody, so that the outcome is unknown; else it is "not sent"
	// reads, if set, responds to everything that is read after the first request.
	reads Step
}

func failureCases() []failureCase {
	all := []failureCase{
		{"net/http sends it again", sentAgain, true, nil},
		{"another leg did it, this one is refused", func(_ int, req *http.Request) (*http.Response, error) { return refused(read(req)) }, true, nil},
		{"unanswered, then refused", func(n int, req *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errors.Join(read(req), io.ErrUnexpectedEOF)
			}
			return refused(nil)
		}, true, nil},
		{"no response, no error", func(_ int, req *http.Request) (*http.Response, error) { return nil, read(req) }, true, nil},
		{"a response without a body", func(_ int, req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Request: req}, read(req)
		}, true, nil},
		{"a limiter that lets nothing out", func(int, *http.Request) (*http.Response, error) {
			return nil, errors.Join(sdk.ErrNotSent, errors.New("no permit"))
		}, false, nil},
	}
	for name, step := range map[string]Step{
		// No success.
		"empty 200": Respond(200, ""), "{} 200": Respond(200, "{}"), "[] 200": Respond(200, "[]"), "null 200": Respond(200, "null"),
		"204": Respond(204, ""), "success alone": Respond(200, `{"success":true}`), "HTML 200": Respond(200, "<html>welcome</html>"),
		// No refusal.
		"empty 403": Respond(403, ""), "empty 404": Respond(404, ""), "empty 499": Respond(499, ""), "422 {}": Respond(422, "{}"),
		"upstream error": Respond(503, "upstream connect error"), "HTML 404": Respond(404, "<html>nginx</html>"),
		"a proxy's list": Respond(499, `{"errors":["client closed request"]}`), "a proxy's 429": Respond(429, `{"message":"API rate limit exceeded"}`),
	} {
		all = append(all, failureCase{name, func(_ int, req *http.Request) (*http.Response, error) { return step(req), read(req) }, true, nil})
	}
	for name, r := range foreignRefusals() {
		all = append(all, failureCase{name, func(_ int, req *http.Request) (*http.Response, error) { return r.response(req), read(req) }, true, nil})
	}
	for name, page := range foreignNotFound() {
		all = append(all, failureCase{"unanswered, then " + name + " to the lookup", func(_ int, req *http.Request) (*http.Response, error) {
			return nil, errors.Join(read(req), io.ErrUnexpectedEOF)
		}, true, page})
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

// foreignNotFound are 404 responses which no provider wrote: of a proxy, of another
// server, or of a path that does not exist.
func foreignNotFound() map[string]Step {
	pages := map[string]Step{}
	for name, body := range map[string]string{
		"HTML 404": "<html><head><title>404 Not Found</title></head></html>", "empty 404": "", "plain 404": "404 page not found",
		"JSON 404": `{"message":"no Route matched with those values"}`, "{} 404": "{}",
		"problem 404": `{"type":"about:blank","title":"Not Found","status":404}`,
	} {
		pages[name] = Respond(http.StatusNotFound, body)
	}
	for name, r := range foreignRefusals() {
		if r.status == http.StatusNotFound {
			pages[name] = r.response
		}
	}
	return pages
}

type foreignRefusal struct {
	status   int
	response Step
}

// foreignRefusals are refusals in the words of frameworks that run firewalls, gateways
// and balancers. A request that meets them may have been carried out.
func foreignRefusals() map[string]foreignRefusal {
	all := map[string]foreignRefusal{}
	for _, status := range []int{400, 401, 403, 404, 429, 499} {
		text := http.StatusText(status)
		if text == "" {
			text = "Client Closed Request"
		}
		for name, body := range map[string]string{
			"Spring":           fmt.Sprintf(`{"timestamp":"2026-11-28T12:00:00.000+00:00","status":%d,"error":%q,"path":"/"}`, status, text),
			"Fastify":          fmt.Sprintf(`{"statusCode":%d,"error":%q,"message":"blocked by policy"}`, status, text),
			"error":            fmt.Sprintf(`{"error":%q}`, text),
			"detail":           `{"detail":"blocked by policy"}`,
			"status":           fmt.Sprintf(`{"status":%d,"message":%q}`, status, text),
			"status and error": fmt.Sprintf(`{"status":%d,"error":%q}`, status, text),
			"status text":      fmt.Sprintf(`{"status":%d,"message":"blocked by policy"}`, status),
			"list":             `["blocked by policy"]`,
		} {
			all[fmt.Sprint(name, " ", status)] = foreignRefusal{status, Respond(status, body, "Retry-After", "300")}
		}
	}
	return all
}

// CheckForeignNotFound makes calls while a server, the login excepted, has nothing but
// 404 responses that are not the provider's. None of them says that an object does not
// exist. calls makes the calls with a client over a transport, and login is the path of
// the login. own names the pages that the provider's document shows as its own, too.
func CheckForeignNotFound(t *testing.T, login string, loggedIn Step, calls func(t *testing.T, over http.RoundTripper) map[string]func() error, own ...string) {
	for name, page := range foreignNotFound() {
		if slices.Contains(own, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				over := roundTripper(func(req *http.Request) (*http.Response, error) {
					if login != "" && strings.HasSuffix(req.URL.Path, login) {
						return loggedIn(req), read(req)
					}
					sent++
					return page(req), read(req)
				})
				for call, make := range calls(t, over) {
					sent = 0
					err := make()
					var e *sdk.Error
					switch {
					case sent == 0:
						t.Errorf("%s sends nothing", call)
					case !errors.As(err, &e):
						t.Errorf("%s: %v", call, err)
					case errors.Is(err, sdk.ErrNotFound):
						t.Errorf("%s: %v: a page of somebody else's says so", call, err)
					case e.Class == sdk.Safe && e.Outcome != sdk.NoEffect, e.Class != sdk.Safe && e.Outcome != sdk.Unknown && e.Outcome != sdk.NotSent:
						t.Errorf("%s: %v", call, err)
					}
				}
			})
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

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

// crossing is a transport on which the requests of a write meet a failure case. Only a write
// has no GetBody.
type crossing struct {
	next http.RoundTripper

	mu    sync.Mutex
	meet  func(n int, req *http.Request) (*http.Response, error)
	reads Step // after the first write
	met   int
	twice bool // one of them would have gone out twice
}

func (c *crossing) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	meet := c.meet
	if req.Method == http.MethodGet || req.GetBody != nil || meet == nil {
		reads := c.reads
		if c.met == 0 {
			reads = nil
		}
		c.mu.Unlock()
		if reads != nil {
			return reads(req), read(req)
		}
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

func (m failureCase) check(t *testing.T, w MoneyWrite) {
	c, call := w.over(t)
	c.meet, c.reads = m.meet, m.reads
	err := call(t.Context())
	most := map[sdk.Class]int{sdk.Once: 1, sdk.Searched: 1, sdk.Referenced: 2}[w.Class] // a keyed write is repeated with its key
	want := sdk.ErrOutcomeUnknown
	if m.reads != nil {
		most = min(most, 1) // nobody has said that it is absent
	}
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

type variantKey struct{}

// Variant is empty, or a text of this caller alone: CheckPromises has several callers
// with one reference. A write puts it into a parameter that decides nothing.
func Variant(ctx context.Context) string {
	text, _ := ctx.Value(variantKey{}).(string)
	return text
}

// checkCallers has twenty callers of one write at once: they make no more requests than
// a single caller does. The callers differ in what Variant gives them, or in nothing.
func checkCallers(t *testing.T, w MoneyWrite, differ bool) {
	requests := func(callers int) int {
		c, call := w.over(t)
		c.meet = func(_ int, req *http.Request) (*http.Response, error) {
			slow := time.NewTimer(time.Second)
			defer slow.Stop()
			<-slow.C
			return c.next.RoundTrip(req)
		}
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				ctx := t.Context()
				if differ {
					ctx = context.WithValue(ctx, variantKey{}, strconv.Itoa(i))
				}
				if err := call(ctx); err != nil {
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
