package kapiten

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// RidesService prices, creates, lists and follows deliveries.
type RidesService struct{ list list[Ride] }

// Location is a point in degrees. The point 0, 0 lies in the Atlantic Ocean, so
// it counts as a forgotten Location.
type Location struct {
	Latitude  float64 // -90 to 90
	Longitude float64 // -180 to 180
}

// Contact is the sender or the receiver of a package.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"` // "0788123456" in the document; passed on as given
}

// WeightRange is a package weight category in kilograms. The document does not
// say to which of two neighbouring ranges their common limit belongs.
type WeightRange string

// The documented choices.
const (
	Weight0To5   WeightRange = "0-5"
	Weight5To10  WeightRange = "5-10"
	Weight10To20 WeightRange = "10-20"
	WeightOver20 WeightRange = "20+"
)

// EstimateParams describe a delivery to be priced.
type EstimateParams struct {
	CompanyID            string // required
	Pickup, Dropoff      Location
	WeightRange          WeightRange // optional
	IncludesFragileItems bool
	IsPriority           bool
}

// Estimate is a price, in RWF.
type Estimate struct {
	Amount  decimal.Decimal `json:"amount"`
	Details PriceDetails    `json:"details"`
	Raw     sdk.Raw         `json:"-"`
}

// PriceDetails are the parts of an estimate which the document shows. Further
// keys may come and are in Estimate.Raw.
type PriceDetails struct {
	BaseFare     decimal.NullDecimal `json:"base_fare"`
	DistanceFare decimal.NullDecimal `json:"distance_fare"`
}

// CreateRideParams describe a delivery.
type CreateRideParams struct {
	CompanyID      string // required
	PickupAddress  string // required, for people: "KK 12 Ave, Kigali"
	Pickup         Location
	DropoffAddress string // required
	Dropoff        Location
	Sender         Contact // required
	Receiver       Contact // required
	// ExternalID is your own reference. The document recommends it, CreateOnce
	// requires it. Kapiten does not promise that it is unique.
	ExternalID string

	PickupInstructions   string      // optional
	PackageType          string      // optional: "Food", "Electronics"
	WeightRange          WeightRange // optional
	IncludesFragileItems bool
	IsPriority           bool
}

// RideStatus is the state of a ride. The names and meanings are documented;
// which of them are final is inferred. A status this package does not know
// passes through unharmed and is never final.
type RideStatus string

// The documented ride states, in the order of the happy path.
const (
	RideWaitingPayment  RideStatus = "WAITING_PAYMENT"  // the customer still has to pay by MoMo or Airtel
	RidePending         RideStatus = "PENDING"          // paid, or pre-paid; waiting to be matched with a rider
	RideAccepted        RideStatus = "ACCEPTED"         // a rider took it and is on the way to the pickup
	RideWaitingPickup   RideStatus = "WAITING_PICKUP"   // the rider is at the pickup
	RidePickedUp        RideStatus = "PICKED_UP"        // the rider has the package
	RideInTransit       RideStatus = "IN_TRANSIT"       // on the way to the destination
	RideWaitingDelivery RideStatus = "WAITING_DELIVERY" // the rider is at the destination
	RideCompleted       RideStatus = "COMPLETED"        // handed over; final
	RideCancelled       RideStatus = "CANCELLED"        // by the sender or an administrator; final
	RideRejected        RideStatus = "REJECTED"         // no rider found in time; final
)

// Final reports whether no further status can follow (inferred: the document
// names no final states).
func (s RideStatus) Final() bool {
	return s == RideCompleted || s == RideCancelled || s == RideRejected
}

// Ride is a delivery. The response to Create has an estimated price and a
// distance. The document's list shows only id, reference number and status, so
// the other fields may be empty there.
type Ride struct {
	ID              string              `json:"id" wire:"required"`
	ReferenceNumber string              `json:"reference_number"` // "KPT-123456"
	Status          RideStatus          `json:"status" wire:"required"`
	EstimatedPrice  decimal.NullDecimal `json:"estimated_price"` // RWF
	DistanceKM      decimal.NullDecimal `json:"distance_km"`
	ExternalID      string              `json:"external_id"` // yours; a list shows it only if the server does so (assumed)
	CreatedAt       time.Time           `json:"created_at"`  // assumed; zero when the response has none
	UpdatedAt       time.Time           `json:"updated_at"`  // assumed; zero when the response has none
	Raw             sdk.Raw             `json:"-"`

	showsExternalID bool // the response had the key, null or not
}

