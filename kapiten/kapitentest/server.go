package kapitentest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// operation is one call of the API.
type operation struct {
	open  bool // needs no token
	serve func(*call) *response
}

// operations are the calls by their names in the client's operation table, which
// has their methods and paths.
func (f *Fake) operations() map[string]operation {
	return map[string]operation{
		kapiten.OpCreateCompany:    {open: true, serve: f.createCompany},
		kapiten.OpFindCompany:      {open: true, serve: f.findCompany},
		kapiten.OpCreateUser:       {open: true, serve: f.createUser},
		kapiten.OpUserToken:        {open: true, serve: f.userToken},
		kapiten.OpListUsers:        {serve: f.listUsers},
		kapiten.OpEstimateRide:     {serve: f.estimateRide},
		kapiten.OpCreateRide:       {serve: f.createRide},
		kapiten.OpListRides:        {serve: f.listRides},
		kapiten.OpTopUpWallet:      {serve: f.createTopUp},
		kapiten.OpListTransactions: {serve: f.listTransactions},
	}
}

// endpoint is one path of the API with all its methods.
type endpoint struct {
	path       string
	prefix     string                // of the path, up to its first placeholder
	operations map[string]operation  // by method
	mux        func() *http.ServeMux // knows this path alone; made when first asked for
	allow      string                // the response header
}

// newEndpoints routes the operations. Each path has a ServeMux of its own, because
// one ServeMux refuses by-registration/{registration_number}/ beside
// {company_id}/users/: neither path is more specific. The framework takes the
// first path that matches. Here a literal comes before a placeholder, because a
// brace sorts behind letters and digits. Most tests use few of the paths, so each
// ServeMux is made when a request needs it.
func (f *Fake) newEndpoints() []*endpoint {
	known := f.operations()
	var all []*endpoint
	for _, row := range kapiten.Operations() {
		op, ok := known[row.Name]
		if !ok {
			continue
		}
		route := f.config.Routes[row.Name]
		method, template := cmp.Or(strings.ToUpper(route.Method), row.Method), cmp.Or(route.Path, row.Path)
		i := slices.IndexFunc(all, func(e *endpoint) bool { return e.path == template })
		if i < 0 {
			i = len(all)
			all = append(all, &endpoint{path: template, operations: map[string]operation{}})
		}
		all[i].operations[method] = op
	}
	slices.SortFunc(all, func(a, b *endpoint) int { return strings.Compare(a.path, b.path) })
	for _, e := range all {
		e.allow = e.allowed()
		literal, _, _ := strings.Cut(e.path, "{")
		e.prefix, _ = url.PathUnescape(strings.TrimSuffix(literal, "/")) // a ServeMux unescapes literals, too
		e.mux = sync.OnceValue(func() *http.ServeMux { return f.newMux(e) })
		if len(f.config.Routes) > 0 {
			e.mux() // New, and no later request, panics on a path that cannot be routed
		}
	}
	return all
}

// newMux routes the path of an endpoint, with and without the slash at its end.
func (f *Fake) newMux(e *endpoint) *http.ServeMux {
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, r *http.Request) { f.serveEndpoint(e, w, r) }
	bare, slashed := strings.CutSuffix(e.path, "/")
	switch {
	case !slashed:
		mux.HandleFunc(e.path, serve)
	case bare == "":
		mux.HandleFunc("/{$}", serve)
	default:
		mux.HandleFunc(e.path+"{$}", serve)
		mux.HandleFunc(bare, f.addSlash)
	}
	return mux
}

// allowed lists the methods in the framework's order.
func (e *endpoint) allowed() string {
	var all []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, ok := e.operations[m]; ok {
			all = append(all, m)
		}
	}
	if _, ok := e.operations[http.MethodGet]; ok {
		all = append(all, http.MethodHead)
	}
	return strings.Join(append(all, http.MethodOptions), ", ")
}

// call is a request on its way to an operation.
type call struct {
	request *http.Request
	user    *user // nil without a token
	open    bool  // a token makes no difference
	content content
	broken  *response // why the body could not be read
}

// serve routes a request by its decoded path, as a server behind WSGI does.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(r.Context())
	r.URL = &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if e := f.find(r); e != nil {
		e.mux().ServeHTTP(w, r)
		return
	}
	noRoute().write(w, "", false)
}

// find returns the endpoint of a request, also where the path lacks the slash at
// its end. It knows no path with empty or dot segments: a ServeMux would clean
// such a path and redirect.
func (f *Fake) find(r *http.Request) *endpoint {
	clean := path.Clean(r.URL.Path)
	if p := r.URL.Path; p != clean && p != clean+"/" {
		return nil
	}
	for _, e := range f.endpoints {
		if !strings.HasPrefix(r.URL.Path, e.prefix) {
			continue // without making its ServeMux
		}
		_, pattern := e.mux().Handler(r)
		// The framework's routers take no dot for a placeholder.
		if pattern != "" && strings.Count(r.URL.Path, ".") == strings.Count(e.path, ".") {
			return e
		}
	}
	return nil
}

// addSlash redirects a path that lacks the slash at its end.
func (f *Fake) addSlash(w http.ResponseWriter, r *http.Request) {
	target := f.world.ExternalURL(r)
	target.Scheme, target.Host, target.Path = "", "", target.Path+"/"
	if target.RawPath != "" {
		target.RawPath += "/"
	}
	w.Header().Set("Location", target.String())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusMovedPermanently)
}

