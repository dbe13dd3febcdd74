package webhook

import (
	"context"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// KapitenRides finds a ride to confirm it; client.Rides of package kapiten is one.
// It returns sdk.ErrNotFound for a ride that does not exist.
type KapitenRides interface {
	Get(ctx context.Context, companyID, rideID string) (*kapiten.Ride, error)
}

// NewKapiten builds a handler for a company's ride callbacks. They are not signed
// (documented by absence), so each is a knock, and the ride is looked for in the
// company's list, newest first. That takes a request for each page up to the ride. If
// Kapiten does not know the ride, it takes one for every page there is, up to 1,000.
// Raise Config.AskTimeout, and Timeout with it, if an old ride is not found in time: its
// callbacks get 503. The callback URL is the same for all rides, so Config.Known must be
// set. Hide the URL with PathSecret.
//
// The event is the ride as the API shows it. Only id, reference number and status of
// a list are documented.
func NewKapiten(rides KapitenRides, companyID string, cfg Config[kapiten.Ride]) (*Handler[kapiten.Ride], error) {
	source := Kapiten()
	source.Ask = func(ctx context.Context, about Identity) (kapiten.Ride, error) {
		return deref(rides.Get(ctx, companyID, about.Reference))
	}
	h, err := needClient(rides, source, cfg)
	f := faults{of: "NewKapiten: "}
	f.must(companyID != "", "no company id")
	f.must(cfg.Known != nil, "no Known: the URL is the same for all rides")
	if f.all = append(f.all, err); f.err() != nil {
		return nil, f.err()
	}
	return h, nil
}

// Kapiten describes Kapiten's callbacks, without a way to confirm them: use
// NewKapiten. Each is a POST of JSON to the company's webhook_url on each transition
// of a ride (documented).
//
// The reference is the ride's id, and rides change in the order of KapitenStates. The
// expected response is not documented; 200 without a body is sent.
func Kapiten() Source[kapiten.Ride] {
	states := KapitenStates()
	return Source[kapiten.Ride]{
		Provider: "kapiten",
		Decode: uniquely(func(body []byte) (kapiten.Ride, error) {
			e, err := kapiten.ParseEvent(body)
			return kapiten.Ride{ID: e.RideID, ReferenceNumber: e.ReferenceNumber, ExternalID: e.ExternalID, Status: e.Status, Raw: e.Raw}, err
		}),
		Identify: func(r kapiten.Ride) Identity {
			return Identity{Reference: r.ID, Status: string(r.Status), Amount: r.EstimatedPrice, States: states}
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
	}, []kapiten.RideStatus{kapiten.RideCompleted}, nil)
}
