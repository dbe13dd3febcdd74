package kotanitest_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestKYCIsApprovedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	status, response := w.call("GET", kycPath+"/status", nil)
	w.want(404, "ResourceNotFound", status, response)
	status, response = w.post(kycPath, document)
	w.want(200, "", status, response)
	assert.Equal(t, "KycApproved", response["kycStatus"])
	assert.NotContains(t, response["kycData"], "selfieDocument")
	status, response = w.post(kycPath, document)
	w.want(409, "ResourceExists", status, response)
	status, response = w.call("GET", kycPath+"/status", nil)
	w.want(200, "", status, response)
	assert.Equal(t, "KycApproved", response["kycStatus"])
	status, _ = w.call("GET", "/kyc/PersonalDataAndDocumentsDetailed/status", nil)
	assert.Equal(t, 404, status, "one record per schema")
	status, _ = w.as(bob).call("GET", kycPath+"/status", nil)
	assert.Equal(t, 404, status, "per user")
	status, response = w.call("DELETE", kycPath, nil)
	assert.Equal(t, 200, status)
	assert.Equal(t, object{}, response, "an object, never an empty body")
	status, response = w.call("DELETE", kycPath, nil)
	w.want(404, "ResourceNotFound", status, response)
	w.addKYC()
}

func TestPendingKYCEndsOnTheClock(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{PendingKYC: true})
	get := func() any {
		_, response := w.call("GET", kycPath+"/status", nil)
		return response["kycStatus"]
	}
	_, response := w.post(kycPath, document)
	assert.Equal(t, "KycPending", response["kycStatus"])
	w.Advance(10*time.Second - 1)
	assert.Equal(t, "KycPending", get())
	w.Advance(1)
	assert.Equal(t, "KycApproved", get())

	w.call("DELETE", kycPath, nil)
	w.post(kycPath, document)
	w.Advance(5 * time.Second)
	w.call("DELETE", kycPath, nil)
	w.post(kycPath, document)
	w.Advance(5 * time.Second)
	assert.Equal(t, "KycPending", get(), "the deleted record's approval is not the new one's")
	require.NoError(t, w.MoveKYC(alice, "PersonalDataAndDocuments", kotani.KYCDenied))
	w.Advance(time.Hour)
	assert.Equal(t, "KycDenied", get(), "a test said otherwise")
}

func TestKYCSchemas(t *testing.T) {
	t.Parallel()
	detailed := document.with("identificationDocument", nil).with("email", "j@example.com").
		with("identificationDocumentType", "IDC").with("identificationDocumentFront", "aGk=").with("identificationDocumentBack", "aGk=")
	own := object{
		"firstName": "Jane", "lastName": "Doe", "phoneNumber": "0712345678", "localCurrency": "KES", "celoPublicAddress": alice,
		"address": object{}, "dateOfBirth": object{},
	}
	const first, second = "PersonalDataAndDocuments", "PersonalDataAndDocumentsDetailed"
	for name, tc := range map[string]struct {
		schema string
		body   any
		code   string
	}{
		"first":                {first, document, ""},
		"national phone":       {first, document.with("phoneNumber", "0712345678"), ""},
		"middle name":          {first, document.with("middleName", "M"), ""},
		"detailed":             {second, detailed, ""},
		"passport has no back": {second, detailed.with("identificationDocumentType", "PAS").with("identificationDocumentBack", nil), ""},
		"Kotani's own":         {first, own, ""},
		"cedis in Kenya":       {first, own.with("localCurrency", "GHS").with("phoneNumber", "+254712345678"), "InvalidSchema"},
		"cedis in Ghana":       {first, own.with("localCurrency", "GHS").with("phoneNumber", "+233201234567"), ""},
		"own under the second": {second, own, ""},
		"unknown schema":       {"NameAndAddress", document, "UnsupportedSchema"},
		"no first name":        {first, document.with("firstName", nil), "InvalidSchema"},
		"number as name":       {first, document.with("firstName", 5), "InvalidSchema"},
		"no selfie":            {first, document.with("selfieDocument", nil), "InvalidSchema"},
		"no document":          {first, document.with("identificationDocument", nil), "InvalidSchema"},
		"no birthday":          {first, document.with("dateOfBirth", nil), "InvalidSchema"},
		"half a birthday":      {first, document.with("dateOfBirth", object{"day": "1"}), "InvalidSchema"},
		"no city":              {first, document.with("address", object{"address1": "1", "isoCountryCode": "KE", "isoRegionCode": "1"}), "InvalidSchema"},
		"middle name a list":   {first, document.with("middleName", []int{}), "InvalidSchema"},
		"the other's body":     {second, document, "InvalidSchema"},
		"IDC needs a back":     {second, detailed.with("identificationDocumentBack", nil), "InvalidSchema"},
		"DL needs a back":      {second, detailed.with("identificationDocumentType", "DL").with("identificationDocumentBack", nil), "InvalidSchema"},
		"unknown document":     {second, detailed.with("identificationDocumentType", "X"), "InvalidSchema"},
		"own without currency": {first, own.with("localCurrency", nil), "InvalidSchema"},
		"own without address":  {first, own.with("address", nil), "InvalidSchema"},
		"nothing":              {first, object{}, "InvalidSchema"},
		"no JSON":              {first, "{", "InvalidParameters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t, kotanitest.FiatConnectConfig{})
			status, response := w.post("/kyc/"+tc.schema, tc.body)
			if tc.code == "" {
				w.want(200, "", status, response)
			} else {
				w.want(400, tc.code, status, response)
			}
		})
	}
	strict := newWallet(t, kotanitest.FiatConnectConfig{Quirks: kotanitest.FiatConnectQuirks{StrictPhones: true}})
	status, response := strict.post(kycPath, document.with("phoneNumber", "0712345678"))
	strict.want(400, "InvalidSchema", status, response)
	strict.addKYC()
}

