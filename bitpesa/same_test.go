package bitpesa_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// shownTransaction is what BitPesa shows of validTransaction.
const shownTransaction = `{"id":"t-1","state":"received","external_id":"Transaction:NGN:17523","input_currency":"USD","input_amount":30.5,"sender":{"id":"s-1"},` +
	`"payin_methods":[],"recipients":[{"id":"r-1","state":"pending","type":"person","requested_amount":10000.0,"requested_currency":"NGN",` +
	`"payout_method":{"id":"m-1","type":"NGN::Bank","details":{"first_name":"Jane","last_name":"Doe","bank_code":"058","bank_account":"1234567800"}}}]}`

// A comparison is one field of a transaction as BitPesa may show it.
var comparisons = map[string]struct {
	old, shown string
	want       string // same, different or unclear
}{
	"as sent":                          {"", "", "same"},
	"the currency in small":            {`"USD"`, `"usd"`, "same"},
	"another currency":                 {`"USD"`, `"EUR"`, "different"},
	"another external id":              {"17523", "17524", "different"},
	"another sender":                   {`"s-1"`, `"s-2"`, "different"},
	"another amount":                   {"10000.0", "10000.01", "different"},
	"the amount as text":               {"10000.0", `"10000.00"`, "same"},
	"an amount with commas":            {"10000.0", `"10,000.00"`, "unclear"},
	"an amount with a currency":        {"10000.0", `"NGN 10000"`, "unclear"},
	"an amount as an object":           {"10000.0", `{"value":10000}`, "unclear"},
	"another payout currency":          {`"NGN",`, `"USD",`, "different"},
	"another corridor":                 {"NGN::Bank", "NGN::Mobile", "different"},
	"another first name":               {"Jane", "Ada", "different"},
	"another last name":                {"Doe", "Roe", "different"},
	"the names in capitals":            {`"Jane","last_name":"Doe"`, `" JANE ","last_name":"DOE"`, "same"},
	"another account":                  {"1234567800", "1234567801", "different"},
	"the account as a number":          {`"1234567800"`, `1234567800`, "same"},
	"the account masked":               {"1234567800", "******7800", "same"},
	"another account, masked":          {"1234567800", "******7801", "different"},
	"the account as zeros":             {"1234567800", "0000000000", "unclear"},
	"another bank":                     {"058", "044", "different"},
	"the bank code as a number":        {`"058"`, `58`, "same"},
	"a business":                       {`"person"`, `"business"`, "different"},
	"two recipients":                   {`"recipients":[`, `"recipients":[{"id":"r-0","state":"pending"},`, "different"},
	"recipients of another form":       {`"recipients":[`, `"recipients":{"a":1},"others":[`, "unclear"},
	"a recipient that is none":         {`"recipients":[`, `"recipients":[null,`, "unclear"},
	"recipients as false":              {`"recipients":[`, `"recipients":false,"others":[`, "unverified"},
	"payin methods as false":           {`"payin_methods":[]`, `"payin_methods":false`, "same"},
	"recipients as an empty list":      {`"recipients":[`, `"recipients":[],"others":[`, "unverified"},
	"payin methods as an empty list":   {`"payin_methods":[]`, `"payin_methods":[]`, "same"},
	"recipients as an empty object":    {`"recipients":[`, `"recipients":{ },"others":[`, "unverified"},
	"payin methods as an empty object": {`"payin_methods":[]`, `"payin_methods":{ }`, "same"},
	"recipients as an empty text":      {`"recipients":[`, `"recipients":"","others":[`, "unverified"},
	"payin methods as an empty text":   {`"payin_methods":[]`, `"payin_methods":""`, "same"},
	"recipients as a text":             {`"recipients":[`, `"recipients":"Ada","others":[`, "unclear"},
	"recipients as true":               {`"recipients":[`, `"recipients":true,"others":[`, "unclear"},
	"recipients as a number":           {`"recipients":[`, `"recipients":0,"others":[`, "unclear"},
	"recipients as a list of nothing":  {`"recipients":[`, `"recipients":[null],"others":[`, "unclear"},
	"paid by its sender":               {`"payin_methods":[]`, `"payin_methods":[{"id":"p-1","type":"XOF::Mobile","state":"success"}]`, "different"},
}

func personParams() bitpesa.TransactionParams {
	p := validTransaction()
	p.Recipients[0].Type = bitpesa.Person
	return p
}

var creations = map[string]func(context.Context, *bitpesa.Client) (*bitpesa.Transaction, error){
	"Create": func(ctx context.Context, c *bitpesa.Client) (*bitpesa.Transaction, error) {
		return c.Transactions.Create(ctx, personParams())
	},
	"CreateAndFund": func(ctx context.Context, c *bitpesa.Client) (*bitpesa.Transaction, error) {
		return c.Transactions.CreateAndFund(ctx, personParams())
	},
	"PayFromBalance": func(ctx context.Context, c *bitpesa.Client) (*bitpesa.Transaction, error) {
		return c.Transactions.PayFromBalance(ctx, personParams())
	},
}

