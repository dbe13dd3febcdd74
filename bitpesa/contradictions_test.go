package bitpesa_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	shownRecipient = `{"id":"r-1","state":"pending","editable":false,"payout_method":{"id":"m-1","type":"NGN::Bank","errors":{},"details":{"bank_account":"1234567800"}}}`
	shownPayin     = `{"id":"p-1","state":"pending","type":"XOF::Mobile","ux_flow":"ussd_popup","in_details":{"phone_number":"+221774044436"}}`
	shownDebit     = `{"id":"d-1","to_id":"t-1","to_type":"Transaction","amount":30.5,"currency":"USD","running_balance":69.5}`
)

// successes are what BitPesa shows after each call that moves money.
var successes = map[string]struct{ call, object string }{
	bitpesa.OpCreateTransaction: {"Transactions.Create", shownTransaction},
	bitpesa.OpCreateAndFund:     {"Transactions.CreateAndFund", shownTransaction},
	bitpesa.OpSandboxPayIn:      {"Transactions.SandboxPayIn", shownTransaction},
	bitpesa.OpSandboxPayOut:     {"Transactions.SandboxPayOut", shownTransaction},
	bitpesa.OpCreateDebits:      {"Debits.Create", shownDebit},
	bitpesa.OpUpdateRecipient:   {"Recipients.Update", shownRecipient},
	bitpesa.OpCancelRecipient:   {"Recipients.Cancel", shownRecipient},
	bitpesa.OpUpdatePayinMethod: {"PayinMethods.Update", shownPayin},
	bitpesa.OpCancelPayinMethod: {"PayinMethods.Cancel", shownPayin},
	bitpesa.OpRetryPayinMethod:  {"PayinMethods.Retry", shownPayin},
}

// told has a server respond to a write with a success, and to every lookup with nothing
// that can be read.
func told(t *testing.T, body string, call func(context.Context, *bitpesa.Client) error) error {
	t.Helper()
	var err error
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t, func(r request) response {
			if r.Method == "GET" {
				return says(502, "")
			}
			return says(201, body)
		})
		err = call(t.Context(), newClient(t, server))
		assert.Equal(t, 1, len(server.requests())-server.count("GET"))
	})
	return err
}

// A success that says what is wrong is a contradiction.
func TestASuccessWithErrorsIsNone(t *testing.T) {
	for _, op := range bitpesa.Operations() {
		if !op.MovesMoney {
			continue
		}
		row, ok := successes[op.Name]
		require.True(t, ok, op.Name)
		call := wireCalls[row.call].call
		with := func(errors string) string { return row.object[:len(row.object)-1] + `,"errors":` + errors + `}` }
		for body, fine := range map[string]bool{
			`{"object":` + row.object + `}`:              true,
			`{"object":` + with(`{}`) + `}`:              true,
			`{"object":` + with(`null`) + `}`:            true,
			`{"object":` + with(`[]`) + `}`:              true,
			`{"object":` + with(`""`) + `}`:              true,
			`{"object":` + with(`false`) + `}`:           true,
			`{"object":` + with(`{"base":[]}`) + `}`:     true,
			`{"object":` + with(`{"base":[null]}`) + `}`: true,

			`{"object":` + row.object + `,"errors":{},"error":null,"meta":{"error":null}}`: true,
			`{"object":` + with(`{}`) + `,"meta":{"errors_url":"x"}}`:                      true,

			`{"object":` + with(`{"base":["Insufficient balance"]}`) + `}`:                                       false,
			`{"object":` + with(`{"amount":[{"error":"invalid"}]}`) + `}`:                                        false,
			`{"object":` + with(`["Insufficient balance"]`) + `}`:                                                false,
			`{"object":` + strings.Replace(with(`["no"]`), `"errors"`, `"\u0065rrors" `, 1) + `}`:                false,
			`{"object":` + with(" { } ") + `}`:                                                                   true,
			`{"object":` + with(`"Insufficient balance"`) + `}`:                                                  false,
			`{"object":` + with(`{"code":17}`) + `}`:                                                             false,
			`{"object":` + row.object + `,"errors":{"base":["No"]}}`:                                             false,
			`{"object":` + row.object + `,"error":"Insufficient balance"}`:                                       false,
			`{"object":` + row.object + `,"meta":{"error":"Account Invalid"}}`:                                   false,
			`{"object":` + strings.Replace(with(`{}`), `"id":`, `"part":{"errors":{"x":["no"]}},"id":`, 1) + `}`: false,
			`{"object":` + strings.Replace(with(`{}`), `"id":`, `"metadata":{"errors":["own"]},"id":`, 1) + `}`:  true,
		} {
			err := told(t, body, call)
			if fine {
				assert.NoError(t, err, "%s: %s", op.Name, body)
				continue
			}
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s: %s", op.Name, body)
			assert.Equal(t, sdk.Look, sdk.Advise(err), op.Name)
		}
	}
}

