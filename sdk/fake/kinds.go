package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Kind is a kind of objects that a fake shows in the admin API, such as rides.
// Make it with KindOf. The lock is held during each call of its functions.
type Kind struct {
	Name string // of the admin call: GET /_fake/{provider}/{name}
	Len  func() int
	At   func(i int) Object // 0 is the oldest
	Find func(id string) (Object, bool)

	peek   func(id string) (Object, bool) // without Acts, which cost more than the rest
	peekAt func(i int) Object
}

// KindOf makes a Kind from a fake's own objects: all of them, oldest first; the
// object with an id or nil; and how an object is shown.
func KindOf[T any](name string, all func() []*T, find func(id string) *T, show func(*T) Object) Kind {
	peek := func(id string) (Object, bool) {
		if object := find(id); object != nil {
			return show(object), true
		}
		return Object{}, false
	}
	whole := func(o Object) Object {
		if o.Next != nil {
			o.Acts = o.Next()
		}
		return o
	}
	return Kind{
		Name: name,
		Len:  func() int { return len(all()) },
		At:   func(i int) Object { return whole(show(all()[i])) },
		Find: func(id string) (Object, bool) {
			o, ok := peek(id)
			return whole(o), ok
		},
		peek:   peek,
		peekAt: func(i int) Object { return show(all()[i]) },
	}
}

// Object is an object of a fake as the admin API shows it.
type Object struct {
	ID        string          `json:"id"`
	Reference string          `json:"reference,omitempty"` // the merchant's own
	Title     string          `json:"title,omitempty"`     // for people, such as a payer's name
	State     string          `json:"state"`
	Result    Result          `json:"result"` // what the state means
	Amount    decimal.Decimal `json:"amount"`
	Currency  string          `json:"currency,omitempty"` // empty: the object has no amount
	Created   time.Time       `json:"created"`            // zero: not known
	Link      string          `json:"link,omitempty"`     // a page of the fake for people, behind the base URL
	Acts      []Act           `json:"acts"`               // what can be done with it now, the usual act first
	Next      func() []Act    `json:"-"`                  // makes Acts when they are asked for; may be nil
	Value     any             `json:"value"`              // all the fake knows
}

// Act is an admin call that an object allows in its state.
type Act struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   any    `json:"body,omitempty"`
}

// Acts are the calls that move an object to each of these states: POST to the
// path with {"field": state}.
func Acts[S any](path, field string, to []S) []Act {
	acts := []Act{}
	for _, state := range to {
		acts = append(acts, Act{Name: fmt.Sprint(state), Method: http.MethodPost, Path: path, Body: map[string]S{field: state}})
	}
	return acts
}

// AdminPath is the path of an admin call with each part escaped.
func AdminPath(parts ...string) string {
	var path strings.Builder
	path.WriteString("/_fake")
	for _, p := range parts {
		path.WriteString("/" + url.PathEscape(p))
	}
	return path.String()
}

// Result says in one word what became of something.
type Result string

const (
	ResultOK      Result = "ok"      // it succeeded
	ResultPending Result = "pending" // it goes on
	ResultRefused Result = "refused" // it was turned down
	ResultFailed  Result = "failed"  // it broke, or ended without success
)

// ResultOf is the Result of an object that succeeded, is over without success, or
// else goes on.
func ResultOf(succeeded, over bool) Result {
	switch {
	case succeeded:
		return ResultOK
	case over:
		return ResultFailed
	}
	return ResultPending
}

// maxList bounds the bytes of one list in an admin response, and of one message of the
// stream. An element that is larger by itself is cut to maxElement.
const (
	maxList    = 48 << 10
	maxElement = 8 << 10
)

// pageElement is an element of a page as JSON. An element that no page has room for
// is cut: "cut" says so, and "whole" is the call that shows all of it.
func pageElement(v any, whole string) json.RawMessage {
	text := Encode(v)
	if len(text) <= maxList {
		return text
	}
	for longest := maxElement / 4; longest > 8; longest /= 4 {
		element, _ := ReadObject(bytes.NewReader(text))
		for name, value := range element {
			element[name] = cutValue(value, longest)
		}
		element["cut"], element["whole"] = true, whole
		if short := Encode(element); len(short) <= maxElement {
			return short
		}
	}
	return Encode(map[string]any{"cut": true, "whole": cutText(whole, maxElement/4)})
}

// cutValue shortens the texts in a JSON value, and leaves of a list its last elements.
func cutValue(v any, longest int) any {
	switch v := v.(type) {
	case string:
		return cutText(v, longest)
	case []any:
		v = v[max(0, len(v)-longest/32):]
		for i := range v {
			v[i] = cutValue(v[i], longest)
		}
		return v
	case map[string]any:
		short := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if len(short) < longest/32 {
				short[cutText(name, longest)] = cutValue(v[name], longest)
			}
		}
		return short
	}
	return v
}

