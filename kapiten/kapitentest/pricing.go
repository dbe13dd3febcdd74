package kapitentest

import (
	"errors"
	"maps"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// Pricing is a company's pricing_config. Amounts are RWF. The keys and rules
// are assumed; only the base fare is in the document's sample.
type Pricing struct {
	BaseFare        decimal.Decimal                         // per ride
	PerKM           decimal.Decimal                         // per km of great-circle distance
	MinimumFare     decimal.Decimal                         // a price is never below it
	WeightFees      map[kapiten.WeightRange]decimal.Decimal // added by weight; none given counts as 0-5
	FragileFee      decimal.Decimal                         // added for fragile items
	PriorityPercent decimal.Decimal                         // of base and distance fare, added for priority
	OverdraftLimit  decimal.Decimal                         // how far below zero the wallet may go
}

// DefaultPricing prices the document's sample request like its sample answer:
// 500 and 125 per km, which gives 1200 for its 5.6 km.
func DefaultPricing() Pricing {
	return Pricing{
		BaseFare: decimal.NewFromInt(500),
		PerKM:    decimal.NewFromInt(125),
		WeightFees: map[kapiten.WeightRange]decimal.Decimal{
			kapiten.Weight0To5:   decimal.Zero,
			kapiten.Weight5To10:  decimal.NewFromInt(200),
			kapiten.Weight10To20: decimal.NewFromInt(500),
			kapiten.WeightOver20: decimal.NewFromInt(1000),
		},
		FragileFee:      decimal.NewFromInt(200),
		PriorityPercent: decimal.NewFromInt(25),
	}
}

// weights are the documented choices, in their order.
var weights = [...]kapiten.WeightRange{kapiten.Weight0To5, kapiten.Weight5To10, kapiten.Weight10To20, kapiten.WeightOver20}

func (p Pricing) clone() Pricing {
	fees := make(map[kapiten.WeightRange]decimal.Decimal, len(p.WeightFees))
	maps.Copy(fees, p.WeightFees)
	p.WeightFees = fees
	return p
}

var maxPrice = decimal.New(1, 12)

var errPrice = errors.New("prices must be between 0 and 1,000,000,000,000")

func (p Pricing) check() error {
	for _, d := range []decimal.Decimal{p.BaseFare, p.PerKM, p.MinimumFare, p.FragileFee, p.PriorityPercent, p.OverdraftLimit} {
		if d.IsNegative() || d.GreaterThan(maxPrice) {
			return errPrice
		}
	}
	for _, d := range p.WeightFees {
		if d.IsNegative() || d.GreaterThan(maxPrice) {
			return errPrice
		}
	}
	return nil
}

// field is the price a key of pricing_config stands for; nil for an unknown key.
func (p *Pricing) field(key string) *decimal.Decimal {
	switch key {
	case "base_fare":
		return &p.BaseFare
	case "per_km":
		return &p.PerKM
	case "minimum_fare":
		return &p.MinimumFare
	case "fragile_fee":
		return &p.FragileFee
	case "priority_percent":
		return &p.PriorityPercent
	case "overdraft_limit":
		return &p.OverdraftLimit
	default:
		return nil
	}
}

// trip is what a price depends on.
type trip struct {
	pickup, dropoff point
	weight          kapiten.WeightRange
	fragile         bool
	priority        bool
}

// quote is a price and its parts, in whole francs.
type quote struct {
	amount                           decimal.Decimal
	base, way, weight, fragile, rush decimal.Decimal
	distanceKM                       decimal.Decimal
}

// price rounds every part half up to whole francs, so that the parts add up.
func (p Pricing) price(t trip) quote {
	q := quote{distanceKM: distance(t.pickup, t.dropoff)}
	q.base = p.BaseFare.Round(0)
	q.way = p.PerKM.Mul(q.distanceKM).Round(0)
	weight := t.weight
	if weight == "" {
		weight = kapiten.Weight0To5
	}
	q.weight = p.WeightFees[weight].Round(0)
	if t.fragile {
		q.fragile = p.FragileFee.Round(0)
	}
	if t.priority {
		q.rush = q.base.Add(q.way).Mul(p.PriorityPercent).Shift(-2).Round(0)
	}
	sum := decimal.Sum(q.base, q.way, q.weight, q.fragile, q.rush)
	q.amount = decimal.Max(p.MinimumFare.Round(0), sum)
	return q
}
