package kapitentest

import (
	"fmt"
	"net/http"
	"strings"
)

// call is a request on its way to a view.
type call struct {
	request *http.Request
	params  map[string]string // placeholders of the path
	user    *user             // nil without a token
	open    bool              // a token makes no difference
	content content
	broken  *answer // why the body could not be read
}

// serve checks in the framework's order: path, Accept, token, permission,
// method, and only then the body.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	v, params, redirect := f.find(r.URL.Path)
	if v == nil {
		noRoute().write(w, "", false)
		return
	}
	if redirect {
		target := f.world.ExternalURL(r)
		target.Scheme, target.Host, target.Path = "", "", target.Path+"/"
		if target.RawPath != "" {
			target.RawPath += "/"
		}
		w.Header().Set("Location", target.String())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	accept, sent := r.Header["Accept"]
	asHTML, ok := negotiate(strings.Join(accept, ","), sent)
	if !ok {
		detail(http.StatusNotAcceptable, "Could not satisfy the request Accept header.").write(w, v.allow, false)
		return
	}
	c := &call{request: r, params: params}
	c.content, c.broken = readContent(r)
	f.handle(v, c).write(w, v.allow, asHTML)
}

func (f *Fake) handle(v *view, c *call) *answer {
	f.world.Lock()
	defer f.world.Unlock()
	method := c.request.Method
	var failure *answer
	if c.user, failure = f.authenticate(c.request); failure != nil {
		return failure
	}
	if failure = f.permit(c.user, v.open(method)); failure != nil {
		return failure
	}
	if method == http.MethodOptions {
		return v.describe()
	}
	op := v.find(method)
	if op == nil {
		return detail(http.StatusMethodNotAllowed, fmt.Sprintf(`Method "%s" not allowed.`, method))
	}
	c.open = op.open
	return op.serve(f, c)
}

// find is the URL resolution: the view of a path, or the one it would have with
// a slash at its end. Routes are matched after %2F was decoded, as behind WSGI.
func (f *Fake) find(path string) (v *view, params map[string]string, redirect bool) {
	inner, rooted := strings.CutPrefix(path, "/")
	inner, slash := strings.CutSuffix(inner, "/")
	if !rooted {
		return nil, nil, false
	}
	segments := strings.Split(inner, "/")
	for i := range f.routes {
		v := &f.routes[i]
		if params, ok := v.match(segments); ok && (v.slash || !slash) {
			return v, params, v.slash && !slash
		}
	}
	return nil, nil, false
}

// describe answers OPTIONS.
func (v *view) describe() *answer {
	return &answer{status: http.StatusOK, body: struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Renders     []string `json:"renders"`
		Parses      []string `json:"parses"`
	}{
		"Kapiten", "",
		[]string{"application/json", "text/html"},
		[]string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data"},
	}}
}
