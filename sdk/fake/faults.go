package fake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Fault is a rule that makes requests go wrong. The oldest rule that matches a
// request counts. After a delay or an expired token the next matching rule counts
// too.
type Fault struct {
	ID        string    `json:"id"`        // made when the rule is added
	Hits      int       `json:"hits"`      // how many requests it has met
	Provider  string    `json:"provider"`  // empty: this fake's own, in the admin API any
	Method    string    `json:"method"`    // empty: any
	Path      string    `json:"path"`      // glob over the path behind the base URL: * within a segment, ** over segments; empty: any
	Operation string    `json:"operation"` // name of a route of the provider, such as "pay"; empty: any
	Times     int       `json:"times"`     // how many requests it meets; 0: every one until it is cleared
	Kind      FaultKind `json:"kind"`      // what goes wrong
	Status    int       `json:"status"`    // FaultStatus: the response's status; FaultHTML: the same, 0 means 502
	Seconds   float64   `json:"seconds"`   // FaultDelay: how long on the clock; FaultRateLimit: Retry-After, 0 sends none
}

// FaultKind says what goes wrong with a request.
type FaultKind string

const (
	FaultStatus      FaultKind = "status"       // responds with Status in the provider's own error format; no work is done
	FaultDelay       FaultKind = "delay"        // waits Seconds on the clock, then goes on
	FaultDropBefore  FaultKind = "drop_before"  // closes the connection; no work is done
	FaultDropAfter   FaultKind = "drop_after"   // does the work, then closes the connection without a response
	FaultTruncate    FaultKind = "truncate"     // does the work, sends half the response, then closes the connection
	FaultMalformed   FaultKind = "malformed"    // does the work, sends half the body as if it were whole
	FaultHTML        FaultKind = "html"         // responds with a proxy's HTML page; no work is done
	FaultRateLimit   FaultKind = "rate_limit"   // responds with 429 in the provider's own format; no work is done
	FaultExpireToken FaultKind = "expire_token" // expires every token first, then goes on
)

// CallbackFault is a rule that makes callbacks go wrong which have not been sent
// yet. The oldest rule that matches a callback counts.
type CallbackFault struct {
	Provider string            // empty: this fake's own
	Event    string            // glob over Delivery.Event; empty: any
	Identity string            `json:"Subject"` // glob over Delivery.Identity; empty: any. Snapshots have it by its older name
	Times    int               // how many callbacks it meets; 0: every one until it is cleared
	Kind     CallbackFaultKind // what goes wrong
	Seconds  float64           // CallbackDelay: how long on the clock
}

// CallbackFaultKind says what goes wrong with a callback.
type CallbackFaultKind string

const (
	CallbackDrop      CallbackFaultKind = "drop"      // never sent; dead, can be redelivered
	CallbackDuplicate CallbackFaultKind = "duplicate" // sent twice
	CallbackDelay     CallbackFaultKind = "delay"     // the first attempt waits Seconds on the clock
	CallbackHold      CallbackFaultKind = "hold"      // waits for the next callback with the same Identity and is sent after it
	CallbackForge     CallbackFaultKind = "forge"     // signed wrongly, where the provider signs
)

// maxSeconds is ten years: time.Duration can hold it.
const maxSeconds = 10 * 365 * 24 * 3600

// check reports what is wrong with a rule, and in which field.
func (f Fault) check() (field string, err error) {
	switch f.Kind {
	case FaultStatus:
		if f.Status < 300 || f.Status > 599 {
			return "status", fmt.Errorf("status %d is not between 300 and 599", f.Status)
		}
	case FaultHTML:
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
			return "status", fmt.Errorf("status %d is not between 200 and 599", f.Status)
		}
	case FaultDelay:
		if !(f.Seconds > 0) {
			return "seconds", errors.New("a delay needs seconds above zero")
		}
	case FaultDropBefore, FaultDropAfter, FaultTruncate, FaultMalformed, FaultRateLimit, FaultExpireToken:
	default:
		return "kind", fmt.Errorf("unknown kind %q", f.Kind)
	}
	if field, err := checkCounts(f.Seconds, f.Times); err != nil {
		return field, err
	}
	if err := checkGlob(f.Path); err != nil {
		return "path", err
	}
	return "", nil
}

func (r CallbackFault) check() error {
	switch r.Kind {
	case CallbackDrop, CallbackDuplicate, CallbackDelay, CallbackHold, CallbackForge:
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	if _, err := checkCounts(r.Seconds, r.Times); err != nil {
		return err
	}
	for _, p := range []string{r.Event, r.Identity} {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%q is not a valid pattern", p)
		}
	}
	return nil
}

