package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

// entry is what the merchant's database has under a reference.
type entry struct {
	state, reason string
	told          []string  // what was booked, in order
	orders        []sim.Ask // what was written down beside each plan
}

// read reads the merchant's database.
func read(ctx context.Context, db *sql.DB) (map[string]entry, error) {
	found := map[string]entry{}
	for query, add := range map[string]func(e *entry, values [2]string){
		`SELECT reference, kind, '' FROM books ORDER BY id`: func(e *entry, v [2]string) { e.told = append(e.told, v[0]) },
		`SELECT reference, amount, account FROM orders ORDER BY id`: func(e *entry, v [2]string) {
			e.orders = append(e.orders, sim.Ask{Amount: decimal.RequireFromString(v[0]), Account: v[1]})
		},
		`SELECT e.reference, e.state, COALESCE(s.reason, '') FROM journal_entries e LEFT JOIN journal_stuck s ON s.entry = e.id`: func(e *entry, v [2]string) { e.state, e.reason = v[0], v[1] },
	} {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var reference string
			var values [2]string
			if err := rows.Scan(&reference, &values[0], &values[1]); err != nil {
				return nil, err
			}
			e := found[reference]
			add(&e, values)
			found[reference] = e
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// audit compares the merchant's books with the ledgers: each change once and in order,
// and what the books say is what has happened.
func audit(ctx context.Context, w *sim.World, db *sql.DB, l sim.Ledgers, list []order) error {
	entries, err := read(ctx, db)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.state == "refused" {
			w.Met(metRefused)
		}
		if slices.Contains(e.told[min(1, len(e.told)):], string(journal.Reversed)) {
			w.Met(metReversed)
		}
	}
	check := func(p plan) (paid bool, err error) {
		e, has := entries[p.Reference], ledgersOf(l, p)
		if err := e.own(has.Payments(p.Provider, p.Reference), p.Reference, w.Profile().Repeats); err != nil {
			return false, err
		}
		return compare(has, p, e.told, e.state)
	}
	for _, o := range list {
		paid, err := check(o.plan)
		if err != nil {
			return err
		}
		for _, c := range o.then {
			switch planned := entries[c.Reference].state != ""; {
			case !paid && planned:
				return fmt.Errorf("%s is not paid, and %s was planned", o.Reference, c.Reference)
			case paid && !planned:
				return fmt.Errorf("%s is paid, and %s was forgotten", o.Reference, c.Reference)
			case planned:
				if _, err := check(c.plan); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// own finds an order that the books have, and the provider otherwise; and an entry that waits
// for a person because its reference is said to be another payment's. Nobody but the journal
// uses the references of a day: the payment is the entry's own. Where somebody between
// repeats a write, one copy may be refused for the other, and nobody can tell whose it is.
func (e entry) own(payments []sim.Payment, reference string, repeats bool) error {
	for _, p := range payments {
		for _, o := range e.orders {
			if differs := p.Differs(o); differs != "" {
				return fmt.Errorf("the books have an order %s, and %s", reference, differs)
			}
		}
		if e.state == "stuck" && e.reason == string(journal.ReasonTaken) && !repeats {
			return fmt.Errorf("%s waits for a person as another's payment, and it is its own", reference)
		}
	}
	return nil
}

// ledgersOf are ledgers in which a transfer has the merchant's reference, which FiatConnect
// knows as a key alone: its account tells the transfer.
func ledgersOf(l sim.Ledgers, p plan) sim.Ledgers {
	if p.flow != transfers {
		return l
	}
	var list []sim.Payment
	for _, found := range l.Payments(p.Provider, "") {
		if found.Account == p.Account {
			found.Reference = p.Reference
			list = append(list, found)
		}
	}
	return sim.LedgersOf(list...)
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
