package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// probe asks for every operation and changes nothing.
func (t *target) probe(ctx context.Context, r *report) {
	begin, known := time.Now(), map[string]finding{}
	if t.login != nil {
		if err := t.login(ctx); err != nil {
			r.Login = "refused: " + sdk.SafeText(err)
			if sdk.Advise(err) == sdk.Credentials {
				r.Refused = append(r.Refused, t.loginOp)
			}
		} else {
			r.Login = fmt.Sprintf("works, %d ms", time.Since(begin).Milliseconds())
			if life := t.record.token(); life != "" {
				r.Login += ", the token lives " + life
			}
			known[t.loginOp] = finding{Verdict: seen, Why: "the login works"}
		}
	}
	for _, read := range t.reads {
		known[read.op] = t.read(ctx, read)
		if known[read.op].Why == credentialsRefused {
			r.Refused = append(r.Refused, read.op)
		}
		r.skew(t.record.get())
	}
	c := t.control(ctx, known)
	for _, op := range t.operations {
		f, ok := known[op.Name]
		if !ok {
			f = t.route(ctx, op, c)
		}
		if f.Verdict == seen && op.Class != sdk.Safe {
			t.describe(ctx, op, &f)
		}
		f.Operation, f.Route, f.Source = op.Name, op.Method+" "+op.Path, op.Source
		if f.Verdict == absent {
			t.elsewhere(ctx, op, &f, c, r)
		}
		r.Operations = append(r.Operations, f)
	}
}

// skew reports how far the server's clock is from ours.
func (r *report) skew(x exchange) {
	if date, err := http.ParseTime(x.header.Get("Date")); err == nil && r.ClockSkew == "" {
		skew := time.Since(date).Truncate(time.Second)
		if skew.Abs() <= 2*time.Second {
			r.ClockSkew = "within two seconds of ours"
		} else {
			r.ClockSkew = fmt.Sprintf("%s from ours: signatures and tokens may be refused", -skew)
		}
	}
}

// read makes a typed call and compares what came with what the SDK knows.
func (t *target) read(ctx context.Context, call read) finding {
	t.record.set(exchange{})
	err := call.call(ctx)
	x := t.record.get()
	var f finding
	var e *sdk.Error
	switch {
	case err == nil && bytes.HasPrefix(bytes.TrimSpace(x.body), []byte("<")): // a read without fields takes it
		f = finding{Verdict: notTried, Why: fmt.Sprintf("HTTP %d with a page, and not the route", x.status)}
	case err == nil:
		f = finding{Verdict: seen}
		f.Unknown, f.Missing, f.States = call.shape.compare(x.body)
		if len(f.States) > 0 { // fields that decide nothing may come and go
			f.Verdict = differs
		}
	case call.unknown && errors.Is(err, sdk.ErrNotFound) && json.Valid(x.body):
		f = finding{Verdict: seen, Why: "it says in its own words that there is no such object"}
	case x.status == http.StatusNotFound:
		f = finding{Verdict: absent, Why: "HTTP 404"}
	case errors.As(err, &e) && x.status == 0:
		f = finding{Verdict: notTried, Why: sdk.SafeText(err)}
	case sdk.Advise(err) == sdk.Credentials:
		f = finding{Verdict: notTried, Why: credentialsRefused}
	case x.status >= 500 || x.status == http.StatusTooManyRequests:
		f = finding{Verdict: notTried, Why: fmt.Sprintf("HTTP %d: ask again later", x.status)}
	default:
		f = finding{Verdict: differs, Why: sdk.SafeText(err)}
	}
	return f
}

const credentialsRefused = "the credentials were refused"

// control is how the server responds to OPTIONS, HEAD and GET for a path that surely does
// not exist. Where it says the same of a route that is known to exist, the method is
// mute: its 404 means nothing.
type control struct {
	status map[string]int
	mute   map[string]bool
}

