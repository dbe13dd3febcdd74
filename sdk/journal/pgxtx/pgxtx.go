// Package pgxtx plans in a transaction of pgx, for merchants who use pgx without
// database/sql:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if err := insertOrder(ctx, tx, order); err != nil {
//			return err
//		}
//		return pgxtx.Plan(ctx, collect, tx, kpay.PayParams{RefID: order.ID, ...})
//	})
//
// The journal itself works on a *sql.DB: stdlib.OpenDBFromPool makes a *sql.DB of your
// pool. Your func gets a transaction of database/sql.
package pgxtx

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// Plan is flow.Plan in a transaction of pgx. Nothing is sent before you commit it.
func Plan[P, T any](ctx context.Context, flow *journal.Flow[P, T], tx pgx.Tx, params P) error {
	return Use(tx, func(adapted journal.Tx) error { return flow.Plan(ctx, adapted, params) })
}

// Use lends a transaction of pgx as a journal.Tx until work returns. It neither commits
// nor rolls back. Close the rows of each query before the next statement.
func Use(tx pgx.Tx, work func(journal.Tx) error) error {
	db := sql.OpenDB(connector{tx})
	defer db.Close()
	db.SetMaxOpenConns(1)
	return work(&adapter{db, tx})
}

// adapter is a transaction of pgx. database/sql alone can make *sql.Rows, so it gets a
// driver whose only connection is the transaction.
type adapter struct {
	*sql.DB
	tx pgx.Tx
}

func (a *adapter) Rollback() error { return a.tx.Rollback(context.Background()) }

type connector struct{ tx pgx.Tx }

func (c connector) Connect(context.Context) (driver.Conn, error) { return conn(c), nil }
func (c connector) Driver() driver.Driver                        { return c }
func (c connector) Open(string) (driver.Conn, error)             { return conn(c), nil }

type conn struct{ tx pgx.Tx }

var errTransaction = errors.New("pgxtx: this is one transaction: it prepares nothing and begins no other")

func (conn) Prepare(string) (driver.Stmt, error)      { return nil, errTransaction }
func (conn) Begin() (driver.Tx, error)                { return nil, errTransaction }
func (conn) Close() error                             { return nil }
func (conn) CheckNamedValue(*driver.NamedValue) error { return nil } // pgx encodes it
func (c conn) values(args []driver.NamedValue) (v []any) {
	for _, a := range args {
		v = append(v, a.Value)
	}
	return v
}

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := c.tx.Exec(ctx, query, c.values(args)...)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.tx.Query(ctx, query, c.values(args)...)
	if err != nil {
		return nil, err
	}
	return &rows{r}, nil
}

type rows struct{ pgx.Rows }

func (r *rows) Columns() (names []string) {
	for _, f := range r.FieldDescriptions() {
		names = append(names, f.Name)
	}
	return names
}

func (r *rows) Close() error {
	r.Rows.Close()
	return r.Err()
}

func (r *rows) Next(dest []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	values, err := r.Values()
	if err != nil {
		return err
	}
	for i, v := range values {
		if dest[i], err = value(v); err != nil {
			return err
		}
	}
	return nil
}

func value(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, int64, float64, bool, []byte, string, time.Time:
		return v, nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case driver.Valuer:
		return v.Value()
	}
	return nil, fmt.Errorf("pgxtx: a column of type %T: cast it to text", v)
}