func checkCounts(seconds float64, times int) (field string, err error) {
	if !(seconds >= 0 && seconds <= maxSeconds) {
		return "seconds", fmt.Errorf("seconds must be between 0 and %d", maxSeconds)
	}
	if times < 0 {
		return "times", errors.New("times must not be negative")
	}
	return "", nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// wholeSeconds is the wait as Retry-After says it, rounded up.
func (f Fault) wholeSeconds() int { return int(math.Ceil(f.Seconds)) }

func (f Fault) matches(provider, operation, method, path string) bool {
	return (f.Provider == "" || f.Provider == provider) &&
		(f.Operation == "" || f.Operation == operation) &&
		(f.Method == "" || strings.EqualFold(f.Method, method)) &&
		(f.Path == "" || glob(f.Path, path))
}

func (r CallbackFault) matches(d *delivery) bool {
	return (r.Provider == "" || r.Provider == d.Provider) && matchName(r.Event, d.Event) && matchName(r.Identity, d.Identity)
}

func matchName(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, _ := path.Match(pattern, name) // checked when the rule was added
	return ok
}

// addFault adds a checked rule. The lock is held.
func (w *World) addFault(f Fault) Fault {
	w.faultCount++
	f.ID, f.Hits = faultID(w.faultCount), 0
	w.faults = append(w.faults, &f)
	return f
}

func faultID(n int) string { return fmt.Sprintf("flt-%06d", n) }

// listFaults copies the rules for requests of a provider, or all rules when it
// is empty.
func (w *World) listFaults(provider string) []Fault {
	all := []Fault{}
	for _, f := range w.faults {
		if provider == "" || f.Provider == "" || f.Provider == provider {
			all = append(all, *f)
		}
	}
	return all
}

// clearFaults removes the rules that name a provider, or all rules when it is
// empty.
func (w *World) clearFaults(provider string) {
	w.faults = slices.DeleteFunc(w.faults, func(f *Fault) bool { return provider == "" || f.Provider == provider })
	w.callbackFaults = slices.DeleteFunc(w.callbackFaults, func(r *CallbackFault) bool { return provider == "" || r.Provider == provider })
}

// maxSpent is how many rules without times left the admin API still shows.
const maxSpent = 20

// takeFaults returns the rules that count for a request, oldest first. Each has
// one time less afterwards. The lock is held.
func (w *World) takeFaults(provider, operation, method, path string) []Fault {
	var met []Fault
	for i := 0; i < len(w.faults); {
		f := w.faults[i]
		if !f.matches(provider, operation, method, path) {
			i++
			continue
		}
		f.Hits++
		met = append(met, *f)
		if f.Times == 1 {
			w.spent = append(w.spent, met[len(met)-1])
			if surplus := len(w.spent) - maxSpent; surplus > 0 {
				w.spent, w.spentDropped = w.spent[surplus:], w.spentDropped+surplus
			}
			w.faults = append(w.faults[:i:i], w.faults[i+1:]...)
		} else {
			f.Times = max(f.Times-1, 0)
			i++
		}
		if f.Kind != FaultDelay && f.Kind != FaultExpireToken {
			break
		}
	}
	return met
}

// takeCallbackFault returns the rule that counts for a callback, or the zero
// rule. The rule has one time less afterwards.
func (w *World) takeCallbackFault(d *delivery) CallbackFault {
	for i, r := range w.callbackFaults {
		if !r.matches(d) {
			continue
		}
		met := *r
		if r.Times == 1 {
			w.callbackFaults = append(w.callbackFaults[:i:i], w.callbackFaults[i+1:]...)
		} else {
			r.Times = max(r.Times-1, 0)
		}
		return met
	}
	return CallbackFault{}
}

// glob reports whether a path matches a pattern: path.Match within each
// segment, and a segment ** for any number of segments.
func glob(pattern, p string) bool {
	return globSegments(strings.Split(pattern, "/"), strings.Split(p, "/"))
}

func globSegments(pattern, p []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			rest := pattern[1:]
			if len(rest) == 0 {
				return true
			}
			for i := range p {
				if globSegments(rest, p[i:]) {
					return true
				}
			}
			return false
		}
		if len(p) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], p[0]); !ok { // checked when the rule was added
			return false
		}
		pattern, p = pattern[1:], p[1:]
	}
	return len(p) == 0
}

const maxGlob = 500

