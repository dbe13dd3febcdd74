package fake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/pipe"
)

// maxBody bounds a request body; some APIs take documents as base64 text.
const maxBody = 16 << 20

// ServeHTTP serves the provider's API. It keeps the request in the journal,
// applies the fault rules and lets the provider handle the request.
func (c *Control) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if c.provider.Below != nil {
		if h := c.provider.Below(r); h != nil {
			h.ServeHTTP(rw, r)
			return
		}
	}
	w := c.world
	begin := time.Now()
	body, err := readBody(rw, r)
	request := &Request{
		Provider:    c.provider.Name,
		Method:      r.Method,
		Path:        strings.TrimPrefix(r.URL.EscapedPath(), c.provider.Base),
		Query:       c.secrets.form(r.URL.RawQuery),
		Header:      journalHeader(r.Header),
		RequestBody: c.secrets.body(r.Header.Get("Content-Type"), string(body)),
	}
	request.Operation = c.provider.operation(r.Method, request.Path, body)
	request.Pending, request.shared = true, c.provider.shared(request.Operation)
	w.Lock()
	request.Time = w.Now()
	w.journal.add(request)
	line := w.record(Record{
		Kind: RecordRequest, Provider: request.Provider, Result: ResultPending, Request: request.ID,
		Text: request.what() + " → in work",
	})
	faults := w.takeFaults(c.provider.Name, request.Operation, r.Method, request.Path)
	if len(faults) > 0 {
		request.Fault = faults[len(faults)-1].Kind
	}
	w.Unlock()

	response, last := newRecorder(), Fault{}
	if err != nil {
		c.refuseBody(response, r, err)
	} else if last, err = c.work(response, r, body, faults, &handling{control: c, request: request, response: response, line: line}); err != nil {
		w.Lock()
		request.Pending = false
		line.Result, line.Text, line.Cause = ResultFailed, request.line(), "the caller went away"
		w.timeline.write(line)
		w.Unlock()
		panic(http.ErrAbortHandler) // the caller went away during a delay, or the fake was closed
	}
	response.WriteHeader(http.StatusOK)
	c.note(request, response, last.Kind, time.Since(begin), line)
	send(rw, response, last.Kind)
}

// readBody reads the body into memory. After that the server notices when the
// client goes away.
func readBody(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
}

func (c *Control) refuseBody(response http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		c.provider.Refuse(response, r, http.StatusRequestEntityTooLarge, 0)
		return
	}
	c.provider.Refuse(response, r, http.StatusBadRequest, 0)
}

var errGone = errors.New("fake: caller gone")

// work applies the faults that come before the provider's work and lets the
// provider handle the request. It returns the rule that has to change the
// response.
func (c *Control) work(response *recorder, r *http.Request, body []byte, faults []Fault, h *handling) (last Fault, err error) {
	for _, f := range faults {
		switch f.Kind {
		case FaultDelay:
			release, ok := c.world.sleep(r.Context(), duration(f.Seconds))
			if !ok {
				return f, errGone
			}
			defer release()
		case FaultExpireToken:
			c.expireTokens()
		case FaultDropBefore:
			return f, nil
		case FaultStatus:
			c.provider.Refuse(response, r, f.Status, 0)
			return f, nil
		case FaultRateLimit:
			if n := f.wholeSeconds(); n > 0 {
				response.Header().Set("Retry-After", strconv.Itoa(n))
			}
			c.provider.Refuse(response, r, http.StatusTooManyRequests, time.Duration(f.wholeSeconds())*time.Second)
			return f, nil
		case FaultHTML:
			proxyPage(response, f.Status)
			return f, nil
		default:
			last = f
		}
	}
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.handle(response, r, h)
	return last, nil
}

// handle calls the provider. A panic of the provider's code becomes a 500.
func (c *Control) handle(response *recorder, r *http.Request, h *handling) {
	c.world.locked(func() { c.unsaid++ })
	defer c.world.locked(h.say)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		c.world.report("panic while serving", "provider", c.provider.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*response = *newRecorder()
		c.provider.Refuse(response, r, http.StatusInternalServerError, 0)
	}()
	c.provider.Handler.ServeHTTP(response, r.WithContext(context.WithValue(r.Context(), handlingKey{}, h)))
}

func (c *Control) expireTokens() {
	if c.provider.ExpireTokens == nil {
		return
	}
	c.world.Lock()
	defer c.world.Unlock()
	c.provider.ExpireTokens()
}

