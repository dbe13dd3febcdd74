package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// SQLInbox is an Inbox and Queue in the merchant's own database, shared by all
// its processes. Its tables come from Dialect.Migration. Leases run on the
// database's clock, so the clocks of the processes do not matter.
type SQLInbox struct {
	db *sql.DB
	do sqlStatements
}

// NewSQLInbox uses db, which stays the caller's to close. The tables must exist.
func NewSQLInbox(db *sql.DB, dialect Dialect) (*SQLInbox, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: SQLInbox: no database", ErrConfiguration)
	}
	if dialect.Migration() == "" {
		return nil, fmt.Errorf("%w: SQLInbox: unknown dialect", ErrConfiguration)
	}
	return &SQLInbox{db: db, do: newSQLStatements(dialect)}, nil
}

// Claim implements Inbox.
func (s *SQLInbox) Claim(ctx context.Context, key Key, lease time.Duration) (Claim, error) {
	c, leased, err := s.lease(ctx, s.db, key, lease)
	if err != nil {
		return Claim{}, err
	}
	// Read after the lease was asked for. With the lease nobody else can finish
	// the event any more; it may have been finished just before.
	answer, done, err := s.answer(ctx, key)
	if leased && (done || err != nil) {
		s.letGo(ctx, c)
	}
	switch {
	case err != nil:
		return Claim{}, err
	case done:
		return Claim{Key: key, Status: ClaimDone, State: c.State, Answer: answer}, nil
	case leased:
		return c, nil
	}
	return s.inFlight(ctx, key)
}

// Complete implements Inbox.
func (s *SQLInbox) Complete(ctx context.Context, c Claim, r Result) error {
	return s.CompleteTx(ctx, c, r, nil)
}

// CompleteTx is Complete with the merchant's own writes in the same transaction:
// both happen or neither. It fails with ErrLeaseLost before write is called when
// another worker took over, and while write runs nobody can.
func (s *SQLInbox) CompleteTx(ctx context.Context, c Claim, r Result, write func(*sql.Tx) error) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := s.one(ctx, tx, s.do.complete, c.Provider, c.Reference, c.ID, c.Fence, r.State); err != nil {
			return err
		}
		if write != nil {
			if err := write(tx); err != nil {
				return err
			}
		}
		return s.one(ctx, tx, s.do.finish, c.Provider, c.Reference, c.ID,
			string(r.Outcome), r.Answer.Status, r.Answer.ContentType, blob(r.Answer.Body), blob(nil))
	})
}

// Release implements Inbox.
func (s *SQLInbox) Release(ctx context.Context, c Claim) error {
	_, err := s.db.ExecContext(ctx, s.do.release, c.Provider, c.Reference, c.ID, c.Fence)
	return failed("release", err)
}

// Put implements Queue.
func (s *SQLInbox) Put(ctx context.Context, key Key, payload []byte) (bool, error) {
	res, err := s.db.ExecContext(ctx, s.do.put, key.Provider, key.Reference, key.ID, blob(payload), blob(nil))
	if err != nil {
		return false, failed("put", err)
	}
	n, err := res.RowsAffected()
	return n == 1, failed("put", err)
}

// Take implements Queue.
func (s *SQLInbox) Take(ctx context.Context, provider string, lease time.Duration) (Claim, bool, error) {
	keys, err := s.candidates(ctx, provider)
	if err != nil {
		return Claim{}, false, err
	}
	for _, key := range keys {
		c, found, err := s.takeOne(ctx, key, lease)
		if found || err != nil {
			return c, found, err
		}
	}
	return Claim{}, false, nil
}

// Retry implements Queue.
func (s *SQLInbox) Retry(ctx context.Context, c Claim, delay time.Duration, reason string) error {
	return s.handBack(ctx, c, s.do.retry, c.Provider, c.Reference, c.ID, delay.Microseconds(), shorten(reason))
}

