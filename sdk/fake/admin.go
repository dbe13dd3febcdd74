package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Admin is the HTTP admin API of this World under /_fake/: the calls that all
// fakes share and the calls of each provider. Responses are JSON, errors
// {"error":"...","field":"..."}.
func (w *World) Admin() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /_fake/clock":                      w.adminClock,
		"POST /_fake/clock/advance":             w.adminAdvance,
		"POST /_fake/reset":                     w.adminReset,
		"GET /_fake/snapshot":                   w.adminSnapshot,
		"PUT /_fake/snapshot":                   w.adminRestore,
		"GET /_fake/requests":                   adminList(w, "requests", w.journal.list),
		"GET /_fake/deliveries":                 adminList(w, "deliveries", func(p string) []Delivery { return w.dispatcher.list(p) }),
		"POST /_fake/deliveries/{id}/redeliver": w.adminRedeliver,
		"GET /_fake/faults":                     adminList(w, "faults", w.listFaults),
		"POST /_fake/faults":                    w.adminAddFault,
		"DELETE /_fake/faults":                  w.adminClearFaults,
	} {
		mux.HandleFunc(pattern, h)
	}
	w.mu.Lock()
	joined := slices.Clone(w.providers)
	w.mu.Unlock()
	for _, c := range joined {
		for pattern, h := range c.provider.Admin {
			mux.HandleFunc(pattern, h)
		}
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			unrouted(mux, rw, r)
			return
		}
		mux.ServeHTTP(rw, r)
	})
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
	now := w.Now()
	w.Unlock()
	mode := "manual"
	if w.opts.RealTime {
		mode = "real"
	}
	AdminRespond(rw, http.StatusOK, struct {
		Now   time.Time `json:"now"`
		Mode  string    `json:"mode"`
		Speed float64   `json:"speed"`
	}{now, mode, w.opts.Speed})
}

func (w *World) adminAdvance(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Seconds *float64 `json:"seconds"`
	}
	if !AdminBody(rw, r, &in) {
		return
	}
	if in.Seconds == nil || !(*in.Seconds >= 0 && *in.Seconds <= maxSeconds) {
		AdminError(rw, http.StatusBadRequest, "seconds", fmt.Sprintf("seconds must be a number between 0 and %d", maxSeconds))
		return
	}
	w.Advance(time.Duration(*in.Seconds * float64(time.Second)))
	w.adminClock(rw, r)
}

func (w *World) adminReset(rw http.ResponseWriter, r *http.Request) {
	w.Reset()
	w.adminClock(rw, r)
}

func (w *World) adminSnapshot(rw http.ResponseWriter, _ *http.Request) {
	document, err := w.Snapshot()
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

// adminList is the call that lists what a provider, or every provider, has of a
// kind, newest first.
func adminList[T any](w *World, kind string, list func(provider string) []T) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		provider, limit, ok := w.filters(rw, r)
		if !ok {
			return
		}
		w.Lock()
		all := list(provider)
		w.Unlock()
		AdminRespond(rw, http.StatusOK, map[string][]T{kind: newest(all, limit)})
	}
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
	seen := d.copy()
	w.Unlock()
	AdminRespond(rw, http.StatusOK, seen)
}

func (w *World) adminAddFault(rw http.ResponseWriter, r *http.Request) {
	var f Fault
	if !AdminBody(rw, r, &f) {
		return
	}
	field, err := f.check()
	w.Lock()
	if err == nil && f.Provider != "" && w.byName[f.Provider] == nil {
		field, err = "provider", fmt.Errorf("no provider %q", f.Provider)
	}
	if err == nil {
		w.addFault(f)
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
	AdminRespond(rw, http.StatusOK, map[string][]Fault{"faults": newest(left, len(left))})
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
