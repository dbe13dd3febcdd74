package bitpesatest

import (
	"net/url"
	"slices"
	"strings"
	"time"
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

func (h *webhook) rowID() string { return h.ID }

func (h *webhook) object() object {
	return object{
		"id": h.ID, "url": h.URL, "events": h.Events, "metadata": orEmpty(h.Metadata),
		"created_at": stamp(h.Created, spelledISO), "errors": object{},
	}
}

// eventNames are what GET /webhooks/events lists: the names the vendor's guides
// publish, and recipient.paid_out, which is assumed.
func eventNames() []string {
	return strings.Fields(`transaction.created transaction.paid_in transaction.paid_out transaction.mispaid
		transaction.canceled transaction.refunded transaction.error
		recipient.pending recipient.error recipient.paid_out
		sender.approved sender.rejected
		payin_method.incomplete payin_method.pending payin_method.processing payin_method.paid_in
		payin_method.error payin_method.refunded payin_method.canceled payin_method.mispaid payin_method.exception`)
}

// isEvent takes any name of an object the vendor publishes events of: its full
// list is not public.
func isEvent(name string) bool {
	prefix, verb, _ := strings.Cut(name, ".")
	return verb != "" && slices.Contains([]string{"transaction", "recipient", "sender", "payout_method", "payin_method", "document"}, prefix)
}

func checkWebhook(in object) (events []string, p problems) {
	p = problems{}
	p.require(in, "url", "events")
	if address := text(in, "url"); address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			p.add("url", wordInvalid)
		}
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
