package kapitentest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// name is the provider's name in admin calls and in the socketless URL.
const name = "kapiten"

// Fake is a fake Kapiten: an http.Handler that serves the API, and the methods
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
	world     *fake.World
	config    Config
	endpoints []*endpoint
	ids       *fake.IDs
	state     *state
}

// NewServer makes a fake that is closed when the test ends. At most one Config
// is taken.
func NewServer(t fake.TB, config ...Config) *Fake { return fake.NewServer(t, New, config) }

// New makes a fake in a world of its own. Close it when its clock follows real
// time or its HTTPClient was used.
func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }

// NewIn makes a fake in a world that others share, so that one clock moves them
// all; another fake's World method gives it. Config.Options is not looked at. NewIn
// panics on prices that Configure refuses, on a MaxTopUp or PageSize below zero and on an
// OnInsufficientFunds that is no constant: those are mistakes of the program.
func NewIn(w *fake.World, c Config) *Fake {
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("kapitentest: %v", err))
	}
	c = c.withDefaults()
	f := &Fake{world: w, config: c}
	f.endpoints = f.newEndpoints()
	f.Control = w.Join(fake.Provider{
		Name:         name,
		Handler:      http.HandlerFunc(f.serve),
		Reset:        f.reset,
		State:        func() any { return f.state.save() },
		Load:         f.load,
		Refuse:       f.refuse,
		Fire:         f.fire,
		ExpireTokens: f.expireTokens,
		Callbacks:    fake.Policy{Retries: c.CallbackRetries},
		Kinds:        f.kinds(),
		Ledger:       func() *fake.Ledger { return f.state.ledger },
		OwnerName:    f.ownerName,
		EntryActs:    topUpActs,
		Routes:       f.routes(),
		Redacted:     func() any { return f.state.save().redacted() },
		Admin: map[string]fake.AdminCall{
			"POST /_fake/kapiten/rides/{id}/status":        {Does: "moves a ride to a state that its state allows", Body: moveBody{}, Response: adminRow{}, Handle: f.adminMoveRide},
			"POST /_fake/kapiten/rides/{id}/cancel":        {Does: "cancels a ride, by its sender or an administrator", Body: cancelBody{}, Response: adminRow{}, Handle: f.adminCancelRide},
			"POST /_fake/kapiten/rides/{id}/pay":           {Does: "the customer paid for a ride, or could not: PAID or FAILED", Body: payBody{}, Response: adminRow{}, Handle: f.adminPayRide},
			"POST /_fake/kapiten/transactions/{id}/settle": {Does: "ends a pending top-up: SUCCESS or FAILED", Body: moveTopUpBody{}, Response: topUpBody{}, Handle: f.adminMoveTopUp},
			"POST /_fake/kapiten/companies/{id}/adjust":    {Does: "books an adjustment, which may correct the price of a ride", Body: adjustBody{}, Response: transactionRow{}, Handle: f.adminAdjust},
			"PATCH /_fake/kapiten/companies/{id}":          {Does: "changes prices, is_active or webhook_url of a company", Body: companyBody{}, Handle: f.adminCompany},
		},
	})
	return f
}

// ClientConfig is a client's configuration for a company of this fake, without
// a socket.
func (f *Fake) ClientConfig(co Company) kapiten.Config {
	c := kapiten.Config{BaseURL: f.URL(), Token: co.Token}
	c.HTTPClient = f.HTTPClient()
	return c
}

func (f *Fake) reset() {
	f.ids = f.world.IDs(name)
	f.state = newState()
}

// Kinds of scheduled events; the key is the ride's or the transaction's id.
const (
	eventUnpaid       = "unpaid"        // nobody paid the ride in time
	eventUnmatched    = "unmatched"     // no rider took the ride in time
	eventAutopilot    = "autopilot"     // the rider goes one state further
	eventTopUpPaid    = "topup_paid"    // the payer agreed
	eventTopUpRefused = "topup_refused" // the payer did not agree
	eventTopUpPoor    = "topup_poor"    // the payer has not enough money

	eventSenderCancels = "sender_cancels"
	eventAdministrator = "administrator_cancels"
)

// fire carries out a scheduled event. An event does nothing when its ride or its
// top-up has moved on meanwhile.
func (f *Fake) fire(e fake.Event) {
	r := f.state.rides[e.Key]
	switch {
	case e.Kind == eventTopUpPaid:
		_ = f.moveTopUp(e.Key, kapiten.TransactionSuccess, "") // refused when a test moved it already
	case e.Kind == eventTopUpRefused:
		_ = f.moveTopUp(e.Key, kapiten.TransactionFailed, "the payer refused")
	case e.Kind == eventTopUpPoor:
		_ = f.moveTopUp(e.Key, kapiten.TransactionFailed, "the payer has not enough money")
	case r == nil:
	case e.Kind == eventSenderCancels:
		_ = f.cancelRide(r.ID, Sender, reasonSenderCancels) // refused once the rider has the package
	case e.Kind == eventAdministrator:
		_ = f.cancelRide(r.ID, Administrator, reasonAdministrator) // refused once the ride is over
	case e.Kind == eventUnpaid && r.Status == kapiten.RideWaitingPayment:
		f.cancel(r, System, reasonNobodyPaid)
	case e.Kind == eventUnmatched && r.Status == kapiten.RidePending:
		f.enter(r, kapiten.RideRejected)
	case e.Kind == eventAutopilot:
		f.drive(r)
	}
}

func (f *Fake) after(d time.Duration, kind, key string) { f.world.After(d, name, kind, key) }

// state is all the fake knows, with an index for every way it is asked.
type state struct {
	companies      []*company // oldest first
	byID           map[string]*company
	byRegistration map[string]*company
	users          map[string]*user
	byEmail        map[string]*user
	byToken        map[string]*user
	rides          map[string]*Ride
	ordered        []*Ride // of all companies, oldest first
	references     map[string]bool
	ledger         *fake.Ledger
}

