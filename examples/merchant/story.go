package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

const (
	orderCount = 12
	killCount  = 6
	killEvery  = 700 * time.Millisecond
)

var startMoney = decimal.NewFromInt(200_000)

func orderID(i int) string { return fmt.Sprintf("order-%d", i) }

// world is the providers and the shop's processes, seen from outside.
type world struct {
	settings
	kpay      *kpaytest.Fake
	kasapay   *kasapaytest.Fake
	kapiten   *kapitentest.Fake
	processes [2]*exec.Cmd
	addresses [2]string
	close     []func()
}

// story plays it all and checks every sentence it prints.
func story(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "merchant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(cmp.Or(os.Getenv("DATABASE_URL"), filepath.Join(dir, "shop.db")))
	defer w.end()
	if err != nil {
		return err
	}
	db, err := openDatabase(w.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.create(ctx); err != nil {
		return err
	}
	for i := range w.processes {
		if err := w.start(ctx, i); err != nil {
			return err
		}
	}
	fmt.Println("two processes of the shop run on one database:", db.dialect)
	if err := w.orderAndKill(ctx); err != nil {
		return err
	}
	fmt.Printf("%d orders came in, and one process was killed %d times\n", orderCount, killCount)
	doubts, err := w.awaitOrders(ctx, db)
	if err != nil {
		return err
	}
	fmt.Printf("%d orders are paid for, delivered, and their supplier is paid\n", orderCount-doubts)
	if doubts > 0 {
		fmt.Printf("%d rides were on their way when the process died, and Kapiten has none: they wait for a person\n", doubts)
	}
	if err := w.reverse(ctx, db); err != nil {
		return err
	}
	if err := w.stop(); err != nil {
		return err
	}
	return w.audit(ctx)
}

func newWorld(database string) (*world, error) {
	w := &world{settings: settings{Database: database, HookSecret: rand.Text()}}
	for i := range w.addresses {
		var err error
		if w.addresses[i], err = freeAddress(); err != nil {
			return w, err
		}
	}
	w.Hooks = w.addresses[0]
	shared := fake.NewWorld(fake.Options{RealTime: true, Speed: 60, Start: time.Now()}) // a minute a second
	w.kpay = kpaytest.NewIn(shared, kpaytest.Config{})
	w.kasapay = kasapaytest.NewIn(shared, kasapaytest.Config{})
	w.kapiten = kapitentest.NewIn(shared, kapitentest.Config{Autopilot: true})
	company := w.kapiten.AddCompany(kapitentest.Company{
		Name: "The shop", Balance: startMoney, WebhookURL: "http://" + w.Hooks + "/hooks/kapiten/" + w.HookSecret,
	})
	w.close = append(w.close, w.kpay.Close, w.kasapay.Close, w.kapiten.Close)
	var errs [3]error
	w.KPayURL, errs[0] = w.serve(w.kpay)
	w.KasapayURL, errs[1] = w.serve(w.kasapay)
	w.KapitenURL, errs[2] = w.serve(w.kapiten)
	pays, payouts := w.kpay.ClientConfig(), w.kasapay.ClientConfig()
	w.KPayUser, w.KPayPassword, w.KPayRetailer, w.KPayKey = pays.Username, pays.Password, pays.RetailerID, pays.APIKey
	w.KasapayKey, w.KasapaySecret, w.KasapayService = payouts.ConsumerKey, payouts.ConsumerSecret, payouts.ServiceCode
	w.KapitenToken, w.CompanyID = company.Token, company.ID
	return w, errors.Join(errs[:]...)
}

// serve puts a fake on a socket.
func (w *world) serve(handler http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	w.close = append(w.close, func() { _ = server.Close() })
	return "http://" + listener.Addr().String(), nil
}

// orderAndKill sends orders to the first process, and kills the second meanwhile.
func (w *world) orderAndKill(ctx context.Context) error {
	killed := make(chan error, 1)
	go func() {
		for range killCount {
			if err := wait(ctx, killEvery); err != nil {
				killed <- err
				return
			}
			w.kill(1)
			if err := w.start(ctx, 1); err != nil {
				killed <- err
				return
			}
		}
		killed <- nil
	}()
	var failed error
	for i := range orderCount {
		failed = cmp.Or(failed, w.order(ctx, orderID(i)))
		_ = wait(ctx, killEvery*killCount/orderCount)
	}
	return errors.Join(failed, <-killed)
}

// order is asked for until the shop has it: the same order again changes nothing.
func (w *world) order(ctx context.Context, id string) error {
	return poll(ctx, "order "+id, func() bool {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.addresses[0]+"/orders/"+id, nil)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusCreated
	})
}

