package fake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxAdminBody    = 1 << 20
	maxSnapshotBody = 512 << 20
	defaultLimit    = 100
)

// adminCall is an AdminCall with its route.
type adminCall struct {
	pattern string // of http.ServeMux
	query   string // names of query parameters
	list    string // the response is a list of this name, and Response an element; empty: it is no list
	AdminCall
}

// Admin is the HTTP admin API of this World under /_fake/: the calls that all
// fakes share and the calls of each provider. Responses are JSON, errors
// {"error":"...","field":"..."}. GET /_fake/ lists the calls.
func (w *World) Admin() http.Handler {
	calls := w.adminCalls()
	calls = append(calls,
		adminCall{"GET /_fake/{$}", "", "", AdminCall{"this list", nil, callList{}, func(rw http.ResponseWriter, _ *http.Request) {
			AdminRespond(rw, http.StatusOK, callList{index(calls)})
		}}},
		adminCall{"GET /_fake/openapi.json", "", "", AdminCall{"the same as an OpenAPI document", nil, nil, func(rw http.ResponseWriter, _ *http.Request) {
			AdminRespond(rw, http.StatusOK, openAPI(calls))
		}}},
	)
	mux := http.NewServeMux()
	for _, c := range calls {
		mux.HandleFunc(c.pattern, c.Handle)
	}
	return w.recordActs(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			unrouted(mux, rw, r)
			return
		}
		mux.ServeHTTP(rw, r)
	}))
}

const listQuery = "limit cursor q"

// adminCalls is the table of all calls.
func (w *World) adminCalls() []adminCall {
	calls := []adminCall{
		{"GET /_fake/clock", "", "", AdminCall{"the virtual time, and how many events wait for it", nil, clockView{}, w.adminClock}},
		{"POST /_fake/clock/advance", "", "", AdminCall{"moves the clock, by seconds or to the next event; what is due happens before the response", advanceBody{}, clockView{}, w.adminAdvance}},
		{"POST /_fake/reset", "", "", AdminCall{"puts everything back to the start", nil, clockView{}, w.adminReset}},
		{"GET /_fake/snapshot", "secrets", "", AdminCall{"the whole state, without live tokens unless secrets=1", nil, snapshot{}, w.adminSnapshot}},
		{"PUT /_fake/snapshot", "", "", AdminCall{"puts the whole state back", snapshot{}, clockView{}, w.adminRestore}},
		{"GET /_fake/timeline", "provider kind result subject " + listQuery, "records", AdminCall{"what happened, newest first", nil, Record{}, w.adminTimeline}},
		{"GET " + eventsPath, "last", "", AdminCall{"the timeline as server-sent events", nil, streamMessage{}, w.adminEvents}},
		{"GET /_fake/requests", "provider " + listQuery, "requests", AdminCall{"requests to the providers, newest first", nil, Request{}, w.adminRequests}},
		{"GET /_fake/requests/{id}", "", "", AdminCall{"one request", nil, requestView{}, w.adminRequest}},
		{"GET /_fake/deliveries", "provider state request " + listQuery, "deliveries", AdminCall{"callbacks, newest first", nil, deliveryView{}, w.adminDeliveries}},
		{"GET /_fake/deliveries/{id}", "", "", AdminCall{"one callback with its attempts", nil, deliveryView{}, w.adminDelivery}},
		{"POST /_fake/deliveries/{id}/redeliver", "", "", AdminCall{"sends a callback again, now", nil, deliveryView{}, w.adminRedeliver}},
		{"POST /_fake/deliveries/redeliver", "", "", AdminCall{"sends all dead callbacks again, now", nil, sentView{}, w.adminRedeliverDead}},
		{"GET /_fake/faults", "provider " + listQuery, "", AdminCall{"fault rules, newest first, and rules that are used up", nil, faultList{}, w.adminFaults}},
		{"POST /_fake/faults", "", "", AdminCall{"adds a fault rule", faultBody{}, Fault{}, w.adminAddFault}},
		{"DELETE /_fake/faults", "provider", "", AdminCall{"removes all fault rules, or those of a provider", nil, faultList{}, w.adminClearFaults}},
		{"DELETE /_fake/faults/{id}", "", "", AdminCall{"removes one fault rule", nil, faultList{}, w.adminRemoveFault}},
		{"GET /_fake/routes", "", "", AdminCall{"the routes of each provider", nil, routeList{}, w.adminRoutes}},
		{"GET /_fake/kinds", "", "", AdminCall{"the kinds of objects of each provider", nil, kindList{}, w.adminKinds}},
	}
	w.mu.Lock()
	joined := slices.Clone(w.providers)
	w.mu.Unlock()
	for _, c := range joined {
		base := "GET /_fake/" + c.provider.Name
		for _, k := range c.provider.Kinds {
			calls = append(calls,
				adminCall{base + "/" + k.Name, "state " + listQuery, k.Name, AdminCall{k.Name + ", newest first", nil, Object{}, w.adminKind(k)}},
				adminCall{base + "/" + k.Name + "/{id}", "", "", AdminCall{"one of the " + k.Name, nil, Object{}, w.adminObject(k)}})
		}
		if c.provider.Ledger != nil {
			calls = append(calls,
				adminCall{base + "/accounts", listQuery, "accounts", AdminCall{"accounts with their balances", nil, shownAccount{}, w.adminAccounts(&c.provider)}},
				adminCall{base + "/entries", "owner currency " + listQuery, "entries", AdminCall{"the ledger of one account with the running sum, newest first", nil, shownEntry{}, w.adminEntries(&c.provider)}})
		}
		for _, pattern := range slices.Sorted(maps.Keys(c.provider.Admin)) {
			calls = append(calls, adminCall{pattern, "", "", c.provider.Admin[pattern]})
		}
	}
	return calls
}

