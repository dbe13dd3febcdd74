package kapitentest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// adminRoutes are the calls under /_fake/kapiten/.
func (f *Fake) adminRoutes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /_fake/kapiten/rides/{id}/status":        f.adminRideStatus,
		"POST /_fake/kapiten/rides/{id}/pay":           f.adminPayRide,
		"POST /_fake/kapiten/transactions/{id}/settle": f.adminSettle,
		"PATCH /_fake/kapiten/companies/{id}":          f.adminCompany,
	}
}

func (f *Fake) adminRideStatus(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Status kapiten.RideStatus `json:"status"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if len(Arrows(in.Status)) == 0 && !in.Status.Final() {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be one of the ride states")
		return
	}
	f.adminRide(w, r.PathValue("id"), func(id string) error { return f.step(id, in.Status) })
}

func (f *Fake) adminPayRide(w http.ResponseWriter, r *http.Request) {
	f.adminRide(w, r.PathValue("id"), f.pay)
}

// adminRide moves a ride and answers with it, or with why it could not be moved.
func (f *Fake) adminRide(w http.ResponseWriter, id string, move func(id string) error) {
	f.world.Lock()
	err := move(id)
	var row rideRow
	if err == nil {
		row = f.rideRow(f.state.rides[id])
	}
	f.world.Unlock()
	switch {
	case errors.Is(err, ErrNoRide):
		fake.AdminError(w, http.StatusNotFound, "id", "no such ride")
	case err != nil:
		fake.AdminError(w, http.StatusConflict, "status", reason(err))
	default:
		fake.AdminRespond(w, http.StatusOK, row)
	}
}

func reason(err error) string { return strings.TrimPrefix(err.Error(), "kapitentest: ") }

func (f *Fake) adminSettle(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Status kapiten.TransactionStatus `json:"status"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if !in.Status.Final() {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be SUCCESS or FAILED")
		return
	}
	id := r.PathValue("id")
	f.world.Lock()
	_, known := f.state.ledger.Entry(id)
	err := f.settle(id, in.Status)
	e, _ := f.state.ledger.Entry(id)
	f.world.Unlock()
	switch {
	case !known:
		fake.AdminError(w, http.StatusNotFound, "id", "no such transaction")
	case err != nil:
		fake.AdminError(w, http.StatusConflict, "status", reason(err))
	default:
		fake.AdminRespond(w, http.StatusOK, f.topUpBody(e))
	}
}

func (f *Fake) adminCompany(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PricingConfig map[string]json.RawMessage `json:"pricing_config"`
		IsActive      *bool                      `json:"is_active"`
		WebhookURL    *string                    `json:"webhook_url"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	var badField string
	var badPrice error
	var s Settings
	id := r.PathValue("id")
	err := f.Configure(id, func(current *Settings) {
		s = *current
		s.Pricing = current.Pricing.clone()
		if badField, badPrice = patchPricing(&s.Pricing, in.PricingConfig); badPrice != nil {
			return
		}
		if in.IsActive != nil {
			s.Active = *in.IsActive
		}
		if in.WebhookURL != nil {
			s.WebhookURL = *in.WebhookURL
		}
		*current = s
	})
	switch {
	case errors.Is(err, errNoCompany):
		fake.AdminError(w, http.StatusNotFound, "id", "no such company")
	case badPrice != nil:
		fake.AdminError(w, http.StatusBadRequest, badField, badPrice.Error())
	case err != nil:
		fake.AdminError(w, http.StatusBadRequest, "pricing_config", reason(err))
	default:
		fake.AdminRespond(w, http.StatusOK, struct {
			ID            string      `json:"id"`
			PricingConfig pricingBody `json:"pricing_config"`
			IsActive      bool        `json:"is_active"`
			WebhookURL    string      `json:"webhook_url"`
		}{id, newPricingBody(s.Pricing), s.Active, s.WebhookURL})
	}
}

// patchPricing changes the prices that are named and reports the first field
// that is wrong.
func patchPricing(p *Pricing, changes map[string]json.RawMessage) (field string, err error) {
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		field := "pricing_config." + key
		if key == "weight_fees" {
			var fees map[kapiten.WeightRange]json.RawMessage
			if err := json.Unmarshal(changes[key], &fees); err != nil {
				return field, errors.New("weight_fees must be an object")
			}
			for w, raw := range fees {
				fee, ok := price(raw)
				if !ok || !slices.Contains(weights[:], w) {
					return field + "." + string(w), errors.New("no such range, or not a price")
				}
				p.WeightFees[w] = fee
			}
			continue
		}
		to := p.field(key)
		if to == nil {
			return field, errors.New("unknown field " + key)
		}
		amount, ok := price(changes[key])
		if !ok {
			return field, errors.New(key + " must be a number, not negative")
		}
		*to = amount
	}
	return "", nil
}

// price reads a number or a numeric string.
func price(raw json.RawMessage) (decimal.Decimal, bool) {
	text := strings.Trim(string(raw), `"`)
	if !decimalText.MatchString(text) || !decodable(text) {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(text)
	return d, err == nil && !d.IsNegative()
}
