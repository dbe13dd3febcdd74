package kpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestBadParametersAreRefusedAllAtOnceBeforeTheNetwork(t *testing.T) {
	client, s := newClient(t, []step{respond(200, pending)}, func(c *kpay.Config) { c.RetailerID = "" })
	_, err := client.Pay(t.Context(), kpay.PayParams{Currency: "KES", LogoURL: "logo.png"})
	require.ErrorIs(t, err, sdk.ErrValidation)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, map[string][]string{
		"refid": {"is required"}, "amount": {"must be greater than zero"}, "currency": {"must be RWF or USD"},
		"pmethod": {"is required"}, "bankid": {"is required"}, "msisdn": {"must be a phone number of 9 to 15 digits"},
		"email": {"must be an e-mail address"}, "cname": {"is required"}, "cnumber": {"is required"}, "details": {"is required"},
		"retailerid": {"is required"}, "returl": {"is required: set it, or Config.CallbackURL"}, "redirecturl": {"is required"},
		"logourl": {"must be an absolute http or https URL"},
	}, e.Fields)
	assert.Empty(t, s.Requests())
}

func TestOneBadParameterIsEnough(t *testing.T) {
	for name, tc := range map[string]struct {
		field  string
		change func(*kpay.PayParams)
	}{
		"a fraction of a franc":   {"amount", func(p *kpay.PayParams) { p.Amount = decimal.RequireFromString("100.5") }},
		"a fraction of a dollar":  {"amount", func(p *kpay.PayParams) { p.Amount, p.Currency = decimal.RequireFromString("9.99"), kpay.USD }},
		"nothing":                 {"amount", func(p *kpay.PayParams) { p.Amount = decimal.Zero }},
		"less than nothing":       {"amount", func(p *kpay.PayParams) { p.Amount = decimal.NewFromInt(-1) }},
		"more than a number":      {"amount", func(p *kpay.PayParams) { p.Amount = decimal.RequireFromString("1000000000000000000") }},
		"an exponent bomb":        {"amount", func(p *kpay.PayParams) { p.Amount = decimal.New(1, -2147483648) }},
		"a space before a refid":  {"refid", func(p *kpay.PayParams) { p.RefID = " order-1" }},
		"a line break in a refid": {"refid", func(p *kpay.PayParams) { p.RefID = "order\n1" }},
		"a leading zero":          {"refid", func(p *kpay.PayParams) { p.RefID = "0012" }},
		"NBSP after a refid":      {"refid", func(p *kpay.PayParams) { p.RefID = "order-1\u00a0" }},
		"U+0085 before a refid":   {"refid", func(p *kpay.PayParams) { p.RefID = "\u0085order-1" }},
		"U+3000 after a refid":    {"refid", func(p *kpay.PayParams) { p.RefID = "order-1\u3000" }},
		"U+2028 after a refid":    {"refid", func(p *kpay.PayParams) { p.RefID = "order-1\u2028" }},
		"0x1c after a refid":      {"refid", func(p *kpay.PayParams) { p.RefID = "order-1\x1c" }},
		"no UTF-8 in a refid":     {"refid", func(p *kpay.PayParams) { p.RefID = "order-\xff" }},
		"no UTF-8 in an address":  {"email", func(p *kpay.PayParams) { p.Email = "a\xff@b" }},
		"no UTF-8 in a name":      {"cname", func(p *kpay.PayParams) { p.CustomerName = "J\xc3" }},
		"no UTF-8 in details":     {"details", func(p *kpay.PayParams) { p.Details = "\xed\xa0\x80" }},
		"no e-mail address":       {"email", func(p *kpay.PayParams) { p.Email = "customer" }},
		"an address for nobody":   {"email", func(p *kpay.PayParams) { p.Email = "@example.com" }},
		"an address nowhere":      {"email", func(p *kpay.PayParams) { p.Email = "customer@" }},
		"two addresses in one":    {"email", func(p *kpay.PayParams) { p.Email = "a@b@c" }},
		"an address with a space": {"email", func(p *kpay.PayParams) { p.Email = "a b@example.com" }},
		"letters in a number":     {"msisdn", func(p *kpay.PayParams) { p.MSISDN = "078330000x" }},
		"a short number":          {"msisdn", func(p *kpay.PayParams) { p.MSISDN = "07833" }},
		"a network nobody knows":  {"msisdn", func(p *kpay.PayParams) { p.MSISDN = "0753300000" }},
		"a bank without its id":   {"bankid", func(p *kpay.PayParams) { p.Method = kpay.MethodBank }},
		"a method unheard of":     {"bankid", func(p *kpay.PayParams) { p.Method = "crypto" }},
		"a relative postback URL": {"returl", func(p *kpay.PayParams) { p.ReturnURL = "/kpay" }},
		"a redirect to nowhere":   {"redirecturl", func(p *kpay.PayParams) { p.RedirectURL = "thanks" }},
	} {
		t.Run(name, func(t *testing.T) {
			client, s := newClient(t, []step{respond(200, pending)})
			p := validPay()
			tc.change(&p)
			_, err := client.Pay(t.Context(), p)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, sdk.NotSent, e.Outcome)
			assert.Len(t, e.Fields, 1)
			assert.Contains(t, e.Fields, tc.field)
			assert.Empty(t, s.Requests())
		})
	}
}