// unrouted refuses a path or a method that no call has.
func unrouted(mux *http.ServeMux, rw http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		rw.Header().Set("Allow", strings.Join(allowed, ", "))
		AdminError(rw, http.StatusMethodNotAllowed, "", "this call takes "+strings.Join(allowed, ", "))
		return
	}
	AdminError(rw, http.StatusNotFound, "", "no such admin call")
}

// AdminRespond writes the response of an admin call. Authors of fakes use it in
// Provider.Admin.
func AdminRespond(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		AdminError(rw, http.StatusInternalServerError, "", "the response cannot be written")
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(append(body, '\n')) // a client that is gone needs no response
}

type adminProblem struct {
	Error string `json:"error"`
	Field string `json:"field,omitempty"`
}

// AdminError writes the error response of an admin call. field names the part of
// the request that is wrong; it may be empty.
func AdminError(rw http.ResponseWriter, status int, field, message string) {
	AdminRespond(rw, status, adminProblem{message, field})
}

// AdminMoved writes the response of an admin call that moves an object: the
// object, or why it has not moved. An ErrNotFound is a 404 that names the part
// idField of the request, any other error a 409 that names stateField.
func AdminMoved(rw http.ResponseWriter, object any, err error, idField, stateField string) {
	switch {
	case errors.Is(err, ErrNotFound):
		AdminError(rw, http.StatusNotFound, idField, err.Error())
	case err != nil:
		AdminError(rw, http.StatusConflict, stateField, err.Error())
	default:
		AdminRespond(rw, http.StatusOK, object)
	}
}

// AdminBody reads the JSON body of an admin call strictly. If it reports false,
// it has written the error response, which names the field.
func AdminBody(rw http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxAdminBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			AdminError(rw, http.StatusBadRequest, "", "the body holds more than one JSON value")
			return false
		}
		return true
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		if wrongType.Field == "" {
			AdminError(rw, http.StatusBadRequest, "", "the body must be a JSON object")
			return false
		}
		AdminError(rw, http.StatusBadRequest, wrongType.Field, fmt.Sprintf("%s must not be a %s", wrongType.Field, wrongType.Value))
		return false
	}
	// encoding/json has no type for this error.
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		field = strings.Trim(field, `"`)
		AdminError(rw, http.StatusBadRequest, field, "unknown field "+field)
		return false
	}
	AdminError(rw, http.StatusBadRequest, "", "the body must be a JSON object")
	return false
}

func (w *World) adminClock(rw http.ResponseWriter, _ *http.Request) {
	w.Lock()
	v := w.clockView()
	w.Unlock()
	AdminRespond(rw, http.StatusOK, v)
}

// advanceBody has one of the two.
type advanceBody struct {
	Seconds *float64 `json:"seconds"`
	ToNext  bool     `json:"to_next_event"`
}

func (w *World) adminAdvance(rw http.ResponseWriter, r *http.Request) {
	var in advanceBody
	if !AdminBody(rw, r, &in) {
		return
	}
	switch {
	case in.ToNext && in.Seconds != nil:
		AdminError(rw, http.StatusBadRequest, "seconds", "seconds and to_next_event exclude each other")
		return
	case in.ToNext:
		w.Lock()
		v := w.clockView()
		w.Unlock()
		if v.Next == nil {
			AdminError(rw, http.StatusConflict, "to_next_event", "no event waits for the clock")
			return
		}
		w.Advance(v.Next.Sub(v.Now))
	case in.Seconds == nil || !(*in.Seconds >= 0 && *in.Seconds <= maxSeconds):
		AdminError(rw, http.StatusBadRequest, "seconds", fmt.Sprintf("seconds must be a number between 0 and %d", maxSeconds))
		return
	default:
		w.Advance(time.Duration(*in.Seconds * float64(time.Second)))
	}
	w.adminClock(rw, r)
}

