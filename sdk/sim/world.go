package sim

import (
	"cmp"
	"context"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// World is one day: the merchant's processes, the providers' fakes, the network
// between them, and the time. It stands in a bubble of testing/synctest, so that a
// day takes milliseconds.
type World struct {
	cfg     Config
	profile Profile
	begin   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	turns   turnstile
	calm    chan struct{} // closed when the trouble is over
	running sync.WaitGroup
	held    sync.WaitGroup
	fakes   *fake.World
	folder  string

	services []*service
	checks   []func(Ledgers) error

	making sync.Mutex // of the fakes

	mu        sync.Mutex
	choices   *choices
	adversary *adversary
	banks     []*bank
	calls     []*call
	absent    []look
	quiet     time.Duration            // when the trouble was over
	forwarded []*outgoing              // requests that their providers work on
	noted     map[string]int           // debits of a payment that the request which made them has noted, by provider and id
	owners    map[string]*call         // of what made a payment, or took its money, by provider and id
	made      map[string]time.Duration // when a request made a payment, by provider and id
	pasts     map[string][]*past
	swappers  map[string]*swapper
	stuck     map[string]string
	onTheWay  map[string]int             // requests held back, by provider and reference
	posted    map[string][]*http.Request // genuine callbacks, by URL
	posts     int
	off       time.Duration   // how wrong the clock of the database is
	met       map[string]bool // on this day
	lines     []line
	report    Report
	broken    []Violation

	kpay    *kpaytest.Fake
	kasapay *kasapaytest.Fake
	kapiten *kapitentest.Fake
	company kapitentest.Company
	kotani  *kotanitest.Fake
	bitpesa *bitpesatest.Fake
}

func newWorld(cfg Config, c *choices) *World {
	w := &World{
		cfg: cfg, choices: c, begin: time.Now(), calm: make(chan struct{}),
		noted: map[string]int{}, owners: map[string]*call{}, made: map[string]time.Duration{}, pasts: map[string][]*past{}, swappers: map[string]*swapper{}, stuck: map[string]string{},
		onTheWay: map[string]int{}, posted: map[string][]*http.Request{}, met: map[string]bool{},
		report: newReport(),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.profile = cfg.Profiles[c.choose(len(cfg.Profiles))]
	w.adversary = newAdversary(c, w.profile, cfg.Outages)
	w.fakes = fake.NewWorld(fake.Options{RealTime: true, CallbackClient: &http.Client{Transport: &postman{w}}})
	w.fakes.Attach(&quietTB{func(text string) { w.violate("fake", "a fake failed: %s", text) }})
	return w
}

// Profile is what this day's providers and networks are assumed to do.
func (w *World) Profile() Profile { return w.profile }

// Now is the time of the simulation.
func (w *World) Now() time.Time { return time.Now() }

// Since is how long the day has lasted.
func (w *World) Since() time.Duration { return w.since() }

// Choose takes a choice below n from the day's stream, 256 at most. Zero should be
// the simple case: shrinking leads to it. Call it where the order of actors is
// certain: in the program itself, or after Quiesce.
func (w *World) Choose(n int) int { return w.choose(n) }

// Quiesce waits until every other actor of the world waits.
func (w *World) Quiesce(name string) { w.turns.wait(name + " quiesce") }

// Actor runs f beside the processes: a customer, or an operator. Nobody kills it.
func (w *World) Actor(name string, f func(ctx context.Context)) {
	w.running.Go(func() {
		defer w.caught(name)
		w.turns.wait(name + " begin")
		f(context.WithValue(w.ctx, actorKey{}, name))
	})
}

// Check adds a check of the merchant's own. It runs at the end, when the trouble is
// over and everything held back has been delivered.
func (w *World) Check(f func(Ledgers) error) { w.checks = append(w.checks, f) }

// Stuck notes that a person has to settle a reference. Without it every reference
// must be settled in the end.
func (w *World) Stuck(provider, reference, why string) {
	w.mu.Lock()
	w.stuck[provider+" "+reference] = why
	w.mu.Unlock()
	w.note(provider, true, "%s waits for a person: %s", reference, why)
}

// Met notes that a situation was met, such as a refund after the goods had left. A run
// counts the days on which it was met: see Report.Missing.
func (w *World) Met(situation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metLocked(situation)
}

func (w *World) metLocked(situation string) {
	if !w.met[situation] {
		w.met[situation] = true
		w.report.Met[situation]++
	}
}

// Note adds a line to the day's story.
func (w *World) Note(who, format string, args ...any) { w.note(who, true, format, args...) }

// Fail notes a broken promise of the merchant's own.
func (w *World) Fail(format string, args ...any) { w.violate("check", format, args...) }

// day is the whole day.
func (w *World) day(program func(*World)) {
	w.turns.open(w.choose, func(key string) { w.note("turn", false, "%s", key) })
	w.note("profile", false, "%s", w.profile.Name)
	func() {
		defer w.caught("the program")
		program(w)
	}()
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.running.Wait()
	}()
	after(over, w.cfg.Trouble)
	w.turns.wait("~ the trouble is over")
	w.mu.Lock()
	w.adversary.over, w.quiet = true, w.sinceLocked()
	w.mu.Unlock()
	w.note("world", true, "the trouble is over")
	close(w.calm)
	w.held.Wait()
	if !after(over, w.cfg.Settle) {
		w.violate(NotSettled, "%s after the trouble these still run: %s. A main must return when its work is done", w.cfg.Settle, w.alive())
	} else {
		sleep(w.ctx, w.cfg.Settle) // what providers do late
	}
	w.turns.wait("~ the end")
	w.judge()
	w.cancel()
	w.running.Wait()
	for _, s := range w.services {
		w.mu.Lock()
		p := s.life
		w.mu.Unlock()
		if p != nil {
			p.stop()
		}
	}
	w.fakes.Close()
	w.turns.close()
}

// alive names the processes that run.
func (w *World) alive() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, s := range w.services {
		if s.life != nil {
			names = append(names, s.name)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "an actor")
}

// after waits for done, d at most.
func after(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// caught makes a panic of the merchant's code a broken promise.
func (w *World) caught(who string) {
	if p := recover(); p != nil {
		w.panicked(who, p)
	}
}

func (w *World) panicked(who string, p any) {
	w.violate("panic", "%s: panic: %v\n%s", who, p, functions(string(debug.Stack())))
}

// functions are those of a stack, without what differs from run to run.
func functions(stack string) string {
	var b strings.Builder
	for line := range strings.Lines(stack) {
		if at := strings.LastIndexByte(line, '('); at > 0 && line[0] != '\t' {
			b.WriteString("    " + line[:at] + "\n")
		}
	}
	return b.String()
}

// file is a path in the day's own folder.
func (w *World) file(name string) string { return filepath.Join(w.folder, name) }

func (w *World) since() time.Duration { return time.Since(w.begin) }

func (w *World) sinceLocked() time.Duration { return time.Since(w.begin) }

func (w *World) choose(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.choices.choose(n)
}

// part chooses a number below n, which may be more than a choice has places.
func (w *World) part(n int) int {
	place, places := w.choose(256), 256
	if n > places {
		place, places = place*256+w.choose(256), 1<<16
	}
	return place * n / places
}

func (w *World) delay() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adversary.delay()
}

func (w *World) slowness() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adversary.slowness()
}

func (w *World) down() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adversary.down()
}

func (w *World) proxy() *response {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adversary.proxy()
}
