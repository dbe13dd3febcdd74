package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
)

// rule is a rule of the SDK, and how a copy of the source breaks it.
type rule struct {
	name  string
	says  string
	days  string // where breaking it can be seen
	edits []edit
}

// edit replaces a text that stands in a file, and stands there once or n times.
type edit struct {
	file, old, new string
	times          int
}

const transport = "internal/transport/"

var rules = []rule{
	{
		"unsafe bodies", "net/http cannot send a write again", "kapiten,kotani",
		[]edit{
			{transport + "attempt.go", "		if x.class == sdk.Safe {\n			body := x.body", "		{\n			body := x.body", 1},
			{transport + "attempt.go", "if e.got.Swap(true) && !e.untouched() {", "if e.got.Swap(true) && false {", 1},
		},
	},
	{
		"evidence per attempt", "what an earlier attempt may have done stays so", "kasapay",
		[]edit{{transport + "exchange.go", "x.history, x.core, x.caller, x.op, x.class, x.body, x.timeout = h, c,", "x.history, x.core, x.caller, x.op, x.class, x.body, x.timeout = history{attempts: h.attempts, renewed: h.renewed}, c,", 1}},
	},
	{
		"unseen path", "a request whose body was read may have left", "kapiten,kotani",
		[]edit{{transport + "attempt.go", "	case !unread:\n		return true", "	case false && !unread:\n		return true", 1}},
	},
	{
		"nonsense", "what a RoundTripper got may have left, though it returns no response", "kapiten,kotani",
		[]edit{{transport + "attempt.go", "left := err == nil || x.mayHaveLeft(a, err)", "left := err == nil || err != errNoResponse && x.mayHaveLeft(a, err)", 1}},
	},
	{
		"a duplicate is a refusal", "a reference that exists is looked up", "kpay,kasapay",
		[]edit{
			{transport + "settle.go", "duplicate := f.kind == Duplicate", "duplicate := f.kind == Duplicate && false", 1},
		},
	},
	{
		"a duplicate after a refused attempt", "a reference that exists is looked up, also after a throttle or a login", "kpay,kasapay",
		[]edit{{transport + "settle.go", "duplicate := f.kind == Duplicate", "duplicate := f.kind == Duplicate && h.attempts == 1", 1}},
	},
	{
		"any 403 is about a token", "only the provider's own words say that a token has expired", "kotani",
		[]edit{{"kotani/responses.go", "status == http.StatusForbidden && text == \"forbidden\"", "status == http.StatusForbidden", 1}},
	},
	{
		"foreign words, Kotani", "only Kotani's own words are its refusal", "kotani",
		[]edit{{"kotani/responses.go", "	refused := v.Kind == transport.Refused ||", "	if v.Kind == transport.Unclear && r.Status >= 400 && r.Status < 500 {\n		v.Kind = transport.Refused\n		return v\n	}\n	refused := v.Kind == transport.Refused ||", 1}},
	},
	{
		"foreign words, Kapiten", "only the framework's own shapes are Kapiten's refusal", "kapiten",
		[]edit{
			{"kapiten/client.go", "slices.Contains(refusalStatuses[:], status) &&", "status < 500 &&", 1},
			{"kapiten/client.go", "	if kind != \"validation_error\" && kind != \"client_error\" || err != nil || skipped > 0 || len(list) == 0 {\n		return false", "	if err != nil || skipped < 0 || kind == \"\" {\n		return true", 1},
		},
	},
	{
		"foreign words, FiatConnect", "only a specified code is FiatConnect's refusal", "fiatconnect",
		[]edit{
			{"kotani/fiatconnect.go", "case !specified || !specifiedStatus(r.Status):", "case !specifiedStatus(r.Status):", 1},
			{"kotani/fiatconnect.go", "case op.MovesMoney && !refusesTransfer(r.Status, code):", "case specified && op.MovesMoney && !refusesTransfer(r.Status, code):", 1},
		},
	},
	{
		"a refusal settles", "a refusal settles nothing while an attempt is open", "kasapay",
		[]edit{
			{transport + "exchange.go", "case x.class != sdk.Safe && x.open:", "case x.class != sdk.Safe && x.open && !a.recognised():", 1},
			{transport + "settle.go", "		switch {\n		case h.open, duplicate, refusedAgain:", "		switch {\n		case f.err.Outcome == sdk.Rejected && f.kind == Refused:\n			return f.err, false\n		case h.open, duplicate, refusedAgain:", 1},
		},
	},
	{
		"a refusal is believed", "a refusal is looked up: the payment asked for may be its reason", "kasapay",
		[]edit{{transport + "settle.go", "	case e.Outcome != sdk.Rejected:\n		return e, false\n	case errors", "	case e.Outcome != sdk.Unknown:\n		return e, false\n	case errors", 1}},
	},
	{
		"direct responses", "a direct response is compared with what was asked for", "bitpesa,kapiten,kotani,kpay",
		[]edit{
			{transport + "check.go", "	if found == Different {\n		return &wrapped", "	if found == Different {\n		return nil\n	}\n	if found == Different {\n		return &wrapped", 1},
		},
	},
	{
		"no comparison", "what is found is compared with what was asked for", "kasapay,bitpesa",
		[]edit{{transport + "check.go", "	switch {\n	case c.different != \"\":\n		return Different, nil", "	switch {\n	case false && c.different != \"\":\n		return Different, nil", 1}},
	},
	{
		"unreadable amounts", "an amount that cannot be read is not equal", "kasapay,bitpesa",
		[]edit{{transport + "check.go", "	case c.unreadable != \"\":", "	case false && c.unreadable != \"\":", 1}},
	},
	{
		"no flights", "calls of one process with one reference share one flight", "kapiten",
		[]edit{{transport + "settle.go", "		if s == nil {\n			s = &sharedCall{", "		if s = nil; s == nil {\n			s = &sharedCall{", 1}},
	},
	{
		"an empty list", "a list that does not count its rows is no absence", "kapiten",
		[]edit{{"kapiten/lists.go", "	case !p.counted && rows == 0:", "	case false && !p.counted && rows == 0:", 1}},
	},
	{
		"nothing was sent", "a call that has sent a write does not say that nothing was sent", "bitpesa",
		[]edit{{"bitpesa/flows.go", "Class: op.Class, Outcome: sdk.Rejected, Reference: t.ID,", "Class: op.Class, Outcome: sdk.NotSent, Reference: t.ID,", 1}},
	},
	{
		"white space", "a reference with white space at its edge is refused", "kapiten",
		[]edit{{transport + "check.go", "case strings.TrimFunc(value, blank) != value, strings.", "case strings.", 1}},
	},
	{
		"no lookup before a repeat", "a write is looked for before it is sent again", "kpay,kasapay",
		[]edit{{transport + "settle.go", "	for wait := time.Second; ; wait *= 2 {\n		found, err := lookOnce(ctx, look, existing)", "	for wait := time.Second; ; wait *= 2 {\n		if !existing {\n			return Absent, nil\n		}\n		found, err := lookOnce(ctx, look, existing)", 1}},
	},
	{
		"its own is taken", "a payment that is the same is not called another's", "kpay,kasapay,bitpesa",
		[]edit{{transport + "settle.go", "		case found == Same:\n			return nil, false\n		case found == Different:\n			return taken(f.err,", "		case found == Same && h.open:\n			return nil, false\n		case found == Same, found == Different:\n			return taken(f.err,", 1}},
	},
	{
		"its own in doubt is taken", "the same call again finds its payment", "kpay,kasapay",
		[]edit{{transport + "settle.go", "		case found == Same:\n			return nil, false\n		case found == Different:\n			return taken(f.err, class == sdk.Referenced && !h.open), h.open", "		case found == Same && !h.open:\n			return nil, false\n		case found == Same, found == Different:\n			return taken(f.err, class == sdk.Referenced && !h.open), h.open", 1}},
	},
	{
		"never found", "the same call again finds its payout", "kasapay",
		[]edit{{"kasapay/payouts.go", "				same := found.compare(request, p.Amount)\n", "				if existing {\n					return transport.Absent, nil\n				}\n				same := found.compare(request, p.Amount)\n", 1}},
	},
	{
		"no reference", "a write bears the merchant's reference", "kapiten",
		[]edit{{"kapiten/rides.go", "		p.Sender.sent(), p.Receiver.sent(), p.CompanyID, p.ExternalID,", "		p.Sender.sent(), p.Receiver.sent(), p.CompanyID, \"\",", 1}},
	},
	{
		"behind another payment", "a reference is not sent for another payment, too", "kapiten,kotani",
		[]edit{{transport + "settle.go", "h.behind = h.behind || s.mayHavePaid()", "h.behind = false", 1}},
	},
	{
		"an amount rounded", "an amount is sent as it was asked for", "kasapay",
		[]edit{{"kasapay/payouts.go", "amount = p.Amount.StringFixed(2)", "amount = p.Amount.StringFixed(0)", 1}},
	},
	{
		"an amount rounded, BitPesa", "an amount is sent as it was asked for", "bitpesa",
		[]edit{{"bitpesa/transactions.go", "{p.RequestedAmount.String(),", "{p.RequestedAmount.StringFixed(0),", 1}},
	},
	{
		"another recipient", "the recipient of what is found is compared", "kasapay",
		[]edit{{"kasapay/payouts.go", "		c.Account(\"account_number\", request.RecipientAccountNumber, string(r.AccountNumber))", "		_ = c", 1}},
	},
	{
		"its own existed before", "what a call has made is not called existing", "kpay,kasapay,kapiten,kotani,bitpesa",
		[]edit{{transport + "settle.go", "lookRepeatedly(ctx, call.Lookup, !h.open)", "lookRepeatedly(ctx, call.Lookup, true)", 1}},
	},
	{
		"an acceptance believed", "an acceptance without the reference is looked up", "kasapay",
		[]edit{{"kasapay/payouts.go", "Named: (*Payout).Named, Call", "Call", 1}},
	},
	{
		"a wait is not sent", "a call that waits for its like may have been sent", "kapiten,kotani",
		[]edit{{transport + "settle.go", "if s.identity != identity && !h.open && !h.behind && (call.LookFirst || class == sdk.Referenced) {", "{", 1}},
	},
	{
		"a shared doubt is not sent", "calls that share a flight share its doubt", "kapiten,kotani",
		[]edit{{transport + "settle.go", "			e := *s.err\n			return &e", "			e := *s.err\n			e.Outcome = sdk.NotSent\n			return &e", 1}},
	},
	{
		"a doubt left behind", "a call that goes on for another inherits its doubt", "kapiten,kotani",
		[]edit{{transport + "settle.go", "h.open = h.open || s.open", "h.open = h.open || s.open && false", 1}},
	},
	{
		"paid is failed", "a status is read as the provider means it", "whole day",
		[]edit{{"kpay/client.go", "func (c Code) Paid() bool { return c.class() == classPaid }", "func (c Code) Paid() bool { return c.class() == classFailed }", 1}, {"kpay/client.go", "func (c Code) Failed() bool { return c.class() == classFailed }", "func (c Code) Failed() bool { return c.class() == classPaid }", 1}},
	},
	{
		"stale callbacks", "an earlier status that comes late is not handed on", "callbacks",
		[]edit{{"webhook/states.go", "return t != Stale && t != Duplicate", "return t != Duplicate", 1}},
	},
	{
		"doubled callbacks", "each change is handed on once", "callbacks",
		[]edit{{"webhook/states.go", "return t != Stale && t != Duplicate", "return t != Stale", 1}},
	},
	{
		"any signature", "a signature is that of this body", "callbacks",
		[]edit{{"webhook/signature.go", "if subtle.ConstantTimeCompare(sum, s.given[n][:s.size]) == 1 {", "if subtle.ConstantTimeCompare(sum, s.given[n][:s.size]) >= 0 {", 1}},
	},
	{
		"posted words", "what an unsigned caller posts is not believed", "callbacks",
		[]edit{{"webhook/kpay.go", "return deref(payments.Find(ctx, about.Reference))", "return kpay.Payment{RefID: about.Reference, Status: kpay.Code(about.Status)}, nil", 1}},
	},
	{
		"another amount", "a flow sends the amount that was planned", "whole day",
		[]edit{{"sdk/journal/kpay.go", "			return client.Prepare(r.Params)", "			r.Params.Amount = r.Params.Amount.Add(r.Params.Amount)\n			return client.Prepare(r.Params)", 1}},
	},
	{
		"rounded", "an amount is sent to the cent", "whole day",
		[]edit{{"kasapay/payouts.go", "amount = p.Amount.StringFixed(2)", "amount = p.Amount.StringFixed(0)", 1}},
	},
	{
		"unclear is refused", "a flow tells no failure without a clear response", "whole day",
		[]edit{{"sdk/journal/engine.go", "	if v == unclear {\n		s :=", "	if v == unclear && (m.name == \"rides\" || m.name == \"remittance\") {\n		next.opened, next.state, next.standing = 0, StateRefused, Failed\n		return j.record(ctx, m, e, next, transition{event: \"refused\", note: note, kind: Failed, delay: never})\n	}\n	if v == unclear {\n		s :=", 1}},
	},
	{
		"told otherwise", "your func is told what happened", "whole day",
		[]edit{{"sdk/journal/engine.go", "	kind := change(e.standing, a.standing)\n", "	kind := change(e.standing, a.standing)\n	if kind == Succeeded && m.name != \"collect\" {\n		kind = Reversed\n	}\n", 1}},
	},
	{
		"a change untold", "your func is told each change", "whole day",
		[]edit{{"sdk/journal/engine.go", "	kind := change(e.standing, a.standing)\n", "	kind := change(e.standing, a.standing)\n	if kind == Reversed {\n		kind = \"\"\n	}\n", 1}},
	},
	{
		"absent is sent again", "a searched write that is absent after a doubt is stuck", "whole day",
		[]edit{{"sdk/journal/engine.go", "	case s.class != sdk.Referenced && s.class != sdk.Keyed && (", "	case false && s.class != sdk.Keyed && (", 1}},
	},
	{
		"sent before it is marked", "a request is written down before a byte leaves", "whole day",
		[]edit{
			{"sdk/journal/engine.go", "	err := j.mark(ctx, m, e, prepared, note)\n", "	var a result\n	e.prepared = prepared\n	var sent error\n	func() {\n		ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)\n		defer cancel()\n		a, sent = m.steps[e.step].send(ctx, e)\n	}()\n	err := j.mark(ctx, m, e, prepared, note)\n", 1},
			{"sdk/journal/engine.go", "	var a result\n	// A machine", "	// A machine", 1},
			{"sdk/journal/engine.go", "		func() {\n			ctx, cancel := context.WithTimeout(ctx, j.cfg.CallTimeout)\n			defer cancel()\n			a, err = m.steps[e.step].send(ctx, e)\n		}()\n", "		err = sent\n", 1},
		},
	},
	{
		"other parameters", "a reference is planned once, whatever else is planned under it", "whole day",
		[]edit{{"sdk/journal/flow.go", "	if err == nil && !same {", "	if false && err == nil && !same {", 1}},
	},
	{
		"a key for ever", "nothing is sent under a key that may be forgotten", "whole day",
		[]edit{{"sdk/journal/engine.go", "	case e.since(e.firstSentAt)+j.cfg.CallTimeout > m.steps[e.step].keyLife:", "	case false:", 1}},
	},
	{
		"no fence", "a worker that lost its lease changes nothing", "whole day",
		[]edit{
			{"sdk/journal/statements.go", "AND fence = $3", "AND $3 >= 0", 1},
			{"sdk/journal/statements.go", "AND fence = $5", "AND $5 >= 0", 2},
		},
	},
}