// wireBody is what Pay put on the wire, number texts as they stand there.
func wireBody(t *testing.T, p kpay.PayParams, change ...func(*kpay.Config)) map[string]json.RawMessage {
	t.Helper()
	client, s := newClient(t, []step{respond(200, `{"success":1,"retcode":0,"refid":"order-1"}`)}, change...)
	_, err := client.Pay(t.Context(), p)
	require.NoError(t, err)
	var body map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(s.Requests()[0].Body), &body))
	return body
}

func TestAmountsAreWholeNumbersOnTheWire(t *testing.T) {
	for amount, want := range map[string]string{
		"4200": "4200", "4200.00": "4200", "1": "1", "1e3": "1000", "999999999999999999": "999999999999999999", "10000000000000001": "10000000000000001",
	} {
		p := validPay()
		p.Amount = decimal.RequireFromString(amount)
		body := wireBody(t, p)
		assert.Equal(t, want, string(body["amount"]))
		assert.Equal(t, `"RWF"`, string(body["currency"]))
	}
	p := validPay()
	p.Currency = kpay.USD
	assert.Equal(t, `"USD"`, string(wireBody(t, p)["currency"]))
}

func TestDefaultsFillWhatTheMethodImplies(t *testing.T) {
	for name, tc := range map[string]struct {
		method kpay.Method
		msisdn string
		bank   kpay.BankID
		given  kpay.BankID
		number string
	}{
		"MTN":                       {kpay.MethodMoMo, "0783300000", kpay.BankMTN, "", "0783300000"},
		"MTN, its other prefix":     {kpay.MethodMoMo, "0793300000", kpay.BankMTN, "", "0793300000"},
		"MTN without its zero":      {kpay.MethodMoMo, "783300000", kpay.BankMTN, "", "0783300000"},
		"MTN with two zeros":        {kpay.MethodMoMo, "00250783300000", kpay.BankMTN, "", "250783300000"},
		"MTN, copied":               {kpay.MethodMoMo, "\u200e+250\u00a0(783) 300.000", kpay.BankMTN, "", "250783300000"},
		"MTN with country code":     {kpay.MethodMoMo, "+250 783-300-000", kpay.BankMTN, "", "250783300000"},
		"Airtel":                    {kpay.MethodMoMo, "0723300000", kpay.BankAirtel, "", "0723300000"},
		"Airtel, its other prefix":  {kpay.MethodMoMo, "250733300000", kpay.BankAirtel, "", "250733300000"},
		"card":                      {kpay.MethodCard, "254700000000", kpay.BankCards, "", "254700000000"},
		"SmartCash":                 {kpay.MethodSmartCash, "0783300000", kpay.BankCards, "", "0783300000"},
		"SPENN":                     {kpay.MethodSPENN, "0783300000", kpay.BankSPENN, "", "0783300000"},
		"bank":                      {kpay.MethodBank, "0783300000", kpay.BankEquity, kpay.BankEquity, "0783300000"},
		"what is given goes first":  {kpay.MethodMoMo, "0783300000", kpay.BankAirtel, kpay.BankAirtel, "0783300000"},
		"a method with its own id":  {"crypto", "0783300000", "777", "777", "0783300000"},
		"an unlisted network's own": {kpay.MethodMoMo, "0753300000", kpay.BankMobicash, kpay.BankMobicash, "0753300000"},
	} {
		t.Run(name, func(t *testing.T) {
			p := validPay()
			p.Method, p.MSISDN, p.BankID = tc.method, tc.msisdn, tc.given
			assert.Equal(t, tc.bank, p.Bank())
			body := wireBody(t, p)
			assert.Equal(t, `"`+string(tc.bank)+`"`, string(body["bankid"]))
			assert.Equal(t, `"`+tc.number+`"`, string(body["msisdn"]))
			assert.Equal(t, `"`+string(tc.method)+`"`, string(body["pmethod"]))
			assert.Equal(t, `"02"`, string(body["retailerid"]))
			assert.Equal(t, `"pay"`, string(body["action"]))
			assert.NotContains(t, body, "logourl")
		})
	}
	p := validPay()
	p.RetailerID, p.LogoURL = "61", "https://shop.example/logo.png"
	body := wireBody(t, p)
	assert.Equal(t, `"61"`, string(body["retailerid"]), "the call's own goes first")
	assert.Equal(t, `"https://shop.example/logo.png"`, string(body["logourl"]))
}