func TestADuplicateTransactionIsComparedFieldByField(t *testing.T) {
	const duplicate = `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{"transaction":{"id":"t-1","state":"received"}}}}`
	for name, row := range comparisons {
		for method, call := range creations {
			t.Run(name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := newStub(t, func(r request) response {
						if r.Method == "POST" {
							return says(422, duplicate)
						}
						return list(strings.Replace(shownTransaction, row.old, row.shown, 1), 0)
					})
					got, err := call(t.Context(), newClient(t, server))
					assert.Equal(t, 1, server.count("POST"), "nothing is sent twice, and nothing is debited")
					switch want := row.want; {
					case want == "unverified":
						require.NoError(t, err)
						assert.True(t, got.Unverified)
					case want == "same":
						require.NoError(t, err)
						assert.True(t, got.Existing)
						assert.False(t, got.Unverified)
					case want == "different" && name != "another external id":
						require.ErrorIs(t, err, sdk.ErrReferenceTaken)
						assert.ErrorIs(t, err, sdk.ErrRejected)
						assert.Equal(t, sdk.Taken, sdk.Advise(err))
					default:
						require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
						assert.NotErrorIs(t, err, sdk.ErrReferenceTaken)
					}
				})
			})
		}
	}
}

// A kept connection that is out of step brings the response of another request.
func TestADirectResponseAboutAnotherPaymentIsNoSuccess(t *testing.T) {
	for name, row := range comparisons {
		for method, call := range creations {
			t.Run(name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := newStub(t, func(r request) response {
						if r.Method == "POST" {
							return says(201, `{"object":`+strings.Replace(shownTransaction, row.old, row.shown, 1)+`}`)
						}
						return says(502, "")
					})
					got, err := call(t.Context(), newClient(t, server))
					if row.want == "same" || row.want == "unverified" {
						require.NoError(t, err)
						assert.False(t, got.Existing)
						assert.Equal(t, row.want == "unverified", got.Unverified)
						return
					}
					require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.Equal(t, 1, server.count("POST"))
				})
			})
		}
	}
}

