// Command prove simulates days of merchants with faults and looks whether a promise
// of this module is broken:
//
//	go run -C examples/prove . -minutes 1
//	go run -C examples/prove . -seeds 10000
//	go run -C examples/prove . -seed 4711
//	go run -C examples/prove . -break all
//	go run -C examples/prove . -assumptions
//
// Each client has a day of its own, and a shop with sdk/journal on SQLite has the whole
// day. With -break it removes a rule of the SDK from a copy of the source, and shows
// how soon the simulation finds out. The repository itself is not changed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
)

// options are the flags.
type options struct {
	seeds       int
	minutes     float64
	seed        uint64
	day, broken string
	starts      int
	assumptions bool
	search      bool
	most        int
	shrink      time.Duration
}

func main() {
	testing.Init() // a bubble of testing/synctest wants a test
	var o options
	flag.IntVar(&o.seeds, "seeds", 0, "simulate so many days of each kind")
	flag.Float64Var(&o.minutes, "minutes", 0, "simulate new days for so long (default 1, without -seeds and -seed)")
	flag.Uint64Var(&o.seed, "seed", 0, "the first day (default: one that nobody has tried); alone: that one day")
	flag.StringVar(&o.day, "day", "", "only this kind of day: "+strings.Join(names(), ", "))
	flag.StringVar(&o.broken, "break", "", "break a rule, or all: "+strings.Join(ruleNames(), ", "))
	flag.IntVar(&o.starts, "starts", 20, "how often a broken rule is searched for")
	flag.IntVar(&o.most, "most", 3000, "days after which a search gives up")
	flag.DurationVar(&o.shrink, "shrink", time.Minute, "how long the shortest failing day is looked for")
	flag.BoolVar(&o.assumptions, "assumptions", false, "show which assumption about a provider carries which promise")
	flag.BoolVar(&o.search, "search", false, "print how many days it takes to find a violation (what -break runs)")
	flag.Parse()
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "prove", F: func(t *testing.T) {
		if err := run(t, o); err != nil {
			fmt.Fprintln(os.Stderr, "prove:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}}}, nil, nil)
}

func run(t *testing.T, o options) error {
	switch {
	case o.broken != "":
		return breakRules(t.Context(), o)
	case o.assumptions:
		return showAssumptions(t, o)
	case o.search:
		return search(t, o)
	}
	return prove(t, o)
}

// all are all days, those with a database first.
func all() []days.Day { return append([]days.Day{wholeDay(), receiving()}, days.All()...) }

func names() (list []string) {
	for _, d := range all() {
		list = append(list, d.Name)
	}
	return list
}

func chosen(o options) ([]days.Day, error) {
	if o.day == "" {
		return all(), nil
	}
	var list []days.Day
	for _, d := range all() {
		if slices.Contains(strings.Split(o.day, ","), d.Name) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no day is called %q", o.day)
	}
	return list, nil
}

// prove runs the days, and prints what they met.
func prove(t *testing.T, o options) error {
	list, err := chosen(o)
	if err != nil {
		return err
	}
	one := o.seed != 0 && o.seeds == 0 && o.minutes == 0
	switch {
	case one:
		o.seeds = 1
	case o.seeds == 0 && o.minutes == 0:
		o.minutes = 1
	}
	if o.seed == 0 {
		o.seed = sim.FreshSeed()
	}
	fmt.Printf("first seed %d, %d at a time\n", o.seed, runtime.GOMAXPROCS(0))
	var sum sim.Report
	var failures []string
	met := true
	for _, d := range list {
		c := d.Config
		c.Seed, c.Seeds, c.Workers, c.Progress, c.KeepGoing, c.Shrink = o.seed, o.seeds, runtime.GOMAXPROCS(0), os.Stderr, true, o.shrink
		if o.minutes > 0 {
			c.For = time.Duration(o.minutes * float64(time.Minute) / float64(len(list)))
		}
		if one {
			c.Workers = 1
		}
		r := sim.Explore(t, c, d.Program)
		fmt.Printf("%-16s %6d days in %7s, %d violations\n", d.Name, r.Days, r.Took.Round(time.Second/10), len(r.Failures))
		if missing := r.Missing(d.Meets...); tooLittle(r.Days, missing) {
			fmt.Printf("%12s never met: %s\n", "", strings.Join(missing, "; "))
			met = false
		}
		sum.Add(r)
		for _, f := range r.Failures {
			failures = append(failures, fmt.Sprintf("%s: %sagain: SIM_REPLAY=%s go run -C examples/prove . -day '%s' -seeds 1\n", d.Name, f, f.Replay, d.Name))
		}
	}
	fmt.Println()
	sum.Table(os.Stdout)
	for _, f := range failures[:min(len(failures), 5)] {
		fmt.Println("\n" + f)
	}
	if len(failures) > 0 {
		return errors.New("a promise is broken")
	}
	if !met {
		return errors.New("a thousand days never met what they are for, and prove little")
	}
	return nil
}

// tooLittle reports that so many days should have met what is missing.
func tooLittle(days int, missing []string) bool { return len(missing) > 0 && days >= 1000 }
