package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// SQLInbox is an Inbox and Queue in your own database, shared by all your
// processes. Create its tables with Dialect.Migration. The database measures the
// leases, so the clocks of the processes do not matter.
type SQLInbox struct {
	db *sql.DB
	do sqlStatements
}

// NewSQLInbox uses db, whose tables must exist. It never closes db.
func NewSQLInbox(db *sql.DB, dialect Dialect) (*SQLInbox, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: SQLInbox: no database", ErrConfiguration)
	}
	if dialect.Migration() == "" {
		return nil, fmt.Errorf("%w: SQLInbox: unknown dialect", ErrConfiguration)
	}
	return &SQLInbox{db: db, do: newSQLStatements(dialect)}, nil
}

// Acquire implements Inbox.
func (s *SQLInbox) Acquire(ctx context.Context, key Key, lease time.Duration) (Lease, error) {
	l, granted, err := s.lease(ctx, s.db, key, lease)
	if err != nil {
		return Lease{}, err
	}
	// Once the lease is granted, no other worker can finish the event. One may have
	// finished it just before, so the response is read after the lease.
	response, done, err := s.response(ctx, key)
	if granted && (done || err != nil) {
		s.giveBack(ctx, l)
	}
	switch {
	case err != nil:
		return Lease{}, err
	case done:
		return Lease{Key: key, Status: LeaseDone, State: l.State, Response: response}, nil
	case granted:
		return l, nil
	}
	return s.inFlight(ctx, key)
}

// Complete implements Inbox.
func (s *SQLInbox) Complete(ctx context.Context, l Lease, r Result) error {
	return s.CompleteTx(ctx, l, r, nil)
}

// CompleteTx is Complete with your own writes in the same transaction: both are
// committed, or neither. If another worker has taken over, it returns ErrLeaseLost
// without calling write. While write runs, no worker can take over.
func (s *SQLInbox) CompleteTx(ctx context.Context, l Lease, r Result, write func(*sql.Tx) error) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := s.one(ctx, tx, s.do.complete, l.Provider, l.Reference, l.ID, l.Fence, r.State); err != nil {
			return err
		}
		if write != nil {
			if err := write(tx); err != nil {
				return err
			}
		}
		return s.one(ctx, tx, s.do.finish, l.Provider, l.Reference, l.ID,
			string(r.Transition), r.Response.Status, r.Response.ContentType, blob(r.Response.Body), blob(nil))
	})
}

// Release implements Inbox.
func (s *SQLInbox) Release(ctx context.Context, l Lease) error {
	_, err := changed(ctx, s.db, "release", s.do.release, l.Provider, l.Reference, l.ID, l.Fence)
	return err
}

// Put implements Queue.
func (s *SQLInbox) Put(ctx context.Context, key Key, payload []byte) (bool, error) {
	n, err := changed(ctx, s.db, "put", s.do.put, key.Provider, key.Reference, key.ID, blob(payload), blob(nil))
	return n == 1, err
}

// Take implements Queue.
func (s *SQLInbox) Take(ctx context.Context, provider string, lease time.Duration) (Lease, bool, error) {
	keys, err := s.candidates(ctx, provider)
	if err != nil {
		return Lease{}, false, err
	}
	for _, key := range keys {
		l, found, err := s.takeOne(ctx, key, lease)
		if found || err != nil {
			return l, found, err
		}
	}
	return Lease{}, false, nil
}

// Retry implements Queue.
func (s *SQLInbox) Retry(ctx context.Context, l Lease, delay time.Duration, reason string) error {
	return s.handBack(ctx, l, s.do.retry, l.Provider, l.Reference, l.ID, delay.Microseconds(), shorten(reason))
}

// Bury implements Queue.
func (s *SQLInbox) Bury(ctx context.Context, l Lease, reason string, payload []byte) error {
	return s.handBack(ctx, l, s.do.bury, l.Provider, l.Reference, l.ID, shorten(reason), blob(payload), blob(nil))
}

// Dead implements Queue.
func (s *SQLInbox) Dead(ctx context.Context, provider string, limit int) ([]DeadLetter, error) {
	rows, err := s.db.QueryContext(ctx, s.do.dead, provider, max(limit, 0))
	if err != nil {
		return nil, failed("list dead letters", err)
	}
	defer rows.Close()
	var dead []DeadLetter
	for rows.Next() {
		d, since := DeadLetter{Key: Key{Provider: provider}}, int64(0)
		if err := rows.Scan(&d.Reference, &d.ID, &d.Reason, &d.Attempts, &since, &d.Payload); err != nil {
			return nil, failed("list dead letters", err)
		}
		d.Since = time.UnixMicro(since)
		dead = append(dead, d)
	}
	return dead, failed("list dead letters", rows.Err())
}

// Replay implements Queue.
func (s *SQLInbox) Replay(ctx context.Context, key Key) error {
	return s.letter(ctx, s.do.replay, key)
}

// Discard implements Queue.
func (s *SQLInbox) Discard(ctx context.Context, key Key) error {
	return s.letter(ctx, s.do.discard, key)
}

