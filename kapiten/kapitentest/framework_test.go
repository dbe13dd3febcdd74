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

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	noCredentials = `{"detail":"Authentication credentials were not provided."}`
	notFoundPage  = "The requested resource was not found on this server."
	noCompany     = `{"detail":"No Company matches the given query."}`
)

// TestOrderOfChecks holds each check against the one before it: what fails
// earlier answers, whatever is wrong later.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	token := "Token " + co.Token
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		want               string
	}{
		"unknown route before Accept":    {"GET", "/api/nothing/", "", []string{"Accept", "image/png", "Authorization", "Token x"}, 404, notFoundPage},
		"slash before Accept":            {"GET", "/api/companies", "", []string{"Accept", "image/png"}, 301, ""},
		"Accept before token":            {"PUT", "/api/rides/", "{", []string{"Accept", "image/png", "Authorization", "Token x"}, 406, `{"detail":"Could not satisfy the request Accept header."}`},
		"token before method":            {"PUT", "/api/rides/", "{", []string{"Authorization", "Token x"}, 401, `{"detail":"Invalid token."}`},
		"permission before method":       {"PUT", "/api/rides/", "{", nil, 401, noCredentials},
		"permission before body":         {"POST", "/api/rides/", "{", nil, 401, noCredentials},
		"bad token on an open view":      {"POST", "/api/companies/", "{", []string{"Authorization", "Token x"}, 401, `{"detail":"Invalid token."}`},
		"method before body":             {"PUT", "/api/rides/", "{", []string{"Authorization", token}, 405, `{"detail":"Method \"PUT\" not allowed."}`},
		"wrong method on an open view":   {"DELETE", "/api/companies/", "{", nil, 405, `{"detail":"Method \"DELETE\" not allowed."}`},
		"open and closed on one path":    {"GET", "/api/companies/" + co.ID + "/users/", "", nil, 401, noCredentials},
		"wrong method, partly open path": {"PUT", "/api/companies/" + co.ID + "/users/", "", nil, 401, noCredentials},
		"type before fields":             {"POST", "/api/rides/", "name=x", []string{"Authorization", token, "Content-Type", "text/plain; charset=x"}, 415, `{"detail":"Unsupported media type \"text/plain; charset=x\" in request."}`},
		"no type at all":                 {"POST", "/api/rides/", "x", []string{"Authorization", token, "Content-Type", ""}, 415, `{"detail":"Unsupported media type \"\" in request."}`},
		"parse before fields":            {"POST", "/api/rides/", "{", []string{"Authorization", token}, 400, `{"detail":"JSON parse error - unexpected end of JSON input"}`},
		"company before body":            {"POST", "/api/companies/00000000-0000-4000-8000-000000000000/topup/", "{", []string{"Authorization", token}, 404, noCompany},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := send(t, srv, tt.method, tt.path, tt.body, tt.headers...)
			assert.Equal(t, tt.status, r.status)
			switch {
			case tt.want == notFoundPage:
				assert.Contains(t, r.body, tt.want)
				assert.Contains(t, r.body, "<title>Not Found</title>")
				assert.Equal(t, "text/html; charset=utf-8", r.header.Get("Content-Type"))
				assert.Empty(t, r.header.Get("Allow"))
			default:
				assert.Equal(t, tt.want, r.body)
			}
			assert.Equal(t, tt.status == 401, r.header.Get("WWW-Authenticate") == "Token")
		})
	}
}

