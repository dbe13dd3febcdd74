// Merchant is a small shop backend that orders deliveries and follows them by
// webhook, on a SQLite file. Run without arguments it plays a story against the
// embedded fake: deliveries are ordered, the backend's process is killed in the
// middle (SIGKILL) and started again, a few callbacks never come at all, and in
// the end its books are held against the fake's. It exits 0 only if every line
// it printed is true.
//
//	go run .
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