// Purge forgets finished events, and references without events, that were not
// touched for as long as keep, and returns the number of events. A duplicate that
// comes later is handed on again, even if it is confirmed. So keep events for
// longer than the provider retries. If the provider signs no time, keep them for
// longer than anybody could hold a copy of a delivery. Dead letters stay.
func (s *SQLInbox) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	if keep <= 0 {
		return 0, fmt.Errorf("%w: Purge: nothing to keep", ErrConfiguration)
	}
	n, err := changed(ctx, s.db, "purge events", s.do.purgeEvents, keep.Microseconds())
	if err != nil {
		return 0, err
	}
	_, err = changed(ctx, s.db, "purge references", s.do.purgeReferences, keep.Microseconds())
	return n, err
}

// querier is a database or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *SQLInbox) lease(ctx context.Context, q querier, key Key, lease time.Duration) (Lease, bool, error) {
	l := Lease{Key: key, Status: LeaseGranted}
	err := q.QueryRowContext(ctx, s.do.lease, key.Provider, key.Reference, key.ID, lease.Microseconds()).Scan(&l.State, &l.Fence)
	if errors.Is(err, sql.ErrNoRows) {
		return l, false, nil
	}
	return l, err == nil, failed("acquire", err)
}

func (s *SQLInbox) response(ctx context.Context, key Key) (r Response, done bool, err error) {
	err = s.db.QueryRowContext(ctx, s.do.response, key.Provider, key.Reference, key.ID).Scan(&r.Status, &r.ContentType, &r.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Response{}, false, nil
	}
	return r, err == nil, failed("read response", err)
}

func (s *SQLInbox) inFlight(ctx context.Context, key Key) (Lease, error) {
	l, holder := Lease{Key: key, Status: LeaseInFlight}, ""
	err := s.db.QueryRowContext(ctx, s.do.holder, key.Provider, key.Reference).Scan(&l.State, &holder)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Lease{}, failed("find holder", err)
	}
	l.Same = holder == key.ID
	return l, nil
}

// giveBack frees a reference even if the caller is gone. If that fails, the lease
// ends by itself.
func (s *SQLInbox) giveBack(ctx context.Context, l Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_ = s.Release(ctx, l)
}

func (s *SQLInbox) inTx(ctx context.Context, work func(*sql.Tx) error) (err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return failed("begin", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	return failed("commit", tx.Commit())
}

// changed runs a statement and returns how many rows it changed.
func changed(ctx context.Context, q querier, what, statement string, args ...any) (int64, error) {
	res, err := q.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, failed(what, err)
	}
	n, err := res.RowsAffected()
	return n, failed(what, err)
}

// one runs a statement that must change exactly one row. If it does not, another
// worker has taken over.
func (s *SQLInbox) one(ctx context.Context, tx *sql.Tx, statement string, args ...any) error {
	n, err := changed(ctx, tx, "complete", statement, args...)
	if err == nil && n != 1 {
		return ErrLeaseLost
	}
	return err
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("inbox: %s: %w", what, err)
}

// takeCandidates is how many events one Take looks at. It exceeds the workers who
// may look at the same time, so that each finds an event.
const takeCandidates = 32

// takeOne leases an event and counts the attempt, in one transaction.
func (s *SQLInbox) takeOne(ctx context.Context, key Key, lease time.Duration) (l Lease, found bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		var granted bool
		if l, granted, err = s.lease(ctx, tx, key, lease); err != nil {
			return err
		}
		if !granted {
			return errNothingToTake
		}
		err := tx.QueryRowContext(ctx, s.do.take, key.Provider, key.Reference, key.ID).Scan(&l.Attempts, &l.Payload)
		if errors.Is(err, sql.ErrNoRows) {
			return errNothingToTake // finished or buried meanwhile; the rollback undoes the lease
		}
		return failed("take", err)
	})
	if errors.Is(err, errNothingToTake) {
		return Lease{}, false, nil
	}
	return l, err == nil, err
}

var errNothingToTake = errors.New("nothing to take")

// candidates returns the earliest event of each reference. Their order is random,
// so that processes do not race for the first.
func (s *SQLInbox) candidates(ctx context.Context, provider string) ([]Key, error) {
	rows, err := s.db.QueryContext(ctx, s.do.due, provider, takeCandidates)
	if err != nil {
		return nil, failed("look for work", err)
	}
	defer rows.Close()
	var keys []Key
	seen := map[string]bool{}
	for rows.Next() {
		key := Key{Provider: provider}
		if err := rows.Scan(&key.Reference, &key.ID); err != nil {
			return nil, failed("look for work", err)
		}
		if !seen[key.Reference] {
			seen[key.Reference] = true
			keys = append(keys, key)
		}
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys, failed("look for work", rows.Err())
}

// handBack frees the reference and changes the event in one transaction.
func (s *SQLInbox) handBack(ctx context.Context, l Lease, statement string, args ...any) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := s.one(ctx, tx, s.do.complete, l.Provider, l.Reference, l.ID, l.Fence, ""); err != nil {
			return err
		}
		return s.one(ctx, tx, statement, args...)
	})
}

func (s *SQLInbox) letter(ctx context.Context, statement string, key Key) error {
	n, err := changed(ctx, s.db, "dead letter", statement, key.Provider, key.Reference, key.ID)
	if err == nil && n != 1 {
		return ErrNoSuchLetter
	}
	return err
}
