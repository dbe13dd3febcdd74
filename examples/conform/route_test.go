package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// serves reports whether a target has a route, with a method or "" for any.
func serves(target *target, method, path string) bool {
	return slices.ContainsFunc(target.operations, func(op sdk.Operation) bool {
		form := "^" + placeholder.ReplaceAllString(regexp.QuoteMeta(op.Path), "[^/]+") + "$"
		return (method == "" || op.Method == method) && regexp.MustCompile(form).MatchString(path)
	})
}

var placeholder = regexp.MustCompile(`\\\{[^}]*\}`)

// A server whose OPTIONS and HEAD tell less than that a write is there.
func TestAPathIsNoProofOfAMethod(t *testing.T) {
	asked := func(r *http.Request) bool { return r.Method == http.MethodOptions || r.Method == http.MethodHead }
	under := func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/v1/")
	}
	var many clienttest.Quarter
	for name, says := range map[string]func(*target, *http.Request) int{
		"HEAD goes to the route of GET": func(target *target, r *http.Request) int {
			if r.Method == http.MethodHead && serves(target, http.MethodGet, r.URL.Path) {
				return http.StatusOK
			}
			return http.StatusNotFound
		},
		"HEAD goes to the route of GET, behind credentials": func(target *target, r *http.Request) int {
			if r.Method == http.MethodHead && serves(target, http.MethodGet, r.URL.Path) {
				return http.StatusUnauthorized
			}
			return http.StatusNotFound
		},
		"a path allows something else": func(target *target, r *http.Request) int {
			if serves(target, "", r.URL.Path) {
				return http.StatusMethodNotAllowed
			}
			return http.StatusNotFound
		},
		"a path says 204 to OPTIONS": func(target *target, r *http.Request) int {
			if r.Method == http.MethodOptions && serves(target, "", r.URL.Path) {
				return http.StatusNoContent
			}
			return http.StatusNotFound
		},
		"HEAD does not find a write, and beside it credentials are asked for": func(target *target, r *http.Request) int {
			if r.Method == http.MethodOptions || serves(target, "", r.URL.Path) && !serves(target, http.MethodGet, r.URL.Path) {
				return http.StatusNotFound
			}
			return http.StatusUnauthorized
		},
		"credentials are asked for below a prefix": func(_ *target, r *http.Request) int {
			if under(r) {
				return http.StatusForbidden
			}
			return http.StatusNotFound
		},
		"everything below a prefix is fine": func(_ *target, r *http.Request) int {
			if under(r) {
				return http.StatusOK
			}
			return http.StatusNotFound
		},
		"everything redirects to the login": func(*target, *http.Request) int { return http.StatusFound },
	} {
		for _, provider := range []string{"kapiten", "kotani", "fiatconnect", "bitpesa"} {
			if many.LeavesOut() {
				continue
			}
			t.Run(provider+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &distortion{}
					target := openDistorted(t, provider, d)
					d.says = func(r *http.Request) *http.Response {
						if !asked(r) {
							return nil
						}
						return textResponse(r, says(target, r), "")
					}
					r := &report{}
					target.probe(t.Context(), r)
					there := 0
					for _, f := range r.Operations {
						read := slices.ContainsFunc(target.reads, func(read read) bool { return read.op == f.Operation })
						if strings.HasPrefix(f.Route, "GET ") || read || f.Operation == target.loginOp {
							continue
						}
						assert.Equal(t, notTried, f.Verdict, "%s: %s", f.Operation, f.Why)
						if strings.Contains(f.Why, "the path is there") {
							there++
						}
					}
					assert.Empty(t, r.Routes)
					if provider == "bitpesa" && (strings.HasPrefix(name, "HEAD goes") || strings.HasPrefix(name, "a path")) {
						assert.NotZero(t, there, "what was learnt is told")
					}
				})
			})
		}
	}
}

