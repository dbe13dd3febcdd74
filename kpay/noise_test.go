package kpay_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestNoiseInFieldsThatDecideNothingCostsNoResponse(t *testing.T) {
	for _, field := range []string{"reply", "url", "authkey", "tid", "momtransactionid", "payaccount", "statusdesc", "statusmsg", "message"} {
		for _, value := range []string{"false", "true", "[]", "{}", `["x"]`, `{"a":{}}`, "null", "1.5e3"} {
			noise := `,"` + field + `":` + value + `}`
			client, _ := newClient(t, []step{respond(200, "\xef\xbb\xbf"+`{"refid":"order-1","retcode":0`+noise), respond(200, `{"refid":"order-1","statusid":"01"`+noise)})
			pending, err := client.Pay(t.Context(), validPay())
			require.NoError(t, err, noise)
			paid, err := client.Find(t.Context(), "order-1")
			require.NoError(t, err, noise)
			posted, err := kpay.ParsePostback([]byte(`{"refid":"order-1","statusid":"01"` + noise))
			require.NoError(t, err, noise)
			if value == "1.5e3" {
				continue // a text, as a number is
			}
			for want, got := range map[kpay.Code][]kpay.Payment{kpay.CodeProcessing: {*pending}, kpay.CodePaid: {*paid, posted}} {
				for _, p := range got {
					p.Raw = nil
					assert.Equal(t, kpay.Payment{RefID: "order-1", Status: want}, p, noise)
				}
			}
		}
	}
}

// KPay may return a refid of digits as a number, which has no leading zeros.
func TestAnAllDigitRefIDMatchesItsNumber(t *testing.T) {
	for shown, same := range map[string]bool{
		`12`: true, `"12"`: true, `" 12 "`: true, `12.0`: false, `1.2e1`: false, `"012"`: false, `120`: false, `"1 2"`: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := validPay()
			p.RefID = "12"
			client, _ := newClient(t, []step{respond(200, `{"refid":`+shown+`,"retcode":0}`)})
			payment, err := client.Pay(t.Context(), p)
			if !same {
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, shown)
				return
			}
			require.NoError(t, err, shown)
			assert.Equal(t, "12", payment.RefID)
			posted, err := kpay.ParsePostback([]byte(`{"refid":` + shown + `,"statusid":1}`))
			require.NoError(t, err, shown)
			assert.Equal(t, "12", posted.RefID)
		})
	}
	for refID, good := range map[string]bool{"0012": false, "01": false, "00": false, "0123456789": false, "0": true, "10": true, "0x12": true, "0-12": true, "12a": true, "A012": true} {
		p := validPay()
		p.RefID = refID
		client, s := newClient(t, []step{respond(200, `{"refid":"`+refID+`","retcode":0}`)})
		_, err := client.Pay(t.Context(), p)
		if good {
			assert.NoError(t, err, refID)
			continue
		}
		var e *sdk.Error
		require.ErrorAs(t, err, &e, refID)
		assert.Equal(t, sdk.NotSent, e.Outcome)
		assert.Contains(t, e.Fields, "refid")
		assert.Empty(t, s.Requests())
	}
}

func TestPhoneNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for written, sent := range map[string]string{
		"0788300000": "0788300000", "788300000": "0788300000", "+250788300000": "250788300000", "00250788300000": "250788300000", "250788300000": "250788300000",
		"0788 300 000": "0788300000", "0788-300-000": "0788300000", "0788.300.000": "0788300000", "(0788) 300000": "0788300000", "+250\u00a0788\u00a0300\u00a0000": "250788300000",
		"\u200e+250788300000": "250788300000", "+250788300000\u200f": "250788300000",
		// Not of any report: a zero that is dialled at home only, dashes of typesetters, a
		// plus sign and spaces of other scripts, and what surrounds a copied number.
		"+250 (0)788 300 000": "250788300000", "\u200e+250 (0)788 300 000": "250788300000", "(+250) ( 0 )788300000": "250788300000", "0788\u2013300\u2011000": "0788300000", "\uff0b250\u3000788300000": "250788300000", "\t0788300000\r\n": "0788300000", "\u202a+250788300000\u202c": "250788300000",
		"07 88 30 00 00": "0788300000", "00 250 788 300 000": "250788300000",
	} {
		p := validPay()
		p.MSISDN = written
		body := wireBody(t, p)
		assert.Equal(t, `"`+sent+`"`, string(body["msisdn"]), "%q", written)
		assert.Equal(t, `"`+string(kpay.BankMTN)+`"`, string(body["bankid"]), "%q", written)
	}
	for _, written := range []string{
		"", " ", "0788", "call me", "0788300000x", "+0788300000", "++250788300000", "0788+300000", "1234567890123456", "0788/300000", "0788300000, 0788300001", "\u0660\u0667\u0668\u0668\u0663\u0660\u0660\u0660\u0660\u0660", "tel:0788300000", "+250 788 (0) 300000", "0788\xff300000",
	} {
		for _, method := range []kpay.Method{kpay.MethodMoMo, kpay.MethodCard} {
			client, s := newClient(t, []step{respond(200, pending)})
			p := validPay()
			p.MSISDN, p.Method = written, method
			_, err := client.Pay(t.Context(), p)
			var e *sdk.Error
			require.ErrorAs(t, err, &e, "%q", written)
			assert.Equal(t, map[string][]string{"msisdn": {"must be a phone number of 9 to 15 digits"}}, e.Fields, "%q", written)
			assert.Empty(t, s.Requests())
		}
	}
}

