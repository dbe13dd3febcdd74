package sqltest

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"testing"

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