func cutText(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + cutMark
}

// list is a page of a list: which elements, newest first.
type list struct {
	Total   int    `json:"total"`             // elements that fit the query, on all pages
	Dropped int    `json:"dropped,omitempty"` // older elements which are forgotten
	Next    string `json:"next,omitempty"`    // cursor of the page behind this one; empty: this is the last page
}

// elementsOf are the elements of a page as JSON, each a T or cut; see pageElement.
type elementsOf[T any] []json.RawMessage

func (elementsOf[T]) element() reflect.Type { return reflect.TypeFor[T]() }

// paging is what a list call asks for.
type paging struct {
	provider string
	before   int // elements before this position only
	limit    int
	room     int    // bytes of the elements
	q        string // in lower case
}

// firstPage is what a list call asks for without a query.
func firstPage() paging { return paging{before: math.MaxInt, limit: defaultLimit, room: maxList} }

// paging reads the query of a list call. If it reports false, it has written the
// error response.
func (w *World) paging(rw http.ResponseWriter, r *http.Request) (p paging, ok bool) {
	p = firstPage()
	if p.provider, p.limit, ok = w.filters(rw, r); !ok {
		return p, false
	}
	query := r.URL.Query()
	p.q = strings.ToLower(query.Get("q"))
	if text := query.Get("cursor"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			AdminError(rw, http.StatusBadRequest, "cursor", "cursor must be the next of an earlier response")
			return p, false
		}
		p.before = n
	}
	return p, true
}

// oneOf reads a parameter that filters a list by one of these values. Another is refused.
func oneOf[S ~string](rw http.ResponseWriter, r *http.Request, name string, known ...S) (value S, ok bool) {
	value = S(r.URL.Query().Get(name))
	if value == "" || slices.Contains(known, value) {
		return value, true
	}
	AdminError(rw, http.StatusBadRequest, name, fmt.Sprintf("%s must be one of %v", name, known))
	return value, false
}

// page collects the elements of a list from the newest to the oldest as JSON. fits
// tells whether the filter lets an element in; nil lets all in. show returns an element
// and the call that shows it whole. Positions begin at first, so that a cursor stays
// right when old elements are forgotten.
func (p paging) page(first, count int, fits func(i int) bool, show func(i int) (element any, whole string)) ([]json.RawMessage, list) {
	out, size, l := []json.RawMessage{}, 0, list{Dropped: first}
	from := count - 1
	if fits == nil {
		l.Total, from = count, min(p.before-first, count)-1
	}
	for i := from; i >= 0; i-- {
		if fits != nil {
			if !fits(i) {
				continue
			}
			l.Total++
		}
		if first+i >= p.before || l.Next != "" {
			continue // counted only
		}
		text := pageElement(show(i))
		if len(out) < p.limit && (len(out) == 0 || size+len(text) <= p.room) {
			out, size = append(out, text), size+len(text)+1
			continue
		}
		l.Next = strconv.Itoa(first + i + 1)
		if fits == nil {
			break
		}
	}
	return out, l
}

// search is the filter of a list whose query looks at all that is shown; nil without
// a query.
func (p paging) search(show func(i int) (any, string)) func(i int) bool {
	if p.q == "" {
		return nil
	}
	return func(i int) bool {
		element, _ := show(i)
		return contains(p.q, string(Encode(element)))
	}
}

// contains reports whether one of the texts contains q, which is in lower case.
func contains(q string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), q) })
}

// respondList writes {"<name>":[...],"total":...}.
func respondList(rw http.ResponseWriter, name string, elements []json.RawMessage, l list) {
	out := map[string]any{name: elements, "total": l.Total}
	if l.Dropped > 0 {
		out["dropped"] = l.Dropped
	}
	if l.Next != "" {
		out["next"] = l.Next
	}
	AdminRespond(rw, http.StatusOK, out)
}

// summary is an object in a list: without its value.
func summary(o Object) Object {
	o.Value = nil
	return o
}

// adminKind lists the objects of a kind. The query q looks at all the fake knows
// of an object.
func (w *World) adminKind(k Kind) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		p, ok := w.paging(rw, r)
		if !ok {
			return
		}
		state := r.URL.Query().Get("state")
		var fits func(i int) bool
		if state != "" || p.q != "" {
			fits = func(i int) bool {
				o := k.peekAt(i)
				return (state == "" || o.State == state) && (p.q == "" || contains(p.q, string(Encode(o))))
			}
		}
		var elements []json.RawMessage
		var l list
		w.locked(func() {
			elements, l = p.page(0, k.Len(), fits, func(i int) (any, string) {
				o := k.At(i)
				return summary(o), r.URL.EscapedPath() + "/" + url.PathEscape(o.ID)
			})
		})
		respondList(rw, k.Name, elements, l)
	}
}

