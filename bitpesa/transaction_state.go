package bitpesa

// TransactionState is where a transaction stands. Unknown states pass through.
type TransactionState string

const (
	TransactionInitial    TransactionState = "initial"    // waits for the sender's approval
	TransactionApproved   TransactionState = "approved"   // waits for its money, one hour at most
	TransactionPending    TransactionState = "pending"    // money is coming in
	TransactionReceived   TransactionState = "received"   // funded; payouts run
	TransactionProcessing TransactionState = "processing" // funded; held for compliance
	TransactionMispaid    TransactionState = "mispaid"    // another amount came in; that is paid out
	TransactionManual     TransactionState = "manual"     // a payout needs attention: correct or cancel its recipient
	TransactionPaid       TransactionState = "paid"       // every recipient has the money
	TransactionCanceled   TransactionState = "canceled"   // final if it was never funded; else refunded follows
	TransactionRefunded   TransactionState = "refunded"   // the money, or the rest of it, is back
	TransactionException  TransactionState = "exception"  // an internal failure at BitPesa
)

// Final reports whether nothing can follow. TransactionCanceled is not: whether
// a refund follows depends on the money; see Transaction.Final.
func (s TransactionState) Final() bool {
	return s == TransactionPaid || s == TransactionRefunded
}

// funded says whether the state proves that the money came in, and unfunded
// that it did not. States that tell neither give false twice.
func (s TransactionState) funded() (funded, unfunded bool) {
	switch s {
	case TransactionReceived, TransactionProcessing, TransactionMispaid, TransactionManual, TransactionPaid, TransactionRefunded:
		return true, false
	case TransactionInitial, TransactionApproved:
		return false, true
	}
	return false, false
}
