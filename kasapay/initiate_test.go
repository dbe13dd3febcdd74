package kasapay_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestBadParametersAreRefusedAllAtOnceBeforeTheNetwork(t *testing.T) {
	client, s := newClient(t, []step{answer(200, accepted)}, func(c *kasapay.Config) { c.ServiceCode = "" })
	_, err := client.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{})
	require.ErrorIs(t, err, sdk.ErrValidation)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, map[string][]string{
		"payout_reference": {"is required"}, "service_code": {"is required"}, "payment_account_reference": {"is required"},
		"recipient_name": {"is required"}, "recipient_type": {"must be PAYBILL, TILL or BANK_ACCOUNT_NUMBER"},
		"recipient_account_number": {"is required"}, "amount": {"must be greater than zero"}, "payment_description": {"is required"},
		"currency_code": {"must be three capital letters"}, "country_code": {"must be three capital letters"}, "callback_url": {"is required"},
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
		"a relative callback URL":    {"callback_url", func(p *kasapay.CreatePayoutParams) { p.CallbackURL = "/kasapay" }},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{answer(200, accepted)})
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

// wireBody is what Initiate put on the wire.
func wireBody(t *testing.T, p kasapay.CreatePayoutParams, change ...func(*kasapay.Config)) map[string]string {
	t.Helper()
	client, s := newClient(t, []step{answer(200, accepted)}, change...)
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
		p.Method = "PESALINK"
		assert.Equal(t, "PESALINK", wireBody(t, p)["payment_method"])
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
			client, s := newClient(t, []step{answer(200, accepted)}, func(c *kasapay.Config) {
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
