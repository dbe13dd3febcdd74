package webhook

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// KapitenEvent is a ride's status callback.
type KapitenEvent struct {
	kapiten.Event
	// Ride is the ride as the API gave it; nil unless the event is Confirmed.
	Ride *kapiten.Ride
}

// RideFinder is what confirming a ride takes; client.Rides of package kapiten is
// one. It answers kapiten.ErrNotFound for a ride that is not there.
type RideFinder interface {
	Get(ctx context.Context, companyID, rideID string) (*kapiten.Ride, error)
}

// Kapiten describes Kapiten's callbacks: a POST of JSON on each transition of a
// ride to the company's webhook_url (documented). They are not signed and carry
// no event id (documented by absence); hide the URL with PathSecret and confirm
// with ConfirmRide. An event is identified by ride and status; rides change in
// the order of RideStates. The expected answer is not documented: 200 without a
// body is sent.
func Kapiten() Source[KapitenEvent] {
	states := RideStates()
	return Source[KapitenEvent]{
		Provider: "kapiten",
		Decode: func(body []byte) (KapitenEvent, error) {
			e, err := parseRideEvent(body)
			return KapitenEvent{Event: e}, err
		},
		Identify: func(e KapitenEvent) Subject {
			return Subject{Reference: e.RideID, Status: string(e.Status), Amount: e.price(), States: states}
		},
	}
}

// RideStates is the order of a ride's statuses. The names are documented, the
// arrows assumed: the happy path in the document's order, REJECTED while no rider
// is found, and CANCELLED from every state that is not final, as an
// administrator may cancel and no limit is documented.
func RideStates() *States {
	arrows := map[kapiten.RideStatus][]kapiten.RideStatus{
		kapiten.RideWaitingPayment:  {kapiten.RidePending, kapiten.RideCancelled},
		kapiten.RidePending:         {kapiten.RideAccepted, kapiten.RideCancelled, kapiten.RideRejected},
		kapiten.RideAccepted:        {kapiten.RideWaitingPickup, kapiten.RideCancelled},
		kapiten.RideWaitingPickup:   {kapiten.RidePickedUp, kapiten.RideCancelled},
		kapiten.RidePickedUp:        {kapiten.RideInTransit, kapiten.RideCancelled},
		kapiten.RideInTransit:       {kapiten.RideWaitingDelivery, kapiten.RideCancelled},
		kapiten.RideWaitingDelivery: {kapiten.RideCompleted, kapiten.RideCancelled},
	}
	text := map[string][]string{}
	for from, tos := range arrows {
		for _, to := range tos {
			text[string(from)] = append(text[string(from)], string(to))
		}
	}
	return NewStates(text, nil)
}

// ConfirmRide confirms by finding the ride among the company's newest. The
// ride's status, references and price replace what was posted; a reference
// number or external id that differs is ErrMismatch. A list that does not show
// them (only id, reference number and status are documented) leaves them as
// claimed; Metadata and Raw always stay as posted.
func ConfirmRide(rides RideFinder, companyID string) func(context.Context, Event[KapitenEvent]) (KapitenEvent, error) {
	lookup := LookupRide(rides, companyID)
	return func(ctx context.Context, claimed Event[KapitenEvent]) (KapitenEvent, error) {
		found, err := lookup(ctx, claimed.Reference)
		if err != nil {
			return KapitenEvent{}, err
		}
		for _, pair := range [][2]*string{
			{&found.ReferenceNumber, &claimed.Data.ReferenceNumber},
			{&found.ExternalID, &claimed.Data.ExternalID},
		} {
			if *pair[0] == "" {
				*pair[0] = *pair[1]
			} else if *pair[1] != "" && *pair[0] != *pair[1] {
				return KapitenEvent{}, fmt.Errorf("%w: reference number or external id", ErrMismatch)
			}
		}
		found.Event.Event, found.Metadata, found.Event.Raw = claimed.Data.Event.Event, claimed.Data.Metadata, claimed.Data.Event.Raw
		return found, nil
	}
}

// LookupRide asks for a ride the way a Reconciler needs it. Raw is the ride's.
func LookupRide(rides RideFinder, companyID string) func(context.Context, string) (KapitenEvent, error) {
	return func(ctx context.Context, rideID string) (KapitenEvent, error) {
		ride, err := rides.Get(ctx, companyID, rideID)
		if err != nil {
			return KapitenEvent{}, err
		}
		return KapitenEvent{Ride: ride, Event: kapiten.Event{
			Event: kapiten.EventStatusUpdate, RideID: ride.ID, ReferenceNumber: ride.ReferenceNumber,
			ExternalID: ride.ExternalID, Status: ride.Status, Raw: ride.Raw,
		}}, nil
	}
}

// parseRideEvent reads what kapiten.ParseEvent reads, in half its time as the body
// is walked for duplicate keys anyway. It keeps the body.
func parseRideEvent(body []byte) (kapiten.Event, error) {
	var o object
	if err := o.read(body); err != nil {
		return kapiten.Event{}, err
	}
	e := kapiten.Event{Metadata: o.raw("metadata"), Raw: body}
	for _, field := range []struct {
		name string
		to   *string
	}{
		{"event", &e.Event}, {"ride_id", &e.RideID}, {"reference_number", &e.ReferenceNumber},
		{"external_id", &e.ExternalID}, {"status", (*string)(&e.Status)},
	} {
		var err error
		if *field.to, err = o.text(field.name); err != nil {
			return kapiten.Event{}, fmt.Errorf("%s: %w", field.name, err)
		}
	}
	if e.RideID == "" || e.Status == "" {
		return kapiten.Event{}, errors.New("event without ride_id or status")
	}
	return e, nil
}

func (e KapitenEvent) price() decimal.NullDecimal {
	if e.Ride == nil {
		return decimal.NullDecimal{}
	}
	return e.Ride.EstimatedPrice
}
