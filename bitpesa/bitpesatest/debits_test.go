package bitpesatest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestDebitFundsInEveryBodyForm(t *testing.T) {
	t.Parallel()
	forms := map[string]string{
		"wrapped":             `{"debit":{"to_id":"ID","to_type":"Transaction"}}`,
		"wrapped with amount": `{"debit":{"to_id":"ID","to_type":"Transaction","currency":"USD","amount":"100.0"}}`,
		"amount as a number":  `{"debit":{"to_id":"ID","to_type":"Transaction","currency":"USD","amount":100.00}}`,
		"list":                `{"debit":[{"to_id":"ID","to_type":"Transaction","metadata":{"a":"b"}}]}`,
		"flat, as BitPesa":    `{"currency":"USD","amount":100,"to_id":"ID","to_type":"Transaction"}`,
	}
	for name, body := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := start(t)
			id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "155000"))), "id")
			rows := m.list(t, 201, "POST", "/accounts/debits", strings.Replace(body, "ID", id, 1))
			require.Len(t, rows, 1)
			assert.Equal(t, []any{id, "Transaction", "USD"}, []any{rows[0]["to_id"], rows[0]["to_type"], rows[0]["currency"]})
			wantMoney(t, "100", rows[0], "amount")
			wantMoney(t, "100", rows[0], "usd_amount")
			wantMoney(t, "999900", rows[0], "running_balance")
			assert.Empty(t, rows[0]["errors"])
			o := m.transaction(t, id)
			assert.Equal(t, "received", textAt(t, o, "state"))
			assert.Equal(t, "pending", textAt(t, o, "recipients.0.state"))
			assert.Equal(t, false, at(t, o, "recipients.0.may_cancel"))
			wantMoney(t, "100", o, "paid_amount")
			wantMoney(t, "0", o, "due_amount")
			wantMoney(t, "999900", m.want(t, 200, "GET", "/accounts/USD", ""), "amount")
			wantBalance(t, f, "USD", "999900")
		})
	}
	_, strict := start(t, bitpesatest.Config{Quirks: bitpesatest.Quirks{StrictDebits: true}})
	assert.Equal(t, 400, strict.call(t, "POST", "/accounts/debits", forms["flat, as BitPesa"]).status)
	assert.Equal(t, 422, strict.call(t, "POST", "/accounts/debits", forms["wrapped"]).status)
}

func TestDebitIsRefusedForAReason(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD", "150", "EUR", "5")}}})
	create := func(amount string) string {
		return textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("100001", amount))), "id")
	}
	open, large, paid := create("155000"), create("1550000"), m.funded(t, transaction("", ngn("100001", "31000")))
	tests := map[string]struct{ fields, key, word string }{
		"no to_id":             {`"to_type":"Transaction"`, "to_id", "blank"},
		"unknown to_id":        {`"to_id":"x","to_type":"Transaction"`, "to_id", "invalid"},
		"no to_type":           {`"to_id":"` + open + `"`, "to_type", "blank"},
		"other to_type":        {`"to_id":"` + open + `","to_type":"Recipient"`, "to_type", "invalid"},
		"other currency":       {`"to_id":"` + open + `","to_type":"Transaction","currency":"EUR"`, "currency", "invalid"},
		"other amount":         {`"to_id":"` + open + `","to_type":"Transaction","amount":"99.99"`, "amount", "invalid"},
		"amount is no number":  {`"to_id":"` + open + `","to_type":"Transaction","amount":"x"`, "amount", "invalid"},
		"insufficient balance": {`"to_id":"` + large + `","to_type":"Transaction"`, "base", "Insufficient balance"},
		"funded already":       {`"to_id":"` + paid + `","to_type":"Transaction"`, "base", "Transaction is funded already"},
	}
	for name, tt := range tests {
		rows := m.list(t, 422, "POST", "/accounts/debits", `{"debit":{`+tt.fields+`}}`)
		require.Len(t, rows, 1, name)
		assert.Equal(t, []string{tt.word}, errorWords(t, rows[0], tt.key), name)
	}
	wantBalance(t, f, "USD", "130")
	assert.Equal(t, "approved", m.state(t, open))
}

func TestDebitsOfAListAreAllCarriedOutOrNone(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD", "250")}}})
	ids := []string{}
	for range 3 {
		ids = append(ids, textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("100001", "155000"))), "id"))
	}
	debits := func(ids ...string) string {
		list := []string{}
		for _, id := range ids {
			list = append(list, `{"to_id":"`+id+`","to_type":"Transaction"}`)
		}
		return `{"debit":[` + strings.Join(list, ",") + `]}`
	}
	rows := m.list(t, 422, "POST", "/accounts/debits", debits(ids...))
	assert.Empty(t, at(t, rows[0], "errors"))
	assert.Empty(t, at(t, rows[1], "errors"))
	assert.Equal(t, []string{"Insufficient balance"}, errorWords(t, rows[2], "base"))
	rows = m.list(t, 422, "POST", "/accounts/debits", debits(ids[0], ids[0]))
	assert.Equal(t, []string{"Transaction is funded already"}, errorWords(t, rows[1], "base"))
	wantBalance(t, f, "USD", "250")
	for _, id := range ids {
		assert.Equal(t, "approved", m.state(t, id))
	}

	rows = m.list(t, 201, "POST", "/accounts/debits", debits(ids[:2]...))
	wantMoney(t, "150", rows[0], "running_balance")
	wantMoney(t, "50", rows[1], "running_balance")
	wantBalance(t, f, "USD", "50")
	assert.Equal(t, 400, m.call(t, "POST", "/accounts/debits", `{"debit":[]}`).status)
	assert.Equal(t, 400, m.call(t, "POST", "/accounts/debits", `{"debit":["x"]}`).status)
}

