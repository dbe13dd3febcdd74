// Command fakeserver serves all fakes of this module behind one address, for
// tests that are not in Go, for demos and for black-box checks.
//
//	go run ./examples/fakeserver -addr 127.0.0.1:8099 -clock manual
//
// The first line on stdout is one JSON object: the base URL of each provider as
// a client can be given it, the admin API, a console for people, and the default
// credentials. Everything else goes to stderr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kapiteni/kapiten-go/internal/fake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fakeserver:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	addr      string
	publicURL string
	world     fake.Options
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var clock string
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8099", "address to listen on; port 0 picks a free one")
	flags.StringVar(&clock, "clock", "real", "real: the clock follows real time; manual: it stands still until advanced")
	flags.Float64Var(&s.world.Speed, "speed", 1, "virtual seconds per real second, with -clock real")
	flags.Uint64Var(&s.world.Seed, "seed", 1, "makes all ids")
	flags.StringVar(&s.publicURL, "public-url", "", "the address clients use, where a proxy stands between")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch clock {
	case "real":
		s.world.RealTime = true
	case "manual":
		s.world.Start = time.Now().UTC().Truncate(time.Second)
	default:
		return settings{}, fmt.Errorf("-clock must be real or manual, not %q", clock)
	}
	if !(s.world.Speed > 0) {
		return settings{}, errors.New("-speed must be greater than zero")
	}
	s.world.PublicURL = s.publicURL
	s.world.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	return s, nil
}
