package bitpesatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const (
	maxLogs    = 1000     // entries kept of each kind and account
	maxLogBody = 16 << 10 // bytes kept of one body
	hidden     = "[masked]"
)

// logEntry is a call or an attempt of a webhook as the API shows it.
type logEntry struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Order   string    `json:"order,omitempty"` // among the entries of an instant
	Body    object    `json:"body"`
}

func (e *logEntry) object() object { return e.Body }

// logCall notes a call. It leaves out calls that read logs, as each entry would
// hold the entry before (assumed). The lock is held.
func (f *Fake) logCall(a *account, r *http.Request, body []byte, status int, text []byte) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if strings.HasPrefix(path, "api_logs") || strings.HasPrefix(path, "logs/") {
		return
	}
	a.APICalls++
	e := &logEntry{ID: f.derivedID("api log", a.Key, strconv.Itoa(a.APICalls)), Created: f.now()}
	e.Body = object{
		"id": e.ID, "request_method": r.Method, "request_url": f.world.WireURL(r), "request_body": cut(body),
		"request_headers": headersForLog(r.Header, "HTTP_"), "response_status": strconv.Itoa(status),
		"response_body": cut(text), "response_headers": object{"Content-Type": "application/json; charset=utf-8"},
		"created_at": f.stamp(f.now(), spelledOut),
	}
	keep(&a.APILogs, e, maxLogs)
}

// logDelivery notes an attempt of a webhook. The lock is held.
func (f *Fake) logDelivery(a *account, h *webhook, d fake.Delivery, x fake.Exchange) {
	var body struct {
		Object struct {
			ID string `json:"id"`
		} `json:"object"`
	}
	_ = json.Unmarshal([]byte(d.Body), &body) // written by emit
	kind, _, _ := strings.Cut(d.Event, ".")
	message, status := "Webhook delivered", strconv.Itoa(x.Status)
	if x.Status < 200 || x.Status > 299 {
		message = "Webhook failed"
	}
	if x.Status == 0 {
		message, status = "Webhook failed: "+x.Error, ""
	}
	attempt := strconv.Itoa(len(d.Attempts))
	entry := &logEntry{ID: f.derivedID("webhook log", d.ID, attempt), Created: f.now(), Order: fmt.Sprintf("%s %03d", d.ID, len(d.Attempts))}
	entry.Body = object{
		"id": entry.ID, "message": message, "created_at": f.stamp(f.now(), spelledOut), "parent_id": h.ID, "parent_type": "Webhook",
		"metadata": object{
			"params": f.webhookObject(h), "event": d.Event, "instance_id": body.Object.ID, "instance_type": titled(kind),
			"attempt_id": f.derivedID("attempt", d.ID, attempt), "tries": len(d.Attempts), "app_id": nil, "api_key_id": a.Key,
			"request":  object{"headers": headersForLog(x.Sent, ""), "body": d.Body, "url": d.URL},
			"response": object{"status": orNull(status), "headers": headersForLog(x.Received, ""), "body": cut(x.Body)},
		},
	}
	keep(&a.WebhookLogs, entry, maxLogs)
	moveBack(a.WebhookLogs.All())
}

// titled is payin_method as PayinMethod.
func titled(kind string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(kind, "_") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

// moveBack sorts the last entry of a log among the entries of its instant, because
// attempts run side by side and end in any order.
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

// headersForLog writes headers as the vendor's logs do. With a prefix they look
// like those of a Ruby server: HTTP_AUTHORIZATION_KEY. It masks signatures and
// secrets.
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

func listLogs(logs func(*account) *fake.Store[logEntry]) operation {
	return func(_ *Fake, c *call) response {
		match, ok := c.createdWithin()
		if !ok {
			return badRequest()
		}
		return page(c, newest(logs(c.account), func(e *logEntry) bool { return match(e.Created) }), (*logEntry).object)
	}
}

func (f *Fake) getLog(_ *call, e *logEntry) response { return success(e.Body) }
