package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

// route asks whether there is a route, without carrying the operation out: OPTIONS,
// then HEAD. GET is used for reads alone.
func (t *target) route(ctx context.Context, op sdk.Operation, c *control) finding {
	path, complete := t.at(op.Name, op.Path)
	ask := []string{http.MethodOptions, http.MethodHead}
	if op.Class == sdk.Safe && op.Method == http.MethodGet && complete {
		ask = []string{http.MethodGet}
	}
	var last finding
	for _, with := range ask {
		x, err := t.ask(ctx, with, path)
		if err != nil {
			return finding{Verdict: notTried, Why: err.Error()}
		}
		nobody, err := t.nobody(ctx, c, with, op)
		if err != nil {
			return finding{Verdict: notTried, Why: err.Error()}
		}
		f := judge(with, op.Method, x, nobody, c.mute[with], complete)
		if f.Verdict == seen || f.Verdict == differs || !last.there {
			last = f
		}
		if f.Verdict != notTried {
			return last
		}
	}
	return last
}

// judge says what a response means. That a path is there is no proof of the method: only
// the method itself, Allow and a description are. A refusal of the credentials is none.
func judge(with, method string, x, nobody exchange, mute, complete bool) finding {
	said := fmt.Sprintf("%s says HTTP %d", with, x.status)
	allowed := x.allowed()
	nothing := x.status == nobody.status && slices.Equal(allowed, nobody.allowed())
	refused := x.status == http.StatusUnauthorized || x.status == http.StatusForbidden
	as := with == method || with == http.MethodHead && method == http.MethodGet
	switch {
	case x.status == http.StatusNotFound && !complete:
		return finding{Verdict: notTried, Why: "it needs an object, and the account shows none"}
	case x.status == http.StatusNotFound && !mute:
		return finding{Verdict: absent, Why: said}
	case nothing && refused:
		return finding{Verdict: notTried, Why: said + ", as everywhere: the credentials do not reach it"}
	case nothing:
		return finding{Verdict: notTried, Why: said + ", and the same of a path that does not exist: only carrying it out would tell"}
	case redirects(x.status):
		return finding{Verdict: absent, Why: said + ": it is elsewhere"}
	case with == http.MethodGet && x.status < 300 && !json.Valid(x.body):
		return finding{Verdict: notTried, Why: said + " without JSON: a page, and not the route"}
	case !refused && x.status != http.StatusMethodNotAllowed && x.status >= 300:
		return finding{Verdict: notTried, Why: said}
	case slices.Contains(allowed, method):
		return finding{Verdict: seen, Why: said + " and names " + method}
	case len(allowed) > 0:
		return finding{Verdict: differs, Why: "it allows " + strings.Join(allowed, ", ")}
	case x.status == http.StatusMethodNotAllowed && with == method:
		return finding{Verdict: differs, Why: said}
	case x.status < 300 && as:
		return finding{Verdict: seen, Why: said}
	}
	return finding{Verdict: notTried, there: true, Why: said + ": the path is there, and whether it takes " + method + " is not told"}
}

// allowed are the methods that Allow names, or the description of the Django REST framework.
func (x exchange) allowed() []string {
	names := methods.FindAllString(strings.Join(x.header.Values("Allow"), ", "), -1)
	var described struct {
		Actions map[string]any `json:"actions"`
	}
	if len(names) == 0 && json.Unmarshal(x.body, &described) == nil {
		names = methods.FindAllString(strings.Join(slices.Sorted(maps.Keys(described.Actions)), ", "), -1)
	}
	return names
}

var methods = regexp.MustCompile(`\b(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)\b`)

func redirects(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

// control is how the server responds where surely no route is, beside each path.
type control struct {
	beside map[string]exchange // by method and path
	// mute methods get the same response for a route that is known and for none: their
	// 404 means nothing.
	mute map[string]bool
}

// control measures a method on known routes that no GET shares a path with: frameworks
// send HEAD to the route of GET. A method that no route has measured is mute.
func (t *target) control(ctx context.Context, known map[string]finding) *control {
	c := &control{map[string]exchange{}, map[string]bool{}}
	for _, method := range []string{http.MethodOptions, http.MethodHead} {
		measured, mute := false, false
		for _, op := range t.operations {
			path, complete := t.at(op.Name, op.Path)
			shared := slices.ContainsFunc(t.operations, func(o sdk.Operation) bool { return o.Method == http.MethodGet && o.Path == op.Path })
			if known[op.Name].Verdict != seen || shared || !complete {
				continue
			}
			x, err := t.ask(ctx, method, path)
			nobody, without := t.nobody(ctx, c, method, op)
			if err == nil && without == nil {
				measured, mute = true, mute || x.status == nobody.status || x.status == http.StatusNotFound
			}
		}
		c.mute[method] = mute || !measured
	}
	return c
}

// nobody asks beside an operation's path: its last fixed segment is another there. The
// credentials that guard a prefix, and a gateway's page, show there as well.
func (t *target) nobody(ctx context.Context, c *control, method string, op sdk.Operation) (exchange, error) {
	segments := strings.Split(op.Path, "/")
	for i := len(segments) - 1; i >= 0; i-- {
		if segments[i] != "" && !strings.HasPrefix(segments[i], "{") {
			segments[i] = nonsense
			break
		}
	}
	path, _ := t.at(op.Name, strings.Join(segments, "/"))
	if strings.Trim(path, "/") == "" {
		path = "/" + nonsense + "/"
	}
	if x, ok := c.beside[method+path]; ok {
		return x, nil
	}
	x, err := t.ask(ctx, method, path)
	if err == nil {
		c.beside[method+path] = x
	}
	return x, err
}

// elsewhere looks for an absent route at its candidates.
func (t *target) elsewhere(ctx context.Context, op sdk.Operation, f *finding, c *control, r *report) {
	near := ""
	for _, other := range append(t.candidates[op.Name], variations(op)...) {
		there := op
		there.Method, there.Path = or(other.Method, op.Method), other.Path
		at := t.route(ctx, there, c)
		if at.there && near == "" {
			near = "; " + there.Path + " is there, and whether it takes " + there.Method + " is not told"
		}
		if at.Verdict != seen {
			continue
		}
		other.Method = there.Method
		f.Verdict, f.Why = differs, "found at "+other.Method+" "+other.Path
		if r.Routes == nil {
			r.Routes = map[string]sdk.Route{}
		}
		r.Routes[op.Name] = other
		return
	}
	f.Why += near
}

// variations are what frameworks and gateways do to a path: another slash at its end,
// a version before it.
func variations(op sdk.Operation) (routes []sdk.Route) {
	slash := op.Path + "/"
	if strings.HasSuffix(op.Path, "/") {
		slash = strings.TrimRight(op.Path, "/")
	}
	for _, path := range []string{slash, "/api" + op.Path, "/v1" + op.Path, "/api/v1" + op.Path, strings.Replace(op.Path, "/api/", "/api/v1/", 1), strings.TrimPrefix(op.Path, "/api"), strings.TrimPrefix(op.Path, "/v1")} {
		if path != op.Path && strings.HasPrefix(path, "/") && path != "/" {
			routes = append(routes, sdk.Route{Path: path})
		}
	}
	return routes
}