// A collection takes money from the sender's phone: another phone is another payment.
func TestACollectionIsComparedWithTheOneAskedFor(t *testing.T) {
	const wave = `{"id":"p-1","type":"XOF::Mobile","state":"pending","in_details":{"phone_number":"+221774044439"}}`
	const bank = `{"id":"p-2","type":"NGN::Bank","in_details":{"account_number":"0012345678"}}`
	const btc = `{"id":"p-2","type":"BTC","in_details":{"refund_address":"1abc"}}`
	phone := bitpesa.PayinMethodParams{Type: "XOF::Mobile", InDetails: map[string]any{"phone_number": "+221 77 404 44 39", "mobile_provider": "orange", "country": "SN"}}
	account := bitpesa.PayinMethodParams{Type: "NGN::Bank", InDetails: map[string]any{"account_number": "0012345678"}}
	coins := bitpesa.PayinMethodParams{Type: "BTC", InDetails: map[string]any{"refund_address": "1abc"}}
	one, both := []bitpesa.PayinMethodParams{phone}, []bitpesa.PayinMethodParams{phone, account}
	for name, row := range map[string]struct {
		asked []bitpesa.PayinMethodParams
		shown string // the member payin_methods, if any
		want  string // same, different, unclear or unverified
	}{
		"as sent":                     {one, `[` + wave + `]`, "same"},
		"the type in small":           {one, strings.Replace(`[`+wave+`]`, "XOF::Mobile", "xof::mobile", 1), "same"},
		"the phone in national form":  {one, strings.Replace(`[`+wave+`]`, "+221774044439", "774044439", 1), "same"},
		"the phone as a number":       {one, strings.Replace(`[`+wave+`]`, `"+221774044439"`, "221774044439", 1), "same"},
		"the phone masked":            {one, strings.Replace(`[`+wave+`]`, "+221774044439", "*********4439", 1), "same"},
		"no details":                  {one, `[{"id":"p-1","type":"XOF::Mobile"}]`, "same"},
		"details that say nothing":    {one, `[{"id":"p-1","type":"XOF::Mobile","in_details":{"phone_number":{"a":1}}}]`, "same"},
		"another phone":               {one, strings.Replace(`[`+wave+`]`, "+221774044439", "+221700000000", 1), "different"},
		"another phone as a number":   {one, strings.Replace(`[`+wave+`]`, `"+221774044439"`, "221700000000", 1), "different"},
		"another phone, masked":       {one, strings.Replace(`[`+wave+`]`, "+221774044439", "*********0000", 1), "different"},
		"another type":                {one, strings.Replace(`[`+wave+`]`, "XOF::Mobile", "NGN::Bank", 1), "different"},
		"an account, not a phone":     {one, `[` + bank + `]`, "different"},
		"another account":             {[]bitpesa.PayinMethodParams{account}, strings.Replace(`[`+bank+`]`, "5678", "5679", 1), "different"},
		"the account as a number":     {[]bitpesa.PayinMethodParams{{Type: "NGN::Bank", InDetails: map[string]any{"account_number": float64(1234567890)}}}, strings.Replace(`[`+bank+`]`, `"0012345678"`, "1234567890", 1), "same"},
		"the account":                 {[]bitpesa.PayinMethodParams{account}, `[` + bank + `]`, "same"},
		"the address of a refund":     {[]bitpesa.PayinMethodParams{coins}, `[` + btc + `]`, "same"},
		"another address of a refund": {[]bitpesa.PayinMethodParams{coins}, strings.Replace(`[`+btc+`]`, "1abc", "1abd", 1), "different"},
		"two in another order":        {both, `[` + bank + `,` + wave + `]`, "same"},
		"one of two is another":       {both, `[` + wave + `,` + strings.Replace(bank, "5678", "5679", 1) + `]`, "different"},
		"one of two":                  {both, `[` + wave + `]`, "unclear"},
		"two for one":                 {one, `[` + wave + `,` + bank + `]`, "unclear"},
		"an empty list":               {one, `[]`, "unclear"},
		"an empty object":             {one, `{}`, "unclear"},
		"an empty text":               {one, `""`, "unclear"},
		"false":                       {one, `false`, "unclear"},
		"another form":                {one, `{"a":1}`, "unclear"},
		"a collection that is none":   {one, `[null]`, "unclear"},
		"null":                        {one, `null`, "unverified"},
		"left out":                    {one, ``, "unverified"},
		"from the balance":            {nil, `[]`, "same"},
		"collected, not asked for":    {nil, `[` + wave + `]`, "different"},
	} {
		for _, direct := range []bool{true, false} {
			for _, state := range []string{"approved", "received"} {
				t.Run(fmt.Sprint(name, ", direct ", direct, ", ", state), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						member := ""
						if row.shown != "" {
							member = `"payin_methods":` + row.shown + `,`
						}
						shown := strings.NewReplacer(`"payin_methods":[],`, member, `"received"`, `"`+state+`"`).Replace(shownTransaction)
						server := newStub(t, func(r request) response {
							switch {
							case r.Method == "POST" && direct:
								return says(201, `{"object":`+shown+`}`)
							case r.Method == "POST":
								return says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}}}`)
							case direct:
								return says(502, "")
							}
							return list(shown, 0)
						})
						p := personParams()
						p.PayinMethods = row.asked
						got, err := newClient(t, server).Transactions.Create(t.Context(), p)
						assert.Equal(t, 1, server.count("POST"))
						switch {
						case row.want == "same" || row.want == "unverified":
							require.NoError(t, err)
							assert.Equal(t, row.want == "unverified", got.Unverified)
						case row.want == "different" && !direct:
							require.ErrorIs(t, err, sdk.ErrReferenceTaken)
							assert.ErrorIs(t, err, sdk.ErrRejected)
						default:
							require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
							assert.NotErrorIs(t, err, sdk.ErrReferenceTaken)
						}
					})
				})
			}
		}
	}
}

func TestAResponseThatDoesNotNameItsObjectIsNoSuccess(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		call func(context.Context, *bitpesa.Client) error
	}{
		"no external id":               {strings.Replace(shownTransaction, `"external_id":"Transaction:NGN:17523",`, "", 1), wireCalls["Transactions.Create"].call},
		"no external id when funded":   {strings.Replace(shownTransaction, `"external_id":"Transaction:NGN:17523",`, "", 1), wireCalls["Transactions.CreateAndFund"].call},
		"no external id of a sender":   {`{"id":"s-1","state":"approved"}`, wireCalls["Senders.Create"].call},
		"another sender":               {`{"id":"s-1","state":"approved","external_id":"sender-2"}`, wireCalls["Senders.Create"].call},
		"another person":               {`{"id":"s-1","state":"approved","external_id":"sender-1","last_name":"Other"}`, wireCalls["Senders.Create"].call},
		"created and approved":         {strings.Replace(shownTransaction, "received", "approved", 1), wireCalls["Transactions.CreateAndFund"].call},
		"created and initial":          {strings.Replace(shownTransaction, "received", "initial", 1), wireCalls["Transactions.CreateAndFund"].call},
		"created and canceled":         {strings.Replace(shownTransaction, "received", "canceled", 1), wireCalls["Transactions.CreateAndFund"].call},
		"a debit without to_id":        {`[{"id":"d-1"}]`, wireCalls["Debits.Create"].call},
		"a debit for another":          {`[{"id":"d-1","to_id":"t-2"}]`, wireCalls["Debits.Create"].call},
		"a debit of another amount":    {`[{"id":"d-1","to_id":"t-1","amount":30.51}]`, wireCalls["Debits.Create"].call},
		"a debit of an unclear amount": {`[{"id":"d-1","to_id":"t-1","amount":"30,50"}]`, wireCalls["Debits.Create"].call},
		"a debit in another currency":  {`[{"id":"d-1","to_id":"t-1","currency":"EUR"}]`, wireCalls["Debits.Create"].call},
		"a debit of a recipient":       {`[{"id":"d-1","to_id":"t-1","to_type":"Recipient"}]`, wireCalls["Debits.Create"].call},
		"a debit twice":                {`[{"id":"d-1","to_id":"t-1"},{"id":"d-2","to_id":"t-1"}]`, wireCalls["Debits.CreateMany"].call},
		"a correction of another":      {`{"id":"r-2","state":"pending"}`, wireCalls["Recipients.Update"].call},
		"a cancellation of another":    {`{"id":"r-2","state":"canceled"}`, wireCalls["Recipients.Cancel"].call},
		"a collection of another":      {`{"id":"p-2","state":"pending"}`, wireCalls["PayinMethods.Update"].call},
		"another collection canceled":  {`{"id":"p-2","state":"canceled"}`, wireCalls["PayinMethods.Cancel"].call},
		"another collection retried":   {`{"id":"p-2","state":"pending"}`, wireCalls["PayinMethods.Retry"].call},
		"another transaction paid in":  {`{"id":"t-2","state":"received"}`, wireCalls["Transactions.SandboxPayIn"].call},
		"another transaction paid out": {`{"id":"t-2","state":"paid"}`, wireCalls["Transactions.SandboxPayOut"].call},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newStub(t, func(r request) response {
					if r.Method != "GET" {
						return says(200, `{"object":`+row.body+`}`)
					}
					return says(502, "")
				})
				err := row.call(t.Context(), newClient(t, server))
				require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				assert.Equal(t, 1, len(server.requests())-server.count("GET"))
			})
		})
	}
}

func TestAGetAboutAnotherTransactionSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t, func(r request) response {
			if r.Method == "POST" {
				return says(502, "")
			}
			return says(200, `{"object":{"id":"t-2","state":"received"}}`)
		})
		_, err := newClient(t, server).Debits.Create(t.Context(), validDebit())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Equal(t, 1, server.count("POST"))
	})
}

// What funded the transaction must be the debit that is asked for.
func TestADebitThatExistsIsCompared(t *testing.T) {
	for name, row := range map[string]struct {
		shown string
		is    error
	}{
		"the same":            {`"state":"received","input_amount":30.5,"input_currency":"USD"`, nil},
		"no price":            {`"state":"received"`, nil},
		"another price":       {`"state":"received","input_amount":99`, sdk.ErrReferenceTaken},
		"another currency":    {`"state":"received","input_currency":"EUR"`, sdk.ErrReferenceTaken},
		"an unclear price":    {`"state":"received","input_amount":"30,50"`, sdk.ErrOutcomeUnknown},
		"paid by its sender":  {`"state":"received","payin_methods":[{"id":"p-1","state":"success"}]`, sdk.ErrReferenceTaken},
		"another amount came": {`"state":"mispaid","input_amount":30.5`, sdk.ErrReferenceTaken},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, func(r request) response {
				if r.Method == "POST" {
					return says(422, fundedAlready)
				}
				return says(200, `{"object":{"id":"t-1",`+row.shown+`}}`)
			})
			debit, err := newClient(t, server).Debits.Create(t.Context(), validDebit())
			if row.is != nil {
				require.ErrorIs(t, err, row.is)
				assert.Equal(t, row.is != sdk.ErrOutcomeUnknown, errors.Is(err, sdk.ErrRejected))
				return
			}
			require.NoError(t, err)
			assert.True(t, debit.Existing)
			assert.Equal(t, name == "no price", debit.Unverified)
		})
	}
}

func TestTwoTransactionsWithOneExternalIDSettleNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t, func(r request) response {
			if r.Method == "POST" {
				return says(502, "")
			}
			return list(shownTransaction+","+strings.Replace(shownTransaction, `"t-1"`, `"t-2"`, 1), 0)
		})
		client := newClient(t, server)
		_, err := client.Transactions.Create(t.Context(), validTransaction())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Equal(t, 1, server.count("POST"))
		_, err = client.Transactions.Find(t.Context(), "Transaction:NGN:17523")
		assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
		assert.NotErrorIs(t, err, sdk.ErrNotFound)
	})
}

// An existing transaction that shows no recipients may pay somebody else.
func TestPayFromBalanceDoesNotFundWhatItCannotCompare(t *testing.T) {
	for _, recipients := range []string{``, `,"recipients":[]`, `,"recipients":{}`, `,"recipients":false`, `,"recipients":""`, `,"recipients":[null]`} {
		server := newStub(t, func(r request) response {
			if r.Method == "POST" {
				return says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{"transaction":{"id":"t-1"}}}}`)
			}
			return list(`{"id":"t-1","state":"approved","external_id":"Transaction:NGN:17523"`+recipients+`}`, 0)
		})
		_, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown, recipients)
		assert.Equal(t, 1, server.count("POST"), recipients)
	}
}

