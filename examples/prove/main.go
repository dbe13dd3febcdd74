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
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(2)
	}
	testing.Init() // a bubble of testing/synctest wants a test, and a test wants its flags
	_ = flag.CommandLine.Parse(nil)
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "prove", F: func(t *testing.T) {
		if err := run(t, o); err != nil {
			fmt.Fprintln(os.Stderr, "prove:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}}}, nil, nil)
}

// parse reads the flags, and refuses what would be left out in silence.
func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("prove", flag.ContinueOnError)
	f.IntVar(&o.seeds, "seeds", 0, "simulate so many days of each kind")
	f.Float64Var(&o.minutes, "minutes", 0, "simulate new days for so long (default 1, without -seeds and -seed)")
	f.Uint64Var(&o.seed, "seed", 0, "the first day (default: one that nobody has tried); alone: that one day")
	f.StringVar(&o.day, "day", "", "only these kinds of days, with commas between: "+strings.Join(names(), ", "))
	f.StringVar(&o.broken, "break", "", "break a rule, or all: "+strings.Join(ruleNames(), ", "))
	f.IntVar(&o.starts, "starts", 20, "how often a broken rule is searched for")
	f.IntVar(&o.most, "most", 3000, "days after which a search gives up")
	f.DurationVar(&o.shrink, "shrink", time.Minute, "how long the shortest failing day is looked for")
	f.BoolVar(&o.assumptions, "assumptions", false, "show which assumption about a provider carries which promise")
	f.BoolVar(&o.search, "search", false, "print how many days it takes to find a violation (what -break runs)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q? See -h", f.Arg(0))
	}
	if o.broken != "" && o.broken != "all" && !slices.Contains(ruleNames(), o.broken) {
		return o, fmt.Errorf("no rule is called %q. The rules: all, %s", o.broken, strings.Join(ruleNames(), ", "))
	}
	given := map[string]bool{}
	f.Visit(func(flag *flag.Flag) { given[flag.Name] = true })
	for mode, unused := range map[string][]string{
		"break":       {"seeds", "minutes", "seed", "assumptions", "search"},
		"search":      {"seeds", "minutes", "seed", "assumptions"},
		"assumptions": {"minutes", "day", "shrink"},
		"minutes":     {"seeds"},
	} {
		for _, name := range unused {
			if given[mode] && given[name] {
				return o, fmt.Errorf("-%s has no use for -%s", mode, name)
			}
		}
	}
	for _, name := range []string{"starts", "most"} {
		if given[name] && !given["break"] && !given["search"] {
			return o, fmt.Errorf("-%s is for -break", name)
		}
	}
	if o.broken == "all" && given["shrink"] {
		return o, errors.New("-break all shows no story to shrink")
	}
	if given["seeds"] && o.seeds < 1 || given["minutes"] && o.minutes <= 0 || o.starts < 1 || o.most < 1 {
		return o, errors.New("-seeds, -minutes, -starts and -most are numbers above zero")
	}
	for day := range strings.SplitSeq(o.day, ",") {
		if o.day != "" && !slices.Contains(names(), day) {
			return o, fmt.Errorf("no day is called %q. The days: %s", day, strings.Join(names(), ", "))
		}
	}
	return o, nil
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

// chosen are the days that were asked for.
func chosen(o options) []days.Day {
	return slices.DeleteFunc(all(), func(d days.Day) bool {
		return o.day != "" && !slices.Contains(strings.Split(o.day, ","), d.Name)
	})
}

// prove runs the days, and prints what they met.
func prove(t *testing.T, o options) error {
	list := chosen(o)
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
