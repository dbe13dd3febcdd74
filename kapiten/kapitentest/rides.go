package kapitentest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Ride is a ride as the fake knows it.
type Ride struct {
	ID                 string              `json:"id"`
	ReferenceNumber    string              `json:"reference_number"` // "KPT-" and six digits
	CompanyID          string              `json:"company_id"`
	ExternalID         string              `json:"external_id"` // empty if the ride has none
	Status             kapiten.RideStatus  `json:"status"`
	Price              decimal.Decimal     `json:"price"` // RWF
	DistanceKM         decimal.Decimal     `json:"distance_km"`
	Paid               bool                `json:"paid"`     // the wallet was charged
	Refunded           bool                `json:"refunded"` // and got it back
	CreatedAt          time.Time           `json:"created_at"`
	UpdatedAt          time.Time           `json:"updated_at"`
	PickupAddress      string              `json:"pickup_address"`
	DropoffAddress     string              `json:"dropoff_address"`
	PickupInstructions string              `json:"pickup_instructions"`
	Sender             Party               `json:"sender"`
	Receiver           Party               `json:"receiver"`
	PackageType        string              `json:"package_type"`
	WeightRange        kapiten.WeightRange `json:"weight_range"` // empty if none was given
	Fragile            bool                `json:"includes_fragile_items"`
	Priority           bool                `json:"is_priority"`
}

// Party is the sender or the receiver of a ride.
type Party struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// Ride returns one ride.
func (f *Fake) Ride(id string) (Ride, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.rides[id])
}

// Rides returns a company's rides, oldest first.
func (f *Fake) Rides(companyID string) []Ride {
	f.world.Lock()
	defer f.world.Unlock()
	co := f.state.byID[companyID]
	if co == nil {
		return nil
	}
	return fake.Copies(co.rides)
}

// MoveRide takes a ride to its next state and sends the callback. It refuses a
// transition that is not among Transitions with fake.ErrIllegalMove, and an
// unknown ride with fake.ErrNotFound. Nothing has changed then.
func (f *Fake) MoveRide(id string, to kapiten.RideStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.moveRide(id, to)
}

// PayRide says that the customer paid Kapiten for a ride in WAITING_PAYMENT,
// which becomes PENDING. The wallet is not touched.
func (f *Fake) PayRide(id string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.payRide(id)
}

// Transitions are the states a ride can go to from another, in the order they
// are usually taken; none for a final state. All of them are assumed.
func Transitions(from kapiten.RideStatus) []kapiten.RideStatus {
	switch from {
	case kapiten.RideWaitingPayment:
		return []kapiten.RideStatus{kapiten.RidePending, kapiten.RideCancelled}
	case kapiten.RidePending:
		return []kapiten.RideStatus{kapiten.RideAccepted, kapiten.RideCancelled, kapiten.RideRejected}
	case kapiten.RideAccepted:
		return []kapiten.RideStatus{kapiten.RideWaitingPickup, kapiten.RideCancelled}
	case kapiten.RideWaitingPickup:
		return []kapiten.RideStatus{kapiten.RidePickedUp, kapiten.RideCancelled}
	case kapiten.RidePickedUp:
		return []kapiten.RideStatus{kapiten.RideInTransit}
	case kapiten.RideInTransit:
		return []kapiten.RideStatus{kapiten.RideWaitingDelivery}
	case kapiten.RideWaitingDelivery:
		return []kapiten.RideStatus{kapiten.RideCompleted}
	default:
		return nil
	}
}

func (s *state) ride(id string) (*Ride, error) {
	r := s.rides[id]
	if r == nil {
		return nil, fmt.Errorf("kapitentest: ride %q: %w", id, fake.ErrNotFound)
	}
	return r, nil
}

func (s *state) addRide(r *Ride) error {
	co := s.byID[r.CompanyID]
	if co == nil || r.ID == "" || s.rides[r.ID] != nil || s.references[r.ReferenceNumber] {
		return fmt.Errorf("ride %q exists already or has no company", r.ReferenceNumber)
	}
	co.rides = append(co.rides, r)
	if r.Status == kapiten.RideWaitingPayment {
		co.waiting = append(co.waiting, r)
	}
	if r.ExternalID != "" {
		co.external[r.ExternalID] = true
	}
	s.rides[r.ID] = r
	s.ordered = append(s.ordered, r)
	s.references[r.ReferenceNumber] = true
	return nil
}

func (f *Fake) moveRide(id string, to kapiten.RideStatus) error {
	r, err := f.state.ride(id)
	if err != nil {
		return err
	}
	if !slices.Contains(Transitions(r.Status), to) {
		return fmt.Errorf("kapitentest: a ride cannot go from %s to %s: %w", r.Status, to, fake.ErrIllegalMove)
	}
	f.enter(r, to)
	return nil
}

func (f *Fake) payRide(id string) error {
	r, err := f.state.ride(id)
	if err != nil {
		return err
	}
	if r.Status != kapiten.RideWaitingPayment {
		return fmt.Errorf("kapitentest: the ride is %s and waits for no payment: %w", r.Status, fake.ErrIllegalMove)
	}
	f.enter(r, kapiten.RidePending)
	return nil
}

