package kapiten

// RideStatus is the state of a ride. The names and meanings are documented;
// which of them are final is inferred. A status this package does not know
// passes through unharmed and is never final.
type RideStatus string

// The documented ride states, in the order of the happy path.
const (
	RideWaitingPayment  RideStatus = "WAITING_PAYMENT"  // the customer still has to pay by MoMo or Airtel
	RidePending         RideStatus = "PENDING"          // paid, or pre-paid; waiting to be matched with a rider
	RideAccepted        RideStatus = "ACCEPTED"         // a rider took it and is on the way to the pickup
	RideWaitingPickup   RideStatus = "WAITING_PICKUP"   // the rider is at the pickup
	RidePickedUp        RideStatus = "PICKED_UP"        // the rider has the package
	RideInTransit       RideStatus = "IN_TRANSIT"       // on the way to the destination
	RideWaitingDelivery RideStatus = "WAITING_DELIVERY" // the rider is at the destination
	RideCompleted       RideStatus = "COMPLETED"        // handed over; final
	RideCancelled       RideStatus = "CANCELLED"        // by the sender or an administrator; final
	RideRejected        RideStatus = "REJECTED"         // no rider found in time; final
)

// Final reports whether no further status can follow (inferred: the document
// names no final states).
func (s RideStatus) Final() bool {
	return s == RideCompleted || s == RideCancelled || s == RideRejected
}
