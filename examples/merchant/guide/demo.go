package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"
	"modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// demo is what a story runs on: the world of the fakes, the shop's database, and the
// shop's server, which the fakes call in memory.
type demo struct {
	out    io.Writer
	file   string // the database
	world  *fake.World
	sqlite *sqlite.Driver
	secret string // of the callback URLs
	server atomic.Pointer[http.ServeMux]

	running sync.WaitGroup
	closes  []func()
}

func newDemo(file string, out io.Writer) *demo {
	s := &demo{out: out, file: file, sqlite: &sqlite.Driver{}, secret: rand.Text()}
	s.server.Store(http.NewServeMux())
	s.world = fake.NewWorld(fake.Options{Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.server.Load().ServeHTTP(w, r) })})
	// The journal asks the database for the time: SQLite shall tell the simulated one.
	s.sqlite.MustRegisterScalarFunction("julianday", 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return float64(time.Now().UnixMicro())/86_400_000_000 + 2440587.5, nil
	})
	return s
}

func (s *demo) close() {
	s.running.Wait()
	for i := len(s.closes) - 1; i >= 0; i-- {
		s.closes[i]()
	}
}

func (s *demo) say(text string, args ...any) { fmt.Fprintf(s.out, text+"\n", args...) }

// database opens the shop's database and creates the tables of a story.
func (s *demo) database(ctx context.Context, tables ...string) (*sql.DB, error) {
	db := sql.OpenDB(connector{s.sqlite, "file:" + s.file + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate"})
	s.closes = append(s.closes, func() { _ = db.Close() })
	for _, table := range tables {
		if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+table); err != nil {
			return nil, err
		}
	}
	return db, nil
}

type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// work runs the journal until ctx ends, as each process of the shop does.
func (s *demo) work(ctx context.Context, j *journal.Journal) {
	s.running.Go(func() {
		if err := j.Run(ctx); !errors.Is(err, context.Canceled) {
			s.say("the journal ended: %v", err)
		}
	})
}

// unhurried looks for work every ten seconds, which makes long stories cheap, and waits
// without chance, so that a story is the same again. In earnest leave the defaults.
func unhurried() journal.Config {
	return journal.Config{Every: 10 * time.Second, Jitter: func(bound time.Duration) time.Duration { return bound / 2 }}
}

// alerts are the entries that wait for a person.
func alerts() (<-chan journal.Entry, journal.Config) {
	waits, cfg := make(chan journal.Entry, 8), unhurried()
	cfg.OnStuck = func(_ context.Context, e journal.Entry) error {
		waits <- e
		return nil
	}
	return waits, cfg
}

// urls are callback URLs: one for each request, which nobody can guess.
func (s *demo) urls(provider string) *webhook.Capabilities {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: provider, BaseURL: "https://shop.example/hooks/" + provider}, s.secret)
	if err != nil {
		panic(err) // the settings above are right
	}
	return urls
}

// history says what happened to an entry.
func (s *demo) history(ctx context.Context, j *journal.Journal, flow, reference string) error {
	records, err := j.History(ctx, flow, reference)
	if err != nil {
		return err
	}
	events := make([]string, 0, len(records))
	for _, r := range records {
		events = append(events, r.Event)
	}
	s.say("history: %s", strings.Join(events, ", "))
	return nil
}

// inTx commits what work has written, or nothing.
func inTx(ctx context.Context, db *sql.DB, work func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// pause lets simulated time pass.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func francs(n int64) decimal.Decimal { return decimal.NewFromInt(n) }
