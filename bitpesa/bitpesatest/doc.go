// Package bitpesatest is a fake BitPesa, today TransferZero or AZA Finance: the
// 49 operations of its API v1 behind real HTTP, with signatures checked on the
// raw bytes, balances on a ledger, state machines on a clock the test drives,
// and signed webhooks.
//
//	srv := bitpesatest.NewServer(t)
//	client, err := bitpesa.New(srv.Config())
//	// ... create and fund a transaction through client ...
//	srv.Advance(30 * time.Second) // it is paid out
//	fmt.Println(srv.Balance(bitpesatest.TestKey, "USD"), srv.Deliveries())
//
// New gives the same as a plain http.Handler, for a test in any language.
//
// # Time
//
// A transaction that nobody funds is canceled after an hour. A payout takes 30 s
// after the funding (Config.SettleAfter). Trouble that passes is retried after
// 10 min, 1 h, 4 h and 12 h, then the recipient is manual (assumed). With the
// trait auto_refund what is not paid 24 h after the funding is cancelled; a
// payout under way is waited for. Refunds are at once. A webhook that is not
// acknowledged with 2xx is tried again after 10 s, 1 min, 10 min, 1 h and 6 h; an
// endpoint that gives no answer within 10 s of real time loses its subscription.
//
// # Magic numbers
//
// The last digits of bank_account or phone_number decide over a payout, as the
// vendor's sandbox documents it. The reason code is in brackets; any other
// number is paid.
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
// mtn); the holder of every account is TEST USER. A mobile collection is paid
// when its phone number ends in 0, and fails when it ends in 9 (code 412).
//
// # What no document states
//
// Assumed are: the bodies of 400, 401, 404 and 5xx; the answer to a reused nonce
// (401); the error words for a taken external_id and for a refused debit; that
// several debits are all carried out or none; the order of lists (newest first)
// and the largest page (1,000); the exchange rates; the list of events, with
// recipient.paid_out; the retry schedules; what calculate does not look at
// (sender and payout details); which timestamps have which of the vendor's three
// spellings, but for those of transactions and recipients. Where the documents
// of BitPesa and of today differ, Config.Era chooses.
package bitpesatest
