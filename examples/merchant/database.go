package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

const schema = `
CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, ride_id text NOT NULL DEFAULT '', status text NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS history (n integer PRIMARY KEY, order_id text NOT NULL, status text NOT NULL);
CREATE TABLE IF NOT EXISTS costs (n integer PRIMARY KEY, order_id text NOT NULL, amount text NOT NULL);`

// order is a sale that is to be delivered; its id is the ride's external id.
type order struct {
	ID     string
	RideID string
	Status kapiten.RideStatus
}

func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("create tables: %w", err)
	}
	return db, nil
}

// openInbox creates the inbox's tables beside the shop's.
func openInbox(ctx context.Context, db *sql.DB) (*webhook.SQLInbox, error) {
	inbox, err := webhook.NewSQLInbox(db, webhook.SQLite)
	if err != nil {
		return nil, err
	}
	return inbox, errors.Join(inbox.Migrate(ctx), inbox.Check(ctx))
}

// ourRide reports whether a callback is about a ride of the shop's. A ride that was
// ordered just now may not be written down yet: then it is not, and Kapiten or the
// reconciler comes again.
func (b *backend) ourRide(ctx context.Context, rideID string) (ours bool, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders WHERE ride_id = ?1)`, rideID).Scan(&ours)
	return ours, err
}

// rideChanged is what the shop does when a delivery moves. Its writes commit
// together with the inbox's mark, so each of them happens once.
func rideChanged(ctx context.Context, tx *sql.Tx, ev webhook.Event[kapiten.Ride]) error {
	// The callback may be faster than the response to the order.
	res, err := tx.ExecContext(ctx, `UPDATE orders SET status = ?1, ride_id = ?2 WHERE id = ?3`, ev.Status, ev.Reference, ev.Data.ExternalID)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("ride %s belongs to %d orders", ev.Reference, n)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO history (order_id, status) VALUES (?1, ?2)`, ev.Data.ExternalID, ev.Status); err != nil {
		return err
	}
	if ev.Data.Status != kapiten.RideCompleted {
		return nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO costs (order_id, amount) VALUES (?1, ?2)`, ev.Data.ExternalID, ev.Amount.Decimal.String())
	return err
}

func (b *backend) addOrder(ctx context.Context, id string) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO orders (id) VALUES (?1) ON CONFLICT DO NOTHING`, id)
	return err
}

func (b *backend) orders(ctx context.Context) ([]order, error) { return readOrders(ctx, b.db) }

func readOrders(ctx context.Context, db *sql.DB) ([]order, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, ride_id, status FROM orders ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var orders []order
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.ID, &o.RideID, &o.Status); err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	return orders, rows.Err()
}

// openRides are what the reconciler asks about.
func (b *backend) openRides(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		orders, err := b.orders(ctx)
		if err != nil {
			yield("", err)
			return
		}
		for _, o := range orders {
			if o.RideID != "" && !o.Status.Final() && !yield(o.RideID, nil) {
				return
			}
		}
	}
}