func TestPostbackURLsAreMintedForThePaymentWhenNoneIsGiven(t *testing.T) {
	var asked []string
	minter := func(c *kpay.Config) {
		c.CallbackURL = func(reference string, amount decimal.Decimal, currency string) (string, error) {
			asked = append(asked, reference+" "+amount.String()+" "+currency)
			return "https://shop.example/kpay/cap-" + reference, nil
		}
	}
	p := validPay()
	assert.Equal(t, `"https://shop.example/kpay"`, string(wireBody(t, p, minter)["returl"]), "a given URL goes first")
	assert.Empty(t, asked)
	p.ReturnURL = ""
	assert.Equal(t, `"https://shop.example/kpay/cap-order-1"`, string(wireBody(t, p, minter)["returl"]))
	assert.Equal(t, []string{"order-1 4200 RWF"}, asked)
}

func TestAPaymentWhosePostbackURLCannotBeMintedIsNotSent(t *testing.T) {
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
			client, s := newClient(t, []step{respond(200, pending)}, func(c *kpay.Config) {
				c.CallbackURL = func(string, decimal.Decimal, string) (string, error) { return tc.url, tc.err }
			})
			p := validPay()
			p.ReturnURL = ""
			_, err := client.Pay(t.Context(), p)
			require.ErrorIs(t, err, sdk.ErrNotSent)
			var e *sdk.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, map[string][]string{"returl": {tc.fault}}, e.Fields)
			assert.Empty(t, s.Requests())
		})
	}
}

func TestNothingIsMintedForParametersThatAreRefused(t *testing.T) {
	client, _ := newClient(t, []step{respond(200, pending)}, func(c *kpay.Config) {
		c.CallbackURL = func(string, decimal.Decimal, string) (string, error) {
			t.Error("minted")
			return "", nil
		}
	})
	p := validPay()
	p.ReturnURL, p.Amount = "", decimal.Zero
	_, err := client.Pay(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrValidation)
}

func TestStatusNeedsAReferenceKPayCanGiveBack(t *testing.T) {
	client, s := newClient(t, []step{respond(200, paid)})
	for _, refID := range []string{"", " order-1", "order-1\t"} {
		_, err := client.Find(t.Context(), refID)
		require.ErrorIs(t, err, sdk.ErrValidation)
	}
	_, err := client.Get(t.Context(), " ")
	require.ErrorIs(t, err, sdk.ErrValidation)
	assert.Empty(t, s.Requests())
}