// note keeps the response in the journal.
func (c *Control) note(request *Request, response *recorder, kind FaultKind, took time.Duration, line *Record) {
	text := c.secrets.body(response.header.Get("Content-Type"), string(response.body))
	reason := response.because
	if reason == "" && response.status == http.StatusNotFound && request.Operation == "" && len(c.provider.Routes) > 0 {
		reason = "no such route: " + request.Method + " " + request.Path
	}
	if reason == "" && (response.status >= 400 || c.turnedDown(response)) {
		reason = cmp.Or(reasonIn(text), fmt.Sprintf("the response gives no reason but %d %s", response.status, http.StatusText(response.status)))
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	request.Pending = false
	request.ResponseBody, request.ResponseHeader = text, journalHeader(response.header)
	request.Milliseconds, request.Reason, request.about = milliseconds(took), reason, response.about
	if kind != FaultDropBefore && kind != FaultDropAfter {
		request.Status = response.status
	}
	c.world.journal.grow(len(text))
	c.world.noteRequest(c, request, line)
}

// turnedDown asks the provider whether a response below 400 is a refusal.
func (c *Control) turnedDown(response *recorder) bool {
	if c.provider.Refused == nil {
		return false
	}
	body, ok := ReadObject(bytes.NewReader(response.body))
	return ok && c.provider.Refused(body)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Because notes in the journal which check a request has failed. The client does
// not see it. rw is the one that the provider's Handler got; another is ignored.
func Because(rw http.ResponseWriter, reason string) {
	if r, ok := rw.(*recorder); ok {
		r.because = reason
	}
}

// About notes in the journal which objects, by their ids, a request is about or has changed.
// The World finds those by itself whose ids are in the request or its response. rw is as for
// Because.
func About(rw http.ResponseWriter, ids ...string) {
	if r, ok := rw.(*recorder); ok {
		r.about = append(r.about, ids...)
	}
}

// send writes the response, changed as the fault says.
func send(rw http.ResponseWriter, response *recorder, kind FaultKind) {
	if kind == FaultDropBefore || kind == FaultDropAfter {
		panic(http.ErrAbortHandler)
	}
	body := response.body
	if kind == FaultMalformed {
		body = malform(body)
	}
	h := rw.Header()
	maps.Copy(h, response.header)
	if response.status >= 200 && response.status != http.StatusNoContent && response.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(body)+missing(kind)))
	}
	rw.WriteHeader(response.status)
	if kind == FaultTruncate {
		_, _ = rw.Write(body[:len(body)/2])        // the connection is about to be cut anyway
		_ = http.NewResponseController(rw).Flush() // so that the half really leaves
		panic(http.ErrAbortHandler)
	}
	_, _ = rw.Write(body) // a client that is gone needs no response
}

// missing is how many bytes a truncated response promises beyond its body, so
// that an empty body is cut short too.
func missing(kind FaultKind) int {
	if kind == FaultTruncate {
		return 1
	}
	return 0
}

// malform cuts a body so that it is not valid JSON any more.
func malform(body []byte) []byte {
	half := body[:len(body)/2]
	if len(bytes.TrimSpace(half)) == 0 || json.Valid(half) {
		return []byte("{")
	}
	return half
}

func proxyPage(response *recorder, status int) {
	if status == 0 {
		status = http.StatusBadGateway
	}
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	response.Header().Set("Content-Type", "text/html")
	response.WriteHeader(status)
	fmt.Fprintf(response, "<html>\r\n<head><title>%[1]s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n", title)
}

// recorder keeps a handler's whole response, so that a fault can still change it
// or keep it from the client.
type recorder struct {
	header  http.Header
	status  int
	body    []byte
	because string
	about   []string
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, b...)
	return len(b), nil
}

// ExternalURL is the URL that the client used for a request, with the fake's
// mount. If Options.PublicURL is set, it stands in place of the host that the
// client named. Authors of fakes make the links in responses with it.
func (w *World) ExternalURL(r *http.Request) *url.URL {
	u := *r.URL
	if full, err := url.ParseRequestURI(r.RequestURI); err == nil { // as it arrived, before a mount was stripped
		u = *full
	}
	scheme, host, prefix := w.origin(r)
	u.Scheme, u.Host = scheme, host
	if prefix != "" {
		u.RawPath = (&url.URL{Path: prefix}).EscapedPath() + u.EscapedPath()
		u.Path = prefix + u.Path
	}
	return &u
}

// WireURL is ExternalURL as a text, with the exact bytes of path and query that
// the client sent. Authors of fakes check a signature over the URL against it.
func (w *World) WireURL(r *http.Request) string {
	target := r.RequestURI
	if target == "" { // a request that no server has read
		target = r.URL.RequestURI()
	}
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		target = "/"
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			target = rest[i:]
		}
	}
	scheme, host, prefix := w.origin(r)
	return scheme + "://" + host + (&url.URL{Path: prefix}).EscapedPath() + target
}

// origin is what the client puts before the path of a request.
func (w *World) origin(r *http.Request) (scheme, host, prefix string) {
	if public, err := url.Parse(w.opts.PublicURL); err == nil && public.Host != "" {
		return public.Scheme, public.Host, strings.TrimSuffix(public.Path, "/")
	}
	if r.TLS != nil {
		return "https", r.Host, ""
	}
	return "http", r.Host, ""
}

// pipeDomain follows the provider's name in the host of Control.URL. Names below
// localhost are loopback, so clients may speak plain http to them.
const pipeDomain = ".localhost"

func (w *World) httpClient() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pipes == nil {
		w.pipes, w.closePipes = pipe.Serve(http.HandlerFunc(w.route))
		select {
		case <-w.closed: // too late: every call of this client fails
			w.closePipes()
		default:
		}
	}
	return &http.Client{Transport: w.pipes}
}

// route finds the fake by the request's host.
func (w *World) route(rw http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	name, ok := strings.CutSuffix(host, pipeDomain)
	w.mu.Lock()
	c := w.byName[name]
	w.mu.Unlock()
	if !ok || c == nil {
		http.Error(rw, fmt.Sprintf("no fake serves %q", host), http.StatusMisdirectedRequest)
		return
	}
	c.ServeHTTP(rw, r)
}
