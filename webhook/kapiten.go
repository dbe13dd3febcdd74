package webhook

import (
	"context"
	"fmt"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// KapitenEvent is a ride's status callback.
type KapitenEvent struct {
	kapiten.Event
	// Ride is the ride as the API shows it; nil unless the event is Confirmed.
	Ride *kapiten.Ride
}

// KapitenRides finds a ride to confirm it; client.Rides of package kapiten is one.
// It returns sdk.ErrNotFound for a ride that does not exist.
type KapitenRides interface {
	Get(ctx context.Context, companyID, rideID string) (*kapiten.Ride, error)
}

// NewKapiten is New for a company's ride callbacks, confirmed by the ride itself.
// It sets Source, and Confirm to ConfirmKapiten unless cfg has one. Hide the URL
// with PathSecret.
func NewKapiten(rides KapitenRides, companyID string, cfg Config[KapitenEvent]) (*Handler[KapitenEvent], error) {
	cfg.Source = Kapiten()
	if cfg.Confirm == nil && rides != nil {
		cfg.Confirm = ConfirmKapiten(rides, companyID)
	}
	return New(cfg)
}

// Kapiten describes Kapiten's callbacks: a POST of JSON to the company's
// webhook_url on each transition of a ride (documented). They carry no signature
// and no event id (documented by absence), so use NewKapiten, which confirms them.
//
// The reference is the ride's id. An event is identified by ride and status, and
// rides change in the order of KapitenStates. The expected response is not
// documented; 200 without a body is sent.
func Kapiten() Source[KapitenEvent] {
	states := KapitenStates()
	return Source[KapitenEvent]{
		Provider: "kapiten",
		Decode: uniquely(func(body []byte) (KapitenEvent, error) {
			e, err := kapiten.ParseEvent(body)
			return KapitenEvent{Event: e}, err
		}),
		Identify: func(e KapitenEvent) Identity {
			i := Identity{Reference: e.RideID, Status: string(e.Status), States: states}
			if e.Ride != nil {
				i.Amount = e.Ride.EstimatedPrice
			}
			return i
		},
	}
}

// KapitenStates is the order of a ride's statuses. Their names are documented.
// The transitions are assumed: the good path in the document's order, REJECTED
// while no rider is found, and CANCELLED from every state that is not final,
// because an administrator may cancel and no limit is documented.
func KapitenStates() *States {
	return statesOf(map[kapiten.RideStatus][]kapiten.RideStatus{
		kapiten.RideWaitingPayment:  {kapiten.RidePending, kapiten.RideCancelled},
		kapiten.RidePending:         {kapiten.RideAccepted, kapiten.RideCancelled, kapiten.RideRejected},
		kapiten.RideAccepted:        {kapiten.RideWaitingPickup, kapiten.RideCancelled},
		kapiten.RideWaitingPickup:   {kapiten.RidePickedUp, kapiten.RideCancelled},
		kapiten.RidePickedUp:        {kapiten.RideInTransit, kapiten.RideCancelled},
		kapiten.RideInTransit:       {kapiten.RideWaitingDelivery, kapiten.RideCancelled},
		kapiten.RideWaitingDelivery: {kapiten.RideCompleted, kapiten.RideCancelled},
	}, nil)
}

// ConfirmKapiten confirms by finding the ride among the company's newest. The
// ride's status, references and price replace what was posted. A reference number
// or external id that differs is ErrMismatch; if the list does not show it, it
// stays as posted. (Only id, reference number and status of a list are documented.)
// Metadata and Raw always stay as posted.
func ConfirmKapiten(rides KapitenRides, companyID string) func(context.Context, Event[KapitenEvent]) (KapitenEvent, error) {
	lookup := LookupKapiten(rides, companyID)
	return func(ctx context.Context, posted Event[KapitenEvent]) (KapitenEvent, error) {
		found, err := lookup(ctx, posted.Reference)
		if err != nil {
			return KapitenEvent{}, err
		}
		if !sameText(&found.ReferenceNumber, posted.Data.ReferenceNumber) || !sameText(&found.ExternalID, posted.Data.ExternalID) {
			return KapitenEvent{}, fmt.Errorf("%w: reference number or external id", ErrMismatch)
		}
		found.Event.Event, found.Metadata, found.Event.Raw = posted.Data.Event.Event, posted.Data.Metadata, posted.Data.Event.Raw
		return found, nil
	}
}

// LookupKapiten looks up a ride by its id, for a Reconciler. Raw is the ride's.
func LookupKapiten(rides KapitenRides, companyID string) func(context.Context, string) (KapitenEvent, error) {
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

// sameText compares what both show. A text that was not found is filled in as posted.
func sameText(found *string, posted string) bool {
	if *found == "" {
		*found = posted
	}
	return posted == "" || *found == posted
}