// assumption is something that a provider or a network is taken to do.
type assumption struct {
	name, promise string
	days          string
	profile       sim.Profile
}

// The first is a rule for -break too: "reference not unique".
var assumptions = []assumption{
	{notUnique, "a referenced write is debited once", "kpay,kasapay", sim.Forgetful},
	{"... but lookups show at once what was taken", "a referenced write is debited once, within one call", "kpay,kasapay", sim.PromptForgetful},
	{"lookups lag, requests arrive late", "a referenced or keyed write is debited once", "kpay,kasapay,bitpesa,fiatconnect", sim.Documented},
	{"somebody between repeats POSTs", "a referenced or keyed write is debited once", "kpay,kasapay,bitpesa,fiatconnect", sim.Repeating},
	{"somebody between repeats POSTs", "a searched write is debited once", "kapiten,kotani", sim.Repeating},
	{"a refusal or absence without a reference is another request's", "no error lies about whether money moved", "kapiten,kotani", sim.Profile{Name: "strangers", Strangers: true}},
	{"an acceptance of Kasapay is another payout's under the same reference", "a success is this payment", "kasapay", sim.Profile{Name: "strangers", Strangers: true}},
}

const notUnique = "reference not unique"

func ruleNames() []string {
	var list []string
	for _, r := range rules {
		list = append(list, r.name)
	}
	return append(list, notUnique)
}

