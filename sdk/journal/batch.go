package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// maxBatch is how many parts become one transaction, and manyBatch how many become one
// statement that nothing follows.
const (
	maxBatch  = 16
	manyBatch = 64
)

// companyLimit ends the funcs of a batch: each is then alone, and holds up no other entry.
// queueLimit is how long a part waits for the batches before.
const (
	companyLimit = leaseMargin / 4
	queueLimit   = time.Second
)

// part is what changes about one entry in a transaction.
type part struct {
	id int64
	// first changes the entry, its details and its history. It stops with errLeaseLost
	// before anything is changed. On PostgreSQL the row stands for it.
	first func(sqldb.Querier) error
	row   []byte
	// after is what follows in the same transaction, if anything.
	after func(*transaction) error
	// kept, of a part that tells a func, fails if the func has lost the transaction. Then
	// its savepoint is gone too, which kept releases on MySQL and SQLite.
	kept func(*transaction) error
}

// part begins with the entry's own statement. On PostgreSQL all parts of a batch are
// one statement, which takes its parameters from rows of JSON.
func (j *Journal) part(ctx context.Context, first string, entry, details, history []any) part {
	p := part{id: entry[0].(int64)}
	if j.db.dialect == PostgreSQL {
		p.row = jsonRow(slices.Concat(entry, details, history))
		return p
	}
	p.first = func(q sqldb.Querier) error {
		if err := changedOne(execute(ctx, q, first, entry...)); err != nil {
			return err
		}
		if _, err := execute(ctx, q, j.sql.details, slices.Concat([]any{p.id}, details)...); err != nil {
			return err
		}
		_, err := execute(ctx, q, j.sql.history, slices.Concat([]any{p.id}, history)...)
		return err
	}
	return p
}

// jsonRow is "one":1,"p1":...}, to which the place in its batch is added. Bytes are base64.
func jsonRow(args []any) []byte {
	row := []byte(`"one":1`)
	for i, arg := range args {
		value, _ := json.Marshal(arg) // numbers, texts and bytes
		row = append(strconv.AppendInt(append(row, `,"p`...), int64(i+1), 10), `":`...)
		row = append(row, value...)
	}
	return append(row, '}')
}

// commit runs one part.
func (p part) commit(ctx context.Context, db *database, many string) error {
	fates, err := commitParts(ctx, db, many, []part{p})
	return cmp.Or(fates[0], err)
}

// commitParts runs parts in one transaction. A lost lease changes nothing and ends
// nobody else's part: its fate is errLeaseLost. That of a part whose row was not free
// is errCompany.
func commitParts(ctx context.Context, db *database, many string, parts []part) (fates []error, err error) {
	fates = make([]error, len(parts))
	if many != "" && !slices.ContainsFunc(parts, func(p part) bool { return p.after != nil }) {
		return fates, alone(changeMany(ctx, db, many, parts, fates)) // one statement needs no transaction
	}
	in, told := inTxWithin, slices.ContainsFunc(parts, func(p part) bool { return p.kept != nil })
	if told {
		in = inGuardedTx
	}
	err = in(ctx, db, statementLimit, func(tx *transaction) error {
		var kept func(*transaction) error // of the first func: whichever loses the transaction loses it
		if many != "" {
			if err := changeMany(ctx, tx, many, parts, fates); err != nil {
				return err
			}
		}
		// All rows are locked before the first func: none is taken while a func waits.
		for i, p := range parts {
			if many != "" {
				break
			}
			if err := p.first(tx); errors.Is(err, errLeaseLost) {
				fates[i] = err
			} else if err != nil {
				return err
			}
		}
		if told && len(parts) > 1 && db.dialect == MySQL {
			restore, err := tx.impatient(ctx)
			if err != nil {
				return err
			}
			defer restore()
		}
		began := time.Now()
		for i, p := range parts {
			if fates[i] == nil && p.after != nil {
				if len(parts) > 1 {
					tx.patience = companyLimit - time.Since(began)
				}
				if kept == nil && p.kept != nil {
					if err := tx.savepoint(ctx); err != nil {
						return err
					}
				}
				if err := p.after(tx); err != nil {
					return err
				}
				if kept == nil {
					kept = p.kept
				}
				// SQLite would commit by itself what follows.
				if kept != nil && db.dialect == SQLite {
					if err := kept(tx); err != nil {
						return err
					}
					kept = nil
				}
			}
		}
		if kept == nil {
			return nil
		}
		return kept(tx)
	})
	var undone *undoneError
	if told && errors.As(err, &undone) { // a deferred constraint is one of a func's tables
		err = &funcError{undone.err}
	}
	return fates, err
}

