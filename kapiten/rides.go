package kapiten

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// RidesService prices, creates, lists and follows rides.
type RidesService struct{ list list[Ride] }

// Location is a point in degrees. The point 0, 0 lies in the Atlantic Ocean, so
// it counts as a forgotten Location.
type Location struct {
	Latitude  float64 // -90 to 90
	Longitude float64 // -180 to 180
}

// Contact is the sender, the receiver or the rider of a package.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"` // "0788123456" in the document
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

// CreateRideParams describe a ride.
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

	// Since tells CreateOnce that no ride with this ExternalID is older: the time of
	// your order, less the difference between your clock and Kapiten's. It ends the
	// look through the list of rides. See SearchOptions. It is not sent.
	Since time.Time
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

// late reports a documented status of a ride that is past its creation: a company's ride
// begins as WAITING_PAYMENT or PENDING.
func (s RideStatus) late() bool {
	switch s {
	case RideAccepted, RideWaitingPickup, RidePickedUp, RideInTransit, RideWaitingDelivery:
		return true
	}
	return s.Final()
}

// Ride is Kapiten's word for a delivery. The response to Create has an estimated price and a
// distance. The document's list shows only id, reference number and status, so
// the other fields may be empty there.
type Ride struct {
	ID              string              `json:"id" wire:"required"`
	ReferenceNumber string              `json:"reference_number"` // "KPT-123456"
	Status          RideStatus          `json:"status" wire:"required"`
	EstimatedPrice  decimal.NullDecimal `json:"estimated_price"` // RWF
	DistanceKM      decimal.NullDecimal `json:"distance_km"`
	ExternalID      string              `json:"external_id"` // yours, where the response shows it: the document's samples do not
	Raw             sdk.Raw             `json:"-"`

	// All that follows is assumed, and zero where the response does not show it.

	CreatedAt            time.Time   `json:"created_at"`
	UpdatedAt            time.Time   `json:"updated_at"`
	CreatedBy            string      `json:"created_by"` // id of the user whose token created it
	Rider                *Contact    `json:"rider"`      // from ACCEPTED on
	PackageType          string      `json:"package_type"`
	WeightRange          WeightRange `json:"weight_range"`
	IncludesFragileItems *bool       `json:"includes_fragile_items"`
	IsPriority           *bool       `json:"is_priority"`

	// Existing is set by Create and CreateOnce: the ride was there before anything
	// of this call can have made it.
	Existing bool `json:"-"`
	// Unverified is set by Create and CreateOnce: the response shows no address, phone or
	// drop-off coordinates, so nobody could compare them. Other fields were compared if they
	// were shown. The document's sample is such a response.
	Unverified bool `json:"-"`

	external external
}

// external is how a response shows the external id of a ride.
type external uint8

const (
	externalHidden external = iota // not at all, or in a form that cannot be read
	externalNone                   // null or empty: the ride has none
	externalShown
)

// Create submits a ride. Kapiten may take the price from the company wallet
// at once, so Create sends nothing a second time after an unknown outcome. The
// error then matches sdk.ErrOutcomeUnknown, and its Reference is the external id:
// look for it with Find. CreateOnce does that by itself. A response without a
// reference number, or about a ride that is under way, is about another request.
//
// A server that keeps external ids unique (not documented) may refuse the external
// id as taken. Create then looks for the ride that has it: the ride you ask for is
// returned with Existing true, and any other gives sdk.ErrReferenceTaken. Without an
// ExternalID nobody can tell: such a refusal is an unknown outcome.
func (s *RidesService) Create(ctx context.Context, p CreateRideParams) (*Ride, error) {
	faults := p.faults()
	faults.CheckReference("external_id", p.ExternalID)
	var ride *Ride
	call := transport.Call{Op: OpCreateRide, Reference: p.ExternalID, Body: p.request(), Decode: s.created(p, &ride), Doubts: transport.Duplicated}
	if err := s.list.core.InvalidCall(call, faults.Fields); err != nil {
		return nil, err
	}
	if p.ExternalID != "" {
		call.LookRefused = func(ctx context.Context, existing bool) (transport.Finding, error) {
			results, _, err := s.find(ctx, p.CompanyID, []string{p.ExternalID}, SearchOptions{})
			if err != nil {
				return 0, err
			}
			return p.settle(results[p.ExternalID], existing, &ride)
		}
	}
	err := s.list.core.Do(ctx, call)
	return ride, err
}