func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	off := srv.AddCompany(kapitentest.Company{})
	require.NoError(t, srv.DeactivateUser(off.UserID))
	require.Error(t, srv.DeactivateUser(co.ID))
	tests := map[string]struct {
		header string
		status int
		body   string
	}{
		"right":             {"Token " + co.Token, 200, ""},
		"keyword in case":   {"tOKEN " + co.Token, 200, ""},
		"another scheme":    {"Bearer " + co.Token, 401, noCredentials},
		"empty":             {"", 401, noCredentials},
		"unknown":           {"Token " + strings.Repeat("0", 40), 401, `{"detail":"Invalid token."}`},
		"keyword alone":     {"Token", 401, `{"detail":"Invalid token header. No credentials provided."}`},
		"spaces":            {"Token a b", 401, `{"detail":"Invalid token header. Token string should not contain spaces."}`},
		"not UTF-8":         {"Token \xff", 401, `{"detail":"Invalid token header. Token string should not contain invalid characters."}`},
		"inactive user":     {"Token " + off.Token, 401, `{"detail":"User inactive or deleted."}`},
		"token upper cased": {"Token " + strings.ToUpper(co.Token), 401, `{"detail":"Invalid token."}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := send(t, srv, "GET", "/api/companies/"+co.ID+"/rides/", "", "Authorization", tt.header)
			assert.Equal(t, tt.status, r.status)
			if tt.body != "" {
				assert.Equal(t, tt.body, r.body)
				assert.Equal(t, "Token", r.header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{RegistrationNumber: "RDB-1"})
	const page = "page"
	tests := map[string]struct {
		path   string
		status int
		body   string
	}{
		"root":                            {"/", 404, page},
		"unknown":                         {"/api/", 404, page},
		"double slash":                    {"/api//companies/", 404, page},
		"dot in a segment":                {"/api/companies/by-registration/RDB.1/", 404, page},
		"escaped slash in a segment":      {"/api/companies/by-registration/RDB%2F1/", 404, page},
		"dot in an id":                    {"/api/companies/a.b/rides/", 404, page},
		"id that is no UUID":              {"/api/companies/abc/rides/", 404, `{"detail":"Not found."}`},
		"unknown id":                      {"/api/companies/00000000-0000-4000-8000-000000000000/rides/", 404, noCompany},
		"id without dashes":               {"/api/companies/" + strings.ReplaceAll(co.ID, "-", "") + "/rides/", 200, ""},
		"id in upper case":                {"/api/companies/" + strings.ToUpper(co.ID) + "/rides/", 200, ""},
		"unknown registration":            {"/api/companies/by-registration/RDB-2/", 404, noCompany},
		"known registration":              {"/api/companies/by-registration/RDB-1/", 200, `{"id":"` + co.ID + `","name":"Company 1 Ltd","registration_number":"RDB-1","is_active":true}`},
		"user id that is no UUID":         {"/api/companies/" + co.ID + "/users/abc/api-key/", 404, `{"detail":"Not found."}`},
		"unknown user":                    {"/api/companies/" + co.ID + "/users/" + co.ID + "/api-key/", 404, `{"detail":"No User matches the given query."}`},
		"known user":                      {"/api/companies/" + co.ID + "/users/" + co.UserID + "/api-key/", 200, `{"token":"` + co.Token + `"}`},
		"registration that looks like it": {"/api/companies/by-registration/users/", 404, noCompany},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := as(t, srv, co, "GET", tt.path, "")
			assert.Equal(t, tt.status, r.status, "%s", r.body)
			switch tt.body {
			case "":
			case page:
				assert.Contains(t, r.body, notFoundPage)
			default:
				assert.Equal(t, tt.body, r.body)
			}
		})
	}
}

func TestMissingSlashRedirects(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	mounted := http.StripPrefix("/kapiten", srv)
	for _, method := range []string{"GET", "POST", "PUT"} {
		r := send(t, srv, method, "/api/companies/a%20b/rides?page=2&x=1", "")
		assert.Equal(t, 301, r.status)
		assert.Equal(t, "/api/companies/a%20b/rides/?page=2&x=1", r.header.Get("Location"))
		assert.Empty(t, r.body)
		r = send(t, mounted, method, "/kapiten/api/rides", "")
		assert.Equal(t, "/kapiten/api/rides/", r.header.Get("Location"))
	}
}

func TestHeadersOfEveryAPIAnswer(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	tests := map[string]struct{ path, allow string }{
		"post only": {"/api/rides/", "POST, OPTIONS"},
		"get only":  {"/api/companies/" + co.ID + "/rides/", "GET, HEAD, OPTIONS"},
		"both":      {"/api/companies/" + co.ID + "/users/", "GET, POST, HEAD, OPTIONS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE"} {
				for _, token := range []string{"Token " + co.Token, "Token x"} {
					r := send(t, srv, method, tt.path, "", "Authorization", token)
					assert.Equal(t, tt.allow, r.header.Get("Allow"))
					assert.Equal(t, "Accept", r.header.Get("Vary"))
					assert.Equal(t, "application/json", r.header.Get("Content-Type"))
				}
			}
		})
	}
}

func TestAcceptNegotiation(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	srv.AddCompany(kapitentest.Company{RegistrationNumber: "R1"})
	for accept, want := range map[string]string{
		"*/*":                              "application/json",
		"application/*":                    "application/json",
		"application/json":                 "application/json",
		"Application/JSON; charset=utf-8":  "application/json",
		"text/html, application/json":      "application/json",
		"text/html;q=0.1, */*":             "text/html; charset=utf-8",
		"image/png, */*;q=0.1":             "application/json",
		"*/*, text/html":                   "text/html; charset=utf-8",
		"application/*, text/html":         "text/html; charset=utf-8",
		"text/*":                           "text/html; charset=utf-8",
		"application/xml":                  "",
		"text/csv, image/*":                "",
		"*":                                "",
		"":                                 "",
		"application/vnd.api+json; ext=x1": "",
	} {
		r := send(t, srv, "GET", "/api/companies/by-registration/R1/", "", "Accept", accept)
		if want == "" {
			assert.Equal(t, 406, r.status, accept)
			continue
		}
		assert.Equal(t, 200, r.status, accept)
		assert.Equal(t, want, r.header.Get("Content-Type"), accept)
	}
}

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
	for _, good := range []string{"", "https://shop.example/kapiten?x=1", "http://localhost:8080/", "http://127.0.0.1:1/x", "http://[::1]:80/", "https://merchant.localhost/a"} {
		assert.NotContains(t, create("a@b.rw", good), "webhook_url", good)
	}
	for _, bad := range []string{"x", "shop.example", "http://", "http://shop/", "gopher://shop.example/", "http://shop.example:99999/", "http://a b.example/", "http://-a.example/"} {
		assert.Contains(t, create("a@b.rw", bad), `"webhook_url":["Enter a valid URL."]`, bad)
	}
	for _, good := range []string{"a@b.rw", "first.last+tag@sub.example.com", "x@localhost", "o'hara@x.travel"} {
		assert.NotContains(t, create(good, ""), `"email"`, good)
	}
	for _, bad := range []string{"a", "@b.rw", "a@", "a@b", "a b@c.rw", ".a@b.rw", "a..b@c.rw", "a@b.1", "a@b.rw."} {
		assert.Contains(t, create(bad, ""), `"email":["Enter a valid email address."]`, bad)
	}
}

func TestFaultsAnswerInTheFrameworksWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault fake.Fault
		body  string
		wait  string
	}{
		"500":            {fake.Fault{Kind: fake.FaultStatus, Status: 500}, `{"detail":"A server error occurred."}`, ""},
		"503":            {fake.Fault{Kind: fake.FaultStatus, Status: 503}, `{"detail":"A server error occurred."}`, ""},
		"401":            {fake.Fault{Kind: fake.FaultStatus, Status: 401}, `{"detail":"Invalid token."}`, ""},
		"403":            {fake.Fault{Kind: fake.FaultStatus, Status: 403}, `{"detail":"You do not have permission to perform this action."}`, ""},
		"404":            {fake.Fault{Kind: fake.FaultStatus, Status: 404}, `{"detail":"Not found."}`, ""},
		"405":            {fake.Fault{Kind: fake.FaultStatus, Status: 405}, `{"detail":"Method \"POST\" not allowed."}`, ""},
		"409":            {fake.Fault{Kind: fake.FaultStatus, Status: 409}, `{"detail":"Conflict"}`, ""},
		"400":            {fake.Fault{Kind: fake.FaultStatus, Status: 400}, `{"detail":"Malformed request."}`, ""},
		"throttled":      {fake.Fault{Kind: fake.FaultRateLimit, Seconds: 59}, `{"detail":"Request was throttled. Expected available in 59 seconds."}`, "59"},
		"throttled 1":    {fake.Fault{Kind: fake.FaultRateLimit, Seconds: 0.2}, `{"detail":"Request was throttled. Expected available in 1 second."}`, "1"},
		"throttled only": {fake.Fault{Kind: fake.FaultRateLimit}, `{"detail":"Request was throttled."}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kapitentest.NewServer(t)
			co := srv.AddCompany(kapitentest.Company{})
			tt.fault.Path = "/api/rides/"
			require.NoError(t, srv.AddFault(tt.fault))
			r := as(t, srv, co, "POST", "/api/rides/", order(t, co))
			assert.Equal(t, tt.body, r.body)
			assert.Equal(t, "POST, OPTIONS", r.header.Get("Allow"))
			assert.Equal(t, tt.wait, r.header.Get("Retry-After"))
			assert.Empty(t, srv.Rides(co.ID))
		})
	}
}

