package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/shopspring/decimal"
	"modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
	"github.com/kapiteni/kapiten-go/webhook"
)

// wholeDay is a shop with one or two processes on one SQLite database. It collects
// orders. A paid order has one or two consequences: a ride, a supplier's payout, a
// remittance or a cash-out. Everything goes through sdk/journal, so that processes may
// die at any step.
func wholeDay() days.Day {
	return days.Day{
		Name: "whole day", Unique: true,
		Config: sim.Config{
			Database: database, Outages: []string{"kpay", "kasapay", "kapiten", "kotani", "bitpesa"},
			Profiles: []sim.Profile{sim.Documented, sim.Repeating, {Name: "swallowing", Swallows: true}}, Settle: 24 * time.Hour,
		},
		Meets: []string{
			string(sim.FaultKill), string(sim.FaultFreeze), string(sim.FaultDatabase), string(sim.FaultClock), string(sim.FaultOutage),
			sim.MetTwoProcesses, sim.MetCommitLost, sim.MetKilledWithResponse, sim.MetHeldTaken, sim.MetHeldRefused,
			metLeaseLost, metStuck, metReversed, metRefused, metFollowed,
		},
		Program: shopping,
	}
}

// receiving is the day of the webhook handlers on SQLite.
func receiving() days.Day {
	d := days.Callbacks(webhook.SQLite)
	d.Config.Database = database
	d.Meets = append(d.Meets, string(sim.FaultKill), string(sim.FaultDatabase), string(sim.FaultClock), sim.MetTwoProcesses, sim.MetCommitLost)
	return d
}

const (
	metLeaseLost = "a worker that had lost its lease, and recorded nothing"
	metStuck     = "a payment handed to a person"
	metReversed  = "a success taken back after it was booked"
	metRefused   = "a payment refused for good"
	metFollowed  = "a consequence planned in the transaction that booked its cause"
)

// database opens SQLite files whose clock is the simulation's: the journal asks the
// database for the time, and SQLite would ask the system. The driver keeps a registered
// function for ever, also when its connections are closed. Therefore the function holds
// the clock weakly: the clock knows its whole day.
func database(file string, now func() time.Time) driver.Connector {
	d, clock := &sqlite.Driver{}, &now
	held := weak.Make(clock)
	d.MustRegisterScalarFunction("julianday", 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		now := held.Value()
		if now == nil {
			return nil, errors.New("the day of this clock is over")
		}
		return float64((*now)().UnixMicro())/86_400_000_000 + 2440587.5, nil
	})
	return &connector{d, clock, "file:" + (&url.URL{Path: file}).EscapedPath() + "?_pragma=busy_timeout(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(off)&_txlock=immediate"}
}

type connector struct {
	driver *sqlite.Driver
	clock  *func() time.Time // lives as long as the connector
	dsn    string
}

func (c *connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *connector) Driver() driver.Driver                        { return c.driver }

const secret = "0123456789abcdef0123456789abcdef" // in the path of callback URLs

// order is what a customer buys, and what is to follow when it is paid.
type order struct {
	plan // the collection
	then []consequence
}

// plan is a payment that is to be made.
type plan struct {
	sim.Ask
	fails    bool // the provider will show that it has failed
	reverses bool // a success will be taken back
}

// consequence is a payment or a ride that a paid order causes.
type consequence struct {
	plan
	ending string // of the phone or account number, or of the reference
}

func (o order) causes(provider string) bool {
	return slices.ContainsFunc(o.then, func(c consequence) bool { return c.Provider == provider })
}

func number(n int) decimal.Decimal { return decimal.NewFromInt(int64(n)) }

