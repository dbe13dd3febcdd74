package kapitentest_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func TestBrokenJSONIsRefusedAsAParseError(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	for _, body := range []string{
		`{`,
		`not json`,
		`[1`,
		`{"a":1}x`,
		`{"a":1,}`,
		`{"a":NaN}`,
		`[Infinity]`,
		`-Infinity`,
		` `,
		`[1,]`,
		`[`,
		`{"a"}`,
		`{"a":}`,
		`{"a":1 "b":2}`,
		`{1:2}`,
		`{"é":1,` + "\n" + ` x`,
		`"abc`,
		`"abc\`,
		"\"a\tb\"",
		`"\x"`,
		`"\u12"`,
		`"\u12g4"`,
		`01`,
		`-`,
		`1.`,
		`tru`,
		"\uFEFF{}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xc3(\"}",
		strings.Repeat("[", 2000),
	} {
		r := send(t, srv, "POST", "/api/companies/", body)
		assert.Equal(t, 400, r.status, body)
		assert.Regexp(t, `^JSON parse error - .+`, r.text(t, "detail"), body)
	}
}

func TestTopLevelMustBeAnObject(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	for body, want := range map[string]string{
		`[]`:    "Invalid data. Expected a dictionary, but got list.",
		`"x"`:   "Invalid data. Expected a dictionary, but got str.",
		`1`:     "Invalid data. Expected a dictionary, but got int.",
		`1.5`:   "Invalid data. Expected a dictionary, but got float.",
		`1e5`:   "Invalid data. Expected a dictionary, but got float.",
		`false`: "Invalid data. Expected a dictionary, but got bool.",
		`null`:  "No data provided",
	} {
		r := send(t, srv, "POST", "/api/companies/", body)
		assert.Equal(t, 400, r.status, body)
		assert.Equal(t, `{"non_field_errors":["`+want+`"]}`, r.body)
	}
}

func TestAllFieldErrorsAtOnceInOrder(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{RegistrationNumber: "TAKEN"})
	long := strings.Repeat("é", 256)
	tests := map[string]struct{ path, body, want string }{
		"empty body": {"/api/companies/", ``, `{"name":["This field is required."],"registration_number":["This field is required."],` +
			`"address":["This field is required."],"contact_person":["This field is required."],"phone_number":["This field is required."],"email":["This field is required."]}`},
		"texts": {"/api/companies/", `{"email":"nobody","name":null,"registration_number":"TAKEN","address":" ","contact_person":{},"phone_number":true,"webhook_url":"x"}`,
			`{"name":["This field may not be null."],"registration_number":["company with this registration number already exists."],` +
				`"address":["This field may not be blank."],"contact_person":["Not a valid string."],"phone_number":["Not a valid string."],` +
				`"email":["Enter a valid email address."],"webhook_url":["Enter a valid URL."]}`},
		"long and null": {"/api/companies/", `{"email":"a@b.rw","name":"` + long + `","registration_number":"a\u0000b","address":"x","contact_person":"x","phone_number":"x"}`,
			`{"name":["Ensure this field has no more than 255 characters."],"registration_number":["Null characters are not allowed."]}`},
		"user's email is taken": {"/api/companies/" + co.ID + "/users/", `{"phone_number":1,"first_name":1.50,"last_name":"x","email":"` + userEmail(t, srv, co) + `"}`,
			`{"email":["user with this email already exists."]}`},
		"estimate": {"/api/rides/estimate/", `{"pickup_latitude":90.1,"pickup_longitude":"-180.5","dropoff_latitude":"x","dropoff_longitude":[],"company_id":"abc","weight_range":"30","includes_fragile_items":"maybe","is_priority":null}`,
			`{"pickup_latitude":["Ensure this value is less than or equal to 90."],"pickup_longitude":["Ensure this value is greater than or equal to -180."],` +
				`"dropoff_latitude":["A valid number is required."],"dropoff_longitude":["A valid number is required."],"company_id":["Must be a valid UUID."],` +
				`"weight_range":["\"30\" is not a valid choice."],"includes_fragile_items":["Must be a valid boolean."],"is_priority":["This field may not be null."]}`},
		"odd floats": {"/api/rides/estimate/", `{"pickup_latitude":"nan","pickup_longitude":"inf","dropoff_latitude":1` + strings.Repeat("0", 400) + `,"dropoff_longitude":"` + strings.Repeat("1", 1001) + `","company_id":-1}`,
			`{"pickup_latitude":["A valid number is required."],"pickup_longitude":["Ensure this value is less than or equal to 180."],` +
				`"dropoff_latitude":["Integer value too large to convert to float"],"dropoff_longitude":["String value too large."],"company_id":["Must be a valid UUID."]}`},
		"nested": {"/api/rides/", order(t, co, with("sender", "me"), with("receiver", map[string]any{"name": ""})),
			`{"sender":{"non_field_errors":["Invalid data. Expected a dictionary, but got str."]},"receiver":{"name":["This field may not be blank."],"phone":["This field is required."]}}`},
		"nested null and missing": {"/api/rides/", order(t, co, with("sender", nil), without("receiver")),
			`{"sender":["This field may not be null."],"receiver":["This field is required."]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := as(t, srv, co, "POST", tt.path, tt.body)
			assert.Equal(t, 400, r.status)
			assert.Equal(t, tt.want, r.body)
		})
	}
}

