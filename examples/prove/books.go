package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// audit compares the merchant's books with the ledgers: each change once and in order,
// and what the books say is what has happened.
func audit(ctx context.Context, w *sim.World, db *sql.DB, l sim.Ledgers, list []order) error {
	rows, err := db.QueryContext(ctx, `SELECT reference, kind FROM books ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	told := map[string][]string{}
	for rows.Next() {
		var reference, kind string
		if err := rows.Scan(&reference, &kind); err != nil {
			return err
		}
		told[reference] = append(told[reference], kind)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	states := map[string]string{}
	entries, err := db.QueryContext(ctx, `SELECT reference, state FROM journal_entries`)
	if err != nil {
		return err
	}
	defer entries.Close()
	for entries.Next() {
		var reference, state string
		if err := entries.Scan(&reference, &state); err != nil {
			return err
		}
		states[reference] = state
	}
	for reference, state := range states {
		if state == "refused" {
			w.Met(metRefused)
		}
		for i, kind := range told[reference] {
			if i > 0 && kind == string(journal.Reversed) {
				w.Met(metReversed)
			}
		}
	}
	for _, o := range list {
		paid, err := compare(l, o.plan, told[o.Reference], states[o.Reference])
		if err != nil {
			return err
		}
		for _, c := range o.then {
			switch planned := states[c.Reference] != ""; {
			case !paid && planned:
				return fmt.Errorf("%s is not paid, and %s was planned", o.Reference, c.Reference)
			case paid && !planned:
				return fmt.Errorf("%s is paid, and %s was forgotten", o.Reference, c.Reference)
			case planned:
				if _, err := compare(l, c.plan, told[c.Reference], states[c.Reference]); err != nil {
					return err
				}
			}
		}
	}
	return entries.Err()
}

// compare holds what was planned, and what the books say of it, against the provider's
// ledger: what happened, all of it, once and in order. A response that came late may jump
// over pending, or over a success that was taken back.
func compare(l sim.Ledgers, asked plan, told []string, state string) (paid bool, err error) {
	payments, debits := l.Payments(asked.Provider, asked.Reference), l.Debits(asked.Provider, asked.Reference)
	wrong := func(format string, args ...any) (bool, error) {
		return false, fmt.Errorf("%s is %q, and was told %q: %s", asked.Reference, state, strings.Join(told, ", "), fmt.Sprintf(format, args...))
	}
	for _, p := range payments {
		if differs := p.Differs(asked.Ask); differs != "" {
			return wrong("%s", differs)
		}
	}
	var decided []string
	for i, kind := range told {
		switch journal.Kind(kind) {
		case journal.Pending:
			if slices.Contains(told[:i], kind) || len(decided) > 0 || len(payments) == 0 {
				return wrong("it was not pending then")
			}
		case journal.Stuck:
			// Where a person must act at the provider, a stale response may look as if he
			// had, and he is asked again.
			if i > 0 && told[i-1] == kind && !(asked.fails && asked.Provider == "bitpesa") {
				return wrong("told twice")
			}
		default:
			decided = append(decided, kind)
		}
	}
	var went []string
	switch state {
	case "stuck":
		if told = told[max(len(told)-1, 0):]; !slices.Equal(told, []string{state}) {
			return wrong("a person is not told")
		}
	case "refused":
		if went = []string{string(journal.Failed)}; debits != 0 {
			return wrong("it has %d debits", debits)
		}
	case "final":
		if went = asked.course(payments, debits); went == nil {
			return wrong("it has %d debits, and is not over", debits)
		}
	default:
		return wrong("it is not over")
	}
	jumped := len(went) > 1 && slices.Equal(decided, went[1:])
	if !slices.Equal(decided, went) && !jumped {
		return wrong("it has %d debits, and went %q", debits, strings.Join(went, ", "))
	}
	return slices.Contains(decided, string(journal.Succeeded)), nil
}

// course is how a payment ended, and what followed; nil if it should not have ended so.
func (p plan) course(payments []sim.Payment, debits int) []string {
	// Kapiten and BitPesa charge at once, and pay back what comes to nothing.
	repaid := p.fails && (p.Provider == "kapiten" || p.Provider == "bitpesa")
	switch {
	case len(payments) != 1 || debits > 1:
		return nil
	case repaid || debits == 0 && p.fails:
		return []string{string(journal.Failed)}
	case debits == 0 && !payments[0].Pending && (p.Provider == "kasapay" || p.Provider == "bitpesa"):
		// Kasapay had too little money, or BitPesa canceled what was not funded within an hour.
		return []string{string(journal.Failed)}
	case p.fails || debits == 0:
		return nil
	case p.reverses:
		return []string{string(journal.Succeeded), string(journal.Reversed)}
	}
	return []string{string(journal.Succeeded)}
}
