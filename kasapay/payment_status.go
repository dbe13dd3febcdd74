package kasapay

// PaymentStatus is the state of a payout. A status this package does not know
// passes through unharmed and is never final.
type PaymentStatus string

// The states: 700 to 705 are documented payment statuses, 720 is the documented
// response code of an accepted request and the state of a payout fresh from
// Initiate.
const (
	StatusProcessed PaymentStatus = "700" // paid; a reversal or refund may still follow (inferred)
	StatusFailed    PaymentStatus = "701" // not paid; see Payout.Result
	StatusReversed  PaymentStatus = "702" // money back
	StatusPending   PaymentStatus = "703" // in progress
	StatusJammed    PaymentStatus = "704" // in doubt: neither paid nor failed, and never to be paid again
	StatusRefunded  PaymentStatus = "705" // money back
	StatusAccepted  PaymentStatus = "720" // queued, not paid
)

// Final reports whether the payout has come to an end (inferred). After 700 only
// a Reversal can follow, after the others nothing.
func (s PaymentStatus) Final() bool {
	return s == StatusProcessed || s == StatusFailed || s.Reversal()
}

// Reversal reports whether the money came back.
func (s PaymentStatus) Reversal() bool { return s == StatusReversed || s == StatusRefunded }
