package kapitentest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
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
		"parse before fields":            {"POST", "/api/rides/", "{", []string{"Authorization", token}, 400, `{"detail":"JSON parse error - `},
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
			case strings.HasSuffix(tt.want, " - "): // the parser's own words follow
				assert.Contains(t, r.body, tt.want)
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
	require.ErrorIs(t, srv.DeactivateUser(co.ID), fake.ErrNotFound)
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

func TestHeadersOfEveryAPIResponse(t *testing.T) {
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
	srv := kapitentest.NewServer(t, kapitentest.Config{Routes: map[string]sdk.Route{
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
	assert.Panics(t, func() {
		kapitentest.New(kapitentest.Config{Routes: map[string]sdk.Route{kapiten.OpListRides: {Path: "/v2/{a}{b}/"}}})
	})
}
