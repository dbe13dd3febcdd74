package kapitentest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
	Price              decimal.Decimal     `json:"price"` // RWF, as estimated
	DistanceKM         decimal.Decimal     `json:"distance_km"`
	Paid               bool                `json:"paid"`             // the wallet was charged
	Charged            decimal.Decimal     `json:"charged"`          // what the wallet has paid, with the adjustments that name the ride
	Refunded           bool                `json:"refunded"`         // and got it back
	Payment            CustomerPayment     `json:"payment,omitzero"` // zero: the wallet paid
	Rider              Party               `json:"rider,omitzero"`   // from ACCEPTED on
	CancelledBy        Actor               `json:"cancelled_by,omitempty"`
	Reason             string              `json:"reason,omitempty"`     // of the cancellation
	CreatedBy          string              `json:"created_by,omitempty"` // id of the user
	Created            time.Time           `json:"created_at"`
	Updated            time.Time           `json:"updated_at"`
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

// Party is the sender, the receiver or the rider of a ride.
type Party struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// Actor is who cancels a ride. The document names the sender and an administrator.
type Actor string

const (
	Sender        Actor = "sender"        // until the rider has the package
	Administrator Actor = "administrator" // until the ride is over
	System        Actor = "system"        // nobody paid in time; no CancelRide says so
)

// CustomerPayment is the payment of a ride by its customer, to Kapiten. The document
// names MoMo and Airtel; the rest is assumed.
type CustomerPayment struct {
	Method PaymentMethod   `json:"method"`
	Phone  string          `json:"phone"` // the receiver's, or that of the last who tried
	Amount decimal.Decimal `json:"amount"`
	Status PaymentStatus   `json:"status"`
}

// PaymentMethod is how a customer pays.
type PaymentMethod string

const (
	MoMo   PaymentMethod = "MOMO"
	Airtel PaymentMethod = "AIRTEL" // of phone numbers that begin with 072 or 073
)

// PaymentStatus is the state of a CustomerPayment.
type PaymentStatus string

const (
	PaymentPending  PaymentStatus = "PENDING"
	PaymentPaid     PaymentStatus = "PAID"
	PaymentFailed   PaymentStatus = "FAILED"   // the customer may try again while the ride waits
	PaymentRefunded PaymentStatus = "REFUNDED" // the ride was cancelled or rejected
)

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

// MoveRide takes a ride to its next state and sends the callback. It cancels as an
// administrator does; see CancelRide. It refuses a transition that is not among
// Transitions with fake.ErrIllegalMove, and so the way of an unpaid ride to PENDING,
// which PayRide or the wallet opens. An unknown ride is fake.ErrNotFound. Nothing
// has changed then.
func (f *Fake) MoveRide(id string, to kapiten.RideStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.moveRide(id, to)
}

// CancelRide cancels a ride as its sender, who can until the rider has the package,
// or as an administrator, who can until the ride is over. Actor and reason are in the
// callback's metadata. The payment goes back to who paid. It refuses as MoveRide does.
func (f *Fake) CancelRide(id string, by Actor, reason string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.cancelRide(id, by, reason)
}

// PayRide says that the customer paid Kapiten for a ride in WAITING_PAYMENT, which
// becomes PENDING. The wallet is not touched. The phone is that of who pays, the
// receiver's without one; its first digits tell MoMo from Airtel.
func (f *Fake) PayRide(id string, phone ...string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.payRide(id, PaymentPaid, phone...)
}

// FailPayment says that the customer of a ride in WAITING_PAYMENT could not pay. The
// ride waits on, and the customer may try again.
func (f *Fake) FailPayment(rideID string, phone ...string) error {
	f.world.Lock()
	defer f.world.Unlock()
	return f.payRide(rideID, PaymentFailed, phone...)
}

// Transitions are the states a ride can go to from another, in the order they
// are usually taken; none for a final state. All of them are assumed. After the
// pickup only an administrator cancels.
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
		return []kapiten.RideStatus{kapiten.RideInTransit, kapiten.RideCancelled}
	case kapiten.RideInTransit:
		return []kapiten.RideStatus{kapiten.RideWaitingDelivery, kapiten.RideCancelled}
	case kapiten.RideWaitingDelivery:
		return []kapiten.RideStatus{kapiten.RideCompleted, kapiten.RideCancelled}
	default:
		return nil
	}
}

