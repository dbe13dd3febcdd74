package bitpesatest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// webhook is a subscription.
type webhook struct {
	ID       string    `json:"id"`
	URL      string    `json:"url"`
	Events   []string  `json:"events"`
	Metadata object    `json:"metadata"`
	Gone     bool      `json:"gone"` // deleted, or disabled after an endpoint timed out
	Created  time.Time `json:"created"`
}

func (f *Fake) webhookObject(h *webhook) object {
	return object{
		"id": h.ID, "url": h.URL, "events": h.Events, "metadata": orEmpty(h.Metadata),
		"created_at": f.stamp(h.Created, spelledISO), "errors": object{},
	}
}

// eventNames are what GET /webhooks/events lists: the names in the vendor's guides,
// and a name for every other change of state. Those are assumed: the kind and the
// new state.
func eventNames() []string {
	return strings.Fields(`transaction.created transaction.approved transaction.pending transaction.paid_in
		transaction.received transaction.processing transaction.mispaid transaction.error transaction.paid_out
		transaction.canceled transaction.refunded transaction.exception
		recipient.pending recipient.paid_out recipient.error recipient.manual recipient.stuck recipient.overpaid
		recipient.canceled recipient.refunded recipient.exception
		sender.initial sender.verified sender.approved sender.rejected sender.banned sender.disabled
		payin_method.initial payin_method.incomplete payin_method.pending payin_method.processing
		payin_method.paid_in payin_method.error payin_method.refunded payin_method.canceled payin_method.mispaid
		payin_method.exception payout_method.disabled`)
}

// isEvent accepts any name of the form kind.change. The vendor's list is not public.
func isEvent(name string) bool {
	kind, change, _ := strings.Cut(name, ".")
	return kind != "" && change != ""
}

func checkWebhook(in object) (events []string, p problems) {
	p = problems{}
	p.require(in, "url", "events")
	if address := text(in, "url"); address != "" && !fake.IsWebURL(address) {
		p.add("url", wordInvalid)
	}
	list, isList := in["events"].([]any)
	if !blank(in["events"]) && !isList {
		p.add("events", wordInvalid)
	}
	for _, entry := range list {
		name, isText := entry.(string)
		if !isText || !isEvent(name) {
			p.add("events", wordInvalid)
			break
		}
		events = append(events, name)
	}
	return events, p
}

func (f *Fake) listWebhooks(c *call) response {
	return page(c, newest(&c.account.Webhooks, func(h *webhook) bool { return !h.Gone }), f.webhookObject)
}

func (f *Fake) getWebhook(_ *call, h *webhook) response {
	if h.Gone {
		return notFound()
	}
	return success(f.webhookObject(h))
}

func (f *Fake) createWebhook(c *call, in object) response {
	events, p := checkWebhook(in)
	if len(p) > 0 {
		return invalid(in, p)
	}
	h := &webhook{ID: f.newID(), URL: text(in, "url"), Events: events, Metadata: child(in, "metadata"), Created: f.now()}
	c.account.Webhooks.Add(h)
	return created(f.webhookObject(h))
}

func (f *Fake) deleteWebhook(_ *call, h *webhook) response {
	if h.Gone {
		return notFound()
	}
	f.drop(h)
	return success(f.webhookObject(h))
}

// drop ends a subscription and the deliveries still to come.
func (f *Fake) drop(h *webhook) {
	h.Gone = true
	f.world.Abandon(name, h.ID)
}

func (f *Fake) listEvents(*call) response {
	return success(eventNames())
}

func (f *Fake) emitTransaction(a *account, t *transaction, event string) {
	f.emit(a, event, t.ID, func() object { return f.transactionObject(a, t) })
}

// emit sends an event to every webhook subscribed to it. Deliveries about the same
// identity go out in order. The lock is held.
func (f *Fake) emit(a *account, event, identity string, render func() object) {
	f.world.Touch(name, identity)
	for _, h := range a.Webhooks.All() {
		if h.Gone || !slices.Contains(h.Events, event) {
			continue
		}
		body := fake.Encode(struct { // compact, so that all SDKs hash the same
			Webhook string `json:"webhook"`
			Event   string `json:"event"`
			Object  object `json:"object"`
		}{h.ID, event, render()})
		f.world.Send(fake.Callback{
			Provider: name, Event: event, Identity: identity, URL: h.URL, Body: body, Tag: h.ID,
			Header: http.Header{
				"Content-Type":    {"application/json"},
				"Accept":          {"*/*"},
				"Accept-Encoding": {"gzip;q=1.0,deflate;q=0.6,identity;q=0.3"},
				"User-Agent":      {"Ruby"},
			},
		})
	}
}

// signDelivery signs an attempt like a request: over the registered URL, with a
// fresh nonce. The lock is held.
func (f *Fake) signDelivery(d fake.Delivery, h http.Header) {
	a, _ := find(f.state, webhooks, d.Tag)
	if a == nil {
		return // the webhook is from before a reset
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
	a, h := find(f.state, webhooks, d.Tag)
	if h == nil {
		return false
	}
	f.logDelivery(a, h, d, x)
	if x.TimedOut && !h.Gone {
		f.drop(h)
	}
	return x.TimedOut
}
