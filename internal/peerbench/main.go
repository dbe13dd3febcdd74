// Command peerbench measures this SDK beside its peers, and prints Markdown tables:
// one call of each client, one webhook verified, and a fake started and used.
//
//	go run -C internal/peerbench . [-rounds 101] [-slice 2ms] [-only calls,webhooks,fakes] [-readme]
//
// README.md of this folder says how to read the tables.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{out: os.Stdout, progress: os.Stderr}
	flag.IntVar(&o.rounds, "rounds", 101, "how often each side is measured")
	flag.DurationVar(&o.slice, "slice", 2*time.Millisecond, "how long a side runs in a round, about")
	only := flag.String("only", "calls,webhooks,fakes", "the parts to measure")
	flag.BoolVar(&o.readme, "readme", false, "print the lines of the root README alone, which need the calls")
	flag.Parse()
	o.only = strings.Split(*only, ",")
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds        int
	slice         time.Duration
	only          []string
	readme        bool
	out, progress io.Writer
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.slice <= 0 {
		return fmt.Errorf("rounds and slice must be more than zero")
	}
	parts := map[string]func() ([]*cell, func(), error){"calls": callCells, "webhooks": webhookCells, "fakes": fakeCells}
	about := fmt.Sprintf("%s; %d rounds of %v", machine(), o.rounds, o.slice)
	if o.readme {
		o.only = []string{"calls"}
	} else {
		fmt.Fprintln(o.out, about)
	}
	for _, name := range o.only {
		build, ok := parts[name]
		if !ok {
			return fmt.Errorf("no part %q", name)
		}
		if err := measurePart(ctx, o, about, name, build); err != nil {
			return err
		}
	}
	return nil
}

// measurePart measures one part by itself, so that the memory of one does not slow
// the garbage collection of another.
func measurePart(ctx context.Context, o options, about, name string, build func() ([]*cell, func(), error)) error {
	cells, done, err := build()
	if err != nil {
		return err
	}
	defer done()
	rounds := o.rounds
	if name == "fakes" {
		rounds = min(rounds, 11) // a round takes a second
	}
	if err := measure(ctx, cells, rounds, o.slice, func(round int) {
		fmt.Fprintf(o.progress, "\r%s: round %d of %d ", name, round+1, rounds)
	}); err != nil {
		return err
	}
	fmt.Fprintln(o.progress)
	switch {
	case o.readme:
		writeReadme(o.out, cells, about)
	case name == "calls":
		writeCalls(o.out, cells)
	default:
		writeCells(o.out, cells)
	}
	return nil
}

// machine names what the numbers depend on. A load of one and more says that others
// are at work on the machine.
func machine() string {
	cores := fmt.Sprintf("%d cores", runtime.NumCPU())
	var load float64
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(text), &load)
	}
	switch {
	case err != nil:
		cores += ", load unknown"
	case load >= 1:
		cores = fmt.Sprintf("%d shared cores, load %.0f", runtime.NumCPU(), load)
	}
	return fmt.Sprintf("%s, %s, %s/%s, %s", time.Now().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, cores)
}

// versioned is the name of a peer with the version that is linked.
func versioned(name, module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return name + " " + dep.Version
		}
	}
	return name
}
