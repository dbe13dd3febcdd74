package bitpesatest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxLogs    = 1000     // entries kept of each kind and account
	maxLogBody = 16 << 10 // bytes kept of one body
	hidden     = "[masked]"
)

// logEntry is one call or one webhook attempt as the API shows it.
type logEntry struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Order   string    `json:"order,omitempty"` // among entries of one instant
	Body    object    `json:"body"`
}

func (e *logEntry) rowID() string  { return e.ID }
func (e *logEntry) object() object { return e.Body }

// logCall notes a call. Those that read logs are left out: each would hold the
// one before (assumed).
func (f *Fake) logCall(a *account, r *http.Request, body []byte, status int, text []byte) {
	path := strings.TrimPrefix(r.URL.Path, base+"/")
	if strings.HasPrefix(path, "api_logs") || strings.HasPrefix(path, "logs/") {
		return
	}
	a.APICalls++
	e := &logEntry{ID: f.derivedID("api log", a.Key, strconv.Itoa(a.APICalls)), Created: f.now()}
	e.Body = object{
		"id": e.ID, "request_method": r.Method, "request_url": f.world.WireURL(r), "request_body": cut(body),
		"request_headers": headersForLog(r.Header, "HTTP_"), "response_status": strconv.Itoa(status),
		"response_body": cut(text), "response_headers": object{"Content-Type": "application/json; charset=utf-8"},
		"created_at": stamp(f.now(), spelledOut),
	}
	a.APILogs.keep(e, maxLogs)
}

// moveBack brings the last entry of a log into the order of its instant: attempts
// run side by side, and end in any order.
func moveBack(log []*logEntry) {
	for i := len(log) - 1; i > 0 && log[i-1].Created.Equal(log[i].Created) && log[i-1].Order > log[i].Order; i-- {
		log[i-1], log[i] = log[i], log[i-1]
	}
}

func cut(b []byte) string {
	if len(b) > maxLogBody {
		return string(b[:maxLogBody]) + "...[cut]"
	}
	return string(b)
}

// headersForLog writes headers as the vendor's logs do: with a prefix they are
// those of a Ruby server, HTTP_AUTHORIZATION_KEY. Signatures and secrets are
// masked.
func headersForLog(h http.Header, prefix string) object {
	out := object{}
	for name, values := range h {
		value := strings.Join(values, ", ")
		if name == headerSignature || name == headerSecret {
			value = hidden
		}
		if prefix != "" {
			name = prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		}
		out[name] = value
	}
	return out
}

func (f *Fake) listAPILogs(c *call) answer { return listLogs(c, &c.account.APILogs) }
func (f *Fake) getAPILog(c *call) answer   { return getLog(c, &c.account.APILogs) }

func (f *Fake) listWebhookLogs(c *call) answer { return listLogs(c, &c.account.WebhookLogs) }
func (f *Fake) getWebhookLog(c *call) answer   { return getLog(c, &c.account.WebhookLogs) }

func listLogs(c *call, logs *table[*logEntry]) answer {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	return page(c, logs.newest(func(e *logEntry) bool { return match(e.Created) }), (*logEntry).object)
}

func getLog(c *call, logs *table[*logEntry]) answer {
	e, ok := logs.find(c.params[0])
	if !ok {
		return notFound()
	}
	return success(e.Body)
}
