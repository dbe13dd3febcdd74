package journal

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Window is a time from which entries and rows are compared: From is in it, To is not.
type Window struct{ From, To time.Time }

func (w Window) holds(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }

// Row is one line of a provider's own list.
type Row struct {
	Reference string // yours
	ID        string // the provider's
	Amount    decimal.NullDecimal
	Standing  Kind
	At        time.Time // zero when the list shows none

	explained bool // behind the reference may stand ": " and a reason
}

// Mismatch is a difference between the journal and the provider's own list.
type Mismatch struct {
	What      Difference
	Reference string
	ID        string // the provider's; empty when Missing
	Entry     *Entry // nil when Extra, unless the row is a second under its reference
	Row       *Row   // nil when Missing
	Note      string
}

// Difference names what differs.
type Difference string

const (
	Missing       Difference = "missing"        // the journal has it as accepted, and the provider does not list it
	Extra         Difference = "extra"          // the provider lists it, and the journal has no such entry, or one for two rows
	AmountDiffers Difference = "amount-differs" // both have it, with other amounts
	StatusDiffers Difference = "status-differs" // both have it, and it did not end as recorded
)

// compareMargin is how far apart the two clocks, and planning and sending, may be.
const compareMargin = 2 * time.Hour

// Compare holds the entries that were planned in a window against the provider's own
// list, and yields what differs. A nil error beside a Mismatch means a difference; an
// error ends the comparison, which is then not complete. It changes nothing.
//
// A second row under a reference is Extra, with the entry: it may be a second payment.
// It shows in the window in which the entry was planned, also when it is younger: compare
// each window again some days later.
//
// An entry that was refused, cancelled or never sent should not be in the list. An entry
// that is stuck, under way or failed may be. What lies outside of the window, entry and
// row, is not compared. Leave out the last minutes: what is under way there changes
// meanwhile.
//
// It holds the entries of the window in memory. However short the window, it goes through
// all entries of the flow to find them: run it by the day, not by the minute.
//
// Flows of a Journal that have the same client, or company, and list leave each other's
// rows alone. A row is Extra if its flow is not in this Journal, or has another client.
//
// Flows of Kapiten's rides and top-ups, of BitPesa, and of Kotani's deposits and
// withdrawals have such a list. For others the error matches ErrNotPossible.
func (f *Flow[P, T]) Compare(ctx context.Context, w Window) iter.Seq2[Mismatch, error] {
	return func(yield func(Mismatch, error) bool) {
		switch {
		case f.fault != nil:
			yield(Mismatch{}, f.fault)
			return
		case f.p.Ledger == nil:
			yield(Mismatch{}, fmt.Errorf("%w: the provider of flow %q has no list", ErrNotPossible, f.m.name))
			return
		}
		entries, err := f.j.planned(ctx, f.m.name, w)
		if err != nil {
			yield(Mismatch{}, err)
			return
		}
		others := map[string]*held{} // planned outside of the window
		seen := map[string]bool{}
		for row, err := range f.p.Ledger(ctx, Window{w.From.Add(-compareMargin), w.To.Add(compareMargin)}) {
			if err != nil {
				yield(Mismatch{}, err)
				return
			}
			e, other, err := f.heldBy(ctx, w, &row, entries, others)
			if err != nil {
				yield(Mismatch{}, err)
				return
			}
			if other || e == nil && !row.At.IsZero() && !w.holds(row.At) {
				continue
			}
			what, note := e.differs(row)
			if e.second(row) {
				what, note = Extra, "a second under this reference"
			}
			key := row.Reference + "\x00" + row.ID + "\x00" + string(what)
			if what != "" && !seen[key] {
				seen[key] = true // a list that moved on shows a row again
				m := Mismatch{What: what, Reference: row.Reference, ID: row.ID, Row: &row, Note: note}
				if e != nil {
					m.Entry = &e.entry
				}
				if !yield(m, nil) {
					return
				}
			}
			if e != nil && !e.listed {
				e.listed, e.id = true, row.ID
			}
		}
		for reference, e := range entries {
			if !e.listed && e.expected() && !yield(Mismatch{What: Missing, Reference: reference, Entry: &e.entry, Note: "the provider does not list it"}, nil) {
				return
			}
		}
	}
}

// held is an entry in a comparison.
type held struct {
	entry            Entry
	amount, currency string

	listed bool
	id     string // of the row that was listed first
}

// second reports a row beside the row that was listed first. Rows without an id may be
// the same.
func (h *held) second(row Row) bool {
	return h != nil && h.listed && h.id != "" && row.ID != "" && h.id != row.ID
}

// expected reports an entry that the provider must have. It need not have what failed: a
// person may have ended that because the provider does not.
func (h *held) expected() bool {
	return h.entry.State == StateOpen || h.entry.State == StateFinal && h.entry.Attempts > 0 && h.entry.Standing != Failed
}

// differs compares an entry with the provider's row. A nil entry is none at all.
func (h *held) differs(row Row) (Difference, string) {
	if h == nil {
		return Extra, "the journal has no such entry"
	}
	if amount, err := decimal.NewFromString(h.amount); err == nil && row.Amount.Valid && !amount.IsZero() && h.currency != requests && !amount.Equal(row.Amount.Decimal.Abs()) {
		return AmountDiffers, "the journal has " + amount.String() + ", and the provider " + row.Amount.Decimal.String()
	}
	said := "the journal says " + string(h.entry.State) + " " + string(h.entry.Standing) + ", and the provider " + string(row.Standing)
	switch h.entry.State {
	case StateRefused, StateCancelled, StatePlanned:
		return StatusDiffers, said
	case StateFinal:
		if row.Standing != h.entry.Standing {
			return StatusDiffers, said
		}
	}
	return "", ""
}