// Estimate prices a delivery for a company. It moves nothing, so the client
// repeats it after any failure.
func (s *RidesService) Estimate(ctx context.Context, p EstimateParams) (*Estimate, error) {
	if err := s.list.core.Invalid(OpEstimateRide, "", p.faults().Fields); err != nil {
		return nil, err
	}
	var estimate *Estimate
	err := s.list.core.Do(ctx, transport.Call{
		Op: OpEstimateRide, Body: p.request(), Decode: transport.Into(&estimate, decodeEstimate),
	})
	return estimate, err
}

// Create submits a delivery. Kapiten may take the price from the company wallet
// at once, so Create sends nothing a second time after an unknown outcome. The
// error then matches sdk.ErrOutcomeUnknown, and its Reference is the external id:
// look for it with Find. CreateOnce does that by itself.
func (s *RidesService) Create(ctx context.Context, p CreateRideParams) (*Ride, error) {
	if err := s.list.core.Invalid(OpCreateRide, p.ExternalID, p.faults().Fields); err != nil {
		return nil, err
	}
	return s.create(ctx, p, nil)
}

// CreateOnce creates a delivery unless one with the same external id is among
// the company's newest rides already, and settles an unknown outcome by looking
// there: a ride that is found is returned; one that is absent, and still absent
// three seconds later, is sent once more, and looked for again unless that
// succeeds. Calling it again with the same parameters, in this process or after a
// crash, therefore returns the first ride.
//
// Its limits, because Kapiten promises no unique external id:
//
//   - It looks through the five newest pages of rides only.
//   - A request that the far side holds back for longer than those three
//     seconds and then carries out becomes a second ride.
//   - Two calls at the same time with the same external id can create two.
//   - It needs lists that show the external id (assumed). Where they do not, it
//     refuses to create anything.
//   - A ride is found whatever its status: to try a cancelled delivery again,
//     use a new external id.
//
// When the outcome stays unknown, the error matches sdk.ErrOutcomeUnknown.
func (s *RidesService) CreateOnce(ctx context.Context, p CreateRideParams) (*Ride, error) {
	faults := p.faults()
	faults.Require("external_id", p.ExternalID)
	if err := s.list.core.Invalid(OpCreateRide, p.ExternalID, faults.Fields); err != nil {
		return nil, err
	}
	ride, err := s.look(ctx, p.CompanyID, p.ExternalID)
	if ride != nil || err != nil {
		return ride, err
	}
	return s.create(ctx, p, func(ctx context.Context) (*Ride, error) { return s.look(ctx, p.CompanyID, p.ExternalID) })
}

// create sends good parameters. look, if given, settles an unknown outcome: no
// ride and no error means that the ride is absent.
func (s *RidesService) create(ctx context.Context, p CreateRideParams, look func(context.Context) (*Ride, error)) (*Ride, error) {
	var ride *Ride
	call := transport.Call{
		Op: OpCreateRide, Reference: p.ExternalID, Body: p.request(), Decode: transport.Into(&ride, decodeRide),
	}
	if look != nil {
		call.SettleOnce = true
		call.Lookup = func(ctx context.Context) (found bool, err error) {
			ride, err = look(ctx)
			return ride != nil, err
		}
	}
	if err := s.list.core.Do(ctx, call); err != nil {
		return nil, err
	}
	if !ride.showsExternalID { // the document's sample does not
		ride.ExternalID = p.ExternalID
	}
	return ride, nil
}

// Find looks for the newest ride with your external id among the newest five
// pages of a company's rides. It gives sdk.ErrNotFound when the lists show
// external ids and none of them is yours. It gives sdk.ErrUnexpectedResponse when
// it cannot tell: the lists do not show the external id (assumed that they do),
// lead on to a page that cannot be asked for, or are themselves not found.
func (s *RidesService) Find(ctx context.Context, companyID, externalID string) (*Ride, error) {
	var faults transport.Faults
	faults.Require("external_id", externalID)
	if err := s.list.core.Invalid(OpListRides, externalID, faults.Fields); err != nil {
		return nil, err
	}
	ride, err := s.look(ctx, companyID, externalID)
	return s.list.orAbsent(externalID, ride, err)
}

