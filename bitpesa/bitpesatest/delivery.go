package bitpesatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func (f *Fake) emitTransaction(a *account, t *transaction, event string) {
	f.emit(a, event, t.ID, func() object { return f.transactionObject(a, t) })
}

// emitRecipient keeps a recipient's events in one order with its transaction's.
func (f *Fake) emitRecipient(a *account, t *transaction, r *recipient, event string) {
	f.emit(a, event, t.ID, func() object { return f.recipientObject(a, t, r) })
}

func (f *Fake) emitSender(a *account, x *sender, event string) {
	f.emit(a, event, x.ID, func() object { return f.senderObject(a, x) })
}

// emit sends an event to everybody subscribed to it. The lock is held.
func (f *Fake) emit(a *account, event, subject string, render func() object) {
	for _, h := range a.Webhooks.rows {
		if h.Gone || !slices.Contains(h.Events, event) {
			continue
		}
		body, err := json.Marshal(struct { // compact, so that all SDKs hash the same
			Webhook string `json:"webhook"`
			Event   string `json:"event"`
			Object  object `json:"object"`
		}{h.ID, event, render()})
		if err != nil {
			panic(err) // the fake's own mistake; the core answers 500
		}
		f.world.Send(fake.Callback{
			Provider: name, Event: event, Subject: subject, URL: h.URL, Body: body, Tag: h.ID,
			Header: http.Header{
				"Content-Type":    {"application/json"},
				"Accept":          {"*/*"},
				"Accept-Encoding": {"gzip;q=1.0,deflate;q=0.6,identity;q=0.3"},
				"User-Agent":      {"Ruby"},
			},
		})
	}
}

// signDelivery signs one attempt like a request, over the URL as registered and
// with a nonce of its own. The lock is held.
func (f *Fake) signDelivery(d fake.Delivery, h http.Header) {
	a, _ := f.state.webhook(d.Tag)
	if a == nil {
		return // from before a reset
	}
	key := f.keys[a.Key]
	secret := key.Secret
	if d.Forged {
		secret += " forged"
	}
	nonce := f.derivedID("nonce", d.ID, strconv.Itoa(len(d.Attempts)))
	h.Set(headerKey, key.Key)
	h.Set(headerNonce, nonce)
	h.Set(headerSignature, mac(secret, nonce, http.MethodPost, d.URL, []byte(d.Body)))
}

// attempted logs an attempt. An endpoint that times out loses its subscription,
// as documented. The lock is held.
func (f *Fake) attempted(d fake.Delivery, x fake.Exchange) (giveUp bool) {
	a, h := f.state.webhook(d.Tag)
	if h == nil {
		return false
	}
	f.logDelivery(a, h, d, x)
	if x.TimedOut && !h.Gone {
		f.drop(h)
	}
	return x.TimedOut
}

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
		"id": entry.ID, "message": message, "created_at": stamp(f.now(), spelledOut), "parent_id": h.ID, "parent_type": "Webhook",
		"metadata": object{
			"params": d.Body, "event": d.Event, "instance_id": body.Object.ID, "instance_type": titled(kind),
			"attempt_id": f.derivedID("attempt", d.ID, attempt), "tries": len(d.Attempts), "app_id": nil, "api_key_id": a.Key,
			"request":  object{"headers": headersForLog(x.Sent, ""), "body": d.Body, "url": d.URL},
			"response": object{"status": orNull(status), "headers": headersForLog(x.Received, ""), "body": cut(x.Body)},
		},
	}
	a.WebhookLogs.keep(entry, maxLogs)
	moveBack(a.WebhookLogs.rows)
}

// titled is payin_method as PayinMethod.
func titled(kind string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(kind, "_") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}
