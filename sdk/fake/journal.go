package fake

import (
	"net/http"
	"slices"
	"time"
)

// Request is one request as the journal keeps it. Secrets in it are masked.
type Request struct {
	Time         time.Time   `json:"time"` // virtual, at arrival
	Provider     string      `json:"provider"`
	Method       string      `json:"method"`
	Path         string      `json:"path"` // escaped, behind the provider's base URL
	Query        string      `json:"query,omitempty"`
	Status       int         `json:"status"` // zero while in work, and when the connection was dropped
	Header       http.Header `json:"header,omitempty"`
	RequestBody  string      `json:"request_body"`
	ResponseBody string      `json:"response_body"`   // what the handler said, also when it never arrived
	Fault        FaultKind   `json:"fault,omitempty"` // the last rule that met it
}

const (
	journalBody  = 32 << 10 // bytes kept of one body
	journalBytes = 64 << 20 // bytes kept of all bodies
)

// journal keeps the newest requests, bounded in number and in bytes.
type journal struct {
	size    int
	entries []*Request // oldest first
	bytes   int
}

// add notes a request at its arrival, so that the journal is in that order.
func (j *journal) add(r *Request) {
	j.entries = append(j.entries, r)
	j.grow(len(r.RequestBody))
}

// grow accounts for n more bytes and lets the oldest entries go.
func (j *journal) grow(n int) {
	j.bytes += n
	for len(j.entries) > 1 && (len(j.entries) > j.size || j.bytes > journalBytes) {
		j.bytes -= len(j.entries[0].RequestBody) + len(j.entries[0].ResponseBody)
		j.entries[0] = nil
		j.entries = j.entries[1:]
	}
}

// list copies the requests of one provider, or of all when it is empty.
func (j *journal) list(provider string) []Request {
	var all []Request
	for _, r := range j.entries {
		if provider == "" || r.Provider == provider {
			c := *r
			c.Header = r.Header.Clone()
			all = append(all, c)
		}
	}
	return slices.Clip(all)
}

func (j *journal) clear() { j.entries, j.bytes = nil, 0 }

// keptHeaders are the only headers the journal shows as they came. Of the
// credentials it shows that they were there.
var keptHeaders = []string{"Accept", "Content-Type", "Content-Length", "Host", "Idempotency-Key", "Retry-After", "User-Agent"}

func journalHeader(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range keptHeaders {
		if v := h[name]; len(v) > 0 {
			kept[name] = slices.Clone(v)
		}
	}
	if h.Get("Authorization") != "" {
		kept.Set("Authorization", masked)
	}
	return kept
}
