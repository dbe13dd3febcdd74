// Package bitpesatest is a fake BitPesa, today TransferZero or AZA Finance. It
// serves the 49 operations of the API v1 over real HTTP. Use it like this:
//
//	srv := bitpesatest.NewServer(t)
//	client, err := bitpesa.New(srv.ClientConfig())
//	// ... create and fund a transaction through client ...
//	srv.Advance(30 * time.Second) // the payout arrives
//	fmt.Println(srv.Balance(bitpesatest.TestKey, "USD"), srv.Debits("order-1"), srv.Deliveries())
//
// New makes the same fake as a plain http.Handler, for a test in any language.
//
// To make something happen, give the payout a magic number, call MoveTransaction,
// MoveRecipient, MoveSender or MoveMandate, let the sender pay by PayTransaction,
// or add a fault (AddFault, AddCallbackFault, SetValidationOutage). To see what
// has happened, read Transaction, Recipient, Sender, Mandate, Balance, Entries and
// Debits. At the end, CheckLedger proves the arithmetic.
//
// A fake has two accounts: TestKey, whose senders are approved at once, and KYCKey,
// whose senders need documents and MoveSender. Every change of an object's state is
// an event for the account's webhooks. It is posted to their URLs, unless
// Options.Callbacks receives it.
//
// # Magic numbers
//
// The last digits of bank_account or phone_number decide about a payout, as the
// vendor's sandbox documents. The reason code is in brackets. Any other number is
// paid.
//
//	corridor                 pending (14)  temporary_error  recipient_error  sender_error
//	GHS::Bank, GHS::Mobile   01            18 (3)           39 (421)         19 (5)
//	NGN::Bank                01            08 (3)           19 (416)         71 (511)
//	UGX::Mobile airtel       11            18 (331)         19 (42)          49 (5)
//	UGX::Mobile mtn          1             18 (331)         09, 19 (414)
//	XAF::Mobile, XOF::Mobile 01            38 (3)           69 (42)          09 (531)
//	XAF::Mobile Gabon        1             08 (3)           09 (423)
//
// Account validations fail on 9 (GHS), 39 (NGN), 29 (UGX airtel) and 19 (UGX
// mtn). The holder of every account is TEST USER. A mobile collection is paid if
// its phone number ends in 0, and fails if it ends in 9 (code 412).
//
// # Time
//
// An unfunded transaction is canceled after an hour. A payout takes 30 s after
// the funding (Config.EndsAfter). A temporary error is retried after 10 min,
// 1 h, 4 h and 12 h; then the recipient is manual (assumed). The trait
// auto_refund cancels what is unpaid 24 h after the funding, but waits for a
// pending payout. Refunds are immediate.
//
// A webhook without a 2xx is retried after 10 s, 1 min, 10 min, 1 h and 6 h. An
// endpoint that does not respond within 10 s of real time loses its subscription.
//
// # Limits
//
// No document states the following, so the fake assumes:
//
//   - the bodies of 400, 401, 404 and 5xx, and 401 for a reused nonce
//   - the error words for a taken external_id and for a refused debit
//   - that several debits are all carried out, or none
//   - the order of lists (newest first) and the largest page (1,000)
//   - exchange rates and retry schedules
//   - the names of events which the guides do not show: the kind of the object and
//     its new state, such as recipient.refunded, and recipient.paid_out
//   - that calculate ignores sender and payout details
//   - which lists of values are open: the fake takes unknown papers, networks, types
//     and countries, because the vendor adds to its lists
//   - the spelling of timestamps with VersionBitPesa, except in transactions and
//     recipients; today all are ISO 8601 with Z
//
// Where the documents of BitPesa and of today differ, Config.APIVersion chooses.
package bitpesatest