// CreateOnce creates a ride unless the company has one with the same external
// id already. It looks through the list of rides before it sends anything. A ride
// that is there already, and is the one you ask for, is returned with Existing true.
// One that shows a difference gives sdk.ErrReferenceTaken, and the outcome is unknown. If the
// list shows no address, phone or drop-off coordinates, a ride to another address is returned
// with Unverified; if it shows the pickup or the sender alone, without. Never use an external id
// twice.
//
// After an unknown outcome CreateOnce looks again, at once and after one and three
// seconds. It returns the ride when it finds it. Otherwise the outcome stays
// unknown, and nothing is sent a second time. After a refusal or a throttle it looks
// once, because a repeat on the way may have met it: a ride that is there now is
// returned with its status, and otherwise the refusal stands. Call CreateOnce again later with the
// same parameters.
//
// Set p.Since. Without it the first look goes through all rides the company has
// ever had: one request per page.
//
// A refusal is looked up once, too: somebody on the way may have repeated the request. If
// the ride is there, it is returned. If it cannot be compared, or two are there, the outcome is
// unknown. Otherwise the refusal stands.
//
// Calls of one Client with the same parameters at the same time share one request. Two
// Clients share nothing, so make one Client per account. A call
// with the same external id and other parameters waits for them, and then only looks,
// unless they have created nothing.
//
// The limits of CreateOnce, because Kapiten promises no unique external id:
//
//   - A request that the far side holds back, and carries out after the next call
//     has looked, becomes a second ride. Between two calls after an unknown outcome
//     leave time. Package sdk/journal keeps track of such calls.
//   - Two processes, or two Clients of one process, that call at the same time with the same external id can
//     create two rides. So can two calls one after the other, if the list does not show
//     the first ride yet.
//   - It needs lists that show the external id (assumed). Where they do not, or
//     where a list cannot be gone through to the end, CreateOnce sends nothing: the
//     error matches sdk.ErrNotSent and sdk.ErrUnexpectedResponse.
//   - The outcome is unknown if two rides have the external id, or if the ride that is found
//     cannot be compared. That holds even if CreateOnce has sent nothing yet.
func (s *RidesService) CreateOnce(ctx context.Context, p CreateRideParams) (*Ride, error) {
	return s.createOnce(p).Do(ctx)
}

// Prepare checks and encodes what CreateOnce sends, for package sdk/journal. Its Look goes
// through the list of rides once, from the newest ride to p.Since. Its Send looks for
// nothing: a duplicate that does not name the external id is an unknown outcome.
func (s *RidesService) Prepare(p CreateRideParams) (sdk.Prepared[Ride], error) {
	return s.createOnce(p).Prepare()
}

func (s *RidesService) createOnce(p CreateRideParams) transport.Write[Ride] {
	faults := p.faults()
	faults.RequireReference("external_id", p.ExternalID)
	var fault error
	if faults.Fields != nil {
		fault = s.list.core.InvalidCall(transport.Call{Op: OpCreateRide, Reference: p.ExternalID, Body: p.request()}, faults.Fields)
	}
	return transport.Write[Ride]{Core: s.list.core, Err: fault, Doubts: duplicateOfUnknown, Call: func(out **Ride) transport.Call {
		var before []string // ids of page 1 before anything was sent
		looked := false
		return transport.Call{
			Op: OpCreateRide, Reference: p.ExternalID, Body: p.request(), Decode: s.created(p, out),
			Searched: true, LookFirst: true, Scope: p.CompanyID,
			Lookup: func(ctx context.Context, existing bool) (transport.Finding, error) {
				o := SearchOptions{Since: p.Since}
				switch {
				case !existing:
					o.Before = before
				case looked: // for a duplicate, which may be as old as anything
					o.Since = time.Time{}
				}
				results, end, err := s.find(ctx, p.CompanyID, []string{p.ExternalID}, o)
				if err != nil {
					return 0, err
				}
				if existing && !looked {
					before = end.newest
				}
				looked = true
				return p.settle(results[p.ExternalID], existing, out)
			},
		}
	}}
}

