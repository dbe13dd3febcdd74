package kasapay_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestBadParametersAreRefusedAllAtOnceBeforeTheNetwork(t *testing.T) {
	client, s := newClient(t, []step{respond(200, accepted)}, func(c *kasapay.Config) { c.ServiceCode = "" })
	_, err := client.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{})
	require.ErrorIs(t, err, sdk.ErrValidation)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, map[string][]string{
		"payout_reference": {"is required"}, "service_code": {"is required"}, "payment_account_reference": {"is required"},
		"recipient_name": {"is required"}, "recipient_type": {"must be PAYBILL, TILL or BANK_ACCOUNT_NUMBER"},
		"recipient_account_number": {"is required"}, "amount": {"must be greater than zero"}, "payment_description": {"is required"},
		"currency_code": {"must be a currency code of ISO 4217, such as KES"}, "country_code": {"must be a country code of ISO 3166-1 alpha-3, such as KEN"}, "callback_url": {"is required: set it, or Config.CallbackURL"},
	}, e.Fields)
	assert.Empty(t, s.Requests(), "not even a login")
}

func TestOneBadParameterIsEnough(t *testing.T) {
	for name, tc := range map[string]struct {
		field  string
		change func(*kasapay.CreatePayoutParams)
	}{
		"a dot segment as reference": {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = ".." }},
		"a space after a reference":  {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms83-1 " }},
		"a line break in it":         {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms\n83" }},
		"a kind nobody knows":        {"recipient_type", func(p *kasapay.CreatePayoutParams) { p.RecipientType = "MOBILE" }},
		"a kind in lower case":       {"recipient_type", func(p *kasapay.CreatePayoutParams) { p.RecipientType = "paybill" }},
		"nothing":                    {"amount", func(p *kasapay.CreatePayoutParams) { p.Amount = decimal.Zero }},
		"less than nothing":          {"amount", func(p *kasapay.CreatePayoutParams) { p.Amount = decimal.NewFromInt(-10) }},
		"a third decimal":            {"amount", func(p *kasapay.CreatePayoutParams) { p.Amount = decimal.RequireFromString("10.005") }},
		"an exponent bomb":           {"amount", func(p *kasapay.CreatePayoutParams) { p.Amount = decimal.New(1, 2147483647) }},
		"a currency in lower case":   {"currency_code", func(p *kasapay.CreatePayoutParams) { p.Currency = "kes" }},
		"a country of two letters":   {"country_code", func(p *kasapay.CreatePayoutParams) { p.Country = "KE" }},
		"a currency no list has":     {"currency_code", func(p *kasapay.CreatePayoutParams) { p.Currency = "KSH" }},
		"no currency":                {"currency_code", func(p *kasapay.CreatePayoutParams) { p.Currency = "XXX" }},
		"a country for a currency":   {"currency_code", func(p *kasapay.CreatePayoutParams) { p.Currency = "KEN" }},
		"a country no list has":      {"country_code", func(p *kasapay.CreatePayoutParams) { p.Country = "XKX" }},
		"a currency for a country":   {"country_code", func(p *kasapay.CreatePayoutParams) { p.Country = "KES" }},
		"BANK to a paybill":          {"payment_method", func(p *kasapay.CreatePayoutParams) { p.Method = kasapay.MethodBank }},
		"BANK to a till": {"payment_method", func(p *kasapay.CreatePayoutParams) {
			p.Method, p.RecipientType = kasapay.MethodBank, kasapay.Till
		}},
		"MPESA_B2B to a bank": {"payment_method", func(p *kasapay.CreatePayoutParams) {
			p.Method, p.RecipientType = kasapay.MethodMpesaB2B, kasapay.BankAccount
		}},
		"no UTF-8 in a name":        {"recipient_name", func(p *kasapay.CreatePayoutParams) { p.RecipientName = "T\xff" }},
		"no UTF-8 in a description": {"payment_description", func(p *kasapay.CreatePayoutParams) { p.Description = "\xed\xa0\x80" }},
		"no UTF-8 in an account":    {"recipient_account_number", func(p *kasapay.CreatePayoutParams) { p.RecipientAccountNumber = "56\xc3" }},
		"NBSP after a reference":    {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms83-1\u00a0" }},
		"U+0085 before a reference": {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "\u0085ms83-1" }},
		"U+3000 after a reference":  {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms83-1\u3000" }},
		"U+2028 after a reference":  {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms83-1\u2028" }},
		"0x1c after a reference":    {"payout_reference", func(p *kasapay.CreatePayoutParams) { p.Reference = "ms83-1\x1c" }},
		"a relative callback URL":   {"callback_url", func(p *kasapay.CreatePayoutParams) { p.CallbackURL = "/kasapay" }},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{respond(200, accepted)})
			p := validPayout()
			tc.change(&p)
			_, err := client.Payouts.Create(t.Context(), p)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, sdk.NotSent, e.Outcome)
			assert.Len(t, e.Fields, 1)
			assert.Contains(t, e.Fields, tc.field)
			assert.Empty(t, s.Requests())
		})
	}
}

