package kapiten

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// EstimateParams describe a ride to be priced.
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

// PriceDetails are the parts of an estimate. The document shows the first two; the
// names of the others are assumed. A part that the response does not have is not
// Valid.
type PriceDetails struct {
	BaseFare              decimal.NullDecimal `json:"base_fare"`
	DistanceFare          decimal.NullDecimal `json:"distance_fare"`
	WeightFee             decimal.NullDecimal `json:"weight_fee"`
	FragileFee            decimal.NullDecimal `json:"fragile_fee"`
	PriorityFee           decimal.NullDecimal `json:"priority_fee"`
	MinimumFareAdjustment decimal.NullDecimal `json:"minimum_fare_adjustment"` // up to the company's minimum fare
	// Extra are the parts that have no field here, numbers as json.Number.
	Extra map[string]any
}

// PricingConfig says what a company pays, in RWF. The document names it and shows
// nothing of it: all its fields are assumed. A field that the response does not have
// is not Valid.
type PricingConfig struct {
	BaseFare        decimal.NullDecimal             `json:"base_fare"`        // per ride
	PerKM           decimal.NullDecimal             `json:"per_km"`           // per kilometre
	MinimumFare     decimal.NullDecimal             `json:"minimum_fare"`     // a price is never below it
	WeightFees      map[WeightRange]decimal.Decimal `json:"weight_fees"`      // added by weight
	FragileFee      decimal.NullDecimal             `json:"fragile_fee"`      // added for fragile items
	PriorityPercent decimal.NullDecimal             `json:"priority_percent"` // of base and distance fare, added for priority
	OverdraftLimit  decimal.NullDecimal             `json:"overdraft_limit"`  // how far below zero the wallet may go
	// Extra is what has no field here, numbers as json.Number.
	Extra map[string]any
	Raw   sdk.Raw `json:"-"` // nil when the response has none
}

// Estimate prices a ride for a company. It moves nothing, so the client
// repeats it after any failure.
func (s *RidesService) Estimate(ctx context.Context, p EstimateParams) (*Estimate, error) {
	var estimate *Estimate
	call := transport.Call{Op: OpEstimateRide, Body: p.request(), Decode: transport.Into(&estimate, decodeEstimate)}
	if err := s.list.core.InvalidCall(call, p.faults().Fields); err != nil {
		return nil, err
	}
	err := s.list.core.Do(ctx, call)
	return estimate, err
}

func (p EstimateParams) faults() (f transport.Faults) {
	f.RequireReference("company_id", p.CompanyID)
	checkLocation(&f, "pickup", p.Pickup)
	checkLocation(&f, "dropoff", p.Dropoff)
	return f
}

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
