package bitpesa_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	noBalance     = `{"object":[{"errors":{"base":[{"error":"Insufficient balance"}]}}]}`
	expired       = `{"object":[{"errors":{"base":[{"error":"Transaction is expired"}]}}]}`
	fundedAlready = `{"object":[{"errors":{"base":[{"error":"Transaction is funded already"}]}}]}`
)

// A refused debit says nothing of one that another process has made meanwhile.
func TestPayFromBalanceDoesNotBelieveARefusedDebit(t *testing.T) {
	for name, row := range map[string]struct {
		refusal string
		after   response // to the Get after the refusal
		is      error    // nil: success
	}{
		"funded by another":                 {fundedAlready, says(200, `{"object":{"id":"t-1","state":"received"}}`), nil},
		"funded by another, in other words": {noBalance, says(200, `{"object":{"id":"t-1","state":"received"}}`), nil},
		"not funded":                        {noBalance, says(200, `{"object":{"id":"t-1","state":"approved"}}`), sdk.ErrRejected},
		"said to be funded, and not shown":  {fundedAlready, says(200, `{"object":{"id":"t-1","state":"approved"}}`), sdk.ErrOutcomeUnknown},
		"expired":                           {expired, says(200, `{"object":{"id":"t-1","state":"canceled","paid_amount":0}}`), sdk.ErrRejected},
		"canceled, perhaps when funded":     {expired, says(200, `{"object":{"id":"t-1","state":"canceled"}}`), sdk.ErrOutcomeUnknown},
		"in a state unheard":                {noBalance, says(200, `{"object":{"id":"t-1","state":"teleported"}}`), sdk.ErrOutcomeUnknown},
		"not to be looked at":               {noBalance, says(502, ""), sdk.ErrOutcomeUnknown},
		"about another transaction":         {noBalance, says(200, `{"object":{"id":"t-2","state":"received"}}`), sdk.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newStub(t, func(r request) response {
					switch {
					case r.URI == "/v1/transactions":
						return says(201, `{"object":{"id":"t-1","external_id":"Transaction:NGN:17523","state":"approved"}}`)
					case r.Method == "POST":
						return says(422, row.refusal)
					}
					return row.after
				})
				sent, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
				assert.Equal(t, 2, server.count("POST"))
				require.NotNil(t, sent)
				if row.is == nil {
					require.NoError(t, err)
					assert.True(t, sent.Funded())
					return
				}
				require.ErrorIs(t, err, row.is)
				assert.ErrorIs(t, err, sdk.ErrValidation, "what the debit was refused for is told")
			})
		})
	}
}

// "Not sent" would invite to pay in another way.
func TestPayFromBalanceDoesNotCallATransactionUnpaidWhichMayBePaid(t *testing.T) {
	for state, is := range map[string]error{
		"initial":    sdk.ErrRejected,
		"canceled":   sdk.ErrOutcomeUnknown, // it shows no paid amount
		"pending":    sdk.ErrOutcomeUnknown,
		"exception":  sdk.ErrOutcomeUnknown,
		"teleported": sdk.ErrOutcomeUnknown,
	} {
		t.Run(state, func(t *testing.T) {
			server := newStub(t, always(says(201, `{"object":{"id":"t-1","external_id":"Transaction:NGN:17523","state":"`+state+`"}}`)))
			sent, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
			require.ErrorIs(t, err, is)
			require.NotNil(t, sent)
			assert.Equal(t, 1, server.count("POST"), "nothing is debited")
			var apiErr *sdk.Error
			require.ErrorAs(t, err, &apiErr)
			assert.Equal(t, "t-1", apiErr.Reference)
		})
	}
}

// Whether one refusal refuses all of several debits is not documented.
func TestARefusalOfSeveralDebitsIsBelievedWhenNoneIsFunded(t *testing.T) {
	for name, row := range map[string]struct {
		states [2]string
		is     error
	}{
		"none is funded":   {[2]string{"approved", "approved"}, sdk.ErrRejected},
		"the first is":     {[2]string{"received", "approved"}, sdk.ErrOutcomeUnknown},
		"the second is":    {[2]string{"approved", "received"}, sdk.ErrOutcomeUnknown},
		"both are":         {[2]string{"received", "received"}, nil},
		"one does not say": {[2]string{"approved", "exception"}, sdk.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newStub(t, func(r request) response {
					switch {
					case r.Method == "POST":
						return says(422, `{"object":[{"errors":{}},{"errors":{"base":["Insufficient balance"]}}]}`)
					case strings.HasSuffix(r.URI, "/t-1"):
						return says(200, `{"object":{"id":"t-1","state":"`+row.states[0]+`"}}`)
					}
					return says(200, `{"object":{"id":"t-2","state":"`+row.states[1]+`"}}`)
				})
				debits, err := newClient(t, server).Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: "t-2"}})
				assert.Equal(t, 1, server.count("POST"))
				if row.is == nil {
					require.NoError(t, err)
					assert.True(t, debits[0].Existing && debits[1].Existing)
					return
				}
				require.ErrorIs(t, err, row.is)
				assert.ErrorIs(t, err, sdk.ErrInsufficientFunds)
				assert.Nil(t, debits)
			})
		})
	}
}

