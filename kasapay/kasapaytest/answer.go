package kasapaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// answer is a JSON object to send.
type answer map[string]any

// write sends an answer with the oddities the Config asks for.
func (f *Fake) write(rw http.ResponseWriter, status int, a answer) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(f.encode(a)) // into memory
}

func (f *Fake) encode(a answer) []byte {
	if f.config.NumbersAsStrings {
		for name, value := range a {
			if n, ok := value.(int); ok {
				a[name] = strconv.Itoa(n)
			}
		}
	}
	body, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings and numbers can always be written
	}
	return body
}

// problem sends the envelope of NestJS: message is a string, or a list of them
// for a request that is not valid.
func (f *Fake) problem(rw http.ResponseWriter, status int, message any) {
	f.write(rw, status, answer{"statusCode": status, "message": message, "error": http.StatusText(status)})
}

// refusal sends a payout's refusal.
func (f *Fake) refusal(rw http.ResponseWriter, description, code string) {
	f.write(rw, f.config.RefusalStatus, answer{
		"response_code": 721, "response_description": description, "error_code": code,
	})
}

// refuse answers a status that a fault rule asked for.
func (f *Fake) refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	f.problem(rw, status, http.StatusText(status))
}

func (f *Fake) noRoute(rw http.ResponseWriter, r *http.Request) {
	f.problem(rw, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.EscapedPath()))
}