// wireBody is what Create put on the wire.
func wireBody(t *testing.T, p kasapay.CreatePayoutParams, change ...func(*kasapay.Config)) map[string]string {
	t.Helper()
	client, s := newClient(t, []step{respond(200, accepted)}, change...)
	_, err := client.Payouts.Create(t.Context(), p)
	require.NoError(t, err)
	var body map[string]string // all twelve are strings
	require.NoError(t, json.Unmarshal([]byte(s.Requests()[1].Body), &body))
	assert.Len(t, body, 12)
	return body
}

func TestAmountsAreTextWithTwoDecimals(t *testing.T) {
	for amount, want := range map[string]string{
		"10": "10.00", "10.5": "10.50", "0.01": "0.01", "100.00": "100.00", "10.000": "10.00", "1e3": "1000.00", "123456789012345678.91": "123456789012345678.91",
	} {
		p := validPayout()
		p.Amount = decimal.RequireFromString(amount)
		assert.Equal(t, want, wireBody(t, p)["amount"])
	}
}

func TestTheMethodFollowsTheKindUnlessItIsGiven(t *testing.T) {
	for kind, method := range map[kasapay.RecipientType]string{kasapay.Paybill: "MPESA_B2B", kasapay.Till: "MPESA_B2B", kasapay.BankAccount: "BANK"} {
		p := validPayout()
		p.RecipientType = kind
		body := wireBody(t, p)
		assert.Equal(t, method, body["payment_method"])
		assert.Equal(t, string(kind), body["recipient_type"])
		for _, given := range []kasapay.PaymentMethod{"PESALINK", kasapay.PaymentMethod(method)} {
			p.Method = given
			assert.Equal(t, string(given), wireBody(t, p)["payment_method"])
		}
		for _, given := range []kasapay.PaymentMethod{kasapay.MethodMpesaB2B, kasapay.MethodBank} {
			p.Method = given
			body := wireBody(t, p, func(c *kasapay.Config) { c.AnyMethod = true })
			assert.Equal(t, string(given), body["payment_method"])
		}
	}
}

func TestTheServiceCodeOfTheCallGoesFirst(t *testing.T) {
	p := validPayout()
	assert.Equal(t, "12346", wireBody(t, p)["service_code"])
	p.ServiceCode = "PREPAY240"
	assert.Equal(t, "PREPAY240", wireBody(t, p)["service_code"])
}

func TestCallbackURLsAreMintedForThePayoutWhenNoneIsGiven(t *testing.T) {
	var asked []string
	minter := func(c *kasapay.Config) {
		c.CallbackURL = func(reference string, amount decimal.Decimal, currency string) (string, error) {
			asked = append(asked, reference+" "+amount.String()+" "+currency)
			return "https://shop.example/kasapay/cap-" + reference, nil
		}
	}
	p := validPayout()
	assert.Equal(t, "https://shop.example/kasapay", wireBody(t, p, minter)["callback_url"], "a given URL goes first")
	assert.Empty(t, asked)
	p.CallbackURL = ""
	assert.Equal(t, "https://shop.example/kasapay/cap-ms83-1", wireBody(t, p, minter)["callback_url"])
	assert.Equal(t, []string{"ms83-1 100 KES"}, asked)
}

func TestAPayoutWhoseCallbackURLCannotBeMintedIsNotSent(t *testing.T) {
	for name, tc := range map[string]struct {
		url   string
		err   error
		fault string
	}{
		"the minter fails":          {"", errors.New("no key"), "cannot be made: no key"},
		"the minter makes nothing":  {"", nil, "is required"},
		"the minter makes nonsense": {"cap", nil, "must be an absolute http or https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{respond(200, accepted)}, func(c *kasapay.Config) {
				c.CallbackURL = func(string, decimal.Decimal, string) (string, error) { return tc.url, tc.err }
			})
			p := validPayout()
			p.CallbackURL = ""
			_, err := client.Payouts.Create(t.Context(), p)
			require.ErrorIs(t, err, sdk.ErrNotSent)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, map[string][]string{"callback_url": {tc.fault}}, e.Fields)
			assert.Empty(t, s.Requests())
		})
	}
}

func TestStatusesSayWhetherTheyEndAPayout(t *testing.T) {
	for status, want := range map[kasapay.PaymentStatus]struct{ final, reversal bool }{
		"700": {true, false}, "701": {true, false}, "702": {true, true}, "705": {true, true},
		"703": {}, "704": {}, "720": {}, "820": {}, "176": {}, "": {}, "PAID": {},
	} {
		assert.Equal(t, want.final, status.Final(), status)
		assert.Equal(t, want.reversal, status.Reversal(), status)
	}
}

