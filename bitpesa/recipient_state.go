package bitpesa

// RecipientState is where a payout stands. Unknown states pass through.
type RecipientState string

const (
	RecipientInitial   RecipientState = "initial" // its transaction is not funded yet
	RecipientPending   RecipientState = "pending" // the provider works on it
	RecipientSuccess   RecipientState = "success" // paid out
	RecipientError     RecipientState = "error"   // failed; tried again by itself if Retriable
	RecipientManual    RecipientState = "manual"  // failed too often: correct or cancel it
	RecipientStuck     RecipientState = "stuck"   // the provider does not answer
	RecipientOverpaid  RecipientState = "overpaid"
	RecipientCanceled  RecipientState = "canceled" // a refund follows if it was funded
	RecipientRefunded  RecipientState = "refunded"
	RecipientException RecipientState = "exception"
)

// Final reports whether nothing can follow.
func (s RecipientState) Final() bool {
	return s == RecipientSuccess || s == RecipientRefunded || s == RecipientOverpaid
}
