package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/webhook"
)

// hook takes callbacks and keeps the form of those that this run caused: they come to
// the path that only this run knows, or name a reference of this run. Of the others it
// keeps the number, and it does not acknowledge them.
type hook struct {
	url        string   // for a provider that takes a URL with each transaction; empty without -callback
	nonce      string   // the last segment of its path
	references []string // for a provider that posts to the URL registered with it
	respond    func(body []byte) webhook.Response
	server     *http.Server
	address    string
	mu         sync.Mutex
	got        []posted
	others     int
	news       chan struct{}
}

// newHook makes the URL of this run out of the one that leads to -listen.
func newHook(callback string, t *target) (*hook, error) {
	h := &hook{news: make(chan struct{}, 1), respond: t.acknowledge}
	if callback == "" {
		return h, nil
	}
	u, err := url.Parse(callback)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("-callback must be a URL that begins with http:// or https://")
	}
	h.nonce = rand.Text()
	h.url = u.JoinPath(h.nonce).String()
	for _, s := range t.spends {
		h.references = append(h.references, s.reference)
	}
	return h, nil
}

// receive listens for callbacks when there is a URL for them.
func (h *hook) receive(address string) error {
	if h.url == "" {
		return nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	h.address = listener.Addr().String()
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }()
	return nil
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost { // a crawler's, not a callback
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if path.Base(r.URL.Path) != h.nonce && !h.names(body) {
		h.mu.Lock()
		h.others++
		h.mu.Unlock()
		w.WriteHeader(http.StatusNotFound) // whoever waits for it gets it once more
		return
	}
	fields, _, _ := named("").compare(body)
	h.mu.Lock()
	h.got = append(h.got, posted{Method: r.Method, Headers: slices.Sorted(maps.Keys(r.Header)), Fields: fields})
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
	h.acknowledge(w, body)
}

// acknowledge responds as the handlers of package webhook do.
func (h *hook) acknowledge(w http.ResponseWriter, body []byte) {
	response := webhook.Response{}
	if h.respond != nil {
		response = h.respond(body)
	}
	if response.ContentType != "" {
		w.Header().Set("Content-Type", response.ContentType)
	}
	w.WriteHeader(cmp.Or(response.Status, http.StatusOK))
	_, _ = w.Write(response.Body) // the post is noted, whether or not its sender still reads
}

// acknowledgement is the response of a provider's handler. A body that cannot be decoded is
// acknowledged by its status alone: the report shows its fields.
func acknowledgement[E any](source webhook.Source[E]) func([]byte) webhook.Response {
	return func(body []byte) webhook.Response {
		event, err := source.Decode(body)
		if err != nil || source.Acknowledge == nil {
			return webhook.Response{}
		}
		return source.Acknowledge(event)
	}
}

// names reports a body that holds one of the references as a whole value.
func (h *hook) names(body []byte) bool {
	var value any
	return json.Unmarshal(body, &value) == nil && h.holds(value)
}

func (h *hook) holds(value any) bool {
	switch v := value.(type) {
	case string:
		return slices.Contains(h.references, v)
	case []any:
		return slices.ContainsFunc(v, h.holds)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), h.holds)
	}
	return false
}

// wait returns what was posted because of this run, as soon as something was, and the
// number of the other posts. If nothing was, it says so.
func (h *hook) wait(ctx context.Context, patience time.Duration) (got []posted, others int, none string) {
	if h.url == "" {
		return nil, 0, ""
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.news:
	case <-timer.C:
		none = fmt.Sprintf("none in %s", patience)
	case <-ctx.Done():
		none = "none until the run was interrupted"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) > 0 {
		none = ""
	}
	return slices.Clone(h.got), h.others, none
}

func (h *hook) close() {
	if h.server != nil {
		_ = h.server.Close()
	}
}