// customers choose what is bought today.
func customers(w *sim.World) (list []order) {
	for i := range 1 + w.Choose(3) {
		ending := []string{"", "", "-failed", "-slow", "-lagging"}[w.Choose(5)]
		o := order{plan: plan{fails: ending == "-failed", Ask: sim.Ask{
			Provider: "kpay", Reference: fmt.Sprintf("order-%d%s", i+1, ending),
			Amount: number(1000 * (i + 1)), Currency: "RWF", Account: fmt.Sprintf("078330%d000", i),
		}}}
		first := w.Choose(4)
		kinds := []int{first}
		if w.Choose(3) == 2 {
			kinds = append(kinds, (first+1+w.Choose(3))%4)
		}
		for _, kind := range kinds {
			if w.Profile().Repeats { // which doubles what has no unique reference: a ride, a cash-out
				kind = kind / 2 * 2
			}
			// A flow of rides works on several at once, beside each other: one is enough.
			if kind == 1 && slices.ContainsFunc(list, func(o order) bool { return o.causes("kapiten") }) {
				kind = 0
			}
			if o.causes([]string{"kasapay", "kapiten", "bitpesa", "kotani"}[kind]) {
				continue
			}
			at, c := w.Choose(4), consequence{}
			switch kind {
			case 0:
				c.ending = []string{"", "-failed", "-reversed", "-jammed-paid"}[at]
				c.Ask = sim.Ask{Provider: "kasapay", Reference: fmt.Sprintf("supply-%d%s", i+1, c.ending), Amount: o.Amount.Sub(number(400)), Currency: "KES", Account: fmt.Sprint(222221 + i)}
			case 1: // what it costs is asked before the day
				c.ending = []string{"4321", "0001", "0002", "0004"}[at]
				c.Ask = sim.Ask{Provider: "kapiten", Reference: fmt.Sprintf("ride-%d", i+1), Currency: "RWF", Account: "078865" + c.ending}
			case 2:
				c.ending = []string{"90", "90", "90", "19"}[at]
				c.Ask = sim.Ask{Provider: "bitpesa", Reference: fmt.Sprintf("remit-%d", i+1), Amount: o.Amount.Mul(number(20)), Currency: "NGN", Account: "12345678" + c.ending}
			case 3:
				c.ending = []string{"5678", "0001", "0004", "0005"}[at]
				c.Ask = sim.Ask{Provider: "kotani", Reference: fmt.Sprintf("cashout-%d", i+1), Amount: o.Amount.Sub(number(300)), Currency: "KES", Account: "25471234" + c.ending}
			}
			// Kapiten ends some rides after it has charged them, and BitPesa pays back.
			c.fails = slices.Contains([]string{"-failed", "0001", "19"}, c.ending) || kind == 1 && c.ending != "4321"
			c.reverses = slices.Contains([]string{"-reversed", "0005"}, c.ending)
			o.then = append(o.then, c)
		}
		list = append(list, o)
	}
	return list
}

// shopping sets up the providers that are needed today, with too little money at
// first, and the processes of the merchant.
func shopping(w *sim.World) {
	list := customers(w)
	w.KPay()
	poor := w.Choose(2) == 1
	deposits := map[string]func() error{}
	for _, o := range list {
		for i, c := range o.then {
			if deposits[c.Provider] != nil {
				continue
			}
			switch c.Provider {
			case "kasapay":
				f := w.Kasapay(func(c *kasapaytest.Config) {
					c.Float = map[string]decimal.Decimal{"KES": number(1000)}
					c.RefuseBeyondFloat = poor
				})
				deposits[c.Provider] = func() error { return f.Deposit("KES", number(100_000)) }
			case "kapiten":
				f, company := w.Kapiten()
				price, err := estimate(f.ClientConfig(company), company.ID)
				if err != nil {
					w.Fail("%v", err)
					return
				}
				o.then[i].Amount = price
				if poor {
					_ = f.Withdraw(company.ID, number(999_000))
				}
				deposits[c.Provider] = func() error { return f.Deposit(company.ID, number(100_000)) }
			case "kotani":
				f := w.Kotani(func(c *kotanitest.Config) { c.Balances = map[string]decimal.Decimal{"KES": number(1000)} })
				deposits[c.Provider] = func() error { return f.Deposit("KES", number(100_000)) }
			case "bitpesa":
				f := w.BitPesa(func(c *bitpesatest.Config) {
					c.Keys = []bitpesatest.Key{{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret, Balances: map[string]decimal.Decimal{"USD": number(30)}}}
				})
				deposits[c.Provider] = func() error { return f.Deposit(bitpesatest.TestKey, "USD", number(100_000)) }
				if err := subscribe(f.ClientConfig()); err != nil {
					w.Fail("%v", err)
					return
				}
			}
		}
	}
	w.Actor("treasurer", func(ctx context.Context) {
		pause(ctx, time.Minute)
		for _, provider := range []string{"kasapay", "kapiten", "kotani", "bitpesa"} {
			if pay := deposits[provider]; pay != nil {
				w.Quiesce("treasurer")
				if err := pay(); err != nil {
					w.Fail("%v", err)
				}
			}
		}
	})
	var alerted sync.Map
	for _, name := range []string{"shop-1", "shop-2"}[:1+w.Choose(2)] {
		w.Process(name, func(p *sim.Process) error {
			s := &shop{p: p, w: w, list: list, alerted: &alerted}
			return s.run()
		})
	}
	w.Check(func(l sim.Ledgers) error {
		return w.Books(func(db *sql.DB) error { return audit(context.Background(), w, db, l, list) })
	})
}

