package kasapaytest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kasapay"

// Fake is a fake Kasapay: an http.Handler that serves the API, and the methods
// a test drives it with. It is safe for concurrent use.
type Fake struct {
	// Control has what every fake has; go doc sdk/fake.Control says more:
	//
	//	Advance(d time.Duration)
	//	Now() time.Time
	//	Waiting() int
	//	AddFault(f fake.Fault) error
	//	AddCallbackFault(r fake.CallbackFault) error
	//	Faults() []fake.Fault
	//	ClearFaults()
	//	Requests() []fake.Request
	//	Deliveries() []fake.Delivery
	//	Redeliver(id string) error
	//	Flush()
	//	Snapshot() ([]byte, error)
	//	Restore(snapshot []byte) error
	//	Reset()
	//	Admin() http.Handler
	//	ServeHTTP(rw http.ResponseWriter, r *http.Request)
	//	HTTPClient() *http.Client
	//	URL() string
	//	World() *fake.World
	//	Close()
	*fake.Control
	world  *fake.World
	config Config
	state  *state
}

// NewServer makes a fake that is closed when the test ends. It takes at most one
// Config.
func NewServer(t fake.TB, config ...Config) *Fake { return fake.NewServer(t, New, config) }

// New makes a fake in a world of its own. Close it when its clock follows real
// time or its HTTPClient was used.
func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }

// NewIn makes a fake in a world that others share, so that one clock moves them
// all. Another fake's World method returns that world. NewIn ignores
// Config.Options. NewIn panics on a scenario that does not exist, an empty service
// code, a float below zero and an HTTP status below 200 or above 599: those are
// mistakes of the program.
func NewIn(w *fake.World, c Config) *Fake {
	f := &Fake{world: w, config: c.withDefaults()}
	if err := f.config.check(); err != nil {
		panic(fmt.Sprintf("kasapaytest: %v", err))
	}
	wants := "Kasapay wants status 200"
	if f.config.Quirks.AnySuccessAcknowledges {
		wants = "" // any 2xx
	}
	f.Control = w.Join(fake.Provider{
		Name:         providerName,
		Handler:      f.routes(),
		Reset:        func() { f.state = newState(f.config, w.Now()) },
		State:        func() any { return f.state },
		Load:         f.load,
		Refuse:       f.refuse,
		Fire:         f.fire,
		ExpireTokens: func() { f.state.TokenEpoch++ },
		Callbacks:    fake.Policy{Retries: f.config.CallbackRetries, Acknowledged: f.acknowledged, Wants: wants},
		Kinds: []fake.Kind{fake.KindOf("payouts", func() []*Payout { return f.state.Payouts.All() },
			func(reference string) *Payout { return f.state.find(reference) }, f.showPayout)},
		Ledger:  func() *fake.Ledger { return f.state.Ledger },
		Routes:  servedRoutes(),
		Refused: func(body map[string]any) bool { return fake.Text(body["error_code"]) != "" },
		Admin: map[string]fake.AdminCall{"POST /_fake/kasapay/payouts/{reference}/settle": {
			Does: "moves a payout to 700, 701, 702, 704 or 705", Body: moveBody{}, Response: response{}, Handle: f.adminMovePayout,
		}},
	})
	return f
}

// ClientConfig is a client configuration for this fake, without a socket.
func (f *Fake) ClientConfig() kasapay.Config {
	c := kasapay.Config{
		BaseURL:     f.URL(),
		Options:     sdk.Options{HTTPClient: f.HTTPClient()},
		ConsumerKey: f.config.ConsumerKey, ConsumerSecret: f.config.ConsumerSecret,
	}
	if len(f.config.ServiceCodes) > 0 {
		c.ServiceCode = f.config.ServiceCodes[0]
	}
	return c
}