// breakRules builds a mutant for each rule, and has it search.
func breakRules(ctx context.Context, o options) error {
	fmt.Printf("%-28s %-46s %6s  %14s  %s\n", "broken", "rule", "found", "days, median", "by")
	missed := 0
	for _, name := range ruleNames() {
		if o.broken != "all" && o.broken != name {
			continue
		}
		r := rule{name: notUnique, says: "the provider refuses a reference it has seen", days: assumptions[0].days}
		if i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name }); i >= 0 {
			r = rules[i]
		}
		if o.day != "" {
			r.days = o.day
		}
		found, err := searchMutant(ctx, r, o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%-28s %-46s %3d/%-3d %8s %7s  %s\n", name, r.says, len(found.days), found.starts, found.median(), "", found.kinds())
		if found.story != "" && o.broken != "all" {
			fmt.Println("\n" + found.story)
		}
		if 10*len(found.days) < 9*found.starts { // what takes a thousand days is missed now and then
			missed++
		}
	}
	if missed > 0 {
		return errors.New("the simulation did not find every break")
	}
	return nil
}

// found is what a search has found.
type found struct {
	starts int   // of the search
	days   []int // until the violation
	kind   map[string]int
	story  string
}

func (f found) median() string {
	if len(f.days) == 0 {
		return "-"
	}
	slices.Sort(f.days)
	return strconv.Itoa(f.days[len(f.days)/2])
}

