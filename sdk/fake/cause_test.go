package fake_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// desk is a provider whose requests do what a test says, and name no object unless their
// path does: POST /{work}/{anything}.
type desk struct {
	*fake.Control
	world   *fake.World
	cards   fake.Store[card]
	ledger  *fake.Ledger
	work    map[string]func() // with the lock held
	holds   string            // where a request to /held waits for goOn
	reached chan struct{}     // closed when it waits
	goOn    chan struct{}
	respond string
}

type card struct{ ID, State string }

var cash = fake.Account{Owner: "shop", Currency: "RWF"}

func newDesk(t *testing.T) *desk {
	t.Helper()
	w := fake.NewWorld(fake.Options{Callbacks: responding(200)})
	w.Attach(t)
	d := &desk{world: w, work: map[string]func(){}, reached: make(chan struct{}), goOn: make(chan struct{})}
	d.Control = w.Join(fake.Provider{
		Name: "desk", Handler: http.HandlerFunc(d.serve), State: func() any { return nil }, Load: func(json.RawMessage) (func(), error) { return nil, nil },
		Reset: func() {
			d.cards, d.ledger = fake.NewStore(func(c *card) string { return c.ID }), fake.NewLedger()
			d.ledger.Open(cash, decimal.New(1, 9))
			for _, id := range []string{"card-1", "card-2", "card-3"} {
				d.cards.Add(&card{id, "new"})
			}
		},
		Refuse: func(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) { rw.WriteHeader(status) },
		Callbacks: fake.Policy{Attempted: func(fake.Delivery, fake.Exchange) bool {
			d.move("card-1", "attempted")
			return false
		}},
		Fire: func(e fake.Event) { d.work[e.Kind]() },
		Kinds: []fake.Kind{fake.KindOf("cards", func() []*card { return d.cards.All() }, func(id string) *card { return d.cards.Find(id) },
			func(c *card) fake.Object { return fake.Object{ID: c.ID, State: c.State, Result: fake.ResultOK} })},
		Ledger: func() *fake.Ledger { return d.ledger },
		Admin: map[string]fake.AdminCall{"POST /_fake/desk/{work}/{id}": {Handle: func(rw http.ResponseWriter, r *http.Request) {
			d.hand(r.PathValue("work"))
			fake.AdminRespond(rw, http.StatusOK, map[string]string{})
		}}},
	})
	d.tell()
	return d
}

// tell makes the timeline know the cards of the beginning.
func (d *desk) tell() {
	d.world.Lock()
	defer d.world.Unlock()
	for _, c := range d.cards.All() {
		d.world.Touch("desk", c.ID)
	}
}

func (d *desk) serve(rw http.ResponseWriter, r *http.Request) {
	work := strings.Split(r.URL.Path, "/")[1]
	wait := func(where string) {
		if work == "held" && d.holds == where {
			close(d.reached)
			<-d.goOn
		}
	}
	wait("in its handler")
	if work == "nothing" {
		return
	}
	d.world.LockFor(r)
	if do := d.work[work]; do != nil {
		do()
	}
	d.world.Unlock()
	wait("behind its work")
	_, _ = io.WriteString(rw, d.respond)
}

// hand does the work as a test or an admin call does.
func (d *desk) hand(work string) {
	d.world.Lock()
	defer d.world.Unlock()
	d.work[work]()
}

// move changes a card's state.
func (d *desk) move(id, state string) {
	d.cards.Find(id).State = state
	d.world.Touch("desk", id)
}

func (d *desk) make(id string) {
	d.cards.Add(&card{id, "made"})
	d.world.Touch("desk", id)
}

func (d *desk) pay(entry, about string) {
	fake.Must(d.ledger.Post(fake.Entry{ID: entry, Account: cash, Amount: decimal.New(-5, 0), Kind: "PAY", Status: fake.EntryPosted, Reference: about}))
	d.cards.Find(about).State = entry
}

func (d *desk) post(path string) {
	d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}")))
}

// later sends a request, and returns a function that waits until it is over.
func (d *desk) later(path string) (over func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // a fault that cuts the connection
		d.post(path)
	}()
	return func() { <-done }
}

