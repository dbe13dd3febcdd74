package kpay_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestWaitFollowsAPaymentToItsEnd(t *testing.T) {
	for scenario, tc := range map[fake.Scenario]struct {
		first, last kpay.Code
		sentinel    error // of Pay itself
	}{
		fake.ScenarioPaid:               {kpay.CodeProcessing, kpay.CodePaid, nil},
		fake.ScenarioFailed:             {kpay.CodeProcessing, kpay.CodeFailed, nil},
		fake.ScenarioNoFunds:            {kpay.CodeProcessing, kpay.CodeFailed, nil},
		fake.ScenarioSlow:               {kpay.CodeProcessing, kpay.CodePaid, nil},
		kpaytest.ScenarioProcessorError: {kpay.CodeProcessing, "682", nil},
		kpaytest.ScenarioImmediate:      {kpay.CodePaid, kpay.CodePaid, nil},
		fake.ScenarioLost:               {kpay.CodeProcessing, kpay.CodePaid, nil},
		fake.ScenarioLagging:            {kpay.CodeProcessing, kpay.CodePaid, nil},
		kpaytest.ScenarioRefused:        {"", kpay.CodeFailed, sdk.ErrDeclined},
		kpaytest.ScenarioRefusedNoFunds: {"", kpay.CodeFailed, sdk.ErrInsufficientFunds},
	} {
		t.Run(string(scenario), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kpaytest.Config{Scenario: scenario})
				payment, err := w.client.Pay(t.Context(), validPay())
				require.ErrorIs(t, err, tc.sentinel)
				if tc.sentinel == nil {
					assert.Equal(t, tc.first, payment.Status)
				} else {
					assert.ErrorIs(t, err, sdk.ErrRejected)
				}
				settled, err := w.client.Wait(t.Context(), "order-1")
				require.NoError(t, err)
				assert.Equal(t, tc.last, settled.Status)
				assert.Equal(t, tc.last.Paid(), w.Balance("02", "RWF").Equal(decimal.NewFromInt(4200)))
				byTID, err := w.client.Get(t.Context(), settled.TID)
				require.NoError(t, err)
				assert.Equal(t, "order-1", byTID.RefID)
			})
		})
	}
}

func TestACardIsPaidOnTheHostedCheckoutPage(t *testing.T) {
	for card, want := range map[string]kpay.Code{
		string(kpay.TestVisaConsumer): kpay.CodePaid, string(kpay.TestMastercardDebit): kpay.CodePaid, "4242424242424242": kpay.CodeFailed,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, kpaytest.Config{})
			p := validPay()
			p.Method = kpay.MethodCard
			payment, err := w.client.Pay(t.Context(), p)
			require.NoError(t, err)
			require.NotEmpty(t, payment.CheckoutURL)

			payer := &http.Client{Transport: w.HTTPClient().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := payer.PostForm(payment.CheckoutURL, url.Values{"card_number": {card}, "expiry_date": {"12/30"}, "cvv": {"123"}})
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Contains(t, resp.Header.Get("Location"), p.RedirectURL)

			settled, err := w.client.Wait(t.Context(), "order-1")
			require.NoError(t, err)
			assert.Equal(t, want, settled.Status, card)
		})
	}
}

func TestRefusalsOfTheServerAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		fake     kpaytest.Config
		client   func(*kpay.Config)
		pay      func(*kpay.PayParams)
		code     kpay.Code
		sentinel error
	}{
		"wrong password":          {client: func(c *kpay.Config) { c.Password = "wrong" }, code: kpay.CodeBadCredentials, sentinel: sdk.ErrUnauthorized},
		"missing key":             {fake: kpaytest.Config{APIKey: "k"}, client: func(c *kpay.Config) { c.APIKey = "" }, code: kpay.CodeNoCredentials, sentinel: sdk.ErrUnauthorized},
		"the same, HTTP 401":      {fake: kpaytest.Config{APIKey: "k", Quirks: kpaytest.Quirks{HTTP401: true}}, client: func(c *kpay.Config) { c.APIKey = "" }, code: kpay.CodeNoCredentials, sentinel: sdk.ErrUnauthorized},
		"not over HTTPS":          {fake: kpaytest.Config{Quirks: kpaytest.Quirks{RequireHTTPS: true}}, code: kpay.CodeNotHTTPS, sentinel: sdk.ErrConfiguration},
		"unknown retailer":        {pay: func(p *kpay.PayParams) { p.RetailerID = "99" }, code: kpay.CodeUnknownRetailer, sentinel: sdk.ErrConfiguration},
		"disabled retailer":       {pay: func(p *kpay.PayParams) { p.RetailerID = "03" }, code: kpay.CodeRetailerDisabled, sentinel: sdk.ErrConfiguration},
		"unknown method":          {pay: func(p *kpay.PayParams) { p.Method, p.BankID = "crypto", "000" }, code: kpay.CodeUnknownMethod, sentinel: sdk.ErrValidation},
		"not on the allow-list":   {fake: kpaytest.Config{Quirks: kpaytest.Quirks{AllowedIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}, code: kpay.CodeNotAllowListed, sentinel: sdk.ErrForbidden},
		"another network's bank":  {pay: func(p *kpay.PayParams) { p.BankID = kpay.BankAirtel }, code: kpay.CodeUnknownInstitution, sentinel: sdk.ErrValidation},
		"another method's bank":   {pay: func(p *kpay.PayParams) { p.Method, p.BankID = kpay.MethodCard, kpay.BankMTN }, code: kpay.CodeUnknownInstitution, sentinel: sdk.ErrValidation},
		"a foreign payer of momo": {pay: func(p *kpay.PayParams) { p.MSISDN, p.BankID = "+254 783 300 000", kpay.BankMTN }, code: kpay.CodeUnknownInstitution, sentinel: sdk.ErrValidation},
		"unknown bank":            {pay: func(p *kpay.PayParams) { p.BankID = "30" }, code: kpay.CodeUnknownInstitution, sentinel: sdk.ErrValidation},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var changes []func(*kpay.Config)
				if tc.client != nil {
					changes = append(changes, tc.client)
				}
				w := newWorld(t, tc.fake, changes...)
				p := validPay()
				if tc.pay != nil {
					tc.pay(&p)
				}
				_, err := w.client.Pay(t.Context(), p)
				require.ErrorIs(t, err, tc.sentinel)
				assert.ErrorIs(t, err, sdk.ErrRejected)
				var e *sdk.Error
				require.True(t, errors.As(err, &e))
				assert.Equal(t, tc.code, kpay.Code(e.Code))
				assert.Empty(t, w.Payments())
			})
		})
	}
}