func checkGlob(pattern string) error {
	if len(pattern) > maxGlob || strings.Count(pattern, "**") > 4 {
		return errors.New("path pattern is too long")
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return errors.New("path is not a valid pattern")
	}
	return nil
}

// Route is a route that a fake serves: what a fault rule can meet.
type Route struct {
	Name       string            `json:"name"` // of the operation, such as "rides.create"
	Method     string            `json:"method"`
	Path       string            `json:"path"`                  // behind the base URL, with placeholders in braces
	Body       map[string]string `json:"body,omitempty"`        // members of a JSON body which tell it from a route with the same path
	MovesMoney bool              `json:"moves_money,omitempty"` // a write that money may follow
}

type routeList struct {
	Routes []routeView `json:"routes"`
}

type routeView struct {
	Provider string `json:"provider"`
	Route
}

func (w *World) adminRoutes(rw http.ResponseWriter, _ *http.Request) {
	routes := []routeView{}
	w.locked(func() {
		for _, c := range w.providers {
			for _, r := range c.provider.Routes {
				routes = append(routes, routeView{c.provider.Name, r})
			}
		}
	})
	AdminRespond(rw, http.StatusOK, routeList{routes})
}

// operation is the name of the route that a request takes, or "" if the provider
// has no such route. A route with fewer placeholders comes first.
func (p *Provider) operation(method, path string, body []byte) string {
	name, fewest := "", 0
	var members map[string]any // of the body, once a route asks for them
	for _, r := range p.Routes {
		if !strings.EqualFold(r.Method, method) || !canMatch(globEscaper.Replace(path), r.Path) {
			continue
		}
		if len(r.Body) > 0 && members == nil {
			if members, _ = ReadObject(bytes.NewReader(body)); members == nil {
				members = map[string]any{}
			}
		}
		told := true
		for member, value := range r.Body {
			told = told && Text(members[member]) == value
		}
		if n := strings.Count(r.Path, "{"); told && (name == "" || n < fewest) {
			name, fewest = r.Name, n
		}
	}
	return name
}

// shared reports whether an operation is told from others by the body alone.
func (p *Provider) shared(operation string) bool {
	return slices.ContainsFunc(p.Routes, func(r Route) bool { return r.Name == operation && len(r.Body) > 0 })
}

// globEscaper makes a pattern of a path that matches this path alone.
var globEscaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

// checkRoute reports whether a fault rule can meet a request to a route that is
// known, and else in which field it is wrong. It says nothing of a provider
// without a table of routes.
func (w *World) checkRoute(f Fault) (field string, err error) {
	operation, path, method := f.Operation == "", f.Path == "", f.Method == ""
	for _, c := range w.providers {
		if f.Provider != "" && f.Provider != c.provider.Name {
			continue
		}
		if len(c.provider.Routes) == 0 && f.Operation == "" {
			return "", nil
		}
		for _, r := range c.provider.Routes {
			named := f.Operation == "" || f.Operation == r.Name
			fits := named && (f.Path == "" || canMatch(f.Path, r.Path))
			operation = operation || named
			path = path || fits
			method = method || fits && strings.EqualFold(f.Method, r.Method)
		}
	}
	of := cmp.Or(f.Provider, "any provider")
	switch {
	case !operation:
		return "operation", fmt.Errorf("no operation of %s is called %q", of, f.Operation)
	case !path:
		return "path", fmt.Errorf("no route of %s can match %q", of, f.Path)
	case !method:
		return "method", fmt.Errorf("no route that matches takes %s", f.Method)
	}
	return "", nil
}

// canMatch reports whether a glob matches some path of a template. A slash at the
// end of the template may be missing, as it is in requests that get a redirect.
func canMatch(pattern, template string) bool {
	segments := strings.Split(template, "/")
	return canMatchSegments(strings.Split(pattern, "/"), segments) ||
		len(segments) > 2 && segments[len(segments)-1] == "" && canMatchSegments(strings.Split(pattern, "/"), segments[:len(segments)-1])
}

func canMatchSegments(pattern, template []string) bool {
	for i, p := range pattern {
		if p == "**" {
			for k := range len(template) + 1 {
				if i+1 == len(pattern) || canMatchSegments(pattern[i+1:], template[k:]) {
					return true
				}
			}
			return false
		}
		if i >= len(template) || !strings.Contains(template[i], "{") && !matchName(p, template[i]) && p != template[i] {
			return false
		}
		if p == "" && template[i] != "" {
			return false
		}
	}
	return len(pattern) == len(template)
}
