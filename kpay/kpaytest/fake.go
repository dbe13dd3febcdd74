package kpaytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kpay"

// Fake is a fake KPay: an http.Handler that serves the API and the checkout
// page, and the methods a test drives it with. It is safe for concurrent use.
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
// Config.Options. NewIn panics on a scenario or postback format that does not exist,
// and on a retailer without an ID or with that of another: those are mistakes of the
// program.
func NewIn(w *fake.World, c Config) *Fake {
	f := &Fake{world: w, config: c.withDefaults()}
	if err := f.config.check(); err != nil {
		panic(fmt.Sprintf("kpaytest: %v", err))
	}
	f.Control = w.Join(fake.Provider{
		Name:    providerName,
		Handler: f.routes(),
		Reset:   func() { f.state = newState() },
		State:   func() any { return f.state },
		Load:    f.load,
		Refuse:  f.refuse,
		Fire:    f.fire,
		Callbacks: fake.Policy{Retries: f.config.CallbackRetries, Acknowledged: acknowledged,
			Wants: `KPay wants the postback's tid and refid with status 2xx: {"tid":"...","refid":"...","reply":"OK"}`},
		Secrets: []string{"authkey", fieldExpiry},
		Kinds: []fake.Kind{fake.KindOf("payments", func() []*Payment { return f.state.Payments.All() },
			func(id string) *Payment { return f.state.Payments.Find(id) }, showPayment)},
		Ledger: func() *fake.Ledger { return f.state.Ledger },
		OwnerName: func(id string) string {
			retailer, _ := f.config.retailer(id)
			return retailer.Name
		},
		Routes: servedRoutes(),
		Refused: func(body map[string]any) bool { // a code about a payment is its state, not a refusal
			code := fake.Text(body["retcode"])
			return code != "" && code != "0" && fake.Text(body["success"]) != "1" && len(code) == 3
		},
		Admin: map[string]fake.AdminCall{"POST /_fake/kpay/payments/{refid}/settle": {
			Does: "ends a pending payment: 01 paid, 02 failed, or another code", Body: moveBody{}, Response: Payment{}, Handle: f.adminMovePayment,
		}},
	})
	return f
}

// servedRoutes has the operations at both paths, which their action tells apart.
func servedRoutes() []fake.Route {
	var all []fake.Route
	for _, path := range []string{"/", "/api/"} {
		for _, op := range kpay.Operations() {
			all = append(all, fake.Route{Name: op.Name, Method: op.Method, Path: path, Body: map[string]string{"action": op.Name}, MovesMoney: op.MovesMoney})
		}
		all = append(all, fake.Route{Name: "curl", Method: http.MethodGet, Path: path})
	}
	return append(all,
		fake.Route{Name: "checkout.show", Method: http.MethodGet, Path: checkoutPath + "{id}"},
		fake.Route{Name: "checkout.pay", Method: http.MethodPost, Path: checkoutPath + "{id}", MovesMoney: true})
}

// ClientConfig is a client configuration for this fake, without a socket. It
// names the first retailer that is enabled.
func (f *Fake) ClientConfig() kpay.Config {
	c := kpay.Config{
		BaseURL:  f.URL(),
		Options:  sdk.Options{HTTPClient: f.HTTPClient()},
		Username: f.config.Username, Password: f.config.Password, APIKey: f.config.APIKey,
	}
	for _, r := range f.config.Retailers {
		if !r.Disabled {
			c.RetailerID = r.ID
			break
		}
	}
	return c
}

