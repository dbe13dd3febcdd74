package kapitentest

import (
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// pricingBody is pricing_config as it goes over the wire: bare numbers.
type pricingBody struct {
	BaseFare        json.RawMessage `json:"base_fare"`
	PerKM           json.RawMessage `json:"per_km"`
	MinimumFare     json.RawMessage `json:"minimum_fare"`
	WeightFees      weightFees      `json:"weight_fees"`
	FragileFee      json.RawMessage `json:"fragile_fee"`
	PriorityPercent json.RawMessage `json:"priority_percent"`
	OverdraftLimit  json.RawMessage `json:"overdraft_limit"`
}

func newPricingBody(p Pricing) pricingBody {
	return pricingBody{
		BaseFare: integer(p.BaseFare), PerKM: integer(p.PerKM), MinimumFare: integer(p.MinimumFare),
		WeightFees: p.WeightFees, FragileFee: integer(p.FragileFee),
		PriorityPercent: integer(p.PriorityPercent), OverdraftLimit: integer(p.OverdraftLimit),
	}
}

// weightFees is written in the order of the ranges.
type weightFees map[kapiten.WeightRange]decimal.Decimal

func (w weightFees) MarshalJSON() ([]byte, error) {
	var out object
	for _, r := range weights {
		out = append(out, member{string(r), integer(w[r])})
	}
	return out.MarshalJSON()
}
