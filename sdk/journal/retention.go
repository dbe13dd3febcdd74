package journal

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
)

// Retention says how long the details of finished entries are kept: parameters,
// responses and history. Zero keeps them.
type Retention struct {
	Final, Refused, Cancelled time.Duration
}

// Purge removes the details of finished entries in small transactions, and returns of
// how many. It keeps the references, so that none is ever paid twice: a Plan of the
// same parameters still is the same entry. An unfinished or stuck entry stays whole,
// and so does an entry which your func has not taken, or whose end is watched (Provider.Watch;
// KPay's for seven days). After that the provider's
// corrections of an entry are no longer seen. Call it from one process, once a day or more
// often. It waits for the locks of others as long as your database lets it, on MySQL twice
// 50 s. After an error call it again: what it has removed stays removed.
func (j *Journal) Purge(ctx context.Context, keep Retention) (int, error) {
	limits := map[State]time.Duration{StateFinal: keep.Final, StateRefused: keep.Refused, StateCancelled: keep.Cancelled}
	shortest := time.Duration(0)
	for _, limit := range limits {
		if limit < 0 {
			return 0, errors.New("journal: purge: a negative time")
		}
		if limit > 0 && (shortest == 0 || limit < shortest) {
			shortest = limit
		}
	}
	if shortest == 0 {
		return 0, nil
	}
	purged, cursor := 0, int64(0)
	for {
		ids, last, err := j.purgeable(ctx, cursor, limits, shortest)
		if err != nil {
			return purged, failed("purge", err)
		}
		if len(ids) > 0 {
			n, err := j.purge(ctx, ids, shortest)
			if err != nil {
				return purged, failed("purge", err)
			}
			purged += n
		}
		if last == 0 {
			return purged, nil
		}
		cursor = last
	}
}

// purge removes the details of entries, and returns of how many. It leaves those alone that
// a knock has woken meanwhile, or that a worker holds: what your func has not taken, or what
// a person must decide, needs its details.
func (j *Journal) purge(ctx context.Context, ids []int64, shortest time.Duration) (purged int, err error) {
	err = sqldb.Again(ctx, func() error {
		return inTx(ctx, j.db, func(tx *transaction) error {
			idle, err := stillIdle(ctx, tx, strings.Replace(j.sql.purgeIdle, "{list}", listOf(ids), 1), shortest)
			if purged = len(idle); err != nil || purged == 0 {
				return err
			}
			for _, statement := range []string{j.sql.purgeDetails, j.sql.purgeHistory} {
				if _, err := tx.ExecContext(ctx, statement+listOf(idle)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return purged, err
}

// stillIdle locks the entries that may be purged, and returns them.
func stillIdle(ctx context.Context, tx *transaction, query string, shortest time.Duration) (ids []int64, err error) {
	rows, err := tx.QueryContext(ctx, query, shortest.Microseconds())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// purgeable reads one batch of entries, in the order in which they were planned. It
// ends with the first entry that is too young, so that it never reads all of them.
func (j *Journal) purgeable(ctx context.Context, cursor int64, limits map[State]time.Duration, shortest time.Duration) (ids []int64, last int64, err error) {
	rows, err := j.db.QueryContext(ctx, j.sql.purgeable, cursor)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			id, created, changed, age int64
			state                     State
			idle                      bool
		)
		if err := rows.Scan(&id, &created, &state, &idle, &changed, &age); err != nil {
			return nil, 0, err
		}
		if time.Duration(age)*time.Microsecond < shortest {
			return ids, 0, rows.Close()
		}
		last = id
		if limit := limits[state]; idle && limit > 0 && time.Duration(changed)*time.Microsecond >= limit {
			ids = append(ids, id)
		}
	}
	return ids, last, rows.Err()
}

// listOf is a list of numbers in SQL.
func listOf(ids []int64) string {
	text := []byte{'('}
	for i, id := range ids {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = strconv.AppendInt(text, id, 10)
	}
	return string(append(text, ')'))
}