func TestSecretsThatEndInWhiteSpaceAreRefusedAllAtOnce(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", " ", "\t", "\u00a0", "\u2028", "\x00", "\x7f", "\xff"} {
		_, err := kpay.New(kpay.Config{Username: "planted" + end, Password: "planted" + end, APIKey: "planted" + end})
		require.Error(t, err)
		for _, field := range []string{"BaseURL", "Username", "Password", "APIKey"} {
			assert.ErrorContains(t, err, "kpay: "+field, "%q", end)
		}
		assert.NotContains(t, err.Error(), "planted")
	}
}

// A postback that a proxy or a framework has dressed anew is read, or refused when it
// can be read in two ways.
func TestPostbacksInOddDressAreReadForCertainOrRefused(t *testing.T) {
	const object = `{"refid":"order-1","statusid":"01"}`
	escaped := url.QueryEscape(object)
	for body, status := range map[string]kpay.Code{
		`data=` + object: kpay.CodePaid, object + `=`: kpay.CodePaid, `data=` + escaped: kpay.CodePaid, escaped + `=`: kpay.CodePaid,
		multipartOf("data", object): kpay.CodePaid, multipartOf("refid", "order-1", "statusid", "01"): kpay.CodePaid,
		`refid=order-1&statusid=01&statusdesc=100% paid`: kpay.CodePaid, `refid=order-1&statusid=01&statusdesc=a;b`: kpay.CodePaid,
		// Not of any report.
		`payload=` + escaped: kpay.CodePaid, "\xef\xbb\xbfrefid=order-1&statusid=01": kpay.CodePaid, `&refid=order-1&&statusid=02&`: kpay.CodeFailed, escaped: kpay.CodePaid,
		`statusid=01&refid=order%2D1`: kpay.CodePaid, `refid=order-1&statusid=%2001%20`: kpay.CodePaid, multipartOf("note", "100% ; =", "refid", "order-1", "statusid", "03"): kpay.CodePending,
		"data=\xef\xbb\xbf" + object: kpay.CodePaid, `data=%EF%BB%BF` + escaped: kpay.CodePaid, multipartOf("data", "\xef\xbb\xbf"+object): kpay.CodePaid,
		`refid=order-1&statusid=01&x;y=a`: kpay.CodePaid,
		`data=` + object + "\n":           kpay.CodePaid, object + "=\r\n": kpay.CodePaid,

		`refid=order-1&statusid=01&x;statusid=02`: "", `refid;x=1&refid=order-1&statusid=01`: "", `desc=a;re%66id=2&refid=order-1&statusid=01`: "", `a=1;+refid=2&refid=order-1&statusid=01`: "",
		`refid=order-1&statusid=01&x=a; statusid =02`: "",
		`refid=order-1&statusid=0%`:                   "", `refid=order%&statusid=01`: "", `refid=order-1;statusid=01`: "", `statusid=02&refid=order-1&x=1;statusid=01`: "", `data=` + object + `;statusid=02`: "",
		object + object: "", `data=` + object + `&statusid=02`: "", multipartOf("refid", "order-1", "statusid", "01", "refid", "order-2"): "", "--x": "", `a=b=` + object: "",
		`statusid[]=01&refid=order-1`: "", multipartOf("data", object[:20]): "",
	} {
		got, err := kpay.ParsePostback([]byte(body))
		if status == "" {
			assert.Error(t, err, body)
			continue
		}
		require.NoError(t, err, body)
		assert.Equal(t, "order-1", got.RefID, body)
		assert.Equal(t, status, got.Status, body)
	}
}

