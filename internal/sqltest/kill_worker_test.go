package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/kapiteni/kapiten-go/webhook"
)

// A worker is a merchant's process: this test binary, started again with these
// variables. It prints its address and runs until its standard input closes.
const (
	workerVariable = "SQLTEST_WORKER" // "sync", "background" or "kapiten"
	dsnVariable    = "SQLTEST_DSN"
)

// merchantTables are the merchant's own. Nothing in them stops a second effect:
// it would show.
const merchantTables = `
CREATE TABLE applied (n bigserial PRIMARY KEY, reference text NOT NULL, status text NOT NULL, worker bigint NOT NULL);
CREATE TABLE parcels (reference text PRIMARY KEY, status text NOT NULL, rank bigint NOT NULL, backwards bigint NOT NULL DEFAULT 0);`

func work() {
	mode := os.Getenv(workerVariable)
	run := func() error { return serve(mode, os.Getenv(dsnVariable)) }
	if mode == "journal" {
		run = workJournal
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func serve(mode, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(12)
	inbox, err := webhook.NewSQLInbox(db, webhook.Postgres)
	if err != nil {
		return err
	}
	h, err := handler(mode, inbox)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 3)
	if mode == "background" {
		go func() { ended <- h.Run(ctx) }()
	}
	go func() { ended <- http.Serve(listener, h) }()
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- errors.Join(err, io.EOF)
	}()
	fmt.Println(listener.Addr())
	if err := <-ended; !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// receiver is a webhook.Handler of any event type.
type receiver interface {
	http.Handler
	Run(context.Context) error
}

func handler(mode string, inbox *webhook.SQLInbox) (receiver, error) {
	switch mode {
	case "kapiten":
		return webhook.New(receives(webhook.Kapiten(), inbox))
	case "background":
		cfg := receives(parcels(), inbox)
		cfg.Background = &webhook.Background{Workers: 4, MaxAttempts: 1000, FirstDelay: 10 * time.Millisecond, MaxDelay: 100 * time.Millisecond, Poll: 50 * time.Millisecond}
		return webhook.New(cfg)
	default:
		return webhook.New(receives(parcels(), inbox))
	}
}

func receives[E any](source webhook.Source[E], inbox *webhook.SQLInbox) webhook.Config[E] {
	return webhook.Config[E]{
		Source:   source,
		Auth:     []webhook.Authenticator{webhook.PathSecret(parcelSecret)},
		Inbox:    inbox,
		HandleTx: apply[E],
		Lease:    400 * time.Millisecond, // a killed worker's events are taken over soon
		Wait:     50 * time.Millisecond,
	}
}

// apply is the merchant's function: two writes with a little time between them,
// for the process to be killed in.
func apply[E any](ctx context.Context, tx *sql.Tx, ev webhook.Event[E]) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO applied (reference, status, worker) VALUES ($1, $2, $3)`, ev.Reference, ev.Status, os.Getpid()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_sleep(random() * 0.01)`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO parcels AS p (reference, status, rank) VALUES ($1, $2, $3)
		ON CONFLICT (reference) DO UPDATE SET status = excluded.status, rank = excluded.rank,
			backwards = p.backwards + CASE WHEN excluded.rank < p.rank THEN 1 ELSE 0 END`,
		ev.Reference, ev.Status, rank(ev.Status))
	return err
}