func (w *World) adminReset(rw http.ResponseWriter, r *http.Request) {
	w.Reset()
	w.adminClock(rw, r)
}

func (w *World) adminSnapshot(rw http.ResponseWriter, r *http.Request) {
	document, err := w.snapshot(r.URL.Query().Get("secrets") == "1")
	if err != nil {
		AdminError(rw, http.StatusInternalServerError, "", err.Error())
		return
	}
	AdminRespond(rw, http.StatusOK, json.RawMessage(document))
}

func (w *World) adminRestore(rw http.ResponseWriter, r *http.Request) {
	document, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxSnapshotBody))
	if err != nil {
		AdminError(rw, http.StatusBadRequest, "", "the body could not be read")
		return
	}
	if err := w.Restore(document); err != nil {
		AdminError(rw, http.StatusBadRequest, "snapshot", err.Error())
		return
	}
	w.adminClock(rw, r)
}

func (w *World) adminRequests(rw http.ResponseWriter, r *http.Request) {
	p, ok := w.paging(rw, r)
	if !ok {
		return
	}
	var elements []json.RawMessage
	var l list
	w.locked(func() {
		j := &w.journal
		var fits func(i int) bool
		if p.provider != "" || p.q != "" {
			fits = func(i int) bool {
				r := j.requests[i]
				return (p.provider == "" || p.provider == r.Provider) && (p.q == "" || contains(p.q, r.ID, r.line(), r.Query, r.RequestBody, r.ResponseBody, r.Reason, r.Identity, r.Reference, r.Operation, string(r.Fault)))
			}
		}
		elements, l = p.page(j.dropped, len(j.requests), fits, func(i int) (any, string) { return j.requests[i], AdminPath("requests", j.requests[i].ID) })
	})
	respondList(rw, "requests", elements, l)
}

// requestView is a request with the object that it is about.
type requestView struct {
	*Request
	Reference string `json:"reference,omitempty"`
	Object    string `json:"object,omitempty"`
}

func (w *World) adminRequest(rw http.ResponseWriter, r *http.Request) {
	var text json.RawMessage
	w.locked(func() {
		found := w.journal.find(r.PathValue("id"))
		if found == nil {
			return
		}
		about := w.timeline.about(Record{Provider: found.Provider, Identity: found.Identity})
		text = Encode(requestView{found, cmp.Or(about.Reference, found.Reference), about.Object})
	})
	respondOne(rw, text, "request", r.PathValue("id"))
}

// respondOne writes an object, or a 404 if there is none.
func respondOne(rw http.ResponseWriter, text json.RawMessage, kind, id string) {
	if text == nil {
		AdminError(rw, http.StatusNotFound, "id", fmt.Sprintf("no %s %q", kind, id))
		return
	}
	AdminRespond(rw, http.StatusOK, text)
}

func (w *World) adminDeliveries(rw http.ResponseWriter, r *http.Request) {
	p, ok := w.paging(rw, r)
	if !ok {
		return
	}
	state, ok := oneOf(rw, r, "state", DeliveryPending, DeliveryDelivered, DeliveryDead)
	if !ok {
		return
	}
	request := r.URL.Query().Get("request")
	var elements []json.RawMessage
	var l list
	w.locked(func() {
		all := w.dispatcher.deliveries
		var fits func(i int) bool
		if p.provider != "" || state != "" || request != "" || p.q != "" {
			fits = func(i int) bool {
				d := all[i]
				return (p.provider == "" || p.provider == d.Provider) && (state == "" || state == d.State) && (request == "" || request == d.request) &&
					(p.q == "" || contains(p.q, d.ID, d.Event, d.URL, d.Body, d.Identity, w.timeline.about(Record{Provider: d.Provider, Identity: d.Identity}).Reference))
			}
		}
		elements, l = p.page(w.dispatcher.count-len(all), len(all), fits, func(i int) (any, string) {
			return w.deliveryView(all[i]), AdminPath("deliveries", all[i].ID)
		})
	})
	respondList(rw, "deliveries", elements, l)
}

func (w *World) adminDelivery(rw http.ResponseWriter, r *http.Request) {
	var text json.RawMessage
	w.locked(func() {
		if d := w.dispatcher.byID[r.PathValue("id")]; d != nil {
			text = Encode(w.deliveryView(d))
		}
	})
	respondOne(rw, text, "delivery", r.PathValue("id"))
}

type sentView struct {
	Sent int `json:"sent"`
}

// adminRedeliverDead sends every dead callback again.
func (w *World) adminRedeliverDead(rw http.ResponseWriter, _ *http.Request) {
	n := 0
	w.Lock()
	for _, d := range w.dispatcher.deliveries {
		if d.State == DeliveryDead && w.redeliver(d.ID) == nil {
			n++
		}
	}
	w.Unlock()
	w.flush()
	AdminRespond(rw, http.StatusOK, sentView{n})
}

