package journal

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestReferenceIsTheSameAgain(t *testing.T) {
	first := Reference("order-1", "collect")
	require.Equal(t, "f7177eyy6809hv6r1bc5wxt7rh", first, "references of released versions never change")
	require.Equal(t, first, Reference("order-1", "collect"))
	require.Regexp(t, `^[0-9a-z]{26}$`, first)
	seen := map[string]string{}
	for _, parts := range [][2]string{{"order-1", "collect"}, {"order-1", "refund"}, {"order-2", "collect"}, {"order-1c", "ollect"}, {"", "order-1collect"}} {
		reference := Reference(parts[0], parts[1])
		require.Empty(t, seen[reference])
		seen[reference] = parts[0]
	}
}

func TestDigestTellsListsApart(t *testing.T) {
	lists := [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "b", ""}}
	seen := map[[32]byte]bool{}
	for _, list := range lists {
		require.False(t, seen[digest(list)], "%q", list)
		seen[digest(list)] = true
	}
}

// TestChange lists what the func is told for each pair of states.
func TestChange(t *testing.T) {
	now := []Kind{Pending, Succeeded, Failed, Reversed}
	for known, want := range map[Kind][4]Kind{
		"":        {Pending, Succeeded, Failed, Reversed},
		Pending:   {"", Succeeded, Failed, Reversed},
		Succeeded: {"", "", Reversed, Reversed},
		Failed:    {"", Corrected, "", ""},
		Reversed:  {"", Corrected, "", ""},
	} {
		for i := range now {
			require.Equal(t, want[i], change(known, now[i]), "%s, then %s", known, now[i])
		}
	}
	require.Equal(t, Pending, plain("refunded"), "a status that nobody knows is never final")
	require.Equal(t, Pending, plain(""))
}

// A merchant asks sdk.ErrConfiguration once, for every package.
func TestErrorsOfPlanMatchThoseOfTheClients(t *testing.T) {
	require.ErrorIs(t, ErrConfiguration, sdk.ErrConfiguration)
	for _, err := range []error{checkReference(" a"), storedURL(), otherCompany()} {
		require.ErrorIs(t, err, sdk.ErrValidation)
		require.ErrorIs(t, err, sdk.ErrNotSent)
		require.Equal(t, sdk.Mend, sdk.Advise(err))
	}
	require.NoError(t, checkReference("a"))
	client, err := kpay.New(kpay.Config{BaseURL: kpay.SandboxURL, Username: "u", Password: "p"})
	require.NoError(t, err)
	flow := KPay(&Journal{db: &database{}, sql: &statements{}, flows: map[string]*machine{}}, "collect", client, nil)
	err = flow.Plan(t.Context(), nil, kpay.PayParams{RefID: "a"})
	require.ErrorIs(t, err, sdk.ErrValidation, "the client's own refusal")
	require.Equal(t, sdk.Mend, sdk.Advise(err))
	flow = KPay(nil, "collect", client, nil)
	require.ErrorIs(t, flow.Plan(t.Context(), nil, kpay.PayParams{}), sdk.ErrConfiguration)
}

// TestJudge: whatever does not say clearly that nothing happened, may have happened.
func TestJudge(t *testing.T) {
	tests := []struct {
		err  error
		want verdict
	}{
		{errors.New("connection reset"), unclear},
		{&sdk.Error{}, unclear},
		{&sdk.Error{Outcome: sdk.NoEffect}, unclear},
		{&sdk.Error{Outcome: sdk.Unknown, Reasons: []error{sdk.ErrReferenceTaken}}, unclear},
		{fmt.Errorf("wrapped: %w", &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrDeclined}}), refused},
		{&sdk.Error{Outcome: sdk.Rejected}, refused},
		{&sdk.Error{Outcome: sdk.NotSent, Fields: map[string][]string{"amount": {"wrong"}}, Reasons: []error{sdk.ErrValidation}}, refused},
		{&sdk.Error{Outcome: sdk.NotSent}, again},
		{&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrRateLimited}}, again},
		{&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrUnauthorized}}, again},
		{&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrDuplicate}}, taken},
		{&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrReferenceTaken}}, taken},
	}
	for _, test := range tests {
		require.Equal(t, test.want, judge(test.err), "%v", test.err)
	}
}

// TestFinding: what a lookup of a client cannot tell, nobody can. Package transport keeps
// the "not found" of a wrong route from matching.
func TestFinding(t *testing.T) {
	require.Equal(t, Found, finding(nil))
	require.Equal(t, Absent, finding(&sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrNotFound}}))
	require.Equal(t, Different, finding(&sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrReferenceTaken}}))
	for _, err := range []error{
		errors.New("404"),
		errNeither,
		&sdk.Error{Outcome: sdk.NoEffect, StatusCode: 404, Reasons: []error{sdk.ErrUnexpectedResponse}},
		&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrUnauthorized}},
	} {
		require.Equal(t, CannotTell, finding(err), "%v", err)
		require.Equal(t, err, unlessFound(err))
	}
}

