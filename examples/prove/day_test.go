package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/sdk/sim/days"
)

// A day that meets no trouble proves nothing. Some situations are rare: KAPITEN_FULL=1
// makes enough days to meet them.
func TestTheDaysWithADatabase(t *testing.T) {
	seeds, rare := 60, []string{metLeaseLost, metKeyOver, metRefused, sim.MetKilledWithResponse, sim.MetHeldRefused}
	if os.Getenv("KAPITEN_FULL") != "" {
		seeds, rare = 600, nil
	}
	for _, day := range []days.Day{wholeDay(), receiving()} {
		t.Run(day.Name, func(t *testing.T) {
			day.Config.Seeds = seeds
			r := sim.Explore(t, day.Config, day.Program)
			for _, f := range r.Failures {
				t.Errorf("%sreplay: SIM_REPLAY=%s go test -C examples/prove -run '^%s$' .", f, f.Replay, t.Name())
			}
			missing := slices.DeleteFunc(r.Missing(day.Meets...), func(name string) bool { return slices.Contains(rare, name) })
			if len(missing) > 0 && r.Days == seeds {
				t.Errorf("in %d days this was never met: %s", r.Days, strings.Join(missing, "; "))
			}
		})
	}
}

func TestADayWithADatabaseIsTheSameAgain(t *testing.T) {
	times := 2
	if os.Getenv("KAPITEN_FULL") != "" {
		times = 200
	}
	for _, day := range []days.Day{wholeDay(), receiving()} {
		for seed := range uint64(6) {
			if difference := sim.Repeat(t, day.Config, 38+seed, times, day.Program); difference != "" {
				t.Errorf("%s, seed %d: %s", day.Name, 38+seed, difference)
			}
		}
	}
}

// A rule whose text has moved could not be broken any more.
func TestEachRuleCanBeBroken(t *testing.T) {
	for _, r := range rules {
		if strings.Contains(r.name, "'") {
			t.Errorf("%s: the command that makes a day again quotes the name with '", r.name)
		}
		if _, err := parse([]string{"-break", r.name, "-day", r.days}); err != nil {
			t.Error(err)
		}
		if _, err := mutate("../..", t.TempDir(), r.edits); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

// A search in the source as it is breaks no rule, and neither does its story.
func TestTheCommandOfAStoryMakesItAgain(t *testing.T) {
	if got := searched(""); got != "-search" {
		t.Error(got)
	}
	if got := searched("no fence"); got != "-break 'no fence'" {
		t.Error(got)
	}
}

// A search counts the days to the first violation: each day before it keeps the promises.
func TestASearchEndsAtTheFirstViolation(t *testing.T) {
	t.Parallel()
	list := chosen(options{day: "kpay,kasapay"})
	const first = 5
	if sound := searchFrom(t, list, first, 20); sound != (end{}) {
		t.Error("the source as it is:", sound)
	}
	for i := range list {
		list[i].Config.Profiles = []sim.Profile{sim.Forgetful}
	}
	found := searchFrom(t, list, first, 3000)
	if found.days < 2 || found.seed != first+uint64(found.days)-1 || found.kind != sim.TwiceDebited {
		t.Fatal(found)
	}
	for n := range found.days {
		if failed := len(day(t, list[n%len(list)], first+uint64(n), -1).Failures) > 0; failed != (n == found.days-1) {
			t.Errorf("day %d: failed is %t", n+1, failed)
		}
	}
	if short := searchFrom(t, list, first, found.days-1); short != (end{}) {
		t.Error("it gives up before that day:", short)
	}
}

// A slip in a flag is told, and does not pass for a proof.
func TestFlagsThatMeanNothingAreRefused(t *testing.T) {
	for line, wrong := range map[string]string{
		"":                             "",
		"-break all":                   "",
		"-break 'no fence'":            "",
		"-day 'whole day,kpay'":        "",
		"-break nosuch":                `no rule is called "nosuch"`,
		"-break 'no fence,nosuch'":     "The rules: all, unsafe bodies, ",
		"-day kpay,nosuch":             `no day is called "nosuch"`,
		"-day kpay,":                   `no day is called ""`,
		"kpay":                         `what is "kpay"?`,
		"-break all -seed 7":           "-break has no use for -seed",
		"-break all -minutes 2":        "-break has no use for -minutes",
		"-assumptions -day kpay":       "-assumptions has no use for -day",
		"-minutes 2 -seeds 3":          "-minutes has no use for -seeds",
		"-assumptions -seeds 9":        "",
		"-seed 7 -seeds 9":             "",
		"-seed 7 -starts 5":            "-starts is for -break",
		"-seeds 1 -most 9":             "-most is for -break",
		"-break all -search":           "-break has no use for -search",
		"-break all -shrink 5s":        "shows no story",
		"-break 'no fence' -shrink 5s": "",
		"-search -day kpay -starts 2 -most 3 -shrink 1s": "",
		"-seeds 0":              "above zero",
		"-seeds -3":             "above zero",
		"-minutes -1":           "above zero",
		"-break all -starts -1": "above zero",
	} {
		var args []string
		for i, word := range strings.Split(line, "'") {
			if i%2 == 1 {
				args = append(args, word)
			} else {
				args = append(args, strings.Fields(word)...)
			}
		}
		if _, err := parse(args); wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v, want %q", line, err, wrong)
		}
	}
}

// A run that is long enough, and meets not what it is for, fails.
func TestAProofThatMetTooLittleFails(t *testing.T) {
	if !tooLittle(1000, []string{"x"}) || tooLittle(999, []string{"x"}) || tooLittle(1000, nil) {
		t.Error("a thousand days must meet everything")
	}
}

// TestADaysDatabaseIsAFileOfItsOwn: a path is not cut at what a URI has a meaning for.
func TestADaysDatabaseIsAFileOfItsOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "worker#01?", "merchant.db")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(database(file, time.Now))
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE books (id integer)"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
}