// Bury implements Queue.
func (s *SQLInbox) Bury(ctx context.Context, c Claim, reason string, payload []byte) error {
	return s.handBack(ctx, c, s.do.bury, c.Provider, c.Reference, c.ID, shorten(reason), blob(payload), blob(nil))
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
// touched for as long as keep. A duplicate that comes later still is new again,
// even a confirmed one, so keep far longer than the provider may send; and where
// no time is signed, than anyone could keep a delivery to send it again. Dead
// letters stay. It reports how many events went.
func (s *SQLInbox) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	if keep <= 0 {
		return 0, fmt.Errorf("%w: Purge: nothing to keep", ErrConfiguration)
	}
	gone, err := s.db.ExecContext(ctx, s.do.purgeEvents, keep.Microseconds())
	if err != nil {
		return 0, failed("purge events", err)
	}
	n, err := gone.RowsAffected()
	if err != nil {
		return 0, failed("purge events", err)
	}
	_, err = s.db.ExecContext(ctx, s.do.purgeReferences, keep.Microseconds())
	return n, failed("purge references", err)
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *SQLInbox) lease(ctx context.Context, q querier, key Key, lease time.Duration) (Claim, bool, error) {
	c := Claim{Key: key, Status: ClaimNew}
	err := q.QueryRowContext(ctx, s.do.lease, key.Provider, key.Reference, key.ID, lease.Microseconds()).Scan(&c.State, &c.Fence)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, failed("claim", err)
}

func (s *SQLInbox) answer(ctx context.Context, key Key) (a Answer, done bool, err error) {
	err = s.db.QueryRowContext(ctx, s.do.answer, key.Provider, key.Reference, key.ID).Scan(&a.Status, &a.ContentType, &a.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Answer{}, false, nil
	}
	return a, err == nil, failed("read answer", err)
}

func (s *SQLInbox) inFlight(ctx context.Context, key Key) (Claim, error) {
	c, holder := Claim{Key: key, Status: ClaimInFlight}, ""
	err := s.db.QueryRowContext(ctx, s.do.holder, key.Provider, key.Reference).Scan(&c.State, &holder)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Claim{}, failed("find holder", err)
	}
	c.Same = holder == key.ID
	return c, nil
}

// letGo frees a reference even when the caller is gone; if that fails, the lease
// ends by itself.
func (s *SQLInbox) letGo(ctx context.Context, c Claim) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_ = s.Release(ctx, c)
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

// one runs a statement that must change exactly one row; another worker has been
// there if it does not.
func (s *SQLInbox) one(ctx context.Context, tx *sql.Tx, statement string, args ...any) error {
	res, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return failed("complete", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return failed("complete", err)
	}
	if n != 1 {
		return ErrLeaseLost
	}
	return nil
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

// takeCandidates are looked at per Take: enough that workers who see the same
// ones still find one each.
const takeCandidates = 32

// takeOne leases and counts the attempt in one transaction.
func (s *SQLInbox) takeOne(ctx context.Context, key Key, lease time.Duration) (c Claim, found bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		var leased bool
		if c, leased, err = s.lease(ctx, tx, key, lease); err != nil {
			return err
		}
		if !leased {
			return errNothingToTake
		}
		err := tx.QueryRowContext(ctx, s.do.take, key.Provider, key.Reference, key.ID).Scan(&c.Attempts, &c.Payload)
		if errors.Is(err, sql.ErrNoRows) {
			return errNothingToTake // finished or buried meanwhile; the lease goes with the transaction
		}
		return failed("take", err)
	})
	if errors.Is(err, errNothingToTake) {
		return Claim{}, false, nil
	}
	return c, err == nil, err
}

var errNothingToTake = errors.New("nothing to take")

// candidates are the earliest event of each reference, the references in random
// order, so that processes do not race for the first.
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
func (s *SQLInbox) handBack(ctx context.Context, c Claim, statement string, args ...any) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if err := s.one(ctx, tx, s.do.complete, c.Provider, c.Reference, c.ID, c.Fence, ""); err != nil {
			return err
		}
		return s.one(ctx, tx, statement, args...)
	})
}

func (s *SQLInbox) letter(ctx context.Context, statement string, key Key) error {
	res, err := s.db.ExecContext(ctx, statement, key.Provider, key.Reference, key.ID)
	if err != nil {
		return failed("dead letter", err)
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		return ErrNoSuchLetter
	}
	return failed("dead letter", err)
}