// awaitOrders waits until each order is done, or its ride is in doubt and was never made:
// Kapiten promises no unique reference, so that the journal does not send it again.
func (w *world) awaitOrders(ctx context.Context, db *database) (doubts int, err error) {
	err = poll(ctx, "all orders", func() bool {
		done := 0
		states, err := db.states(ctx)
		for _, state := range states {
			if state == stateDone {
				done++
			}
		}
		if doubts, err = w.ridesInDoubt(ctx, db, err); err != nil {
			return false
		}
		return done+doubts == orderCount
	})
	return doubts, err
}

// reverse has Kasapay take back a payout, and waits until the shop knows.
func (w *world) reverse(ctx context.Context, db *database) error {
	states, err := db.states(ctx)
	if err != nil {
		return err
	}
	for id, state := range states {
		if state != stateDone {
			continue
		}
		if err := w.kasapay.MovePayout(journal.Reference(id, purposePayout), kasapay.StatusReversed); err != nil {
			return err
		}
		err := poll(ctx, "the reversal", func() bool {
			states, err := db.states(ctx)
			return err == nil && states[id] == stateNotPaid
		})
		if err == nil {
			fmt.Printf("the payout of %s came back: its supplier is not paid, and a person knows\n", id)
		}
		return err
	}
	return errors.New("no order is done")
}

func (w *world) ridesInDoubt(ctx context.Context, db *database, err error) (doubts int, _ error) {
	if err != nil {
		return 0, err
	}
	rows, err := db.QueryContext(ctx, `SELECT reference FROM journal_entries WHERE flow = 'rides' AND state IN ('sending', 'stuck')`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	made := map[string]bool{}
	for _, ride := range w.kapiten.Rides(w.CompanyID) {
		made[ride.ExternalID] = true
	}
	for rows.Next() {
		var reference string
		if err := rows.Scan(&reference); err != nil {
			return 0, err
		}
		if !made[reference] {
			doubts++
		}
	}
	return doubts, rows.Err()
}

// start begins a process of the shop.
func (w *world) start(ctx context.Context, i int) error {
	s := w.settings
	s.Address = w.addresses[i]
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	w.processes[i] = exec.CommandContext(ctx, os.Args[0])
	w.processes[i].Env = append(os.Environ(), settingsVariable+"="+string(text))
	w.processes[i].Stderr = os.Stderr
	return w.processes[i].Start()
}

func (w *world) kill(i int) {
	if p := w.processes[i]; p != nil {
		_ = p.Process.Kill()
		_ = p.Wait() // it was killed: its status says so
		w.processes[i] = nil
	}
}

// stop ends the processes in good order.
func (w *world) stop() error {
	var errs []error
	for i, p := range w.processes {
		errs = append(errs, p.Process.Signal(os.Interrupt), p.Wait())
		w.processes[i] = nil
	}
	return errors.Join(errs...)
}

func (w *world) end() {
	for i := range w.processes {
		w.kill(i)
	}
	for _, c := range w.close {
		c()
	}
}

func poll(ctx context.Context, what string, done func() bool) error {
	for !done() {
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
