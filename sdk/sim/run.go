package sim

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Config says which days are simulated. The zero value is useful.
type Config struct {
	// Seeds is how many days. Default: 100. SIM_SEEDS overrides it.
	Seeds int
	// Seed is the first day. Default: 1. SIM_SEED overrides it, and alone it asks for
	// that one day.
	Seed uint64
	// For simulates new days for so long, in real time, instead of Seeds.
	For time.Duration
	// Workers is how many days are simulated at the same time. Default: 1.
	Workers int

	// Profiles are what providers and networks are assumed to do; each day takes one.
	// Default: Documented.
	Profiles []Profile
	// Outages names the providers that may be out of reach for an hour: "kpay".
	Outages []string
	// Trouble is how long things go wrong, at most, in the time of the simulation.
	// Default: 90 min. It ends sooner when all processes are over.
	Trouble time.Duration
	// Settle is how long after the trouble everything must be settled, and how long
	// providers then go on before the ledgers are looked at. Default: 6 h.
	Settle time.Duration
	// Database opens a connector to the database file of a day, for Process.DB.
	Database Database

	// Watchdog ends the program when one day takes longer, in real time. Default: 2 min.
	Watchdog time.Duration
	// Shrink bounds the search for the shortest failing day. Default: 10 s. Negative: none.
	Shrink time.Duration
	// Progress, when set, gets a line now and then.
	Progress io.Writer
	// KeepGoing goes on after a failing day, and counts.
	KeepGoing bool
}

// Report is what a run has met. A run that has met too little proves nothing.
type Report struct {
	Days      int
	Requests  int
	Callbacks int
	Calls     int            // of Process.Call
	Faults    map[Fault]int  // by kind
	Outcomes  map[string]int // what was told
	Met       map[string]int // days on which a situation was met
	Doubts    int            // references with an unknown outcome
	Settled   int            // ... that were settled later
	Handed    int            // ... that a person has to settle: see World.Stuck
	Debits    int
	Failures  []Failure
	Took      time.Duration
}

func newReport() Report {
	return Report{Faults: map[Fault]int{}, Outcomes: map[string]int{}, Met: map[string]int{}}
}

