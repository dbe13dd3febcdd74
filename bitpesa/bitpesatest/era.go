package bitpesatest

// Era is a generation of the vendor's documents.
type Era string

const (
	// Today is TransferZero, now AZA Finance: auto_refund is on by default, a
	// sender with a known external_id inside of a transaction is updated, a
	// payout under way takes a cancellation for later.
	Today Era = ""

	// BitPesa is 2018 and 2019: auto_refund is off by default, a sender with a
	// known external_id inside of a transaction is refused, a payout under way
	// cannot be cancelled, some payout details more are mandatory, the answer
	// of GET /accounts/{Currency} is a list.
	BitPesa Era = "bitpesa"
)
