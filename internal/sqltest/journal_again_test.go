package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// The tests of this file plan again under a reference that stands.

// inTurn plans each of the parameters in a transaction of its own.
func inTurn[P any](t *testing.T, db *sql.DB, plan func(context.Context, journal.Tx, P) error, all ...P) (err error) {
	t.Helper()
	for _, params := range all {
		tx, beginErr := db.BeginTx(t.Context(), nil)
		require.NoError(t, beginErr)
		if err = plan(t.Context(), tx, params); err != nil {
			require.NoError(t, tx.Rollback())
			return err
		}
		require.NoError(t, tx.Commit())
	}
	return nil
}

// TestJournalPlanWithADefaultSpeltOut: what the client fills in is the same request when it
// is spelt out, in whatever order they are planned. Another value is another request.
func TestJournalPlanWithADefaultSpeltOut(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		newMerchant(t, db, dialect, newBank(sdk.Once))
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		collects := kpaytest.New(kpaytest.Config{}).ClientConfig()
		collects.CallbackURL = callback
		collector, err := kpay.New(collects)
		require.NoError(t, err)
		pays := kasapaytest.New(kasapaytest.Config{}).ClientConfig()
		pays.CallbackURL = callback
		payer, err := kasapay.New(pays)
		require.NoError(t, err)
		collect, pay := journal.KPay(j, "collect", collector, nil), journal.Kasapay(j, "pay", payer.Payouts, nil)

		payment := func(reference, retailer string) kpay.PayParams {
			p := kpayParams(reference)
			p.RetailerID, p.Details = retailer, "Order of "+retailer // which decides nothing
			return p
		}
		payout := func(reference, service string, method kasapay.PaymentMethod) kasapay.CreatePayoutParams {
			p := kasapayParams(reference)
			p.ServiceCode, p.Method, p.Description = service, method, "Delivery of "+service
			return p
		}
		require.NotEmpty(t, collects.RetailerID)
		require.NotEmpty(t, pays.ServiceCode)
		for _, first := range []bool{true, false} {
			reference, spelt, method, other := "spelt-first", collects.RetailerID, kasapay.MethodMpesaB2B, ""
			service, otherService, otherMethod := pays.ServiceCode, "", kasapay.PaymentMethod("")
			if !first {
				reference, spelt, other = "spelt-later", other, spelt
				service, otherService, method, otherMethod = otherService, service, otherMethod, method
			}
			require.NoError(t, inTurn(t, db, collect.Plan, payment(reference, spelt), payment(reference, other), payment(reference, spelt)))
			require.ErrorIs(t, inTurn(t, db, collect.Plan, payment(reference, "77")), journal.ErrReferenceTaken)
			require.NoError(t, inTurn(t, db, pay.Plan, payout(reference, service, method), payout(reference, otherService, otherMethod), payout(reference, otherService, method)))
			require.ErrorIs(t, inTurn(t, db, pay.Plan, payout(reference, "77", method)), journal.ErrReferenceTaken)
			amount := payout(reference, otherService, otherMethod)
			amount.Amount = twenty
			require.ErrorIs(t, inTurn(t, db, pay.Plan, amount), journal.ErrReferenceTaken)

			// Of what is purged only the digest is left: the same spelling is the same request.
			_, err := db.ExecContext(t.Context(), `DELETE FROM journal_details`)
			require.NoError(t, err)
			require.NoError(t, inTurn(t, db, collect.Plan, payment(reference, spelt)))
			require.ErrorIs(t, inTurn(t, db, collect.Plan, payment(reference, "77")), journal.ErrReferenceTaken)
		}

		// And of a row with the first digest.
		clear(t, db)
		rows := map[string]recorded{}
		data, err := os.ReadFile(recordedRows[0])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &rows))
		insertRecorded(t, db, dialect, rows["kpay"])
		_, err = db.ExecContext(t.Context(), `UPDATE journal_entries SET flow = 'collect'`)
		require.NoError(t, err)
		require.NoError(t, inTurn(t, db, collect.Plan, payment(providerReference, ""), payment(providerReference, collects.RetailerID)))
		require.ErrorIs(t, inTurn(t, db, collect.Plan, payment(providerReference, "77")), journal.ErrReferenceTaken)
	})
}