// trip is that of all rides.
func trip() (pickup, dropoff kapiten.Location) {
	return kapiten.Location{Latitude: -1.9706, Longitude: 30.1044}, kapiten.Location{Latitude: -1.9353, Longitude: 30.0928}
}

// estimate is what a ride costs.
func estimate(c kapiten.Config, company string) (decimal.Decimal, error) {
	client, err := kapiten.New(c)
	if err != nil {
		return decimal.Zero, err
	}
	pickup, dropoff := trip()
	e, err := client.Rides.Estimate(context.Background(), kapiten.EstimateParams{CompanyID: company, Pickup: pickup, Dropoff: dropoff})
	if err != nil {
		return decimal.Zero, err
	}
	return e.Amount, nil
}

const bitpesaHook = "https://shop.example/hooks/bitpesa"

// subscribe is done once, long before this day.
func subscribe(c bitpesa.Config) error {
	client, err := bitpesa.New(c)
	if err != nil {
		return err
	}
	_, err = client.Webhooks.Create(context.Background(), bitpesa.WebhookParams{URL: bitpesaHook, Events: []bitpesa.EventName{
		bitpesa.EventTransactionPaidIn, bitpesa.EventTransactionPaidOut, bitpesa.EventTransactionCanceled, bitpesa.EventRecipientError,
	}})
	return err
}

// shop is one process of the merchant.
type shop struct {
	p       *sim.Process
	w       *sim.World
	list    []order
	alerted *sync.Map
	db      *sql.DB

	journals map[string]*journal.Journal // by the flow in it

	collect    *journal.Flow[kpay.PayParams, kpay.Payment]
	suppliers  *journal.Flow[kasapay.CreatePayoutParams, kasapay.Payout]
	rides      *journal.Flow[kapiten.CreateRideParams, kapiten.Ride]
	remittance *journal.Flow[bitpesa.TransactionParams, bitpesa.Transaction]
	cashOut    *journal.Flow[kotani.WithdrawParams, kotani.Transaction]
}

func (s *shop) run() error {
	p, ctx := s.p, s.p.Context()
	s.db = p.DB()
	if _, err := s.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS books (id integer PRIMARY KEY, reference text NOT NULL, kind text NOT NULL)`); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	p.Go("worker", func(ctx context.Context) { s.work(ctx, run) })
	for _, o := range s.list {
		if err := s.buy(ctx, o); err != nil {
			return err
		}
	}
	reversing := []string{}
	for _, o := range s.list {
		for _, c := range o.then {
			if c.reverses {
				reversing = append(reversing, c.Reference)
			}
		}
	}
	late, err := json.Marshal(reversing)
	if err != nil {
		return err
	}
	for unfinished := 1; unfinished > 0 || s.w.Since() < 90*time.Minute; {
		p.Sleep(ctx, time.Minute)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM journal_entries WHERE state NOT IN ('final', 'refused', 'stuck') OR owed <> '')
			+ (SELECT count(*) FROM books WHERE kind = 'succeeded' AND reference IN (SELECT value FROM json_each($1)) AND reference NOT IN (SELECT reference FROM books WHERE kind = 'reversed'))`,
			string(late)).Scan(&unfinished); err != nil {
			return err
		}
	}
	stop()
	p.Wait()
	return nil
}

