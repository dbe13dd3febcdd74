package kapiten

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
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
	Amount  decimal.Decimal
	Details PriceDetails
	Raw     sdk.Raw
}

// PriceDetails are the parts of an estimate which the document shows. Further
// keys may come and are in Estimate.Raw.
type PriceDetails struct {
	BaseFare     decimal.NullDecimal
	DistanceFare decimal.NullDecimal
}

// Estimate prices a delivery for a company. It moves nothing and is repeated
// after any failure.
func (s *RidesService) Estimate(ctx context.Context, p EstimateParams) (*Estimate, error) {
	var f transport.Faults
	f.Require("company_id", p.CompanyID)
	checkLocation(&f, "pickup", p.Pickup)
	checkLocation(&f, "dropoff", p.Dropoff)
	if err := s.c.core.Invalid(OpEstimateRide, "", f.Fields); err != nil {
		return nil, err
	}
	var estimate *Estimate
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpEstimateRide,
		Body: &estimateRequest{
			p.Pickup.Latitude, p.Pickup.Longitude, p.Dropoff.Latitude, p.Dropoff.Longitude,
			p.CompanyID, p.WeightRange, p.IncludesFragileItems, p.IsPriority,
		},
		Decode: into(&estimate, decodeEstimate),
	})
	return estimate, err
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

func decodeEstimate(raw json.RawMessage) (Estimate, error) {
	var w struct {
		Amount  wire.Decimal `json:"amount"`
		Details struct {
			BaseFare     wire.Decimal `json:"base_fare"`
			DistanceFare wire.Decimal `json:"distance_fare"`
		} `json:"details"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Estimate{}, err
	}
	if !w.Amount.Valid {
		return Estimate{}, missing("amount")
	}
	return Estimate{
		Amount:  w.Amount.Decimal,
		Details: PriceDetails{BaseFare: w.Details.BaseFare.Null(), DistanceFare: w.Details.DistanceFare.Null()},
		Raw:     sdk.Raw(raw),
	}, nil
}
