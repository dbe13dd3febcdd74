package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// learnt is what conform learns of a provider that holds a transaction, and a user of
// Kotani's, already.
func learnt(t *testing.T, provider string, d *distortion) *report {
	t.Helper()
	target := openDistorted(t, provider, d)
	if provider == "kotani" {
		user := map[string]string{"phoneNumber": "254711222333"}
		_, err := target.call(t.Context(), sdk.RawCall{Method: http.MethodPost, Path: "/kyc/user/create", Body: user})
		require.NoError(t, err)
	}
	r := &report{Spent: true}
	h, err := newHook("", target)
	require.NoError(t, err)
	target.spend(t.Context(), r, options{patience: 10 * time.Second}, h, io.Discard)
	target.probe(t.Context(), r)
	r.scrub(target.secrets)
	return r
}

func (r *report) of(op string) finding {
	for _, w := range r.Writes {
		if w.Operation == op {
			return finding{Unknown: w.Unknown, Missing: w.Missing, States: w.States}
		}
	}
	for _, f := range r.Operations {
		if f.Operation == op {
			return f
		}
	}
	return finding{}
}

// Each read and each lookup that shows an object is compared, down to its fields.
func TestEachDifferenceOfAShapeIsFound(t *testing.T) {
	type row struct {
		op                       string
		words                    string // old and new in turn
		unknown, missing, states string
	}
	var many clienttest.Quarter
	for provider, rows := range map[string][]row{
		"kapiten": {
			{"rides.list", `"reference_number" "ref" "PENDING" "PARKED"`, "results[].ref", "results[].reference_number", "PARKED"},
			{"users.list", `"first_name" "given"`, "results[].given", "results[].first_name", ""},
			{"wallet.transactions", `"transaction_type" "kind" "SUCCESS" "BOOKED"`, "results[].kind", "results[].transaction_type", "BOOKED"},
		},
		"kpay":    {{"pay", `"statusdesc" "said" "statusid":"03" "statusid":"07"`, "said", "statusdesc", "07"}},
		"kasapay": {{"payouts.initiate", `"wallet_account" "float" "payment_status":703 "payment_status":709`, "float", "wallet_account", "709"}},
		"kotani": {
			{"fiat.deposit", `"createdAt" "made" "PENDING" "QUEUED"`, "result.made", "result.createdAt", "QUEUED"},
			{"fiat.transactions", `"createdAt" "made" "PENDING" "QUEUED"`, "result[].made", "result[].createdAt", "QUEUED"},
			{"quotes.out", `"rate" "price"`, "price", "rate", ""},
			{"quotes.in", `"expiresAt" "until"`, "until", "expiresAt", ""},
			{"kyc.users", `"firstname" "given"`, "data.{}.given", "data.{}.firstname", ""},
			{"kyc.user_by_phone", `"lastname" "family"`, "userRecord.family", "userRecord.lastname", ""},
			{"onchain.escrow_rates", `"localCurrency" "money"`, "conversionRate.money", "conversionRate.localCurrency", ""},
		},
		"fiatconnect": {
			{"fiatconnect.quote_out", `"guaranteedUntil" "until" "TransferOut" "TransferAway"`, "quote.until", "quote.guaranteedUntil", "a text of 12 letters"},
			{"fiatconnect.quote_in", `"fiatAccountSchema" "schema" "TransferIn" "TransferHere"`, "fiatAccount.{}.fiatAccountSchemas[].schema",
				"fiatAccount.{}.fiatAccountSchemas[].fiatAccountSchema", "a text of 12 letters"},
			{"fiatconnect.quote_out", `"kycRequired" "kycWanted"`, "kyc.kycWanted", "kyc.kycRequired", ""},
		},
		"bitpesa": {
			{"transactions.create", `"payin_reference" "ref" "approved" "checked"`, "object[].ref", "object[].payin_reference", "checked"},
			{"transactions.list", `"retriable" "again" "initial" "new"`, "object[].recipients[].again", "object[].recipients[].retriable", "new"},
			{"senders.list", `"postal_code" "zip" "approved" "checked"`, "object[].zip", "object[].postal_code", "checked"},
			{"accounts.list", `"amount_after_pending" "left"`, "object[].left", "object[].amount_after_pending", ""},
			{"info.currencies", `"symbol" "sign"`, "object[].sign", "object[].symbol", ""},
		},
	} {
		for _, row := range rows {
			if many.LeavesOut() {
				continue
			}
			t.Run(row.op+", "+row.unknown, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := learnt(t, provider, &distortion{words: strings.Fields(row.words)}).of(row.op)
					assert.Equal(t, row.unknown, strings.Join(f.Unknown, " "))
					assert.Equal(t, row.missing, strings.Join(f.Missing, " "))
					assert.Equal(t, row.states, strings.Join(f.States, " "))
				})
			})
		}
	}
}

