package kapitentest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

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

// DefaultPricing prices the document's sample request like its sample response:
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

func (p Pricing) clone() Pricing {
	fees := make(map[kapiten.WeightRange]decimal.Decimal, len(p.WeightFees))
	maps.Copy(fees, p.WeightFees)
	p.WeightFees = fees
	return p
}

// weights are the documented choices, in their order.
func weights() []kapiten.WeightRange {
	return []kapiten.WeightRange{kapiten.Weight0To5, kapiten.Weight5To10, kapiten.Weight10To20, kapiten.WeightOver20}
}

// price is a key of pricing_config and its value.
type price struct {
	key   string
	value *decimal.Decimal
}

// prices are the single values in the order of pricing_config, where the weight
// fees stand behind the minimum fare.
func (p *Pricing) prices() []price {
	return []price{
		{"base_fare", &p.BaseFare},
		{"per_km", &p.PerKM},
		{"minimum_fare", &p.MinimumFare},
		{"fragile_fee", &p.FragileFee},
		{"priority_percent", &p.PriorityPercent},
		{"overdraft_limit", &p.OverdraftLimit},
	}
}

// config is pricing_config as it goes over the wire: bare numbers.
func (p Pricing) config() object {
	var out, fees object
	for _, w := range weights() {
		fees = append(fees, member{string(w), integer(p.WeightFees[w])})
	}
	for _, one := range p.prices() {
		out = append(out, member{one.key, integer(*one.value)})
		if one.key == "minimum_fare" {
			out = append(out, member{"weight_fees", fees})
		}
	}
	return out
}

func (p Pricing) check() error {
	for w := range p.WeightFees {
		if !slices.Contains(weights(), w) {
			return fmt.Errorf("no weight range %q", w)
		}
	}
	most := decimal.New(1, 12)
	all := slices.Collect(maps.Values(p.WeightFees))
	for _, one := range p.prices() {
		all = append(all, *one.value)
	}
	for _, d := range all {
		if d.IsNegative() || d.GreaterThan(most) {
			return errors.New("prices must be between 0 and 1,000,000,000,000")
		}
	}
	return nil
}

// patch changes the prices that are named and reports the first field that is
// wrong.
func (p *Pricing) patch(changes map[string]json.RawMessage) (field string, err error) {
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		field := "pricing_config." + key
		if key == "weight_fees" {
			var fees map[kapiten.WeightRange]json.RawMessage
			if err := json.Unmarshal(changes[key], &fees); err != nil {
				return field, errors.New("weight_fees must be an object")
			}
			for w, raw := range fees {
				fee, ok := parsePrice(raw)
				if !ok || !slices.Contains(weights(), w) {
					return field + "." + string(w), errors.New("no such range, or not a price")
				}
				p.WeightFees[w] = fee
			}
			continue
		}
		all := p.prices()
		i := slices.IndexFunc(all, func(one price) bool { return one.key == key })
		if i < 0 {
			return field, errors.New("unknown field " + key)
		}
		amount, ok := parsePrice(changes[key])
		if !ok {
			return field, errors.New(key + " must be a number, not negative")
		}
		*all[i].value = amount
	}
	return "", nil
}

// parsePrice reads a number or a numeric string.
func parsePrice(raw json.RawMessage) (decimal.Decimal, bool) {
	text := strings.Trim(string(raw), `"`)
	if !decimalText.MatchString(text) || !decodable(text) {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(text)
	return d, err == nil && !d.IsNegative()
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
	lift                             decimal.Decimal // up to the minimum fare
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
	q.lift = q.amount.Sub(sum)
	return q
}

// details are the parts of a price, which add up to it; a fee appears only when it is
// charged.
func (q quote) details() object {
	details := object{{"base_fare", integer(q.base)}, {"distance_fare", integer(q.way)}}
	for _, fee := range []struct {
		key    string
		amount decimal.Decimal
	}{{"weight_fee", q.weight}, {"fragile_fee", q.fragile}, {"priority_fee", q.rush}, {"minimum_fare_adjustment", q.lift}} {
		if !fee.amount.IsZero() {
			details = append(details, member{fee.key, integer(fee.amount)})
		}
	}
	return details
}

const earthRadiusKM = 6371

// point is a place in degrees. Coordinates are no money: float64 is right.
type point struct{ latitude, longitude float64 }

// distance is the great-circle distance in km, rounded half up to 0.1 km.
func distance(a, b point) decimal.Decimal {
	lat1, lat2 := radians(a.latitude), radians(b.latitude)
	sinLat := math.Sin((lat2 - lat1) / 2)
	sinLon := math.Sin(radians(b.longitude-a.longitude) / 2)
	h := sinLat*sinLat + math.Cos(lat1)*math.Cos(lat2)*sinLon*sinLon
	km := 2 * earthRadiusKM * math.Asin(math.Sqrt(min(h, 1)))
	return decimal.New(int64(math.Floor(km*10+0.5)), -1)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
