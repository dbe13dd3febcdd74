// Command fakeserver serves all fakes of this module behind one address, for
// tests that are not in Go, for demos and for black-box checks.
//
//	go run ./examples/fakeserver -addr 127.0.0.1:8099 -clock manual
//
// The first line on stdout is one JSON object. It has the base URL of each
// provider, of the admin API and of a console for people, and the credentials.
// Give a client a base URL as it stands. All else goes to stderr.
//
// A FiatConnect login needs a real signature of its wallet.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kapiteni/kapiten-go/internal/fakeserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := fakeserver.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fakeserver:", err)
		os.Exit(1)
	}
}
