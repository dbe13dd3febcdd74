package bitpesa_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	paidAccount    = "1234567800"
	paidAccount2   = "7654321000"
	failedAccount  = "1234567819" // recipient_error
	pendingAccount = "1234567801"
	brokenAccount  = "1234567871" // sender_error: neither retried nor editable
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
		assert.ErrorIs(t, err, sdk.ErrValidation, "a paid recipient is not editable")
		assert.ErrorIs(t, err, sdk.ErrNotSent)
		_, err = w.client.Recipients.Correct(ctx, sent.ID, "nobody", newAccount)
		assert.ErrorIs(t, err, sdk.ErrNotFound)
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
		assert.NotEmpty(t, proofs.Items)
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
		assert.ErrorIs(t, err, sdk.ErrValidation, "nothing is left to cancel")
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
		assert.WithinDuration(t, made.CreatedAt.Add(time.Hour), made.ExpiresAt, time.Second)
		done, err := w.client.Transactions.Wait(ctx, made.ID)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionCanceled, done.State)
		assert.True(t, done.Final())

		late, err := w.client.Transactions.PayFromBalance(ctx, p)
		require.ErrorIs(t, err, sdk.ErrValidation)
		assert.ErrorIs(t, err, sdk.ErrRejected)
		assert.NotContains(t, err.Error(), "nothing was sent")
		assert.Equal(t, made.ID, late.ID)
		w.wantSpent(t, decimal.Zero)
	})
}

// The process may die after any step; the same call again goes on there.
func TestPayFromBalanceGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		p := w.params("payout-1", w.sender(t), paidAccount)
		made, err := w.client.Transactions.Create(ctx, p)
		require.NoError(t, err)
		sent, err := w.client.Transactions.PayFromBalance(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, made.ID, sent.ID)
		assert.Equal(t, bitpesa.TransactionReceived, sent.State)
		w.wantSpent(t, sent.InputAmount.Decimal)

		other := w.params("payout-1", p.Sender.ID, paidAccount, paidAccount2)
		_, err = w.client.Transactions.PayFromBalance(ctx, other)
		require.ErrorIs(t, err, sdk.ErrReferenceTaken, "the external id names another payment")
		assert.ErrorIs(t, err, sdk.ErrRejected)
		w.wantSpent(t, sent.InputAmount.Decimal)
	})
}

func TestPayFromBalanceSettlesAfterEveryFault(t *testing.T) {
	for _, path := range []string{"/transactions", "/accounts/debits", "/transactions/*"} {
		for _, kind := range []fake.FaultKind{fake.FaultDropBefore, fake.FaultDropAfter, fake.FaultTruncate, fake.FaultHTML} {
			t.Run(path+" "+string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					p := w.params("payout-1", w.sender(t), paidAccount)
					// As many as one call can meet, then the network is well again.
					require.NoError(t, w.AddFault(fake.Fault{Path: path, Kind: kind, Times: 3}))
					first, err := w.client.Transactions.PayFromBalance(t.Context(), p)
					w.ClearFaults()
					if err != nil {
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					}
					second, err := w.client.Transactions.PayFromBalance(t.Context(), p)
					require.NoError(t, err)
					if first != nil {
						assert.Equal(t, first.ID, second.ID)
					}
					w.wantSpent(t, second.InputAmount.Decimal)
				})
			})
		}
	}
}

func TestPayFromBalanceRefusesWhatCannotBeFunded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, func(c *bitpesa.Config) { c.Key, c.Secret = kycKey.Key, kycKey.Secret }), t.Context()
		p := validSender()
		p.Documents = []bitpesa.DocumentParams{{Upload: "data:image/png;base64,iVBORw0KGgo=", UploadFileName: "passport.png"}}
		sender, err := w.client.Senders.Create(ctx, p)
		require.NoError(t, err)
		require.Equal(t, bitpesa.SenderInitial, sender.State)
		payment := w.params("payout-1", sender.ID, paidAccount)
		waiting, err := w.client.Transactions.PayFromBalance(ctx, payment)
		require.ErrorIs(t, err, sdk.ErrValidation)
		require.NotNil(t, waiting)
		assert.Equal(t, bitpesa.TransactionInitial, waiting.State)

		require.NoError(t, w.MoveSender(sender.ID, "approved"))
		sent, err := w.client.Transactions.PayFromBalance(ctx, payment)
		require.NoError(t, err)
		assert.Equal(t, waiting.ID, sent.ID)
		assert.True(t, sent.Funded())

		_, err = w.client.Transactions.PayFromBalance(ctx, w.params("payout-2", sender.ID, paidAccount))
		require.ErrorIs(t, err, sdk.ErrRejected, "the balance is used up")
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, bitpesa.OpCreateDebits, apiErr.Operation)
		assert.NoError(t, w.CheckLedger())
	})
}

func TestWaitOutlastsOutagesAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sent, err := w.client.Transactions.PayFromBalance(t.Context(), w.params("payout-1", w.sender(t), paidAccount))
		require.NoError(t, err)
		require.NoError(t, w.AddFault(fake.Fault{Method: "GET", Kind: fake.FaultHTML, Times: 6}))
		done, err := w.client.Transactions.Wait(t.Context(), sent.ID)
		require.NoError(t, err)
		assert.Equal(t, bitpesa.TransactionPaid, done.State)

		_, err = w.client.Transactions.Wait(t.Context(), "nobody")
		assert.ErrorIs(t, err, sdk.ErrNotFound)

		sent, err = w.client.Transactions.PayFromBalance(t.Context(), w.params("payout-2", sent.Sender.ID, pendingAccount))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		last, err := w.client.Transactions.Wait(ctx, sent.ID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotNil(t, last)
		assert.Equal(t, bitpesa.TransactionReceived, last.State)
	})
}

func TestUnclearCorrectionsAndCancellationsAreLookedAt(t *testing.T) {
	for _, kind := range []fake.FaultKind{fake.FaultDropBefore, fake.FaultDropAfter} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, ctx := newWorld(t), t.Context()
				failed, id := failedPayout(t, w)
				require.NoError(t, w.AddFault(fake.Fault{Path: "/recipients/*", Kind: kind, Times: 2}))
				r, err := w.client.Recipients.Correct(ctx, failed.ID, id, bitpesa.RecipientUpdate{
					PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: failedAccount}},
				})
				if kind == fake.FaultDropAfter {
					require.NoError(t, err)
					assert.Equal(t, bitpesa.RecipientPending, r.State)
					failed, err = w.client.Transactions.Wait(ctx, failed.ID)
					require.NoError(t, err)
					require.True(t, failed.NeedsAction(), "it fails again")
				} else {
					require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				}
				after, err := w.client.Transactions.Cancel(ctx, failed.ID)
				require.NotNil(t, after)
				if kind == fake.FaultDropAfter {
					require.NoError(t, err)
					w.wantSpent(t, decimal.Zero)
					return
				}
				require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				w.wantSpent(t, failed.InputAmount.Decimal)
				_, err = w.client.Transactions.Cancel(ctx, failed.ID)
				require.NoError(t, err)
				w.wantSpent(t, decimal.Zero)
			})
		})
	}
}

func TestASenderIsReusedByItsExternalID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		id := w.sender(t)
		p := w.params("payout-1", "", paidAccount)
		p.Sender.ExternalID = "sender-1"
		made, err := w.client.Transactions.Create(ctx, p)
		require.NoError(t, err)
		assert.Equal(t, id, made.Sender.ID)
		again, err := w.client.Senders.Create(ctx, validSender())
		require.NoError(t, err)
		assert.Equal(t, id, again.ID)
		assert.True(t, again.Existing)
		other := validSender()
		other.LastName = "Other"
		_, err = w.client.Senders.Create(ctx, other)
		require.ErrorIs(t, err, sdk.ErrReferenceTaken)
		assert.ErrorIs(t, err, sdk.ErrRejected)
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		require.NotNil(t, apiErr.Detail.(bitpesa.ExistingObject).Sender)
		assert.Equal(t, id, apiErr.Detail.(bitpesa.ExistingObject).Sender.ID)
		found, err := w.client.Senders.Find(ctx, "sender-1")
		require.NoError(t, err)
		assert.Equal(t, id, found.ID)
		_, err = w.client.Senders.Find(ctx, "sender-2")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
}

