package kotanitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providerName is the name in admin calls and in the socketless URL.
const providerName = "kotani"

// Fake is a fake Kotani Pay: an http.Handler that serves the API with its
// FiatConnect section, and the methods a test drives it with. It is safe for
// concurrent use.
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

	// FiatConnect is the FiatConnect section. It is mounted below this fake and
	// can be served on its own. Its Control has its own requests, deliveries and
	// fault rules.
	FiatConnect *FiatConnect

	world  *fake.World
	config Config
	routes *http.ServeMux
	state  *state
}

// NewServer makes a fake that is closed when the test ends. At most one Config
// is taken.
func NewServer(t fake.TB, config ...Config) *Fake { return fake.NewServer(t, New, config) }

// New makes a fake in a world of its own. Close it when its clock follows real
// time or its HTTPClient was used.
func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }

// NewIn makes a fake in a world that several fakes share: one clock moves them
// all. Another fake's World method gives the world. Config.Options is ignored.
func NewIn(w *fake.World, c Config) *Fake {
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("kotanitest: %v", err))
	}
	f := &Fake{world: w, config: c.withDefaults()}
	f.routes = f.newRoutes()
	f.FiatConnect = newFiatConnect(w, f.config.FiatConnect)
	f.Control = w.Join(fake.Provider{
		Name:         providerName,
		Handler:      f.routes,
		Below:        f.FiatConnect.below,
		Reset:        func() { f.state = newState(f.config.Balances, w.Now()) },
		State:        func() any { return f.state },
		Load:         f.load,
		Refuse:       refuse,
		Fire:         f.fire,
		ExpireTokens: func() { clear(f.state.Tokens) },
		Callbacks:    fake.Policy{Retries: f.config.CallbackRetries},
		Kinds:        f.kinds(),
		Ledger:       func() *fake.Ledger { return f.state.Ledger },
		Routes:       f.servedRoutes(),
		Redacted: func() any {
			without := *f.state
			without.Tokens = map[string]time.Time{}
			return &without
		},
		Refused: func(body map[string]any) bool { // an HTTP 200 whose body has another status
			status := fake.Text(body["status"])
			return len(status) == 3 && status[0] == '4'
		},
		Admin: map[string]fake.AdminCall{
			"POST /_fake/kotani/transactions/{id}/settle": {Does: "ends a pending transaction, or reverses a successful one", Body: transactionBody{}, Handle: f.adminMoveTransaction},
			"POST /_fake/kotani/orders/{id}/pay":          {Does: "the payer paid an on-chain order", Handle: f.adminPayOrder},
			"POST /_fake/kotani/orders/{id}/settle":       {Does: "ends an order: PAID, FAILED or CLOSED", Body: orderBody{}, Handle: f.adminMoveOrder},
		},
	})
	return f
}

// ClientConfig is a client configuration for this fake. It needs no socket. Add
// a Signer to use FiatConnect.
func (f *Fake) ClientConfig() kotani.Config {
	return kotani.Config{
		BaseURL: f.URL(),
		Options: sdk.Options{HTTPClient: f.HTTPClient()}, Routes: f.config.Routes,
		PhoneNumber: f.config.PhoneNumber, CountryCode: map[kotani.Country]string{kotani.Kenya: "KEN", kotani.Ghana: "GH"}[f.config.Country], Password: f.config.Password,
		TokenLifetime: f.config.TokenLifetime,
		FiatConnect:   kotani.FiatConnectConfig{BaseURL: f.FiatConnect.URL(), ChainID: f.config.FiatConnect.ChainID},
	}
}

// kinds are the objects that the admin API shows.
func (f *Fake) kinds() []fake.Kind {
	return []fake.Kind{
		fake.KindOf("transactions", func() []*Transaction { return f.state.Transactions.All() },
			func(id string) *Transaction { return f.state.transaction(id) }, showTransaction),
		fake.KindOf("orders", func() []*Order { return f.state.Orders.All() },
			func(id string) *Order { return f.state.Orders.Find(id) }, showOrder),
		fake.KindOf("quotes", func() []*quote { return f.state.Quotes.All() },
			func(id string) *quote { return f.state.Quotes.Find(id) }, f.showQuote),
		fake.KindOf("users", func() []*User { return f.state.Users.All() }, func(id string) *User { return f.state.Users.Find(id) },
			func(u *User) fake.Object {
				return fake.Object{ID: u.Phone, Title: "user", State: "registered", Result: fake.ResultOK, Acts: []fake.Act{}, Value: u}
			}),
	}
}

