package bitpesa_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Debits that have a transaction in common are decided at once, by one client or by two
// replicas: each transaction is debited once, and each caller hears the truth.
func TestDebitsOfOneTransactionAtOnceTakeItsMoneyOnce(t *testing.T) {
	type batch []int // of the transactions a, b and c
	for name, row := range map[string]struct {
		first, second batch
		done          []int // debited afterwards
		is            error // of the second: nil if it succeeds with Existing
	}{
		"one, and the same":          {batch{0}, batch{0}, []int{0}, nil},
		"one, and a list with it":    {batch{0}, batch{0, 1}, []int{0}, sdk.ErrOutcomeUnknown},
		"a list, and one of it":      {batch{0, 1}, batch{1}, []int{0, 1}, nil},
		"a list in another order":    {batch{0, 1}, batch{1, 0}, []int{0, 1}, nil},
		"two lists with one of both": {batch{0, 1}, batch{1, 2}, []int{0, 1}, sdk.ErrOutcomeUnknown},
	} {
		for _, replicas := range []bool{false, true} {
			for fault, kind := range map[string]fake.FaultKind{"slow": fake.FaultDelay, "unanswered": fake.FaultDropAfter} {
				t.Run(fmt.Sprint(name, ", ", fault, ", replicas: ", replicas), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						sender := w.sender(t)
						var made []*bitpesa.Transaction
						for _, id := range []string{"a", "b", "c"} {
							one, err := w.client.Transactions.Create(t.Context(), w.params(id, sender, paidAccount))
							require.NoError(t, err)
							made = append(made, one)
						}
						other := w.client
						if replicas {
							var err error
							other, err = bitpesa.New(w.config)
							require.NoError(t, err)
						}
						require.NoError(t, w.AddFault(fake.Fault{Method: "POST", Path: "/accounts/debits", Kind: kind, Seconds: 1, Times: 1}))
						debit := func(ctx context.Context, c *bitpesa.Client, b batch) ([]bitpesa.Debit, error) {
							var list []bitpesa.DebitParams
							for _, i := range b {
								list = append(list, bitpesa.DebitParams{ToID: made[i].ID})
							}
							if len(list) > 1 {
								return c.Debits.CreateMany(ctx, list)
							}
							d, err := c.Debits.Create(ctx, list[0])
							if err != nil {
								return nil, err
							}
							return []bitpesa.Debit{*d}, nil
						}
						var all sync.WaitGroup
						var firstErr, secondErr error
						var second []bitpesa.Debit
						all.Go(func() { _, firstErr = debit(t.Context(), w.client, row.first) })
						synctest.Wait()
						all.Go(func() { second, secondErr = debit(t.Context(), other, row.second) })
						all.Wait()
						time.Sleep(time.Hour)

						var done []int
						for i, one := range made {
							debits := w.Debits(one.ID)
							assert.LessOrEqual(t, len(debits), 1)
							if len(debits) > 0 {
								done = append(done, i)
							}
						}
						assert.NoError(t, w.CheckLedger())
						for _, heard := range []struct {
							batch
							err error
						}{{row.first, firstErr}, {row.second, secondErr}} {
							for _, i := range heard.batch {
								if heard.err == nil {
									assert.Contains(t, done, i, "a success is a debit")
								}
							}
							assert.NotErrorIs(t, heard.err, sdk.ErrRejected)
							assert.NotErrorIs(t, heard.err, sdk.ErrNotSent)
						}
						if replicas { // either may come first
							return
						}
						assert.NoError(t, firstErr)
						assert.Equal(t, row.done, done)
						if row.is != nil {
							assert.ErrorIs(t, secondErr, row.is)
							return
						}
						require.NoError(t, secondErr)
						if !slices.Equal(row.first, row.second) { // else they share one flight
							assert.True(t, second[0].Existing)
						}
					})
				})
			}
		}
	}
}

func TestATransactionStandsOnceInAListOfDebits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		made := approved(t, w, "payout-1")
		_, err := w.client.Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: made.ID}, {ToID: made.ID}})
		require.ErrorIs(t, err, sdk.ErrNotSent)
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, []string{"is in the list twice"}, e.Fields["1.to_id"])
		assert.Empty(t, w.Debits(made.ID))
	})
}

// Without an external id nobody can tell whether a duplicate is what was asked for.
func TestATransactionWithoutAnExternalIDIsOfClassOnce(t *testing.T) {
	for body, outcome := range map[string]sdk.Outcome{
		`{"object":{"errors":{"base":["duplicate"]}},"meta":{"existing":{"transaction":{"id":"t-1","state":"approved"}}}}`: sdk.Unknown,
		`{"object":{"errors":{"base":["duplicate"]}},"meta":{"existing":{"transaction":{"id":7}}}}`:                        sdk.Unknown,
		`{"object":{"errors":{"base":["x"]}},"meta":{"existing":{"sender":{"id":"s-1","state":"approved"}}}}`:              sdk.Rejected,
		`{"object":{"errors":{"input_currency":["invalid"]}}}`:                                                             sdk.Rejected,
		``: sdk.Unknown,
	} {
		server := newStub(t, func(request) response { return says(422, body) })
		p := validTransaction()
		p.ExternalID = ""
		_, err := newClient(t, server).Transactions.Create(t.Context(), p)
		var e *sdk.Error
		require.ErrorAs(t, err, &e, body)
		assert.Equal(t, outcome, e.Outcome, body)
		assert.Equal(t, sdk.Once, e.Class, body)
		assert.Equal(t, 1, server.count("POST"), body)
	}
}

// Without an external id only the state tells a new transaction from an old one.
func TestATransactionWithoutAnExternalIDBegins(t *testing.T) {
	for state, begins := range map[bitpesa.TransactionState]bool{
		bitpesa.TransactionInitial: true, bitpesa.TransactionApproved: true, bitpesa.TransactionPending: true, "queued": true,
		bitpesa.TransactionReceived: false, bitpesa.TransactionProcessing: false, bitpesa.TransactionMispaid: false, bitpesa.TransactionManual: false,
		bitpesa.TransactionPaid: false, bitpesa.TransactionCanceled: false, bitpesa.TransactionRefunded: false,
	} {
		server := newStub(t, func(request) response { return says(201, `{"object":{"id":"t-1","state":"`+string(state)+`"}}`) })
		p := validTransaction()
		p.ExternalID = ""
		made, err := newClient(t, server).Transactions.Create(t.Context(), p)
		assert.Equal(t, 1, server.count("POST"), state)
		if begins {
			require.NoError(t, err, state)
			assert.Equal(t, state, made.State)
			continue
		}
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, state)
	}
}