func TestOneDebitOfSeveralWithErrorsIsNone(t *testing.T) {
	const other = `{"id":"d-2","to_id":"t-2","to_type":"Transaction"`
	many := func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.Debits.CreateMany(ctx, []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: "t-2"}}))
	}
	assert.NoError(t, told(t, `{"object":[`+shownDebit+`,`+other+`,"errors":{}}]}`, many))
	assert.ErrorIs(t, told(t, `{"object":[`+shownDebit+`,`+other+`,"errors":{"base":["Insufficient balance"]}}]}`, many), sdk.ErrOutcomeUnknown)
	assert.ErrorIs(t, told(t, `{"object":[`+shownDebit+`,`+other+`,"recipients":[]}]}`, many), sdk.ErrOutcomeUnknown, "a transaction")
}

// What a lookup shows settles a success that contradicts itself.
func TestASuccessWithErrorsIsLookedUp(t *testing.T) {
	for state, funded := range map[string]bool{"received": true, "approved": false} {
		synctest.Test(t, func(t *testing.T) {
			server := newStub(t, func(r request) response {
				if r.Method == "GET" {
					return says(200, `{"object":{"id":"t-1","state":"`+state+`","input_amount":30.5,"input_currency":"USD"}}`)
				}
				return says(201, `{"object":[`+shownDebit[:len(shownDebit)-1]+`,"errors":{"base":["Insufficient balance"]}}]}`)
			})
			debit, err := newClient(t, server).Debits.Create(t.Context(), validDebit())
			if !funded {
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				return
			}
			require.NoError(t, err)
			assert.False(t, debit.Existing)
		})
	}
}

// A kept connection that is out of step brings the success of another request.
func TestASuccessOfAnotherKindIsNone(t *testing.T) {
	const own = `"id":"%id","state":"pending","external_id":"Transaction:NGN:17523"`
	kinds := map[string]string{
		"a transaction":      `"recipients":[]`,
		"a debit":            `"to_type":"Transaction","running_balance":1`,
		"a recipient":        `"requested_amount":1,"payout_method":{}`,
		"a recipient's flag": `"may_cancel":false`,
		"a payin":            `"in_details":{}`,
		"a payin's flow":     `"ux_flow":"ussd_popup"`,
		"a payin's way":      `"out_details":{}`,
		"a sender":           `"first_name":"J"`,
		"a company":          `"name":"Best Pilau Ltd","city":"Kampala"`,
		"a document":         `"upload_file_name":"x"`,
		"a webhook":          `"events":[]`,
		"a payout method":    `"details":{}`,
		"a mandate":          `"signed_at":"2026-01-01"`,
	}
	ownKinds := map[string]string{"transactions": "a transaction", "debits": "a debit", "recipients": "a recipient", "payin_methods": "a payin"}
	withoutID := func(ctx context.Context, c *bitpesa.Client) error {
		p := validTransaction()
		p.ExternalID = ""
		return fails(c.Transactions.Create(ctx, p))
	}
	for name, row := range successes {
		kind, _, _ := strings.Cut(name, ".")
		var shown struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(row.object), &shown))
		calls := []func(context.Context, *bitpesa.Client) error{wireCalls[row.call].call}
		if name == bitpesa.OpCreateTransaction {
			calls = append(calls, withoutID)
		}
		for other, members := range kinds {
			if strings.HasPrefix(other, ownKinds[kind]) {
				continue
			}
			for _, call := range calls {
				if kind == "debits" {
					members += `,"to_id":"t-1"`
				}
				err := told(t, `{"object":{`+strings.Replace(own, "%id", shown.ID, 1)+`,`+members+`}}`, call)
				if name == bitpesa.OpSandboxPayIn && strings.HasPrefix(other, "a payin") {
					assert.NoError(t, err, other) // no document says what it shows
					continue
				}
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s: %s", name, other)
			}
		}
	}
}