// journal opens the journal of a flow.
func (s *shop) journal(ctx context.Context, flow string) (*journal.Journal, error) {
	j, err := journal.Open(ctx, s.db, journal.SQLite, journal.Config{
		CallTimeout: 20 * time.Second, Lease: 31 * time.Second, Now: s.p.Now,
		Jitter: func(bound time.Duration) time.Duration { return bound / 2 },
		OnStuck: func(_ context.Context, e journal.Entry) error {
			s.w.Met(metStuck)
			if _, again := s.alerted.LoadOrStore(e.Reference, true); !again {
				s.w.Note(s.p.Name(), "a person is asked about %s: %s", e.Reference, e.Reason)
			}
			return nil
		},
		Observe: func(e journal.Event) {
			if e.What == journal.EventLeaseLost {
				s.w.Met(metLeaseLost)
			}
		},
	})
	s.journals[flow] = j
	return j, err
}

// open makes the flows that are needed today.
func (s *shop) open(ctx context.Context) error {
	s.journals = map[string]*journal.Journal{}
	j, err := s.journal(ctx, "collect")
	if err != nil {
		return err
	}
	collector, err := kpay.New(kpayConfig(s.p))
	if err != nil {
		return err
	}
	s.collect = journal.KPay(j, "collect", collector, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
		if err := s.book(ctx, tx, c.Reference, c.Kind); err != nil {
			return err
		}
		for _, o := range s.list {
			if o.Reference == c.Reference && (c.Kind == journal.Succeeded || c.Kind == journal.Corrected) {
				return s.follow(ctx, tx, o)
			}
		}
		return nil
	})
	s.p.Handle("shop.example/hooks/kpay/"+secret, s.collect.Knock(webhook.PathSecret(secret)))
	for _, o := range s.list {
		for _, c := range o.then {
			if err := s.flow(ctx, c.Provider); err != nil {
				return err
			}
		}
	}
	return nil
}

// flow makes the flow of a provider, unless it is there.
func (s *shop) flow(ctx context.Context, provider string) error {
	path := "shop.example/hooks/" + provider + "/" + secret
	name := map[string]string{"kasapay": "suppliers", "kapiten": "rides", "bitpesa": "remittance", "kotani": "cash out"}[provider]
	if s.journals[name] != nil {
		return nil
	}
	j, err := s.journal(ctx, name)
	if err != nil {
		return err
	}
	switch provider {
	case "kasapay":
		client, err := kasapay.New(kasapayConfig(s.p))
		if err != nil {
			return err
		}
		s.suppliers = journal.Kasapay(j, name, client.Payouts, booked[kasapay.Payout](s))
		s.p.Handle(path, s.suppliers.Knock(webhook.PathSecret(secret)))
	case "kapiten":
		_, company := s.w.Kapiten()
		config := s.p.KapitenConfig()
		config.MaxAttempts = 1
		client, err := kapiten.New(config)
		if err != nil {
			return err
		}
		s.rides = journal.KapitenRides(j, name, client, company.ID, booked[kapiten.Ride](s))
		s.p.Handle(strings.TrimPrefix(company.WebhookURL, "https://"), s.rides.Knock(webhook.PathSecret(secret)))
	case "bitpesa":
		config := s.p.BitPesaConfig()
		config.MaxAttempts = 1
		client, err := bitpesa.New(config)
		if err != nil {
			return err
		}
		s.remittance = journal.BitPesa(j, name, client, booked[bitpesa.Transaction](s))
		s.p.Handle("shop.example/hooks/bitpesa", s.remittance.Knock(webhook.BitPesaSignature(bitpesaHook, webhook.BitPesaKey{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret})))
	case "kotani":
		config := s.p.KotaniConfig()
		config.MaxAttempts, config.CallbackURL = 1, hook("kotani")
		client, err := kotani.New(config)
		if err != nil {
			return err
		}
		s.cashOut = journal.KotaniWithdraw(j, name, client, booked[kotani.Transaction](s))
		s.p.Handle(path, s.cashOut.Knock(webhook.PathSecret(secret)))
	}
	return nil
}

// work does what is due, as a cron job does. Run would leave it to the scheduler of Go
// who takes what, and no day could be made again: here the workers take turns. Each flow
// has a journal of its own, so that a look for work concerns the flows that have some.
func (s *shop) work(ctx, run context.Context) {
	for idle := time.Duration(0); ctx.Err() == nil && run.Err() == nil; {
		flows, wait, err := s.due(ctx)
		if err == nil && idle > 10*time.Minute { // for alerts that failed
			flows = slices.Sorted(maps.Keys(s.journals))
		}
		for _, flow := range flows {
			_, _ = s.journals[flow].Work(ctx) // what failed is due again later
			idle = 0
		}
		wait = min(max(wait, 5*time.Second), time.Minute)
		idle += wait
		s.p.Sleep(ctx, wait)
	}
}