func TestAccountsShowEveryBalance(t *testing.T) {
	t.Parallel()
	config := bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD", "150.25", "EUR", "5")}}}
	f, m := start(t, config)
	r := m.call(t, "GET", "/accounts", "")
	assert.Equal(t, `{"meta":{"negative_balance":false},"object":[{"amount":5,"amount_after_pending":5,"currency":"EUR"},{"amount":150.25,"amount_after_pending":150.25,"currency":"USD"}]}`, r.body)
	require.NoError(t, f.Deposit("test-key", "NGN", amount("7")))
	wantMoney(t, "7", m.want(t, 200, "GET", "/accounts/NGN", ""), "amount")
	assert.ErrorIs(t, f.Deposit("nobody", "NGN", amount("7")), fake.ErrNotFound)
	assert.Error(t, f.Deposit("test-key", "NGN", amount("0")))
	assert.Error(t, f.Deposit("test-key", "", amount("7")))

	config.APIVersion = bitpesatest.VersionBitPesa
	_, then := start(t, config)
	wantMoney(t, "5", then.list(t, 200, "GET", "/accounts/EUR", "")[0], "amount")
}

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestMoneyComesAndGoes(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "test-key", Secret: "test-secret", Balances: money("USD", "150")}}})
	assert.ErrorIs(t, f.Withdraw("nobody", "USD", amount("1")), fake.ErrNotFound)
	assert.ErrorIs(t, f.Withdraw("test-key", "USD", amount("150.01")), fake.ErrIllegalMove)
	assert.ErrorIs(t, f.Withdraw("test-key", "NGN", amount("1")), fake.ErrIllegalMove, "no such balance")
	assert.Error(t, f.Withdraw("test-key", "USD", amount("0")))
	assert.Error(t, f.Withdraw("test-key", "USD", amount("-1")))
	wantBalance(t, f, "USD", "150")
	require.NoError(t, f.Withdraw("test-key", "USD", amount("150")))
	require.NoError(t, f.Deposit("test-key", "USD", amount("10")))
	id := m.funded(t, transaction("", ngn("1219", "15500")))
	f.Advance(24 * time.Hour)
	assert.Equal(t, "refunded", m.state(t, id))
	assert.Equal(t, []string{"opening 150", "withdrawal -150", "deposit 10", "debit -10", "refund 10"}, kinds(f.Entries("test-key", "USD")), "oldest first")
	assert.Empty(t, f.Entries("test-key", "GBP"))
	assert.Empty(t, f.Entries("nobody", "USD"))
	require.NoError(t, f.CheckLedger())
}

// kinds are the kinds and amounts of ledger entries.
func kinds(entries []fake.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Kind+" "+e.Amount.String())
	}
	return out
}

func TestDebitsOfAReferenceComeFromTheLedger(t *testing.T) {
	t.Parallel()
	f, m := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{
		{Key: "test-key", Secret: "test-secret", Balances: money("USD", "15")},
		{Key: "other-key", Secret: "other-secret"},
	}})
	assert.Empty(t, f.Debits("T-1"), "unknown")
	id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction(`"external_id":"T-1"`, ngn("1219", "15500"))), "id")
	assert.Empty(t, f.Debits("T-1"), "not funded")
	m.list(t, 201, "POST", "/accounts/debits", `{"debit":{"to_id":"`+id+`","to_type":"Transaction"}}`)
	assert.Equal(t, []string{"debit -10"}, kinds(f.Debits("T-1")))
	assert.Equal(t, f.Debits("T-1"), f.Debits(id), "by the provider's id")
	m.list(t, 422, "POST", "/accounts/debits", `{"debit":{"to_id":"`+id+`","to_type":"Transaction"}}`)
	assert.Len(t, f.Debits("T-1"), 1, "a second debit is refused")

	m.want(t, 422, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-2"`, ngn("1000", "15500")))
	assert.Empty(t, f.Debits("T-2"), "the balance did not cover it")

	f.Advance(24 * time.Hour)
	assert.Equal(t, "refunded", m.state(t, id))
	assert.Equal(t, []string{"debit -10"}, kinds(f.Debits("T-1")), "a refund takes no money")

	f.Advance(time.Second)
	other := m
	other.key, other.secret = "other-key", "other-secret"
	other.want(t, 201, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-1"`, ngn("1000", "31000")))
	assert.Equal(t, []string{"debit -10", "debit -20"}, kinds(f.Debits("T-1")), "another key has external ids of its own")
}

func TestSenderWhoPaysIsDebited(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction(`"external_id":"T-1"`, ngn("1219", "15500"))), "id")
	require.NoError(t, f.PayTransaction(id, amount("12")))
	assert.Equal(t, []string{"payin -12"}, kinds(f.Debits("T-1")), "what was paid, not what was due")
	assert.ErrorIs(t, f.PayTransaction(id, amount("12")), fake.ErrIllegalMove)
	assert.Len(t, f.Debits("T-1"), 1)
	f.Advance(24 * time.Hour)
	made, ok := f.Transaction(id)
	require.True(t, ok)
	assert.Equal(t, bitpesa.TransactionRefunded, made.State)
	assert.Equal(t, []string{"payin -12", "refund 12"}, kinds(f.Entries(made.SenderID, "USD")))
	wantBalance(t, f, "USD", "1000000")
	require.NoError(t, f.CheckLedger())
}