// senderCancels reports whether a sender may still cancel: the rider has not got the
// package.
func senderCancels(s kapiten.RideStatus) bool {
	switch s {
	case kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup:
		return true
	}
	return false
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
	if co == nil || r.ID == "" || r.ReferenceNumber == "" || s.rides[r.ID] != nil || s.references[r.ReferenceNumber] {
		return fmt.Errorf("ride %q exists already or has no company", r.ReferenceNumber)
	}
	co.rides = append(co.rides, r)
	if r.Status == kapiten.RideWaitingPayment {
		co.waiting = append(co.waiting, r)
		if r.Payment == (CustomerPayment{}) {
			r.awaitPayment()
		}
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
	switch {
	case err != nil:
		return err
	case to == kapiten.RideCancelled:
		return f.cancelRide(id, Administrator, "")
	case !slices.Contains(Transitions(r.Status), to):
		return fmt.Errorf("kapitentest: a ride cannot go from %s to %s: %w", r.Status, to, fake.ErrIllegalMove)
	case r.Status == kapiten.RideWaitingPayment:
		return fmt.Errorf("kapitentest: nobody has paid for the ride: %w", fake.ErrIllegalMove)
	}
	f.enter(r, to)
	return nil
}

func (f *Fake) cancelRide(id string, by Actor, reason string) error {
	r, err := f.state.ride(id)
	switch {
	case err != nil:
		return err
	case by != Sender && by != Administrator:
		return fmt.Errorf("kapitentest: %q is neither %s nor %s", by, Sender, Administrator)
	case !slices.Contains(Transitions(r.Status), kapiten.RideCancelled):
		return fmt.Errorf("kapitentest: a ride cannot go from %s to %s: %w", r.Status, kapiten.RideCancelled, fake.ErrIllegalMove)
	case by == Sender && !senderCancels(r.Status):
		return fmt.Errorf("kapitentest: the ride is %s, and its sender can cancel no more: %w", r.Status, fake.ErrIllegalMove)
	}
	f.cancel(r, by, reason)
	return nil
}

// cancel ends a ride. The transition was checked.
func (f *Fake) cancel(r *Ride, by Actor, reason string) {
	r.CancelledBy, r.Reason = by, reason
	f.enter(r, kapiten.RideCancelled)
}

func (f *Fake) payRide(id string, to PaymentStatus, phone ...string) error {
	if len(phone) > 1 {
		return fmt.Errorf("kapitentest: one phone pays, not %d", len(phone))
	}
	r, err := f.state.ride(id)
	if err != nil {
		return err
	}
	if r.Status != kapiten.RideWaitingPayment {
		return fmt.Errorf("kapitentest: the ride is %s and waits for no payment: %w", r.Status, fake.ErrIllegalMove)
	}
	if len(phone) > 0 && phone[0] != "" {
		r.Payment.Phone, r.Payment.Method = phone[0], methodOf(phone[0])
	}
	r.Payment.Status = to
	if to == PaymentPaid {
		f.enter(r, kapiten.RidePending)
	}
	return nil
}

// awaitPayment asks the receiver of an unpaid ride for its price (assumed).
func (r *Ride) awaitPayment() {
	r.Payment = CustomerPayment{Method: methodOf(r.Receiver.Phone), Phone: r.Receiver.Phone, Amount: r.Price, Status: PaymentPending}
}

// methodOf tells Airtel's numbers from MTN's.
func methodOf(phone string) PaymentMethod {
	if billedPhone.MatchString(phone) {
		if prefix := phone[len(phone)-9:][:2]; prefix == "72" || prefix == "73" {
			return Airtel
		}
	}
	return MoMo
}

// enter puts a ride into its next state with all that follows: rider, refund,
// timeouts, the callback, and rides that the refund can pay. The transition was
// checked.
func (f *Fake) enter(r *Ride, to kapiten.RideStatus) {
	from := r.Status
	r.Status, r.Updated = to, f.world.Now()
	if to == kapiten.RideAccepted {
		r.Rider = riderOf(r)
	}
	over := to == kapiten.RideCancelled || to == kapiten.RideRejected
	if over {
		f.refund(r)
	}
	f.schedule(r)
	f.callback(r, from)
	if over {
		f.payWaiting(f.state.byID[r.CompanyID])
	}
}

// The last four digits of a receiver's phone choose the course of a ride.
const (
	courseNoRider       fake.Scenario = "no-rider"
	courseSenderCancels fake.Scenario = "sender-cancels"
	courseStuck         fake.Scenario = fake.ScenarioNever
	courseAdministrator fake.Scenario = "administrator-cancels"
)

// Reasons of cancellations that no test asks for.
const (
	reasonSenderCancels = "The sender needs no ride any more."
	reasonAdministrator = "The package was refused."
	reasonNobodyPaid    = "Nobody paid in time."
)

func (r *Ride) course() fake.Scenario {
	return fake.Scenarios{
		"0001": courseNoRider, "0002": courseSenderCancels, "0003": courseStuck, "0004": courseAdministrator,
	}.Choose("", r.Receiver.Phone)
}

// schedule plans what happens to a ride that is left alone in its state.
func (f *Fake) schedule(r *Ride) {
	course := r.course()
	switch {
	case r.Status == kapiten.RideWaitingPayment:
		f.after(f.config.PaymentTimeout, eventUnpaid, r.ID)
	case r.Status == kapiten.RidePending && course != courseStuck:
		f.after(f.config.MatchTimeout, eventUnmatched, r.ID)
		if f.config.Autopilot && course != courseNoRider {
			f.after(f.config.AutopilotStart, eventAutopilot, r.ID)
		}
	case r.Status == kapiten.RideAccepted && course == courseSenderCancels:
		f.after(f.config.AutopilotStep, eventSenderCancels, r.ID)
	case r.Status == kapiten.RidePickedUp && course == courseAdministrator:
		f.after(f.config.AutopilotStep, eventAdministrator, r.ID)
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

// riderOf gives a ride one of a few riders, always the same.
func riderOf(r *Ride) Party {
	riders := [...]Party{
		{"Eric Habimana", "0788300101"}, {"Claudine Uwase", "0788300102"}, {"Jean Bosco Nkurunziza", "0728300103"}, {"Diane Mukamana", "0788300104"},
	}
	n, _ := strconv.Atoi(r.ReferenceNumber[len(r.ReferenceNumber)-1:]) // a digit
	return riders[n%len(riders)]
}

const callbackEvent = "status_update"

// callback sends the documented callback. The keys of metadata are assumed.
func (f *Fake) callback(r *Ride, from kapiten.RideStatus) {
	to := f.state.byID[r.CompanyID].WebhookURL
	if to == "" {
		return
	}
	metadata := object{{"previous_status", from}, {"occurred_at", timestamp(r.Updated)}}
	if r.Status == kapiten.RideCancelled {
		metadata = append(metadata, member{"cancelled_by", r.CancelledBy}, member{"reason", orNull(r.Reason)})
	}
	f.world.Send(fake.Callback{
		Provider: name, Event: callbackEvent, Identity: r.ID, URL: to,
		Header: http.Header{"Content-Type": {mediaJSON}, "User-Agent": {"Kapiten-Webhook/1.0"}},
		Body: encode(object{
			{"event", callbackEvent}, {"ride_id", r.ID}, {"reference_number", r.ReferenceNumber}, {"external_id", orNull(r.ExternalID)},
			{"status", r.Status}, {"metadata", metadata},
		}),
	})
}

// The bodies of the admin calls that move a ride.
type (
	moveBody struct {
		Status kapiten.RideStatus `json:"status"`
	}
	cancelBody struct {
		By     Actor  `json:"by"`
		Reason string `json:"reason"`
	}
	payBody struct {
		Status PaymentStatus `json:"status"`
		Phone  string        `json:"phone"`
	}
)

// adminRow is how the admin calls show a ride.
type adminRow struct {
	rideRow
	Payment CustomerPayment `json:"payment,omitzero"`
}

func (f *Fake) adminMoveRide(w http.ResponseWriter, r *http.Request) {
	var in moveBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if len(Transitions(in.Status)) == 0 && !in.Status.Final() {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be one of the ride states")
		return
	}
	f.adminRide(w, r.PathValue("id"), "status", func(id string) error { return f.moveRide(id, in.Status) })
}

func (f *Fake) adminCancelRide(w http.ResponseWriter, r *http.Request) {
	var in cancelBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if in.By != Sender && in.By != Administrator {
		fake.AdminError(w, http.StatusBadRequest, "by", "by must be sender or administrator")
		return
	}
	f.adminRide(w, r.PathValue("id"), "by", func(id string) error { return f.cancelRide(id, in.By, in.Reason) })
}

// adminPayRide takes an empty body too: the receiver has paid.
func (f *Fake) adminPayRide(w http.ResponseWriter, r *http.Request) {
	in := payBody{Status: PaymentPaid}
	if r.ContentLength != 0 && !fake.AdminBody(w, r, &in) {
		return
	}
	if in.Status != PaymentPaid && in.Status != PaymentFailed {
		fake.AdminError(w, http.StatusBadRequest, "status", "status must be PAID or FAILED")
		return
	}
	f.adminRide(w, r.PathValue("id"), "status", func(id string) error { return f.payRide(id, in.Status, in.Phone) })
}

// adminRide moves a ride and responds with it, or with why it could not be moved.
func (f *Fake) adminRide(w http.ResponseWriter, id, field string, move func(id string) error) {
	var row any
	f.world.Lock()
	err := move(id)
	if err == nil {
		r := f.state.rides[id]
		row = json.RawMessage(encode(adminRow{f.rideRow(r), r.Payment})) // while the lock is held
	}
	f.world.Unlock()
	fake.AdminMoved(w, row, err, "id", field)
}
