package fakeserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// configFile writes a file for -config.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fakes.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestAFileSetsUpEachFake(t *testing.T) {
	configs, err := configure(configFile(t, `{
		"kapiten": {
			"on_insufficient_funds": "reject", "unique_external_id": true, "autopilot": false, "match_timeout": "90s", "max_top_up": "7000",
			"pricing": {"base_fare": 600, "weight_fees": {"20+": "1500"}}, "callback_retries": [],
			"routes": {"rides.create": {"method": "PUT", "path": "/rides"}}, "quirks": {"page_size": 3}
		},
		"kpay": {"username": "me", "ends_after": "1m", "scenario": "failed"},
		"kasapay": {"balances": {"KES": "5.50"}, "callback_retries": ["1s", "1h"]},
		"kotani": {"balances": {"KES": 7}, "fiat_connect": {"kyc_not_required": true}},
		"bitpesa": {"ends_after": "0s"}
	}`), settings{autopilot: true})
	require.NoError(t, err)

	c := configs["kapiten"].(*kapitentest.Config)
	assert.Equal(t, kapitentest.Reject, c.OnInsufficientFunds)
	assert.True(t, c.UniqueExternalID)
	assert.False(t, c.Autopilot, "the file wins over the flag")
	assert.Equal(t, "1m30s", c.MatchTimeout.String())
	assert.Equal(t, "7000", c.MaxTopUp.String())
	assert.Equal(t, "600", c.Pricing.BaseFare.String())
	assert.Equal(t, "125", c.Pricing.PerKM.String(), "a price that the file does not name")
	assert.Equal(t, "1500", c.Pricing.WeightFees[kapiten.WeightOver20].String())
	assert.Equal(t, "200", c.Pricing.WeightFees[kapiten.Weight5To10].String())
	assert.NotNil(t, c.CallbackRetries)
	assert.Equal(t, "PUT", c.Routes[kapiten.OpCreateRide].Method)
	assert.Equal(t, 3, c.Quirks.PageSize)
	pay := configs["kpay"].(*kpaytest.Config)
	assert.Equal(t, "me 1m0s failed", strings.Join([]string{pay.Username, pay.EndsAfter.String(), string(pay.Scenario)}, " "))
	payouts := configs["kasapay"].(*kasapaytest.Config)
	assert.Equal(t, "5.5", payouts.Balances["KES"].String())
	assert.Len(t, payouts.CallbackRetries, 2)
	both := configs["kotani"].(*kotanitest.Config)
	assert.True(t, both.FiatConnect.KYCNotRequired)
	assert.Equal(t, int64(chainID), both.FiatConnect.ChainID, "what this server sets stays")
	assert.IsType(t, &bitpesatest.Config{}, configs["bitpesa"])

	configs, err = configure("", settings{autopilot: true})
	require.NoError(t, err)
	assert.True(t, configs["kapiten"].(*kapitentest.Config).Autopilot)
}

// Whatever a fake's Config can set, a file can set: the test names every field of every
// Config in a file, and each must arrive. Left out are what the flags set and what no
// file can hold.
func TestAFileSetsAllThatAConfigCan(t *testing.T) {
	for _, p := range providers() {
		config := reflect.TypeOf(p.config(settings{})).Elem()
		written, err := json.Marshal(map[string]any{p.name: sampleOf(t, config, p.name)})
		require.NoError(t, err)
		configs, err := configure(configFile(t, string(written)), settings{})
		require.NoError(t, err, string(written))
		for _, unset := range unsetIn(reflect.ValueOf(configs[p.name]).Elem(), p.name) {
			t.Errorf("%s is not set by %s", unset, written)
		}
	}
}

