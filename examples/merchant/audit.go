package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// audit holds the merchant's database against the fake.
func (w *world) audit(ctx context.Context) error {
	db, err := openDatabase(ctx, w.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	return errors.Join(w.auditRides(ctx, db), auditHistory(ctx, db), w.auditMoney(ctx, db))
}

func (w *world) auditRides(ctx context.Context, db *sql.DB) error {
	orders, err := readOrders(ctx, db)
	if err != nil {
		return err
	}
	rides := w.fake.Rides(w.company.ID)
	if len(orders) != orderCount || len(rides) != orderCount {
		return fmt.Errorf("%d orders have %d rides, not %d each", len(orders), len(rides), orderCount)
	}
	for _, o := range orders {
		ride, ok := w.fake.Ride(o.RideID)
		if !ok || ride.ExternalID != o.ID || ride.Status != o.Status {
			return fmt.Errorf("%s: the shop says %s, Kapiten says %s", o.ID, o.Status, ride.Status)
		}
	}
	fmt.Println("each order has exactly one ride, and both sides say the same of it")
	return nil
}

func auditHistory(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT order_id, status FROM history ORDER BY n`)
	if err != nil {
		return err
	}
	defer rows.Close()
	way := map[string][]string{}
	for rows.Next() {
		var id, status string
		if err := rows.Scan(&id, &status); err != nil {
			return err
		}
		way[id] = append(way[id], status)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	states := webhook.KapitenStates()
	for id, statuses := range way {
		for i, status := range statuses {
			if i > 0 && states.Transition(statuses[i-1], status) != webhook.Advanced || slices.Contains(statuses[:i], status) {
				return fmt.Errorf("%s went %v", id, statuses)
			}
		}
		if statuses[len(statuses)-1] != string(kapiten.RideCompleted) {
			return fmt.Errorf("%s ended as %v", id, statuses)
		}
	}
	if len(way) != orderCount {
		return fmt.Errorf("%d orders have a history, not %d", len(way), orderCount)
	}
	fmt.Println("every status took effect once, and none went backwards")
	return nil
}

func (w *world) auditMoney(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT amount FROM costs`)
	if err != nil {
		return err
	}
	defer rows.Close()
	spent, entries := decimal.Zero, 0
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		amount, err := decimal.NewFromString(text)
		if err != nil {
			return err
		}
		spent, entries = spent.Add(amount), entries+1
	}
	if err := rows.Err(); err != nil {
		return err
	}
	left := w.fake.Balance(w.company.ID)
	if entries != orderCount || !spent.IsPositive() || !left.Add(spent).Equal(decimal.NewFromInt(startMoney)) {
		return fmt.Errorf("the shop booked %d deliveries for %s RWF, the wallet has %s of %d left", entries, spent, left, startMoney)
	}
	fmt.Printf("the shop booked %s RWF, just what left its wallet\n", spent)
	return nil
}