// Get looks for a ride by Kapiten's id in a company's list of rides, because no
// endpoint for a single ride is documented. It asks page after page until it finds
// the ride. It gives sdk.ErrNotFound when the list has come to its end without the
// ride, and sdk.ErrUnexpectedResponse when it cannot tell.
func (s *RidesService) Get(ctx context.Context, companyID, rideID string) (*Ride, error) {
	return s.list.get(ctx, companyID, "ride_id", rideID)
}

// Wait looks for a ride every few seconds, up to half a minute apart, until its
// status is final, and returns it. It outlasts outages. When the context ends
// first, or Get no longer finds the ride, Wait returns the error together with
// the ride as last seen.
func (s *RidesService) Wait(ctx context.Context, companyID, rideID string) (*Ride, error) {
	return s.list.wait(ctx, companyID, "ride_id", rideID, func(r *Ride) bool { return r.Status.Final() })
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

func (p CreateRideParams) faults() (f transport.Faults) {
	f.RequireReference("company_id", p.CompanyID)
	f.Require("pickup_address", p.PickupAddress)
	checkLocation(&f, "pickup", p.Pickup)
	f.Require("dropoff_address", p.DropoffAddress)
	checkLocation(&f, "dropoff", p.Dropoff)
	f.Require("sender.name", p.Sender.Name)
	checkPhone(&f, "sender.phone", p.Sender.Phone)
	f.Require("receiver.name", p.Receiver.Name)
	checkPhone(&f, "receiver.phone", p.Receiver.Phone)
	return f
}

// checkPhone returns a phone number as it is sent: as given, but for what people put
// between the digits, and in front of a country code or of a number without its zero.
func checkPhone(f *transport.Faults, field, text string) string {
	if plain := strings.TrimPrefix(text, "+"); len(plain) > 9 && len(plain) < 13 && strings.Trim(plain, "0123456789") == "" && plain[:2] != "00" &&
		(len(plain) == len(text) || plain[0] != '0') {
		return text // nothing to read
	}
	digits, foreign, ok := wire.PhoneNumber(text)
	switch {
	case strings.TrimSpace(text) == "":
		f.Add(field, "is required")
	case !ok:
		f.Add(field, "must be a phone number")
	case foreign:
		return "+" + digits
	case len(digits) == 9 && digits[0] == '7':
		return "0" + digits
	}
	return digits
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
		p.Sender.sent(), p.Receiver.sent(), p.CompanyID, p.ExternalID,
		p.PickupInstructions, p.PackageType, p.WeightRange, p.IncludesFragileItems, p.IsPriority,
	}
}

func (c Contact) sent() Contact {
	var checked transport.Faults // before
	return Contact{c.Name, checkPhone(&checked, "phone", c.Phone)}
}

// rideWire is a ride in a response. An external_id such as false must not cost the
// response.
type rideWire struct {
	Ride
	rideShown
	External json.RawMessage `json:"external_id"`
}

func decodeRide(body []byte) (Ride, error) {
	w, err := readRide(body)
	if err != nil {
		return Ride{}, err
	}
	return w.Ride, nil
}

func readRide(body []byte) (*rideWire, error) {
	w := &rideWire{}
	if err := wire.Unmarshal(body, w); err != nil {
		return nil, err
	}
	var id wire.OptionalText
	switch {
	case w.External == nil && !wire.Has(body, "external_id"), w.External != nil && id.UnmarshalJSON(w.External) != nil:
	case id.Text == "": // null, too
		w.external = externalNone
	default:
		w.external, w.ExternalID = externalShown, id.Text
	}
	return w, nil //nolint:nilerr // an id that cannot be read is not shown
}