// causes are the state changes and entries of the timeline, each with the request that made it, or
// its cause. The cards of the beginning are left out.
func (d *desk) causes(t *testing.T) map[string]string {
	t.Helper()
	works := map[any]string{}
	for _, r := range d.Requests() {
		works[r.ID] = "/" + strings.Split(r.Path, "/")[1]
	}
	_, out := admin(t, d, "GET", "/_fake/timeline?limit=1000", "")
	all := map[string]string{}
	for _, element := range slices.Backward(out["records"].([]any)) {
		r := element.(map[string]any)
		name := fmt.Sprint(r["subject"], " ", r["text"])
		if entry, ok := r["entry"].(map[string]any); ok {
			name = fmt.Sprint(entry["id"])
		}
		if r["kind"] != "state" && r["kind"] != "entry" || strings.HasSuffix(name, " new") {
			continue
		}
		cause, _ := r["cause"].(string)
		all[name] = works[r["request"]] + cause
	}
	return all
}

// One request is held, before its handler or in it, and names the card that another request, a
// hand and the clock change meanwhile without naming it.
func TestAHeldRequestCausesOnlyWhatItDoes(t *testing.T) {
	t.Parallel()
	for _, held := range []string{"by a fault", "in its handler", "behind its work"} {
		for _, after := range []fake.FaultKind{"", fake.FaultDropAfter, fake.FaultTruncate} {
			d := newDesk(t)
			d.respond = `{"id":"card-1"}`
			d.work["held"] = func() { d.move("card-3", "held") }
			for _, who := range []string{"other", "hand", "clock"} {
				d.work[who] = func() { d.move("card-1", who); d.pay("pay-"+who, "card-2"); d.make("card-of-" + who) }
			}
			d.holds = held
			if held == "by a fault" {
				require.NoError(t, d.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 60, Times: 1}))
			}
			over := d.later("/held/card-1/card-2/card-of-other/card-of-hand/card-of-clock")
			if held == "by a fault" {
				require.Eventually(t, func() bool { return d.Waiting() == 1 }, 5*time.Second, time.Millisecond)
			} else {
				<-d.reached
			}
			if after != "" {
				require.NoError(t, d.AddFault(fake.Fault{Kind: after, Times: 1}))
			}
			d.later("/other/elsewhere")()
			status, _ := admin(t, d, "POST", "/_fake/desk/hand/elsewhere", "{}")
			require.Equal(t, 200, status)
			d.world.Lock()
			d.world.After(time.Second, "desk", "clock", "")
			d.world.Unlock()
			d.Advance(time.Minute)
			close(d.goOn)
			over()
			hand := "by hand"
			if held == "in its handler" {
				hand = "" // it may be the request's doing: the World does not know yet
			}
			assert.Equal(t, map[string]string{
				"card-1 new → other": "/other", "pay-other": "/other", "card-2 new → pay-other": "/other", "card-of-other made": "/other",
				"card-1 other → hand": hand, "pay-hand": hand, "card-2 pay-other → pay-hand": hand, "card-of-hand made": hand,
				"card-1 hand → clock": "clock", "pay-clock": "clock", "card-2 pay-hand → pay-clock": "clock", "card-of-clock made": "clock",
				"card-3 new → held": "/held",
			}, d.causes(t), "held %s, fault %q", held, after)
		}
	}
}

// What a fake has changed without a word is found when somebody names it, and is not that
// request's doing.
func TestWhatIsFoundOutLaterHasNoCause(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.work["silent"] = func() { d.cards.Find("card-1").State = "silent" }
	d.post("/silent")
	d.hand("silent")
	d.post("/look/card-1")
	assert.Equal(t, map[string]string{"card-1 new → silent": ""}, d.causes(t))
	d.work["own"] = func() { d.cards.Find("card-1").State = "own"; d.cards.Add(&card{"card-4", "made"}) }
	d.post("/own/card-1")
	assert.Equal(t, "/own", d.causes(t)["card-1 silent → own"], "it is named, and changes in its work")
	assert.Equal(t, "/own", d.causes(t)["card-4 made"], "new objects need no name")
}

