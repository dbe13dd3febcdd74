package kapitentest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func (f *Fake) estimateRide(c *call) *response {
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	var t trip
	t.pickup = in.place("pickup")
	t.dropoff = in.place("dropoff")
	companyID := in.uuid("company_id")
	in.parcel(&t)
	if failure := in.invalid(); failure != nil {
		return failure
	}
	co, failure := f.companyByID(c, companyID)
	if failure != nil {
		return failure
	}
	q := co.Pricing.price(t)
	if failure := f.tooPoor(co, q); failure != nil {
		return failure
	}
	return &response{status: http.StatusOK, body: object{{"amount", f.money(q.amount)}, {"details", q.details()}}}
}

// tooPoor refuses what wallet and overdraft do not cover, where the Config says so.
// An estimate heeds the overdraft limit too (documented).
func (f *Fake) tooPoor(co *company, q quote) *response {
	if f.config.OnInsufficientFunds == Reject && !f.state.ledger.Covers(co.account(), q.amount) {
		return detail(http.StatusBadRequest, "Insufficient wallet balance.")
	}
	return nil
}

func (f *Fake) createRide(c *call) *response {
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	r := &Ride{Status: kapiten.RideWaitingPayment}
	var t trip
	r.PickupAddress = in.text("pickup_address", needed, textLength)
	t.pickup = in.place("pickup")
	r.DropoffAddress = in.text("dropoff_address", needed, textLength)
	t.dropoff = in.place("dropoff")
	r.Sender = in.party("sender")
	r.Receiver = in.party("receiver")
	r.CompanyID = in.uuid("company_id")
	r.ExternalID = in.text("external_id", nullable, textLength)
	r.PickupInstructions = in.text("pickup_instructions", nullable, noteLength)
	r.PackageType = in.text("package_type", nullable, textLength)
	in.parcel(&t)
	r.WeightRange, r.Fragile, r.Priority = t.weight, t.fragile, t.priority
	if failure := in.invalid(); failure != nil {
		return failure
	}
	co, failure := f.companyByID(c, r.CompanyID)
	if failure != nil {
		return failure
	}
	if f.config.UniqueExternalID && co.external[r.ExternalID] {
		in.fail("external_id", "ride with this external id already exists.")
		return in.invalid()
	}
	q := co.Pricing.price(t)
	if failure := f.tooPoor(co, q); failure != nil {
		return failure
	}
	r.Price, r.DistanceKM = q.amount, q.distanceKM
	r.ID, r.ReferenceNumber = f.ids.UUID(), f.reference()
	r.Created = f.world.Now()
	r.Updated = r.Created
	r.CreatedBy = c.user.ID
	if f.charge(co, r) {
		r.Status = kapiten.RidePending
	}
	fake.Must(f.state.addRide(r)) // ids are fresh
	f.schedule(r)
	if f.config.Quirks.ShowRequest {
		return &response{status: http.StatusCreated, body: f.shownRide(r)}
	}
	return &response{status: http.StatusCreated, body: f.createdRide(r)}
}

// reference is a fresh "KPT-" and six digits. When most of the million are
// taken it grows longer rather than search for long.
func (f *Fake) reference() string {
	for i := 0; ; i++ {
		if ref := "KPT-" + f.ids.Digits(6+i/20); !f.state.references[ref] {
			return ref
		}
	}
}

// listRides lists the newest first (documented).
func (f *Fake) listRides(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	visible := len(co.rides)
	for f.config.ListLag > 0 && visible > 0 && f.world.Now().Sub(co.rides[visible-1].Created) < f.config.ListLag {
		visible--
	}
	return paginate(f, c, visible, func(skip, n int) []any {
		var rows []any
		for i := visible - 1 - skip; i >= 0 && len(rows) < n; i-- {
			rows = append(rows, f.listedRide(co.rides[i]))
		}
		return rows
	})
}

