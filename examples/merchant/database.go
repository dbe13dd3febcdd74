package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/shopspring/decimal"
	_ "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// schema holds the merchant's own tables. An order is three steps, each with a reference and a
// state of its own. A book is one line of money for one order, as long as the money has not come
// back: the primary key makes a second line for the same thing an error.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS steps (reference text PRIMARY KEY, order_id text NOT NULL, number integer NOT NULL, state text NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS books (order_id text NOT NULL, kind text NOT NULL, amount text NOT NULL, PRIMARY KEY (order_id, kind))`,
}

// The states of a step. Those below stateDone say what a person must look at.
const (
	stateNew          = "new"
	stateCollected    = "collected"
	stateDelivered    = "delivered"
	stateDone         = "done"
	stateDoubt        = "in doubt"
	stateCancelled    = "cancelled"
	stateTakenBack    = "payment taken back"
	stateNotDelivered = "not delivered"
	stateNotPaid      = "supplier not paid"
)

// database is the merchant's own database: PostgreSQL, or a SQLite file.
type database struct {
	*sql.DB
	dialect journal.Dialect
}

func openDatabase(url string) (*database, error) {
	if strings.HasPrefix(url, "postgres") {
		db, err := sql.Open("pgx", url)
		return &database{db, journal.PostgreSQL}, err
	}
	db, err := sql.Open("sqlite", "file:"+url+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	return &database{db, journal.SQLite}, err
}

// create makes the tables, or empties those of an earlier story.
func (d *database) create(ctx context.Context) error {
	if err := journal.Migrate(ctx, d.DB, d.dialect); err != nil {
		return err
	}
	statements := schema
	for _, table := range []string{"steps", "books", "journal_entries", "journal_details", "journal_history", "journal_stuck", "journal_flows", "journal_spend"} {
		statements = append(statements, "DELETE FROM "+table)
	}
	for _, statement := range statements {
		if _, err := d.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("create tables: %w", err)
		}
	}
	return nil
}

func (d *database) inTx(ctx context.Context, work func(journal.Tx) error) error {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// text puts a statement into the dialect.
func (d *database) text(statement string) string {
	if d.dialect == journal.SQLite {
		return strings.ReplaceAll(statement, "$", "?")
	}
	return statement
}

func (d *database) insertOrder(ctx context.Context, tx journal.Tx, id string) error {
	for number, purpose := range []string{purposeCollect, purposeRide, purposePayout} {
		_, err := tx.ExecContext(ctx, d.text(`INSERT INTO steps (reference, order_id, number, state) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`),
			journal.Reference(id, purpose), id, number, stateNew)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *database) orderOf(ctx context.Context, tx journal.Tx, reference string) (id string, err error) {
	rows, err := tx.QueryContext(ctx, d.text(`SELECT order_id FROM steps WHERE reference = $1`), reference)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		err = rows.Scan(&id)
	}
	if err == nil && id == "" {
		err = fmt.Errorf("%s belongs to no order", reference)
	}
	if err != nil {
		return "", err
	}
	return id, rows.Err()
}

// setState writes down how a step stands. A payment that was taken back stays in sight until it
// is corrected.
func (d *database) setState(ctx context.Context, tx journal.Tx, id, kind, state string) error {
	_, err := tx.ExecContext(ctx, d.text(`UPDATE steps SET state = $1 WHERE reference = $2 AND (state <> $3 OR $1 = $4)`),
		state, journal.Reference(id, kind), stateTakenBack, stateCollected)
	return err
}

// book writes down money that moved for an order.
func (d *database) book(ctx context.Context, tx journal.Tx, id, kind string, amount decimal.Decimal) error {
	_, err := tx.ExecContext(ctx, d.text(`INSERT INTO books (order_id, kind, amount) VALUES ($1, $2, $3)`), id, kind, amount.String())
	return err
}

// unbook takes money off the books that came back, and says so in the state of the step.
func (d *database) unbook(ctx context.Context, tx journal.Tx, id, kind, state string) error {
	if _, err := tx.ExecContext(ctx, d.text(`DELETE FROM books WHERE order_id = $1 AND kind = $2`), id, kind); err != nil {
		return err
	}
	return d.setState(ctx, tx, id, kind, state)
}

// states returns the state of each order: that of its first step which does not go well, or
// else of the last step that was taken. A change may come long after the steps that follow it.
func (d *database) states(ctx context.Context) (map[string]string, error) {
	rows, err := d.QueryContext(ctx, `SELECT order_id, state FROM steps ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil {
			return nil, err
		}
		before, seen := all[id]
		well := before == stateNew || before == stateCollected || before == stateDelivered
		if !seen || well && state != stateNew {
			all[id] = state
		}
	}
	return all, rows.Err()
}

// readBooks returns the amounts by kind and order.
func (d *database) readBooks(ctx context.Context) (map[string]map[string]decimal.Decimal, error) {
	rows, err := d.QueryContext(ctx, `SELECT order_id, kind, amount FROM books`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	books := map[string]map[string]decimal.Decimal{purposeCollect: {}, purposeRide: {}, purposePayout: {}}
	for rows.Next() {
		var id, kind, text string
		if err := rows.Scan(&id, &kind, &text); err != nil {
			return nil, err
		}
		if books[kind][id], err = decimal.NewFromString(text); err != nil {
			return nil, err
		}
	}
	return books, rows.Err()
}