// A creation in one request has three minutes; others have half a minute.
func TestCreateAndFundMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.params("payout-1", w.sender(t), paidAccount)
		require.NoError(t, w.AddFault(fake.Fault{Path: "/transactions/create_and_fund", Kind: fake.FaultDelay, Seconds: 150, Times: 1}))
		start := time.Now()
		sent, err := w.client.Transactions.CreateAndFund(t.Context(), p)
		require.NoError(t, err)
		assert.WithinDuration(t, start.Add(150*time.Second), time.Now(), time.Second)
		assert.True(t, sent.Funded())
		assert.Equal(t, 1, w.count("POST", "/transactions/create_and_fund"))
		w.wantSpent(t, sent.InputAmount.Decimal)

		again, err := w.client.Transactions.CreateAndFund(t.Context(), p)
		require.NoError(t, err)
		assert.Equal(t, sent.ID, again.ID)
		assert.True(t, again.Existing)
		w.wantSpent(t, sent.InputAmount.Decimal)
	})
}

// A transaction may be canceled after it was funded, and is refunded then in full or
// in part (documented). Only a paid amount of 0 says that no money came.
func TestACanceledTransactionThatMayHaveBeenFundedRefusesNothing(t *testing.T) {
	const recipient = `"id":"r-1","state":"pending"`
	for name, row := range map[string]struct {
		paid, recipient, payins string
		rejected                bool
	}{
		"never paid":              {`0`, "canceled", `[]`, true},
		"never paid, as a text":   {`"0.00"`, "canceled", `[]`, true},
		"never begun":             {`0`, "initial", `[]`, true},
		"its collection expired":  {`0`, "canceled", `[{"id":"p-1","type":"XOF::Mobile","state":"canceled"}]`, true},
		"no paid amount":          {``, "canceled", `[]`, false},
		"null":                    {`null`, "canceled", `[]`, false},
		"an unreadable amount":    {`"30,50"`, "canceled", `[]`, false},
		"an object":               {`{"value":0}`, "canceled", `[]`, false},
		"paid to somebody":        {`0`, "success", `[]`, false},
		"paid to somebody, says":  {``, "success", `[]`, false},
		"under way":               {`0`, "pending", `[]`, false},
		"failed":                  {`0`, "error", `[]`, false},
		"refunded":                {`0`, "refunded", `[]`, false},
		"an unknown state":        {`0`, "odd", `[]`, false},
		"collected":               {`0`, "canceled", `[{"id":"p-1","type":"XOF::Mobile","state":"success"}]`, false},
		"collected, another sum":  {`0`, "canceled", `[{"id":"p-1","type":"XOF::Mobile","state":"mispaid"}]`, false},
		"collected and paid back": {`0`, "canceled", `[{"id":"p-1","type":"XOF::Mobile","state":"refunded"}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				member := ""
				if row.paid != "" {
					member = `,"paid_amount":` + row.paid
				}
				shown := strings.NewReplacer(`"state":"received"`, `"state":"canceled"`+member, recipient, `"id":"r-1","state":"`+row.recipient+`"`).Replace(shownTransaction)
				want := error(sdk.ErrOutcomeUnknown)
				if row.rejected {
					want = sdk.ErrRejected
				}
				if row.payins == "[]" { // a collection is another payment to PayFromBalance
					server := newStub(t, func(r request) response {
						if r.Method == "POST" {
							return says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}}}`)
						}
						return list(shown, 0)
					})
					got, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
					require.ErrorIs(t, err, want)
					assert.Equal(t, "t-1", got.ID)
					assert.Equal(t, 1, server.count("POST"), "nothing is debited")
				}
				shown = strings.Replace(shown, `"payin_methods":[]`, `"payin_methods":`+row.payins, 1)
				server := newStub(t, func(r request) response {
					if r.Method == "POST" {
						return says(422, `{"object":[{"to_id":"t-1","errors":{"base":["Transaction is canceled"]}}]}`)
					}
					return says(200, `{"object":`+shown+`}`)
				})
				require.ErrorIs(t, fails(newClient(t, server).Debits.Create(t.Context(), bitpesa.DebitParams{ToID: "t-1"})), want)
				require.ErrorIs(t, fails(newClient(t, server).Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: "t-1"}})), want)
			})
		})
	}
}