// What names the method is proof: Allow, or a description of the fields.
func TestAResponseThatNamesTheMethodIsProof(t *testing.T) {
	var many clienttest.Quarter
	for _, row := range []struct {
		name, with  string
		status      int
		allow, body string
		want        verdict
		beside      string // what a path beside it allows; it is not there without
	}{
		{"OPTIONS and Allow", http.MethodOptions, 200, "POST, OPTIONS", "", seen, ""},
		{"HEAD and Allow", http.MethodHead, 405, "OPTIONS, POST", "", seen, ""},
		{"refused, and Allow", http.MethodHead, 401, "POST", "", seen, ""},
		{"Allow without it", http.MethodOptions, 200, "GET, OPTIONS", "", differs, ""},
		{"Allow with a longer word", http.MethodOptions, 200, "POSTER, GET", "", differs, ""},
		{"a description", http.MethodOptions, 200, "", `{"actions":{"POST":{"name":{}}}}`, seen, ""},
		{"a description of another", http.MethodOptions, 200, "", `{"actions":{"PUT":{"name":{}}}}`, differs, ""},
		{"no name", http.MethodOptions, 200, "", `{}`, notTried, ""},
		{"everywhere the same Allow", http.MethodOptions, 200, "POST", "", notTried, "POST"},
		{"elsewhere another Allow", http.MethodOptions, 200, "POST", "", seen, "GET"},
	} {
		if many.LeavesOut() {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			d := &distortion{}
			target := openDistorted(t, "bitpesa", d)
			d.says = func(r *http.Request) *http.Response {
				switch {
				case r.Method != http.MethodOptions && r.Method != http.MethodHead:
					return nil
				case r.Method != row.with || row.beside == "" && r.URL.Path != "/v1/documents":
					return textResponse(r, http.StatusNotFound, "")
				}
				response, allow := textResponse(r, row.status, row.body), row.allow
				if r.URL.Path != "/v1/documents" {
					allow = row.beside
				}
				response.Header.Set("Allow", allow)
				return response
			}
			r := &report{}
			target.probe(t.Context(), r)
			f := r.of("documents.create")
			assert.Equal(t, row.want, f.Verdict, "%s: %s", row.name, f.Why)
		})
	}
}

// A gateway that has the same JSON for every path has none of the routes.
func TestTheSameJSONForEveryPathIsNoRoute(t *testing.T) {
	for provider, says := range map[string]func(*http.Request) *http.Response{
		"kapiten": func(r *http.Request) *http.Response {
			return textResponse(r, http.StatusNotFound, `{"detail":"Not found."}`)
		},
		"bitpesa": func(r *http.Request) *http.Response {
			if !strings.HasPrefix(r.URL.Path, "/v1/") { // its own page is elsewhere
				return textResponse(r, http.StatusNotFound, "no such page")
			}
			return textResponse(r, http.StatusOK, `{"object":[],"meta":{},"path":"`+r.URL.RequestURI()+`"}`)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			target := openDistorted(t, provider, &distortion{says: says})
			r := &report{}
			target.probe(t.Context(), r)
			for _, f := range r.Operations {
				assert.NotEqual(t, seen, f.Verdict, "%s %s: %s", provider, f.Operation, f.Why)
			}
			assert.Empty(t, r.Routes)
		})
	}
}

func TestWhatAGatewayRepeatsOfTheRequestIsNotCompared(t *testing.T) {
	for asked, body := range map[string]string{"/a?b=c": "no route for /a?b=c", "/a": "no route for /a", "/b?c": "no route for /b"} {
		u, err := url.Parse("https://gateway.example" + asked)
		require.NoError(t, err)
		assert.Equal(t, "no route for ", string(exchange{asked: u, body: []byte(body)}.unnamed()))
	}
}

// An absent write is found elsewhere only if the place is proven.
func TestACandidateWhosePathAloneIsThereIsNamedAndNotPasted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		says := func(r *http.Request) *http.Response {
			switch {
			case r.Method != http.MethodOptions && r.Method != http.MethodHead:
				return nil
			case strings.HasSuffix(r.URL.Path, "/wallet/topup/"):
				return textResponse(r, http.StatusUnauthorized, "")
			case strings.HasSuffix(r.URL.Path, "/rides/estimate/"):
				return textResponse(r, http.StatusOK, "")
			}
			return textResponse(r, http.StatusNotFound, "")
		}
		target := openDistorted(t, "kapiten", &distortion{says: says})
		r := &report{}
		target.probe(t.Context(), r)
		f := r.of("wallet.top_up")
		assert.Equal(t, absent, f.Verdict)
		assert.Contains(t, f.Why, "/wallet/topup/ is there, and whether it takes POST is not told")
		assert.Empty(t, r.Routes)
	})
}