func (w *World) adminObject(k Kind) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var text json.RawMessage
		ok := false
		w.locked(func() {
			var o Object
			if o, ok = k.Find(r.PathValue("id")); ok {
				text = Encode(o) // under the lock: Value is the fake's own
			}
		})
		if !ok {
			AdminError(rw, http.StatusNotFound, "id", fmt.Sprintf("no %q among %s", r.PathValue("id"), k.Name))
			return
		}
		AdminRespond(rw, http.StatusOK, text)
	}
}

type kindList struct {
	Kinds []kindView `json:"kinds"`
}

type kindView struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	Total    int    `json:"total"`
}

// adminKinds lists what there is to look at.
func (w *World) adminKinds(rw http.ResponseWriter, _ *http.Request) {
	kinds := []kindView{}
	w.Lock()
	for _, c := range w.providers {
		for _, k := range c.provider.Kinds {
			kinds = append(kinds, kindView{c.provider.Name, k.Name, k.Len()})
		}
		if c.provider.Ledger != nil {
			kinds = append(kinds, kindView{c.provider.Name, "accounts", len(c.provider.Ledger().accounts)})
		}
	}
	w.Unlock()
	AdminRespond(rw, http.StatusOK, kindList{kinds})
}

// wholeWorld shows what no call shows alone: accounts and entries.
const wholeWorld = "/_fake/snapshot"

// shownAccount is an account as the admin API shows it.
type shownAccount struct {
	Owner     string          `json:"owner"`
	Name      string          `json:"name,omitempty"` // the owner's, for people
	Currency  string          `json:"currency"`
	Balance   decimal.Decimal `json:"balance"`
	Available decimal.Decimal `json:"available"`
	Overdraft decimal.Decimal `json:"overdraft"`
	Entries   int             `json:"entries"`
}

func (w *World) adminAccounts(p *Provider) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		page, ok := w.paging(rw, r)
		if !ok {
			return
		}
		var elements []json.RawMessage
		var l list
		w.locked(func() {
			ledger := p.Ledger()
			names := ledger.sorted()
			slices.Reverse(names) // so that the page, newest first, has them in their order
			show := func(i int) (any, string) {
				a := names[i]
				shown := shownAccount{
					Owner: a.Owner, Currency: a.Currency, Balance: ledger.Balance(a), Available: ledger.Available(a),
					Overdraft: ledger.accounts[a].overdraft, Entries: ledger.Len(a),
				}
				if p.OwnerName != nil {
					shown.Name = p.OwnerName(a.Owner)
				}
				return shown, wholeWorld
			}
			elements, l = page.page(0, len(names), page.search(show), show)
		})
		respondList(rw, "accounts", elements, l)
	}
}

// shownEntry is an entry with the balance after it.
type shownEntry struct {
	Entry
	Balance         decimal.Decimal `json:"balance"`
	ObjectReference string          `json:"object_reference,omitempty"` // the merchant's own, of the object it belongs to
	Acts            []Act           `json:"acts,omitempty"`
}

// adminEntries lists the entries of one account with the running sum.
func (w *World) adminEntries(p *Provider) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		page, ok := w.paging(rw, r)
		if !ok {
			return
		}
		query := r.URL.Query()
		a := Account{Owner: query.Get("owner"), Currency: query.Get("currency")}
		var elements []json.RawMessage
		var l list
		known := false
		w.locked(func() {
			b := p.Ledger().accounts[a]
			if known = b != nil; !known {
				return
			}
			sum := decimal.Zero
			sums := make([]decimal.Decimal, len(b.entries))
			for i, e := range b.entries {
				if e.Status == EntryPosted {
					sum = sum.Add(e.Amount)
				}
				sums[i] = sum
			}
			show := func(i int) (any, string) {
				e := shownEntry{Entry: *b.entries[i], Balance: sums[i]}
				e.ObjectReference = w.timeline.about(Record{Provider: p.Name, Identity: e.Reference}).Reference
				if p.EntryActs != nil {
					e.Acts = p.EntryActs(e.Entry)
				}
				return e, wholeWorld
			}
			elements, l = page.page(0, len(b.entries), page.search(show), show)
		})
		if !known {
			AdminError(rw, http.StatusNotFound, "owner", fmt.Sprintf("no account of %q in %q", a.Owner, a.Currency))
			return
		}
		respondList(rw, "entries", elements, l)
	}
}