// rowsOf turns a provider's list into rows. A list that was seen to go from its newest
// rows to its oldest ends well after the window: with a hundred older rows. Other lists
// are read to their end.
func rowsOf[T any](list iter.Seq2[T, error], w Window, as func(T) (Row, bool)) iter.Seq2[Row, error] {
	const enough = 100
	return func(yield func(Row, error) bool) {
		var (
			last     time.Time
			descends bool
			older    int // rows in succession, none of which is younger than the row before
		)
		for item, err := range list {
			if err != nil {
				yield(Row{}, err)
				return
			}
			row, ok := as(item)
			if !row.At.IsZero() {
				if row.At.After(last) {
					older = 0
				} else if row.At.Before(last) {
					descends = true
				}
				last = row.At
			}
			if !row.At.IsZero() && row.At.Before(w.From) {
				if older++; older >= enough && descends {
					return
				}
				continue
			}
			if older = 0; ok && !yield(row, nil) {
				return
			}
		}
	}
}

// heldBy finds the entry of a row, and gives the row the entry's reference. other reports
// a row that another comparison has: of another flow of the list, or another window.
func (f *Flow[P, T]) heldBy(ctx context.Context, w Window, row *Row, entries, others map[string]*held) (e *held, other bool, err error) {
	for _, reference := range row.references() {
		if e = entries[reference]; e == nil {
			e = others[reference]
		}
		if e == nil && (row.At.IsZero() || w.holds(row.At)) {
			e, other, err = f.elsewhere(ctx, reference)
			other = other || e != nil && row.At.IsZero()
		}
		switch {
		case err != nil || other:
			return nil, other, err
		case e != nil:
			if entries[reference] == nil {
				others[reference] = e
			}
			row.Reference = reference
			return e, false, nil
		}
	}
	return nil, false, nil
}

// references are what the reference of a row may be, the longest first.
func (r Row) references() (all []string) {
	all = append(all, r.Reference)
	for rest := r.Reference; r.explained; {
		i := strings.LastIndex(rest, ": ")
		if i < 0 {
			break
		}
		rest = rest[:i]
		all = append(all, rest)
	}
	return all
}

// elsewhere finds an entry by its reference, whenever it was planned. It reports an
// entry of another flow that shares the list.
func (f *Flow[P, T]) elsewhere(ctx context.Context, reference string) (e *held, other bool, err error) {
	if reference == "" {
		return nil, false, nil
	}
	for _, name := range f.j.sharing(f.m) {
		found, err := f.j.heldWhere(ctx, `e.flow = $1 AND e.reference = $2`, name, reference)
		if err != nil {
			return nil, false, err
		}
		if e := found[reference]; e != nil {
			return e, name != f.m.name, nil
		}
	}
	return nil, false, nil
}

// sharing returns the flows of a list: first the flow itself.
func (j *Journal) sharing(m *machine) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	names := []string{m.name}
	for name, each := range j.flows {
		if each != m && m.account != (account{}) && each.account == m.account {
			names = append(names, name)
		}
	}
	return names
}

// planned reads the entries of a window, in pages by id.
func (j *Journal) planned(ctx context.Context, flow string, w Window) (map[string]*held, error) {
	all, last := map[string]*held{}, int64(0)
	for {
		page, err := j.heldAfter(ctx, &last, `e.flow = $1 AND e.id > $2 AND e.created_at >= $3 AND e.created_at < $4`,
			flow, last, w.From.UnixMicro(), w.To.UnixMicro())
		if err != nil {
			return nil, err
		}
		maps.Copy(all, page)
		if len(page) < heldPage {
			return all, nil
		}
	}
}

const heldPage = 1000

func (j *Journal) heldWhere(ctx context.Context, where string, args ...any) (map[string]*held, error) {
	var last int64
	return j.heldAfter(ctx, &last, where, args...)
}

func (j *Journal) heldAfter(ctx context.Context, last *int64, where string, args ...any) (map[string]*held, error) {
	rows, err := j.db.QueryContext(ctx, j.sql.text(`SELECT e.id, e.flow, e.reference, e.state, e.standing, e.attempts, e.created_at, e.changed_at, COALESCE(d.amount, ''), COALESCE(d.currency, '')
		FROM journal_entries e LEFT JOIN journal_details d ON d.entry = e.id WHERE `+where+` ORDER BY e.id LIMIT 1000`), args...)
	if err != nil {
		return nil, failed("compare", err)
	}
	defer rows.Close()
	out := map[string]*held{}
	for rows.Next() {
		var (
			h                held
			created, changed int64
		)
		if err := rows.Scan(last, &h.entry.Flow, &h.entry.Reference, &h.entry.State, &h.entry.Standing, &h.entry.Attempts, &created, &changed, &h.amount, &h.currency); err != nil {
			return nil, failed("compare", err)
		}
		h.entry.Created, h.entry.Changed = time.UnixMicro(created), time.UnixMicro(changed)
		out[h.entry.Reference] = &h
	}
	return out, failed("compare", rows.Err())
}
