package kapiten

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// RidesService prices, creates, lists and follows deliveries.
type RidesService struct{ c *Client }

// Contact is the sender or the receiver of a package.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"` // "0788123456" in the document; passed on as given
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
	// ExternalID is your own reference, recommended by the document and required
	// by CreateOnce. That it is unique is not promised.
	ExternalID string

	PickupInstructions   string      // optional
	PackageType          string      // optional: "Food", "Electronics"
	WeightRange          WeightRange // optional
	IncludesFragileItems bool
	IsPriority           bool
}

// Ride is a delivery. Create's answer has an estimated price and a distance;
// the document's list shows only id, reference number and status, so the other
// fields may be empty there.
type Ride struct {
	ID              string
	ReferenceNumber string // "KPT-123456"
	Status          RideStatus
	EstimatedPrice  decimal.NullDecimal // RWF
	DistanceKM      decimal.NullDecimal
	ExternalID      string    // yours; a list shows it only if the server does so (assumed)
	CreatedAt       time.Time // assumed; zero when the answer has none
	UpdatedAt       time.Time // assumed; zero when the answer has none
	Raw             sdk.Raw

	showsExternalID bool // the answer had the key, null or not
}

// Create submits a delivery. The price may be taken from the company wallet at
// once, so it is never sent a second time after an unknown outcome: the error
// then matches ErrOutcomeUnknown and its Reference is the external id to look
// for. See CreateOnce for a Create that does the looking.
func (s *RidesService) Create(ctx context.Context, p CreateRideParams) (*Ride, error) {
	if err := s.c.core.Invalid(OpCreateRide, p.ExternalID, p.validate().Fields); err != nil {
		return nil, err
	}
	return s.create(ctx, p, nil)
}

// create sends good parameters. find, if there is one, settles an unknown
// outcome: no ride and no error means that it is surely absent.
func (s *RidesService) create(ctx context.Context, p CreateRideParams, find func(context.Context) (*Ride, error)) (*Ride, error) {
	var ride *Ride
	call := transport.Call{
		Op: OpCreateRide, Reference: p.ExternalID, Body: p.request(),
		Decode: into(&ride, decodeRide),
	}
	if find != nil {
		call.SettleOnce = true
		call.Lookup = func(ctx context.Context) (found bool, err error) {
			ride, err = find(ctx)
			return ride != nil, err
		}
	}
	if err := s.c.core.Do(ctx, call); err != nil {
		return nil, err
	}
	if !ride.showsExternalID { // the document's answer does not
		ride.ExternalID = p.ExternalID
	}
	return ride, nil
}

// List returns one page of a company's rides, newest first (documented).
func (s *RidesService) List(ctx context.Context, companyID string, o ListOptions) (*Page[Ride], error) {
	return listPage(ctx, s.c, OpListRides, companyID, o, decodeRide)
}

// All iterates over all rides of a company, newest first, fetching pages as it
// goes. Rides created meanwhile push others to later pages, so a ride may be
// seen twice, but none is missed.
func (s *RidesService) All(ctx context.Context, companyID string) iter.Seq2[Ride, error] {
	return all(func(o ListOptions) (*Page[Ride], error) { return s.List(ctx, companyID, o) })
}

func (p CreateRideParams) validate() (f transport.Faults) {
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

func (p CreateRideParams) request() *rideRequest {
	return &rideRequest{
		p.PickupAddress, p.Pickup.Latitude, p.Pickup.Longitude,
		p.DropoffAddress, p.Dropoff.Latitude, p.Dropoff.Longitude,
		p.Sender, p.Receiver, p.CompanyID, p.ExternalID,
		p.PickupInstructions, p.PackageType, p.WeightRange, p.IncludesFragileItems, p.IsPriority,
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

func decodeRide(raw json.RawMessage) (Ride, error) {
	var w struct {
		ID              wire.Text         `json:"id"`
		ReferenceNumber wire.Text         `json:"reference_number"`
		Status          wire.Text         `json:"status"`
		EstimatedPrice  wire.Decimal      `json:"estimated_price"`
		DistanceKM      wire.Decimal      `json:"distance_km"`
		ExternalID      wire.OptionalText `json:"external_id"`
		CreatedAt       wire.Time         `json:"created_at"`
		UpdatedAt       wire.Time         `json:"updated_at"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Ride{}, err
	}
	if w.ID == "" {
		return Ride{}, missing("id")
	}
	if w.Status == "" {
		return Ride{}, missing("status")
	}
	return Ride{
		ID: string(w.ID), ReferenceNumber: string(w.ReferenceNumber), Status: RideStatus(w.Status),
		EstimatedPrice: w.EstimatedPrice.Null(), DistanceKM: w.DistanceKM.Null(), ExternalID: w.ExternalID.Text,
		CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time, Raw: sdk.Raw(raw),
		showsExternalID: w.ExternalID.Present,
	}, nil
}