// The books are compared with the plan as well as with the ledgers.
func TestTheBooksAreHeldAgainstPlanAndLedger(t *testing.T) {
	supply := sim.Ask{Provider: "kasapay", Reference: "supply-1", Amount: number(600), Currency: "KES", Account: "222221"}
	has := func(provider, reference, amount, account string, debits int) sim.Payment {
		return sim.Payment{Provider: provider, Reference: reference, Amount: decimal.RequireFromString(amount), Currency: "KES", Account: account, Debits: debits}
	}
	ride := sim.Ask{Provider: "kapiten", Reference: "ride-1"}
	paid, back := []string{"pending", "succeeded"}, plan{Ask: supply, reverses: true}
	once, rode := []sim.Payment{has("kasapay", "supply-1", "600", "222221", 1)}, []sim.Payment{has("kapiten", "ride-1", "600", "", 1)}
	for name, c := range map[string]struct {
		has   []sim.Payment
		asked plan
		told  []string
		state string
		wrong string // a part of the error
	}{
		"as planned":                {once, plan{Ask: supply}, paid, "final", ""},
		"a jump":                    {once, plan{Ask: supply}, paid[1:], "final", ""},
		"twice the amount":          {[]sim.Payment{has("kasapay", "supply-1", "1200", "222221", 1)}, plan{Ask: supply}, paid, "final", "asked was 600"},
		"stuck, and wrong":          {[]sim.Payment{has("kasapay", "supply-1", "1200", "222221", 1)}, plan{Ask: supply}, []string{"stuck"}, "stuck", "asked was 600"},
		"somebody else":             {[]sim.Payment{has("kasapay", "supply-1", "600", "222229", 1)}, plan{Ask: supply}, paid, "final", "asked was 222221"},
		"nothing was paid":          {nil, plan{Ask: supply}, paid[1:], "final", "0 debits"},
		"nothing is planned":        {nil, plan{Ask: supply}, nil, "", "not over"},
		"not over":                  {once, plan{Ask: supply}, []string{"pending"}, "open", "not over"},
		"failed, but paid":          {once, plan{Ask: supply}, []string{"failed"}, "final", "1 debits"},
		"failed, and paid":          {once, plan{Ask: supply, fails: true}, []string{"failed"}, "final", "1 debits"},
		"failed":                    {[]sim.Payment{has("kasapay", "supply-1", "600", "222221", 0)}, plan{Ask: supply, fails: true}, []string{"pending", "failed"}, "final", ""},
		"too little money":          {[]sim.Payment{has("kasapay", "supply-1", "600", "222221", 0)}, plan{Ask: supply}, []string{"pending", "failed"}, "final", ""},
		"never funded":              {[]sim.Payment{has("bitpesa", "remit-1", "600", "", 0)}, plan{Ask: sim.Ask{Provider: "bitpesa", Reference: "remit-1"}}, []string{"failed"}, "final", ""},
		"failed, repaid":            {rode, plan{Ask: ride, fails: true}, []string{"failed"}, "final", ""},
		"refused":                   {nil, plan{Ask: ride}, []string{"failed"}, "refused", ""},
		"refused, and rode":         {rode, plan{Ask: ride}, []string{"failed"}, "refused", "1 debits"},
		"refused, told success":     {nil, plan{Ask: ride}, []string{"succeeded"}, "refused", "went \"failed\""},
		"corrected lie":             {rode, plan{Ask: ride}, []string{"failed", "corrected"}, "final", "went \"succeeded\""},
		"corrected failure":         {rode, plan{Ask: ride, fails: true}, []string{"failed", "corrected"}, "final", "went \"failed\""},
		"nothing was heard":         {once, plan{Ask: supply}, nil, "final", "went \"succeeded\""},
		"only pending":              {once, plan{Ask: supply}, []string{"pending"}, "final", "went \"succeeded\""},
		"success twice":             {once, plan{Ask: supply}, []string{"succeeded", "succeeded"}, "final", "went \"succeeded\""},
		"pending twice":             {once, plan{Ask: supply}, []string{"pending", "pending", "succeeded"}, "final", "not pending"},
		"pending afterwards":        {once, plan{Ask: supply}, []string{"succeeded", "pending"}, "final", "not pending"},
		"pending of nothing":        {nil, plan{Ask: supply}, []string{"pending", "stuck"}, "stuck", "not pending"},
		"reversed":                  {once, back, []string{"pending", "succeeded", "reversed"}, "final", ""},
		"reversed before a look":    {once, back, []string{"pending", "reversed"}, "final", ""},
		"never reversed":            {once, plan{Ask: supply}, []string{"pending", "reversed"}, "final", "went \"succeeded\""},
		"succeeded, never reversed": {once, plan{Ask: supply}, []string{"succeeded", "reversed"}, "final", "went \"succeeded\""},
		"reversed, not told":        {once, back, paid, "final", "went \"succeeded, reversed\""},
		"reversed, wrong order":     {once, back, []string{"reversed", "succeeded"}, "final", "went \"succeeded, reversed\""},
		"stuck":                     {nil, plan{Ask: supply}, []string{"stuck"}, "stuck", ""},
		"stuck, and paid":           {once, plan{Ask: supply}, []string{"pending", "stuck"}, "stuck", ""},
		"stuck, then done":          {once, plan{Ask: supply}, []string{"stuck", "pending", "succeeded"}, "final", ""},
		"stuck twice":               {once, plan{Ask: supply}, []string{"stuck", "stuck"}, "stuck", "told twice"},
		"stuck, nobody told":        {once, plan{Ask: supply}, []string{"pending"}, "stuck", "not told"},
		"stuck, told success":       {nil, plan{Ask: supply}, []string{"succeeded"}, "stuck", "not told"},
		"success, then stuck":       {nil, plan{Ask: supply}, []string{"succeeded", "stuck"}, "stuck", "went \"\""},
		"asked again":               {[]sim.Payment{has("bitpesa", "remit-1", "600", "", 1)}, plan{Ask: sim.Ask{Provider: "bitpesa", Reference: "remit-1"}, fails: true}, []string{"pending", "stuck", "stuck"}, "stuck", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compare(sim.LedgersOf(c.has...), c.asked, c.told, c.state)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, want %q", err, c.wrong)
			}
		})
	}
}