func (f found) kinds() string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(f.kind)) {
		list = append(list, fmt.Sprintf("%s (%d)", k, f.kind[k]))
	}
	return strings.Join(list, ", ")
}

const mutantOf = "PROVE_RULE" // tells a mutant which rule is broken

// searchMutant builds this program over a source with a rule broken, and runs it.
func searchMutant(ctx context.Context, r rule, o options) (found, error) {
	here, err := os.Getwd()
	if err != nil {
		return found{}, err
	}
	folder, err := os.MkdirTemp("", "prove")
	if err != nil {
		return found{}, err
	}
	defer os.RemoveAll(folder)
	args := []string{"build", "-o", filepath.Join(folder, "mutant")}
	if len(r.edits) > 0 {
		overlay, err := mutate(filepath.Join(here, "..", ".."), folder, r.edits)
		if err != nil {
			return found{}, err
		}
		args = append(args, "-overlay", overlay)
	}
	build := exec.CommandContext(ctx, "go", append(args, ".")...)
	if out, err := build.CombinedOutput(); err != nil {
		return found{}, fmt.Errorf("the mutant does not build: %w\n%s", err, out)
	}
	if o.broken == "all" {
		o.shrink = -1 // no story is shown
	}
	command := exec.CommandContext(ctx, filepath.Join(folder, "mutant"), "-search", "-shrink", o.shrink.String(), "-day", r.days, "-starts", strconv.Itoa(o.starts), "-most", strconv.Itoa(o.most))
	command.Env = append(os.Environ(), mutantOf+"="+r.name)
	if r.name == notUnique {
		command.Env = append(command.Env, "PROVE_PROFILE="+sim.Forgetful.Name)
	}
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return found{}, err
	}
	f := found{starts: o.starts, kind: map[string]int{}}
	head, story, _ := strings.Cut(string(out), "STORY\n")
	f.story = story
	for line := range strings.Lines(head) {
		number, kind, ok := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 {
			f.days = append(f.days, n)
			f.kind[kind]++
		}
	}
	return f, nil
}