// A correction is a success only if BitPesa shows what was asked for.
func TestAnUpdateIsComparedWithWhatItAskedFor(t *testing.T) {
	recipient := func(details bitpesa.PayoutDetails, of bitpesa.PayoutType) func(context.Context, *bitpesa.Client) error {
		return func(ctx context.Context, c *bitpesa.Client) error {
			return fails(c.Recipients.Update(ctx, "r-1", bitpesa.RecipientUpdate{Type: bitpesa.Person, PayoutMethod: bitpesa.PayoutMethodParams{Type: of, Details: details}}))
		}
	}
	bank := recipient(bitpesa.PayoutDetails{FirstName: "Jane", BankAccount: "1234567800", Extra: map[string]any{"swift_code": "ABC1"}}, bitpesa.NGNBank)
	phone := recipient(bitpesa.PayoutDetails{PhoneNumber: "00233 30 212 3456", MobileProvider: bitpesa.MTN}, bitpesa.GHSMobile)
	payin := func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayinMethods.Update(ctx, "p-1", bitpesa.PayinMethodParams{Type: "UGX::Mobile", UXFlow: "ussd_popup", InDetails: map[string]any{
			"phone_number": "+256701111111", "mobile_provider": "airtel", "account_number": "0012345678", "account_name": "Jane Doe", "refund_address": "1abc", "country": "UG",
		}}))
	}
	zeros := recipient(bitpesa.PayoutDetails{BankAccount: "1234567800", BankCode: "000"}, bitpesa.NGNBank)
	stored := func(ctx context.Context, c *bitpesa.Client) error {
		return fails(c.PayoutMethods.Update(ctx, "r-1", bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234567800"}}))
	}
	method := func(members string) string { return `"payout_method":{"id":"m-1",` + members + `}` }
	details := func(members string) string { return method(`"details":{` + members + `}`) }
	for _, row := range []struct {
		call  func(context.Context, *bitpesa.Client) error
		shown string
		same  bool
	}{
		{bank, `"type":"person"`, true},
		{bank, method(`"type":"ngn::bank","details":{}`), true},
		{bank, details(`"bank_account":"1234567800","first_name":"JANE"`), true},
		{bank, details(`"bank_account":"1234 567-800"`), true},
		{bank, details(`"bank_account":1234567800`), true},
		{bank, details(`"bank_account":"******7800"`), true},
		{bank, details(`"bank_account":"1234567819"`), false},
		{bank, details(`"bank_account":"0000000000"`), false},
		{bank, details(`"bank_account":"******7819"`), false},
		{bank, details(`"first_name":"Joan"`), false},
		{bank, details(`"swift_code":"XYZ9"`), false},
		{bank, method(`"type":"NGN::Mobile"`), false},
		{bank, `"type":"business"`, false},
		{zeros, details(`"bank_code":"0"`), true},
		{zeros, details(`"bank_code":"058"`), false},
		{stored, `"details":{"bank_account":"1234567800"}`, true},
		{stored, `"details":{"bank_account":"1234567819"}`, false},
		{phone, details(`"phone_number":"+233302123456","mobile_provider":"MTN"`), true},
		{phone, details(`"phone_number":"0302123456"`), true},
		{phone, details(`"phone_number":"+233302123457"`), false},
		{phone, details(`"phone_number":"0302/123456"`), false}, // cannot be read
		{phone, details(`"mobile_provider":"airtel"`), false},
		{payin, `"type":"UGX::Mobile","ux_flow":"ussd_popup","in_details":{"phone_number":"0701111111","mobile_provider":"Airtel","account_number":12345678,"account_name":"JANE  DOE","refund_address":"1abc","country":"ug"}`, true},
		{payin, `"in_details":{}`, true},
		{payin, `"type":"NGN::Mobile"`, false},
		{payin, `"ux_flow":"http_redirect"`, false},
		{payin, `"in_details":{"phone_number":"+256799999999"}`, false},
		{payin, `"in_details":{"mobile_provider":"mtn"}`, false},
		{payin, `"in_details":{"account_number":"0012345679"}`, false},
		{payin, `"in_details":{"account_name":"Joan Doe"}`, false},
		{payin, `"in_details":{"refund_address":"1abd"}`, false},
		{payin, `"in_details":{"country":"KE"}`, false},
	} {
		id := "r-1"
		if strings.Contains(row.shown, "in_details") || strings.Contains(row.shown, "ux_flow") || row.shown == `"type":"NGN::Mobile"` {
			id = "p-1"
		}
		err := told(t, `{"object":{"id":"`+id+`","state":"pending",`+row.shown+`}}`, row.call)
		if row.same {
			assert.NoError(t, err, row.shown)
			continue
		}
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, row.shown)
		assert.NotErrorIs(t, err, sdk.ErrRejected, row.shown)
	}
}