func newState() *state {
	return &state{
		byID:           map[string]*company{},
		byRegistration: map[string]*company{},
		users:          map[string]*user{},
		byEmail:        map[string]*user{},
		byToken:        map[string]*user{},
		rides:          map[string]*Ride{},
		references:     map[string]bool{},
		ledger:         fake.NewLedger(),
	}
}

// saved is the state as a snapshot holds it; indexes are not saved.
type saved struct {
	Companies []*company   `json:"companies"`
	Users     []*user      `json:"users"` // in the order of their company, then of creation
	Rides     []*Ride      `json:"rides"` // the same
	Ledger    *fake.Ledger `json:"ledger"`
}

func (s *state) save() saved {
	out := saved{Companies: s.companies, Ledger: s.ledger}
	for _, c := range s.companies {
		out.Users = append(out.Users, c.users...)
		out.Rides = append(out.Rides, c.rides...)
	}
	return out
}

// load builds a state from a snapshot before the old state is let go.
func (f *Fake) load(raw json.RawMessage) (func(), error) {
	in := saved{Ledger: fake.NewLedger()}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	s := newState()
	if in.Ledger != nil {
		s.ledger = in.Ledger
	}
	if err := errors.Join(addAll(in.Companies, s.addCompany), addAll(in.Users, s.addUser), addAll(in.Rides, s.addRide)); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.ordered, func(a, b *Ride) int { return a.Created.Compare(b.Created) })
	return func() {
		f.state = s
		f.renewTokens()
	}, nil
}

// redacted is the state without tokens. renewTokens makes new ones when such a
// snapshot is loaded, so that its users log in again.
func (s saved) redacted() saved {
	users := make([]*user, len(s.Users))
	for i, u := range s.Users {
		without := *u
		without.Token = ""
		users[i] = &without
	}
	s.Users = users
	return s
}

func (f *Fake) renewTokens() {
	for _, co := range f.state.companies {
		for _, u := range co.users {
			if u.Token == "" {
				u.Token = f.ids.Hex(tokenLength)
				f.state.byToken[u.Token] = u
			}
		}
	}
}

// kinds are the objects that the admin API shows.
func (f *Fake) kinds() []fake.Kind {
	return []fake.Kind{
		fake.KindOf("rides", func() []*Ride { return f.state.ordered }, func(id string) *Ride { return f.state.rides[id] }, f.showRide),
		fake.KindOf("companies", func() []*company { return f.state.companies }, func(id string) *company { return f.state.byID[id] }, showCompany),
	}
}

func (f *Fake) showRide(r *Ride) fake.Object {
	return fake.Object{
		ID: r.ID, Reference: r.ExternalID, Title: r.ReferenceNumber, State: string(r.Status),
		Result: fake.ResultOf(r.Status == kapiten.RideCompleted, r.Status.Final()),
		Amount: r.Price, Currency: currency, Created: r.Created, Value: r,
		Next: func() []fake.Act {
			status, pay := fake.AdminPath(name, "rides", r.ID, "status"), fake.AdminPath(name, "rides", r.ID, "pay")
			acts := fake.Acts(status, "status", Transitions(r.Status))
			if r.Status == kapiten.RideWaitingPayment { // only a payment makes it PENDING
				acts = append([]fake.Act{
					{Name: "pay", Method: http.MethodPost, Path: pay},
					{Name: "payment fails", Method: http.MethodPost, Path: pay, Body: map[string]PaymentStatus{"status": PaymentFailed}},
				}, acts[1:]...)
			}
			if senderCancels(r.Status) {
				acts = append(acts, fake.Act{
					Name: "sender cancels", Method: http.MethodPost, Path: fake.AdminPath(name, "rides", r.ID, "cancel"), Body: map[string]Actor{"by": Sender},
				})
			}
			return acts
		},
	}
}

func showCompany(co *company) fake.Object {
	o := fake.Object{ID: co.ID, Reference: co.RegistrationNumber, Title: co.Name, State: "active", Result: fake.ResultOK, Value: co}
	name, active := "deactivate", false
	if !co.Active {
		o.State, o.Result, name, active = "inactive", fake.ResultFailed, "activate", true
	}
	o.Acts = []fake.Act{{Name: name, Method: http.MethodPatch, Path: fake.AdminPath("kapiten", "companies", co.ID), Body: map[string]bool{"is_active": active}}}
	return o
}

func (f *Fake) ownerName(id string) string {
	if co := f.state.byID[id]; co != nil {
		return co.Name
	}
	return ""
}

// topUpActs end a top-up that is pending.
func topUpActs(e fake.Entry) []fake.Act {
	if e.Status != fake.EntryPending {
		return nil
	}
	to := []kapiten.TransactionStatus{kapiten.TransactionSuccess, kapiten.TransactionFailed}
	return fake.Acts(fake.AdminPath(name, "transactions", e.ID, "settle"), "status", to)
}

func (f *Fake) routes() []fake.Route {
	var all []fake.Route
	known := f.operations()
	for _, row := range kapiten.Operations() {
		if _, ok := known[row.Name]; ok {
			route := f.config.Routes[row.Name]
			all = append(all, fake.Route{Name: row.Name, Method: cmp.Or(route.Method, row.Method), Path: cmp.Or(route.Path, row.Path), MovesMoney: row.MovesMoney})
		}
	}
	return all
}

func addAll[T any](all []*T, add func(*T) error) error {
	for _, one := range all {
		if one == nil {
			return errors.New("an object of the snapshot is null")
		}
		if err := add(one); err != nil {
			return err
		}
	}
	return nil
}
