package kapitentest

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Ride is a ride as the fake knows it.
type Ride struct {
	ID                 string
	ReferenceNumber    string // "KPT-" and six digits
	CompanyID          string
	ExternalID         string // empty if the ride has none
	Status             kapiten.RideStatus
	Price              decimal.Decimal // RWF
	DistanceKM         decimal.Decimal
	Paid               bool // the wallet was charged
	Refunded           bool // and got it back
	CreatedAt          time.Time
	UpdatedAt          time.Time
	PickupAddress      string
	DropoffAddress     string
	PickupInstructions string
	Sender, Receiver   Party
	PackageType        string
	WeightRange        kapiten.WeightRange // empty if none was given
	Fragile            bool
	Priority           bool
}

// Party is the sender or the receiver of a ride.
type Party struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// Ride returns one ride.
func (f *Fake) Ride(id string) (Ride, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	r := f.state.rides[id]
	if r == nil {
		return Ride{}, false
	}
	return r.public(), true
}

// RidesOf returns a company's rides, oldest first.
func (f *Fake) Rides(companyID string) []Ride {
	f.world.Lock()
	defer f.world.Unlock()
	co := f.state.byID[companyID]
	if co == nil {
		return nil
	}
	all := make([]Ride, len(co.rides))
	for i, r := range co.rides {
		all[i] = r.public()
	}
	return all
}

// SetRideStatus takes a ride one step further and calls the merchant back. An
// arrow the fake does not know (see Arrows) is refused with fake.ErrIllegalMove and
// changes nothing.
func (f *Fake) MoveRide(id string, to kapiten.RideStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.step(id, to)
}

// PayRide says that the customer paid Kapiten for a ride in WAITING_PAYMENT,
// which becomes PENDING. The wallet is not touched.
func (f *Fake) PayRide(id string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.pay(id)
}

// Arrows are the states a ride can go to from another, in the order they are
// usually taken; none for a final state. The arrows are assumed.
func Transitions(from kapiten.RideStatus) []kapiten.RideStatus {
	switch from {
	case kapiten.RideWaitingPayment:
		return []kapiten.RideStatus{kapiten.RidePending, kapiten.RideCancelled}
	case kapiten.RidePending:
		return []kapiten.RideStatus{kapiten.RideAccepted, kapiten.RideCancelled, kapiten.RideRejected}
	case kapiten.RideAccepted:
		return []kapiten.RideStatus{kapiten.RideWaitingPickup, kapiten.RideCancelled}
	case kapiten.RideWaitingPickup:
		return []kapiten.RideStatus{kapiten.RidePickedUp, kapiten.RideCancelled}
	case kapiten.RidePickedUp:
		return []kapiten.RideStatus{kapiten.RideInTransit}
	case kapiten.RideInTransit:
		return []kapiten.RideStatus{kapiten.RideWaitingDelivery}
	case kapiten.RideWaitingDelivery:
		return []kapiten.RideStatus{kapiten.RideCompleted}
	default:
		return nil
	}
}

func (f *Fake) step(id string, to kapiten.RideStatus) error {
	r := f.state.rides[id]
	if r == nil {
		return fmt.Errorf("kapitentest: ride %q: %w", id, fake.ErrNotFound)
	}
	if !slices.Contains(Transitions(r.Status), to) {
		return fmt.Errorf("kapitentest: %w: a ride cannot go from %s to %s", fake.ErrIllegalMove, r.Status, to)
	}
	f.enter(r, to)
	return nil
}

func (f *Fake) pay(id string) error {
	r := f.state.rides[id]
	if r == nil {
		return fmt.Errorf("kapitentest: ride %q: %w", id, fake.ErrNotFound)
	}
	if r.Status != kapiten.RideWaitingPayment {
		return fmt.Errorf("kapitentest: %w: the ride is %s and waits for no payment", fake.ErrIllegalMove, r.Status)
	}
	f.enter(r, kapiten.RidePending)
	return nil
}

func (r *ride) public() Ride {
	out := Ride{
		ID: r.ID, ReferenceNumber: r.Reference, CompanyID: r.CompanyID, Status: r.Status,
		Price: r.Price, DistanceKM: r.DistanceKM, Paid: r.Paid, Refunded: r.Refunded,
		CreatedAt: r.Created, UpdatedAt: r.Updated,
		PickupAddress: r.Order.PickupAddress, DropoffAddress: r.Order.DropoffAddress,
		PickupInstructions: r.Order.PickupInstructions, Sender: r.Order.Sender, Receiver: r.Order.Receiver,
		PackageType: r.Order.PackageType, WeightRange: r.Order.WeightRange,
		Fragile: r.Order.Fragile, Priority: r.Order.Priority,
	}
	if r.ExternalID != nil {
		out.ExternalID = *r.ExternalID
	}
	return out
}