func TestExpiredTokenFaultGivesNewTokens(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	require.NoError(t, srv.AddFault(fake.Fault{Kind: fake.FaultExpireToken, Times: 1}))
	r := as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "")
	assert.Equal(t, 401, r.status)
	fresh := send(t, srv, "GET", "/api/companies/"+co.ID+"/users/"+co.UserID+"/api-key/", "").text(t, "token")
	assert.NotEqual(t, co.Token, fresh)
	co.Token = fresh
	assert.Equal(t, 200, as(t, srv, co, "GET", "/api/companies/"+co.ID+"/rides/", "").status)
}

func TestOverriddenRoutes(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t, kapitentest.Config{Routes: map[string]kapiten.Route{
		kapiten.OpListRides:  {Path: "/v2/rides/"},
		kapiten.OpCreateRide: {Path: "/v2/rides/", Method: "PUT"},
		kapiten.OpUserToken:  {Path: "/v2/token/{company_id}/{user_id}"},
	}})
	co := srv.AddCompany(kapitentest.Company{})
	r := as(t, srv, co, "PUT", "/v2/rides/", order(t, co))
	assert.Equal(t, 201, r.status)
	assert.Equal(t, "GET, PUT, HEAD, OPTIONS", r.header.Get("Allow"))
	assert.Len(t, as(t, srv, co, "GET", "/v2/rides/", "").results(t), 1)
	assert.Equal(t, 200, as(t, srv, co, "GET", "/v2/token/"+co.ID+"/"+co.UserID, "").status)
	assert.Equal(t, 404, as(t, srv, co, "GET", "/v2/token/"+co.ID+"/"+co.UserID+"/", "").status)
	assert.Equal(t, 404, as(t, srv, co, "POST", "/api/rides/", order(t, co)).status)
}

// FuzzRequestBody holds the parser against encoding/json: what is JSON is
// parsed, what is not is refused, and nothing else happens.
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