// The simulation found it: a debit was paid, its response was lost to the refusal of
// another request, and the transaction was shown as it was before. A refusal that
// shows another object than was sent says nothing of this request.
func TestARefusalOfAnotherRequestSettlesNothing(t *testing.T) {
	const stranger = `{"object":{"external_id":"another","recipients":[],"errors":{"external_id":[{"error":"taken"}]}}}`
	const debit = `{"object":[{"to_id":"t-1","errors":{"amount":[{"error":"Insufficient balance"}]}}]}`
	ours := validTransaction()
	pay := func(ctx context.Context, c *bitpesa.Client) error {
		_, err := c.Debits.Create(ctx, bitpesa.DebitParams{ToID: "t-1"})
		return err
	}
	create := func(ctx context.Context, c *bitpesa.Client) error {
		_, err := c.Transactions.Create(ctx, ours)
		return err
	}
	for name, row := range map[string]struct {
		call     func(context.Context, *bitpesa.Client) error
		response string
		rejected bool
	}{
		"a transaction's, for a debit":             {pay, stranger, false},
		"another debit's":                          {pay, strings.Replace(debit, "t-1", "t-2", 1), false},
		"its own debit's":                          {pay, debit, true},
		"a debit's that shows nothing":             {pay, `{"object":{"errors":{"base":["Insufficient balance"]}}}`, true},
		"a debit's, for a transaction":             {create, debit, false},
		"another transaction's":                    {create, strings.Replace(stranger, "taken", "invalid", 1), false},
		"its own":                                  {create, strings.NewReplacer("another", ours.ExternalID, "taken", "invalid").Replace(stranger), true},
		"its own, which shows nothing of its name": {create, `{"object":{"errors":{"recipients":["blank"]}}}`, true},
		"its own, of its documents":                {create, `{"object":{"errors":{"documents":[{"error":"blank"}]}}}`, true},
		"its own, of a field that nobody lists":    {create, `{"object":{"external_id":"OURS","errors":{"purpose_code":[{"error":"blank"}]}}}`, true},
		"its own, in a meta beside it":             {create, `{"object":{"external_id":"OURS","recipients":[]},"meta":{"error":"Corridor is closed"}}`, true},
		"another's, of a field that nobody lists":  {create, `{"object":{"external_id":"another","errors":{"purpose_code":[{"error":"blank"}]}}}`, false},
		"nobody's, of a field that nobody lists":   {create, `{"object":{"external_id":null,"errors":{"purpose_code":[{"error":"blank"}]}}}`, false},
		"a number's":                               {create, `{"object":{"external_id":17,"errors":{"purpose_code":[{"error":"blank"}]}}}`, false},
		"a sender's of the same name":              {create, `{"object":{"external_id":"OURS","first_name":"x","errors":{"city":[{"error":"blank"}]}}}`, false},
		"its own debit's, of such a field":         {pay, `{"object":[{"to_id":"T-1","errors":{"funding_source":[{"error":"blank"}]}}]}`, true},
		"its own debit's, alone":                   {pay, `{"object":{"to_id":"t-1","errors":{"funding_source":[{"error":"blank"}]}}}`, true},
		"a debit's beside a nameless one":          {pay, `{"object":[{"to_id":"t-1"},{"errors":{"funding_source":[{"error":"blank"}]}}]}`, false},
		"another debit's, of such a field":         {pay, `{"object":[{"to_id":"t-2","errors":{"funding_source":[{"error":"blank"}]}}]}`, false},
		"no debit's, of such a field":              {pay, `{"object":[],"errors":{"funding_source":[{"error":"blank"}]}}`, false},
		"its own, deep inside":                     {create, `{"object":{"sender":{"errors":{"city":["blank"]}}}}`, true},
		"its own debit's amount, in a list":        {pay, `{"object":[{"errors":{"currency":["invalid"]}}]}`, true},
		"a sender's, which shows nothing":          {create, `{"object":{"errors":{"city":["blank"]}}}`, false},
		"a sender's, for a debit":                  {pay, `{"object":[{"errors":{"city":["blank"]}}]}`, false},
		"an account validation's":                  {create, `{"object":{},"meta":{"error":"Account Invalid"}}`, false},
		"of another status":                        {create, `{"object":{"errors":{"recipients":["blank"]}},"status":400}`, false},
		"of its own status":                        {create, `{"object":{"errors":{"recipients":["blank"]}},"status":422}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newStub(t, func(r request) response {
					switch {
					case r.Method == "POST":
						return says(422, strings.ReplaceAll(row.response, "OURS", ours.ExternalID))
					case strings.HasSuffix(r.URI, "/t-1"):
						return says(200, `{"object":{"id":"t-1","state":"approved"}}`)
					}
					return list("", 0)
				})
				want := error(sdk.ErrOutcomeUnknown)
				if row.rejected {
					want = sdk.ErrRejected
				}
				require.ErrorIs(t, row.call(t.Context(), newClient(t, server)), want)
			})
		})
	}
}

// A DELETE may be accepted without a body, and a canceled recipient shown without id.
func TestADeleteIsAcceptedWithoutABodyOrAnID(t *testing.T) {
	for _, answer := range []response{says(200, ""), says(202, ""), says(204, ""), says(200, "\r\n"), says(200, `{"object":{"state":"canceled"}}`), says(200, `{"object":{"id":null,"state":"canceled"}}`)} {
		client := newClient(t, newStub(t, always(answer)))
		recipient, err := client.Recipients.Cancel(t.Context(), "r-1")
		require.NoError(t, err, answer)
		assert.Equal(t, "r-1", recipient.ID)
		payin, err := client.PayinMethods.Cancel(t.Context(), "p-1")
		require.NoError(t, err, answer)
		assert.Equal(t, "p-1", payin.ID)
		sender, err := client.Senders.Delete(t.Context(), "s-1")
		require.NoError(t, err, answer)
		assert.Equal(t, "s-1", sender.ID)
		method, err := client.PayoutMethods.Delete(t.Context(), "m-1")
		require.NoError(t, err, answer)
		assert.Equal(t, "m-1", method.ID)
		hook, err := client.Webhooks.Delete(t.Context(), "w-1")
		require.NoError(t, err, answer)
		assert.Equal(t, "w-1", hook.ID)
	}
	_, err := newClient(t, newStub(t, always(says(200, "")))).Recipients.Update(t.Context(), "r-1", newAccount)
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "a PATCH is not")
}

// JSON without an object is no answer that BitPesa documents for a DELETE: it may be
// anybody's.
func TestADeleteIsNotBelievedWithoutItsObject(t *testing.T) {
	for _, body := range []string{`{}`, `{"object":null}`, `{"status":"ok"}`} {
		client := newClient(t, newStub(t, always(says(200, body))))
		for name, err := range map[string]error{
			"recipient": fails(client.Recipients.Cancel(t.Context(), "r-1")), "payin method": fails(client.PayinMethods.Cancel(t.Context(), "p-1")),
			"sender": fails(client.Senders.Delete(t.Context(), "s-1")), "payout method": fails(client.PayoutMethods.Delete(t.Context(), "m-1")),
			"webhook": fails(client.Webhooks.Delete(t.Context(), "w-1")),
		} {
			require.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s: %s", name, body)
			assert.Equal(t, sdk.Look, sdk.Advise(err), name)
		}
	}
}

// A refusal of a first call may be due to an earlier process.
func TestTheSameCallAgainAfterACrash(t *testing.T) {
	for _, write := range writes {
		if write.class != referenced {
			continue
		}
		t.Run(write.op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				call, costs := write.prepare(t, w)
				before := w.spent()
				require.NoError(t, call(t.Context()))
				fresh, err := bitpesa.New(w.config)
				require.NoError(t, err)
				*w.client = *fresh
				require.NoError(t, call(t.Context()), "the same again")
				assert.True(t, costs.Equal(w.spent().Sub(before)))
			})
		})
	}
}

func TestAResultSaysWhetherItExistedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		id := w.sender(t)
		waiting, err := w.client.Transactions.Create(ctx, w.params("payout-0", id, paidAccount))
		require.NoError(t, err)
		second, err := w.client.Transactions.Create(ctx, w.params("payout-4", id, paidAccount))
		require.NoError(t, err)
		third, err := w.client.Transactions.Create(ctx, w.params("payout-5", id, paidAccount2))
		require.NoError(t, err)
		for name, call := range map[string]func() (existing bool, err error){
			"debits": func() (bool, error) {
				debits, err := w.client.Debits.CreateMany(ctx, []bitpesa.DebitParams{{ToID: second.ID}, {ToID: third.ID}})
				if err == nil {
					assert.Len(t, debits, 2)
					assert.Equal(t, debits[0].Existing, debits[1].Existing)
				}
				return err == nil && debits[0].Existing, err
			},
			"sender": func() (bool, error) {
				p := validSender()
				p.ExternalID = "sender-2"
				s, err := w.client.Senders.Create(ctx, p)
				return s != nil && s.Existing, err
			},
			"create": func() (bool, error) {
				made, err := w.client.Transactions.Create(ctx, w.params("payout-1", id, paidAccount, paidAccount2))
				return made != nil && made.Existing && !made.Unverified, err
			},
			"create and fund": func() (bool, error) {
				made, err := w.client.Transactions.CreateAndFund(ctx, w.params("payout-2", id, paidAccount))
				return made != nil && made.Existing && !made.Unverified, err
			},
			"pay": func() (bool, error) {
				made, err := w.client.Transactions.PayFromBalance(ctx, w.params("payout-3", id, paidAccount))
				return made != nil && made.Existing && !made.Unverified, err
			},
			"debit": func() (bool, error) {
				debit, err := w.client.Debits.Create(ctx, bitpesa.DebitParams{ToID: waiting.ID, Amount: waiting.InputAmount, Currency: "USD"})
				return debit != nil && debit.Existing && !debit.Unverified, err
			},
		} {
			existing, err := call()
			require.NoError(t, err, name)
			assert.False(t, existing, name)
			existing, err = call()
			require.NoError(t, err, name)
			assert.True(t, existing, name)
			require.NoError(t, w.AddFault(fake.Fault{Method: "POST", Kind: fake.FaultDropBefore, Times: 1}))
			existing, err = call()
			require.NoError(t, err, name)
			assert.False(t, existing, "%s: an attempt of the call was open", name)
		}
	})
}

// held keeps the first write back, tells the client that the connection broke, and
// delivers the write when asked to.
type held struct {
	next http.RoundTripper
	mu   sync.Mutex
	req  *http.Request
	off  bool
}

func (h *held) RoundTrip(req *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if req.Method == http.MethodGet || h.off || h.req != nil {
		return h.next.RoundTrip(req)
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	h.req = req.Clone(context.Background())
	h.req.Body = io.NopCloser(bytes.NewReader(body))
	return nil, io.ErrUnexpectedEOF
}

func (h *held) deliver(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.req == nil {
		return
	}
	resp, err := h.next.RoundTrip(h.req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

// Whatever the outcome is, it stays true when the network delivers late.
func TestNoWriteIsDoneTwiceWhenItsFirstRequestComesLate(t *testing.T) {
	faults := map[string]fake.Fault{
		"nothing else": {}, "then a 401": {Kind: fake.FaultStatus, Status: 401, Times: 1}, "then a 429": {Kind: fake.FaultRateLimit, Times: 1},
		"then a 422": {Kind: fake.FaultStatus, Status: 422, Times: 1}, "then a 404": {Kind: fake.FaultStatus, Status: 404, Times: 1}, "then dropped": {Kind: fake.FaultDropAfter, Times: 1},
	}
	rows := map[string]sdk.Operation{}
	for _, op := range bitpesa.Operations() {
		rows[op.Name] = op
	}
	var many clienttest.Quarter
	for name, fault := range faults {
		for _, write := range writes {
			if many.LeavesOut() {
				continue
			}
			t.Run(name+"/"+write.op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &held{off: true}
					w := newWorld(t, func(c *bitpesa.Config) {
						h.next = c.HTTPClient.Transport
						c.HTTPClient = &http.Client{Transport: h}
					})
					call, costs := write.prepare(t, w)
					row := rows[write.op]
					if fault.Kind != "" {
						fault.Method, fault.Path = row.Method, strings.TrimPrefix(strings.ReplaceAll(row.Path, "{id}", "*"), "/v1")
						require.NoError(t, w.AddFault(fault))
					}
					before, spent := w.executed(row), w.spent()
					h.mu.Lock()
					h.off = false
					h.mu.Unlock()
					err := call(t.Context())
					w.ClearFaults()
					h.deliver(t)
					time.Sleep(time.Minute)
					synctest.Wait()
					works := w.executed(row) - before
					if errors.Is(err, sdk.ErrNotSent) || errors.Is(err, sdk.ErrRejected) {
						t.Errorf("the first request is open, and yet: %v", err)
					}
					assert.LessOrEqual(t, works, 1)
					if err == nil {
						assert.Equal(t, 1, works)
					}
					if taken := w.spent().Sub(spent); write.class == referenced && taken.GreaterThan(decimal.Zero) {
						assert.True(t, costs.Equal(taken), taken.String())
					}
					assert.NoError(t, w.CheckLedger())
				})
			})
		}
	}
}

// References that differ by white space at their ends are one to many servers.
func TestReferencesWithOddEndsAreRefused(t *testing.T) {
	server := newStub(t, always(says(200, "{}")))
	client := newClient(t, server)
	for _, odd := range []string{" a", "a ", "a\u00a0", "a\u0085", "\u2028a", "a\u3000", "a\x1c", "a\x1f", "a\n", "\ufeff\xff", "a\xffb"} {
		for name, call := range map[string]func() error{
			"external_id": func() error {
				p := validTransaction()
				p.ExternalID = odd
				return fails(client.Transactions.PayFromBalance(t.Context(), p))
			},
			"external_id of a creation": func() error {
				p := validTransaction()
				p.ExternalID = odd
				return fails(client.Transactions.CreateAndFund(t.Context(), p))
			},
			"external_id of a transaction to fund": func() error {
				p := validTransaction()
				p.ExternalID = odd
				return fails(client.Transactions.Create(t.Context(), p))
			},
			"sender.external_id": func() error {
				p := validTransaction()
				p.Sender = bitpesa.SenderParams{ExternalID: odd}
				return fails(client.Transactions.Create(t.Context(), p))
			},
			"sender.id": func() error {
				p := validTransaction()
				p.Sender = bitpesa.SenderParams{ID: odd}
				return fails(client.Transactions.Create(t.Context(), p))
			},
			"external_id of a sender": func() error {
				p := validSender()
				p.ExternalID = odd
				return fails(client.Senders.Create(t.Context(), p))
			},
			"external_id to find": func() error { return fails(client.Transactions.Find(t.Context(), odd)) },
			"to_id":               func() error { return fails(client.Debits.Create(t.Context(), bitpesa.DebitParams{ToID: odd})) },
			"id":                  func() error { return fails(client.Recipients.Cancel(t.Context(), odd)) },
			"recipients.0.payout_method.id": func() error {
				p := validTransaction()
				p.Recipients[0].PayoutMethod = bitpesa.PayoutMethodParams{ID: odd}
				return fails(client.Transactions.Create(t.Context(), p))
			},
		} {
			err := call()
			require.ErrorIs(t, err, sdk.ErrNotSent, "%s %q", name, odd)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			field, _, _ := strings.Cut(name, " ")
			assert.Contains(t, e.Fields, field, "%q", odd)
		}
	}
	for field, call := range map[string]func() error{
		"payout_method.details.note": func() error {
			u := bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{Extra: map[string]any{"note": "\xff"}}}}
			return fails(client.Recipients.Update(t.Context(), "r-1", u))
		},
		"recipients.0.payout_method.details.note": func() error {
			p := validTransaction()
			p.Recipients[0].PayoutMethod.Details.Extra = map[string]any{"note": "\xff"}
			return fails(client.Transactions.Create(t.Context(), p))
		},
		"sender.city": func() error {
			p := validTransaction()
			p.Sender = validSender()
			p.Sender.City = "Kigali\xff"
			err := fails(client.Transactions.Create(t.Context(), p))
			var e *sdk.Error
			if errors.As(err, &e) {
				e.Fields["sender.city"] = e.Fields["transaction.sender.city"]
			}
			return err
		},
	} {
		err := call()
		require.ErrorIs(t, err, sdk.ErrValidation, field)
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.NotEmpty(t, e.Fields[field], "%v", e.Fields)
	}
	assert.Empty(t, server.requests())
}

func TestAPhoneNumberIsComparedHoweverItIsWritten(t *testing.T) {
	for _, asked := range []string{"+233302123456", "00233 30 212 3456", "\u200e+233\u00a030\u00a0212\u00a03456", "0302123456"} {
		for shown, same := range map[string]bool{"+233302123456": true, "0302123456": true, "+233\u00a0302123456": true, "********3456": true, "+233302123457": false, "+233\u00a0302123457": false, "********3457": false} {
			p := validTransaction()
			p.Recipients[0].PayoutMethod = bitpesa.PayoutMethodParams{Type: bitpesa.GHSMobile, Details: bitpesa.PayoutDetails{FirstName: "Ama", LastName: "B", PhoneNumber: asked}}
			client := newClient(t, newStub(t, func(r request) response {
				if r.Method == "POST" {
					return says(422, `{"object":{"errors":{"external_id":[{"error":"taken"}]}}}`)
				}
				return list(`{"id":"t-1","state":"approved","external_id":"`+p.ExternalID+`","recipients":[{"id":"r-1","state":"initial","requested_amount":10000,`+
					`"payout_method":{"id":"m-1","details":{"phone_number":"`+shown+`"}}}]}`, 0)
			}))
			err := fails(client.Transactions.Create(t.Context(), p))
			if same {
				assert.NoError(t, err, "%q and %q", asked, shown)
			} else {
				assert.ErrorIs(t, err, sdk.ErrReferenceTaken, "%q and %q", asked, shown)
			}
		}
	}
}