// faultList are the rules that count, newest first, and those that are used up.
type faultList struct {
	Faults  elementsOf[Fault] `json:"faults"`
	Spent   elementsOf[Fault] `json:"spent"`
	Total   int               `json:"total"`             // of the rules that count
	Next    string            `json:"next,omitempty"`    // as in other lists
	Dropped int               `json:"dropped,omitempty"` // of the rules that are used up
}

func (w *World) adminFaults(rw http.ResponseWriter, r *http.Request) {
	if p, ok := w.paging(rw, r); ok {
		w.respondFaults(rw, p)
	}
}

// respondFaults shares the room of a page between both kinds of rules.
func (w *World) respondFaults(rw http.ResponseWriter, p paging) {
	var out faultList
	w.locked(func() {
		of := func(all []Fault) func(int) (any, string) {
			return func(i int) (any, string) { return all[i], wholeWorld }
		}
		rules := w.listFaults(p.provider)
		p.room = maxList / 2
		faults, l := p.page(0, len(rules), p.search(of(rules)), of(rules))
		p = firstPage()
		p.room = maxList / 2
		spent, rest := p.page(0, len(w.spent), nil, of(w.spent))
		out = faultList{faults, spent, l.Total, l.Next, w.spentDropped + rest.Total - len(spent)}
	})
	AdminRespond(rw, http.StatusOK, out)
}

func (w *World) adminRemoveFault(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	w.Lock()
	before := len(w.faults)
	w.faults = slices.DeleteFunc(w.faults, func(f *Fault) bool { return f.ID == id })
	removed := len(w.faults) < before
	w.Unlock()
	if !removed {
		AdminError(rw, http.StatusNotFound, "id", fmt.Sprintf("no fault %q", id))
		return
	}
	w.adminFaults(rw, r)
}

func (w *World) adminRedeliver(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	w.Lock()
	err := w.redeliver(id)
	w.Unlock()
	if err != nil {
		AdminError(rw, http.StatusNotFound, "id", fmt.Sprintf("no delivery %q", id))
		return
	}
	w.flush()
	w.Lock()
	d := w.dispatcher.byID[id]
	if d == nil { // gone with a reset meanwhile
		w.Unlock()
		AdminError(rw, http.StatusNotFound, "id", "no such delivery any more")
		return
	}
	seen := w.deliveryView(d)
	w.Unlock()
	AdminRespond(rw, http.StatusOK, seen)
}

// faultBody is a Fault without what the server makes.
type faultBody struct {
	Provider  string    `json:"provider"`
	Operation string    `json:"operation"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Times     int       `json:"times"`
	Kind      FaultKind `json:"kind"`
	Status    int       `json:"status"`
	Seconds   float64   `json:"seconds"`
}

func (w *World) adminAddFault(rw http.ResponseWriter, r *http.Request) {
	var in faultBody
	if !AdminBody(rw, r, &in) {
		return
	}
	f := Fault{Provider: in.Provider, Operation: in.Operation, Method: in.Method, Path: in.Path, Times: in.Times, Kind: in.Kind, Status: in.Status, Seconds: in.Seconds}
	field, err := f.check()
	w.Lock()
	if err == nil && f.Provider != "" && w.byName[f.Provider] == nil {
		field, err = "provider", fmt.Errorf("no provider %q", f.Provider)
	}
	if err == nil {
		field, err = w.checkRoute(f)
	}
	if err == nil {
		f = w.addFault(f)
	}
	w.Unlock()
	if err != nil {
		AdminError(rw, http.StatusBadRequest, field, err.Error())
		return
	}
	AdminRespond(rw, http.StatusCreated, f)
}

func (w *World) adminClearFaults(rw http.ResponseWriter, r *http.Request) {
	provider, _, ok := w.filters(rw, r)
	if !ok {
		return
	}
	w.Lock()
	w.clearFaults(provider)
	w.Unlock()
	w.respondFaults(rw, firstPage())
}

// filters reads provider and limit of a list call. If it reports false, it has
// written the error response.
func (w *World) filters(rw http.ResponseWriter, r *http.Request) (provider string, limit int, ok bool) {
	q := r.URL.Query()
	provider, limit = q.Get("provider"), defaultLimit
	w.mu.Lock()
	known := provider == "" || w.byName[provider] != nil
	w.mu.Unlock()
	if !known {
		AdminError(rw, http.StatusBadRequest, "provider", fmt.Sprintf("no provider %q", provider))
		return "", 0, false
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			AdminError(rw, http.StatusBadRequest, "limit", "limit must be a whole number above zero")
			return "", 0, false
		}
		limit = n
	}
	return provider, limit, true
}
