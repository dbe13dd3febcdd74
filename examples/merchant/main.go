// Merchant is a small shop on package sdk/journal: it collects the money for an order, sends
// a rider, and pays its supplier. Run without arguments it plays a story against the
// embedded fakes. Two processes of the shop share one database, and one of them is
// killed (SIGKILL) again and again. In the end the shop's books are compared with the
// providers' ledgers. It exits 0 only if every line it printed is true.
//
//	go run .                                            # on a SQLite file
//	DATABASE_URL=postgres://localhost/shop go run .     # on PostgreSQL
//
// The database must be empty, or one that the story has used before.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := story
	if os.Getenv(settingsVariable) != "" {
		run = serveBackend
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "merchant:", err)
		os.Exit(1)
	}
}