func userEmail(t *testing.T, srv *kapitentest.Fake, co kapitentest.Company) string {
	t.Helper()
	return as(t, srv, co, "GET", "/api/companies/"+co.ID+"/users/", "").results(t)[0]["email"].(string)
}

func TestLenientInputsAreTaken(t *testing.T) {
	t.Parallel()
	tests := map[string][]func(map[string]any){
		"numbers as text":           {with("pickup_latitude", "-1.9441"), with("dropoff_longitude", " 30.1044 ")},
		"truth as text":             {with("is_priority", "No"), with("includes_fragile_items", "off")},
		"truth as number":           {with("is_priority", 0), with("includes_fragile_items", 0.0)},
		"null where it may be":      {with("external_id", nil), with("pickup_instructions", nil), with("package_type", nil), with("weight_range", nil)},
		"blank where it may be":     {with("external_id", ""), with("pickup_instructions", " ")},
		"numbers where text is due": {with("external_id", 12345), with("package_type", 1.5)},
		"unknown fields":            {with("surprise", []int{1})},
		"truth as a coordinate":     {with("pickup_longitude", true)},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kapitentest.NewServer(t)
			co := srv.AddCompany(kapitentest.Company{})
			r := as(t, srv, co, "POST", "/api/rides/", order(t, co, changes...))
			assert.Equal(t, 201, r.status, "%s", r.body)
		})
	}
}

func TestTextIsTrimmedAndNumbersBecomeText(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	for value, want := range map[any]string{"  a b ": "a b", 12345: "12345", 1.5: "1.5", "émile 漢": "émile 漢"} {
		r, ok := srv.Ride(ride(t, srv, co, with("external_id", value)))
		require.True(t, ok)
		assert.Equal(t, want, r.ExternalID)
	}
	for text, want := range map[string]string{`0.00001`: "0.00001", `"\ud83d\ude00\/"`: "😀/"} {
		body := strings.Replace(order(t, co), `"ORDER-99123"`, text, 1)
		require.Equal(t, 201, as(t, srv, co, "POST", "/api/rides/", body).status)
		rides := srv.Rides(co.ID)
		assert.Equal(t, want, rides[len(rides)-1].ExternalID)
	}
}