func (f *Fake) listedRide(r *Ride) any {
	switch {
	case f.config.Quirks.HideExternalID:
		return f.createdRide(r)
	case f.config.Quirks.ShowRequest:
		return f.shownRide(r)
	}
	return f.rideRow(r)
}

// createdRide is the documented response to Create Delivery.
type createdRide struct {
	ID              string             `json:"id"`
	ReferenceNumber string             `json:"reference_number"`
	Status          kapiten.RideStatus `json:"status"`
	EstimatedPrice  json.RawMessage    `json:"estimated_price"`
	DistanceKM      json.RawMessage    `json:"distance_km"`
}

func (f *Fake) createdRide(r *Ride) createdRide {
	return createdRide{r.ID, r.ReferenceNumber, r.Status, f.money(r.Price), float(r.DistanceKM)}
}

// rideRow is a ride in a list: its options, who created it and who carries it out
// are assumed.
type rideRow struct {
	createdRide
	ExternalID  *string             `json:"external_id"`
	CreatedAt   timestamp           `json:"created_at"`
	UpdatedAt   timestamp           `json:"updated_at"`
	CreatedBy   *string             `json:"created_by"`
	PackageType string              `json:"package_type"`
	WeightRange kapiten.WeightRange `json:"weight_range"`
	Fragile     bool                `json:"includes_fragile_items"`
	Priority    bool                `json:"is_priority"`
	Rider       Party               `json:"rider,omitzero"`
}

func (f *Fake) rideRow(r *Ride) rideRow {
	return rideRow{
		f.createdRide(r), orNull(r.ExternalID), timestamp(r.Created), timestamp(r.Updated), orNull(r.CreatedBy),
		r.PackageType, r.WeightRange, r.Fragile, r.Priority, r.Rider,
	}
}

// shownRide is a ride with all that its request asked for.
type shownRide struct {
	rideRow
	CompanyID      string `json:"company_id"`
	PickupAddress  string `json:"pickup_address"`
	DropoffAddress string `json:"dropoff_address"`
	Sender         Party  `json:"sender"`
	Receiver       Party  `json:"receiver"`
}

func (f *Fake) shownRide(r *Ride) shownRide {
	return shownRide{f.rideRow(r), r.CompanyID, r.PickupAddress, r.DropoffAddress, r.Sender, r.Receiver}
}

// place reads the coordinates of one end.
func (f *fields) place(end string) point {
	return point{latitude: f.coordinate(end+"_latitude", 90), longitude: f.coordinate(end+"_longitude", 180)}
}

// parcel reads what changes the price of a trip.
func (f *fields) parcel(t *trip) {
	t.weight = f.weight("weight_range")
	t.fragile = f.truth("includes_fragile_items")
	t.priority = f.truth("is_priority")
}

// weight reads the ChoiceField weight_range.
func (f *fields) weight(field string) kapiten.WeightRange {
	v, ok := f.get(field, nullable)
	if !ok {
		return ""
	}
	s, _ := v.(string)
	if w := kapiten.WeightRange(s); slices.Contains(weights(), w) {
		return w
	}
	f.fail(field, fmt.Sprintf(`"%v" is not a valid choice.`, v))
	return ""
}

// party reads a nested object with a name and a phone.
func (f *fields) party(field string) Party {
	inner := &fields{}
	if f.form != nil {
		inner.form, inner.prefix = f.form, f.prefix+field+"."
		if !hasPrefix(f.form, inner.prefix) {
			f.fail(field, required)
			return Party{}
		}
	} else {
		v, ok := f.get(field, needed)
		if !ok {
			return Party{}
		}
		if inner.json, ok = v.(map[string]any); !ok {
			f.faults = append(f.faults, member{field, noDictionary(v)})
			return Party{}
		}
	}
	p := Party{Name: inner.text("name", needed, textLength), Phone: inner.text("phone", needed, textLength)}
	if len(inner.faults) > 0 {
		f.faults = append(f.faults, member{field, inner.faults})
	}
	return p
}

func hasPrefix(form url.Values, prefix string) bool {
	for field := range form {
		if strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}

// orNull is nil for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