// TestJudgeBitPesa: an end is a failure only if it shows that nobody was paid.
func TestJudgeBitPesa(t *testing.T) {
	of := func(state bitpesa.TransactionState, skipped int, recipients ...bitpesa.RecipientState) bitpesa.Transaction {
		out := bitpesa.Transaction{ID: "1", State: state, Skipped: skipped}
		for _, r := range recipients {
			out.Recipients = append(out.Recipients, bitpesa.Recipient{State: r})
		}
		return out
	}
	const canceled, refunded = bitpesa.TransactionCanceled, bitpesa.TransactionRefunded
	for name, test := range map[string]struct {
		shown bitpesa.Transaction
		want  Kind
	}{
		"nobody paid":        {of(refunded, 0, bitpesa.RecipientCanceled, bitpesa.RecipientRefunded), Failed},
		"never funded":       {of(canceled, 0, bitpesa.RecipientInitial), Failed},
		"failed, then back":  {of(refunded, 0, bitpesa.RecipientError, bitpesa.RecipientManual), Failed},
		"one paid":           {of(refunded, 0, bitpesa.RecipientRefunded, bitpesa.RecipientSuccess), Stuck},
		"one paid too much":  {of(refunded, 0, bitpesa.RecipientOverpaid), Stuck},
		"one not readable":   {of(refunded, 1, bitpesa.RecipientRefunded), Stuck},
		"none shown":         {of(canceled, 0), Stuck},
		"at the bank":        {of(refunded, 0, bitpesa.RecipientPending), Stuck},
		"the bank is silent": {of(refunded, 0, bitpesa.RecipientStuck), Stuck},
		"a new state":        {of(refunded, 0, "delivered"), Stuck},
		"an exception":       {of(refunded, 0, bitpesa.RecipientException), Stuck},
		"paid":               {of(bitpesa.TransactionPaid, 1), Succeeded},
		"on its way":         {of(bitpesa.TransactionReceived, 1), Pending},
	} {
		require.Equal(t, test.want, judgeBitPesa(test.shown), name)
	}

	client, err := bitpesa.New(bitpesatest.New(bitpesatest.Config{}).ClientConfig())
	require.NoError(t, err)
	fact := BitPesa(nil, "pay", client, nil).p.Fact
	r := Request[bitpesa.TransactionParams, bitpesa.Transaction]{Reference: "a", Before: &bitpesa.Transaction{ID: "1"}}
	r.Params.Recipients = make([]bitpesa.RecipientParams, 2)
	for recipients, want := range map[string]bool{
		`[{"id":"1","state":"refunded"},{"id":"2","state":"refunded"}]`: true,
		`[{"id":"1","state":"refunded"}]`:                               false,
		`[{"id":"1","state":"refunded"},7]`:                             false,
		`[]`:                                                            false,
	} {
		got, ok := fact(r, []byte(`{"webhook":"w","event":"transaction.refunded","object":{"id":"1","external_id":"a","state":"refunded","recipients":`+recipients+`}}`))
		require.Equal(t, want, ok, recipients)
		require.Equal(t, want, judgeBitPesa(got) == Failed, recipients)
	}
	_, ok := fact(r, []byte(`{"webhook":"w","event":"transaction.paid_out","object":{"id":"1","external_id":"a","state":"paid"}}`))
	require.True(t, ok)
}

// TestExistingOfEachFlow: a client that says that a payment was there before the call is
// heard, whoever has it.
func TestExistingOfEachFlow(t *testing.T) {
	require.True(t, KPay(nil, "pay", nil, nil).p.Existing(kpay.Payment{Existing: true}))
	require.True(t, Kasapay(nil, "pay", nil, nil).p.Existing(kasapay.Payout{Existing: true}))
	require.True(t, BitPesa(nil, "pay", nil, nil).p.Existing(bitpesa.Transaction{Existing: true}))
	require.True(t, KapitenRides(nil, "pay", nil, "1", nil).p.Existing(kapiten.Ride{Existing: true}))
	for _, existing := range []func(kotani.Transaction) bool{
		KotaniDeposit(nil, "pay", nil, nil).p.Existing, KotaniDepositQuoted(nil, "pay", nil, nil).p.Existing,
		KotaniWithdraw(nil, "pay", nil, nil).p.Existing, KotaniWithdrawToBank(nil, "pay", nil, nil).p.Existing,
	} {
		require.True(t, existing(kotani.Transaction{Existing: true}))
		require.False(t, existing(kotani.Transaction{}))
	}
	// What the other flows are shown has no such field.
	for _, shown := range []any{kapiten.Transaction{}, kotani.Transfer{}, kotani.MpesaPayout{}, kotani.CeloPurchase{}, kotani.UBIClaim{}} {
		_, has := reflect.TypeOf(shown).FieldByName("Existing")
		require.False(t, has, "%T", shown)
	}
}

func TestBackoffGrowsAndEnds(t *testing.T) {
	for tries := range 100 {
		d := new(Journal).backoff(tries, time.Second, time.Minute)
		require.LessOrEqual(t, d, time.Minute)
		require.GreaterOrEqual(t, d, 900*time.Millisecond)
	}
	require.Greater(t, new(Journal).backoff(50, time.Second, time.Minute), 50*time.Second)
}

// TestStatementsAreInTheirDialect: PostgreSQL and SQLite number parameters differently, and no word of
// the templates may be left in a statement.
func TestStatementsAreInTheirDialect(t *testing.T) {
	for _, dialect := range []Dialect{PostgreSQL, SQLite} {
		s := newStatements(dialect)
		for _, text := range []string{s.plan, s.take, s.load, s.find, s.mark, s.write, s.quiet, s.knock, s.spend, s.purgeable, s.restore, s.text("$1 {now}")} {
			require.NotContains(t, text, "{")
			require.Equal(t, dialect == SQLite, !strings.Contains(text, "$"))
		}
	}
}

func TestLocalNumber(t *testing.T) {
	for _, text := range []string{"0783300000", "250783300000", "+250 783-300-000", " 0783 300 000"} {
		require.Equal(t, "0783300000", localNumber(text))
	}
}
