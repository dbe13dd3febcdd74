package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// tellUnknown has no journal: a payment gets no response, and is looked for.
func tellUnknown(ctx context.Context, s *demo) error {
	server := kpaytest.NewIn(s.world, kpaytest.Config{})
	s.closes = append(s.closes, server.Close)
	client, err := kpay.New(server.ClientConfig())
	if err != nil {
		return err
	}
	// From here on every response gets lost, after the work is done.
	if err := server.AddFault(fake.Fault{Kind: fake.FaultDropAfter}); err != nil {
		return err
	}
	_, err = client.Pay(ctx, kpay.PayParams{
		RefID: "order-1", Amount: francs(9000), Method: kpay.MethodMoMo, MSISDN: "0783300000", Details: "Order 1",
		Email: "ama@example.com", CustomerName: "Ama", CustomerNumber: "0783300000",
		ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/thanks",
	})
	s.say("%v", err)
	s.say("advice: %s", sdk.Advise(err))

	server.ClearFaults() // the network is back
	found, err := client.Find(ctx, "order-1")
	if err != nil {
		return err
	}
	s.say("found: %s; asked %d time", found.Description, len(server.Payments()))
	return nil
}

// tellStuck has a ride that left, and that Kapiten does not show.
func tellStuck(ctx context.Context, s *demo) error {
	waits, cfg := alerts()
	shop, err := s.shop(ctx, cfg)
	if err != nil {
		return err
	}
	if err := shop.kapiten.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultHTML, Status: http.StatusBadGateway, Times: 1}); err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300000", francs(9000)); err != nil {
		return err
	}
	began := time.Now()
	s.work(ctx, shop.journal)
	ride := <-waits
	s.say("after %s: %s is %s: %s", time.Since(began).Round(10*time.Minute), ride.Flow, ride.Reason, ride.Note)
	if err := s.history(ctx, shop.journal, ride.Flow, ride.Reference); err != nil {
		return err
	}
	// A person has called Kapiten: there is no such ride, and none will come.
	err = shop.journal.Act(ctx, journal.Act{
		Flow: ride.Flow, Reference: ride.Reference, Do: journal.Resend, Actor: "eric", Reason: "Kapiten says on the phone that nothing arrived",
	})
	if err != nil {
		return err
	}
	for shop.state(ctx, "order-1") != "delivered" && ctx.Err() == nil {
		pause(ctx, time.Minute)
	}
	if err := s.history(ctx, shop.journal, ride.Flow, ride.Reference); err != nil {
		return err
	}
	s.say("the order is %s; rides: %d", shop.state(ctx, "order-1"), len(shop.kapiten.Rides(shop.company.ID)))
	return nil
}

// tellLive tries what should be true before real money moves.
func tellLive(ctx context.Context, s *demo) error {
	// The credentials. KPay refuses an address that it does not know with 602.
	server := kpaytest.NewIn(s.world, kpaytest.Config{})
	s.closes = append(s.closes, server.Close)
	config := server.ClientConfig()
	config.Password = "typo"
	client, err := kpay.New(config)
	if err != nil {
		return err
	}
	_, err = client.Find(ctx, "order-1")
	s.say("1. wrong password: %v: %s", sdk.Advise(err), sdk.SafeText(err))
	// The tables.
	db, err := s.database(ctx)
	if err != nil {
		return err
	}
	_, err = journal.Open(ctx, db, journal.SQLite, journal.Config{OnlyCheck: true})
	s.say("2. no tables: %v", err)
	// A limit, an alert and a switch.
	waits, cfg := alerts()
	cfg.Flows = map[string]journal.FlowConfig{"payouts": {Limit: journal.Limit{PerEntry: francs(1000)}}}
	db, j, payer, payouts, err := s.batch(ctx, cfg, nil)
	if err != nil {
		return err
	}
	if err := j.Pause(ctx, "payouts", "eric", "the first day"); err != nil {
		return err
	}
	if err := planBatch(ctx, db, payouts, []invoice{{"flour-7", "Unga Mills", "565601", "1500.00"}}); err != nil {
		return err
	}
	s.work(ctx, j)
	pause(ctx, time.Minute)
	s.say("3. paused: Kasapay has seen %d requests", len(payer.Requests()))
	if err := j.Resume(ctx, "payouts", "eric", "all is well"); err != nil {
		return err
	}
	e := <-waits
	s.say("4. alert: %s %s: %s", e.Flow, e.Reference, e.Reason)
	err = j.Act(ctx, journal.Act{Flow: e.Flow, Reference: e.Reference, Do: journal.Approve, Actor: "eric", Reason: "the mill was called"})
	if err != nil {
		return err
	}
	paid, err := payouts.Await(ctx, e.Reference)
	if err != nil {
		return err
	}
	s.say("5. approved: %s", paid.Result)
	stats, err := j.Stats(ctx, "payouts")
	if err != nil {
		return err
	}
	s.say("6. watch these: to send %d, late %s, stuck %d", stats.ToSend, stats.SendLate, len(stats.Stuck))
	return nil
}

