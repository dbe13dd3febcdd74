package kotani

// TransactionType says which way money went.
type TransactionType string

// The documented types.
const (
	Collections TransactionType = "Collections" // deposits: from the customer
	Payouts     TransactionType = "Payouts"     // withdrawals: to the customer
)