// sampleOf is JSON that sets every field of a type to something other than zero.
func sampleOf(t *testing.T, typ reflect.Type, path string) any {
	t.Helper()
	switch reflect.New(typ).Elem().Interface().(type) {
	case time.Duration:
		return "90s"
	case decimal.Decimal:
		return "1.5"
	case netip.Prefix:
		return "10.0.0.0/8"
	case kapitentest.InsufficientFunds:
		return "reject"
	case bitpesatest.Rounding:
		return "text"
	case bitpesatest.APIVersion:
		return "bitpesa"
	}
	switch typ.Kind() {
	case reflect.Bool:
		return true
	case reflect.Int, reflect.Int64:
		return 7
	case reflect.String:
		return "x"
	case reflect.Pointer:
		return sampleOf(t, typ.Elem(), path)
	case reflect.Slice:
		return []any{sampleOf(t, typ.Elem(), path)}
	case reflect.Map:
		return map[string]any{"x": sampleOf(t, typ.Elem(), path)}
	case reflect.Struct:
		o := map[string]any{}
		for _, f := range reflect.VisibleFields(typ) {
			if f.IsExported() && !setElsewhere(f) {
				o[nameOf(f)] = sampleOf(t, f.Type, path+"."+f.Name)
			}
		}
		return o
	}
	require.Fail(t, "a file cannot set this", "%s is a %s", path, typ)
	return nil
}

// setElsewhere tells the fields that no file sets: the world's, which the flags set, and
// what keeps credentials out of print.
func setElsewhere(f reflect.StructField) bool {
	return f.Type == reflect.TypeFor[fake.Options]() || f.Anonymous && strings.HasPrefix(f.Type.Name(), "Masked[")
}

// unsetIn are the paths of the fields that have not got the value of sampleOf.
func unsetIn(v reflect.Value, path string) (unset []string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return unsetIn(v.Elem(), path)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			return unsetIn(v.Index(0), path)
		}
	case reflect.Map:
		if m := v.MapIndex(reflect.ValueOf("x").Convert(v.Type().Key())); m.IsValid() {
			return unsetIn(m, path+".x")
		}
	case reflect.Struct:
		if exported := slices.ContainsFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool { return f.IsExported() }); exported {
			for _, f := range reflect.VisibleFields(v.Type()) {
				if f.IsExported() && !setElsewhere(f) {
					unset = append(unset, unsetIn(v.FieldByIndex(f.Index), path+"."+f.Name)...)
				}
			}
			return unset
		}
	}
	if slices.Contains([]string{"1m30s", "1.5", "10.0.0.0/8", "1", "text", "bitpesa", "true", "7", "x"}, fmt.Sprint(v.Interface())) {
		return nil
	}
	return []string{path}
}

func TestTheFileOfTheREADMEWorks(t *testing.T) {
	readme, err := os.ReadFile("../../examples/fakeserver/README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```json\n")
	require.True(t, found)
	file, _, _ := strings.Cut(rest, "```")
	configs, err := configure(configFile(t, file), settings{autopilot: true})
	require.NoError(t, err)
	assert.Equal(t, "600", configs["kapiten"].(*kapitentest.Config).Pricing.BaseFare.String())
}

func TestAFileThatMakesNoSenseIsRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		``:                                  "must be a JSON object",
		`[]`:                                "must be a JSON object",
		`{} {}`:                             "must be one JSON object",
		`{"mpesa": {}}`:                     `no provider "mpesa"`,
		`{"kapiten": 7}`:                    "kapiten: must be a JSON object",
		`{"kapiten": null}`:                 "kapiten: must be a JSON object",
		`{"kapiten": {"x": 1}}`:             "kapiten.x: no such setting",
		`{"kpay": {"Scenario":1}}`:          "kpay.Scenario: no such setting",
		`{"kapiten": {"autopilot": "yes"}}`: "kapiten.autopilot: must not be a string",
		`{"kapiten": {"list_lag": 5}}`:      "kapiten.list_lag: must be a time such as",
		`{"kapiten": {"list_lag": "-5s"}}`:  "kapiten.list_lag: must be a time such as",
		`{"kapiten": {"on_insufficient_funds": "ask"}}`:                   `kapiten.on_insufficient_funds: must be "wait" or "reject"`,
		`{"kapiten": {"pricing": {"colour": 1}}}`:                         "kapiten.pricing.colour: no such setting",
		`{"kapiten": {"options": {"seed": 1}}}`:                           "kapiten.options: is set by flags",
		`{"kapiten": {"callback_retries": "5s"}}`:                         "kapiten.callback_retries: must be a list",
		`{"kapiten": {"callback_retries": [5]}}`:                          "kapiten.callback_retries.0: must be a time",
		`{"kapiten": {"quirks": {"page_size": null}}}`:                    "kapiten.quirks.page_size: must not be null",
		`{"kasapay": {"balances": {"KES": "x"}}}`:                         "kasapay.balances.KES: ",
		`{"kapiten": {"routes": {"rides.create": {"path": "no slash"}}}}`: "kapiten: ",

		`{"kapiten": {"pricing": {"base_fare": -5}}}`:                                   "kapiten: kapitentest: prices must be between 0 and",
		`{"kapiten": {"pricing": {"overdraft_limit": 1000000000001}}}`:                  "kapiten: kapitentest: prices must be between 0 and",
		`{"kapiten": {"pricing": {"weight_fees": {"30": 1}}}}`:                          `kapiten: kapitentest: no weight range "30"`,
		`{"kapiten": {"pricing": {"weight_fees": {"0-5": -1}}}}`:                        "kapiten: kapitentest: prices must be between 0 and",
		`{"kapiten": {"max_top_up": -1}}`:                                               "kapiten: kapitentest: MaxTopUp is below zero",
		`{"kapiten": {"quirks": {"page_size": -1}}}`:                                    "kapiten: kapitentest: PageSize is below zero",
		`{"kpay": {"scenario": "failled"}}`:                                             `kpay: kpaytest: no scenario "failled"`,
		`{"kpay": {"scenario": "refunded"}}`:                                            `kpay: kpaytest: no scenario "refunded"`, // another fake's
		`{"kpay": {"quirks": {"postback_format": "xml"}}}`:                              `kpay: kpaytest: no postback format "xml"`,
		`{"kpay": {"retailers": [{"name": "Shop"}]}}`:                                   `kpay: kpaytest: the ID "" of a retailer`,
		`{"kpay": {"retailers": [{"id": "07"}, {"id": "07"}]}}`:                         `kpay: kpaytest: the ID "07" of a retailer`,
		`{"kasapay": {"scenario": "Paid"}}`:                                             `kasapay: kasapaytest: no scenario "Paid"`,
		`{"kasapay": {"service_codes": [""]}}`:                                          "kasapay: kasapaytest: a service code is empty",
		`{"kasapay": {"balances": {"KES": -5}}}`:                                        `kasapay: kasapaytest: the balance in "KES" is below zero`,
		`{"kasapay": {"quirks": {"refusal_status": 199}}}`:                              "kasapay: kasapaytest: 199 is no HTTP status",
		`{"kasapay": {"quirks": {"duplicate_status": 600}}}`:                            "kasapay: kasapaytest: 600 is no HTTP status",
		`{"kasapay": {"quirks": {"token_status": -1}}}`:                                 "kasapay: kasapaytest: -1 is no HTTP status",
		`{"kasapay": {"quirks": {"not_found_status": 40}}}`:                             "kasapay: kasapaytest: 40 is no HTTP status",
		`{"kotani": {"country": "UG"}}`:                                                 `kotani: kotanitest: no country "UG"`,
		`{"kotani": {"balances": {"KES": -5}}}`:                                         `kotani: kotanitest: the balance in "KES" is below zero`,
		`{"kotani": {"rates": {"KES": 0}}}`:                                             `kotani: kotanitest: the rate or value of "KES" is not above zero`,
		`{"kotani": {"quirks": {"hash_values": {"00ff": -1}}}}`:                         `kotani: kotanitest: the rate or value of "00ff" is not above zero`,
		`{"kotani": {"quirks": {"hash_value": -1}}}`:                                    "kotani: kotanitest: the value -1 is below zero",
		`{"kotani": {"quirks": {"claim_amount": -2}}}`:                                  "kotani: kotanitest: the value -2 is below zero",
		`{"kotani": {"fiat_connect": {"rates": {"KES": 0}}}}`:                           `kotani: kotanitest: the rate or value of "KES" is not above zero`,
		`{"kotani": {"fiat_connect": {"quirks": {"crypto_values": {"c": 0}}}}}`:         `kotani: kotanitest: the rate or value of "c" is not above zero`,
		`{"kotani": {"fiat_connect": {"quirks": {"min_value": -3}}}}`:                   "kotani: kotanitest: the value -3 is below zero",
		`{"kotani": {"fiat_connect": {"quirks": {"max_value": -4}}}}`:                   "kotani: kotanitest: the value -4 is below zero",
		`{"kotani": {"fiat_connect": {"quirks": {"min_value": 10001}}}}`:                "kotani: kotanitest: MinValue 10001 is above MaxValue 10000",
		`{"kotani": {"fiat_connect": {"quirks": {"fee_percent": 100}}}}`:                "kotani: kotanitest: a fee of 100 percent",
		`{"kotani": {"fiat_connect": {"chain_id": -1}}}`:                                "kotani: kotanitest: no chain -1",
		`{"kotani": {"fiat_connect": {"prefix": "fc"}}}`:                                `kotani: kotanitest: the prefix "fc" must begin with a slash`,
		`{"kotani": {"fiat_connect": {"prefix": "/fc/"}}}`:                              `kotani: kotanitest: the prefix "/fc/" must begin with a slash`,
		`{"bitpesa": {"rates": {"KES": 0}}}`:                                            `bitpesa: bitpesatest: the rate of "KES" is not above zero`,
		`{"bitpesa": {"keys": [{"key": "k", "secret": "s", "balances": {"USD": -1}}]}}`: `bitpesa: bitpesatest: key "k" has a balance in "USD" below zero`,
	} {
		var out bytes.Buffer
		over, cancel := context.WithCancel(t.Context())
		cancel() // a server that starts all the same ends at once
		err := Run(over, []string{"-addr", "127.0.0.1:0", "-config", configFile(t, text)}, &out, io.Discard)
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want, text)
		}
		assert.Empty(t, out.String(), "no greeting")
	}
	assert.Error(t, Run(t.Context(), []string{"-config", "/no/such/file"}, io.Discard, io.Discard))
}

