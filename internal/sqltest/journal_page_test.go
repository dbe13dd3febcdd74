package sqltest

import (
	"errors"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// operator is a person with a browser: it keeps cookies and follows redirects.
type operator struct {
	t      *testing.T
	page   http.Handler
	cookie *http.Cookie
}

func newOperator(t *testing.T, m *merchant) *operator {
	t.Helper()
	return &operator{t: t, page: http.StripPrefix("/journal", m.j.Page(func(r *http.Request) (string, error) {
		name, _, ok := r.BasicAuth()
		if !ok {
			return "", errors.New("no name")
		}
		return name, nil
	}))}
}

func (o *operator) do(method, target string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, "/journal/"+target, strings.NewReader(form.Encode()))
	r.SetBasicAuth("Ines", "secret")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if o.cookie != nil {
		r.AddCookie(o.cookie)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	o.page.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		require.True(o.t, c.HttpOnly)
		require.Equal(o.t, http.SameSiteStrictMode, c.SameSite)
		o.cookie = c
	}
	return w
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// confirmation opens the form of an act and fills it in.
func (o *operator) confirmation(flow, reference, do string) url.Values {
	o.t.Helper()
	w := o.do(http.MethodGet, "confirm?"+url.Values{"flow": {flow}, "reference": {reference}, "do": {do}}.Encode(), nil)
	require.Equal(o.t, http.StatusOK, w.Code, w.Body)
	form := url.Values{"reason": {"asked the bank"}}
	for _, match := range hiddenInput.FindAllStringSubmatch(w.Body.String(), -1) {
		form.Set(match[1], html.UnescapeString(match[2]))
	}
	return form
}

func TestJournalPage(t *testing.T) {
	t.Parallel()
	b := newBank(sdk.Once, "lost before", "lost before")
	m := newMerchant(t, openImmediate(t), journal.SQLite, b)
	const hostile = `<script>alert("1")</script>&x`
	m.mustPlan(hostile)
	m.mustPlan("b")
	m.work(0)
	m.mustPlan("waits")
	o := newOperator(t, m)

	// What is stuck comes first, and nothing that was stored becomes markup.
	w := o.do(http.MethodGet, "", nil)
	require.Equal(t, http.StatusOK, w.Code)
	text := w.Body.String()
	require.NotContains(t, text, "<script")
	require.Less(t, strings.Index(text, "Waiting for a person"), strings.Index(text, html.EscapeString(hostile)))
	require.Less(t, strings.Index(text, html.EscapeString(hostile)), strings.Index(text, ">waits<"))
	for name, part := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		require.Contains(t, w.Header().Get(name), part)
	}
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe")
	require.Equal(t, http.StatusOK, o.do(http.MethodGet, "style.css", nil).Code)
	require.Contains(t, o.do(http.MethodGet, "?flow=pay&state=planned", nil).Body.String(), ">waits<")
	require.NotContains(t, o.do(http.MethodGet, "?flow=pay&state=final", nil).Body.String(), ">waits<")

	// An entry shows its history, and the acts that its state allows.
	text = o.do(http.MethodGet, "entry?flow=pay&reference="+url.QueryEscape(hostile), nil).Body.String()
	require.NotContains(t, text, "<script")
	for _, part := range []string{"planned", "sending", "unanswered", "do=happened", "do=did-not", "do=retry", "do=resend"} {
		require.Contains(t, text, part)
	}
	require.NotContains(t, text, "do=cancel")
	require.Equal(t, http.StatusNotFound, o.do(http.MethodGet, "entry?flow=pay&reference=none", nil).Code)
	require.Equal(t, http.StatusNotFound, o.do(http.MethodGet, "else", nil).Code)

	// An act is confirmed with a reason, and stands in the history with the actor.
	form := o.confirmation("pay", hostile, "happened")
	w = o.do(http.MethodPost, "act", form)
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body)
	require.Equal(t, []string{"stuck", "succeeded"}, m.changes(hostile))
	history, err := m.j.History(t.Context(), "pay", hostile)
	require.NoError(t, err)
	require.Equal(t, []string{"Ines", "asked the bank"}, []string{history[len(history)-1].Actor, history[len(history)-1].Note})
	require.Equal(t, http.StatusConflict, o.do(http.MethodPost, "act", form).Code, "the same again finds a final entry")

	// A flow is paused and resumed.
	require.Equal(t, http.StatusSeeOther, o.do(http.MethodPost, "act", o.confirmation("pay", "", "pause")).Code)
	require.Contains(t, o.do(http.MethodGet, "", nil).Body.String(), "Resume pay")
	m.work(0)
	require.Equal(t, journal.StatePlanned, m.entry("waits").State)
	require.Equal(t, http.StatusSeeOther, o.do(http.MethodPost, "act", o.confirmation("pay", "", "resume")).Code)
	require.Equal(t, http.StatusNotFound, o.do(http.MethodGet, "confirm?flow=other&do=pause", nil).Code)
}

