package fake

import (
	"net/http"
	"slices"
	"time"
)

// Delivery is one callback and what became of it.
type Delivery struct {
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"` // virtual, when it was caused
	Provider string            `json:"provider"`
	Event    string            `json:"event"`
	Subject  string            `json:"subject"` // the ride, payment or transfer it is about
	URL      string            `json:"url"`
	Header   http.Header       `json:"header,omitempty"` // without what an attempt is signed with
	Body     string            `json:"body"`
	Tag      string            `json:"tag,omitempty"`    // the provider's own
	Forged   bool              `json:"forged,omitempty"` // signed wrongly on demand
	Held     bool              `json:"held,omitempty"`   // waits for the next one of its subject
	State    DeliveryState     `json:"state"`
	Attempts []DeliveryAttempt `json:"attempts"`
}

// DeliveryState says whether a callback arrived.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"   // not acknowledged yet
	DeliveryDelivered DeliveryState = "delivered" // acknowledged
	DeliveryDead      DeliveryState = "dead"      // dropped, or all attempts used up; can be redelivered
)

// Attempt is one POST of a delivery.
type DeliveryAttempt struct {
	Time   time.Time `json:"time"`   // virtual
	Status int       `json:"status"` // zero: no answer came
	Error  string    `json:"error,omitempty"`
}

// delivery is a Delivery in work. Its Delivery is what a snapshot holds.
type delivery struct {
	Delivery
	scheduled int           // attempts of the retry schedule so far
	queued    int           // jobs of it waiting or under way
	first     chan struct{} // closed after the first attempt
}

// lane is where deliveries queue up one behind the other.
func (d *delivery) lane() string {
	if d.Subject == "" {
		return d.Provider + "\x00\x00" + d.ID
	}
	return d.Provider + "\x00" + d.Subject
}

func (d *delivery) note(a DeliveryAttempt) {
	d.Attempts = append(d.Attempts, a)
	d.firstOver()
}

func (d *delivery) firstOver() {
	select {
	case <-d.first:
	default:
		close(d.first)
	}
}

func (d *delivery) copy() Delivery {
	c := d.Delivery
	c.Header = d.Header.Clone()
	c.Attempts = append([]DeliveryAttempt{}, d.Attempts...)
	return c
}

// add keeps a delivery and lets old settled ones go.
func (p *post) add(d *delivery, size int) {
	p.deliveries = append(p.deliveries, d)
	p.byID[d.ID] = d
	if len(p.deliveries) <= size+size/4 {
		return
	}
	surplus := len(p.deliveries) - size
	p.deliveries = slices.DeleteFunc(p.deliveries, func(old *delivery) bool {
		if surplus == 0 || old.State == DeliveryPending || old.queued > 0 {
			return false
		}
		surplus--
		delete(p.byID, old.ID)
		return true
	})
}

// list copies the deliveries of one provider, or of all when it is empty.
func (p *post) list(provider string) []Delivery {
	var all []Delivery
	for _, d := range p.deliveries {
		if provider == "" || d.Provider == provider {
			all = append(all, d.copy())
		}
	}
	return all
}
