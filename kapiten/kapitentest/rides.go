package kapitentest

import (
	"encoding/json"
	"net/http"

	"github.com/kapiteni/kapiten-go/kapiten"
)

const (
	maxLatitude  = 90
	maxLongitude = 180
)

func (f *Fake) estimateRide(c *call) *answer {
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
	details := object{{"base_fare", integer(q.base)}, {"distance_fare", integer(q.way)}}
	if !q.weight.IsZero() {
		details = append(details, member{"weight_fee", integer(q.weight)})
	}
	if !q.fragile.IsZero() {
		details = append(details, member{"fragile_fee", integer(q.fragile)})
	}
	if !q.rush.IsZero() {
		details = append(details, member{"priority_fee", integer(q.rush)})
	}
	return &answer{status: http.StatusOK, body: struct {
		Amount  json.RawMessage `json:"amount"`
		Details object          `json:"details"`
	}{f.money(q.amount), details}}
}

// place reads the coordinates of one end.
func (f *fields) place(end string) point {
	return point{
		latitude:  f.coordinate(end+"_latitude", maxLatitude),
		longitude: f.coordinate(end+"_longitude", maxLongitude),
	}
}

// parcel reads what changes the price of a trip.
func (f *fields) parcel(t *trip) {
	t.weight = f.weight("weight_range")
	t.fragile = f.truth("includes_fragile_items")
	t.priority = f.truth("is_priority")
}

// createdRide is the documented answer to Create Delivery.
type createdRide struct {
	ID              string             `json:"id"`
	ReferenceNumber string             `json:"reference_number"`
	Status          kapiten.RideStatus `json:"status"`
	EstimatedPrice  json.RawMessage    `json:"estimated_price"`
	DistanceKM      json.RawMessage    `json:"distance_km"`
}

func (f *Fake) createdRide(r *ride) createdRide {
	return createdRide{r.ID, r.Reference, r.Status, f.money(r.Price), float(r.DistanceKM)}
}

func (f *Fake) createRide(c *call) *answer {
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	var o order
	var t trip
	o.PickupAddress = in.text("pickup_address", needed, textLength)
	t.pickup = in.place("pickup")
	o.DropoffAddress = in.text("dropoff_address", needed, textLength)
	t.dropoff = in.place("dropoff")
	o.Sender = in.party("sender")
	o.Receiver = in.party("receiver")
	companyID := in.uuid("company_id")
	externalID := in.text("external_id", nullable, textLength)
	o.PickupInstructions = in.text("pickup_instructions", nullable, noteLength)
	o.PackageType = in.text("package_type", nullable, textLength)
	in.parcel(&t)
	o.WeightRange, o.Fragile, o.Priority = t.weight, t.fragile, t.priority
	if failure := in.invalid(); failure != nil {
		return failure
	}
	co, failure := f.companyByID(c, companyID)
	if failure != nil {
		return failure
	}
	if f.config.UniqueExternalID && co.external[externalID] {
		in.fail("external_id", "ride with this external id already exists.")
		return in.invalid()
	}
	q := co.Pricing.price(t)
	if f.config.OnInsufficientFunds == Reject && !f.state.ledger.Covers(co.account(), q.amount) {
		return detail(http.StatusBadRequest, "Insufficient wallet balance.")
	}
	now := f.world.Now()
	r := &ride{
		ID: f.ids.UUID(), CompanyID: co.ID, Reference: f.reference(), Status: kapiten.RideWaitingPayment,
		Price: q.amount, DistanceKM: q.distanceKM, Created: now, Updated: now, Order: o,
	}
	if externalID != "" {
		r.ExternalID = &externalID
	}
	if f.charge(co, r) {
		r.Status = kapiten.RidePending
	}
	if err := f.state.addRide(r); err != nil { // ids are fresh
		panic("kapitentest: " + err.Error())
	}
	f.wait(r)
	return &answer{status: http.StatusCreated, body: f.createdRide(r)}
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

type rideRow struct {
	createdRide
	ExternalID *string   `json:"external_id"`
	CreatedAt  timestamp `json:"created_at"`
	UpdatedAt  timestamp `json:"updated_at"`
}

func (f *Fake) rideRow(r *ride) rideRow {
	return rideRow{f.createdRide(r), r.ExternalID, timestamp(r.Created), timestamp(r.Updated)}
}

// listRides lists the newest first (documented).
func (f *Fake) listRides(c *call) *answer {
	co, failure := f.company(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, len(co.rides), func(skip, n int) []rideRow {
		var rows []rideRow
		for i := len(co.rides) - 1 - skip; i >= 0 && len(rows) < n; i-- {
			rows = append(rows, f.rideRow(co.rides[i]))
		}
		return rows
	})
}
