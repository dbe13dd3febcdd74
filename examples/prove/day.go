package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/shopspring/decimal"
	"modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
	"github.com/kapiteni/kapiten-go/webhook"
)

// wholeDay is a shop with one or two processes on one SQLite database. It collects
// orders. A paid order has one or two consequences: a ride, a supplier's payout, a
// remittance, a cash-out or a transfer of FiatConnect. Everything goes through sdk/journal, so that processes may
// die at any step.
func wholeDay() days.Day {
	return days.Day{
		Name: "whole day", Unique: true,
		Config: sim.Config{
			Database: database, Outages: []string{"kpay", "kasapay", "kapiten", "kotani", "bitpesa"},
			Profiles: []sim.Profile{sim.Documented, sim.Repeating, {Name: "swallowing", Swallows: true}}, Settle: 30 * time.Hour,
		},
		Meets: []string{
			string(sim.FaultKill), string(sim.FaultFreeze), string(sim.FaultDatabase), string(sim.FaultClock), string(sim.FaultOutage),
			sim.MetTwoProcesses, sim.MetCommitLost, sim.MetKilledWithResponse, sim.MetHeldDone, sim.MetHeldRefused,
			metLeaseLost, metStuck, metReversed, metRefused, metFollowed, metMistaken, metKeyOver,
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
	metMistaken  = "a reference planned again with other parameters, and refused"
	metKeyOver   = "a key that its provider may have forgotten, and nothing sent under it"
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
	flow     string
	fails    bool // the provider will show that it has failed
	reverses bool // a success will be taken back
}

// consequence is a payment or a ride that a paid order causes.
type consequence struct {
	plan
	ending string // of the phone or account number, or of the reference
}

func (o order) causes(flow string) bool {
	return slices.ContainsFunc(o.then, func(c consequence) bool { return c.flow == flow })
}

// The flows, in the order in which the stream of choices knows the consequences.
const (
	collecting = "collect"
	suppliers  = "suppliers"
	rides      = "rides"
	remittance = "remittance"
	cashOut    = "cash out"
	transfers  = "transfers"
)

func number(n int) decimal.Decimal { return decimal.NewFromInt(int64(n)) }

// cents is a number of whole units and hundredths.
func cents(n int) decimal.Decimal { return decimal.New(int64(n), -2) }

// customers choose what is bought today.
func customers(w *sim.World) (list []order) {
	for i := range 1 + w.Choose(3) {
		ending := []string{"", "", "-failed", "-slow", "-lagging"}[w.Choose(5)]
		o := order{plan: plan{flow: collecting, fails: ending == "-failed", Ask: sim.Ask{
			Provider: "kpay", Reference: fmt.Sprintf("order-%d%s", i+1, ending),
			Amount: number(1000 * (i + 1)), Currency: "RWF", Account: fmt.Sprintf("078330%d000", i),
		}}}
		first := w.Choose(6) // the sixth is a cash-out, too: what may be doubled is found among these
		kinds := []int{first}
		if w.Choose(3) == 2 {
			kinds = append(kinds, (first+1+w.Choose(5))%6)
		}
		for _, kind := range kinds {
			if w.Profile().Repeats { // which doubles what has no unique reference: a ride, a cash-out
				kind = kind / 2 * 2
			}
			if kind == 5 {
				kind = 3
			}
			flow := [...]string{suppliers, rides, remittance, cashOut, transfers}[kind]
			// A flow of rides works on several at once, beside each other: one is enough. The
			// ledger names a transfer by its quote: one is told apart by its account.
			if (kind == 1 || kind == 4) && slices.ContainsFunc(list, func(o order) bool { return o.causes(flow) }) {
				kind, flow = 0, suppliers
			}
			if o.causes(flow) {
				continue
			}
			at, c := w.Choose(4), consequence{plan: plan{flow: flow}}
			switch kind {
			case 0:
				c.ending = []string{"", "-failed", "-reversed", "-jammed-paid"}[at]
				c.Ask = sim.Ask{Provider: "kasapay", Reference: fmt.Sprintf("supply-%d%s", i+1, c.ending), Amount: o.Amount.Sub(cents(399_75)), Currency: "KES", Account: fmt.Sprint(222221 + i)}
			case 1: // what it costs is asked before the day
				c.ending = []string{"4321", "0001", "0002", "0004"}[at]
				c.Ask = sim.Ask{Provider: "kapiten", Reference: fmt.Sprintf("ride-%d", i+1), Currency: "RWF", Account: "078865" + c.ending}
			case 2:
				c.ending = []string{"90", "90", "90", "19"}[at]
				c.Ask = sim.Ask{Provider: "bitpesa", Reference: fmt.Sprintf("remit-%d", i+1), Amount: o.Amount.Mul(number(20)).Add(cents(5)), Currency: "NGN", Account: "12345678" + c.ending}
			case 3:
				c.ending = []string{"5678", "0001", "0004", "0005"}[at]
				c.Ask = sim.Ask{Provider: "kotani", Reference: fmt.Sprintf("cashout-%d", i+1), Amount: o.Amount.Sub(number(300)), Currency: "KES", Account: "25471234" + c.ending}
			case 4: // to an account that is added before the day
				c.ending = []string{"1234", "1234", "0001", "1234"}[at]
				c.Ask = sim.Ask{Provider: "kotani", Reference: fmt.Sprintf("transfer-%d", i+1), Amount: o.Amount.Sub(cents(349_99)), Currency: "KES"}
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
	d := &today{list: list}
	deposits := map[string]func() error{}
	for _, o := range list {
		for i, c := range o.then {
			if c.flow == transfers {
				account, err := d.register(w, c.ending)
				if err != nil {
					w.Fail("%v", err)
					return
				}
				o.then[i].Account = account
			}
			if deposits[c.Provider] != nil {
				continue
			}
			switch c.Provider {
			case "kasapay":
				f := w.Kasapay(func(c *kasapaytest.Config) {
					c.Balances = map[string]decimal.Decimal{"KES": number(1000)}
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
				f := kotaniToday(w)
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
	if kind := w.Choose(4); kind >= 2 {
		m := list[w.Choose(len(list))].plan
		if then := list[w.Choose(len(list))].then; w.Choose(2) == 1 {
			m = then[0].plan
		}
		if kind == 2 && m.flow != rides { // whose price is Kapiten's
			m.Amount = m.Amount.Add(number(1))
		} else {
			m.Account = m.Account[:len(m.Account)-1] + map[bool]string{true: "8", false: "9"}[strings.HasSuffix(m.Account, "9")]
		}
		d.mistake = m
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
	for _, name := range []string{"shop-1", "shop-2"}[:1+w.Choose(2)] {
		w.Process(name, func(p *sim.Process) error {
			s := &shop{p: p, w: w, today: d}
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

// kotaniToday is Kotani Pay with little money at first. Its quotes last, and its FiatConnect
// section forgets a key after a day, which is later than the journal assumes.
func kotaniToday(w *sim.World) *kotanitest.Fake {
	return w.Kotani(func(c *kotanitest.Config) {
		c.Balances = map[string]decimal.Decimal{"KES": number(1000)}
		c.FiatConnect.KYCNotRequired = true
		c.FiatConnect.Quirks.QuoteLifetime, c.FiatConnect.Quirks.KeyLifetime = 1<<50, 24*time.Hour
	})
}

// today is what all processes of a day share.
type today struct {
	list    []order
	alerted sync.Map

	// mistake is what a clerk plans under a reference that another plan has; its flow is
	// empty on most days.
	mistake plan

	fiatConnect kotani.FiatConnectConfig
	closes      bool         // the shop closes for a day when a transfer is in doubt
	opens       atomic.Int64 // when it opens again, since the day began; 0: it has not closed
}

// register makes the merchant known to FiatConnect, and adds an account to pay to.
func (d *today) register(w *sim.World, ending string) (account string, err error) {
	f := kotaniToday(w)
	config := f.ClientConfig()
	config.FiatConnect.Signer = kotanitest.NewSigner("shop")
	config.FiatConnect.APIKey = f.FiatConnect.AddClient("https://shop.example/hooks/fiatconnect").APIKey
	d.fiatConnect, d.closes = config.FiatConnect, w.Choose(2) == 1
	client, err := kotani.New(config)
	if err != nil {
		return "", err
	}
	a, err := client.FiatConnect.AddAccount(context.Background(), kotani.BankAccount{AccountName: "Jane", InstitutionName: "Bank", AccountNumber: "123456" + ending, Country: "KE"})
	return a.ID, err
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
