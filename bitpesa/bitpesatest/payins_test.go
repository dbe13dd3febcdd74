package bitpesatest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// collection is a transaction paid in by XOF mobile money.
func collection(phone string) string {
	return strings.Replace(transaction(`"payin_methods":[{"type":"XOF::Mobile","in_details":{`+phone+`}}]`, ngn("1000", "15500")), `"USD"`, `"XOF"`, 1)
}

func TestCollectionFollowsItsMagicNumber(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	create := func(phone string) (id, payin string) {
		o := m.want(t, 201, "POST", "/transactions", collection(phone))
		return textAt(t, o, "id"), textAt(t, o, "payin_methods.0.id")
	}
	payinState := func(id string) string { return textAt(t, m.want(t, 200, "GET", "/payin_methods/"+id, ""), "state") }

	paid, payin := create(`"phone_number":"+221774044430"`)
	assert.Equal(t, "pending", payinState(payin))
	pay(f)
	assert.Equal(t, "success", payinState(payin))
	assert.Equal(t, "received", m.state(t, paid))
	assert.Equal(t, []string{
		"transaction.created", "payin_method.pending", "payin_method.processing", "payin_method.paid_in", "transaction.paid_in", "recipient.pending",
	}, in.events(f))

	failed, payin := create(`"phone_number":"+221774044439"`)
	pay(f)
	o := m.want(t, 200, "GET", "/payin_methods/"+payin, "")
	assert.Equal(t, []any{"error", "412"}, []any{at(t, o, "state"), at(t, o, "state_reason_details.code")})
	assert.Equal(t, "approved", m.state(t, failed))
	m.want(t, 200, "POST", "/payin_methods/"+payin+"/retry", "")
	pay(f)
	assert.Equal(t, "error", payinState(payin))
	m.want(t, 200, "PATCH", "/payin_methods/"+payin, `{"in_details":{"phone_number":"+221774044430"}}`)
	pay(f)
	assert.Equal(t, "received", m.state(t, failed))
	refused := m.want(t, 422, "POST", "/payin_methods/"+payin+"/retry", "")
	assert.Equal(t, []string{"operation is unavailable"}, errorWords(t, refused, "base"))
	m.want(t, 422, "PATCH", "/payin_methods/"+payin, `{}`)
	m.want(t, 422, "DELETE", "/payin_methods/"+payin, "")

	pay(f)
	slow, payin := create(`"phone_number":"+221774044435"`)
	_ = in.events(f)
	f.Advance(time.Hour)
	assert.Equal(t, "canceled", m.state(t, slow))
	assert.Equal(t, "canceled", payinState(payin))
	assert.Equal(t, []string{"recipient.canceled", "payin_method.canceled", "transaction.canceled"}, in.events(f))
}

func TestCollectionWithoutANumberIsIncomplete(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	o := m.want(t, 201, "POST", "/transactions", collection(""))
	payin := textAt(t, o, "payin_methods.0.id")
	assert.Equal(t, "incomplete", textAt(t, o, "payin_methods.0.state"))
	m.want(t, 422, "POST", "/payin_methods/"+payin+"/retry", "")
	m.want(t, 422, "PATCH", "/payin_methods/"+payin, `{"in_details":{"phone_number":"x"}}`)
	m.want(t, 422, "PATCH", "/payin_methods/"+payin, `{"type":"EUR::Bank"}`)
	assert.Equal(t, "pending", textAt(t, m.want(t, 200, "PATCH", "/payin_methods/"+payin, `{"in_details":{"phone_number":"+221774044430"}}`), "state"))
	assert.Equal(t, "canceled", textAt(t, m.want(t, 200, "DELETE", "/payin_methods/"+payin, ""), "state"))
	pay(f)
	assert.Equal(t, "approved", m.state(t, textAt(t, o, "id")), "a cancelled payin collects nothing")
}

