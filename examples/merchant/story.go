package main

import (
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

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	orderCount = 6
	startMoney = 100_000
)

// world is the fake Kapiten and the merchant's process, seen from outside.
type world struct {
	fake    *kapitentest.Fake
	company kapitentest.Company
	settings
	process *exec.Cmd
}

// story plays it all and checks every sentence it prints.
func story(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "merchant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, closeWorld, err := newWorld(dir)
	if err != nil {
		return err
	}
	defer closeWorld()

	if err := w.start(ctx); err != nil {
		return err
	}
	for i := range orderCount - 1 {
		if err := w.order(ctx, i); err != nil {
			return err
		}
	}
	fmt.Printf("%d deliveries ordered\n", orderCount-1)
	if err := w.await(ctx, "a rider to have a package", func(o []order) bool { return anyWith(o, kapiten.RidePickedUp) }); err != nil {
		return err
	}

	// The last order reaches the process moments before it is killed.
	last := make(chan struct{})
	go func() {
		defer close(last)
		_ = w.order(ctx, orderCount-1) // whatever the outcome is: it is written down
	}()
	if err := w.await(ctx, "the last order to be written down", func(o []order) bool { return len(o) == orderCount }); err != nil {
		return err
	}
	if err := w.kill(); err != nil {
		return err
	}
	<-last
	fmt.Println("the backend was killed; its riders ride on")
	if err := w.fake.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDrop, Times: 5}); err != nil {
		return err
	}
	if err := w.awaitFailedCallbacks(ctx); err != nil {
		return err
	}
	fmt.Println("callbacks fell on deaf ears, others were never sent")
	if err := w.start(ctx); err != nil {
		return err
	}
	fmt.Println("the backend was started again")
	if err := w.await(ctx, "all deliveries to arrive", func(o []order) bool { return len(o) == orderCount && allWith(o, kapiten.RideCompleted) }); err != nil {
		return err
	}
	fmt.Printf("%d of %d deliveries arrived\n", orderCount, orderCount)
	if err := w.stop(); err != nil {
		return err
	}
	return w.audit(ctx)
}

func newWorld(dir string) (*world, func(), error) {
	w := &world{settings: settings{Database: filepath.Join(dir, "shop.db"), HookSecret: rand.Text()}}
	var err error
	if w.Address, err = freeAddress(); err != nil {
		return nil, nil, err
	}
	w.fake = kapitentest.New(kapitentest.Config{
		Autopilot: true,
		Options:   fake.Options{RealTime: true, Speed: 60}, // a minute a second
	})
	w.company = w.fake.AddCompany(kapitentest.Company{
		Name: "The shop", Balance: decimal.NewFromInt(startMoney),
		WebhookURL: "http://" + w.Address + "/hooks/kapiten/" + w.HookSecret,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.fake.Close()
		return nil, nil, err
	}
	server := &http.Server{Handler: w.fake, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	w.KapitenURL, w.Token, w.CompanyID = "http://"+listener.Addr().String(), w.company.Token, w.company.ID
	return w, func() {
		_ = w.kill()
		_ = server.Close()
		w.fake.Close()
	}, nil
}

// start begins the merchant's process and waits until it answers.
func (w *world) start(ctx context.Context) error {
	variable, err := w.environment()
	if err != nil {
		return err
	}
	w.process = exec.CommandContext(ctx, os.Args[0])
	w.process.Env = append(os.Environ(), variable)
	w.process.Stderr = os.Stderr
	if err := w.process.Start(); err != nil {
		return err
	}
	return w.await(ctx, "the backend to answer", func([]order) bool { return true })
}

func (w *world) kill() error {
	if w.process == nil {
		return nil
	}
	err := w.process.Process.Kill()
	_ = w.process.Wait() // it was killed: its status says so
	w.process = nil
	return err
}

// stop ends the merchant's process in good order.
func (w *world) stop() error {
	err := errors.Join(w.process.Process.Signal(os.Interrupt), w.process.Wait())
	w.process = nil
	return err
}

func (w *world) order(ctx context.Context, i int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s/orders/order-%d", w.Address, i), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("order %d: answered %d", i, res.StatusCode)
	}
	return nil
}

// await asks the backend for its orders until they are as wanted.
func (w *world) await(ctx context.Context, what string, wanted func([]order) bool) error {
	return poll(ctx, what, func() bool {
		orders, err := w.look(ctx)
		return err == nil && wanted(orders)
	})
}

func (w *world) look(ctx context.Context) (orders []order, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Address+"/orders", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	err = json.NewDecoder(res.Body).Decode(&orders)
	return orders, err
}

// awaitFailedCallbacks waits until a callback was tried in vain and another was
// never sent.
func (w *world) awaitFailedCallbacks(ctx context.Context) error {
	return poll(ctx, "callbacks to fail", func() bool {
		refused, dropped := false, false
		for _, d := range w.fake.Deliveries() {
			refused = refused || d.State == fake.DeliveryPending && len(d.Attempts) > 0
			dropped = dropped || d.State == fake.DeliveryDead && len(d.Attempts) == 0
		}
		return refused && dropped
	})
}

func poll(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func anyWith(orders []order, status kapiten.RideStatus) bool {
	for _, o := range orders {
		if o.Status == status {
			return true
		}
	}
	return false
}

func allWith(orders []order, status kapiten.RideStatus) bool {
	for _, o := range orders {
		if o.Status != status {
			return false
		}
	}
	return true
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
