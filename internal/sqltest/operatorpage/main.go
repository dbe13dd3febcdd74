// Command operatorpage serves the journal's page over SQLite, with entries in several
// states, for the tests in a browser. It prints its address.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"
	_ "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

type payout struct {
	Reference, How string
	Amount         decimal.Decimal
}

type receipt struct{ Status string }

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "operatorpage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	j, err := journal.Open(ctx, db, journal.SQLite, journal.Config{Every: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	flow := journal.New(j, "payouts", provider(), nil)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i, how := range []string{"paid", "lost", "lost", `<img src=x onerror="document.title='owned'">`, "pending"} {
		if err := flow.Plan(ctx, tx, payout{fmt.Sprintf("order-%d %s", i+1, how), how, decimal.NewFromInt(4200)}); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/staff/journal/", j.Page(func(r *http.Request) (string, error) {
		if name, secret, ok := r.BasicAuth(); ok && secret == "test" {
			return name, nil
		}
		return "", errors.New("who is it?")
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- j.Run(ctx) }()
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { ended <- server.Serve(listener) }()
	fmt.Printf("http://%s/staff/journal/\n", listener.Addr())
	return <-ended
}

// provider responds as each payout says.
func provider() journal.Provider[payout, receipt] {
	return journal.Provider[payout, receipt]{
		Identify: func(p payout) (journal.Identity, error) {
			return journal.Identity{Reference: p.Reference, Amount: p.Amount, Currency: "RWF"}, nil
		},
		Deciding: []func(payout) []string{func(p payout) []string { return []string{p.Reference, p.Amount.String()} }},
		Judge: func(r receipt) journal.Kind {
			if r.Status == "paid" {
				return journal.Succeeded
			}
			return journal.Pending
		},
		Steps: []journal.Step[payout, receipt]{{
			Name: "pay", Class: sdk.Once,
			Prepare: func(_ context.Context, r journal.Request[payout, receipt]) ([]byte, error) {
				return []byte(r.Reference), nil
			},
			Send: func(_ context.Context, r journal.Request[payout, receipt]) (receipt, error) {
				if r.Params.How == "paid" || r.Params.How == "pending" {
					return receipt{r.Params.How}, nil
				}
				return receipt{}, &sdk.Error{Outcome: sdk.Unknown, Reference: r.Reference}
			},
		}},
		Poll: func(_ context.Context, r journal.Request[payout, receipt]) (receipt, error) {
			return receipt{r.Params.How}, nil
		},
	}
}