// 1. The response is lost.
func tellLost(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	if err := shop.kpay.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}); err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300004", francs(9000)); err != nil { // the payer takes ten minutes
		return err
	}
	s.work(ctx, shop.journal)
	if _, err := shop.collect.Await(ctx, payment("order-1")); err != nil {
		return err
	}
	s.say("the order is %s; the payer was asked %d time", shop.state(ctx, "order-1"), len(shop.kpay.Payments()))
	return s.history(ctx, shop.journal, "collect", payment("order-1"))
}

// dying is a network that takes the process with it: the request is delivered, and the
// process is dead before the response.
type dying struct {
	next http.RoundTripper
	kill func()
	dead atomic.Bool
}

func (d *dying) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if d.dead.CompareAndSwap(false, true) {
		d.kill()
	}
	return nil, errors.New("the process is dead")
}

// 2. The process dies.
func tellCrash(ctx context.Context, s *demo) error {
	shop := s.providers()
	life, end := context.WithCancel(ctx)
	pays := shop.kpay.ClientConfig()
	pays.HTTPClient.Transport = &dying{next: pays.HTTPClient.Transport, kill: func() {
		end()
		_ = shop.db.Close()
	}}
	if err := shop.start(ctx, s, unhurried(), pays); err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300000", francs(9000)); err != nil {
		return err
	}
	_ = shop.journal.Run(life)
	s.say("the process died; the payer was asked %d time", len(shop.kpay.Payments()))

	began := time.Now()
	if err := shop.start(ctx, s, unhurried(), shop.kpay.ClientConfig()); err != nil {
		return err
	}
	s.work(ctx, shop.journal)
	if _, err := shop.collect.Await(ctx, payment("order-1")); err != nil {
		return err
	}
	s.say("the next process, after %s: the order is %s; the payer was asked %d time",
		time.Since(began).Round(time.Minute), shop.state(ctx, "order-1"), len(shop.kpay.Payments()))
	return nil
}

// 3. An order comes twice.
func tellTwice(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	for _, price := range []int64{9000, 9000, 8000} {
		s.say("order-1 for %d RWF", price)
		if err := shop.order(ctx, "order-1", "0783300000", francs(price)); err != nil {
			s.say("refused: %v", err)
		}
	}
	s.work(ctx, shop.journal)
	if _, err := shop.collect.Await(ctx, payment("order-1")); err != nil {
		return err
	}
	s.say("the payer was asked %d time", len(shop.kpay.Payments()))
	return nil
}

// 4. The payer does not pay.
func tellUnpaid(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	s.work(ctx, shop.journal)
	for _, order := range []struct{ id, phone string }{{"order-1", "0783300001"}, {"order-1, second try", "0783300000"}} {
		if err := shop.order(ctx, order.id, order.phone, francs(9000)); err != nil {
			return err
		}
		p, err := shop.collect.Await(ctx, payment(order.id))
		if err != nil {
			return err
		}
		s.say("%s: %s; the order is %s", order.id, p.Description, shop.state(ctx, order.id))
	}
	return nil
}