// serveEndpoint checks in the framework's order: Accept, token, permission,
// method, and only then the body.
func (f *Fake) serveEndpoint(e *endpoint, w http.ResponseWriter, r *http.Request) {
	asHTML, ok := negotiate(r.Header)
	if !ok {
		detail(http.StatusNotAcceptable, "Could not satisfy the request Accept header.").write(w, e.allow, false)
		return
	}
	c := &call{request: r}
	c.content, c.broken = readContent(r)
	f.handle(e, c).write(w, e.allow, asHTML)
}

func (f *Fake) handle(e *endpoint, c *call) *response {
	f.world.LockFor(c.request)
	defer f.world.Unlock()
	method := c.request.Method
	var failure *response
	if c.user, failure = f.authenticate(c.request); failure != nil {
		return failure
	}
	asked := method
	if method == http.MethodHead {
		asked = http.MethodGet
	}
	op, ok := e.operations[asked]
	if failure = f.permit(c.user, e, op, ok); failure != nil {
		return failure
	}
	switch {
	case method == http.MethodOptions:
		return describe()
	case !ok:
		return notAllowed(method)
	}
	c.open = op.open
	return op.serve(c)
}

const tokenLength = 40

// authenticate finds the user of a request: nil without credentials, a failure
// with bad credentials, also where none are needed.
func (f *Fake) authenticate(r *http.Request) (*user, *response) {
	parts := strings.Fields(r.Header.Get("Authorization"))
	if len(parts) == 0 || !strings.EqualFold(parts[0], "Token") {
		return nil, nil
	}
	switch {
	case len(parts) == 1:
		return nil, unauthorized("Invalid token header. No credentials provided.")
	case len(parts) > 2:
		return nil, unauthorized("Invalid token header. Token string should not contain spaces.")
	case !utf8.ValidString(parts[1]):
		return nil, unauthorized("Invalid token header. Token string should not contain invalid characters.")
	}
	u := f.state.byToken[parts[1]]
	if u == nil {
		return nil, unauthorized("Invalid token.")
	}
	if !u.Active {
		return nil, unauthorized("User inactive or deleted.")
	}
	return u, nil
}

// permit decides whether a request may go on to its operation. An unknown
// method needs a token where any known one does.
func (f *Fake) permit(u *user, e *endpoint, op operation, known bool) *response {
	open := op.open
	if !known {
		open = true
		for _, other := range e.operations {
			open = open && other.open
		}
	}
	switch {
	case open:
		return nil
	case u == nil:
		return unauthorized("Authentication credentials were not provided.")
	case !f.state.byID[u.CompanyID].Active:
		return forbidden()
	}
	return nil
}

// describe is the response to OPTIONS.
func describe() *response {
	return &response{status: http.StatusOK, body: struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Renders     []string `json:"renders"`
		Parses      []string `json:"parses"`
	}{
		"Kapiten", "",
		[]string{mediaJSON, mediaHTML},
		[]string{mediaJSON, mediaForm, mediaMultipart},
	}}
}

const (
	mediaJSON      = "application/json"
	mediaHTML      = "text/html"
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

// mediaType is the lower-case type without parameters.
func mediaType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// negotiate chooses the format of the response as the framework does: the most
// specific types the client lists first, JSON before HTML, q values ignored.
func negotiate(h http.Header) (asHTML, ok bool) {
	accept, sent := h["Accept"]
	if !sent {
		return false, true
	}
	ranges := strings.Split(strings.Join(accept, ","), ",")
	for level := 3; level >= 0; level-- {
		for _, media := range []string{mediaJSON, mediaHTML} {
			if slices.ContainsFunc(ranges, func(r string) bool { return specificity(r) == level && accepts(r, media) }) {
				return media == mediaHTML, true
			}
		}
	}
	return false, false
}

// specificity is 0 for */*, 1 for text/*, 2 for a type and 3 for a type with
// parameters.
func specificity(mediaRange string) int {
	main, sub, _ := strings.Cut(mediaType(mediaRange), "/")
	_, parameters, _ := strings.Cut(mediaRange, ";")
	parameters = strings.ToLower(strings.TrimSpace(parameters))
	switch {
	case main == "*":
		return 0
	case sub == "*":
		return 1
	case parameters == "" || strings.HasPrefix(parameters, "q="):
		return 2
	default:
		return 3
	}
}

func accepts(mediaRange, media string) bool {
	main, sub, _ := strings.Cut(mediaType(mediaRange), "/")
	wantMain, wantSub, _ := strings.Cut(media, "/")
	return (main == "*" || main == wantMain) && (sub == "*" || sub == wantSub)
}

// refuse is the response of a fault rule.
func (f *Fake) refuse(w http.ResponseWriter, r *http.Request, status int, wait time.Duration) {
	var a *response
	switch {
	case status == http.StatusUnauthorized:
		a = unauthorized("Invalid token.")
	case status == http.StatusForbidden:
		a = forbidden()
	case status == http.StatusNotFound:
		a = notFound("")
	case status == http.StatusMethodNotAllowed:
		a = notAllowed(r.Method)
	case status == http.StatusTooManyRequests:
		a = throttled(wait)
	case status == http.StatusBadRequest:
		a = detail(status, "Malformed request.")
	case status < 500:
		a = detail(status, http.StatusText(status))
	default:
		a = detail(status, "A server error occurred.")
	}
	allow := ""
	if e := f.find(r); e != nil {
		allow = e.allow
	}
	a.write(w, allow, false)
}

// throttled has the wait rounded up to whole seconds; zero says none.
func throttled(wait time.Duration) *response {
	if wait <= 0 {
		return detail(http.StatusTooManyRequests, "Request was throttled.")
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return detail(http.StatusTooManyRequests, fmt.Sprintf("Request was throttled. Expected available in %d %s.", seconds, unit))
}