// What stands at the edge of what is refused is served.
func TestAFileAtTheEdgeOfSenseIsServed(t *testing.T) {
	for _, text := range []string{
		`{"kapiten": {"pricing": {"base_fare": 0, "overdraft_limit": 1000000000000, "weight_fees": {"20+": 0}}, "max_top_up": 0, "quirks": {"page_size": 1}}}`,
		`{"kpay": {"scenario": "paid", "retailers": [], "quirks": {"postback_format": "form"}}}`,
		`{"kpay": {"scenario": "refused-no-funds", "quirks": {"postback_format": "form_labelled"}}}`,
		`{"kpay": {"scenario": ""}, "kasapay": {"scenario": ""}}`,
		`{"kasapay": {"scenario": "refunded", "service_codes": [], "balances": {"KES": 0}, "quirks": {"refusal_status": 200, "duplicate_status": 599}}}`,
		`{"kotani": {"country": "KE", "balances": {"KES": 0}, "rates": {"KES": "0.01"}, "quirks": {"hash_value": 0, "claim_amount": 0}}}`,
		`{"kotani": {"fiat_connect": {"rates": {}, "prefix": "/fc", "quirks": {"min_value": 5, "max_value": 5, "fee_percent": 99}}}}`,
		`{"kotani": {"fiat_connect": {"quirks": {"fee_percent": -1}}}}`,
		`{"bitpesa": {"rates": {"KES": "0.01"}, "keys": [{"key": "k", "secret": "s", "balances": {"USD": 0}}]}}`,
	} {
		greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, text))
		assert.NotEmpty(t, greeting["console"], text)
	}
}