// 5. A success is taken back.
func tellReversed(ctx context.Context, s *demo) error {
	began := time.Now()
	over := make(chan struct{})
	db, j, server, payouts, err := s.batch(ctx, unhurried(), func(_ context.Context, _ journal.Tx, c journal.Change[kasapay.Payout]) error {
		s.say("after %s: %s", time.Since(began).Round(time.Minute), c.Kind)
		if c.Kind == journal.Reversed {
			close(over)
		}
		return nil
	})
	if err != nil {
		return err
	}
	before := server.Balance("KES")
	if err := planBatch(ctx, db, payouts, []invoice{{"oil-7-reversed", "Mafuta Ltd", "565603", "2300.00"}}); err != nil {
		return err
	}
	s.work(ctx, j)
	<-over
	s.say("spent: %s KES", before.Sub(server.Balance("KES")))
	return nil
}

// 6. A callback is forged.
func tellForged(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1-never", "0783300003", francs(9000)); err != nil { // nobody will pay
		return err
	}
	s.work(ctx, shop.journal)
	pause(ctx, time.Minute)
	genuine := shop.kpay.Payments()[0].PostbackURL
	post := func(url string) int {
		body := fmt.Sprintf(`{"refid":%q,"statusid":"01","tid":"1"}`, payment("order-1-never"))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return 0
		}
		w := &recorder{header: http.Header{}}
		s.server.Load().ServeHTTP(w, r)
		return w.status
	}
	s.say("a stranger posts that it is paid: HTTP %d", post("https://shop.example/hooks/kpay/guessed"))
	s.say("somebody who has the URL posts it: HTTP %d", post(genuine))
	pause(ctx, time.Minute)
	s.say("the order is %s", shop.state(ctx, "order-1-never"))
	return nil
}

// recorder keeps the status of a response.
type recorder struct {
	header http.Header
	status int
}

func (a *recorder) Header() http.Header { return a.header }
func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}
func (a *recorder) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return len(p), nil
}

// 7. A callback never comes.
func tellSilent(ctx context.Context, s *demo) error {
	shop, err := s.shop(ctx, unhurried())
	if err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300009", francs(9000)); err != nil {
		return err
	}
	s.work(ctx, shop.journal)
	pause(ctx, time.Minute)
	s.say("callbacks: %d; after a minute the order is %s", len(shop.kpay.Deliveries()), shop.state(ctx, "order-1"))
	return nil
}

// 8. Your own code has a bug.
func tellBug(ctx context.Context, s *demo) error {
	waits, cfg := alerts()
	shop, err := s.shop(ctx, cfg)
	if err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300000", francs(9000)); err != nil {
		return err
	}
	if _, err := shop.db.ExecContext(ctx, `ALTER TABLE orders RENAME COLUMN payment_state TO status`); err != nil {
		return err
	}
	s.work(ctx, shop.journal)
	e := <-waits
	s.say("stuck: %s", e.Reason)
	if _, err := shop.db.ExecContext(ctx, `ALTER TABLE orders RENAME COLUMN status TO payment_state`); err != nil {
		return err
	}
	err = shop.journal.Act(ctx, journal.Act{Flow: e.Flow, Reference: e.Reference, Do: journal.Retry, Actor: "eric", Reason: "the column is back"})
	if err != nil {
		return err
	}
	if _, err := shop.collect.Await(ctx, payment("order-1")); err != nil {
		return err
	}
	s.say("mended: the order is %s; the payer was asked %d time", shop.state(ctx, "order-1"), len(shop.kpay.Payments()))
	return nil
}

