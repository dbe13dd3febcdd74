package kapiten

// TransactionStatus is the state of a wallet transaction.
type TransactionStatus string

const (
	TransactionPending TransactionStatus = "PENDING" // documented
	TransactionSuccess TransactionStatus = "SUCCESS" // documented
	TransactionFailed  TransactionStatus = "FAILED"  // assumed: the document names no failure
)

// Final reports whether the transaction is settled. Unknown states are not.
func (s TransactionStatus) Final() bool {
	return s == TransactionSuccess || s == TransactionFailed
}

// TransactionType is the kind of a wallet transaction.
type TransactionType string

const (
	TransactionDeposit     TransactionType = "DEPOSIT"      // documented
	TransactionRidePayment TransactionType = "RIDE_PAYMENT" // assumed name of what the document calls a ride deduction
	TransactionRefund      TransactionType = "REFUND"       // assumed
	TransactionAdjustment  TransactionType = "ADJUSTMENT"   // assumed name; adjustments are documented in prose
)