func (f *Fake) showPayout(p *Payout) fake.Object {
	acts := []fake.Act{}
	for _, to := range f.transitions(p.Status) {
		n, _ := strconv.Atoi(string(to)) // a status is three digits
		acts = append(acts, fake.Act{
			Name: string(to) + " " + stateWord(to), Method: http.MethodPost,
			Path: fake.AdminPath(providerName, "payouts", p.Reference, "settle"), Body: map[string]int{"payment_status": n},
		})
	}
	over := p.Status != kasapay.StatusPending && p.Status != kasapay.StatusJammed
	return fake.Object{
		ID: p.Reference, Reference: p.Reference, Title: p.RecipientName, State: string(p.Status) + " " + stateWord(p.Status),
		Result: fake.ResultOf(p.Status == kasapay.StatusProcessed, over), Amount: p.Amount, Currency: p.Currency,
		Created: p.Created, Acts: acts, Value: p,
	}
}

// stateWord is a status in the last word of its description.
func stateWord(status kasapay.PaymentStatus) string {
	if status == kasapay.StatusProcessed {
		return "processed"
	}
	words := strings.Fields(description(status))
	return strings.ToLower(words[len(words)-1])
}

func servedRoutes() []fake.Route {
	var all []fake.Route
	for _, op := range kasapay.Operations() {
		all = append(all, fake.Route{Name: op.Name, Method: op.Method, Path: op.Path, MovesMoney: op.MovesMoney})
	}
	return all
}

// routes serves the operations of the client.
func (f *Fake) routes() http.Handler {
	mux := http.NewServeMux()
	handlers := map[string]http.HandlerFunc{
		kasapay.OpAuth:     f.login,
		kasapay.OpInitiate: f.authorised(f.initiate),
		kasapay.OpStatus:   f.authorised(f.status),
	}
	for _, op := range kasapay.Operations() {
		mux.HandleFunc(op.Method+" "+op.Path, handlers[op.Name])
	}
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		f.problem(rw, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.EscapedPath()))
	})
	return mux
}

// state is everything that changes, and this fake's part of a snapshot. The
// World's lock guards it.
type state struct {
	Payouts    fake.Store[Payout] `json:"payouts"` // by the caller's reference
	Ledger     *fake.Ledger       `json:"ledger"`
	Transfers  int                `json:"deposits"`    // deposits and withdrawals so far
	Tokens     int                `json:"tokens"`      // given out so far
	TokenEpoch int                `json:"token_epoch"` // a token of an older epoch is void

	byReturned map[string]*Payout
}

func emptyState() *state {
	return &state{
		Payouts: fake.NewStore(func(p *Payout) string { return p.Reference }), Ledger: fake.NewLedger(),
		byReturned: map[string]*Payout{},
	}
}

func newState(c Config, now time.Time) *state {
	st := emptyState()
	for _, currency := range slices.Sorted(maps.Keys(c.Balances)) {
		st.Ledger.Open(float(currency), decimal.Zero)
		if c.Balances[currency].IsPositive() {
			fake.Must(st.transfer(currency, c.Balances[currency], now))
		}
	}
	return st
}

func (st *state) add(p *Payout) {
	st.Payouts.Add(p)
	st.byReturned[p.ReturnedReference] = p
}

func (st *state) find(reference string) *Payout {
	return cmp.Or(st.Payouts.Find(reference), st.byReturned[reference])
}

// known reports whether a payout can have this status.
func known(status kasapay.PaymentStatus) bool {
	return status >= kasapay.StatusProcessed && status <= kasapay.StatusRefunded && len(status) == 3
}

func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := emptyState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Ledger == nil {
		return nil, errors.New("no ledger")
	}
	for _, p := range st.Payouts.All() {
		if p.ReturnedReference == "" || !known(p.Status) {
			return nil, errors.New("payout without reference or status")
		}
		other := st.Payouts.Find(p.ReturnedReference)
		if other != nil && other != p || st.byReturned[p.Reference] != nil || st.byReturned[p.ReturnedReference] != nil {
			return nil, fmt.Errorf("payout %q twice", p.Reference)
		}
		st.byReturned[p.ReturnedReference] = p
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}
