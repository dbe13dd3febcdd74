package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
	"github.com/kapiteni/kapiten-go/webhook"
)

// wholeDay is a shop with two processes on one SQLite database: orders are collected,
// and what a paid order costs goes to its supplier. Everything goes through
// sdk/journal, so that processes may die at any step.
func wholeDay() days.Day {
	return days.Day{
		Name: "whole day", Unique: true,
		Config: sim.Config{
			Database: database, Outages: []string{"kpay", "kasapay"},
			Profiles: []sim.Profile{sim.Documented, sim.Repeating}, Settle: 24 * time.Hour,
		},
		Program: shopping,
	}
}

// database opens SQLite files whose clock is the simulation's: the journal asks the
// database for the time, and SQLite would ask the system.
func database(file string, now func() time.Time) driver.Connector {
	d := &sqlite.Driver{}
	d.MustRegisterScalarFunction("julianday", 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return float64(now().UnixMicro())/86_400_000_000 + 2440587.5, nil
	})
	return connector{d, "file:" + file + "?_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)&_pragma=synchronous(off)&_txlock=immediate"}
}

type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

const (
	orders = 3
	secret = "0123456789abcdef0123456789abcdef" // in the path of callback URLs
)

// order is what a customer buys. The supplier gets most of it.
type order struct {
	collect, supply string // references
	price, cost     decimal.Decimal
}

func shopping(w *sim.World) {
	w.KPay()
	float := w.Kasapay(func(c *kasapaytest.Config) {
		c.Float = map[string]decimal.Decimal{"KES": decimal.NewFromInt(1000)}
		c.RefuseBeyondFloat = w.Choose(2) == 1
	})
	var list []order
	for i := range orders {
		list = append(list, order{
			collect: fmt.Sprintf("order-%d%s", i+1, []string{"", "-failed", "-slow", "-lagging"}[w.Choose(4)]),
			supply:  fmt.Sprintf("supply-%d%s", i+1, []string{"", "-failed", "-reversed", "-jammed-paid"}[w.Choose(4)]),
			price:   decimal.NewFromInt(int64(1000 * (i + 1))), cost: decimal.NewFromInt(int64(300 * (i + 1))),
		})
	}
	w.Actor("treasurer", func(ctx context.Context) {
		pause(ctx, time.Minute)
		w.Settle("treasurer")
		if err := float.Deposit("KES", decimal.NewFromInt(100_000)); err != nil {
			w.Fail("%v", err)
		}
	})
	var alerted sync.Map
	for _, name := range []string{"shop-1", "shop-2"}[:1+w.Choose(2)] {
		w.Process(name, func(p *sim.Process) error { return shop(p, list, &alerted) })
	}
	w.Check(func(l sim.Ledgers) error {
		return w.Books(func(db *sql.DB) error { return audit(context.Background(), db, l, list) })
	})
}

// shop is one process of the merchant.
func shop(p *sim.Process, list []order, alerted *sync.Map) error {
	ctx, w, began := p.Context(), p.World(), p.World().Now()
	db := p.DB()
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS books (id integer PRIMARY KEY, reference text NOT NULL, kind text NOT NULL)`); err != nil {
		return err
	}
	j, err := journal.Open(ctx, db, journal.SQLite, journal.Config{
		CallTimeout: 20 * time.Second, Lease: 31 * time.Second,
		Jitter: func(bound time.Duration) time.Duration { return bound / 2 },
		OnStuck: func(_ context.Context, e journal.Entry) error {
			if _, again := alerted.LoadOrStore(e.Reference, true); !again {
				w.Note(p.Name(), "a person is asked about %s: %s", e.Reference, e.Reason)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	once := p.Options()
	once.MaxAttempts = 1
	collector, err := kpay.New(kpayConfig(p, once))
	if err != nil {
		return err
	}
	payer, err := kasapay.New(kasapayConfig(p, once))
	if err != nil {
		return err
	}
	book := func(ctx context.Context, tx journal.Tx, reference string, kind journal.Kind) error {
		w.Note(p.Name(), "books %s: %s", reference, kind)
		_, err := tx.ExecContext(ctx, `INSERT INTO books (reference, kind) VALUES ($1, $2)`, reference, string(kind))
		return err
	}
	suppliers := journal.Kasapay(j, "suppliers", payer.Payouts, func(ctx context.Context, tx journal.Tx, c journal.Change[kasapay.Payout]) error {
		return book(ctx, tx, c.Reference, c.Kind)
	})
	collect := journal.KPay(j, "collect", collector, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
		if err := book(ctx, tx, c.Reference, c.Kind); err != nil {
			return err
		}
		for _, o := range list {
			if o.collect == c.Reference && (c.Kind == journal.Succeeded || c.Kind == journal.Corrected) {
				return suppliers.Plan(ctx, tx, payout(o))
			}
		}
		return nil
	})
	p.Handle("shop.example/hooks/kpay/"+secret, collect.Knock(webhook.PathSecret(secret)))
	p.Handle("shop.example/hooks/kasapay/"+secret, suppliers.Knock(webhook.PathSecret(secret)))
	run, stop := context.WithCancel(ctx)
	defer stop()
	// Run would leave it to the scheduler of Go who takes what: no day could be made
	// again. The two processes take turns.
	p.Go("worker", func(ctx context.Context) {
		for ctx.Err() == nil && run.Err() == nil {
			_, _ = j.Work(ctx) // what failed is due again later
			if w.Now().Sub(began) < 3*time.Minute {
				p.Sleep(ctx, 5*time.Second)
			} else {
				p.Sleep(ctx, time.Minute)
			}
		}
	})
	for _, o := range list {
		if err := buy(ctx, db, collect, o); err != nil {
			return err
		}
	}
	for unfinished := 1; unfinished > 0; {
		p.Sleep(ctx, 30*time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM journal_entries WHERE state NOT IN ('final', 'refused', 'stuck') OR owed <> ''`).Scan(&unfinished); err != nil {
			return err
		}
	}
	stop()
	p.Wait()
	return nil
}

