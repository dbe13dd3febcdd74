// Command fakeserver is examples/fakeserver with a real check of the signatures
// of FiatConnect logins. The flags are the same.
//
//	cd internal/siwesigner && go run ./cmd/fakeserver
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
	"github.com/kapiteni/kapiten-go/internal/siwesigner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := fakeserver.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, fakeserver.Options{VerifySignature: siwesigner.Verify})
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fakeserver:", err)
		os.Exit(1)
	}
}