// Correct looks at the transaction, and compares in the same way. What is masked, or not
// shown, proves nothing.
func TestACorrectionIsRecognisedHoweverItIsWritten(t *testing.T) {
	for shown, taken := range map[string]bool{
		`"phone_number":"+233302123456"`:                            true,
		`"phone_number":"0302123456"`:                               true,
		`"phone_number":"+233 30 212 3456","mobile_provider":"mtn"`: true,
		`"phone_number":"+233302123457"`:                            false,
		`"phone_number":"********3456"`:                             false,
		`"phone_number":""`:                                         false,
		`"phone_number":"-"`:                                        false,
		`"phone_number":null`:                                       false,
		`"phone_number":"0302123456","email":"joe@shop.example"`:    false,
		`"mobile_provider":"mtn"`:                                   false,
	} {
		synctest.Test(t, func(t *testing.T) {
			var server *stub
			server = newStub(t, func(r request) response {
				details := `"phone_number":"+233302000000"`
				switch {
				case r.Method == "PATCH":
					return says(200, `{"object":{"id":"r-1","state":"pending","payout_method":{"id":"m-1","details":{"phone_number":"+233309999999"}}}}`)
				case server.count("PATCH") > 0:
					details = shown
					if !strings.Contains(shown, "email") {
						details += `,"email":"ama@shop.example"`
					}
				}
				return says(200, `{"object":{"id":"t-1","state":"received","recipients":[{"id":"r-1","state":"error","editable":true,`+
					`"payout_method":{"type":"GHS::Mobile","details":{`+details+`}}}]}}`)
			})
			_, err := newClient(t, server).Recipients.Correct(t.Context(), "t-1", "r-1", bitpesa.RecipientUpdate{
				PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.GHSMobile, Details: bitpesa.PayoutDetails{PhoneNumber: "00233 30 212 3456", Email: "ama@shop.example"}},
			})
			assert.Equal(t, 1, server.count("PATCH"))
			if taken {
				assert.NoError(t, err, shown)
			} else {
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, shown)
			}
		})
	}
}