// due are the flows that have work, and otherwise when the next will have.
func (s *shop) due(ctx context.Context) (flows []string, next time.Duration, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT flow, min(due_at) - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) FROM journal_entries
		WHERE due_at IS NOT NULL GROUP BY flow ORDER BY flow`)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	next = time.Hour
	for rows.Next() {
		var flow string
		var micros int64
		if err := rows.Scan(&flow, &micros); err != nil {
			return nil, 0, err
		}
		if next = min(next, time.Duration(micros)*time.Microsecond); micros <= 0 {
			flows = append(flows, flow)
		}
	}
	return flows, next, rows.Err()
}

func (s *shop) book(ctx context.Context, tx journal.Tx, reference string, kind journal.Kind) error {
	s.w.Note(s.p.Name(), "books %s: %s", reference, kind)
	_, err := tx.ExecContext(ctx, `INSERT INTO books (reference, kind) VALUES ($1, $2)`, reference, string(kind))
	return err
}

func booked[T any](s *shop) journal.Func[T] {
	return func(ctx context.Context, tx journal.Tx, c journal.Change[T]) error {
		return s.book(ctx, tx, c.Reference, c.Kind)
	}
}

// buy writes an order down, and plans its collection, in one transaction. It may be
// done again: the same plan is the same entry.
func (s *shop) buy(ctx context.Context, o order) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = s.collect.Plan(ctx, tx, kpay.PayParams{
		RefID: o.Reference, Amount: o.Amount, Method: kpay.MethodMoMo, MSISDN: o.Account, Email: "a@example.com",
		CustomerName: "A", CustomerNumber: "1", Details: "order", RedirectURL: "https://shop.example/",
	})
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// follow plans what a paid order causes.
func (s *shop) follow(ctx context.Context, tx journal.Tx, o order) (err error) {
	s.w.Met(metFollowed)
	for _, c := range o.then {
		switch c.Provider {
		case "kasapay":
			err = s.suppliers.Plan(ctx, tx, kasapay.CreatePayoutParams{
				Reference: c.Reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: c.Account, RecipientName: "Supplier", AccountReference: "0101",
				Amount: c.Amount, Currency: c.Currency, Country: "KEN", Description: "goods",
			})
		case "kapiten":
			pickup, dropoff := trip()
			err = s.rides.Plan(ctx, tx, kapiten.CreateRideParams{
				ExternalID: c.Reference, PickupAddress: "KK 12 Ave", Pickup: pickup, DropoffAddress: "KG 7 Ave", Dropoff: dropoff,
				Sender: kapiten.Contact{Name: "Shop", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Ann", Phone: c.Account},
			})
		case "bitpesa":
			err = s.remittance.Plan(ctx, tx, bitpesa.TransactionParams{
				InputCurrency: "USD", ExternalID: c.Reference,
				Sender: bitpesa.SenderParams{
					FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
					PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
				},
				Recipients: []bitpesa.RecipientParams{{RequestedAmount: c.Amount, RequestedCurrency: c.Currency, PayoutMethod: bitpesa.PayoutMethodParams{
					Type: "NGN::Bank", Details: bitpesa.PayoutDetails{FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: c.Account, BankAccountType: "20"},
				}}},
			})
		case "kotani":
			err = s.cashOut.Plan(ctx, tx, kotani.WithdrawParams{Amount: c.Amount, PhoneNumber: c.Account, ExternalID: c.Reference})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func hook(path string) func(string, decimal.Decimal, string) (string, error) {
	return func(string, decimal.Decimal, string) (string, error) {
		return "https://shop.example/hooks/" + path + "/" + secret, nil
	}
}

func kpayConfig(p *sim.Process) kpay.Config {
	c := p.KPayConfig()
	c.MaxAttempts, c.CallbackURL = 1, hook("kpay")
	return c
}

func kasapayConfig(p *sim.Process) kasapay.Config {
	c := p.KasapayConfig()
	c.MaxAttempts, c.CallbackURL = 1, hook("kasapay")
	return c
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