// TestJournalPlanOnWhatCannotBeRead: to run the transaction again does not help where this
// release cannot read what is stored. So Plan and Await report it as ErrConfiguration.
func TestJournalPlanOnWhatCannotBeRead(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		m := newMerchant(t, db, dialect, newBank(sdk.Referenced))
		text := map[journal.Dialect]string{journal.PostgreSQL: `convert_to('{', 'UTF8')`}[dialect]
		if text == "" {
			text = `'{'`
		}
		for name, change := range map[string][]string{
			"a newer digest":        {`UPDATE journal_entries SET digest_version = 99`},
			"unreadable parameters": {`UPDATE journal_entries SET digest_version = 1`, `UPDATE journal_details SET params = ` + text},
			"an unreadable value":   {`UPDATE journal_entries SET state = 'final'`, `UPDATE journal_details SET value = ` + text},
		} {
			clear(t, db)
			m.mustPlan("a")
			for _, statement := range change {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			var err error
			if name == "an unreadable value" {
				_, err = m.flow.Await(t.Context(), "a")
			} else {
				err = m.plan(t.Context(), order{Ref: "a", Amount: decimal.NewFromInt(500)})
			}
			require.ErrorIs(t, err, journal.ErrConfiguration, name)
			require.NotErrorIs(t, err, journal.ErrReferenceTaken, name)
			require.ErrorContains(t, err, "release", name)
		}
	})
}

// TestJournalPlanOfWhatIsPurgedLocksNoOthers: at REPEATABLE READ a locking read of a row
// that is gone locks the gap where new rows go. Two transactions that plan an order again
// whose details are purged, and then new ones, would wait for each other.
func TestJournalPlanOfWhatIsPurgedLocksNoOthers(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		if dialect == journal.SQLite { // has one writer
			return
		}
		m := newMerchant(t, db, dialect, newBank(sdk.Once))
		again := map[string]string{"a": "new a", "b": "new b"}
		for reference := range again {
			m.mustPlan(reference)
		}
		for _, statement := range []string{`UPDATE journal_entries SET digest_version = 1`, `TRUNCATE TABLE journal_details`} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		plan := func(tx *sql.Tx, reference string) error {
			return m.flow.Plan(t.Context(), tx, order{Ref: reference, Amount: decimal.NewFromInt(500)})
		}
		txs := map[string]*sql.Tx{}
		for reference := range again {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, plan(tx, reference))
			txs[reference] = tx
		}
		ended := make(chan error, len(txs))
		for reference, tx := range txs {
			go func() {
				defer func() { _ = tx.Rollback() }()
				if err := plan(tx, again[reference]); err != nil {
					ended <- err
					return
				}
				ended <- tx.Commit()
			}()
		}
		for range txs {
			require.NoError(t, <-ended)
		}
	})
}

// TestJournalPlanWithAnOldSnapshot: a transaction at REPEATABLE READ that began before the
// first plan, as transactions of MariaDB are, compares with it all the same.
func TestJournalPlanWithAnOldSnapshot(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		if dialect == journal.SQLite { // has one writer
			return
		}
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		cfg := kpaytest.New(kpaytest.Config{}).ClientConfig()
		cfg.CallbackURL = callback
		client, err := kpay.New(cfg)
		require.NoError(t, err)
		collect := journal.KPay(j, "collect", client, nil)
		for retailer, want := range map[string]error{cfg.RetailerID: nil, "77": journal.ErrReferenceTaken} {
			old, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			rows := 0
			require.NoError(t, old.QueryRowContext(t.Context(), `SELECT count(*) FROM journal_entries`).Scan(&rows))
			reference := "order-" + retailer
			require.NoError(t, inTurn(t, db, collect.Plan, kpayParams(reference)))
			spelt := kpayParams(reference)
			spelt.RetailerID = retailer
			require.ErrorIs(t, collect.Plan(t.Context(), old, spelt), want)
			require.NoError(t, old.Rollback())
		}
	})
}