func showTransaction(t *Transaction) fake.Object {
	return fake.Object{
		ID: t.RequestID, Reference: t.ExternalID, Title: t.Operation, State: string(t.Status),
		Result: fake.ResultOf(t.Status == kotani.StatusSuccessful, t.Status != kotani.StatusPending),
		Amount: t.Amount, Currency: t.Currency, Created: t.Created, Value: t,
		Acts: fake.Acts(fake.AdminPath(providerName, "transactions", t.RequestID, "settle"), "status", transitions(t.Status)),
	}
}

func showOrder(o *Order) fake.Object {
	shown := fake.Object{
		ID: o.PrepayID, Title: "order", State: string(o.Status), Result: fake.ResultOf(o.Status == kotani.OrderPaid, o.Status != kotani.OrderInitial),
		Amount: o.Amount, Currency: o.Currency, Acts: []fake.Act{}, Value: o,
	}
	if o.Status == kotani.OrderInitial {
		shown.Acts = fake.Acts(fake.AdminPath(providerName, "orders", o.PrepayID, "settle"), "status", orderEnds())
	}
	return shown
}

func (f *Fake) showQuote(q *quote) fake.Object {
	o := fake.Object{
		ID: q.ID, Title: q.CryptoType, State: "open", Result: fake.ResultPending, Amount: q.FiatAmount, Currency: q.Currency,
		Acts: []fake.Act{}, Value: q,
	}
	switch {
	case q.Spent:
		o.State, o.Result = "spent", fake.ResultOK
	case q.Accepted:
		o.State = "accepted"
	case !f.world.Now().Before(q.Expires):
		o.State, o.Result = "expired", fake.ResultFailed
	}
	return o
}

func (f *Fake) servedRoutes() []fake.Route {
	var all []fake.Route
	for _, op := range kotani.Operations() {
		if !strings.HasPrefix(op.Path, fiatConnectPrefix+"/") {
			r := f.config.Routes[op.Name]
			all = append(all, fake.Route{Name: op.Name, Method: cmp.Or(r.Method, op.Method), Path: cmp.Or(r.Path, op.Path), MovesMoney: op.MovesMoney})
		}
	}
	return all
}

// newRoutes serves the operations of the client's table under its methods and
// paths. FiatConnect's stand in its own routes.
func (f *Fake) newRoutes() *http.ServeMux {
	handlers := map[string]func(*call) object{
		kotani.OpCreateOrder:        f.createOrder,
		kotani.OpCloseOrder:         f.closeOrder,
		kotani.OpQueryOrder:         f.queryOrder,
		kotani.OpBuyCelo:            f.buyCelo,
		kotani.OpSendToMpesa:        f.sendToMpesa,
		kotani.OpDeposit:            f.deposit,
		kotani.OpDepositQuoted:      f.depositQuoted,
		kotani.OpStatusByRequestID:  f.statusByRequestID,
		kotani.OpStatusByExternalID: f.statusByExternalID,
		kotani.OpWithdraw:           f.withdraw,
		kotani.OpTransactions:       f.listTransactions,
		kotani.OpPayBill:            f.payBill,
		kotani.OpPayTill:            f.payTill,
		kotani.OpWithdrawToBank:     f.withdrawToBank,
		kotani.OpHealth:             func(*call) object { return object{"status": "ok"} },
		kotani.OpCreateUser:         f.createUser,
		kotani.OpVerifyUser:         f.verifyUser,
		kotani.OpUpdateUser:         f.updateUser,
		kotani.OpUserByPhone:        f.userByPhone,
		kotani.OpUsers:              f.listUsers,
		kotani.OpPhoneByAddress:     f.phoneByAddress,
		kotani.OpBalance:            f.chainBalance,
		kotani.OpEscrowRates:        f.escrowRates,
		kotani.OpStellarCashOut:     func(c *call) object { return f.cashOut(c, kotani.OpStellarCashOut, "USDC") },
		kotani.OpQuoteIn:            f.quoteIn,
		kotani.OpQuoteOut:           f.quoteOut,
		kotani.OpAcceptQuoteIn:      func(c *call) object { return f.acceptQuote(c, true) },
		kotani.OpAcceptQuoteOut:     func(c *call) object { return f.acceptQuote(c, false) },
		kotani.OpTronCashOut:        func(c *call) object { return f.cashOut(c, kotani.OpTronCashOut, "USDT") },
		kotani.OpTronCashIn:         f.tronCashIn,
		kotani.OpUBIClaim:           f.ubiClaim,
		kotani.OpIsBeneficiary:      f.isBeneficiary,
		kotani.OpSetBeneficiary:     f.setBeneficiary,
	}
	mux := http.NewServeMux()
	for _, op := range kotani.Operations() {
		r := f.config.Routes[op.Name]
		pattern := cmp.Or(r.Method, op.Method) + " " + cmp.Or(r.Path, op.Path)
		if handle := handlers[op.Name]; handle != nil {
			mux.HandleFunc(pattern, f.serve(handle, op.Open))
		} else if op.Name == kotani.OpLogin {
			mux.HandleFunc(pattern, f.login)
		}
	}
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		writeText(rw, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.EscapedPath())
	})
	return mux
}