// An order in the books, or a person's question, that the ledger contradicts is seen.
func TestAnEntryIsHeldAgainstItsOwnPayment(t *testing.T) {
	paid := sim.Payment{Provider: "kpay", Reference: "order-1", Amount: number(1000), Currency: "RWF", Account: "0783300000", Debits: 1}
	right, more, other := sim.Ask{Amount: number(1000), Account: "0783300000"}, sim.Ask{Amount: number(1001), Account: "0783300000"}, sim.Ask{Amount: number(1000), Account: "0783300009"}
	for name, c := range map[string]struct {
		has     []sim.Payment
		entry   entry
		repeats bool
		wrong   string // a part of the error
	}{
		"as ordered":             {[]sim.Payment{paid}, entry{orders: []sim.Ask{right, right}}, false, ""},
		"another amount":         {[]sim.Payment{paid}, entry{orders: []sim.Ask{right, more}}, false, "asked was 1001"},
		"another account":        {[]sim.Payment{paid}, entry{orders: []sim.Ask{right, other}}, true, "asked was 0783300009"},
		"nothing was paid":       {nil, entry{orders: []sim.Ask{more, other}}, false, ""},
		"taken by itself":        {[]sim.Payment{paid}, entry{state: "stuck", reason: "taken"}, false, "it is its own"},
		"taken, a write doubled": {[]sim.Payment{paid}, entry{state: "stuck", reason: "taken"}, true, ""},
		"taken, nothing there":   {nil, entry{state: "stuck", reason: "taken"}, false, ""},
		"stuck otherwise":        {[]sim.Payment{paid}, entry{state: "stuck", reason: "undecided"}, false, ""},
		"was stuck":              {[]sim.Payment{paid}, entry{state: "final", reason: "taken"}, false, ""},
	} {
		err := c.entry.own(c.has, "order-1", c.repeats)
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: got %v, want %q", name, err, c.wrong)
		}
	}
}

