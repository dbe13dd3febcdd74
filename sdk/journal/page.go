package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Page serves a page for operators: what is stuck first, then the flows and all
// entries, the whole history of an entry, and the acts. Mount it below a path that ends
// with "/":
//
//	mux.Handle("/journal/", j.Page(func(r *http.Request) (string, error) { return staff(r) }))
//
// auth names the person who asks, for the history, or refuses with an error. Without
// auth every request is refused. Each act asks for a reason first. It is refused when
// it comes from another site, or when the entry has changed since the person saw it.
// The page has no script. It shows no parameters and no responses of a provider.
func (j *Journal) Page(auth func(*http.Request) (actor string, err error)) http.Handler {
	p := &page{j: j, auth: auth, cross: http.NewCrossOriginProtection()}
	p.views = template.Must(template.New("").Funcs(template.FuncMap{
		"link": link,
		"when": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"late": func(s Stats) string { return max(s.SendLate, s.FollowLate).Round(time.Second).String() },
		"stuck": func(s Stats) (n int) {
			for _, count := range s.Stuck {
				n += count
			}
			return n
		},
	}).Parse(pageHTML))
	return p
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS []byte

type page struct {
	j     *Journal
	auth  func(*http.Request) (string, error)
	cross *http.CrossOriginProtection
	views *template.Template
}

func link(view, flow, reference string) string {
	return view + "?" + url.Values{"flow": {flow}, "reference": {reference}}.Encode()
}

// view is what a template shows.
type view struct {
	Title, Actor string
	// Of the list.
	Stuck, Entries  []Listed
	More, MoreStuck string
	Flows           []Stats
	States          []State
	Filter          Filter
	Hours           string
	// Of an entry.
	Entry   Entry
	Acts    []offer
	History []Record
	// Of a confirmation.
	Act                          offer
	Flow, Reference, Token, Seen string
	Back                         string
	// Of a failure.
	Message string
}

// offer is an act in words.
type offer struct {
	Do          Do
	Name, Means string
	Grave       bool
}

const (
	pauseFlow  Do = "pause"
	resumeFlow Do = "resume"
)

func offers() []offer {
	return []offer{
		{Retry, "Retry", "The entry goes on where it stopped. What was not sent is sent. What may have left is looked up first, and sent again only under a unique reference or a key.", false},
		{Approve, "Approve", "The entry may be sent although it is beyond the limit of its flow.", true},
		{Happened, "It happened", "The entry ends as succeeded, and your func is told. Look at the provider first.", true},
		{DidNot, "It did not happen", "The entry ends as failed, and your func is told. Look at the provider first.", true},
		{Resend, "Send again", "The request is sent once more after a last lookup. This can pay twice: first make sure that no attempt arrived.", true},
		{Cancel, "Cancel", "The entry ends, and nothing is sent.", true},
		{pauseFlow, "Pause", "No process sends anything of this flow until it is resumed. What was sent is followed, and new entries are recorded.", true},
		{resumeFlow, "Resume", "All processes send again what waits in this flow.", true},
	}
}

// failure is an error that a person is told.
type failure struct {
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // a form of this page names its origin
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	actor, err := "", errors.New("no auth")
	if p.auth != nil {
		actor, err = p.auth(r)
	}
	if err != nil || actor == "" {
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	name := path.Base(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") {
		name = "list"
	}
	allowed := map[bool]string{true: http.MethodPost, false: http.MethodGet}[name == "act"]
	if r.Method != allowed && (allowed != http.MethodGet || r.Method != http.MethodHead) {
		h.Set("Allow", allowed)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	v := &view{Actor: actor}
	switch name {
	case "style.css":
		h.Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(pageCSS)
		return
	case "list":
		err = p.list(r, v)
	case "entry":
		err = p.entry(r, v)
	case "confirm":
		err = p.confirm(w, r, v)
	case "act":
		var to string
		if to, err = p.act(w, r, actor); err == nil {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
	default:
		err = &failure{http.StatusNotFound, "There is no such page."}
	}
	if err != nil {
		name = "failed"
	}
	p.write(w, r, name, v, err)
}

func (p *page) write(w http.ResponseWriter, r *http.Request, name string, v *view, err error) {
	status := http.StatusOK
	var told *failure
	switch {
	case errors.As(err, &told):
		status, v.Title, v.Message = told.status, "Nothing was changed", told.message
	case errors.Is(err, ErrNotPlanned):
		status, v.Title, v.Message = http.StatusNotFound, "Not found", "Nothing is committed under this reference in this flow."
	case errors.Is(err, ErrNotPossible):
		status, v.Title, v.Message = http.StatusConflict, "Nothing was changed", "The state of the entry forbids this act: "+err.Error()
	case err != nil: // may hold details of the database
		p.j.cfg.Logger.WarnContext(r.Context(), "journal: page", "error", err)
		status, v.Title, v.Message = http.StatusInternalServerError, "It failed", "The journal could not do this. Its log says why."
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := p.views.ExecuteTemplate(w, name, v); err != nil {
		p.j.cfg.Logger.WarnContext(r.Context(), "journal: page", "error", err)
	}
}

const pageLimit = 50

func (p *page) list(r *http.Request, v *view) error {
	ctx, query := r.Context(), r.URL.Query()
	v.Title = "What waits for a person, and all entries"
	v.States = []State{StateStuck, StatePlanned, StateSending, StateOpen, StateFinal, StateRefused, StateCancelled}
	v.Hours = query.Get("hours")
	before, _ := strconv.ParseInt(query.Get("before"), 10, 64)
	hours, _ := strconv.ParseInt(v.Hours, 10, 32)
	v.Filter = Filter{
		Flow: query.Get("flow"), State: State(query.Get("state")), Before: max(before, 0), Limit: pageLimit,
		OlderThan: time.Duration(max(hours, 0)) * time.Hour,
	}
	var err error
	if v.Stuck, err = p.j.List(ctx, Filter{State: StateStuck, Limit: pageLimit}); err != nil {
		return err
	}
	if v.Entries, err = p.j.List(ctx, v.Filter); err != nil {
		return err
	}
	if len(v.Stuck) == pageLimit {
		v.MoreStuck = "./?" + url.Values{"state": {string(StateStuck)}, "before": {strconv.FormatInt(v.Stuck[pageLimit-1].ID, 10)}}.Encode()
	}
	if len(v.Entries) == pageLimit {
		query.Set("before", strconv.FormatInt(v.Entries[pageLimit-1].ID, 10))
		v.More = "./?" + query.Encode()
	}
	p.j.mu.Lock()
	for name := range p.j.flows {
		v.Flows = append(v.Flows, Stats{Flow: name})
	}
	p.j.mu.Unlock()
	slices.SortFunc(v.Flows, func(a, b Stats) int { return cmp.Compare(a.Flow, b.Flow) })
	for i, s := range v.Flows {
		if v.Flows[i], err = p.j.Stats(ctx, s.Flow); err != nil {
			return err
		}
	}
	return nil
}

func (p *page) entry(r *http.Request, v *view) (err error) {
	flow, reference := r.URL.Query().Get("flow"), r.URL.Query().Get("reference")
	v.Title = reference
	if v.Entry, v.Acts, err = p.find(r.Context(), flow, reference); err != nil {
		return err
	}
	v.History, err = p.j.History(r.Context(), flow, reference)
	return err
}

// find returns an entry and the acts that its state allows. A process without the flow
// cannot tell its func, and so allows none.
func (p *page) find(ctx context.Context, flow, reference string) (Entry, []offer, error) {
	e, shown, err := p.j.find(ctx, flow, reference)
	if err != nil {
		return shown, nil, err
	}
	var possible []offer
	if m, err := p.j.flow(flow); err == nil {
		for _, o := range offers() {
			if _, _, err := (Act{Do: o.Do}).apply(m, *e); err == nil {
				possible = append(possible, o)
			}
		}
	}
	return shown, possible, nil
}

// confirm asks whether an act is meant.
func (p *page) confirm(w http.ResponseWriter, r *http.Request, v *view) error {
	query := r.URL.Query()
	v.Flow, v.Reference = query.Get("flow"), query.Get("reference")
	act, entry, err := p.offered(r.Context(), v.Flow, v.Reference, Do(query.Get("do")))
	if err != nil {
		return err
	}
	v.Act, v.Seen, v.Back = act, seen(entry), link("entry", v.Flow, v.Reference)
	v.Title = act.Name + ": " + cmp.Or(v.Reference, v.Flow)
	if v.Reference == "" {
		v.Back = "./"
	}
	v.Token = token(w, r)
	return nil
}

// offered is an act that is possible now.
func (p *page) offered(ctx context.Context, flow, reference string, do Do) (offer, Entry, error) {
	var (
		entry    Entry
		possible []offer
		err      error
	)
	if do == pauseFlow || do == resumeFlow {
		possible = offers()
		if _, err = p.j.flow(flow); err != nil || reference != "" {
			err = &failure{http.StatusNotFound, "This process has no such flow."}
		}
	} else {
		entry, possible, err = p.find(ctx, flow, reference)
	}
	if err != nil {
		return offer{}, entry, err
	}
	for _, o := range possible {
		if o.Do == do {
			return o, entry, nil
		}
	}
	return offer{}, entry, &failure{http.StatusConflict, "The state of the entry does not allow this."}
}

// seen names what a person saw of an entry.
func seen(e Entry) string { return fmt.Sprint(e.State, " ", e.Reason, " ", e.Changed.UnixMicro()) }

// act carries out what a person has confirmed, and returns where to go then.
func (p *page) act(w http.ResponseWriter, r *http.Request, actor string) (string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return "", &failure{http.StatusBadRequest, "The form could not be read."}
	}
	form := r.PostForm
	cookie, err := r.Cookie(tokenCookie)
	if p.cross.Check(r) != nil || err != nil || len(cookie.Value) < tokenLength ||
		subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(form.Get("token"))) != 1 {
		return "", &failure{http.StatusForbidden, "The form did not come from this page. Go back, load the page again, and confirm again."}
	}
	flow, reference, do, reason := form.Get("flow"), form.Get("reference"), Do(form.Get("do")), strings.TrimSpace(form.Get("reason"))
	if reason == "" {
		return "", &failure{http.StatusBadRequest, "The reason is missing. It stands in the history."}
	}
	_, entry, err := p.offered(r.Context(), flow, reference, do)
	if err != nil {
		return "", err
	}
	if seen(entry) != form.Get("seen") {
		return "", &failure{http.StatusConflict, "The entry has changed since you looked at it. Look at it again."}
	}
	switch do {
	case pauseFlow:
		return "./", p.j.Pause(r.Context(), flow, actor, reason)
	case resumeFlow:
		return "./", p.j.Resume(r.Context(), flow, actor, reason)
	}
	return link("entry", flow, reference), p.j.Act(r.Context(), Act{Flow: flow, Reference: reference, Do: do, Actor: actor, Reason: reason})
}

const (
	tokenCookie = "journal-token"
	tokenLength = 26
)

// token is what a form must bring back beside the cookie. No other site can read it,
// and every replica can check it.
func token(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(tokenCookie); err == nil && len(c.Value) >= tokenLength {
		return c.Value
	}
	value := rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name: tokenCookie, Value: value, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
	return value
}
