package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsAreNamedBeforeAnythingIsAsked(t *testing.T) {
	var out, log bytes.Buffer
	env := func(name string) string { return map[string]string{"KPAY_BASE_URL": "https://kpay.example"}[name] }
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "kpay"}, env, &out, &log))
	assert.Equal(t, "conform: set KPAY_USERNAME, KPAY_PASSWORD, KPAY_RETAILER_ID\n", log.String())
	for provider, want := range map[string]string{
		"kapiten": "KAPITEN_TOKEN, KAPITEN_COMPANY_ID, KAPITEN_SENDER_PHONE, KAPITEN_RECEIVER_PHONE",
		"kpay":    "KPAY_USERNAME, KPAY_PASSWORD, KPAY_RETAILER_ID, KPAY_MSISDN",
		"kasapay": "KASAPAY_CONSUMER_KEY, KASAPAY_CONSUMER_SECRET, KASAPAY_SERVICE_CODE, KASAPAY_PAYBILL",
		"kotani":  "KOTANI_PHONE, KOTANI_COUNTRY, KOTANI_PASSWORD, KOTANI_MSISDN",
	} {
		log.Reset()
		env := func(name string) string {
			return map[string]string{strings.ToUpper(provider) + "_BASE_URL": "https://nowhere.example"}[name]
		}
		assert.Equal(t, 2, run(t.Context(), []string{"-provider", provider, "-spend"}, env, &out, &log))
		assert.Equal(t, "conform: set "+want+"\n", log.String())
	}
	log.Reset()
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "visa"}, env, &out, &log))
	assert.Contains(t, log.String(), "kapiten, kpay, kasapay, kotani, fiatconnect, bitpesa")
	assert.Empty(t, out.String())
}

// The fake accepts its own credentials: it must not answer for those of a merchant.
func TestCredentialsWithoutAURLAreRefused(t *testing.T) {
	for provider, name := range map[string]string{
		"kapiten": "KAPITEN_TOKEN", "kpay": "KPAY_PASSWORD", "kasapay": "KASAPAY_CONSUMER_SECRET",
		"kotani": "KOTANI_PASSWORD", "fiatconnect": "FIATCONNECT_API_KEY", "bitpesa": "BITPESA_SECRET",
	} {
		var out, log bytes.Buffer
		env := func(asked string) string { return map[string]string{name: "wrong"}[asked] }
		assert.Equal(t, 2, run(t.Context(), []string{"-provider", provider}, env, &out, &log))
		base := strings.ToUpper(provider) + "_BASE_URL"
		assert.Equal(t, "conform: "+name+" is set, and "+base+" is not: set both, or neither for the embedded fake\n", log.String())
		assert.Empty(t, out.String())
	}
}

