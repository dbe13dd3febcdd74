package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/webhook"
)

// shop is one process of the merchant.
type shop struct {
	*today
	p  *sim.Process
	w  *sim.World
	db *sql.DB

	journals map[string]*journal.Journal // by the flow in it

	collect    *journal.Flow[kpay.PayParams, kpay.Payment]
	suppliers  *journal.Flow[kasapay.CreatePayoutParams, kasapay.Payout]
	rides      *journal.Flow[kapiten.CreateRideParams, kapiten.Ride]
	remittance *journal.Flow[bitpesa.TransactionParams, bitpesa.Transaction]
	cashOut    *journal.Flow[kotani.WithdrawParams, kotani.Transaction]
	transfers  *journal.Flow[journal.FiatConnectTransfer, kotani.Transfer]
}

func (s *shop) run() error {
	p, ctx := s.p, s.p.Context()
	s.db = p.DB()
	for _, table := range []string{
		`CREATE TABLE IF NOT EXISTS books (id integer PRIMARY KEY, reference text NOT NULL, kind text NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY, reference text NOT NULL, amount text NOT NULL, account text NOT NULL)`,
	} {
		if _, err := s.db.ExecContext(ctx, table); err != nil {
			return err
		}
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	p.Go("worker", func(ctx context.Context) { s.work(ctx, run) })
	for _, o := range s.list {
		if err := s.buy(ctx, o.plan); err != nil {
			return err
		}
	}
	mistaken := s.mistake.flow == ""
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
		if !mistaken {
			if mistaken, err = s.blunder(ctx); err != nil {
				return err
			}
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
			if e.Reason == journal.ReasonKeyExpired {
				s.w.Met(metKeyOver)
			}
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
	j, err := s.journal(ctx, collecting)
	if err != nil {
		return err
	}
	collector, err := kpay.New(kpayConfig(s.p))
	if err != nil {
		return err
	}
	s.collect = journal.KPay(j, collecting, collector, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
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
			if err := s.flow(ctx, c.flow); err != nil {
				return err
			}
		}
	}
	return nil
}

// flow makes a flow, unless it is there.
func (s *shop) flow(ctx context.Context, name string) error {
	if s.journals[name] != nil {
		return nil
	}
	j, err := s.journal(ctx, name)
	if err != nil {
		return err
	}
	switch name {
	case suppliers:
		client, err := kasapay.New(kasapayConfig(s.p))
		if err != nil {
			return err
		}
		s.suppliers = journal.Kasapay(j, name, client.Payouts, booked[kasapay.Payout](s))
		s.p.Handle("shop.example/hooks/kasapay/"+secret, s.suppliers.Knock(webhook.PathSecret(secret)))
	case rides:
		_, company := s.w.Kapiten()
		config := s.p.KapitenConfig()
		config.MaxAttempts = 1
		client, err := kapiten.New(config)
		if err != nil {
			return err
		}
		s.rides = journal.KapitenRides(j, name, client, company.ID, booked[kapiten.Ride](s))
		s.p.Handle(strings.TrimPrefix(company.WebhookURL, "https://"), s.rides.Knock(webhook.PathSecret(secret)))
	case remittance:
		config := s.p.BitPesaConfig()
		config.MaxAttempts = 1
		client, err := bitpesa.New(config)
		if err != nil {
			return err
		}
		s.remittance = journal.BitPesa(j, name, client, booked[bitpesa.Transaction](s))
		s.p.Handle("shop.example/hooks/bitpesa", s.remittance.Knock(webhook.BitPesaSignature(bitpesaHook, webhook.BitPesaKey{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret})))
	case cashOut:
		config := s.p.KotaniConfig()
		config.MaxAttempts, config.CallbackURL = 1, hook("kotani")
		client, err := kotani.New(config)
		if err != nil {
			return err
		}
		s.cashOut = journal.KotaniWithdraw(j, name, client, booked[kotani.Transaction](s))
		s.p.Handle("shop.example/hooks/kotani/"+secret, s.cashOut.Knock(webhook.PathSecret(secret)))
	case transfers: // whose callbacks name no reference
		config := s.p.KotaniConfig()
		config.MaxAttempts, config.FiatConnect = 1, s.fiatConnect
		client, err := kotani.New(config)
		if err != nil {
			return err
		}
		s.transfers = journal.FiatConnectOut(j, name, client.FiatConnect, booked[kotani.Transfer](s))
	}
	return nil
}

// work does what is due, as a cron job does. Run would leave it to the scheduler of Go
// who takes what, and no day could be made again: here the workers take turns. Each flow
// has a journal of its own, so that a look for work concerns the flows that have some.
func (s *shop) work(ctx, run context.Context) {
	for idle := time.Duration(0); ctx.Err() == nil && run.Err() == nil; {
		if err := s.close(ctx); err != nil {
			s.p.Sleep(ctx, 5*time.Second)
			continue
		}
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
func (s *shop) buy(ctx context.Context, p plan) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := s.plan(ctx, tx, p); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// blunder has a clerk plan again what is planned, with other parameters. He believes Plan:
// without an error, his order stands in the books.
func (s *shop) blunder(ctx context.Context) (done bool, err error) {
	planned := 0
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM journal_entries WHERE reference = $1`, s.mistake.Reference).Scan(&planned)
	if err != nil || planned == 0 {
		return false, err
	}
	err = s.buy(ctx, s.mistake)
	if errors.Is(err, journal.ErrReferenceTaken) {
		s.w.Met(metMistaken)
		return true, nil
	}
	return err == nil, err
}

// follow plans what a paid order causes.
func (s *shop) follow(ctx context.Context, tx journal.Tx, o order) error {
	s.w.Met(metFollowed)
	for _, c := range o.then {
		if err := s.plan(ctx, tx, c.plan); err != nil {
			return err
		}
	}
	return nil
}

// plan writes down what is wanted, and plans it.
func (s *shop) plan(ctx context.Context, tx journal.Tx, c plan) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO orders (reference, amount, account) VALUES ($1, $2, $3)`, c.Reference, c.Amount.String(), c.Account)
	if err != nil {
		return err
	}
	switch c.flow {
	case collecting:
		return s.collect.Plan(ctx, tx, kpay.PayParams{
			RefID: c.Reference, Amount: c.Amount, Method: kpay.MethodMoMo, MSISDN: c.Account, Email: "a@example.com",
			CustomerName: "A", CustomerNumber: "1", Details: "order", RedirectURL: "https://shop.example/",
		})
	case suppliers:
		return s.suppliers.Plan(ctx, tx, kasapay.CreatePayoutParams{
			Reference: c.Reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: c.Account, RecipientName: "Supplier", AccountReference: "0101",
			Amount: c.Amount, Currency: c.Currency, Country: "KEN", Description: "goods",
		})
	case rides:
		pickup, dropoff := trip()
		return s.rides.Plan(ctx, tx, kapiten.CreateRideParams{
			ExternalID: c.Reference, PickupAddress: "KK 12 Ave", Pickup: pickup, DropoffAddress: "KG 7 Ave", Dropoff: dropoff,
			Sender: kapiten.Contact{Name: "Shop", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Ann", Phone: c.Account},
		})
	case remittance:
		return s.remittance.Plan(ctx, tx, bitpesa.TransactionParams{
			InputCurrency: "USD", ExternalID: c.Reference,
			Sender: bitpesa.SenderParams{
				FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
				PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
			},
			Recipients: []bitpesa.RecipientParams{{RequestedAmount: c.Amount, RequestedCurrency: c.Currency, PayoutMethod: bitpesa.PayoutMethodParams{
				Type: "NGN::Bank", Details: bitpesa.PayoutDetails{FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: c.Account, BankAccountType: "20"},
			}}},
		})
	case cashOut:
		return s.cashOut.Plan(ctx, tx, kotani.WithdrawParams{Amount: c.Amount, PhoneNumber: c.Account, ExternalID: c.Reference})
	case transfers:
		return s.transfers.Plan(ctx, tx, journal.FiatConnectTransfer{Reference: c.Reference, FiatAccountID: c.Account, Quote: kotani.TransferQuoteParams{
			FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: c.Amount,
		}})
	}
	return fmt.Errorf("there is no flow %q", c.flow)
}

// close closes the shop for 25 hours, once, when a transfer is in doubt: afterwards
// FiatConnect knows its key no more.
func (s *shop) close(ctx context.Context) error {
	if !s.closes {
		return nil
	}
	if s.opens.Load() == 0 {
		doubts := 0
		err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM journal_entries WHERE flow = $1 AND state = 'sending'`, transfers).Scan(&doubts)
		if err != nil || doubts == 0 {
			return err
		}
		s.w.Note(s.p.Name(), "the shop closes for 25 hours")
		s.opens.Store(int64(s.w.Since() + 25*time.Hour))
	}
	for left := s.opens.Load() - int64(s.w.Since()); left > 0 && ctx.Err() == nil; left = s.opens.Load() - int64(s.w.Since()) {
		s.p.Sleep(ctx, time.Duration(left))
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
