package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// postman carries callbacks from the fakes to the merchant's processes.
type postman struct{ w *World }

var errNobody = errors.New("sim: connect: nobody listens there")

func (m *postman) RoundTrip(req *http.Request) (*http.Response, error) {
	w, ctx := m.w, req.Context()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	from := "callback " + req.URL.Path
	w.turns.wait(from + " " + string(body))
	for _, b := range w.banksNow() {
		body = b.back(body)
	}
	w.mu.Lock()
	w.report.Callbacks++
	fault := w.adversary.callback()
	w.mu.Unlock()
	post := func(body []byte, how string) *response {
		w.mu.Lock()
		genuine := req.Clone(context.WithoutCancel(ctx))
		genuine.Body, genuine.GetBody = nil, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		w.posted[req.URL.String()] = append(w.posted[req.URL.String()], genuine)
		w.mu.Unlock()
		a := w.post(req, body)
		w.note("callback", a.from == "", "%s%s: %s", req.URL.Path, within(how), a.short())
		return a
	}
	switch fault {
	case FaultCallbackLost:
		w.fault(fault, "callback", req.URL.Path+" is lost")
		if w.choose(2) == 1 {
			post(body, "its acknowledgement is lost")
		}
		return nil, errReset
	case FaultCallbackLate:
		d := w.delay()
		w.fault(fault, "callback", fmt.Sprintf("%s: the provider sees a reset, and it arrives %s later", req.URL.Path, d))
		w.held.Go(func() {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-w.calm:
			}
			w.turns.wait(from + " late " + string(body))
			post(body, "late")
		})
		return nil, errReset
	case FaultCallbackTwice:
		w.fault(fault, "callback", req.URL.Path+" comes twice")
		post(body, "first")
		w.turns.wait(from + " twice " + string(body))
	case FaultCallbackForged:
		w.fault(fault, "callback", req.URL.Path+": a stranger posts a changed copy first")
		w.stranger(w.forgery(req), forge(body), "forged")
		w.turns.wait(from + " genuine " + string(body))
	case FaultCallbackReplay:
		if old := w.earlier(req); old != nil {
			w.fault(fault, "callback", req.URL.Path+": a stranger posts an earlier callback again first")
			copied, _ := old.GetBody()
			earlier, _ := io.ReadAll(copied) // from memory
			w.stranger(old, earlier, "replayed")
			w.turns.wait(from + " genuine " + string(body))
		}
	case FaultCallbackSwallowed:
		w.fault(fault, "callback", req.URL.Path+": somebody between acknowledges it, and passes nothing on")
		return (&response{status: http.StatusOK, from: "a proxy"}).asHTTP(req, time.Now()), nil
	}
	return post(body, "").asHTTP(req, time.Now()), nil
}

// stranger posts what no provider sends.
func (w *World) stranger(req *http.Request, body []byte, how string) {
	a := w.post(req, body)
	w.note("callback", true, "%s (%s): %s", req.URL.Path, how, a.short())
	switch {
	case a.from != "":
	case a.status < 300:
		w.Met(MetForgedAcknowledged)
	default:
		w.Met(MetForgedRefused)
	}
}

// forgery is a request for a changed body: without the provider's headers, with those of
// this callback, or with those of another. The last two hold a genuine signature.
func (w *World) forgery(req *http.Request) *http.Request {
	forged := req.Clone(req.Context())
	switch w.choose(3) {
	case 0:
		forged.Header = http.Header{"Content-Type": req.Header["Content-Type"]}
	case 1:
		if old := w.earlier(req); old != nil {
			forged.Header = old.Header.Clone()
		}
	}
	return forged
}

// earlier is a genuine callback to the same URL that came before.
func (w *World) earlier(req *http.Request) *http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	olds := w.posted[req.URL.String()]
	if len(olds) == 0 {
		return nil
	}
	return olds[w.choices.choose(min(len(olds), 256))]
}