// A failed payout may be tried again by itself, with the old account, just when
// the response to its correction is lost.
func TestACorrectionIsBelievedWhenItShows(t *testing.T) {
	const oldAccount, newAccount = "1234567819", "1234568900"
	for name, row := range map[string]struct {
		state, account string
		taken          bool
	}{
		"tried again with the new account":  {"pending", newAccount, true},
		"failed again with the new account": {"error", newAccount, true},
		"tried again with the old account":  {"pending", oldAccount, false},
		"paid with the old account":         {"success", oldAccount, false},
		"as it was":                         {"error", oldAccount, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server *stub
				server = newStub(t, func(r request) response {
					state, account := "error", oldAccount
					switch {
					case r.Method == "PATCH":
						return response{}
					case server.count("PATCH") > 0:
						state, account = row.state, row.account
					}
					return says(200, `{"object":{"id":"t-1","state":"received","recipients":[{"id":"r-1","state":"`+state+
						`","editable":true,"retriable":true,"payout_method":{"type":"NGN::Bank","details":{"first_name":"Ada","bank_account":"`+account+`"}}}]}}`)
				})
				r, err := newClient(t, server).Recipients.Correct(t.Context(), "t-1", "r-1", bitpesa.RecipientUpdate{
					PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: newAccount}},
				})
				assert.Equal(t, 1, server.count("PATCH"))
				if !row.taken {
					require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, newAccount, r.PayoutMethod.Details.BankAccount)
			})
		})
	}
}

// No document says in which order a response has the recipients.
func TestAPaymentIsRecognisedInWhateverOrderItsRecipientsCome(t *testing.T) {
	for name, row := range map[string]struct {
		amounts [2]string
		is      error
	}{
		"as sent":               {[2]string{"100", "200"}, nil},
		"turned round":          {[2]string{"200", "100"}, nil},
		"the same amount twice": {[2]string{"100", "100"}, sdk.ErrReferenceTaken},
		"another amount":        {[2]string{"200", "300"}, sdk.ErrReferenceTaken},
	} {
		t.Run(name, func(t *testing.T) {
			p := validTransaction()
			p.Recipients = append(p.Recipients, ngnRecipient())
			p.Recipients[0].RequestedAmount, p.Recipients[1].RequestedAmount = amount("100"), amount("200")
			server := newStub(t, func(r request) response {
				if r.Method == "POST" {
					return says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{"transaction":{"id":"t-1","state":"received"}}}}`)
				}
				return list(`{"id":"t-1","state":"received","external_id":"`+p.ExternalID+`","recipients":[`+
					`{"id":"r-1","state":"pending","requested_amount":`+row.amounts[0]+`},{"id":"r-2","state":"pending","requested_amount":`+row.amounts[1]+`}]}`, 0)
			})
			_, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), p)
			if row.is == nil {
				require.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, row.is)
		})
	}
}

// The debit names what the transaction was seen to cost, so that BitPesa refuses
// one that costs something else by then.
func TestPayFromBalancePaysWhatTheTransactionWasSeenToCost(t *testing.T) {
	for name, row := range map[string]struct{ costs, debit string }{
		"a known price":   {`,"input_amount":6.45,"input_currency":"USD"`, `{"debit":{"to_id":"t-1","to_type":"Transaction","amount":"6.45","currency":"USD"}}`},
		"no price":        {``, `{"debit":{"to_id":"t-1","to_type":"Transaction"}}`},
		"only a currency": {`,"input_currency":"USD"`, `{"debit":{"to_id":"t-1","to_type":"Transaction"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, func(r request) response {
				if r.URI == "/v1/accounts/debits" {
					return says(201, `{"object":[{"id":"d-1","to_id":"t-1"}]}`)
				}
				return says(200, `{"object":{"id":"t-1","external_id":"Transaction:NGN:17523","state":"approved"`+row.costs+`}}`)
			})
			_, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
			require.NoError(t, err)
			require.Len(t, server.requests(), 3)
			assert.Equal(t, row.debit, server.requests()[1].Body)
		})
	}
}

// BitPesa takes the cancellation of a payout under way for later, so that it
// must not be asked for by the way.
func TestCancelLeavesPayoutsAloneThatMayNotBeCanceled(t *testing.T) {
	server := newStub(t, func(r request) response {
		if r.Method == "DELETE" {
			return says(200, `{"object":{"id":"r-1","state":"canceled"}}`)
		}
		return says(200, `{"object":{"id":"t-1","state":"manual","recipients":[`+
			`{"id":"r-1","state":"manual","may_cancel":true},{"id":"r-2","state":"pending","may_cancel":false},`+
			`{"id":"r-3","state":"success","may_cancel":true},{"id":"r-4","state":"canceled","may_cancel":true}]}}`)
	})
	_, err := newClient(t, server).Transactions.Cancel(t.Context(), "t-1")
	require.NoError(t, err)
	var canceled []string
	for _, r := range server.requests() {
		if r.Method == "DELETE" {
			canceled = append(canceled, r.URI)
		}
	}
	assert.Equal(t, []string{"/v1/recipients/r-1"}, canceled)
}