// Missing are those of some situations, faults and outcomes that a run has not met.
func (r Report) Missing(wanted ...string) (missing []string) {
	for _, name := range wanted {
		if r.Met[name]+r.Faults[Fault(name)]+r.Outcomes[name] == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

// Failure is a day that broke a promise.
type Failure struct {
	Seed       uint64
	Profile    string
	Violations []Violation
	Replay     string // for SIM_REPLAY
	Story      string
	Choices    [2]int // before and after shrinking; of a day that is made again the first is 0
}

func (f Failure) String() string {
	var b strings.Builder
	if f.Seed != 0 { // it is made again from its choices
		fmt.Fprintf(&b, "seed %d, ", f.Seed)
	}
	fmt.Fprintf(&b, "profile %s", f.Profile)
	if f.Choices[1] < f.Choices[0] {
		fmt.Fprintf(&b, "; shrunk from %d to %d choices", f.Choices[0], f.Choices[1])
	}
	b.WriteString("\n" + f.Story)
	const most = 5
	for _, v := range f.Violations[:min(len(f.Violations), most)] {
		fmt.Fprintf(&b, "BROKEN: %s: %s\n", v.Kind, v.Text)
	}
	if more := len(f.Violations) - most; more > 0 {
		fmt.Fprintf(&b, "BROKEN: %d more\n", more)
	}
	return b.String()
}

// Add adds another run.
func (r *Report) Add(other Report) {
	r.Failures, r.Took = append(r.Failures, other.Failures...), r.Took+other.Took
	if r.Faults == nil {
		empty := newReport()
		r.Faults, r.Outcomes, r.Met = empty.Faults, empty.Outcomes, empty.Met
	}
	r.Days += other.Days
	r.add(other)
}

func (r *Report) add(day Report) {
	r.Requests += day.Requests
	r.Callbacks += day.Callbacks
	r.Calls += day.Calls
	r.Doubts += day.Doubts
	r.Settled += day.Settled
	r.Handed += day.Handed
	r.Debits += day.Debits
	for k, n := range day.Faults {
		r.Faults[k] += n
	}
	for k, n := range day.Outcomes {
		r.Outcomes[k] += n
	}
	for k, n := range day.Met {
		r.Met[k] += n
	}
}

// Table writes the report for people.
func (r Report) Table(out io.Writer) {
	row := func(name string, n int) { fmt.Fprintf(out, "%-66s %9d\n", name, n) }
	row("days", r.Days)
	row("requests", r.Requests)
	row("callbacks", r.Callbacks)
	row("calls", r.Calls)
	for _, k := range slices.Sorted(maps.Keys(r.Outcomes)) {
		row("  told "+k, r.Outcomes[k])
	}
	for _, k := range slices.Sorted(maps.Keys(r.Faults)) {
		row("  fault "+string(k), r.Faults[k])
	}
	for _, k := range slices.Sorted(maps.Keys(r.Met)) {
		row("  days with "+k, r.Met[k])
	}
	row("unknown outcomes met", r.Doubts)
	row("  settled", r.Settled)
	row("  handed to a person", r.Handed)
	row("  not settled", r.Doubts-r.Settled-r.Handed)
	row("debits", r.Debits)
	row("violations", len(r.Failures))
}

// Run simulates days of a merchant's program, and fails the test when one breaks a
// promise: with its shortest story, and the command that makes it again.
func Run(t *testing.T, cfg Config, program func(w *World)) {
	t.Helper()
	r := Explore(t, cfg, program)
	for _, f := range r.Failures {
		t.Errorf("%sreplay: SIM_REPLAY=%s go test -run %s", f, f.Replay, only(t.Name()))
	}
	t.Logf("%d days in %s: %d requests, %d calls, %d unknown outcomes (%d settled, %d handed to a person), %d debits",
		r.Days, r.Took.Round(time.Millisecond), r.Requests, r.Calls, r.Doubts, r.Settled, r.Handed, r.Debits)
}

// only is the pattern, quoted for a shell, that has go test run one test.
func only(name string) string {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(name), "/", "$/^") + "$"
	return "'" + strings.ReplaceAll(pattern, "'", `'\''`) + "'"
}

// Explore is Run for programs that judge the report themselves.
func Explore(t *testing.T, cfg Config, program func(w *World)) Report {
	t.Helper()
	cfg = cfg.withDefaults(t)
	total := newReport()
	began := time.Now()
	if text := os.Getenv("SIM_REPLAY"); text != "" {
		bytes, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		d := simulate(t, cfg, chosenAs(bytes), program)
		total.Days++
		total.add(d.report)
		day := story(d.lines, 1000)
		if len(d.broken) == 0 {
			t.Logf("profile %s\n%s", d.profile, day)
			return total
		}
		f := d.failure(0, 0)
		f.Story = day
		total.Failures = []Failure{f}
		return total
	}
	var mu sync.Mutex
	next, shown := cfg.Seed, time.Now()
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case len(total.Failures) > 0 && !cfg.KeepGoing:
			return 0, false
		case cfg.For > 0 && time.Since(began) >= cfg.For, cfg.For <= 0 && next-cfg.Seed >= uint64(cfg.Seeds):
			return 0, false
		}
		next++
		return next - 1, true
	}
	work := func(t *testing.T) {
		for seed, ok := take(); ok; seed, ok = take() {
			d := simulate(t, cfg, chosenBy(seed), program)
			var failed *Failure
			if len(d.broken) > 0 {
				f := shortest(t, cfg, program, d, seed)
				failed = &f
			}
			mu.Lock()
			total.Days++
			total.add(d.report)
			if cfg.Seeds == 1 && failed == nil && testing.Verbose() {
				t.Logf("seed %d, profile %s\n%s", seed, d.profile, story(d.lines, 1000))
			}
			if failed != nil {
				total.Failures = append(total.Failures, *failed)
				if cfg.Progress != nil {
					fmt.Fprintf(cfg.Progress, "%8.0fs  BROKEN: %s\n", time.Since(began).Seconds(), failed)
				}
			}
			if cfg.Progress != nil && time.Since(shown) > 2*time.Second {
				shown = time.Now()
				fmt.Fprintf(cfg.Progress, "%8.0fs  day %d, seed %d, %d requests, %d violations\n", time.Since(began).Seconds(), total.Days, seed, total.Requests, len(total.Failures))
			}
			mu.Unlock()
		}
	}
	if cfg.Workers == 1 {
		work(t)
	} else {
		var workers sync.WaitGroup
		for i := range cfg.Workers {
			workers.Go(func() { t.Run("worker "+strconv.Itoa(i+1), work) })
		}
		workers.Wait()
	}
	total.Took = time.Since(began)
	return total
}