func TestWaitAsksUntilThePayoutIsFinal(t *testing.T) {
	isPending, jammed := respond(200, pending), respond(200, `{"payout_reference":"ms83-1","payment_status":704}`)
	for name, tc := range map[string]struct {
		steps    []step
		status   kasapay.PaymentStatus
		sentinel error
		took     time.Duration
	}{
		"processed at once":        {[]step{respond(200, processed)}, "700", nil, 0},
		"processed later":          {[]step{isPending, isPending, respond(200, processed)}, "700", nil, 5 * time.Second},
		"a failure is no error":    {[]step{isPending, respond(200, `{"payout_reference":"ms83-1","payment_status":701}`)}, "701", nil, 2 * time.Second},
		"a reversal is no error":   {[]step{respond(200, `{"payout_reference":"ms83-1","payment_status":702}`)}, "702", nil, 0},
		"jammed is waited through": {[]step{jammed, jammed, respond(200, `{"payout_reference":"ms83-1","payment_status":705}`)}, "705", nil, 5 * time.Second},
		"an unknown one too":       {[]step{respond(200, `{"payout_reference":"ms83-1","payment_status":820}`), respond(200, processed)}, "700", nil, 2 * time.Second},
		"not shown at first":       {[]step{respond(404, unknown), respond(200, processed)}, "700", nil, 2 * time.Second},
		"never shown":              {[]step{respond(404, unknown)}, "", sdk.ErrNotFound, 16250 * time.Millisecond},
		"an outage is outlasted":   {[]step{respond(503, ""), nil, respond(502, ""), nil, nil, respond(200, processed)}, "700", nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, tc.steps)
				start := time.Now()
				payout, err := client.Payouts.Wait(t.Context(), "ms83-1")
				assert.ErrorIs(t, err, tc.sentinel)
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status == "" {
					assert.Nil(t, payout)
					return
				}
				require.NotNil(t, payout)
				assert.Equal(t, tc.status, payout.Status)
			})
		})
	}
}

func TestWaitEndsWithItsContextAndShowsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newClient(t, []step{respond(200, `{"payout_reference":"ms83-1","payment_status":704}`)})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		start := time.Now()
		payout, err := client.Payouts.Wait(ctx, "ms83-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Hour, time.Since(start))
		require.NotNil(t, payout)
		assert.Equal(t, kasapay.StatusJammed, payout.Status)
	})
}

func TestCallbacksAreReadWithAllTheirNoise(t *testing.T) {
	got, err := kasapay.ParseCallback([]byte(` {"event":"pending_payment","payout_reference":145245624652,"payment_status":"703","amount":10,
		"currency":null,"account_number":"N/A","destination":"PAYBILL","client_code":"c","extra_data":{},"event_history":[1],"receiver_narration":null,"account_balance":""} `))
	require.NoError(t, err)
	assert.Equal(t, "145245624652", got.Reference)
	assert.Equal(t, "145245624652", got.GatewayReference)
	assert.Equal(t, kasapay.StatusPending, got.Status)
	assert.True(t, got.Amount.Valid && got.Amount.Decimal.IntPart() == 10)
	assert.False(t, got.FloatBalance.Valid, "an empty balance is not zero")
	assert.Equal(t, kasapay.Paybill, got.Destination)
	assert.Empty(t, got.Currency)
}

func TestCallbacksWithoutReferenceOrStatusAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{`, `{}`, `x=1`, `{"payout_reference":"ms83-1"}`, `{"payment_status":700}`, `{"payout_reference":" ","payment_status":700}`,
		`{"payout_reference":"ms83-1","payment_status":null}`, `{"payout_reference":"ms83-1","payment_status":{}}`, `{"payout_reference":["ms83-1"],"payment_status":700}`,
	} {
		_, err := kasapay.ParseCallback([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestACallbackKeepsNothingOfItsBuffer(t *testing.T) {
	body := []byte(processed)
	got, err := kasapay.ParseCallback(body)
	require.NoError(t, err)
	clear(body)
	assert.Equal(t, processed, string(got.Raw))
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(processed))
	f.Add([]byte(`{"payout_reference":1e9,"payment_status":-1,"amount":"1e-99","message":[[]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := kasapay.ParseCallback(body)
		if err == nil && (got.Reference == "" || got.Status == "") {
			t.Errorf("read a callback without what makes it one: %+v", got)
		}
	})
}

func TestStatusNeedsAReferenceKasapayCanGiveBack(t *testing.T) {
	client, s := newClient(t, nil)
	for _, reference := range []string{"", "..", " pay-1", "pay-1\t"} {
		_, err := client.Payouts.Find(t.Context(), reference)
		require.ErrorIs(t, err, sdk.ErrValidation, reference)
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Fields, "payout_reference", reference)
	}
	assert.Empty(t, s.Requests())
}
