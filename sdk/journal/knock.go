package journal

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/webhook"
)

// maxKnocks bounds the references that wait to be noted. Beyond it callbacks are
// acknowledged and forgotten, as are those that the database does not take. The journal polls
// what is unfinished in any case, and a final entry within Provider.Watch. Other news of
// a finished entry is lost then. Flow.Compare finds it where the provider has a list. The
// flows without a list have a Watch, except FiatConnect and the once writes of Kotani whose
// response is the end: none of those receives callbacks.
const maxKnocks = 10_000

type knocks struct {
	mu      sync.Mutex
	waiting map[knocked][]byte // with the body of a signed callback, or nil
	noting  bool
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
// FlowConfig.DoubtLimit. It looks at least once if the knock came before your func had
// taken the end. Later news needs another knock, Provider.Watch or, where the
// provider has a list, Flow.Compare.
//
// Knocks are written down one after the other. One at an entry whose func is running waits
// for it, and so do those that follow. What the database has not taken after
// Config.CallTimeout is forgotten.
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
	j.knocks.mu.Lock()
	defer j.knocks.mu.Unlock()
	if j.knocks.waiting == nil {
		j.knocks.waiting = map[knocked][]byte{}
	}
	if len(j.knocks.waiting) >= maxKnocks {
		return
	}
	k := knocked{m, reference}
	if signed != nil || j.knocks.waiting[k] == nil {
		j.knocks.waiting[k] = signed
	}
	if !j.knocks.noting {
		j.knocks.noting = true
		go j.noteKnocks(ctx)
	}
}

// noteKnocks writes down what knocked, until nothing is left. Knocks for the same
// reference that came meanwhile are one.
func (j *Journal) noteKnocks(ctx context.Context) {
	for {
		j.knocks.mu.Lock()
		waiting := j.knocks.waiting
		j.knocks.waiting = nil
		j.knocks.noting = len(waiting) > 0
		j.knocks.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		roused := map[*machine]bool{}
		inOrder := slices.SortedFunc(maps.Keys(waiting), func(a, b knocked) int {
			return cmp.Or(cmp.Compare(a.m.name, b.m.name), cmp.Compare(a.reference, b.reference))
		})
		for _, k := range inOrder {
			known, err := j.noteFact(ctx, k, waiting[k])
			if known {
				k.m.rouse() // your func need not wait for other knocks
				continue
			}
			known, err2 := j.noteKnock(ctx, k)
			if err = errors.Join(err, err2); err != nil {
				j.cfg.Logger.WarnContext(ctx, "journal: knock", "flow", k.m.name, "error", err)
			}
			roused[k.m] = roused[k.m] || known
		}
		for m, known := range roused {
			if known {
				m.rouse()
			}
		}
	}
}

// noteFact records what a signed callback says, if it ends an open entry. A worker tells
// your func, which may be slow. It leaves all else to a worker, too, who asks: callbacks
// come late and out of order.
func (j *Journal) noteFact(ctx context.Context, k knocked, signed []byte) (done bool, err error) {
	if signed == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	e, listed, err := j.find(ctx, k.m.name, k.reference)
	switch {
	case errors.Is(err, ErrNotPlanned):
		return false, nil
	case err != nil:
		return false, err
	case e.state != StateOpen || e.standing != Pending || e.owed != "" || listed.Holder != "":
		return false, nil
	}
	if err := j.loadAll(ctx, []*entry{e}); err != nil || !e.loaded {
		return false, err
	}
	a, ok := k.m.fact(e, signed)
	if !ok || a.standing != Succeeded && a.standing != Failed {
		return false, nil
	}
	err = j.accept(ctx, k.m, e, a, eventSigned)
	if errors.Is(err, errLeaseLost) {
		return false, nil // a worker has just taken it
	}
	return err == nil, err
}

// noteKnock tries again what a database refuses for a moment: on SQLite each func holds up
// all who write.
func (j *Journal) noteKnock(ctx context.Context, k knocked) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)
	defer cancel()
	for try := 1; ; try++ {
		r, err := j.db.ExecContext(ctx, j.sql.knock, k.m.name, j.cfg.KnockGap.Microseconds(), flag(k.m.reads()), k.reference)
		if err == nil {
			n, err := r.RowsAffected()
			return n > 0, err
		}
		if !sqldb.Passing(err) || transport.Pause(ctx, j.backoff(try, 10*time.Millisecond, time.Second)) != nil {
			return false, err
		}
	}
}