// TestJournalPageRefuses: nothing is changed without a person, their token, a reason,
// and the state that the person saw.
func TestJournalPageRefuses(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, openImmediate(t), journal.SQLite, newBank(sdk.Once, "lost before", "lost before", "lost before"))
	m.mustPlan("a")
	m.work(0)
	o := newOperator(t, m)
	form := o.confirmation("pay", "a", "happened")
	without := func(name, value string) url.Values {
		changed := url.Values{}
		maps.Copy(changed, form)
		changed.Set(name, value)
		return changed
	}
	for name, test := range map[string]struct {
		code   int
		form   url.Values
		change func(*http.Request)
	}{
		"nobody":           {http.StatusUnauthorized, form, func(r *http.Request) { r.Header.Del("Authorization") }},
		"no token":         {http.StatusForbidden, without("token", ""), func(*http.Request) {}},
		"another token":    {http.StatusForbidden, without("token", strings.Repeat("A", 26)), func(*http.Request) {}},
		"no cookie":        {http.StatusForbidden, form, func(r *http.Request) { r.Header.Del("Cookie") }},
		"an empty cookie":  {http.StatusForbidden, without("token", ""), func(r *http.Request) { r.Header.Set("Cookie", "journal-token=") }},
		"another site":     {http.StatusForbidden, form, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"another origin":   {http.StatusForbidden, form, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }},
		"no reason":        {http.StatusBadRequest, without("reason", " "), func(*http.Request) {}},
		"another act":      {http.StatusConflict, without("do", "cancel"), func(*http.Request) {}},
		"no act":           {http.StatusConflict, without("do", ""), func(*http.Request) {}},
		"another state":    {http.StatusConflict, without("seen", "open  1"), func(*http.Request) {}},
		"another entry":    {http.StatusNotFound, without("reference", "none"), func(*http.Request) {}},
		"read, not posted": {http.StatusMethodNotAllowed, form, func(r *http.Request) { r.Method = http.MethodGet }},
	} {
		require.Equal(t, test.code, o.do(http.MethodPost, "act", test.form, test.change).Code, name)
	}
	require.Equal(t, http.StatusMethodNotAllowed, o.do(http.MethodPost, "", form).Code)
	require.Equal(t, journal.StateStuck, m.entry("a").State)

	// The entry was retried and is stuck again since the person looked.
	require.NoError(t, m.act("a", journal.Retry))
	m.work(time.Minute)
	require.Equal(t, journal.StateStuck, m.entry("a").State)
	require.Equal(t, http.StatusConflict, o.do(http.MethodPost, "act", form).Code)
	require.Equal(t, []string{"stuck", "stuck"}, m.changes("a"))

	// Without auth nobody gets in.
	w := httptest.NewRecorder()
	m.j.Page(nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.Equal(t, http.StatusUnauthorized, w.Code)
}
