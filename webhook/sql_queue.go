package webhook

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// Put implements Queue.
func (s *SQLInbox) Put(ctx context.Context, key Key, payload []byte) (bool, error) {
	res, err := s.db.ExecContext(ctx, s.do.put, key.Provider, key.Reference, key.ID, blob(payload), blob(nil))
	if err != nil {
		return false, failed("put", err)
	}
	n, err := res.RowsAffected()
	return n == 1, failed("put", err)
}

// takeCandidates are looked at per Take: enough that workers who see the same
// ones still find one each.
const takeCandidates = 32

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
