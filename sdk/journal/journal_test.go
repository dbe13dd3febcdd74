package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
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

// TestEachParameterDecides changes each field of each flow's parameters. Either the digest
// changes, so that Plan refuses it under the same reference, or the field stands here with
// the reason. So nobody forgets a new field.
func TestEachParameterDecides(t *testing.T) {
	const (
		refused     = "Plan refuses it"
		company     = "the flow has one company"
		search      = "it bounds a search"
		description = "it describes, and moves no money elsewhere"
		terms       = "limits follow the day's rate, which is another when a process plans again"
	)
	kotaniNamed := map[string]string{"CallbackURL": refused, "AllowNoExternalID": refused}
	of := func(lists ...map[string]string) map[string]string {
		all := map[string]string{}
		for _, list := range lists {
			maps.Copy(all, list)
		}
		return all
	}
	limits := map[string]string{"Limits.LeastReceived": terms, "Limits.MostPaid": terms}
	transfer := of(limits, map[string]string{"Quote.Region": description, "Quote.Preview": "a preview has no id, so that it is never sent"})
	once := map[string]string{"Params.CallbackURL": refused}
	cashOut := of(once, map[string]string{"Params.Name": description, "Params.Email": description, "Params.Description": description})
	eachParameter(t, KPay(nil, "kpay", nil, nil), map[string]string{
		"ReturnURL": refused, "Email": description, "CustomerName": description, "CustomerNumber": description,
		"Details": description, "RedirectURL": description, "LogoURL": description,
	})
	eachParameter(t, Kasapay(nil, "kasapay", nil, nil), map[string]string{"CallbackURL": refused, "RecipientName": description, "Description": description})
	eachParameter(t, KapitenRides(nil, "rides", nil, "1", nil), map[string]string{
		"CompanyID": company, "Since": search, "Sender.Name": description, "Receiver.Name": description,
		"PickupInstructions": description, "PackageType": description,
	})
	eachParameter(t, KapitenTopUp(nil, "top-up", nil, "1", nil), map[string]string{"CompanyID": company, "Since": search})
	eachParameter(t, FiatConnectIn(nil, "fiatconnect in", nil, nil), transfer)
	eachParameter(t, FiatConnectOut(nil, "fiatconnect out", nil, nil), transfer)
	eachParameter(t, KotaniDeposit(nil, "deposit", nil, nil), kotaniNamed)
	eachParameter(t, KotaniDepositQuoted(nil, "quoted", nil, nil), limits)
	eachParameter(t, KotaniWithdraw(nil, "withdraw", nil, nil), kotaniNamed)
	eachParameter(t, KotaniWithdrawToBank(nil, "bank", nil, nil), kotaniNamed)
	eachParameter(t, KotaniPayBill(nil, "paybill", nil, nil), once)
	eachParameter(t, KotaniPayTill(nil, "till", nil, nil), once)
	eachParameter(t, KotaniStellarCashOut(nil, "stellar", nil, nil), cashOut)
	eachParameter(t, KotaniTronCashOut(nil, "tron", nil, nil), cashOut)
	eachParameter(t, KotaniTronCashIn(nil, "cash-in", nil, nil), once)
	eachParameter(t, KotaniSendToMpesa(nil, "mpesa", nil, nil), nil)
	eachParameter(t, KotaniBuyCelo(nil, "celo", nil, nil), nil)
	eachParameter(t, KotaniClaim(nil, "claim", nil, nil), nil)

	details := map[string]string{}
	for _, name := range []string{
		"BirthDate", "Email", "Street", "City", "PostalCode", "SenderIdentityCardType", "SenderIdentityCardID", "SenderCityOfBirth",
		"SenderCountryOfBirth", "SenderGender", "TransferReason", "TransferReasonCode", "RelationshipToSender", "Reason", "Narration",
		"ContactFirstName", "ContactLastName", "NatureOfBusiness", "LegalEntityType",
	} {
		details["Recipients.PayoutMethod.Details."+name] = description
	}
	eachParameter(t, BitPesa(nil, "bitpesa", nil, nil), of(details, map[string]string{
		"PayinMethods.Type": refused, "PayinMethods.UXFlow": refused, "PayinMethods.InDetails": refused,
		"Traits.AutoRefund": description, "Traits.AccountValidation": description,
		"Sender.*": "the money comes from the balance; of the sender only the ids decide",
		"Metadata": description, "Recipients.Metadata": description, "Recipients.PayoutMethod.Metadata": description,
	}))
}

