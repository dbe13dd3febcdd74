package fakeserver

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
