package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// ordersTable gives payment and ride a state each: the news of one hides nothing of the other.
const ordersTable = `orders (id text PRIMARY KEY, payment text, payment_state text, ride text, ride_state text)`

// checkout takes the money for an order by KPay, and sends a rider once it is paid.
type checkout struct {
	db      *sql.DB
	collect *journal.Flow[kpay.PayParams, kpay.Payment]
	rides   *journal.Flow[kapiten.CreateRideParams, kapiten.Ride]
}

// order writes an order down, and plans its payment in the same transaction.
func (c *checkout) order(ctx context.Context, id, phone string, price decimal.Decimal) error {
	return inTx(ctx, c.db, func(tx *sql.Tx) error {
		payment, ride := journal.Reference(id, "payment"), journal.Reference(id, "ride")
		_, err := tx.ExecContext(ctx, `INSERT INTO orders VALUES (?, ?, 'new', ?, '') ON CONFLICT DO NOTHING`, id, payment, ride)
		if err != nil {
			return err
		}
		return c.collect.Plan(ctx, tx, kpay.PayParams{
			RefID: payment, Amount: price, Method: kpay.MethodMoMo, MSISDN: phone, Details: "Order " + id,
			Email: "ama@example.com", CustomerName: "Ama", CustomerNumber: phone, RedirectURL: "https://shop.example/thanks",
		})
	})
}

// paid is called in the transaction that records the news about a payment.
func (c *checkout) paid(ctx context.Context, tx journal.Tx, change journal.Change[kpay.Payment]) error {
	switch change.Kind {
	case journal.Succeeded, journal.Corrected:
		if err := c.set(ctx, tx, "payment", change.Reference, "paid"); err != nil {
			return err
		}
		return c.sendRider(ctx, tx, change.Reference)
	case journal.Failed, journal.Reversed:
		return c.set(ctx, tx, "payment", change.Reference, "cancelled")
	}
	return nil // pending or stuck: decide nothing
}

func (c *checkout) sendRider(ctx context.Context, tx journal.Tx, payment string) error {
	ride, err := c.text(ctx, tx, `SELECT ride FROM orders WHERE payment = ?`, payment)
	if err != nil {
		return err
	}
	return c.rides.Plan(ctx, tx, kapiten.CreateRideParams{
		ExternalID:    ride,
		PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender: kapiten.Contact{Name: "The shop", Phone: "0788123457"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788123456"},
	})
}

func (c *checkout) rode(ctx context.Context, tx journal.Tx, change journal.Change[kapiten.Ride]) error {
	switch change.Kind {
	case journal.Succeeded, journal.Corrected:
		return c.set(ctx, tx, "ride", change.Reference, "delivered")
	case journal.Failed, journal.Reversed:
		return c.set(ctx, tx, "ride", change.Reference, "paid, not delivered")
	}
	return nil
}

// open makes the flows and their callbacks, as each process of the shop does.
func (c *checkout) open(ctx context.Context, cfg journal.Config, pays kpay.Config, riders kapiten.Config, companyID, secret string) (*journal.Journal, *http.ServeMux, error) {
	j, err := journal.Open(ctx, c.db, journal.SQLite, cfg)
	if err != nil {
		return nil, nil, err
	}
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay"}, secret)
	if err != nil {
		return nil, nil, err
	}
	pays.CallbackURL = urls.Mint // a URL for each payment, so its ReturnURL stays empty
	collector, err1 := kpay.New(pays)
	client, err2 := kapiten.New(riders)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	c.rides = journal.KapitenRides(j, "rides", client, companyID, c.rode)
	c.collect = journal.KPay(j, "collect", collector, c.paid)
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kpay/", c.collect.Knock(urls))
	mux.Handle("POST /hooks/kapiten/{secret}", c.rides.Knock(webhook.PathSecret(secret)))
	return j, mux, nil
}

func (c *checkout) set(ctx context.Context, tx journal.Tx, column, reference, state string) error {
	_, err := tx.ExecContext(ctx, `UPDATE orders SET `+column+`_state = ? WHERE `+column+` = ?`, state, reference)
	return err
}

func (c *checkout) text(ctx context.Context, tx journal.Tx, query string, args ...any) (text string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		err = errors.Join(err, rows.Scan(&text))
	}
	return text, errors.Join(err, rows.Err())
}

// state is what the shop knows about an order. Its ride counts only while its payment stands.
func (c *checkout) state(ctx context.Context, id string) (state string) {
	err := c.db.QueryRowContext(ctx, `SELECT CASE WHEN payment_state = 'paid' AND ride_state <> '' THEN ride_state ELSE payment_state END
		FROM orders WHERE id = ?`, id).Scan(&state)
	if err != nil {
		return err.Error()
	}
	return state
}

// shop is a checkout with its providers. Each start is another process of it.
type shop struct {
	*checkout
	journal *journal.Journal
	kpay    *kpaytest.Fake
	kapiten *kapitentest.Fake
	company kapitentest.Company
}

func (s *demo) providers() *shop {
	p := &shop{kpay: kpaytest.NewIn(s.world, kpaytest.Config{}), kapiten: kapitentest.NewIn(s.world, kapitentest.Config{Autopilot: true})}
	p.company = p.kapiten.AddCompany(kapitentest.Company{Name: "The shop", Balance: francs(50_000), WebhookURL: "https://shop.example/hooks/kapiten/" + s.secret})
	s.closes = append(s.closes, p.kpay.Close)
	return p
}

func (p *shop) start(ctx context.Context, s *demo, cfg journal.Config, pays kpay.Config) (err error) {
	p.checkout = &checkout{}
	if p.db, err = s.database(ctx, ordersTable); err != nil {
		return err
	}
	j, mux, err := p.open(ctx, cfg, pays, p.kapiten.ClientConfig(p.company), p.company.ID, s.secret)
	if err != nil {
		return err
	}
	p.journal = j
	s.server.Store(mux)
	return nil
}

func (s *demo) shop(ctx context.Context, cfg journal.Config) (*shop, error) {
	p := s.providers()
	return p, p.start(ctx, s, cfg, p.kpay.ClientConfig())
}

// payment is the reference of an order's payment.
func payment(order string) string { return journal.Reference(order, "payment") }

func tellCheckout(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300000", francs(9000)); err != nil {
		return err
	}
	s.say("the order is %s; KPay has seen %d requests", shop.state(ctx, "order-1"), len(shop.kpay.Requests()))
	s.work(ctx, shop.journal)
	paid, err := shop.collect.Await(ctx, payment("order-1"))
	if err != nil {
		return err
	}
	s.say("KPay: %s; the order is %s", paid.Description, shop.state(ctx, "order-1"))
	ride, err := shop.rides.Await(ctx, journal.Reference("order-1", "ride"))
	if err != nil {
		return err
	}
	s.say("Kapiten: %s for %s RWF; the order is %s", ride.Status, ride.EstimatedPrice.Decimal, shop.state(ctx, "order-1"))
	s.say("the shop has %s RWF, and the wallet paid for %d ride", shop.kpay.Balance("02", "RWF"), len(shop.kapiten.Debits(ride.ExternalID)))
	return nil
}