// Callback posts a callback as a provider does whose fake sends none: through the
// trouble, first after a while and again after each wait until it is acknowledged. Each
// attempt is made anew, with a signature of its own.
func (w *World) Callback(name string, after time.Duration, again []time.Duration, make func() (*http.Request, error)) {
	w.Actor(name, func(ctx context.Context) {
		for _, wait := range append([]time.Duration{after}, again...) {
			sleep(ctx, wait)
			w.turns.wait(name)
			req, err := make()
			if err != nil {
				w.Fail("%s: %v", name, err)
				return
			}
			resp, err := (&postman{w}).RoundTrip(req.WithContext(ctx))
			acknowledged := err == nil && resp.StatusCode/100 == 2
			if err == nil {
				_ = resp.Body.Close()
			}
			if acknowledged || ctx.Err() != nil {
				return
			}
		}
	})
}

// forge makes a failure a success and a success a failure, in the words of all
// providers.
func forge(body []byte) []byte {
	for _, pair := range [][2]string{
		{`"statusid":"01"`, `"statusid":"02"`}, {`"statusid":"02"`, `"statusid":"01"`}, {`"payment_status":700`, `"payment_status":701`},
		{`"payment_status":701`, `"payment_status":700`}, {"SUCCESSFUL", "FAILED"}, {"FAILED", "SUCCESSFUL"}, {"COMPLETED", "CANCELLED"}, {`"paid"`, `"canceled"`}, {"TransferComplete", "TransferFailed"},
	} {
		if bytes.Contains(body, []byte(pair[0])) {
			return bytes.ReplaceAll(body, []byte(pair[0]), []byte(pair[1]))
		}
	}
	return bytes.ReplaceAll(body, []byte("1"), []byte("2"))
}

// post hands a callback to the process that listens at its URL. The process may die
// over it.
func (w *World) post(req *http.Request, body []byte) *response {
	w.mu.Lock()
	var handlers []http.Handler
	var lives []*Process
	for _, s := range w.services {
		if h := s.handler(req.URL.Host + req.URL.Path); h != nil && s.life != nil && !s.life.dead {
			handlers, lives = append(handlers, h), append(lives, s.life)
		}
	}
	var handler http.Handler
	var life *Process
	actor := ""
	if len(handlers) > 0 {
		i := 0
		if len(handlers) > 1 { // a balancer chooses
			i = w.choices.choose(len(handlers))
		}
		// Two callbacks at once are two actors.
		w.posts++
		handler, life = handlers[i], lives[i]
		actor = fmt.Sprintf("%s/callback %d", life.Name(), w.posts)
	} else {
		w.metLocked(MetCallbackDown)
	}
	w.mu.Unlock()
	if handler == nil {
		return &response{status: http.StatusBadGateway, from: "nobody: " + errNobody.Error()}
	}
	in := req.Clone(context.WithValue(req.Context(), actorKey{}, actor))
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.RequestURI, in.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:40000"
	in.URL.Scheme, in.Host = "", req.URL.Host
	in.URL.Host = ""
	rec := &recorder{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.caught("handler of " + req.URL.Path)
		handler.ServeHTTP(rec, in)
		rec.whole = true
	}()
	<-done
	w.mu.Lock()
	dead := life.dead
	w.mu.Unlock()
	if dead { // its handlers ended side by side, in any order
		w.turns.wait(actor + " has died")
	}
	if dead || !rec.whole {
		return &response{status: http.StatusBadGateway, from: "a process that died"}
	}
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return &response{status: rec.status, header: rec.header, body: rec.body.Bytes()}
}

// handler is who receives what is posted to a URL; nil if nobody does. w.mu is held.
func (s *service) handler(url string) http.Handler {
	if h := s.handlers[url]; h != nil {
		return h
	}
	return s.handlers[url[:strings.LastIndexByte(url, '/')+1]]
}

func (w *World) banksNow() []*bank {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*bank{}, w.banks...)
}

// recorder keeps a handler's response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	whole  bool
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