// An admin call is told of what it does, not of what it finds; a callback's attempt can change an
// object, too.
func TestWhatAHandAndAnAttemptDoIsTheirs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.work["none"] = func() {}
	d.work["hand"] = func() { d.cards.Find("card-1").State = "hand" }
	d.post("/nothing/card-1") // its handler takes no lock
	d.cards.Find("card-2").State = "silent"
	admin(t, d, "POST", "/_fake/desk/none/card-2", "{}")
	admin(t, d, "POST", "/_fake/desk/hand/card-1", "{}")
	d.work["send"] = func() {
		d.world.Send(fake.Callback{Provider: "desk", Identity: "card-3", URL: "http://shop.localhost/"})
	}
	d.post("/send")
	d.Flush()
	assert.Equal(t, map[string]string{"card-2 new → silent": "", "card-1 new → hand": "by hand", "card-1 hand → attempted": "callback dlv-000001"}, d.causes(t))
}

// What a person does to an object of a request sends a callback that is the person's; an event
// goes on with what the request began.
func TestWhoCausedACallback(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	send := func() {
		d.world.Send(fake.Callback{Provider: "desk", Event: "changed", Identity: "card-3", URL: "http://shop.localhost/"})
	}
	d.work["send"], d.work["tick"] = send, send
	d.post("/send/card-3")
	admin(t, d, "POST", "/_fake/desk/send/card-3", "{}")
	d.world.Lock()
	d.world.After(time.Second, "desk", "tick", "card-3")
	d.world.Unlock()
	d.world.Advance(time.Minute)
	d.Flush()
	_, all := admin(t, d, "GET", "/_fake/deliveries", "")
	causes := map[string]string{}
	for _, x := range all["deliveries"].([]any) {
		sent := x.(map[string]any)
		request, _ := sent["request"].(string)
		cause, _ := sent["cause"].(string)
		causes[sent["id"].(string)] = request + cause
	}
	first := causes["dlv-000001"]
	assert.Contains(t, first, "req-")
	assert.Equal(t, map[string]string{"dlv-000001": first, "dlv-000002": "by hand", "dlv-000003": first}, causes)
}

// An author's function that panics leaves the World unlocked.
func TestAPanicUnderLockForLeavesTheWorldUsable(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	broken := true
	cards := fake.NewStore(func(c *card) string { return c.ID })
	c := w.Join(fake.Provider{
		Name: "desk", State: func() any { return nil }, Load: func(json.RawMessage) (func(), error) { return nil, nil }, Reset: func() {},
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { w.LockFor(r); defer w.Unlock() }),
		Refuse:  func(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) { rw.WriteHeader(status) },
		Kinds: []fake.Kind{fake.KindOf("cards", func() []*card { return cards.All() }, func(id string) *card { return cards.Find(id) }, func(c *card) fake.Object {
			if broken {
				broken = false
				panic("broken")
			}
			return fake.Object{ID: c.ID}
		})},
	})
	cards.Add(&card{"card-1", "new"})
	post := func() int {
		rw := httptest.NewRecorder()
		c.ServeHTTP(rw, httptest.NewRequest(http.MethodPost, "/card-1", strings.NewReader("{}")))
		return rw.Code
	}
	assert.Equal(t, http.StatusInternalServerError, post())
	assert.Equal(t, http.StatusOK, post())
}

func TestAMistakeOfAProgramIsNamed(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	assert.PanicsWithValue(t, `fake: kind "cards" of provider "desk": make it with KindOf`, func() { w.Join(fake.Provider{Name: "desk", Kinds: []fake.Kind{{Name: "cards"}}}) })
	assert.PanicsWithValue(t, `fake: a callback of provider "nobody", which has not joined`, func() { w.Send(fake.Callback{Provider: "nobody"}) })
}

// A request that a reset has overtaken does not lend its id to a request of the new world.
func TestAResetsWorldNamesNoRequestOfTheOldOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.holds = "in its handler"
	d.work["held"] = func() { d.move("card-1", "held") }
	over := d.later("/held")
	<-d.reached
	d.Reset()
	d.tell()
	d.post("/new")
	close(d.goOn)
	over()
	assert.Equal(t, map[string]string{"card-1 new → held": ""}, d.causes(t))
}