// look finds the newest ride with an external id. No ride and no error means
// that none of the newest has it.
func (s *RidesService) look(ctx context.Context, companyID, externalID string) (*Ride, error) {
	ride, err := s.list.search(ctx, companyID, externalID, func(r *Ride) (bool, error) {
		if !r.showsExternalID {
			return false, wire.Missing("external_id")
		}
		return r.ExternalID == externalID, nil
	})
	// A wrong route or a foreign company also gives "not found". Read as the
	// ride's absence, that would create the ride a second time.
	var list *sdk.Error
	if errors.Is(err, sdk.ErrNotFound) && errors.As(err, &list) {
		e := s.list.core.Inconclusive(OpListRides, externalID, wire.Missing("a list of rides"))
		e.StatusCode, e.Message, e.Body, e.RequestID, e.Attempts = list.StatusCode, list.Message, list.Body, list.RequestID, list.Attempts
		return nil, e
	}
	return ride, err
}

// Get looks for a ride by Kapiten's id among the newest five pages of a company's
// rides, because no endpoint for a single ride is documented. It gives
// sdk.ErrNotFound when the ride is not among them.
func (s *RidesService) Get(ctx context.Context, companyID, rideID string) (*Ride, error) {
	return s.list.get(ctx, companyID, "ride_id", rideID, func(r *Ride) bool { return r.ID == rideID })
}

// Wait looks for a ride every few seconds, up to half a minute apart, until its
// status is final, and returns it. It outlasts outages. When the context ends
// first, or Get no longer finds the ride, Wait returns the error together with
// the ride as last seen.
func (s *RidesService) Wait(ctx context.Context, companyID, rideID string) (*Ride, error) {
	return s.list.wait(ctx, rideID,
		func(ctx context.Context) (*Ride, error) { return s.Get(ctx, companyID, rideID) },
		func(r *Ride) bool { return r.Status.Final() })
}

// List returns one page of a company's rides, newest first (documented).
func (s *RidesService) List(ctx context.Context, companyID string, o ListOptions) (*Page[Ride], error) {
	return s.list.page(ctx, companyID, o)
}

// All iterates over all rides of a company, newest first, fetching pages as it
// goes. A ride created meanwhile pushes others to later pages: All may show a ride
// twice, but misses none.
func (s *RidesService) All(ctx context.Context, companyID string) iter.Seq2[Ride, error] {
	return s.list.all(ctx, companyID)
}

// EventStatusUpdate is the only event name the document shows.
const EventStatusUpdate = "status_update"

// Event is a ride's status callback as Kapiten posts it to a company's
// webhook_url. Callbacks are not signed: believe an Event only once the API
// confirms it. Package webhook asks the API for you.
type Event struct {
	Event           string          `json:"event"` // "status_update" in the document
	RideID          string          `json:"ride_id"`
	ReferenceNumber string          `json:"reference_number"`
	ExternalID      string          `json:"external_id"` // the caller's own reference, empty if the ride has none
	Status          RideStatus      `json:"status"`
	Metadata        json.RawMessage `json:"metadata"` // contents undocumented
	Raw             sdk.Raw         `json:"-"`        // the whole body as received
}

// ParseEvent decodes the body of a callback. It refuses a body that is no JSON
// object or names no ride or no status. The Event keeps a copy of the body.
func ParseEvent(body []byte) (Event, error) {
	body = bytes.Clone(body)
	var e Event
	if err := wire.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("kapiten: decode event: %w", err)
	}
	if e.RideID == "" {
		return Event{}, errors.New("kapiten: event without ride_id")
	}
	if e.Status == "" {
		return Event{}, errors.New("kapiten: event without status")
	}
	e.Raw = body
	return e, nil
}

func (p EstimateParams) faults() (f transport.Faults) {
	f.Require("company_id", p.CompanyID)
	checkLocation(&f, "pickup", p.Pickup)
	checkLocation(&f, "dropoff", p.Dropoff)
	return f
}

