package kotani

import "strings"

// TransactionStatus is the state of a deposit or a withdrawal. No v2 document
// lists the values: these are those of the v3 API and of one public client, and
// they are compared without regard to case. A status this package does not know
// passes through unharmed and is never final.
type TransactionStatus string

// Terminal states of the v3 vocabulary. Reversed follows Successful: money that
// came was taken back later.
const (
	StatusSuccessful        TransactionStatus = "SUCCESSFUL"
	StatusSuccess           TransactionStatus = "SUCCESS"
	StatusCompleted         TransactionStatus = "COMPLETED" // a public client's
	StatusFailed            TransactionStatus = "FAILED"
	StatusCancelled         TransactionStatus = "CANCELLED"
	StatusExpired           TransactionStatus = "EXPIRED"
	StatusDeclined          TransactionStatus = "DECLINED"
	StatusPermanentlyFailed TransactionStatus = "PERMANENTLY_FAILED"
	StatusReversed          TransactionStatus = "REVERSED"
)

// Running states of the v3 vocabulary.
const (
	StatusPending              TransactionStatus = "PENDING"
	StatusInitiated            TransactionStatus = "INITIATED"
	StatusInProgress           TransactionStatus = "IN_PROGRESS"
	StatusProcessing           TransactionStatus = "PROCESSING"
	StatusRetry                TransactionStatus = "RETRY"
	StatusTransactionInitiated TransactionStatus = "TRANSACTION_INITIATED"
)

// States of the v3 vocabulary that want a human or that name no end.
const (
	StatusDuplicate      TransactionStatus = "DUPLICATE"
	StatusErrorOccurred  TransactionStatus = "ERROR_OCCURRED"
	StatusRequireReview  TransactionStatus = "REQUIRE_REVIEW"
	StatusNotInitiated   TransactionStatus = "NOT_INITIATED"
	StatusCryptoPending  TransactionStatus = "CRYPTO_PENDING"
	StatusCryptoReceived TransactionStatus = "CRYPTO_RECEIVED"
	StatusRefundPending  TransactionStatus = "REFUND_PENDING"
	StatusRefunded       TransactionStatus = "REFUNDED"
	StatusRefundFailed   TransactionStatus = "REFUND_FAILED"
)

// Final reports whether the status is a terminal one. A successful transaction
// can still be reversed.
func (s TransactionStatus) Final() bool {
	switch s.upper() {
	case StatusFailed, StatusCancelled, StatusExpired, StatusDeclined, StatusPermanentlyFailed, StatusReversed:
		return true
	}
	return s.Succeeded()
}

// Succeeded reports whether the money has arrived.
func (s TransactionStatus) Succeeded() bool {
	switch s.upper() {
	case StatusSuccessful, StatusSuccess, StatusCompleted:
		return true
	}
	return false
}

func (s TransactionStatus) upper() TransactionStatus {
	return TransactionStatus(strings.ToUpper(string(s)))
}
