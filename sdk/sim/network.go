package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// The network between the middleman and the fakes: what has left, how it arrives, and
// what comes back.

// outgoing is a request which has left, as the network has it.
type outgoing struct {
	actor, label string
	what         string // its method and path
	bank         *bank
	call         *call // of Process.Call; nil outside
	method, url  string
	header       http.Header
	host         string
	body         []byte
	write        bool
	reference    string
}

// response is a complete response.
type response struct {
	status int
	header http.Header
	body   []byte
	from   string // empty: from the provider, to this request
}

// forward hands a request to the provider's fake, in real HTTP over a pipe, and notes
// what came of it. The caller has the turn.
func (w *World) forward(out *outgoing, how string) *response {
	before := out.bank.known()
	w.mu.Lock()
	w.forwarded = append(w.forwarded, out)
	w.mu.Unlock()
	got := w.exchange(out)
	took := false
	defer func() { w.observe(out, got, took, how) }()
	for _, p := range out.bank.payments() {
		old, there := before[p.ID]
		if there && p.Debits <= old.Debits {
			continue
		}
		id := out.bank.name + " " + p.ID
		w.mu.Lock()
		if noted, ok := w.noted[id]; ok && p.Debits <= noted || w.takerLocked(out, p.Reference) != out {
			w.mu.Unlock()
			continue
		}
		took = true
		w.noted[id], w.owners[id] = p.Debits, out.call
		if !there {
			w.made[id] = w.sinceLocked()
		}
		w.mu.Unlock()
		if there {
			w.note(out.bank.name, true, takesMoney+"%s%s", p.Reference, within(how))
		} else {
			w.note(out.bank.name, true, hasTaken+"%s: %s %s%s", p.Reference, p.Amount, p.Currency, within(how))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forwarded = slices.DeleteFunc(w.forwarded, func(other *outgoing) bool { return other == out })
	kept := &past{out: out, response: got}
	w.pasts[out.bank.name] = append(w.pasts[out.bank.name], kept)
	return got
}

// takerLocked is the request that made a payment which is new when the response to out
// comes. A fake may hold a response back until its callback is received, and meanwhile
// another request makes a payment: it is the first that names the payment's reference.
func (w *World) takerLocked(out *outgoing, reference string) *outgoing {
	for _, other := range w.forwarded {
		if other.bank == out.bank && reference != "" && other.reference == reference {
			return other
		}
	}
	return out
}

const heldUntilNow = "held until now"

// observe notes which situation a request that arrives is.
func (w *World) observe(out *outgoing, got *response, took bool, how string) {
	name := out.bank.name + " " + out.reference
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !out.write || out.reference == "":
	case how == heldUntilNow && took:
		w.metLocked(MetHeldDone)
	case how == heldUntilNow:
		w.metLocked(MetHeldRefused)
	case w.onTheWay[name] > 0 && !took && got.status != http.StatusUnauthorized:
		w.metLocked(MetRefusedInFlight)
	case w.onTheWay[name] > 0 && took:
		w.metLocked(MetOvertaken)
	}
}

func within(how string) string {
	if how == "" {
		return ""
	}
	return " (" + how + ")"
}

// request is the request as the provider gets it.
func (out *outgoing) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, out.method, out.url, bytes.NewReader(out.bank.translate(out)))
	if err != nil {
		return nil, err
	}
	req.Header, req.Host = out.header.Clone(), out.host
	req.Header.Del("Accept-Encoding")
	return req, nil
}

// forwardPart hands the first bytes of a request to the provider's fake, and then closes the
// connection. It returns how many of how many.
func (w *World) forwardPart(out *outgoing) (sent, all int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	var whole bytes.Buffer
	req, err := out.request(ctx)
	if err != nil || req.Write(&whole) != nil {
		return 0, 0
	}
	sent, all = w.part(whole.Len()), whole.Len()
	conn, err := out.bank.network.DialContext(ctx, "pipe", out.host)
	if err != nil {
		return 0, all
	}
	defer conn.Close()
	sent, _ = conn.Write(whole.Bytes()[:sent])
	return sent, all
}

func (w *World) exchange(out *outgoing) *response {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	req, err := out.request(ctx)
	if err != nil {
		return &response{status: http.StatusBadRequest, from: "a proxy that cannot read it"}
	}
	resp, err := out.bank.network.RoundTrip(req)
	if err != nil {
		return &response{status: http.StatusBadGateway, from: "a proxy that gets no response"}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return &response{status: http.StatusBadGateway, from: "a proxy that gets half a response"}
	}
	return &response{status: resp.StatusCode, header: resp.Header, body: out.bank.back(data)}
}

// later delivers a request after its caller has gone on: after d, or when the trouble
// is over.
func (w *World) later(d time.Duration, out *outgoing) {
	name := out.bank.name + " " + out.reference
	w.mu.Lock()
	w.onTheWay[name]++
	w.mu.Unlock()
	w.held.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-w.calm:
		}
		w.turns.wait("(held) " + out.actor + " " + out.label)
		w.mu.Lock()
		w.onTheWay[name]--
		w.mu.Unlock()
		got := w.forward(out, heldUntilNow)
		w.note("(held)", true, "%s: %s, and nobody hears it", out.label, got.short())
	})
}

const cutShort = "a connection that is cut"

// asHTTP is what a process sees whose clock says now: its server's clock
// differs by as much.
func (a *response) asHTTP(req *http.Request, now time.Time) *http.Response {
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		h.Set("Date", sent.Add(time.Since(now)).UTC().Format(http.TimeFormat))
	}
	r := &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)),
	}
	if a.from == cutShort {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(a.body), brokenReader{}))
		r.ContentLength++
	}
	return r
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// short is a response for the timeline, without what differs from run to run.
func (a *response) short() string {
	text := fmt.Sprintf("%d", a.status)
	if a.from != "" {
		text += " from " + a.from
	}
	return text
}