// The fakes show what the SDK knows and nothing else, so that a live server's
// differences are its own.
func TestTheFakesShowWhatTheSDKKnows(t *testing.T) {
	for _, p := range providers {
		synctest.Test(t, func(t *testing.T) {
			r := learnt(t, p.name, &distortion{})
			for _, f := range r.Operations {
				assert.Empty(t, f.Unknown, f.Operation)
				assert.Empty(t, f.Missing, f.Operation)
				assert.Empty(t, f.States, f.Operation)
			}
			for _, w := range r.Writes {
				assert.Empty(t, w.Unknown, w.Operation)
				assert.Empty(t, w.Missing, w.Operation)
				assert.Empty(t, w.States, w.Operation)
			}
		})
	}
}

// Of the forms that the SDK takes, each is compared as what it is.
func TestEachFormOfAResponseIsCompared(t *testing.T) {
	list := kotaniTransaction("[].").and("[]").or(kotaniSays(kotaniTransaction("data[].").and("data", "data[]")))
	row := `{"requestId":"1","externalId":"2","transactionType":"Payouts","status":"successful","amount":"3","currency":"KES","phoneNumber":"4","createdAt":"5","updatedAt":"6"`
	for _, of := range []struct{ body, unknown, missing, states string }{
		{`[` + row + `}]`, "", "", ""},
		{`{"data":[` + row + `}]}`, "", "", ""},
		{`{"status":200,"desc":"","data":[` + row + `,"note":"x"}]}`, "data[].note", "", ""},
		{`[` + row + `,"note":"x"}]`, "[].note", "", ""},
		{`[` + strings.Replace(row, "createdAt", "made", 1) + `}]`, "[].made", "[].createdAt", ""},
		{`[` + strings.Replace(row, "successful", "Parked", 1) + `}]`, "", "", "a text of 6 letters"},
		{`{"data":[]}`, "", "", ""},
		{`not JSON`, "", "", ""},
	} {
		unknown, missing, states := list.compare([]byte(of.body))
		assert.Equal(t, of.unknown, strings.Join(unknown, " "), of.body)
		assert.Equal(t, of.missing, strings.Join(missing, " "), of.body)
		assert.Equal(t, of.states, strings.Join(states, " "), of.body)
	}
}

// Only Kotani's states may be spelt in any case.
func TestTheCaseOfAStateMatters(t *testing.T) {
	s := named("status").state("status", []string{"PAID"})
	_, _, states := s.compare([]byte(`{"status":"paid"}`))
	assert.Equal(t, []string{"paid"}, states)
	_, _, states = s.compare([]byte(`{"status":"PAID"}`))
	assert.Empty(t, states)
}

// What stands in the place of a state may be a name: it is printed if it is spelt as a state.
func TestAStateThatMayBeANameIsNotPrinted(t *testing.T) {
	capitals := []string{"PAID", "WAITING_PAYMENT"}
	for _, row := range []struct {
		known      []string
		said, want string
	}{
		{capitals, `"ON_HOLD"`, "ON_HOLD"},
		{capitals, `"V2_HELD"`, "V2_HELD"},
		{capitals, `"paid"`, "paid"}, // known, in another case
		{capitals, `"Jane"`, "a text of 4 letters"},
		{capitals, `"jane"`, "a text of 4 letters"},
		{capitals, `"JANE DOE"`, "a text of 8 letters"},
		{capitals, `"Zoë"`, "a text of 3 letters"},
		{capitals, `"jane@planted.example"`, "a text of 20 letters"},
		{capitals, `"` + strings.Repeat("A", 41) + `"`, "a text of 41 letters"},
		{capitals, `"709"`, "709"},
		{capitals, `709`, "709"},
		{capitals, `"0788123456"`, "a text of 10 letters"},
		{capitals, `788123456`, "a text of 9 letters"},
		{capitals, `""`, ""},
		{[]string{"paid", "paid_out"}, `"on_hold"`, "on_hold"},
		{[]string{"paid", "paid_out"}, `"Jane"`, "a text of 4 letters"},
		{[]string{"TransferIn"}, `"TransferAway"`, "a text of 12 letters"},
		{[]string{"01"}, `"07"`, "07"},
	} {
		_, _, states := named("status").state("status", row.known).compare([]byte(`{"status":` + row.said + `}`))
		assert.Equal(t, row.want, strings.Join(states, " "), row.said)
	}
}

// Keys that a server makes of phone numbers or names are no names of fields.
func TestKeysThatTheServerChoosesAreNotPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const users = `{"data":{"Jane Doe":{"userId":"u","phoneNumber":"254711222333","nickname":"Plantedname"},"254711222333":{"userId":"u","nickname":"x"}}}`
		f := learnt(t, "kotani", &distortion{says: status(http.StatusOK, "/kyc/users", users)}).of(kotani.OpUsers)
		assert.Equal(t, []string{"data.{}.nickname"}, f.Unknown)
		assert.Equal(t, []string{"data.{}.email", "data.{}.firstname", "data.{}.lastname"}, f.Missing)
	})
}

// A currency holds the currencies that it can be exchanged with, and so without end.
func TestATypeInItselfHasAnEnd(t *testing.T) {
	s := shaped("", bitpesa.Currency{})
	unknown, _, _ := s.compare([]byte(`{"code":"USD","opposites":[{"code":"KES","opposites":[{"new":1}]}],"new":1}`))
	assert.Equal(t, []string{"new"}, unknown)
}