func TestWaitAsksUntilThePaymentIsFinal(t *testing.T) {
	failed := respond(200, `{"refid":"order-1","statusid":"02","statusdesc":"TARGET_AUTHORIZATION_ERROR"}`)
	for name, tc := range map[string]struct {
		steps    []step
		status   kpay.Code
		sentinel error
		took     time.Duration
	}{
		"paid at once":                   {[]step{respond(200, paid)}, kpay.CodePaid, nil, 0},
		"paid later":                     {[]step{respond(200, awaiting), respond(200, awaiting), respond(200, paid)}, kpay.CodePaid, nil, 5 * time.Second},
		"a failure is no error":          {[]step{respond(200, awaiting), failed}, kpay.CodeFailed, nil, 2 * time.Second},
		"a processor's own failure":      {[]step{respond(200, `{"refid":"order-1","statusid":"682"}`)}, "682", nil, 0},
		"not shown at first":             {[]step{respond(200, unknown), respond(200, unknown), respond(200, paid)}, kpay.CodePaid, nil, 5 * time.Second},
		"never shown":                    {[]step{respond(200, unknown)}, "", sdk.ErrNotFound, 16250 * time.Millisecond},
		"credentials are refused":        {[]step{respond(200, `{"reply":"Invalid PIN","retcode":600}`)}, "", sdk.ErrUnauthorized, 0},
		"an odd state is waited through": {[]step{respond(200, `{"refid":"order-1","statusid":"ODD"}`), respond(200, paid)}, kpay.CodePaid, nil, 2 * time.Second},
		"gone after it was seen, too late": {[]step{respond(200, awaiting), respond(200, awaiting), respond(200, awaiting), respond(200, awaiting), respond(200, awaiting), respond(200, unknown)},
			kpay.CodePending, sdk.ErrNotFound, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, tc.steps)
				start := time.Now()
				payment, err := client.Wait(t.Context(), "order-1")
				assert.ErrorIs(t, err, tc.sentinel)
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status == "" {
					assert.Nil(t, payment)
					return
				}
				require.NotNil(t, payment)
				assert.Equal(t, tc.status, payment.Status)
			})
		})
	}
}

func TestWaitOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := respond(503, "<h1>503</h1>")
		client, s := newClient(t, []step{down, down, down, down, down, nil, nil, nil, respond(200, paid)})
		payment, err := client.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, kpay.CodePaid, payment.Status)
		assert.Len(t, s.Requests(), 9)
	})
}

func TestWaitEndsWithItsContextAndShowsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newClient(t, []step{respond(200, awaiting)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		payment, err := client.Wait(ctx, "order-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NotNil(t, payment)
		assert.True(t, payment.Status.Pending())
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, sdk.NoEffect, e.Outcome)
		assert.Equal(t, "order-1", e.Reference)
	})
}

func TestPostbacksAreReadInEveryForm(t *testing.T) {
	const object = `{"tid":"A1","refid":"order-1","momtransactionid":"85&64=0","statusdesc":"a b","statusid":"01"}`
	form := url.Values{"tid": {"A1"}, "refid": {"order-1"}, "momtransactionid": {"85&64=0"}, "statusdesc": {"a b"}, "statusid": {"1"}}
	for name, body := range map[string]string{
		"JSON, whatever its label":    object,
		"JSON with spaces around it":  "\r\n " + object + "\n",
		"JSON as a form's only key":   url.QueryEscape(object) + "=",
		"JSON as a key without value": url.QueryEscape(object),
		"a form":                      form.Encode(),
		"a BOM":                       "\xef\xbb\xbf" + object,
		"JSON as a key, no escapes":   object + "=",
		"JSON as a value":             "data=" + url.QueryEscape(object),
		"JSON as a value, no escapes": "data=" + object,
		"multipart":                   multipartOf("tid", "A1", "refid", "order-1", "momtransactionid", "85&64=0", "statusdesc", "a b", "statusid", "1"),
		"JSON in multipart":           multipartOf("data", object),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kpay.ParsePostback([]byte(body))
			require.NoError(t, err)
			assert.True(t, json.Valid(got.Raw), string(got.Raw))
			got.Raw = nil
			assert.Equal(t, kpay.Payment{RefID: "order-1", TID: "A1", Status: kpay.CodePaid, ProcessorID: "85&64=0", Description: "a b"}, got)
		})
	}
}

