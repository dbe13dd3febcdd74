package bitpesa

// SenderState is where a sender stands with KYC. Unknown states pass through.
type SenderState string

const (
	SenderIncomplete SenderState = "incomplete"
	SenderInitial    SenderState = "initial"  // under review; may transact where KYC is waived
	SenderVerified   SenderState = "verified" // sanctions check passed
	SenderApproved   SenderState = "approved" // may transact
	SenderRejected   SenderState = "rejected"
	SenderBanned     SenderState = "banned"
	SenderDisabled   SenderState = "disabled" // after a Delete
)

// PartyType tells people from companies, as sender or recipient.
type PartyType string

const (
	Person   PartyType = "person" // the default
	Business PartyType = "business"
)