func TestAccountSchemas(t *testing.T) {
	t.Parallel()
	bankOf := func(o object) object {
		return o.with("accountName", "Jane").with("institutionName", "Bank").with("fiatAccountType", "BankAccount")
	}
	number := bankOf(object{"accountNumber": "0123456789", "country": "NG"})
	pix := func(kind, key string) object { return bankOf(object{"keyType": kind, "key": key}) }
	for name, tc := range map[string]struct {
		schema string
		data   any
		code   string
	}{
		"number":          {"AccountNumber", number, ""},
		"mobile":          {"MobileMoney", mobile, ""},
		"national mobile": {"MobileMoney", mobile.with("mobile", "0712345678"), ""},
		"dunia":           {"DuniaWallet", object{"accountName": "J", "institutionName": "D", "fiatAccountType": "DuniaWallet", "mobile": "+221"}, ""},
		"iban":            {"IBANNumber", bankOf(object{"iban": "DE89", "country": "DE"}), ""},
		"ifsc":            {"IFSCAccount", bankOf(object{"ifsc": "HDFC0000001", "accountNumber": "1", "country": "IN"}), ""},
		"pix mail":        {"PIXAccount", pix("EMAIL", "a@b.c"), ""},
		"pix cpf":         {"PIXAccount", pix("CPF", "123.456.789-00"), ""},
		"pix phone":       {"PIXAccount", pix("PHONE", "12345678901"), ""},
		"pix random":      {"PIXAccount", pix("RANDOM", "123e4567-e89b-42d3-a456-426614174000"), ""},
		"unknown":         {"Cash", number, "UnsupportedSchema"},
		"no data":         {"AccountNumber", nil, "InvalidSchema"},
		"text as data":    {"AccountNumber", "x", "InvalidSchema"},
		"no number":       {"AccountNumber", number.with("accountNumber", nil), "InvalidSchema"},
		"numeric number":  {"AccountNumber", number.with("accountNumber", 123), "InvalidSchema"},
		"no name":         {"AccountNumber", number.with("accountName", ""), "InvalidSchema"},
		"wrong type":      {"AccountNumber", number.with("fiatAccountType", "MobileMoney"), "InvalidSchema"},
		"short ifsc":      {"IFSCAccount", bankOf(object{"ifsc": "HDFC", "accountNumber": "1", "country": "IN"}), "InvalidSchema"},
		"pix mail bad":    {"PIXAccount", pix("EMAIL", "a"), "InvalidSchema"},
		"pix cpf bad":     {"PIXAccount", pix("CPF", "12345678900"), "InvalidSchema"},
		"pix phone bad":   {"PIXAccount", pix("PHONE", "+2345678901"), "InvalidSchema"},
		"pix random bad":  {"PIXAccount", pix("RANDOM", "x"), "InvalidSchema"},
		"pix kind bad":    {"PIXAccount", pix("X", "x"), "InvalidSchema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t, kotanitest.FiatConnectConfig{})
			status, response := w.post("/accounts", object{"fiatAccountSchema": tc.schema, "data": tc.data})
			if tc.code == "" {
				w.want(200, "", status, response)
				assert.Equal(t, tc.schema, response["fiatAccountSchema"])
			} else {
				w.want(400, tc.code, status, response)
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	list := func(w *wallet) object { _, response := w.call("GET", "/accounts", nil); return response }
	assert.Equal(t, object{}, list(w))
	id := w.addAccount(mobile) // before any KYC
	status, response := w.post("/accounts", account("MobileMoney", mobile.with("accountName", "other name")))
	w.want(409, "ResourceExists", status, response)
	status, response = w.post("/accounts", account("MobileMoney", mobile.with("country", "GH")))
	w.want(400, "InvalidSchema", status, response)
	second := w.addAccount(mobile.with("mobile", "+254712345679"))
	assert.Len(t, list(w)["MobileMoney"], 2)
	assert.Equal(t, map[string]any{
		"fiatAccountId": id, "accountName": "Jane", "institutionName": "M-Pesa",
		"fiatAccountType": "MobileMoney", "fiatAccountSchema": "MobileMoney",
	}, list(w)["MobileMoney"].([]any)[0])

	b := w.as(bob)
	assert.Equal(t, object{}, list(b))
	b.addAccount(mobile)
	status, response = b.call("DELETE", "/accounts/"+id, nil)
	b.want(404, "ResourceNotFound", status, response)
	status, response = w.call("DELETE", "/accounts/"+id, nil)
	assert.Equal(t, 200, status)
	assert.Equal(t, object{}, response)
	status, response = w.call("DELETE", "/accounts/"+id, nil)
	w.want(404, "ResourceNotFound", status, response)
	status, _ = w.call("DELETE", "/accounts/"+second, nil)
	assert.Equal(t, 200, status)
	assert.Equal(t, object{}, list(w), "no empty lists")
	third := w.addAccount(mobile)
	require.Len(t, w.FiatAccounts(), 2)
	stored, known := w.FiatAccount(third)
	assert.True(t, known)
	assert.Equal(t, stored, w.FiatAccounts()[1], "oldest first")
	_, known = w.FiatAccount(id)
	assert.False(t, known)
}

func TestMoveKYC(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	const schema = "PersonalDataAndDocuments"
	require.ErrorIs(t, w.MoveKYC("x", schema, kotani.KYCDenied), fake.ErrNotFound)
	require.ErrorIs(t, w.MoveKYC(alice, "x", kotani.KYCDenied), fake.ErrNotFound)
	require.ErrorIs(t, w.MoveKYC(alice, schema, kotani.KYCNotCreated), fake.ErrIllegalMove)
	assert.Empty(t, w.KYCRecords())
	require.NoError(t, w.MoveKYC(alice, schema, kotani.KYCDenied))
	require.NoError(t, w.MoveKYC(bob, schema, kotani.KYCApproved))
	require.NoError(t, w.MoveKYC(strings.ToLower(alice), schema, kotani.KYCExpired))
	record, known := w.KYC(alice, schema)
	assert.True(t, known)
	assert.Equal(t, kotani.KYCExpired, record.Status)
	require.Len(t, w.KYCRecords(), 2)
	assert.Equal(t, record, w.KYCRecords()[0], "oldest first")
	_, known = w.KYC(bob, "x")
	assert.False(t, known)
}

func TestAdminMovesKYC(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	for _, tc := range []struct {
		body, field string
	}{
		{`{"address":"` + alice + `","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycExpired"}`, ""},
		{`{"address":"x","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycExpired"}`, "address"},
		{`{"address":"` + alice + `","kycSchema":"x","kycStatus":"KycExpired"}`, "kycSchema"},
		{`{"address":"` + alice + `","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycNotCreated"}`, "kycStatus"},
		{`{"kyc":"x"}`, "kyc"},
	} {
		rec := httptest.NewRecorder()
		w.Admin().ServeHTTP(rec, httptest.NewRequest("POST", "/_fake/fiatconnect/kyc", strings.NewReader(tc.body)))
		if tc.field == "" {
			assert.Equal(t, 200, rec.Code, rec.Body)
			continue
		}
		assert.Equal(t, 400, rec.Code, rec.Body)
		assert.Contains(t, rec.Body.String(), `"field":"`+tc.field+`"`)
	}
	_, response := w.call("GET", kycPath+"/status", nil)
	assert.Equal(t, "KycExpired", response["kycStatus"])
}