// Fuzz makes the days of a program a fuzz target: the input is the choices. SIM_REPLAY is
// an input, too.
func Fuzz(f *testing.F, cfg Config, program func(w *World)) {
	f.Helper()
	cfg = cfg.withDefaults(f)
	if text := os.Getenv("SIM_REPLAY"); text != "" {
		bytes, err := decode(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes)
	} else {
		for seed := range uint64(4) {
			c := chosenBy(seed + 1)
			for range 200 {
				c.next()
			}
			f.Add(c.used)
		}
	}
	name := f.Name()
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if d := simulate(t, cfg, chosenAs(bytes), program); len(d.broken) > 0 {
			t.Errorf("%sreplay: SIM_REPLAY=%s go test -run %s", d.failure(0, 0), encode(d.used), only(name))
		}
	})
}

// Repeat makes the same day n times, and says where two of them differ. A program
// that draws random numbers, asks for the wall clock or ranges over a map does.
func Repeat(t *testing.T, cfg Config, seed uint64, n int, program func(w *World)) (difference string) {
	cfg = cfg.withDefaults(t)
	first := simulate(t, cfg, chosenBy(seed), program)
	for range n - 1 {
		if d := differs(first, simulate(t, cfg, chosenBy(seed), program)); d != "" {
			return d
		}
	}
	return ""
}

func differs(a, b outcomeOfDay) string {
	if fingerprint(a.lines) == fingerprint(b.lines) {
		return ""
	}
	return difference(a.lines, b.lines)
}

// FreshSeed is a first seed that nobody has tried, for Config.Seed. Print it.
func FreshSeed() uint64 { return rand.Uint64N(1 << 40) }

func (c Config) withDefaults(t testing.TB) Config {
	t.Helper()
	if c.Seeds == 0 {
		c.Seeds = 100
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	seed, seeds := os.Getenv("SIM_SEED"), os.Getenv("SIM_SEEDS")
	if seed != "" {
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatalf("SIM_SEED is %q, and no number", seed)
		}
		if c.Seed = n; seeds == "" {
			c.Seeds, c.For = 1, 0
		}
	}
	if seeds != "" {
		n, err := strconv.Atoi(seeds)
		if err != nil || n < 1 {
			t.Fatalf("SIM_SEEDS is %q, and no number of days", seeds)
		}
		c.Seeds = n
	}
	c.Workers = max(c.Workers, 1)
	if len(c.Profiles) == 0 {
		c.Profiles = []Profile{Documented}
	}
	c.Trouble = cmp.Or(c.Trouble, 90*time.Minute)
	c.Settle = cmp.Or(c.Settle, 6*time.Hour)
	c.Watchdog = cmp.Or(c.Watchdog, 2*time.Minute)
	c.Shrink = cmp.Or(c.Shrink, 10*time.Second)
	return c
}

// outcomeOfDay is what is left of a day.
type outcomeOfDay struct {
	profile string
	broken  []Violation
	lines   []line
	used    []byte
	report  Report
}