// buy writes an order down, and plans its collection, in one transaction. It may be
// done again: the same plan is the same entry.
func buy(ctx context.Context, db *sql.DB, collect *journal.Flow[kpay.PayParams, kpay.Payment], o order) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = collect.Plan(ctx, tx, kpay.PayParams{
		RefID: o.collect, Amount: o.price, Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "a@example.com",
		CustomerName: "A", CustomerNumber: "1", Details: "order", RedirectURL: "https://shop.example/",
	})
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func payout(o order) kasapay.CreatePayoutParams {
	return kasapay.CreatePayoutParams{
		Reference: o.supply, RecipientType: kasapay.Paybill, RecipientAccountNumber: "222222", RecipientName: "Supplier", AccountReference: "0101",
		Amount: o.cost, Currency: "KES", Country: "KEN", Description: "goods",
	}
}

func hook(path string) func(string, decimal.Decimal, string) (string, error) {
	return func(string, decimal.Decimal, string) (string, error) {
		return "https://shop.example/hooks/" + path + "/" + secret, nil
	}
}

// audit compares the merchant's books with the ledgers: each change once and in order,
// and what the books say is what has happened.
func audit(ctx context.Context, db *sql.DB, l sim.Ledgers, list []order) error {
	rows, err := db.QueryContext(ctx, `SELECT reference, kind FROM books ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	told := map[string][]string{}
	for rows.Next() {
		var reference, kind string
		if err := rows.Scan(&reference, &kind); err != nil {
			return err
		}
		told[reference] = append(told[reference], kind)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	states := map[string]string{}
	entries, err := db.QueryContext(ctx, `SELECT reference, state FROM journal_entries`)
	if err != nil {
		return err
	}
	defer entries.Close()
	for entries.Next() {
		var reference, state string
		if err := entries.Scan(&reference, &state); err != nil {
			return err
		}
		states[reference] = state
	}
	for _, o := range list {
		paid, err := compare(l, "kpay", o.collect, told[o.collect], states[o.collect])
		if err != nil {
			return err
		}
		if !paid && states[o.collect] != "stuck" && states[o.supply] != "" {
			return fmt.Errorf("%s is not paid, and its supplier was asked to be paid", o.collect)
		}
		if paid && states[o.supply] == "" {
			return fmt.Errorf("%s is paid, and its supplier was forgotten", o.collect)
		}
		if states[o.supply] != "" {
			if _, err := compare(l, "kasapay", o.supply, told[o.supply], states[o.supply]); err != nil {
				return err
			}
		}
	}
	return entries.Err()
}

func compare(l sim.Ledgers, provider, reference string, told []string, state string) (paid bool, err error) {
	var decided []string
	for i, kind := range told {
		if i > 0 && told[i-1] == kind {
			return false, fmt.Errorf("%s was told %s twice: %s", reference, kind, strings.Join(told, ", "))
		}
		if kind != string(journal.Pending) && kind != string(journal.Stuck) {
			decided = append(decided, kind)
		}
	}
	if state == "" {
		return false, fmt.Errorf("%s was ordered, and nothing is planned", reference)
	}
	last := ""
	if len(decided) > 0 {
		last = decided[len(decided)-1]
	}
	debits := l.Debits(provider, reference)
	switch {
	case state == "stuck":
	case last == string(journal.Succeeded) || last == string(journal.Corrected) || last == string(journal.Reversed):
		if debits != 1 {
			err = fmt.Errorf("the books say that %s has %s, and it has %d debits", reference, last, debits)
		}
	case last == string(journal.Failed):
		if debits != 0 {
			err = fmt.Errorf("the books say that %s has failed, and it has %d debits", reference, debits)
		}
	default:
		err = fmt.Errorf("%s is %s, and the books say only %q", reference, state, strings.Join(told, ", "))
	}
	return last == string(journal.Succeeded) || last == string(journal.Corrected), err
}

func kpayConfig(p *sim.Process, o sdk.Options) kpay.Config {
	c := p.KPayConfig()
	c.Options, c.CallbackURL = o, hook("kpay")
	return c
}

func kasapayConfig(p *sim.Process, o sdk.Options) kasapay.Config {
	c := p.KasapayConfig()
	c.Options, c.CallbackURL = o, hook("kasapay")
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
