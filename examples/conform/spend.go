package main

import (
	"bytes"
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
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// spend makes each write once, looks it up, and sends the same again.
func (t *target) spend(ctx context.Context, r *report, o options, hook *hook) {
	for _, s := range t.spends {
		w := t.try(ctx, s, o.patience, hook.url)
		r.Writes = append(r.Writes, w)
		for i := range r.Operations {
			if f := &r.Operations[i]; f.Operation == s.op && w.First == made && f.Verdict == notTried {
				f.Verdict, f.Why = seen, "a transaction was made"
			}
		}
	}
	r.Callbacks, r.OtherPosts = hook.wait(ctx, o.patience)
}

func (t *target) try(ctx context.Context, s spending, patience time.Duration, callback string) write {
	w := write{Operation: s.op, Has: s.class.String(), Lookup: "none", Again: "not sent", Unique: "unclear", Recognised: "none"}
	t.record.set(exchange{})
	existing, err := s.send(ctx, callback)
	w.First = outcome(existing, err)
	first := t.record.get().body
	if err != nil {
		w.Deserves = s.class.String() + " (unproven)"
		return w
	}
	if s.look != nil {
		w.Lookup = lag(ctx, s.look, patience)
		if strings.HasPrefix(w.Lookup, found) {
			w.Unknown, w.Missing, w.States = s.shape.compare(t.record.get().body)
		}
	}
	t.record.set(exchange{})
	existing, err = s.send(ctx, callback)
	w.Again = outcome(existing, err)
	said := s.duplicate != nil && s.duplicate(t.record.get().body)
	switch {
	case err == nil && existing, errors.Is(err, sdk.ErrReferenceTaken):
		w.Unique, w.Recognised = "yes", "yes"
	case err == nil && len(first) > 0 && bytes.Equal(first, t.record.get().body):
		w.Unique = "unclear: the server sent the same response again"
	case err == nil:
		w.Unique = "no: the same reference made two"
	case said:
		w.Unique, w.Recognised = "yes", "no"
	}
	w.Deserves = deserves(s, w)
	return w
}

// deserves is the class that what was seen allows.
func deserves(s spending, w write) string {
	shown := strings.HasPrefix(w.Lookup, found)
	switch {
	case w.Unique == "yes" && s.class == sdk.Keyed:
		return sdk.Keyed.String()
	case w.Unique == "yes" && shown:
		return sdk.Referenced.String()
	case strings.HasPrefix(w.Unique, "unclear"):
		return s.class.String() + " (unproven)"
	case shown:
		return sdk.Searched.String()
	}
	return sdk.Once.String()
}

const (
	made  = "made"
	found = "found"
)

func outcome(existing bool, err error) string {
	switch {
	case err != nil:
		return sdk.SafeText(err)
	case existing:
		return "the one that was there"
	}
	return made
}

// lag looks until the lookup shows the transaction.
func lag(ctx context.Context, look func(context.Context) error, patience time.Duration) string {
	begin := time.Now()
	for wait := time.Duration(0); ; wait = min(2*wait+250*time.Millisecond, 5*time.Second) {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "interrupted"
		case <-timer.C:
		}
		err := look(ctx)
		took := time.Since(begin).Round(time.Millisecond)
		switch {
		case err == nil:
			return fmt.Sprintf("%s after %s", found, took)
		case !errors.Is(err, sdk.ErrNotFound):
			return sdk.SafeText(err)
		case took >= patience:
			return fmt.Sprintf("not found in %s", took)
		}
	}
}

// hook takes callbacks and keeps the form of those that this run caused: they come to
// the path that only this run knows, or name a reference of this run. Of the others it
// keeps the number, and it does not acknowledge them.
type hook struct {
	url        string   // for a provider that takes a URL with each transaction; empty without -callback
	nonce      string   // the last segment of its path
	references []string // for a provider that posts to the URL registered with it
	server     *http.Server
	address    string
	mu         sync.Mutex
	got        []posted
	others     int
	news       chan struct{}
}

// newHook makes the URL of this run out of the one that leads to -listen.
func newHook(callback string, spends []spending) (*hook, error) {
	h := &hook{news: make(chan struct{}, 1)}
	if callback == "" {
		return h, nil
	}
	u, err := url.Parse(callback)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("-callback must be a URL that begins with http:// or https://")
	}
	h.nonce = rand.Text()
	h.url = u.JoinPath(h.nonce).String()
	for _, s := range spends {
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
	w.WriteHeader(http.StatusOK)
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
// number of the other posts.
func (h *hook) wait(ctx context.Context, patience time.Duration) ([]posted, int) {
	if h.url == "" {
		return nil, 0
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.news:
	case <-timer.C:
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got), h.others
}

func (h *hook) close() {
	if h.server != nil {
		_ = h.server.Close()
	}
}