// serve checks the token, then the body, then calls the handler with the World's
// lock held. The handler's object is sent with HTTP 200.
func (f *Fake) serve(handle func(*call) object, open bool) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		f.world.LockFor(r)
		defer f.world.Unlock() // rw writes into memory
		if !open {
			if status, failed := f.authorise(r); status != http.StatusOK {
				fake.Because(rw, failed)
				refuse(rw, r, status, 0)
				return
			}
		}
		c, ok := newCall(r, f.config.Quirks.StrictTypes)
		if !ok {
			refuse(rw, r, http.StatusBadRequest, 0)
			return
		}
		c.prefix = phonePrefix(f.config.Country)
		writeJSON(rw, http.StatusOK, handle(c))
	}
}

// authorise tells a missing token (401) from a bad or expired token (403).
func (f *Fake) authorise(r *http.Request) (status int, failed string) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return http.StatusUnauthorized, "the Authorization header holds no bearer token"
	}
	expiry, known := f.state.Tokens[token]
	switch {
	case !known:
		return http.StatusForbidden, "the token is unknown"
	case !f.world.Now().Before(expiry):
		return http.StatusForbidden, "the token has expired"
	}
	return http.StatusOK, ""
}

// login is POST /api/login. An unknown phone number is HTTP 400 here, unlike in
// all other operations.
func (f *Fake) login(rw http.ResponseWriter, r *http.Request) {
	f.world.LockFor(r)
	defer f.world.Unlock()
	c, ok := newCall(r, false)
	if !ok {
		refuse(rw, r, http.StatusBadRequest, 0)
		return
	}
	phone, country, password := c.text("phoneNumber"), c.text("countryCode"), c.text("password")
	known := strings.TrimPrefix(phone, "+") == strings.TrimPrefix(f.config.PhoneNumber, "+") &&
		countryNamed(country) == f.config.Country
	switch {
	case c.reason != "":
		writeJSON(rw, http.StatusOK, c.refused())
	case !known:
		writeText(rw, http.StatusBadRequest, "cannot find user")
	case password != f.config.Password:
		writeJSON(rw, http.StatusOK, refused("Not Allowed"))
	default:
		writeJSON(rw, http.StatusOK, object{"status": http.StatusCreated, "accessToken": f.newToken()})
	}
}

// newToken makes a token and forgets expired tokens.
func (f *Fake) newToken() string {
	now := f.world.Now()
	maps.DeleteFunc(f.state.Tokens, func(_ string, expiry time.Time) bool { return !now.Before(expiry) })
	token := f.ids().Hex(64)
	f.state.Tokens[token] = now.Add(f.config.TokenLifetime)
	return token
}

// refuse responds with a status and its name as plain text. Fault rules use it,
// too.
func refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	writeText(rw, status, http.StatusText(status))
}

// Kinds of scheduled events. The key is the id of a request, an order or a quote.
const (
	eventEnd         = "settle" // as snapshots name it
	eventReverse     = "reverse"
	eventOrderExpiry = "order_expiry"
	eventQuoteExpiry = "quote_expiry"
)

// fire carries out a scheduled event, unless the object has moved on meanwhile.
func (f *Fake) fire(e fake.Event) {
	switch e.Kind {
	case eventOrderExpiry:
		f.expireOrder(e.Key)
		return
	case eventQuoteExpiry: // the time alone ends a quote: this event makes the timeline look at it
		return
	}
	t := f.state.Transactions.Find(e.Key)
	switch {
	case t == nil:
	case e.Kind == eventEnd && t.Status == kotani.StatusPending:
		f.playScenario(t)
	case e.Kind == eventReverse && t.Status == kotani.StatusSuccessful:
		if f.move(t, kotani.StatusReversed, "") != nil { // the money is spent: try again later
			f.after(f.config.Quirks.ReverseAfter, eventReverse, t.RequestID)
		}
	}
}

func (f *Fake) after(d time.Duration, kind, key string) { f.world.After(d, providerName, kind, key) }

func (f *Fake) ids() *fake.IDs { return f.world.IDs(providerName) }