// TestJournalPurgeLeavesWhatAWorkerHolds: what a knock has woken keeps its details until your
// func has taken it.
func TestJournalPurgeLeavesWhatAWorkerHolds(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		if dialect == journal.SQLite {
			return // it has one writer at a time
		}
		m := newMerchant(t, db, dialect, newBank(sdk.Searched, "refuse", "refuse"))
		for _, reference := range []string{"a", "b"} {
			m.mustPlan(reference)
			m.work(0)
		}
		pass(t, db, 2*time.Hour)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(t.Context(), fmt.Sprintf(`SELECT id FROM journal_entries WHERE id = %d FOR UPDATE`, count(t, db, `SELECT id FROM journal_entries WHERE reference = 'b'`)))
		require.NoError(t, err)
		purge := func() int {
			n, err := m.j.Purge(t.Context(), journal.Retention{Refused: time.Hour})
			require.NoError(t, err)
			return n
		}
		require.Equal(t, 1, purge())
		require.Equal(t, 1, count(t, db, `SELECT count(*) FROM journal_details`))
		require.NoError(t, tx.Rollback())
		require.Equal(t, 1, purge())
		require.Zero(t, count(t, db, `SELECT count(*) FROM journal_details`))

		// A knock comes after Purge has read what is idle, and before it locks.
		m.mustPlan("c")
		m.bank.script = []string{"refuse"}
		m.work(0)
		pass(t, db, 2*time.Hour)
		spied := sql.OpenDB(spyConnector{db.Driver(), dsnOf(t, db, dialect), func(statement string, _ []driver.NamedValue) {
			if strings.HasPrefix(statement, "SELECT id FROM journal_entries") {
				_, err := db.ExecContext(context.WithoutCancel(t.Context()), `UPDATE journal_entries SET due_at = 1 WHERE reference = 'c'`)
				require.NoError(t, err)
			}
		}})
		closeLater(t, spied)
		j, err := journal.Open(t.Context(), spied, dialect, journal.Config{})
		require.NoError(t, err)
		n, err := j.Purge(t.Context(), journal.Retention{Refused: time.Hour})
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, 1, count(t, db, `SELECT count(*) FROM journal_details`))
	})
}

// TestJournalPurgeTriesAgain: a transaction that has locked details in another order makes
// Purge, or itself, give way. Purge sees itself through.
func TestJournalPurgeTriesAgain(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		if dialect == journal.SQLite { // has one writer
			return
		}
		m := newMerchant(t, db, dialect, newBank(sdk.Once, "refuse", "refuse"))
		for _, reference := range []string{"a", "b"} {
			m.mustPlan(reference)
		}
		m.work(0)
		pass(t, db, 2*time.Hour)
		lock := func(tx *sql.Tx, reference string) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE journal_details SET note = 'locked' WHERE entry = (SELECT id FROM journal_entries WHERE reference = '`+reference+`')`)
			return err
		}
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for range 20 { // MariaDB rolls back what has written less
			_, err = tx.ExecContext(t.Context(), `INSERT INTO told (reference, kind) VALUES ('x', 'y')`)
			require.NoError(t, err)
		}
		require.NoError(t, lock(tx, "b"))
		purged := make(chan error, 1)
		go func() {
			_, err := m.j.Purge(t.Context(), journal.Retention{Refused: time.Hour})
			purged <- err
		}()
		tick := time.NewTicker(200 * time.Millisecond) // MariaDB renews what it shows when nobody has looked for 100 ms
		defer tick.Stop()
		for !waiting(t, db, dialect) {
			<-tick.C
		}
		if lock(tx, "a") == nil {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
		require.NoError(t, <-purged)
		require.Zero(t, count(t, db, `SELECT count(*) FROM journal_details`))
	})
}

// waiting reports that a statement on details waits for a lock.
func waiting(t *testing.T, db *sql.DB, dialect journal.Dialect) bool {
	if dialect == journal.MySQL {
		return count(t, db, `SELECT count(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'DELETE FROM journal_details%'`) > 0
	}
	return count(t, db, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM journal_details%'`) > 0
}
