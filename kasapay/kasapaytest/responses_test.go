package kasapaytest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestFreshPayout(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	accepted := m.accepted(object{"amount": "10"})
	assert.Equal(t, "ref-1", accepted["payout_reference"])
	response := m.status("ref-1")
	assert.Empty(t, response["payment_reference"])
	assert.Equal(t, "10.00", response["amount"])
	assert.Equal(t, "paybill", response["destination"])
	assert.Equal(t, "5656", response["account_number"])
	assert.Equal(t, "2026-04-03T09:00:00.000Z", response["transaction_time"])
	m.Advance(time.Minute)
	assert.Equal(t, "2026-04-03T09:00:00.000Z", m.status("ref-1")["transaction_time"])
}

func TestStatusByEitherReference(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{MintReferences: true})
	returned := m.accepted(nil)["payout_reference"].(string)
	assert.NotEqual(t, "ref-1", returned)
	assert.Equal(t, m.status("ref-1"), m.status(returned))
	assert.Equal(t, "ref-1", m.status(returned)["payout_reference"])
	p, known := m.Payout(returned)
	assert.True(t, known)
	assert.Equal(t, "ref-1", p.Reference)
}

func TestUnknownReference(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{})
	m.accepted(nil)
	for _, reference := range []string{"none", "REF-1", "ref-1%20"} {
		status, response := m.call(http.MethodGet, "/v1/payouts/b2b/"+reference+"/status", nil)
		assert.Equal(t, http.StatusNotFound, status)
		assert.Equal(t, object{"statusCode": json.Number("404"), "message": "Invalid Payout Reference", "error": "Not Found"}, response)
	}
}

// References that need escaping in a path are found all the same.
func TestStatusOfAnOddReference(t *testing.T) {
	t.Parallel()
	for reference, escaped := range map[string]string{"a/b": "a%2Fb", "..": "%2E%2E", "x y?": "x%20y%3F", "a//b": "a%2F%2Fb", "é%": "%C3%A9%25"} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"payout_reference": reference})
		assert.Equal(t, reference, m.status(escaped)["payout_reference"])
	}
}