// decoders read each thing that KPay sends. good has what decides; %s is one field more.
var decoders = []struct {
	good string
	read func(t *testing.T, body string) error
}{
	{`{"refid":"order-1","retcode":0,%s}`, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Pay(t.Context(), validPay())
		return err
	}},
	{`{"refid":"order-1","statusid":"01",%s}`, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Find(t.Context(), "order-1")
		return err
	}},
	{`{"refid":"order-1","tid":"A1","statusid":"01",%s}`, func(t *testing.T, body string) error {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Get(t.Context(), "A1")
		return err
	}},
	{`{"refid":"order-1","statusid":"01",%s}`, func(_ *testing.T, body string) error {
		_, err := kpay.ParsePostback([]byte(body))
		return err
	}},
	{`data={"refid":"order-1","statusid":"01",%s}`, func(_ *testing.T, body string) error {
		if strings.ContainsAny(body, "&;%+=") {
			body = "data=" + url.QueryEscape(strings.TrimPrefix(body, "data="))
		}
		_, err := kpay.ParsePostback([]byte(body))
		return err
	}},
}

func FuzzNoiseBesideWhatDecides(f *testing.F) {
	for i := range decoders {
		f.Add(uint8(i), "url", `{"a":1}`)
		f.Add(uint8(i), "momtransactionid", `[false]`)
		f.Add(uint8(i), "authkey", `true`)
		f.Add(uint8(i), "RefID", `{}`)
		f.Add(uint8(i), "\u017ftatusid", `"02"`)
		f.Add(uint8(i), "RETCODE", `608`)
	}
	f.Fuzz(func(t *testing.T, which uint8, field, value string) {
		name, err := json.Marshal(field)
		if slices.Contains([]string{"refid", "statusid", "retcode", "tid", "success"}, field) {
			return
		}
		if err != nil || !json.Valid([]byte(value)) {
			return
		}
		decoder := decoders[int(which)%len(decoders)]
		body := strings.Replace(decoder.good, "%s", string(name)+`:`+value, 1)
		if err := decoder.read(t, body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	})
}

// A key in another case is another key. Of a key that stands twice the last one counts.
func TestKeysInAnotherCaseDecideNothing(t *testing.T) {
	for _, side := range []string{`"RefID":{}`, `"refId":"other"`, `"StatusId":"02"`, `"STATUSID":[]`, `"RetCode":608`, `"Success":0`, `"ſtatusid":"02"`} {
		for _, decoder := range decoders {
			body := strings.Replace(decoder.good, "%s", side, 1)
			require.NoError(t, decoder.read(t, body), body)
		}
	}
	for body, want := range map[string]kpay.Code{
		`{"refid":"order-1","statusid":"02","StatusId":"01"}`:      kpay.CodeFailed,
		`{"StatusId":"02","refid":"order-1","statusid":"01"}`:      kpay.CodePaid,
		`{"refid":"order-1","statusid":"02","statusid":"01"}`:      kpay.CodePaid,
		`{"refid":"order-1","\u0073tatusid":"01","STATUSID":"02"}`: kpay.CodePaid,
	} {
		client, _ := newClient(t, []step{respond(200, body)})
		got, err := client.Find(t.Context(), "order-1")
		require.NoError(t, err, body)
		require.Equal(t, want, got.Status, body)
	}
	client, _ := newClient(t, []step{respond(200, `{"refid":"order-1","StatusId":"01"}`)})
	got, err := client.Find(t.Context(), "order-1")
	require.Error(t, err)
	require.Nil(t, got)
}

func TestAForeignNumberIsReadAsOne(t *testing.T) {
	for _, text := range []string{"00788300000", "+788300000", "00 788 300 000"} {
		p := validPay()
		p.MSISDN = text
		client, _ := newClient(t, nil)
		_, err := client.Pay(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrValidation, text)
		require.ErrorContains(t, err, "msisdn")
	}
	for text, sent := range map[string]string{"+250788300000": "250788300000", "00250788300000": "250788300000", "788300000": "0788300000"} {
		p := validPay()
		p.MSISDN = text
		client, script := newClient(t, []step{respond(200, `{"refid":"order-1","retcode":0}`)})
		_, err := client.Pay(t.Context(), p)
		require.NoError(t, err, text)
		require.Contains(t, script.Requests()[0].Body, `"msisdn":"`+sent+`"`, text)
	}
}