// enter puts a ride into its next state with all that follows: refund, timeouts
// and the callback. The transition was checked.
func (f *Fake) enter(r *Ride, to kapiten.RideStatus) {
	from := r.Status
	r.Status, r.UpdatedAt = to, f.world.Now()
	if to == kapiten.RideCancelled || to == kapiten.RideRejected {
		f.refund(r)
	}
	f.schedule(r)
	f.callback(r, from)
}

// schedule plans what happens to a ride that is left alone in its state.
func (f *Fake) schedule(r *Ride) {
	switch r.Status {
	case kapiten.RideWaitingPayment:
		f.after(f.config.PaymentTimeout, eventUnpaid, r.ID)
	case kapiten.RidePending:
		f.after(f.config.MatchTimeout, eventUnmatched, r.ID)
		if f.config.Autopilot {
			f.after(f.config.AutopilotStart, eventAutopilot, r.ID)
		}
	}
}

// drive is the autopilot's step: the first transition is the happy path.
func (f *Fake) drive(r *Ride) {
	next := Transitions(r.Status)
	if len(next) == 0 {
		return
	}
	f.enter(r, next[0])
	if !r.Status.Final() {
		f.after(f.config.AutopilotStep, eventAutopilot, r.ID)
	}
}

const callbackEvent = "status_update"

// callback sends the documented callback. The keys of metadata are assumed.
func (f *Fake) callback(r *Ride, from kapiten.RideStatus) {
	to := f.state.byID[r.CompanyID].WebhookURL
	if to == "" {
		return
	}
	f.world.Send(fake.Callback{
		Provider: name, Event: callbackEvent, Subject: r.ID, URL: to,
		Header: http.Header{"Content-Type": {mediaJSON}, "User-Agent": {"Kapiten-Webhook/1.0"}},
		Body: encode(object{
			{"event", callbackEvent}, {"ride_id", r.ID}, {"reference_number", r.ReferenceNumber}, {"external_id", orNull(r.ExternalID)},
			{"status", r.Status}, {"metadata", object{{"previous_status", from}, {"occurred_at", timestamp(r.UpdatedAt)}}},
		}),
	})
}

// orNull is nil for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

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
	return &response{status: http.StatusOK, body: object{{"amount", f.money(q.amount)}, {"details", q.details()}}}
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
	if f.config.OnInsufficientFunds == Reject && !f.state.ledger.Covers(co.account(), q.amount) {
		return detail(http.StatusBadRequest, "Insufficient wallet balance.")
	}
	r.Price, r.DistanceKM = q.amount, q.distanceKM
	r.ID, r.ReferenceNumber = f.ids.UUID(), f.reference()
	r.CreatedAt = f.world.Now()
	r.UpdatedAt = r.CreatedAt
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
	for f.config.ListLag > 0 && visible > 0 && f.world.Now().Sub(co.rides[visible-1].CreatedAt) < f.config.ListLag {
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

type rideRow struct {
	createdRide
	ExternalID *string   `json:"external_id"`
	CreatedAt  timestamp `json:"created_at"`
	UpdatedAt  timestamp `json:"updated_at"`
}

func (f *Fake) rideRow(r *Ride) rideRow {
	return rideRow{f.createdRide(r), orNull(r.ExternalID), timestamp(r.CreatedAt), timestamp(r.UpdatedAt)}
}

// shownRide is a ride with all that its request asked for.
type shownRide struct {
	rideRow
	CompanyID      string              `json:"company_id"`
	PickupAddress  string              `json:"pickup_address"`
	DropoffAddress string              `json:"dropoff_address"`
	Sender         Party               `json:"sender"`
	Receiver       Party               `json:"receiver"`
	PackageType    string              `json:"package_type"`
	WeightRange    kapiten.WeightRange `json:"weight_range"`
	Fragile        bool                `json:"includes_fragile_items"`
	Priority       bool                `json:"is_priority"`
}

func (f *Fake) shownRide(r *Ride) shownRide {
	return shownRide{
		f.rideRow(r), r.CompanyID, r.PickupAddress, r.DropoffAddress, r.Sender, r.Receiver,
		r.PackageType, r.WeightRange, r.Fragile, r.Priority,
	}
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

func (f *Fake) adminMoveRide(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Status kapiten.RideStatus `json:"status"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if len(Transitions(in.Status)) == 0 && !in.Status.Final() {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be one of the ride states")
		return
	}
	f.adminRide(w, r.PathValue("id"), func(id string) error { return f.moveRide(id, in.Status) })
}

func (f *Fake) adminPayRide(w http.ResponseWriter, r *http.Request) {
	f.adminRide(w, r.PathValue("id"), f.payRide)
}

// adminRide moves a ride and answers with it, or with why it could not be moved.
func (f *Fake) adminRide(w http.ResponseWriter, id string, move func(id string) error) {
	var row rideRow
	f.world.Lock()
	err := move(id)
	if err == nil {
		row = f.rideRow(f.state.rides[id])
	}
	f.world.Unlock()
	fake.AdminMoved(w, row, err, "id", "status")
}