// FiatConnect knows a transfer's reference as a key alone.
func TestATransferIsToldByItsAccount(t *testing.T) {
	ask := sim.Ask{Provider: "kotani", Reference: "transfer-1", Account: "account-1"}
	l := sim.LedgersOf(
		sim.Payment{Provider: "kotani", Reference: "quote-1", Account: "account-1", Debits: 1},
		sim.Payment{Provider: "kotani", Reference: "quote-2", Account: "account-1", Debits: 1},
		sim.Payment{Provider: "kotani", Reference: "cashout-1", Account: "254712345678", Debits: 1},
	)
	if n := ledgersOf(l, plan{Ask: ask, flow: transfers}).Debits("kotani", "transfer-1"); n != 2 {
		t.Errorf("%d debits, and the provider has two for the account", n)
	}
	if n := ledgersOf(l, plan{Ask: ask, flow: cashOut}).Debits("kotani", "transfer-1"); n != 0 {
		t.Errorf("%d debits of what is no transfer", n)
	}
}

// The driver keeps a registered function for ever. Ten thousand days that hung on it
// took 20 GB.
func TestADayThatIsOverIsForgotten(t *testing.T) {
	type world struct{ now time.Time }
	day := func() weak.Pointer[world] {
		w := &world{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
		db := sql.OpenDB(database(filepath.Join(t.TempDir(), "merchant.db"), func() time.Time { return w.now }))
		defer db.Close()
		days := 0.0
		for range 2 { // garbage does not take the clock of a day that goes on
			runtime.GC()
			if err := db.QueryRowContext(t.Context(), `SELECT julianday('now')`).Scan(&days); err != nil || days != 2461101.8333333335 {
				t.Fatalf("the database has %v, and not the clock of the day (%v)", days, err)
			}
		}
		return weak.Make(w)
	}
	over := day()
	for range 1000 { // goroutines of database/sql are on their way out
		if runtime.GC(); over.Value() == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("the world of a day that is over is still held")
}