func (p CreateRideParams) faults() (f transport.Faults) {
	f.Require("company_id", p.CompanyID)
	f.Require("pickup_address", p.PickupAddress)
	checkLocation(&f, "pickup", p.Pickup)
	f.Require("dropoff_address", p.DropoffAddress)
	checkLocation(&f, "dropoff", p.Dropoff)
	f.Require("sender.name", p.Sender.Name)
	f.Require("sender.phone", p.Sender.Phone)
	f.Require("receiver.name", p.Receiver.Name)
	f.Require("receiver.phone", p.Receiver.Phone)
	return f
}

func checkLocation(f *transport.Faults, prefix string, l Location) {
	if l == (Location{}) {
		f.Add(prefix+"_latitude", "is required")
		f.Add(prefix+"_longitude", "is required")
		return
	}
	if !within(l.Latitude, 90) {
		f.Add(prefix+"_latitude", "must be between -90 and 90 degrees")
	}
	if !within(l.Longitude, 180) {
		f.Add(prefix+"_longitude", "must be between -180 and 180 degrees")
	}
}

func within(degrees, limit float64) bool { return math.Abs(degrees) <= limit } // false for NaN

type estimateRequest struct {
	PickupLatitude       float64     `json:"pickup_latitude"`
	PickupLongitude      float64     `json:"pickup_longitude"`
	DropoffLatitude      float64     `json:"dropoff_latitude"`
	DropoffLongitude     float64     `json:"dropoff_longitude"`
	CompanyID            string      `json:"company_id"`
	WeightRange          WeightRange `json:"weight_range,omitempty"`
	IncludesFragileItems bool        `json:"includes_fragile_items,omitempty"`
	IsPriority           bool        `json:"is_priority,omitempty"`
}

func (p EstimateParams) request() *estimateRequest {
	return &estimateRequest{
		p.Pickup.Latitude, p.Pickup.Longitude, p.Dropoff.Latitude, p.Dropoff.Longitude,
		p.CompanyID, p.WeightRange, p.IncludesFragileItems, p.IsPriority,
	}
}

type rideRequest struct {
	PickupAddress        string      `json:"pickup_address"`
	PickupLatitude       float64     `json:"pickup_latitude"`
	PickupLongitude      float64     `json:"pickup_longitude"`
	DropoffAddress       string      `json:"dropoff_address"`
	DropoffLatitude      float64     `json:"dropoff_latitude"`
	DropoffLongitude     float64     `json:"dropoff_longitude"`
	Sender               Contact     `json:"sender"`
	Receiver             Contact     `json:"receiver"`
	CompanyID            string      `json:"company_id"`
	ExternalID           string      `json:"external_id,omitempty"`
	PickupInstructions   string      `json:"pickup_instructions,omitempty"`
	PackageType          string      `json:"package_type,omitempty"`
	WeightRange          WeightRange `json:"weight_range,omitempty"`
	IncludesFragileItems bool        `json:"includes_fragile_items,omitempty"`
	IsPriority           bool        `json:"is_priority,omitempty"`
}

func (p CreateRideParams) request() *rideRequest {
	return &rideRequest{
		p.PickupAddress, p.Pickup.Latitude, p.Pickup.Longitude,
		p.DropoffAddress, p.Dropoff.Latitude, p.Dropoff.Longitude,
		p.Sender, p.Receiver, p.CompanyID, p.ExternalID,
		p.PickupInstructions, p.PackageType, p.WeightRange, p.IncludesFragileItems, p.IsPriority,
	}
}

func decodeEstimate(body []byte) (Estimate, error) {
	var w struct {
		Estimate
		Amount decimal.NullDecimal `json:"amount" wire:"required"` // zero is an amount
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return Estimate{}, err
	}
	w.Estimate.Amount = w.Amount.Decimal
	return w.Estimate, nil
}

func decodeRide(body []byte) (Ride, error) {
	ride, err := decode[Ride](body)
	if err != nil {
		return Ride{}, err
	}
	ride.showsExternalID = wire.Has(body, "external_id")
	return ride, nil
}