// multipartOf writes a form of names and values in turn.
func multipartOf(pairs ...string) string {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		_ = w.WriteField(pairs[i], pairs[i+1])
	}
	_ = w.Close()
	return b.String()
}

func TestNoiseInFieldsThatDecideNothingCostsNoPostback(t *testing.T) {
	for body, description := range map[string]string{
		`refid=order-1&statusid=01&statusdesc=100%+paid`:                "100%+paid",
		`refid=order-1&statusid=01&statusdesc=paid;+thanks`:             "paid; thanks",
		`{"refid":"order-1","statusid":"01","statusdesc":["x"]}`:        "",
		`{"refid":"order-1","statusid":1,"tid":false,"url":{}}`:         "",
		`{"refid":"order-1","statusid":"01","momtransactionid":{}}`:     "",
		`{"refid":"order-1","statusid":"01","authkey":true,"reply":[]}`: "",
	} {
		got, err := kpay.ParsePostback([]byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, kpay.CodePaid, got.Status)
		assert.Equal(t, description, got.Description)
	}
	for _, body := range []string{
		`refid=order-1&statusid=0%1`, `refid=order;1&statusid=01`, `refid=order-1&statusid=02&statusdesc=x;statusid=01`, `refid=order-1;statusid=01`,
		`data={"refid":"a%20b","statusid":"01"}`, `{"refid":"order-1","statusid":{}}`, `{"refid":false,"statusid":"01"}`, `{"refid":"order-1","statusid":"01"}=x`,
		multipartOf("refid", "order-1", "statusid", "01", "statusid", "02"), "--\r\n",
	} {
		_, err := kpay.ParsePostback([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestPostbacksMayLackWhatIsNotEssential(t *testing.T) {
	for body, status := range map[string]kpay.Code{
		`{"refid":"order-1","statusid":"01"}`:                                           kpay.CodePaid,
		`{"refid":" order-1 ","statusid":" 02 ","tid":null,"momtransactionid":null}`:    kpay.CodeFailed,
		`{"refid":"order-1","statusid":682,"momtransactionid":"","extra":[{"a":null}]}`: "682",
		`refid=order-1&statusid=03`:                                                     kpay.CodePending,
	} {
		got, err := kpay.ParsePostback([]byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, "order-1", got.RefID)
		assert.Equal(t, status, got.Status)
	}
}

func TestPostbacksWithoutReferenceOrStatusAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `[{"refid":"order-1","statusid":"01"}]`, `"x"`, `{`, `{}`, `{"refid":"order-1"}`, `{"statusid":"01"}`,
		`{"refid":"","statusid":"01"}`, `{"refid":"order-1","statusid":" "}`, `{"refid":{"a":1},"statusid":"01"}`,
		`refid=order-1&statusid=02&statusid=01`, `refid=order-1&refid=order-2&statusid=01`, `note=1&` + url.QueryEscape(`{"refid":"order-1","statusid":"01"}`), `refid=order-1`, `statusid=01`, `%zz`, `a;b`, url.QueryEscape(`{"refid":"order-1"`) + "=",
		`{"refid":"order-1","retcode":0,"success":1}`,
	} {
		_, err := kpay.ParsePostback([]byte(body))
		assert.Error(t, err, body)
	}
}

func FuzzParsePostback(f *testing.F) {
	for _, seed := range []string{
		`{"refid":"order-1","statusid":"01"}`, `refid=order-1&statusid=01`, `%7B%22refid%22%3A1%2C%22statusid%22%3A1%7D=`, `{"refid":1e99,"statusid":-1}`, `{`, `&`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := kpay.ParsePostback(body)
		if err == nil && (got.RefID == "" || got.Status == "" || !json.Valid(got.Raw)) {
			t.Errorf("read a postback without what makes it one: %+v", got)
		}
	})
}