func (t *target) control(ctx context.Context, known map[string]finding) control {
	c := control{map[string]int{}, map[string]bool{}}
	if x, err := t.ask(ctx, http.MethodGet, "/"+nonsense+"/"); err == nil {
		c.status[http.MethodGet] = x.status
	}
	for _, method := range []string{http.MethodOptions, http.MethodHead} {
		if x, err := t.ask(ctx, method, "/"+nonsense+"/"); err == nil {
			c.status[method] = x.status
		}
		c.mute[method] = true
		for _, op := range t.operations {
			path, complete := t.at(op.Name, op.Path)
			if known[op.Name].Verdict != seen || op.Method == http.MethodGet || !complete {
				continue
			}
			if x, err := t.ask(ctx, method, path); err == nil {
				c.mute[method] = x.status == c.status[method]
			}
			break
		}
	}
	return c
}

// route asks whether there is a route, without carrying the operation out: OPTIONS,
// then HEAD. GET is used for reads alone.
func (t *target) route(ctx context.Context, op sdk.Operation, c control) finding {
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
		last = judge(with, op.Method, x, c, complete)
		if last.Verdict != notTried {
			return last
		}
	}
	return last
}

// judge says what a response means.
func judge(with, method string, x exchange, c control, complete bool) finding {
	nothing := x.status == c.status[with]
	said := fmt.Sprintf("%s says HTTP %d", with, x.status)
	allow := strings.Join(x.header.Values("Allow"), ", ")
	switch {
	case redirects(x.status):
		return finding{Verdict: absent, Why: said + ": it is elsewhere"}
	case x.status == http.StatusNotFound && !complete:
		return finding{Verdict: notTried, Why: "it needs an object, and the account shows none"}
	case x.status == http.StatusNotFound && !(nothing && c.mute[with]):
		return finding{Verdict: absent, Why: said}
	case x.status == http.StatusUnauthorized || x.status == http.StatusForbidden:
		if nothing || c.status[with] == 0 {
			return finding{Verdict: notTried, Why: said + ", as everywhere: the credentials do not reach it"}
		}
		return finding{Verdict: seen, Why: said + ": it is there, and the credentials do not reach it"}
	case nothing:
		return finding{Verdict: notTried, Why: said + ", and the same of a path that does not exist: only carrying it out would tell"}
	case with == http.MethodGet && x.status < 300 && !json.Valid(x.body):
		return finding{Verdict: notTried, Why: said + " without JSON: a page, and not the route"}
	case x.status == http.StatusMethodNotAllowed || x.status < 300:
		if allow != "" && !strings.Contains(allow, method) {
			return finding{Verdict: differs, Why: "it allows " + strings.Join(methods.FindAllString(allow, -1), ", ")}
		}
		if with == http.MethodGet && x.status == http.StatusMethodNotAllowed {
			return finding{Verdict: differs, Why: said}
		}
		return finding{Verdict: seen, Why: said}
	}
	return finding{Verdict: notTried, Why: said}
}

var methods = regexp.MustCompile(`\b(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)\b`)

func redirects(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

// describe compares the fields that the SDK sends with those that OPTIONS describes, as the
// Django REST framework does.
func (t *target) describe(ctx context.Context, op sdk.Operation, f *finding) {
	sent, path := t.bodies[op.Name], ""
	if path, _ = t.at(op.Name, op.Path); sent == nil {
		return
	}
	x, err := t.ask(ctx, http.MethodOptions, path)
	var described struct {
		Actions map[string]map[string]struct {
			Required bool `json:"required"`
			ReadOnly bool `json:"read_only"`
		} `json:"actions"`
	}
	if err != nil || json.Unmarshal(x.body, &described) != nil || len(described.Actions[op.Method]) == 0 {
		return
	}
	fields := described.Actions[op.Method]
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch known := slices.Contains(sent, name); {
		case !known && fields[name].Required && !fields[name].ReadOnly:
			f.Verdict, f.Why = differs, "OPTIONS requires fields that the SDK does not send"
			f.Unknown = append(f.Unknown, name)
		case !known && !fields[name].ReadOnly:
			f.Unknown = append(f.Unknown, name)
		}
	}
	for _, name := range sent {
		if field, ok := fields[name]; !ok || field.ReadOnly {
			f.Missing = append(f.Missing, name)
		}
	}
}

// elsewhere looks for an absent route at its candidates.
func (t *target) elsewhere(ctx context.Context, op sdk.Operation, f *finding, c control, r *report) {
	for _, other := range append(t.candidates[op.Name], variations(op)...) {
		there := op
		there.Method, there.Path = or(other.Method, op.Method), other.Path
		if t.route(ctx, there, c).Verdict != seen {
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