// created reads the response to Create: a ride that begins, with its reference number,
// which a deposit lacks. The document's sample names neither the external id nor anything
// else of the request, so a response need not. What it does name must be what was asked
// for: over a connection that is out of step it is the response to another request.
func (s *RidesService) created(p CreateRideParams, out **Ride) func(*transport.Response) error {
	return func(r *transport.Response) error {
		w, err := readRide(r.Body)
		switch {
		case err != nil:
			return err
		case w.ReferenceNumber == "":
			return wire.Missing("reference_number")
		case w.Status.late():
			return wire.Missing("the status of a new ride")
		}
		same, shown := p.compare(&w.Ride, &w.rideShown)
		if err := same.Direct(); err != nil {
			return err
		}
		w.Unverified = !shown
		*out = &w.Ride
		return nil
	}
}

// rideShown is what a response may show of the request, beside the fields of a Ride
// (assumed).
type rideShown struct {
	CompanyID        string              `json:"company_id"`
	PickupAddress    string              `json:"pickup_address"`
	PickupLatitude   decimal.NullDecimal `json:"pickup_latitude"`
	PickupLongitude  decimal.NullDecimal `json:"pickup_longitude"`
	DropoffAddress   string              `json:"dropoff_address"`
	DropoffLatitude  decimal.NullDecimal `json:"dropoff_latitude"`
	DropoffLongitude decimal.NullDecimal `json:"dropoff_longitude"`
	Sender           contactShown        `json:"sender"`
	Receiver         contactShown        `json:"receiver"`
}

type contactShown struct {
	Phone string `json:"phone"`
}

// compare holds a ride against the parameters, as far as the response shows them. It
// reports whether the response shows where the ride goes, or for whom. A request has
// no price to compare.
func (p *CreateRideParams) compare(ride *Ride, w *rideShown) (c transport.Comparison, shown bool) {
	switch {
	case ride.external == externalShown && ride.ExternalID != p.ExternalID, ride.external == externalNone && p.ExternalID != "":
		c.Differs("external_id") // also where one side has none
	}
	c.Fold("company_id", p.CompanyID, w.CompanyID)
	compareWords(&c, "pickup_address", p.PickupAddress, w.PickupAddress)
	compareWords(&c, "dropoff_address", p.DropoffAddress, w.DropoffAddress)
	comparePlace(&c, "pickup_latitude", p.Pickup.Latitude, w.PickupLatitude)
	comparePlace(&c, "pickup_longitude", p.Pickup.Longitude, w.PickupLongitude)
	comparePlace(&c, "dropoff_latitude", p.Dropoff.Latitude, w.DropoffLatitude)
	comparePlace(&c, "dropoff_longitude", p.Dropoff.Longitude, w.DropoffLongitude)
	comparePhone(&c, "sender.phone", p.Sender.Phone, w.Sender.Phone)
	comparePhone(&c, "receiver.phone", p.Receiver.Phone, w.Receiver.Phone)
	c.Fold("weight_range", string(p.WeightRange), string(ride.WeightRange))
	compareOption(&c, "includes_fragile_items", p.IncludesFragileItems, ride.IncludesFragileItems)
	compareOption(&c, "is_priority", p.IsPriority, ride.IsPriority)
	return c, w.PickupAddress+w.DropoffAddress+w.Sender.Phone+w.Receiver.Phone != "" || w.DropoffLatitude.Valid && w.DropoffLongitude.Valid
}

// compareWords takes texts that differ in case or in white space for the same.
func compareWords(c *transport.Comparison, field, asked, shown string) {
	if shown != "" {
		c.Fold(field, strings.Join(strings.Fields(asked), " "), strings.Join(strings.Fields(shown), " "))
	}
}

// comparePhone has nothing to do for most responses, and a comparison is not free.
func comparePhone(c *transport.Comparison, field, asked, shown string) {
	if shown != "" {
		c.Phone(field, asked, shown)
	}
}

// comparePlace takes two coordinates that lie about ten metres apart for the same: a
// server may round them.
func comparePlace(c *transport.Comparison, field string, asked float64, shown decimal.NullDecimal) {
	if shown.Valid && math.Abs(asked-shown.Decimal.InexactFloat64()) > 0.0001 {
		c.Differs(field)
	}
}

func compareOption(c *transport.Comparison, field string, asked bool, shown *bool) {
	if shown != nil {
		c.Text(field, strconv.FormatBool(asked), strconv.FormatBool(*shown))
	}
}