func (d outcomeOfDay) failure(seed uint64, before int) Failure {
	return Failure{Seed: seed, Profile: d.profile, Violations: d.broken, Replay: encode(d.used), Story: story(d.lines, storyLines), Choices: [2]int{before, len(trimmed(d.used))}}
}

const deadlocked = "deadlock"

// simulate makes one day in a bubble of its own.
func simulate(t *testing.T, cfg Config, c *choices, program func(w *World)) (d outcomeOfDay) {
	t.Helper()
	var w *World
	defer func() {
		if p := recover(); p != nil { // a deadlock of the bubble
			d = outcomeOfDay{broken: []Violation{{deadlocked, fmt.Sprint(p) + survivors()}}}
			if w != nil {
				d.profile, d.lines, d.used = w.profile.Name, w.lines, w.choices.used
			}
		}
	}()
	folder := ""
	if cfg.Database != nil {
		// Not t.TempDir: the name of a subtest may hold a "#", which ends the path in a URI
		// of SQLite, and so days would share a file.
		var err error
		if folder, err = os.MkdirTemp("", "sim"); err != nil { //nolint:usetesting // see above
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
	}
	// A goroutine that waits for something outside the bubble, or for a mutex whose
	// holder waits, stops the day's clock for ever.
	watchdog := time.AfterFunc(cfg.Watchdog, func() {
		soFar := ""
		if w != nil && w.mu.TryLock() {
			soFar = story(w.lines, storyLines) + "SIM_REPLAY=" + encode(c.used) + " makes it again\n"
		}
		panic(fmt.Sprintf("sim: a day takes longer than %s; the stacks show what it waits for\n%s", cfg.Watchdog, soFar))
	})
	defer watchdog.Stop()
	synctest.Test(t, func(*testing.T) {
		w = newWorld(cfg, c)
		w.folder = folder
		w.day(program)
	})
	return outcomeOfDay{w.profile.Name, w.broken, w.lines, c.used, w.report}
}

// survivors are the goroutines which are left of a day, and where each waits in code
// that is not Go's own.
func survivors() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var b strings.Builder
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if !strings.Contains(stack[:min(len(stack), 120)], "synctest bubble") {
			continue
		}
		lines := strings.Split(stack, "\n")
		fmt.Fprintf(&b, "\n%s", lines[0])
		shown := 0
		for i := 1; i+1 < len(lines) && shown < 4; i += 2 {
			if !strings.Contains(lines[i+1], "/src/runtime/") && !strings.Contains(lines[i+1], "/src/testing/") || strings.Contains(lines[i], "sql.") {
				fmt.Fprintf(&b, "\n    %s", lines[i])
				shown++
			}
		}
	}
	return b.String()
}

// shortest shrinks a failing day, once it has failed again in the same way.
func shortest(t *testing.T, cfg Config, program func(w *World), d outcomeOfDay, seed uint64) Failure {
	before, kind := len(trimmed(d.used)), d.broken[0].Kind
	if cfg.Shrink < 0 {
		return d.failure(seed, before)
	}
	until, tries := time.Now().Add(cfg.Shrink), 0
	best := d
	fails := func(bytes []byte) ([]byte, bool) {
		tries++
		try := simulate(t, cfg, chosenAs(bytes), program)
		same := slices.ContainsFunc(try.broken, func(v Violation) bool { return v.Kind == kind })
		if same {
			best = try
		}
		return try.used, same
	}
	// A deadlock's text has the numbers of goroutines, and those that other days have left.
	same := func(a, b Violation) bool { return a == b || a.Kind == b.Kind && a.Kind == deadlocked }
	if again := simulate(t, cfg, chosenAs(d.used), program); !slices.EqualFunc(again.broken, d.broken, same) {
		f := d.failure(seed, before)
		f.Story += "THE DAY DOES NOT REPEAT: " + differs(d, again) + "\n"
		return f
	}
	short := shrink(d.used, fails, func() bool { return tries < 2000 && time.Now().Before(until) })
	if again := simulate(t, cfg, chosenAs(short), program); len(again.broken) > 0 {
		best = again
	}
	return best.failure(seed, before)
}