// The greeting and the console show what the file has set: their credentials work.
func TestTheGreetingHasTheCredentialsOfTheFile(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, `{
		"kpay": {"username": "shop", "password": "pw1", "retailers": [{"id": "07", "name": "Shop"}]},
		"kasapay": {"consumer_key": "ck", "consumer_secret": "cs", "service_codes": ["99"], "balances": {"KES": "5"}},
		"kotani": {"country": "GH", "phone_number": "233200000000", "password": "pw2", "fiat_connect": {"chain_id": 42220}},
		"bitpesa": {"keys": [{"key": "k", "secret": "s"}, {"key": "kk", "secret": "ks", "kyc": true}]}
	}`))
	assert.Equal(t, map[string]any{
		"kapiten":     map[string]any{"note": "none to start with: create a company"},
		"kpay":        map[string]any{"username": "shop", "password": "pw1", "retailerid": "07"},
		"kasapay":     map[string]any{"consumer_key": "ck", "consumer_secret": "cs", "service_code": "99", "float": "as configured"},
		"kotani":      map[string]any{"phoneNumber": "233200000000", "countryCode": "GH", "password": "pw2"},
		"fiatconnect": map[string]any{"note": "SIWE with any wallet; an API key is optional", "chainId": "42220"},
		"bitpesa":     map[string]any{"key": "k", "secret": "s", "kyc_key": "kk", "kyc_secret": "ks", "balances": "as configured"},
	}, greeting["credentials"])
	status, body := ask(t, "POST", text(t, greeting, "kotani")+"/api/login", `{"phoneNumber":"233200000000","countryCode":"GH","password":"pw2"}`)
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "accessToken")

	status, body = ask(t, "GET", text(t, greeting, "console")+"console/start.json", "")
	assert.Equal(t, 200, status)
	for _, curl := range []string{
		`-u shop:pw1`, `\"retailerid\":\"07\"`, `\"consumer_key\":\"ck\",\"consumer_secret\":\"cs\"`,
		`\"phoneNumber\":\"233200000000\",\"countryCode\":\"GH\",\"password\":\"pw2\"`, `Authorization-Key: k\"`, `-hmac s |`,
	} {
		assert.Contains(t, body, strings.ReplaceAll(curl, `\\`, `\`))
	}
	assert.NotRegexp(t, `\{[a-z_A-Z]+\}`, body, "no place is left open")
}

// What Kotani's fake can be set up with holds over HTTP.
func TestKotaniIsSetUpByTheFile(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, `{"kotani": {
		"country": "GH", "ends_after": "30s", "quirks": {"flat_responses": true}, "fiat_connect": {"strict_quotes": true}
	}}`))
	login := func(country string) int {
		status, _ := ask(t, "POST", text(t, greeting, "kotani")+"/api/login", `{"phoneNumber":"254700000000","countryCode":"`+country+`","password":"test-password"}`)
		return status
	}
	assert.Equal(t, []int{200, 200, 400}, []int{login("GH"), login("GHA"), login("KEN")})
	client, err := kotani.New(kotani.Config{BaseURL: text(t, greeting, "kotani"), PhoneNumber: "254700000000", CountryCode: "GH", Password: "test-password"})
	require.NoError(t, err)
	deposit, err := client.Fiat.Deposit(t.Context(), kotani.DepositParams{Amount: decimal.NewFromInt(10), PhoneNumber: "233241234567", ExternalID: "in-1"})
	require.NoError(t, err)
	assert.Regexp(t, `^\{"id":"`, deposit.Raw.String(), "flat_responses")
	assert.NotContains(t, deposit.Raw.String(), `"result"`)
	for _, step := range []struct {
		seconds int
		want    kotani.TransactionStatus
	}{{0, kotani.StatusPending}, {29, kotani.StatusPending}, {1, kotani.StatusSuccessful}} {
		status, body := ask(t, "POST", text(t, greeting, "admin")+"/clock/advance", fmt.Sprintf(`{"seconds":%d}`, step.seconds))
		require.Equal(t, 200, status, body)
		found, err := client.Fiat.Get(t.Context(), deposit.RequestID)
		require.NoError(t, err)
		assert.Equal(t, step.want, found.Status, "ends_after")
		assert.Regexp(t, `^\{.*"id":"`+deposit.RequestID+`"`, found.Raw.String(), "flat_responses")
	}
	status, body := ask(t, "POST", text(t, greeting, "fiatconnect")+"/quote/in", `{"fiatType":"KES","cryptoType":"cUSD","fiatAmount":"1300","country":"KE"}`)
	assert.Equal(t, 400, status, body)
}
