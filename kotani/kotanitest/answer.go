package kotanitest

import (
	"encoding/json"
	"net/http"
	"time"
)

// object is a JSON object to send.
type object map[string]any

// refused is a business error: it comes inside an HTTP 200.
func refused(desc string) object { return object{"status": http.StatusBadRequest, "desc": desc} }

// result is the envelope of most answers.
func result(v any) object { return object{"result": v} }

func writeJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(encode(v)) // into memory
}

func writeText(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(text)) // into memory
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, numbers, maps and lists of them can always be written
	}
	return body
}

// refuse answers a status that a fault rule asked for.
func refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	writeText(rw, status, http.StatusText(status))
}

// timestamp is the form JavaScript writes.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