// What a client fills in is the same payment when it is spelt out.
func TestADefaultSpeltOutIsNoOtherPayment(t *testing.T) {
	deciding := KPay(nil, "kpay", nil, nil).p.Deciding
	of := func(bank kpay.BankID) [32]byte {
		return digest(deciding[len(deciding)-1](kpay.PayParams{RefID: "R1", Method: kpay.MethodMoMo, MSISDN: "+250 788 300 000", BankID: bank}))
	}
	assert.Equal(t, of(""), of(kpay.BankMTN))
	assert.NotEqual(t, of(""), of(kpay.BankAirtel))
}

// eachParameter changes each field of the parameters, also within lists, and holds those
// that do not decide against free. "Sender.*" stands for the other fields of Sender.
func eachParameter[P, T any](t *testing.T, f *Flow[P, T], free map[string]string) {
	t.Helper()
	var params P
	before, deciding, unused := [32]byte{}, f.p.Deciding[len(f.p.Deciding)-1], maps.Clone(free)
	check := func(v reflect.Value, path string) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(another(t, v.Type(), path))
		changed := digest(deciding(params)) != before
		v.Set(old)
		part, _, _ := strings.Cut(path, ".")
		_, named := free[path]
		_, rest := free[part+".*"]
		delete(unused, path)
		if !changed {
			delete(unused, part+".*")
		}
		assert.Equal(t, named || rest && !changed, !changed, "%s: %s", f.m.name, path)
	}
	var walk func(v reflect.Value, path string, leaf func(reflect.Value, string))
	walk = func(v reflect.Value, path string, leaf func(reflect.Value, string)) {
		switch kind := v.Kind(); {
		case kind == reflect.Struct && v.Type() != reflect.TypeFor[decimal.Decimal]() && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				switch field := v.Type().Field(i); {
				case field.Anonymous:
					walk(v.Field(i), path, leaf)
				case field.IsExported():
					walk(v.Field(i), strings.TrimPrefix(path+"."+field.Name, "."), leaf)
				}
			}
		case kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			if v.Len() == 0 {
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			}
			walk(v.Index(0), path, leaf)
		default:
			leaf(v, path)
		}
	}
	walk(reflect.ValueOf(&params).Elem(), "", func(reflect.Value, string) {}) // makes the lists
	before = digest(deciding(params))
	walk(reflect.ValueOf(&params).Elem(), "", check)
	require.Empty(t, unused, "%s: no such field", f.m.name)
}

// another is a value of a type other than its zero.
func another(t *testing.T, of reflect.Type, path string) reflect.Value {
	t.Helper()
	yes := true
	for _, value := range []any{"7", true, 7.5, decimal.NewFromInt(7), time.Unix(7, 0), &yes, []string{"7"}, map[string]any{"k": "7"}} {
		if v := reflect.ValueOf(value); v.Type().ConvertibleTo(of) && v.Kind() == of.Kind() {
			return v.Convert(of)
		}
	}
	t.Fatalf("%s: no value of a %v", path, of)
	return reflect.Value{}
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

// TestGather: a loop in a crowd waits for half of its slots, and for no slot that is late.
func TestGather(t *testing.T) {
	for name, test := range map[string]struct {
		freed  int // after 100 µs; the rest stays busy
		wanted int
		got    int
		took   time.Duration
	}{
		"enough come free": {freed: 12, wanted: 7, got: 12, took: 100 * time.Microsecond},
		"too few":          {freed: 3, wanted: 7, got: 3, took: gathering},
		"enough are free":  {freed: 12, wanted: 0, got: 0, took: 0},
		"nothing comes":    {freed: 0, wanted: 1, got: 0, took: gathering},
	} {
		synctest.Test(t, func(t *testing.T) {
			slots := make(chan struct{}, 16)
			require.Equal(t, 16, free(slots))
			go func() {
				time.Sleep(100 * time.Microsecond)
				for range test.freed {
					<-slots
				}
			}()
			began := time.Now()
			got := gather(t.Context(), slots, test.wanted)
			took := time.Since(began)
			synctest.Wait()
			got += free(slots) // the rest of those that came at the same time
			require.Equal(t, test.took, took, name)
			require.Equal(t, test.got, got, name)
			time.Sleep(gathering)
			synctest.Wait()
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Zero(t, gather(ctx, make(chan struct{}), 1))
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
	for _, text := range []string{"0783300000", "250783300000", "+250 783-300-000", " 0783 300 000", "783300000", "00250783300000", "+250 (0)783 300 000", "+250\u00a0783\u00a0300\u00a0000"} {
		require.Equal(t, "0783300000", localNumber(text))
	}
}

func TestDigits(t *testing.T) {
	for text, want := range map[string]string{
		"254712345678": "254712345678", "+254 (0)712 345 678": "254712345678", "00254712345678": "254712345678", "+254\u00a0712-345.678": "254712345678",
		"0712345678": "0712345678", "(0)712 345 678": "0712345678", "+239 22-12": "2392212",
	} {
		require.Equal(t, want, digits(text), text)
	}
}
