package kapitentest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// operation is one call of the API.
type operation struct {
	key    string // its name in Config.Routes
	method string
	path   string
	open   bool // needs no token
	serve  func(*Fake, *call) *answer
}

// operations are the calls of the document. Methods and paths of the first two
// are on Kapiten's public page, the others are assumed. More specific paths
// come first.
func operations() []operation {
	return []operation{
		{kapiten.OpCreateCompany, http.MethodPost, "/api/companies/", true, (*Fake).createCompany},
		{kapiten.OpCompanyByReg, http.MethodGet, "/api/companies/by-registration/{registration_number}/", true, (*Fake).companyByRegistration},
		{kapiten.OpListUsers, http.MethodGet, "/api/companies/{company_id}/users/", false, (*Fake).listUsers},
		{kapiten.OpCreateUser, http.MethodPost, "/api/companies/{company_id}/users/", true, (*Fake).createUser},
		{kapiten.OpUserToken, http.MethodGet, "/api/companies/{company_id}/users/{user_id}/api-key/", true, (*Fake).userToken},
		{kapiten.OpTopUpWallet, http.MethodPost, "/api/companies/{company_id}/topup/", false, (*Fake).createTopUp},
		{kapiten.OpListTransactions, http.MethodGet, "/api/companies/{company_id}/transactions/", false, (*Fake).listTransactions},
		{kapiten.OpListRides, http.MethodGet, "/api/companies/{company_id}/rides/", false, (*Fake).listRides},
		{kapiten.OpEstimateRide, http.MethodPost, "/api/rides/estimate/", false, (*Fake).estimateRide},
		{kapiten.OpCreateRide, http.MethodPost, "/api/rides/", false, (*Fake).createRide},
	}
}

// view is one path with all its methods.
type view struct {
	segments   []string // the path without its slashes at both ends
	slash      bool     // the path ends in one
	operations []operation
	allow      string
}

func newViews(routes map[string]sdk.Route) []view {
	var views []view
	for _, op := range operations() {
		op.method = cmp.Or(strings.ToUpper(routes[op.key].Method), op.method)
		op.path = cmp.Or(routes[op.key].Path, op.path)
		segments := strings.Split(strings.Trim(op.path, "/"), "/")
		slash := strings.HasSuffix(op.path, "/")
		i := slices.IndexFunc(views, func(v view) bool { return v.slash == slash && slices.Equal(v.segments, segments) })
		if i < 0 {
			views = append(views, view{segments: segments, slash: slash})
			i = len(views) - 1
		}
		views[i].operations = append(views[i].operations, op)
	}
	for i := range views {
		views[i].allow = views[i].allowed()
	}
	return views
}

// allowed lists the methods in the framework's order.
func (v view) allowed() string {
	var all []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if v.find(m) != nil {
			all = append(all, m)
		}
	}
	if v.find(http.MethodGet) != nil {
		all = append(all, http.MethodHead)
	}
	return strings.Join(append(all, http.MethodOptions), ", ")
}

func (v view) find(method string) *operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(v.operations, func(op operation) bool { return op.method == method })
	if i < 0 {
		return nil
	}
	return &v.operations[i]
}

// open reports whether a method can be tried without a token: the call itself
// needs none, or no call of the view does.
func (v view) open(method string) bool {
	if op := v.find(method); op != nil {
		return op.open
	}
	return !slices.ContainsFunc(v.operations, func(op operation) bool { return !op.open })
}

// match compares a path, without its slashes at both ends, with the view's.
// A placeholder takes what the framework's router takes: no slash, no dot.
func (v view) match(segments []string) (params map[string]string, ok bool) {
	if len(segments) != len(v.segments) {
		return nil, false
	}
	for i, want := range v.segments {
		if !strings.HasPrefix(want, "{") {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		if segments[i] == "" || strings.Contains(segments[i], ".") {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.Trim(want, "{}")] = segments[i]
	}
	return params, true
}