// A merchant learns before he goes live that a server refuses his credentials.
// FiatConnect has no row: without a session nothing is read with credentials.
func TestRefusedCredentialsAreNotAsAssumed(t *testing.T) {
	for provider, says := range map[string]func(*http.Request) *http.Response{
		"kapiten": status(401, "", `{"detail":"Invalid token."}`),
		"kpay":    status(200, "", `{"success":0,"retcode":600,"reply":"Invalid username / password combination"}`),
		"kasapay": status(401, "", `{"statusCode":401,"message":"Invalid credentials","error":"Unauthorized"}`),
		"kotani":  status(401, "", "Unauthorized"),
		"bitpesa": status(401, "", `{"error":"Unauthorized"}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			text, code := printed(t, openDistorted(t, provider, &distortion{says: says}), false)
			assert.Equal(t, 2, code, text)
			assert.Contains(t, text, "credentials: refused by", provider)
		})
	}
}

// Nothing of a person or of the credentials is printed.
func TestTheReportHoldsNoPersonalDatum(t *testing.T) {
	for _, p := range providers {
		target, err := p.open(func(string) string { return "" }, false)
		require.NoError(t, err)
		var out, log bytes.Buffer
		conform(t.Context(), target, options{spend: true, json: true}, &out, &log)
		target.close()
		for _, secret := range []string{"0788", "+2547", "254711", "email@domain.com", "Kampala", "Bearer", "Token ", target.ids["company_id"], target.ids["user_id"]} {
			if secret != "" {
				assert.NotContains(t, out.String(), secret, p.name)
			}
		}
	}
}

// A server that repeats all it hears, in every place that conform looks at.
func TestNothingThatTheServerRepeatsIsPrinted(t *testing.T) {
	var heard atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Allow", "PLANTED-secret, +250788123456, Plantedname, PATCH")
		said := map[string]any{"PLANTED-secret": 1, "0788 123 456": 2, "jane@planted.example": 3, "status": "0788123456", "statusid": "0788123456", "payment_status": "0788123456",
			"retcode": "0788123456", "code": "PLANTED-secret", "detail": "0788123456 PLANTED-secret", "desc": "0788123456 PLANTED-secret", "message": "jane@planted.example", "error": "PLANTED-secret",
			"refid": "0788123456", "external_id": "0788123456", "error_code": "0788123456", "response_code": 720, "access_token": "PLANTED-secret", "expiresIn": 788123456}
		said["results"], said["result"], said["object"] = []any{said["status"], map[string]any{"status": "0788123456", "0788123456": 1}}, map[string]any{"status": "0788123456", "token": "PLANTED-secret", "+250788123456": 1}, []any{}
		w.WriteHeader([]int{200, 200, 405, 400, 422, 200}[int(heard.Load())%6])
		_ = json.NewEncoder(w).Encode(said)
	}))
	defer server.Close()
	for _, p := range providers {
		for _, extra := range []string{"-json", "-json=false"} {
			env := func(name string) string {
				switch {
				case strings.HasSuffix(name, "_BASE_URL"):
					return server.URL
				case strings.HasSuffix(name, "PHONE"), strings.HasSuffix(name, "MSISDN"):
					return "+250788123456"
				case name == "KOTANI_COUNTRY":
					return "KE"
				case strings.HasSuffix(name, "PAYBILL"):
					return "565601"
				}
				return "PLANTED-secret"
			}
			var out, log bytes.Buffer
			run(t.Context(), []string{"-provider", p.name, "-spend", "-patience", "1ms", extra}, env, &out, &log)
			assert.NotEmpty(t, out.String(), p.name+log.String())
			for _, planted := range []string{"PLANTED", "Planted", "788123456", "123 456", "planted.example"} {
				assert.NotContains(t, out.String()+log.String(), planted, p.name)
			}
		}
	}
	assert.NotZero(t, heard.Load())
}

// Where the names of members are data, such as the users of a list by phone number, no
// name is printed.
func TestNoNameOfAMemberThatIsAPersonIsPrinted(t *testing.T) {
	for provider, bodies := range map[string]map[string]string{
		"kotani": {
			"/kyc/users":                  `{"data":{"Plantedname":{"userId":"u","new":1},"254711222333":{"userId":"u"}}}`,
			"/kyc/user/getDetailsByPhone": `{"userRecord":{"phoneNumber":"254711222333","firstname":"Plantedname","new":1}}`,
		},
		"fiatconnect": {
			"/quote/out": `{"quote":{"transferType":"TransferOut","new":1},"kyc":{"kycSchemas":[{"kycSchema":"X","allowedValues":{"Plantedname":["x"]}}]},
				"fiatAccount":{"Plantedname":{"fiatAccountSchemas":[{"fiatAccountSchema":"Plantedname","allowedValues":{"Plantedname":["x"]}}]}}}`,
		},
		"bitpesa": {
			"/v1/senders": `{"object":[{"id":"s","state":"approved","first_name":"Plantedname","new":1,"metadata":{"Plantedname":1},
				"providers":{"Plantedname":1},"errors":{"Plantedname":["x"]}}],"meta":{"Plantedname":1,"pagination":{"total_count":1}}}`,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			says := func(r *http.Request) *http.Response {
				for path, body := range bodies {
					if strings.HasSuffix(r.URL.Path, path) {
						return textResponse(r, http.StatusOK, body)
					}
				}
				return nil
			}
			text, _ := printed(t, openDistorted(t, provider, &distortion{says: says}), false)
			assert.Equal(t, len(bodies), strings.Count(text, "new;"), "the new field of each is told:\n%s", text)
			assert.NotContains(t, text, "Planted")
			assert.NotContains(t, text, "254711222333")
		})
	}
}
