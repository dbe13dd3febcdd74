package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request body; documents come as base64 text in some APIs.
const maxBody = 16 << 20

// ServeHTTP serves the provider's API: it writes the journal, applies the fault
// rules and hands the request to the provider.
func (c *Control) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if c.provider.Below != nil {
		if h := c.provider.Below(r); h != nil {
			h.ServeHTTP(rw, r)
			return
		}
	}
	w := c.world
	body, err := readBody(rw, r)
	entry := &Request{
		Provider:    c.provider.Name,
		Method:      r.Method,
		Path:        strings.TrimPrefix(r.URL.EscapedPath(), c.provider.Base),
		Query:       c.secrets.form(r.URL.RawQuery),
		Header:      journalHeader(r.Header),
		RequestBody: c.secrets.body(r.Header.Get("Content-Type"), string(body)),
	}
	w.Lock()
	entry.Time = w.Now()
	w.journal.add(entry)
	faults := w.takeFaults(c.provider.Name, r.Method, entry.Path)
	if len(faults) > 0 {
		entry.Fault = faults[len(faults)-1].Kind
	}
	w.Unlock()

	answer, last := newRecorder(), Fault{}
	if err != nil {
		c.refuseBody(answer, r, err)
	} else if last, err = c.work(answer, r, body, faults); err != nil {
		panic(http.ErrAbortHandler) // the caller went away during a delay, or the fake was closed
	}
	answer.WriteHeader(http.StatusOK)
	c.note(entry, answer, last.Kind)
	send(rw, answer, last.Kind)
}

// readBody takes the body into memory; from then on the server notices when
// the client goes away.
func readBody(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
}

func (c *Control) refuseBody(answer http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		c.provider.Refuse(answer, r, http.StatusRequestEntityTooLarge, 0)
		return
	}
	c.provider.Refuse(answer, r, http.StatusBadRequest, 0)
}

var errGone = errors.New("fake: caller gone")

// work applies the faults that come before the answer and lets the provider
// answer. It returns the rule that still has to change the answer.
func (c *Control) work(answer *recorder, r *http.Request, body []byte, faults []Fault) (last Fault, err error) {
	for _, f := range faults {
		switch f.Kind {
		case FaultDelay:
			release, ok := c.world.sleep(r.Context(), f.wait())
			if !ok {
				return f, errGone
			}
			defer release()
		case FaultExpireToken:
			c.expireTokens()
		case FaultDropBefore:
			return f, nil
		case FaultStatus:
			c.provider.Refuse(answer, r, f.Status, 0)
			return f, nil
		case FaultRateLimit:
			if n := f.wholeSeconds(); n > 0 {
				answer.Header().Set("Retry-After", strconv.Itoa(n))
			}
			c.provider.Refuse(answer, r, http.StatusTooManyRequests, time.Duration(f.wholeSeconds())*time.Second)
			return f, nil
		case FaultHTML:
			proxyPage(answer, f.Status)
			return f, nil
		default:
			last = f
		}
	}
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.handle(answer, r)
	return last, nil
}

// handle calls the provider and turns a panic of its code into a 500.
func (c *Control) handle(answer *recorder, r *http.Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		c.world.report("panic while serving", "provider", c.provider.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*answer = *newRecorder()
		c.provider.Refuse(answer, r, http.StatusInternalServerError, 0)
	}()
	c.provider.Handler.ServeHTTP(answer, r)
}

// report tells of a fault in the fake itself.
func (w *World) report(msg string, args ...any) {
	w.opts.Logger.Error(msg, args...)
	w.mu.Lock()
	t := w.tb
	w.mu.Unlock()
	if t != nil {
		t.Errorf("fake: %s: %v", msg, args)
	}
}

func (c *Control) expireTokens() {
	if c.provider.ExpireTokens == nil {
		return
	}
	c.world.Lock()
	defer c.world.Unlock()
	c.provider.ExpireTokens()
}

// note completes the journal's entry.
func (c *Control) note(entry *Request, answer *recorder, kind FaultKind) {
	text := c.secrets.body(answer.header.Get("Content-Type"), string(answer.body))
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	entry.ResponseBody = text
	if kind != FaultDropBefore && kind != FaultDropAfter {
		entry.Status = answer.status
	}
	c.world.journal.grow(len(text))
}

// send writes the answer as the fault would have it.
func send(rw http.ResponseWriter, answer *recorder, kind FaultKind) {
	if kind == FaultDropBefore || kind == FaultDropAfter {
		panic(http.ErrAbortHandler)
	}
	body := answer.body
	if kind == FaultMalformed {
		body = malform(body)
	}
	h := rw.Header()
	for name, values := range answer.header {
		h[name] = values
	}
	if answer.status >= 200 && answer.status != http.StatusNoContent && answer.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(body)+missing(kind)))
	}
	rw.WriteHeader(answer.status)
	if kind == FaultTruncate {
		_, _ = rw.Write(body[:len(body)/2])        // the connection is about to be cut anyway
		_ = http.NewResponseController(rw).Flush() // so that the half really leaves
		panic(http.ErrAbortHandler)
	}
	_, _ = rw.Write(body) // a client that is gone needs no answer
}

// missing is how many bytes a truncated answer promises beyond its body, so
// that even an empty one is short.
func missing(kind FaultKind) int {
	if kind == FaultTruncate {
		return 1
	}
	return 0
}

// malform cuts a body so that it is no valid JSON any more.
func malform(body []byte) []byte {
	half := body[:len(body)/2]
	if len(bytes.TrimSpace(half)) == 0 || json.Valid(half) {
		return []byte("{")
	}
	return half
}

func proxyPage(answer *recorder, status int) {
	if status == 0 {
		status = http.StatusBadGateway
	}
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	answer.Header().Set("Content-Type", "text/html")
	answer.WriteHeader(status)
	fmt.Fprintf(answer, "<html>\r\n<head><title>%[1]s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n", title)
}