// mutate writes changed copies of source files, and the overlay that go build takes.
func mutate(root, folder string, edits []edit) (overlay string, err error) {
	changed := map[string]string{}
	for _, e := range edits {
		path := filepath.Join(root, e.file)
		text, ok := changed[path]
		if !ok {
			data, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.old); n != e.times {
			return "", fmt.Errorf("%s has changed: %q stands in it %d times, not %d", e.file, e.old, n, e.times)
		}
		changed[path] = strings.ReplaceAll(text, e.old, e.new)
	}
	replace := map[string]string{}
	for path, text := range changed {
		copied := filepath.Join(folder, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(folder, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// search starts again and again with other seeds, and prints after how many days a
// promise was broken; the days of several kinds take turns. The story is of the first start
// that found something.
func search(t *testing.T, o options) error {
	list := chosen(o)
	if os.Getenv("PROVE_PROFILE") == sim.Forgetful.Name {
		for i := range list {
			list[i].Config.Profiles = []sim.Profile{sim.Forgetful}
		}
	}
	ends := make([]end, o.starts)
	var next atomic.Int64
	var workers sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			t.Run("worker "+strconv.Itoa(worker+1), func(t *testing.T) {
				for start := next.Add(1) - 1; start < int64(o.starts); start = next.Add(1) - 1 {
					ends[start] = searchFrom(t, list, 1+uint64(start)*1_000_003, o.most)
				}
			})
		})
	}
	workers.Wait()
	if t.Failed() {
		return errors.New("the search ended early: look at SIM_SEED, SIM_SEEDS and SIM_REPLAY")
	}
	for _, e := range ends {
		fmt.Println(e.days, e.kind)
	}
	fmt.Println("STORY")
	if i := slices.IndexFunc(ends, func(e end) bool { return e.days > 0 }); i >= 0 && o.shrink >= 0 {
		d := list[(ends[i].days-1)%len(list)]
		again := day(t, d, ends[i].seed, o.shrink)
		if len(again.Failures) == 0 {
			return fmt.Errorf("seed %d of %s makes another day each time", ends[i].seed, d.Name)
		}
		f := again.Failures[0]
		fmt.Printf("%sagain: SIM_REPLAY=%s go run -C examples/prove . %s -day '%s' -starts 1 -most 1\n", f, f.Replay, searched(os.Getenv(mutantOf)), d.Name)
	}
	return nil
}

// end is how a search ended: after how many days, at which seed, and what was broken.
// Zero days say that it found nothing.
type end struct {
	days int
	seed uint64
	kind string
}

func searchFrom(t *testing.T, list []days.Day, seed uint64, most int) end {
	for n := range most {
		if r := day(t, list[n%len(list)], seed+uint64(n), -1); len(r.Failures) > 0 {
			return end{n + 1, seed + uint64(n), r.Failures[0].Violations[0].Kind}
		}
	}
	return end{}
}

// day simulates one day.
func day(t *testing.T, d days.Day, seed uint64, shrink time.Duration) sim.Report {
	d.Config.Seeds, d.Config.Seed, d.Config.Shrink = 1, seed, shrink
	return sim.Explore(t, d.Config, d.Program)
}

// searched are the flags of a search in a mutant, or in the source as it is.
func searched(rule string) string {
	if rule == "" {
		return "-search"
	}
	return "-break '" + rule + "'"
}

// showAssumptions prints which assumption carries which promise.
func showAssumptions(t *testing.T, o options) error {
	if o.seeds == 0 {
		o.seeds = 500
	}
	if o.seed == 0 {
		o.seed = sim.FreshSeed()
	}
	fmt.Printf("first seed %d, %d days of each kind\n\n| if | then: %s | violations |\n|---|---|---|\n", o.seed, o.seeds, "this promise")
	for _, a := range assumptions {
		list := chosen(options{day: a.days})
		total, broken := 0, 0
		for _, d := range list {
			c := d.Config
			c.Profiles, c.Seeds, c.Seed, c.KeepGoing, c.Shrink, c.Workers = []sim.Profile{a.profile}, o.seeds, o.seed, true, -1, runtime.GOMAXPROCS(0)
			r := sim.Explore(t, c, d.Program)
			total, broken = total+r.Days, broken+len(r.Failures)
		}
		verdict := "holds"
		if broken > 0 {
			verdict = "BROKEN"
		}
		fmt.Printf("| %s (%s) | %s: %s | %d in %d days |\n", a.name, a.days, a.promise, verdict, broken, total)
	}
	return nil
}
