package webhook

import "github.com/kapiteni/kapiten-go/bitpesa"

// BitPesaStates is the order of the states of a kind of object: "transaction",
// "recipient", "sender" or "payin_method"; nil for others. The names are
// documented, and so is most of a transaction's and a recipient's way; where the
// documents are silent (reviews, exceptions, a sender's way) the arrows are
// assumed. Failures can repeat.
func BitPesaStates(kind string) *States {
	switch kind {
	case "transaction":
		return transactionStates()
	case "recipient":
		return recipientStates()
	case "sender":
		return senderStates()
	case "payin_method":
		return payinStates()
	}
	return nil
}

func transactionStates() *States {
	const (
		initial, approved, pending = bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending
		received, processing       = bitpesa.TransactionReceived, bitpesa.TransactionProcessing
		mispaid, manual, paid      = bitpesa.TransactionMispaid, bitpesa.TransactionManual, bitpesa.TransactionPaid
		canceled, refunded         = bitpesa.TransactionCanceled, bitpesa.TransactionRefunded
		exception                  = bitpesa.TransactionException
	)
	return arrows(map[bitpesa.TransactionState][]bitpesa.TransactionState{
		initial:    {approved, canceled, exception},
		approved:   {pending, received, mispaid, canceled, exception},
		pending:    {received, mispaid, canceled, exception},
		received:   {processing, manual, paid, canceled, refunded, exception},
		processing: {received, canceled, refunded, exception},
		mispaid:    {processing, manual, paid, canceled, refunded, exception},
		manual:     {manual, paid, canceled, refunded, exception},
		canceled:   {refunded},
		exception:  {manual, paid, canceled, refunded},
	})
}

func recipientStates() *States {
	const (
		initial, pending, success = bitpesa.RecipientInitial, bitpesa.RecipientPending, bitpesa.RecipientSuccess
		failed, manual, stuck     = bitpesa.RecipientError, bitpesa.RecipientManual, bitpesa.RecipientStuck
		overpaid, exception       = bitpesa.RecipientOverpaid, bitpesa.RecipientException
		canceled, refunded        = bitpesa.RecipientCanceled, bitpesa.RecipientRefunded
	)
	return arrows(map[bitpesa.RecipientState][]bitpesa.RecipientState{
		initial:   {pending, canceled, exception},
		pending:   {pending, success, failed, manual, stuck, overpaid, canceled, exception}, // with the reference of a cash pickup, later
		failed:    {failed, pending, manual, canceled, exception},
		manual:    {manual, pending, canceled, exception},
		stuck:     {pending, success, failed, manual, canceled, exception},
		exception: {success, failed, manual, canceled},
		canceled:  {refunded},
	})
}

func senderStates() *States {
	const (
		incomplete, initial, verified = bitpesa.SenderIncomplete, bitpesa.SenderInitial, bitpesa.SenderVerified
		approved, rejected            = bitpesa.SenderApproved, bitpesa.SenderRejected
		banned, disabled              = bitpesa.SenderBanned, bitpesa.SenderDisabled
	)
	return arrows(map[bitpesa.SenderState][]bitpesa.SenderState{
		incomplete: {initial, banned, disabled},
		initial:    {verified, approved, rejected, banned, disabled},
		verified:   {approved, rejected, banned, disabled},
		approved:   {initial, banned, disabled}, // changes may trigger KYC again (documented)
		rejected:   {initial, banned, disabled},
		banned:     {disabled},
	})
}

func payinStates() *States {
	const (
		incomplete, initial, pending = bitpesa.PayinIncomplete, bitpesa.PayinInitial, bitpesa.PayinPending
		processing, success          = bitpesa.PayinProcessing, bitpesa.PayinSuccess
		failed, mispaid              = bitpesa.PayinError, bitpesa.PayinMispaid
		canceled, refunded           = bitpesa.PayinCanceled, bitpesa.PayinRefunded
		exception                    = bitpesa.PayinException
	)
	return arrows(map[bitpesa.PayinState][]bitpesa.PayinState{
		incomplete: {incomplete, initial, canceled, exception},
		initial:    {pending, canceled, exception},
		pending:    {processing, success, failed, mispaid, canceled, exception},
		processing: {success, failed, mispaid, canceled, exception},
		failed:     {failed, incomplete, initial, pending, canceled, exception}, // left by an update or a retry
		mispaid:    {canceled, refunded, exception},
		exception:  {success, failed, canceled, refunded},
		canceled:   {refunded},
	})
}

func arrows[T ~string](from map[T][]T) *States {
	text := map[string][]string{}
	for state, nexts := range from {
		for _, next := range nexts {
			text[string(state)] = append(text[string(state)], string(next))
		}
	}
	return NewStates(text, nil)
}