// changeMany runs the one statement of all parts. What it does not return has lost its
// lease.
func changeMany(ctx context.Context, q sqldb.Querier, many string, parts []part, fates []error) error {
	rows := []byte{'['}
	for i, p := range parts {
		if i > 0 {
			rows = append(rows, ',')
		}
		rows = append(strconv.AppendInt(append(rows, `{"place":`...), int64(i), 10), ',')
		rows = append(rows, p.row...)
	}
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	changed, err := q.QueryContext(ctx, many, string(append(rows, ']')))
	if err != nil {
		return err
	}
	defer changed.Close()
	// By its place and not by its entry: of two workers that have the same entry, because
	// the lease of the first has ended, the first changes nothing.
	became := slices.Repeat([]error{errLeaseLost}, len(parts))
	for changed.Next() {
		place, free := 0, false
		if err := changed.Scan(&place, &free); err != nil {
			return err
		}
		became[place] = nil
		if !free {
			became[place] = errCompany
		}
	}
	if err := changed.Err(); err != nil {
		return err
	}
	copy(fates, became)
	return changed.Close()
}

// alone makes the error of a statement without a transaction tell whether the statement
// may have taken effect.
func alone(err error) error {
	if err == nil || sqldb.Undone(err) {
		return err
	}
	return &commitError{err}
}

// committer makes parts of the same time one transaction, so that many entries share
// its trips and its write to the disk. It waits for no others: what comes while a batch
// is under way is the next batch.
type committer struct {
	mu      sync.Mutex
	waiting []*waiting
	leaders int
	most    int // leaders
	size    int // of a batch
	// many is the one statement of a batch, and single that of a part alone, which waits
	// for its row. Both are empty where each part has its own.
	many, single string
}

type waiting struct {
	part
	done chan error
}

// errCompany sends a part of a batch alone: the transaction failed, maybe because of
// others in it, or the others do not wait for the part's row.
var errCompany = errors.New("journal: the batch failed")

// errEnded says that a func ended the goroutine of its transaction.
var errEnded = errors.New("journal: the goroutine of a transaction has ended")

func (c *committer) commit(ctx context.Context, db *database, p part) error {
	w := &waiting{p, make(chan error, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	// Another leader would make two small batches of one, unless there is enough for both.
	if c.leaders == 0 || c.leaders < c.most && len(c.waiting) >= c.size/2 {
		c.leaders++
		go c.lead(context.WithoutCancel(ctx), db)
	}
	c.mu.Unlock()
	var err error
	select {
	case err = <-w.done:
	case <-c.late():
		c.mu.Lock()
		if slices.Contains(c.waiting, w) { // else a leader has it
			c.leaders++
			go c.lead(context.WithoutCancel(ctx), db)
		}
		c.mu.Unlock()
		err = <-w.done
	}
	if errors.Is(err, errCompany) {
		return p.commit(ctx, db, c.single)
	}
	return err
}

// late tells when a part has waited so long that it needs another leader: a func of a batch
// before may wait for a lock, and the responses of others must be recorded within their leases.
func (c *committer) late() <-chan time.Time {
	if c.most == 1 { // on SQLite it could not write anyway, and marks wait for no func
		return nil
	}
	return time.After(queueLimit)
}

func (c *committer) lead(ctx context.Context, db *database) {
	ended := false
	defer func() {
		if !ended { // a func has ended this goroutine, as t.FailNow does
			go c.lead(ctx, db)
		}
	}()
	runtime.Gosched() // those that are ready come along
	for {
		c.mu.Lock()
		batch := c.waiting[:min(len(c.waiting), c.size)]
		c.waiting = c.waiting[len(batch):]
		if len(batch) == 0 {
			c.waiting = nil
			c.leaders--
			c.mu.Unlock()
			ended = true
			return
		}
		c.mu.Unlock()
		commitBatch(ctx, db, c.many, batch)
	}
}

func commitBatch(ctx context.Context, db *database, many string, batch []*waiting) {
	ended := false
	defer func() {
		for _, w := range batch {
			if !ended {
				w.done <- errEnded
			}
		}
	}()
	// In the order of the entries, so that two batches do not wait for each other.
	slices.SortFunc(batch, func(a, b *waiting) int { return cmp.Compare(a.id, b.id) })
	parts := make([]part, len(batch))
	for i, w := range batch {
		parts[i] = w.part
	}
	fates, err := commitParts(ctx, db, many, parts)
	ended = true
	var unclear *commitError
	for i, w := range batch {
		switch {
		case err == nil:
			w.done <- fates[i]
		case len(batch) == 1 || errors.As(err, &unclear):
			w.done <- err
		default:
			w.done <- errCompany
		}
	}
}
