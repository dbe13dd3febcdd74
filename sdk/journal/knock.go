package journal

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/webhook"
)

// maxKnocks bounds the references that wait to be noted. Beyond it callbacks are
// answered and forgotten, as are those that the database does not take. The journal polls
// what is unfinished in any case, and a final entry within Provider.Watch. Other news of
// a finished entry is lost then. Flow.Compare finds it where the provider has a list. The
// flows without a list have a Watch, except FiatConnect and the once writes of Kotani whose
// response is the end: none of those receives callbacks.
const maxKnocks = 10_000

// maxNoters bounds the knocks that are noted at the same time. There is one noter, and one
// more for each whose knock takes longer than queueLimit: a signed callback tells a func,
// which may be slow, and a knock waits for the row that another func holds.
const maxNoters = 16

type knocks struct {
	mu      sync.Mutex
	waiting map[knocked][]byte // with the body of a signed callback, or nil
	queue   []knocked          // those of waiting that are next, in order
	noting  map[knocked]bool
	known   map[*machine]bool // of which something was noted since the queue was empty
	noters  int
	late    int // noters that hold up no other
}

type knocked struct {
	m         *machine
	reference string
}

// Knock receives the provider's callbacks. A callback is only a knock: it makes an
// entry due, and a worker asks the provider. Nothing that was posted is believed or
// stored, unless a signature proves it: a signed callback of BitPesa that ends an open
// entry is taken at its word. A reference that the journal does not know gets the same
// response in the same time. A flow whose callbacks name no reference of yours, such as
// FiatConnectIn, responds with 500. All authenticators must agree; without any, every callback
// is refused.
//
// After a knock at a finished entry the journal looks up to three times, some minutes
// apart, and once more after each response that would overturn the end. Once it is
// overturned, the three begin again. Without a clear response it looks on, up to
// FlowConfig.DoubtLimit. It looks once if the knock came before your func had taken the end.
// A func that a signed callback tells holds up other knocks for a second at most, unless 16
// are slow at once. Later news needs another knock, Provider.Watch or, where the
// provider has a list, Flow.Compare.
func (f *Flow[P, T]) Knock(auth ...webhook.Authenticator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case f.fault != nil || f.m.knocked == nil:
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		body, err := webhook.ReadBody(w, r, maxKnockBody)
		if err != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		proof, err := webhook.Verify(r, body, auth...)
		if err != nil {
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		reference, response, err := f.m.knocked(body)
		if proof.Bound != nil { // the provider may post a reference of its own
			reference = proof.Bound.Reference
		}
		if err != nil || checkReference(reference) != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		if !proof.Signed || f.m.fact == nil {
			body = nil
		}
		f.j.knock(context.WithoutCancel(r.Context()), f.m, reference, body)
		if response.ContentType != "" {
			w.Header().Set("Content-Type", response.ContentType)
		}
		w.WriteHeader(max(response.Status, http.StatusOK))
		_, _ = w.Write(response.Body)
	})
}

const maxKnockBody = 64 << 10

// knock notes a reference in memory, so that the time of the response does not tell
// whether there is an entry. It is written to the database after the response.
func (j *Journal) knock(ctx context.Context, m *machine, reference string, signed []byte) {
	all := &j.knocks
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.waiting == nil {
		all.waiting, all.noting, all.known = map[knocked][]byte{}, map[knocked]bool{}, map[*machine]bool{}
	}
	if len(all.waiting) >= maxKnocks {
		return
	}
	k := knocked{m, reference}
	if signed != nil || all.waiting[k] == nil {
		all.waiting[k] = signed
	}
	j.moreNoters(ctx)
}

// moreNoters begins a noter if all others are late.
func (j *Journal) moreNoters(ctx context.Context) {
	if j.knocks.noters <= j.knocks.late && j.knocks.noters < maxNoters {
		j.knocks.noters++
		go j.noteKnocks(ctx)
	}
}

// noteKnocks writes down what knocked, until nothing is left.
func (j *Journal) noteKnocks(ctx context.Context) {
	all := &j.knocks
	for {
		k, signed, more := j.nextKnock()
		if !more {
			return
		}
		late := time.AfterFunc(queueLimit, func() {
			all.mu.Lock()
			defer all.mu.Unlock()
			all.late++
			j.moreNoters(ctx)
		})
		known, err := j.noteFact(ctx, k, signed)
		if !known && err == nil {
			known, err = j.noteKnock(ctx, k)
		}
		if err != nil {
			j.cfg.Logger.WarnContext(ctx, "journal: knock", "flow", k.m.name, "error", err)
		}
		all.mu.Lock()
		if !late.Stop() {
			all.late--
		}
		delete(all.noting, k)
		if known {
			all.known[k.m] = true
		}
		all.mu.Unlock()
	}
}

// nextKnock is what a noter writes down next. Knocks for a reference that came meanwhile
// are one, and wait while it is noted.
func (j *Journal) nextKnock() (k knocked, signed []byte, more bool) {
	all := &j.knocks
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.queue) == 0 {
		for m := range all.known {
			m.rouse()
		}
		clear(all.known)
		for k := range all.waiting {
			if !all.noting[k] {
				all.queue = append(all.queue, k)
			}
		}
		slices.SortFunc(all.queue, func(a, b knocked) int {
			return cmp.Or(cmp.Compare(a.m.name, b.m.name), cmp.Compare(a.reference, b.reference))
		})
	}
	if len(all.queue) == 0 {
		all.noters--
		return k, nil, false
	}
	k, all.queue = all.queue[0], all.queue[1:]
	signed = all.waiting[k]
	delete(all.waiting, k)
	all.noting[k] = true
	return k, signed, true
}

// noteFact records what a signed callback says, if it ends an open entry. It leaves all
// else to a worker, who asks: callbacks come late and out of order.
func (j *Journal) noteFact(ctx context.Context, k knocked, signed []byte) (done bool, err error) {
	if signed == nil {
		return false, nil
	}
	reading, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	e, listed, err := j.find(reading, k.m.name, k.reference)
	switch {
	case errors.Is(err, ErrUnknown):
		return false, nil
	case err != nil:
		return false, err
	case e.state != StateOpen || e.standing != Pending || e.owed != "" || listed.Holder != "":
		return false, nil
	}
	if err := j.loadAll(reading, []*entry{e}); err != nil || !e.loaded {
		return false, err
	}
	a, ok := k.m.fact(e, signed)
	if !ok || a.standing != Succeeded && a.standing != Failed {
		return false, nil
	}
	err = j.accept(ctx, k.m, e, a, "signed") // your func has its time
	if errors.Is(err, errLeaseLost) {
		return false, nil // a worker has just taken it
	}
	return err == nil, err
}

func (j *Journal) noteKnock(ctx context.Context, k knocked) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	r, err := j.db.ExecContext(ctx, j.sql.knock, k.m.name, j.cfg.KnockGap.Microseconds(), flag(k.m.reads()), k.reference)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}