func TestFormsAreTaken(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	values := url.Values{
		"pickup_address": {"a"}, "pickup_latitude": {"-1.9441"}, "pickup_longitude": {"30.0619"},
		"dropoff_address": {"b"}, "dropoff_latitude": {"-1.9706"}, "dropoff_longitude": {"30.1044"},
		"sender.name": {"S"}, "sender.phone": {"1"}, "receiver.name": {"R"}, "receiver.phone": {"2"},
		"company_id": {co.ID}, "is_priority": {"on"}, "external_id": {""}, "weight_range": {""},
	}
	var multi bytes.Buffer
	w := multipart.NewWriter(&multi)
	for key, v := range values {
		require.NoError(t, w.WriteField(key, v[0]))
	}
	require.NoError(t, w.Close())
	auth := "Token " + co.Token

	r := send(t, srv, "POST", "/api/rides/", values.Encode(), "Authorization", auth, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	require.Equal(t, 201, r.status, "%s", r.body)
	r = send(t, srv, "POST", "/api/rides/", multi.String(), "Authorization", auth, "Content-Type", w.FormDataContentType())
	require.Equal(t, 201, r.status, "%s", r.body)
	for _, made := range srv.Rides(co.ID) {
		assert.True(t, made.Priority)
		assert.Equal(t, kapitentest.Party{Name: "S", Phone: "1"}, made.Sender)
		assert.Empty(t, made.ExternalID)
	}

	r = send(t, srv, "POST", "/api/rides/", "pickup_address=&receiver.name=x", "Authorization", auth, "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 400, r.status)
	assert.Contains(t, r.body, `"pickup_address":["This field may not be blank."]`)
	assert.Contains(t, r.body, `"sender":["This field is required."],"receiver":{"phone":["This field is required."]}`)

	r = send(t, srv, "POST", "/api/rides/", "x", "Authorization", auth, "Content-Type", "multipart/form-data")
	assert.Equal(t, `{"detail":"Multipart form parse error - Invalid boundary in multipart: None"}`, r.body)
	r = send(t, srv, "POST", "/api/rides/", "x", "Authorization", auth, "Content-Type", "multipart/form-data; boundary=b")
	assert.Equal(t, 400, r.status)
	r = send(t, srv, "POST", "/api/companies/", "", "Content-Type", "multipart/form-data; boundary=b")
	assert.Contains(t, r.body, `"name":["This field is required."]`)
}

func TestWebhookURLAndEmailValidation(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	n := 0
	create := func(email, hook string) string {
		n++
		body := strings.Replace(sample(t, "create_company.request"), "RDB2026-XP", "R"+strings.Repeat("I", n), 1)
		body = strings.Replace(body, "hello@bestpilau.com", email, 1)
		body = strings.Replace(body, `"name"`, `"webhook_url":"`+hook+`","name"`, 1)
		return send(t, srv, "POST", "/api/companies/", body).body
	}
	for _, good := range []string{"", "https://merchant.example/kapiten?x=1", "http://localhost:8080/", "http://127.0.0.1:1/x", "http://[::1]:80/", "https://merchant.localhost/a"} {
		assert.NotContains(t, create("a@b.rw", good), "webhook_url", good)
	}
	for _, bad := range []string{"x", "merchant.example", "http://", "http://merchant/", "gopher://merchant.example/", "http://merchant.example:99999/", "http://a b.example/", "http://-a.example/"} {
		assert.Contains(t, create("a@b.rw", bad), `"webhook_url":["Enter a valid URL."]`, bad)
	}
	for _, good := range []string{"a@b.rw", "first.last+tag@sub.example.com", "x@localhost", "o'hara@x.travel"} {
		assert.NotContains(t, create(good, ""), `"email"`, good)
	}
	for _, bad := range []string{"a", "@b.rw", "a@", "a@b", "a b@c.rw", ".a@b.rw", "a..b@c.rw", "a@b.1", "a@b.rw."} {
		assert.Contains(t, create(bad, ""), `"email":["Enter a valid email address."]`, bad)
	}
}

// FuzzRequestBody sends anything as a body: JSON is parsed, anything else is
// refused, and nothing else happens.
func FuzzRequestBody(f *testing.F) {
	for _, seed := range []string{`{}`, `[1,{"a":"\u00e9\ud83d\ude00"}]`, `{"a":1e5}`, `"\ud800"`, `-0.1`, "{\"a\"\n:\t[]}", `{"name":"x","sender":{"name":[]}}`} {
		f.Add([]byte(seed))
	}
	srv := kapitentest.New(kapitentest.Config{})
	co := srv.AddCompany(kapitentest.Company{})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/api/rides/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Token "+co.Token)
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, r)
		require.Contains(t, []int{201, 400, 404}, rec.Code, "%s", rec.Body)
		if len(body) > 0 && utf8.Valid(body) {
			refused := strings.Contains(rec.Body.String(), `{"detail":"JSON parse error - `)
			assert.Equal(t, json.Valid(body), !refused, "%q: %s", body, rec.Body)
		}
	})
}
