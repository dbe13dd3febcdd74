package bitpesatest

import (
	"encoding/json"
	"io"
	"net/http"
)

// serve answers one request of the API: the signature first, over the raw
// bytes, then the path.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // the body is in memory; nothing to read means nothing to answer
		refuse(w, r, http.StatusBadRequest, 0)
		return
	}
	status, text := f.respond(r, body)
	write(w, status, text)
}

func (f *Fake) respond(r *http.Request, body []byte) (int, []byte) {
	f.world.Lock()
	defer f.world.Unlock()
	a, ok := f.authenticate(r, body)
	if !ok {
		return encode(refused(http.StatusUnauthorized))
	}
	out := notFound()
	if handle, params := find(f.routes, r.Method, r.URL.EscapedPath()); handle != nil {
		out = handle(f, &call{account: a, request: r, params: params, query: r.URL.Query(), body: body})
	}
	status, text := encode(out)
	f.logCall(a, r, body, status, text)
	return status, text
}

func encode(a answer) (int, []byte) {
	text, err := json.Marshal(a.body)
	if err != nil {
		panic(err) // the fake's own mistake; the core answers 500
	}
	return a.status, text
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