func showPayment(p *Payment) fake.Object {
	acts := []fake.Act{}
	if !p.final() {
		path := fake.AdminPath(providerName, "payments", p.RefID, "settle")
		for _, a := range []struct {
			name string
			code kpay.Code
		}{{"paid", kpay.CodePaid}, {"failed", kpay.CodeFailed}} {
			acts = append(acts, fake.Act{Name: a.name, Method: http.MethodPost, Path: path, Body: map[string]kpay.Code{"statusid": a.code}})
		}
	}
	return fake.Object{
		ID: p.RefID, Reference: p.RefID, Title: p.Payer, State: string(p.StatusID) + " " + stateWord(p),
		Result: fake.ResultOf(p.StatusID == kpay.CodePaid, p.final()), Amount: p.Amount, Currency: p.Currency,
		Created: p.Created, Acts: acts, Link: checkoutPath + p.CheckoutID, Value: p,
	}
}

// stateWord is a payment's state in a word; StatusDesc is a sentence.
func stateWord(p *Payment) string {
	switch {
	case !p.final():
		return "pending"
	case p.StatusID == kpay.CodePaid:
		return "paid"
	}
	return "failed"
}

const checkoutPath = "/checkout/"

// routes serves the client's one URL at its own path and at /api. The body tells
// pay and checkstatus apart.
func (f *Fake) routes() http.Handler {
	mux := http.NewServeMux()
	op := kpay.Operations()[0]
	for _, path := range []string{op.Path + "{$}", "/api", "/api/{$}"} {
		mux.HandleFunc(op.Method+" "+path, f.serveAPI)
		mux.HandleFunc("GET "+path, f.serveAPI)
		mux.HandleFunc(path, f.refuseMethod)
	}
	mux.HandleFunc("GET "+checkoutPath+"{id}", f.showCheckout)
	mux.HandleFunc("POST "+checkoutPath+"{id}", f.submitCheckout)
	mux.HandleFunc(checkoutPath+"{id}", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(rw, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "This fake serves GET and POST at / and /api/, and GET and POST "+checkoutPath+"{id}.", http.StatusNotFound)
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" { // a mount was stripped; the mux would redirect out of it
			r = r.Clone(r.Context())
			r.URL.Path = "/"
		}
		mux.ServeHTTP(rw, r)
	})
}

// state is everything that changes, and this fake's part of a snapshot. The
// World's lock guards it.
type state struct {
	Payments fake.Store[Payment] `json:"payments"` // by refid
	Ledger   *fake.Ledger        `json:"ledger"`

	byTID      map[string]*Payment // both tids of each payment
	byCheckout map[string]*Payment
}

func newState() *state {
	return &state{
		Payments: fake.NewStore(func(p *Payment) string { return p.RefID }), Ledger: fake.NewLedger(),
		byTID: map[string]*Payment{}, byCheckout: map[string]*Payment{},
	}
}

func (st *state) add(p *Payment) {
	st.Payments.Add(p)
	st.index(p)
}

func (st *state) index(p *Payment) {
	st.byTID[p.TID] = p
	st.byTID[p.StatusTID] = p
	st.byCheckout[p.CheckoutID] = p
}

func (f *Fake) load(raw json.RawMessage) (func(), error) {
	st := newState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Ledger == nil {
		return nil, errors.New("no ledger")
	}
	for _, p := range st.Payments.All() {
		if p.TID == "" || p.StatusTID == "" || p.CheckoutID == "" || p.StatusID == "" {
			return nil, errors.New("payment without tid, checkout id or status")
		}
		if st.byTID[p.TID] != nil || st.byTID[p.StatusTID] != nil || st.byCheckout[p.CheckoutID] != nil {
			return nil, fmt.Errorf("payment %q twice", p.RefID)
		}
		st.index(p)
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	return func() { f.state = st }, nil
}

// newID draws an id that no payment has yet.
func (f *Fake) newID(prefix string, digits int, taken map[string]*Payment) string {
	for {
		if id := prefix + f.number(digits); taken[id] == nil {
			return id
		}
	}
}

// number is n digits that do not begin with a zero.
func (f *Fake) number(n int) string {
	text := f.world.IDs(providerName).Digits(n)
	return strings.Replace(text[:1], "0", "9", 1) + text[1:]
}
