package bitpesa_test

import (
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

const (
	paidAccount   = "1234567800"
	paidAccount2  = "7654321000"
	failedAccount = "1234567819" // recipient_error
	brokenAccount = "1234567871" // sender_error: neither retried nor editable
)

func TestAPayoutIsFundedOnceCorrectedAndPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		p := w.params("payout-1", w.sender(t), paidAccount, failedAccount)
		sketch, err := w.client.Transactions.Calculate(ctx, p)
		require.NoError(t, err)
		assert.Empty(t, sketch.ID)

		sent, err := w.client.Transactions.PayFromBalance(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionReceived, sent.State)
		assert.True(t, sent.Funded())
		assert.Equal(t, "payout-1", sent.ExternalID)
		wantAmount(t, sketch.InputAmount.Decimal.String(), sent.InputAmount)
		w.wantSpent(t, sent.InputAmount.Decimal)

		again, err := w.client.Transactions.PayFromBalance(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, sent.ID, again.ID)
		w.wantSpent(t, sent.InputAmount.Decimal)

		failed, err := w.client.Transactions.Wait(ctx, sent.ID)
		require.NoError(t, err)
		assert.True(t, failed.NeedsAction())
		require.Len(t, failed.Recipients, 2)
		assert.Equal(t, bitpesa.RecipientSuccess, failed.Recipients[0].State)
		r := failed.Recipients[1]
		assert.Equal(t, bitpesa.RecipientError, r.State)
		assert.Equal(t, "416", r.StateReasonDetails.Code)
		assert.True(t, r.Editable)

		_, err = w.client.Recipients.Correct(ctx, sent.ID, failed.Recipients[0].ID, newAccount)
		assert.ErrorIs(t, err, bitpesa.ErrValidation, "a paid recipient is not editable")
		_, err = w.client.Recipients.Correct(ctx, sent.ID, "nobody", newAccount)
		assert.ErrorIs(t, err, bitpesa.ErrNotFound)
		corrected, err := w.client.Recipients.Correct(ctx, sent.ID, r.ID, newAccount)
		require.NoError(t, err)
		assert.Equal(t, "1234567800", corrected.PayoutMethod.Details.BankAccount)
		assert.Equal(t, "Jane", corrected.PayoutMethod.Details.FirstName, "what was not given stays")

		done, err := w.client.Transactions.Wait(ctx, sent.ID)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionPaid, done.State)
		assert.True(t, done.Final())
		w.wantSpent(t, sent.InputAmount.Decimal)

		proofs, err := w.client.Recipients.ProofOfPayments(ctx, r.ID)
		require.NoError(t, err)
		assert.NotEmpty(t, proofs)
	})
}

func TestAFailedTransactionIsCanceledThroughItsRecipients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		sent, err := w.client.Transactions.PayFromBalance(ctx, w.params("payout-1", w.sender(t), brokenAccount, failedAccount))
		require.NoError(t, err)
		failed, err := w.client.Transactions.Wait(ctx, sent.ID)
		require.NoError(t, err)
		require.True(t, failed.NeedsAction())
		require.False(t, failed.Final())

		canceled, err := w.client.Transactions.Cancel(ctx, sent.ID)
		require.NoError(t, err)
		assert.Equal(t, sent.ID, canceled.ID)
		done, err := w.client.Transactions.Wait(ctx, sent.ID)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionRefunded, done.State)
		w.wantSpent(t, decimal.Zero)

		_, err = w.client.Transactions.Cancel(ctx, sent.ID)
		assert.ErrorIs(t, err, bitpesa.ErrValidation, "nothing is left to cancel")
	})
}

func TestAnUnfundedTransactionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		p := w.params("payout-1", w.sender(t), paidAccount)
		made, err := w.client.Transactions.Create(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionApproved, made.State)
		assert.False(t, made.Funded())
		assert.WithinDuration(t, made.CreatedAt.Add(3600e9), made.ExpiresAt, 1e9)
		done, err := w.client.Transactions.Wait(ctx, made.ID)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionCanceled, done.State)
		assert.True(t, done.Final())

		late, err := w.client.Transactions.PayFromBalance(ctx, p)
		require.ErrorIs(t, err, bitpesa.ErrValidation)
		assert.ErrorIs(t, err, bitpesa.ErrNotSent)
		assert.Equal(t, made.ID, late.ID)
		w.wantSpent(t, decimal.Zero)
	})
}