// Each quirk changes what it says and nothing else.
func TestQuirks(t *testing.T) {
	t.Parallel()
	bank := object{"recipient_type": "BANK_ACCOUNT_NUMBER", "recipient_account_number": "0829212345849"}
	for name, tc := range map[string]struct {
		quirks        kasapaytest.Quirks
		fresh, paid   string   // what differs
		absent, freed []string // what is not there: fresh and paid; fresh only
	}{
		"none":               {},
		"numbers as strings": {quirks: kasapaytest.Quirks{NumbersAsStrings: true}, fresh: `{"payment_status":"703"}`, paid: `{"payment_status":"700"}`},
		"amounts as numbers": {quirks: kasapaytest.Quirks{AmountsAsNumbers: true}, fresh: `{"amount":100,"account_balance":999900}`, paid: `{"amount":100,"account_balance":999900}`},
		"nulls": {
			quirks: kasapaytest.Quirks{Nulls: true},
			fresh:  `{"payment_reference":null,"wallet_account":null,"destination_name":null,"description":null}`,
			paid:   `{"wallet_account":null,"destination_name":null,"description":null}`,
		},
		"missing keys": {
			quirks: kasapaytest.Quirks{OmitOptional: true},
			absent: []string{"wallet_account", "destination_name", "description", "result_description", "account_balance"},
			freed:  []string{"payment_reference"},
		},
		"extra keys": {
			quirks: kasapaytest.Quirks{ExtraKeys: true},
			fresh:  `{"event":"pending_payment","client_code":"TEST","service_code":"12346","payment_account_reference":"0101","receiver_narration":null,"extra_data":{},"event_history":[]}`,
			paid:   `{"event":"payment","client_code":"TEST","service_code":"12346","payment_account_reference":"0101","receiver_narration":null,"extra_data":{},"event_history":[]}`,
		},
		"destination": {
			quirks: kasapaytest.Quirks{DestinationAsRequested: true}, fresh: `{"destination":"BANK_ACCOUNT_NUMBER"}`, paid: `{"destination":"BANK_ACCOUNT_NUMBER"}`,
		},
		"masked": {
			quirks: kasapaytest.Quirks{MaskAccountNumbers: true}, fresh: `{"account_number":"08292*****849"}`, paid: `{"account_number":"08292*****849"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, quirky := newMerchant(t, kasapaytest.Config{}), newMerchant(t, kasapaytest.Config{Quirks: tc.quirks})
			_, want := plain.initiate(bank)
			_, got := quirky.initiate(bank)
			if tc.quirks.NumbersAsStrings {
				want["response_code"] = "720"
			}
			assert.Equal(t, want, got)
			for _, step := range []struct {
				diff   string
				absent []string
			}{{tc.fresh, append(tc.freed, tc.absent...)}, {tc.paid, tc.absent}} {
				want, got := plain.status("ref-1"), quirky.status("ref-1")
				if step.diff != "" {
					maps.Copy(want, parse(t, step.diff))
				}
				for _, key := range step.absent {
					delete(want, key)
				}
				assert.Equal(t, want, got)
				plain.Advance(10 * time.Second)
				quirky.Advance(10 * time.Second)
			}
			if len(quirky.callbacks()) == 1 {
				assert.Equal(t, quirky.status("ref-1"), quirky.callbacks()[0])
			} else {
				assert.Len(t, quirky.callbacks(), 1)
			}
		})
	}
}

func TestNumbersAsStringsReachErrors(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{NumbersAsStrings: true}})
	_, response := m.initiate(object{"service_code": "x"})
	assert.Equal(t, "721", response["response_code"])
	_, response = m.initiate(object{"amount": "x"})
	assert.Equal(t, "400", response["statusCode"])
}

func TestMaskedAccountNumbers(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"0829212345849": "08292*****849", "123456789": "12345*789", "12345678": "*******8", "5656": "***6", "7": "7",
	} {
		m := newMerchant(t, kasapaytest.Config{Quirks: kasapaytest.Quirks{MaskAccountNumbers: true}})
		m.accepted(object{"recipient_account_number": number})
		assert.Equal(t, want, m.status("ref-1")["account_number"])
	}
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"PAYBILL": "paybill", "TILL": "till", "BANK_ACCOUNT_NUMBER": "bank_account"} {
		m := newMerchant(t, kasapaytest.Config{})
		m.accepted(object{"recipient_type": kind})
		assert.Equal(t, want, m.status("ref-1")["destination"])
	}
}

// The requests of the document's samples are carried out and the responses have
// the shape of its sample responses: the same keys, values of the same kind.
func TestResponsesHaveTheShapeOfTheDocumentsSamples(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kasapaytest.Config{
		ConsumerKey: "your_consumer_key", ConsumerSecret: "your_consumer_secret",
		ServiceCodes: []string{"12346"}, MintReferences: true,
		Balances: map[string]decimal.Decimal{"KES": decimal.NewFromInt(200)},
		Quirks:   kasapaytest.Quirks{AnyMethod: true}, // the sample's method is not that of the document's table
	})

	status, auth := m.call(http.MethodPost, "/v1/auth", sample(t, "auth_request_example"))
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, faketest.Shape(sample(t, "auth")), faketest.Shape(auth))
	assert.Equal(t, sample(t, "auth")["expiresIn"], auth["expiresIn"])
	m.token = auth["access_token"].(string)

	status, refused := m.call(http.MethodPost, "/v1/auth", sample(t, "auth_request"))
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, sample(t, "auth_refused"), refused)

	status, refused = m.call(http.MethodPost, initiatePath, sample(t, "initiate_request_paybill"))
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, sample(t, "initiate_refused"), refused, "its service code is a placeholder")

	status, accepted := m.call(http.MethodPost, initiatePath, sample(t, "initiate_request_bank"))
	assert.Equal(t, http.StatusOK, status)
	want := sample(t, "initiate_accepted")
	assert.Equal(t, faketest.Shape(want), faketest.Shape(accepted))
	assert.Equal(t, want["response_code"], accepted["response_code"])
	assert.Equal(t, want["response_description"], accepted["response_description"])
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, accepted["payout_reference"])

	m.Advance(10 * time.Second)
	require.Len(t, m.callbacks(), 1)
	for name, got := range map[string]object{"callback": m.callbacks()[0], "status": m.status("ms83-367839")} {
		want := sample(t, name)
		assert.Equal(t, faketest.Shape(want), faketest.Shape(got), name)
		for _, drawn := range []string{"payment_reference", "transaction_time"} {
			delete(want, drawn)
			delete(got, drawn)
		}
		assert.Equal(t, want, got, name)
	}
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, m.callbacks()[0]["transaction_time"])
	assert.Regexp(t, `^[A-Z0-9]{10}$`, m.callbacks()[0]["payment_reference"])
}

func TestTheDestinationIsThatOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ bank, kind, destination, name string }{
		{"", "PAYBILL", "paybill", "Test Limited"}, {"", "TILL", "till", "Test Limited"}, {"", "BANK_ACCOUNT_NUMBER", "bank_account", "BANKX"},
		{"Benki Ltd", "TILL", "till", "Test Limited"}, {"Benki Ltd", "BANK_ACCOUNT_NUMBER", "bank_account", "Benki Ltd"},
	} {
		m := newMerchant(t, kasapaytest.Config{BankName: tc.bank})
		m.accepted(object{"recipient_type": tc.kind})
		m.Advance(10 * time.Second)
		for _, shown := range []object{m.status("ref-1"), m.callbacks()[0]} {
			assert.Equal(t, tc.destination, shown["destination"], tc)
			assert.Equal(t, tc.name, shown["destination_name"], tc)
		}
	}
}

// The client sees the same payout through every quirk of the fake.
func TestClientSeesThroughEveryQuirk(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]kasapaytest.Config{
		"none":               {},
		"own references":     {MintReferences: true},
		"201":                {Quirks: kasapaytest.Quirks{CreatedStatus: true}},
		"200 with 721":       {Quirks: kasapaytest.Quirks{RefusalStatus: 200}},
		"duplicate as 409":   {Quirks: kasapaytest.Quirks{DuplicateStatus: 409}},
		"unknown as 400":     {Quirks: kasapaytest.Quirks{NotFoundStatus: 400}},
		"expires_in":         {Quirks: kasapaytest.Quirks{SnakeCaseExpiry: true}},
		"no lifetime":        {Quirks: kasapaytest.Quirks{OmitExpiry: true}, Options: fake.Options{Start: time.Now()}},
		"numbers as strings": {Quirks: kasapaytest.Quirks{NumbersAsStrings: true}},
		"amounts as numbers": {Quirks: kasapaytest.Quirks{AmountsAsNumbers: true}},
		"nulls":              {Quirks: kasapaytest.Quirks{Nulls: true}},
		"missing keys":       {Quirks: kasapaytest.Quirks{OmitOptional: true}},
		"extra keys":         {Quirks: kasapaytest.Quirks{ExtraKeys: true}},
		"destination":        {Quirks: kasapaytest.Quirks{DestinationAsRequested: true}},
		"masked":             {Quirks: kasapaytest.Quirks{MaskAccountNumbers: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kasapaytest.NewServer(t, cfg)
			client, err := kasapay.New(srv.ClientConfig())
			require.NoError(t, err)
			params := kasapay.CreatePayoutParams{
				Reference: "ref-1", RecipientType: kasapay.BankAccount, RecipientAccountNumber: "0829212345849", RecipientName: "Test Limited",
				AccountReference: "0101", Amount: decimal.NewFromInt(250), Currency: "KES", Country: "KEN",
				Description: "Invoice", CallbackURL: "http://127.0.0.1:1/nobody",
			}
			p, err := client.Payouts.Create(t.Context(), params)
			require.NoError(t, err)
			want := kasapay.StatusAccepted
			if cfg.MintReferences { // then the acceptance is confirmed by a status
				want = kasapay.StatusPending
			}
			assert.Equal(t, want, p.Status)
			assert.Equal(t, "ref-1", p.Reference)
			assert.Equal(t, cfg.MintReferences, p.GatewayReference != "ref-1")

			p, err = client.Payouts.Find(t.Context(), "ref-1")
			require.NoError(t, err)
			assert.Equal(t, kasapay.StatusPending, p.Status)
			assert.Empty(t, p.Receipt)

			srv.Advance(10 * time.Second)
			p, err = client.Payouts.Wait(t.Context(), "ref-1")
			require.NoError(t, err)
			assert.Equal(t, kasapay.StatusProcessed, p.Status)
			assert.True(t, p.Amount.Valid && p.Amount.Decimal.Equal(params.Amount))
			assert.Equal(t, kasapay.BankAccount, p.Destination)
			assert.NotEmpty(t, p.Receipt)
			assert.Equal(t, !cfg.Quirks.OmitOptional, p.FloatBalance.Valid)

			p, err = client.Payouts.Create(t.Context(), params)
			require.NoError(t, err)
			assert.True(t, p.Existing, "a duplicate is the payout that was made")
			params.Reference, params.ServiceCode = "ref-2", "unknown"
			_, err = client.Payouts.Create(t.Context(), params)
			var refused *sdk.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, sdk.Rejected, refused.Outcome)
			_, err = client.Payouts.Find(t.Context(), "none")
			require.ErrorIs(t, err, sdk.ErrNotFound)
			assert.True(t, srv.Balance("KES").Equal(decimal.NewFromInt(999_750)))
			assert.Len(t, srv.Payouts(), 1)
		})
	}
}