func TestSandboxPayinFundsFromOutside(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction(`"payin_methods":[{"type":"USD::Bank"}]`, ngn("1219", "15500"))), "id")
	path := "/transactions/" + id + "/payin"
	assert.Equal(t, []string{"blank"}, errorWords(t, m.want(t, 422, "POST", path, `{"payin_method":{}}`), "type"))
	assert.Equal(t, []string{"invalid"}, errorWords(t, m.want(t, 422, "POST", path, `{"payin_method":{"type":"EUR::Bank"}}`), "type"))
	assert.Equal(t, 400, m.call(t, "POST", path, `{"type":"USD::Bank"}`).status)
	o := m.want(t, 200, "POST", path, `{"payin_method":{"type":"USD::Bank"}}`)
	assert.Equal(t, []any{"received", "success"}, []any{at(t, o, "state"), at(t, o, "payin_methods.0.state")})
	assert.Len(t, at(t, o, "payin_methods"), 1, "the payin method there is is used")
	m.want(t, 422, "POST", path, `{"payin_method":{"type":"USD::Bank"}}`)
	pay(f)
	m.want(t, 200, "DELETE", "/recipients/"+m.recipientID(t, id, 0), "")
	o = m.transaction(t, id)
	assert.Equal(t, []any{"refunded", "refunded"}, []any{at(t, o, "state"), at(t, o, "payin_methods.0.state")})
	wantBalance(t, f, "USD", "1000000")

	same := textAt(t, m.want(t, 201, "POST", "/transactions", strings.Replace(transaction("", ngn("1000", "15500")), `"USD"`, `"NGN"`, 1)), "id")
	m.want(t, 422, "POST", "/transactions/"+same+"/payin", `{"payin_method":{"type":"NGN::Bank"}}`)
	m.list(t, 201, "POST", "/accounts/debits", `{"debit":{"to_id":"`+same+`","to_type":"Transaction"}}`)
}

func TestWrongAmountResizesTheTransaction(t *testing.T) {
	t.Parallel()
	in := newInbox()
	f, m := start(t, bitpesatest.Config{Options: fake.Options{Callbacks: in}})
	m.allEvents(t)
	id := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"), ngn("1000", "31000"))), "id")
	assert.ErrorIs(t, f.PayTransaction("x", decimal.NewFromInt(1)), fake.ErrNotFound)
	assert.Error(t, f.PayTransaction(id, decimal.Zero))
	require.NoError(t, f.PayTransaction(id, decimal.RequireFromString("20.01")))
	o := m.transaction(t, id)
	assert.Equal(t, "mispaid", textAt(t, o, "state"))
	wantMoney(t, "20.01", o, "input_amount")
	wantMoney(t, "0", o, "due_amount")
	wantMoney(t, "6.67", o, "recipients.0.input_amount")
	wantMoney(t, "10339", o, "recipients.0.output_amount")
	wantMoney(t, "13.34", o, "recipients.1.input_amount")
	pay(f)
	assert.Equal(t, "paid", m.state(t, id))
	assert.ErrorIs(t, f.PayTransaction(id, decimal.NewFromInt(1)), fake.ErrIllegalMove)
	assert.Equal(t, []string{"transaction.created", "transaction.mispaid", "transaction.paid_out"}, only(in.events(f), "transaction."))

	by := m.want(t, 201, "POST", "/transactions", collection(`"phone_number":"+221774044435"`))
	require.NoError(t, f.PayTransaction(textAt(t, by, "id"), decimal.NewFromInt(5000)))
	assert.Equal(t, []string{"payin_method.pending", "payin_method.mispaid"}, only(in.events(f), "payin_method."))
	assert.Equal(t, "mispaid", textAt(t, m.want(t, 200, "GET", "/payin_methods/"+textAt(t, by, "payin_methods.0.id"), ""), "state"))
	due := m.want(t, 201, "POST", "/transactions", collection(`"phone_number":"+221774044435"`))
	require.NoError(t, f.PayTransaction(textAt(t, due, "id"), decimal.RequireFromString(fmt.Sprint(at(t, due, "due_amount")))))
	assert.Equal(t, "success", textAt(t, m.want(t, 200, "GET", "/payin_methods/"+textAt(t, due, "payin_methods.0.id"), ""), "state"))

	right := textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1000", "15500"))), "id")
	require.NoError(t, f.PayTransaction(right, decimal.NewFromInt(10)))
	assert.Equal(t, "received", m.state(t, right))
	wantBalance(t, f, "USD", "1000000")
}