// 9. The provider cannot be reached for hours.
func tellOutage(ctx context.Context, s *demo) error {
	waits, cfg := alerts()
	cfg.Every = time.Minute
	shop := s.providers()
	pays := shop.kpay.ClientConfig()
	road := &closed{next: pays.HTTPClient.Transport}
	road.closed.Store(true)
	pays.HTTPClient.Transport = road
	if err := shop.start(ctx, s, cfg, pays); err != nil {
		return err
	}
	for _, id := range []string{"order-1", "order-2"} {
		if err := shop.order(ctx, id, "0783300000", francs(9000)); err != nil {
			return err
		}
	}
	began := time.Now()
	s.work(ctx, shop.journal)
	for range 2 {
		e := <-waits
		s.say("after %s: %s: %s", time.Since(began).Round(time.Hour), e.Reason, e.Note)
	}
	road.closed.Store(false)
	for _, act := range []journal.Act{
		{Reference: payment("order-1"), Do: journal.Cancel, Reason: "the customer has gone"},
		{Reference: payment("order-2"), Do: journal.Retry, Reason: "the customer waits"},
	} {
		act.Flow, act.Actor = "collect", "eric"
		if err := shop.journal.Act(ctx, act); err != nil {
			return err
		}
	}
	pause(ctx, time.Minute)
	s.say("order-1 is %s, order-2 is %s; KPay was asked for %d payment", shop.state(ctx, "order-1"), shop.state(ctx, "order-2"), len(shop.kpay.Payments()))
	return nil
}

// closed is a network that lets nothing out.
type closed struct {
	next   http.RoundTripper
	closed atomic.Bool
}

func (c *closed) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.closed.Load() {
		return nil, fmt.Errorf("no route to host: %w", sdk.ErrNotSent)
	}
	return c.next.RoundTrip(r)
}

// 10. The database is restored from a backup.
func tellBackup(ctx context.Context, s *demo) error {
	cfg := unhurried()
	cfg.Every = time.Minute
	shop, err := s.shop(ctx, cfg)
	if err != nil {
		return err
	}
	if err := shop.order(ctx, "order-1", "0783300000", francs(9000)); err != nil {
		return err
	}
	backup := s.file + ".backup"
	if _, err := shop.db.ExecContext(ctx, `VACUUM INTO ?`, backup); err != nil {
		return err
	}
	life, end := context.WithCancel(ctx)
	defer end()
	died := make(chan error, 1)
	go func() { died <- shop.journal.Run(life) }()
	if err := shop.order(ctx, "order-2", "0783300000", francs(5000)); err != nil { // the backup does not have it
		return err
	}
	pause(ctx, 10*time.Minute)
	end()
	if err := <-died; !errors.Is(err, context.Canceled) {
		return err
	}
	s.say("before: order-1 is %s, order-2 is %s", shop.state(ctx, "order-1"), shop.state(ctx, "order-2"))
	if err := errors.Join(shop.db.Close(), os.Rename(backup, s.file), removeAll(s.file+"-wal", s.file+"-shm")); err != nil {
		return err
	}

	if err := shop.start(ctx, s, cfg, shop.kpay.ClientConfig()); err != nil {
		return err
	}
	s.say("from the backup: order-1 is %s, and order-2 is not there", shop.state(ctx, "order-1"))
	if err := shop.journal.Restored(ctx, 24*time.Hour, "eric"); err != nil {
		return err
	}
	s.work(ctx, shop.journal)
	if err := shop.order(ctx, "order-2", "0783300000", francs(5000)); err != nil { // the customer says so
		return err
	}
	pause(ctx, time.Minute) // look at the list meanwhile
	for _, flow := range []string{"collect", "rides"} {
		if err := shop.journal.Resume(ctx, flow, "eric", "the list is as it should be"); err != nil {
			return err
		}
	}
	pause(ctx, 10*time.Minute)
	s.say("after: order-1 is %s, order-2 is %s; payments %d, rides %d", shop.state(ctx, "order-1"), shop.state(ctx, "order-2"), len(shop.kpay.Payments()), len(shop.kapiten.Rides(shop.company.ID)))
	return nil
}

func removeAll(paths ...string) error {
	var all []error
	for _, path := range paths {
		all = append(all, os.RemoveAll(path))
	}
	return errors.Join(all...)
}
