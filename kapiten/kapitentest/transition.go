package kapitentest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// enter puts a ride into its next state with all that follows: refund, timeouts
// and the callback. The arrow was checked.
func (f *Fake) enter(r *ride, to kapiten.RideStatus) {
	from := r.Status
	r.Status, r.Updated = to, f.world.Now()
	if to == kapiten.RideCancelled || to == kapiten.RideRejected {
		f.refund(r)
	}
	f.wait(r)
	f.callback(r, from)
}

// wait schedules what happens to a ride that is left alone in its state.
func (f *Fake) wait(r *ride) {
	switch r.Status {
	case kapiten.RideWaitingPayment:
		f.after(f.config.PaymentTimeout, eventUnpaid, r.ID)
	case kapiten.RidePending:
		f.after(f.config.MatchTimeout, eventUnmatched, r.ID)
		if f.config.Autopilot {
			f.after(f.config.AutopilotStart, eventAutopilot, r.ID)
		}
	}
}

// drive is the autopilot's step: the first arrow is the happy path.
func (f *Fake) drive(r *ride) {
	next := Transitions(r.Status)
	if len(next) == 0 {
		return
	}
	f.enter(r, next[0])
	if !r.Status.Final() {
		f.after(f.config.AutopilotStep, eventAutopilot, r.ID)
	}
}

// callbackBody is the documented callback. The keys of metadata are assumed.
type callbackBody struct {
	Event           string             `json:"event"`
	RideID          string             `json:"ride_id"`
	ReferenceNumber string             `json:"reference_number"`
	ExternalID      *string            `json:"external_id"`
	Status          kapiten.RideStatus `json:"status"`
	Metadata        callbackMetadata   `json:"metadata"`
}

type callbackMetadata struct {
	PreviousStatus kapiten.RideStatus `json:"previous_status"`
	OccurredAt     timestamp          `json:"occurred_at"`
}

const callbackEvent = "status_update"

func (f *Fake) callback(r *ride, from kapiten.RideStatus) {
	url := f.state.byID[r.CompanyID].WebhookURL
	if url == "" {
		return
	}
	body, err := json.Marshal(callbackBody{
		Event: callbackEvent, RideID: r.ID, ReferenceNumber: r.Reference, ExternalID: r.ExternalID,
		Status: r.Status, Metadata: callbackMetadata{PreviousStatus: from, OccurredAt: timestamp(r.Updated)},
	})
	if err != nil { // strings and times always marshal
		panic("kapitentest: " + err.Error())
	}
	f.world.Send(fake.Callback{
		Provider: name, Event: callbackEvent, Subject: r.ID, URL: url, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Kapiten-Webhook/1.0"}},
	})
}

// timestamp is written as a Django REST framework does in UTC: microseconds
// only where there are some.
type timestamp time.Time

func (t timestamp) MarshalJSON() ([]byte, error) {
	layout := `"2006-01-02T15:04:05Z"`
	if time.Time(t).Nanosecond()/1000 != 0 {
		layout = `"2006-01-02T15:04:05.000000Z"`
	}
	return []byte(time.Time(t).UTC().Format(layout)), nil
}
