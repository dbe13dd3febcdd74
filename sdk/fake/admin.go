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

// adminCall is a call of the admin API.
type adminCall struct {
	pattern string // of http.ServeMux
	does    string // in one line
	query   string // names of query parameters
	body    string // names of the body's fields
	handle  http.HandlerFunc
}

// Admin is the HTTP admin API of this World under /_fake/: the calls that all
// fakes share and the calls of each provider. Responses are JSON, errors
// {"error":"...","field":"..."}. GET /_fake/ lists the calls.
func (w *World) Admin() http.Handler {
	calls := w.adminCalls()
	calls = append(calls,
		adminCall{pattern: "GET /_fake/{$}", does: "this list", handle: func(rw http.ResponseWriter, _ *http.Request) {
			AdminRespond(rw, http.StatusOK, map[string]any{"calls": index(calls)})
		}},
		adminCall{pattern: "GET /_fake/openapi.json", does: "the same as an OpenAPI document", handle: func(rw http.ResponseWriter, _ *http.Request) {
			AdminRespond(rw, http.StatusOK, openAPI(calls))
		}},
	)
	mux := http.NewServeMux()
	for _, c := range calls {
		mux.HandleFunc(c.pattern, c.handle)
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

func (w *World) adminCalls() []adminCall {
	calls := []adminCall{
		{"GET /_fake/clock", "the virtual time, and how many events wait for it", "", "", w.adminClock},
		{"POST /_fake/clock/advance", "moves the clock, by seconds or to the next event; what is due happens before the response", "", "seconds to_next_event", w.adminAdvance},
		{"POST /_fake/reset", "puts everything back to the start", "", "", w.adminReset},
		{"GET /_fake/snapshot", "the whole state, without live tokens unless secrets=1", "secrets", "", w.adminSnapshot},
		{"PUT /_fake/snapshot", "puts the whole state back", "", "*", w.adminRestore},
		{"GET /_fake/timeline", "what happened, newest first", "provider kind result subject " + listQuery, "", w.adminTimeline},
		{"GET /_fake/events", "the timeline as server-sent events", "last", "", w.adminEvents},
		{"GET /_fake/requests", "requests to the providers, newest first", "provider " + listQuery, "", w.adminRequests},
		{"GET /_fake/requests/{id}", "one request", "", "", w.adminRequest},
		{"GET /_fake/deliveries", "callbacks, newest first", "provider state request " + listQuery, "", w.adminDeliveries},
		{"GET /_fake/deliveries/{id}", "one callback with its attempts", "", "", w.adminDelivery},
		{"POST /_fake/deliveries/{id}/redeliver", "sends a callback again, now", "", "", w.adminRedeliver},
		{"POST /_fake/deliveries/redeliver", "sends all dead callbacks again, now", "", "", w.adminRedeliverDead},
		{"GET /_fake/faults", "fault rules, newest first, and rules that are used up", "provider limit", "", w.adminFaults},
		{"POST /_fake/faults", "adds a fault rule", "", "provider operation method path times kind status seconds", w.adminAddFault},
		{"DELETE /_fake/faults", "removes all fault rules, or those of a provider", "provider", "", w.adminClearFaults},
		{"DELETE /_fake/faults/{id}", "removes one fault rule", "", "", w.adminRemoveFault},
		{"GET /_fake/routes", "the routes of each provider", "", "", w.adminRoutes},
		{"GET /_fake/kinds", "the kinds of objects of each provider", "", "", w.adminKinds},
	}
	w.mu.Lock()
	joined := slices.Clone(w.providers)
	w.mu.Unlock()
	for _, c := range joined {
		base := "GET /_fake/" + c.provider.Name
		for _, k := range c.provider.Kinds {
			calls = append(calls,
				adminCall{base + "/" + k.Name, k.Name + ", newest first", "state " + listQuery, "", w.adminKind(k)},
				adminCall{base + "/" + k.Name + "/{id}", "one of the " + k.Name, "", "", w.adminObject(k)})
		}
		if c.provider.Ledger != nil {
			calls = append(calls,
				adminCall{base + "/accounts", "accounts with their balances", listQuery, "", w.adminAccounts(&c.provider)},
				adminCall{base + "/entries", "the ledger of one account with the running sum, newest first", "owner currency " + listQuery, "", w.adminEntries(&c.provider)})
		}
		for _, pattern := range slices.Sorted(maps.Keys(c.provider.Admin)) {
			does, body, _ := strings.Cut(c.provider.AdminDocs[pattern], "|")
			calls = append(calls, adminCall{pattern, does, "", body, c.provider.Admin[pattern]})
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

// AdminError writes the error response of an admin call. field names the part of
// the request that is wrong; it may be empty.
func AdminError(rw http.ResponseWriter, status int, field, message string) {
	AdminRespond(rw, status, struct {
		Error string `json:"error"`
		Field string `json:"field,omitempty"`
	}{message, field})
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

func (w *World) adminAdvance(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Seconds *float64 `json:"seconds"`
		ToNext  bool     `json:"to_next_event"`
	}
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
				return (p.provider == "" || p.provider == r.Provider) && (p.q == "" || contains(p.q, r.ID, r.line(), r.Query, r.RequestBody, r.ResponseBody, r.Reason, r.Subject, r.Reference, r.Operation, string(r.Fault)))
			}
		}
		elements, l = p.page(j.dropped, len(j.requests), fits, func(i int) (any, string) { return j.requests[i], AdminPath("requests", j.requests[i].ID) })
	})
	respondList(rw, "requests", elements, l)
}

func (w *World) adminRequest(rw http.ResponseWriter, r *http.Request) {
	var text json.RawMessage
	w.locked(func() {
		found := w.journal.find(r.PathValue("id"))
		if found == nil {
			return
		}
		about := w.timeline.about(Record{Provider: found.Provider, Subject: found.Subject})
		text = Encode(struct {
			*Request
			Reference string `json:"reference,omitempty"`
			Object    string `json:"object,omitempty"`
		}{found, cmp.Or(about.Reference, found.Reference), about.Object})
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
	state, request := DeliveryState(r.URL.Query().Get("state")), r.URL.Query().Get("request")
	var elements []json.RawMessage
	var l list
	w.locked(func() {
		all := w.dispatcher.deliveries
		var fits func(i int) bool
		if p.provider != "" || state != "" || request != "" || p.q != "" {
			fits = func(i int) bool {
				d := all[i]
				return (p.provider == "" || p.provider == d.Provider) && (state == "" || state == d.State) && (request == "" || request == d.request) &&
					(p.q == "" || contains(p.q, d.ID, d.Event, d.URL, d.Body, d.Subject, w.timeline.about(Record{Provider: d.Provider, Subject: d.Subject}).Reference))
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
	AdminRespond(rw, http.StatusOK, map[string]int{"sent": n})
}

func (w *World) adminFaults(rw http.ResponseWriter, r *http.Request) {
	provider, limit, ok := w.filters(rw, r)
	if !ok {
		return
	}
	w.Lock()
	all, spent, dropped := w.listFaults(provider), slices.Clone(w.spent), w.spentDropped
	w.Unlock()
	out := map[string]any{"faults": newest(all, limit), "spent": newest(spent, maxSpent), "total": len(all)}
	if dropped > 0 {
		out["dropped"] = dropped // of the rules that are used up
	}
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

func (w *World) adminAddFault(rw http.ResponseWriter, r *http.Request) {
	var f Fault
	if !AdminBody(rw, r, &f) {
		return
	}
	field, err := f.check()
	if err == nil && (f.ID != "" || f.Hits != 0) {
		field, err = "id", errors.New("id and hits are made by the server")
	}
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
	left := w.listFaults("")
	w.Unlock()
	AdminRespond(rw, http.StatusOK, map[string]any{"faults": newest(left, len(left)), "total": len(left)})
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

// newest returns the last limit elements of a list in reverse order.
func newest[T any](all []T, limit int) []T {
	if len(all) > limit {
		all = all[len(all)-limit:]
	}
	out := slices.Clone(all)
	slices.Reverse(out)
	if out == nil {
		return []T{}
	}
	return out
}
