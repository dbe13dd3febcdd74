// Package kasapaytest is a fake of Kasapay for tests. It keeps payouts and a
// float account and sends callbacks. It needs no account, and no socket but for
// callbacks: they go to the callback_url, unless Options.Callbacks receives them.
//
// Start a fake, give its ClientConfig to a client, initiate a payout, and move
// the clock:
//
//	srv := kasapaytest.NewServer(t)
//	client, err := kasapay.New(srv.ClientConfig())
//	// ... initiate a payout through client ...
//	srv.Advance(10 * time.Second) // it is paid, the callback goes out
//	fmt.Println(srv.Balance("KES"), srv.Deliveries()[0].Body)
//
// New returns the same fake as a plain http.Handler, for a test in any language.
// Its consumer key is test-key, the secret test-secret, the service code 12346.
// The float holds 1000000.00 KES.
//
// # Make a payout go wrong
//
// A payout is paid 10 s after Kasapay accepted it. To ask for something else,
// end the reference or the recipient's account number as the table says:
//
//	account ends in  reference ends in  what happens
//	-                -paid              700 after 10 s
//	0001             -failed            701: the recipient's side refused
//	0002             -no-funds          701: insufficient funds; the float is released
//	0003             -never             stays 703
//	0004             -slow              700 after Quirks.SlowAfter, 10 minutes
//	0005             -jammed            704 after 10 s, and stays so
//	0006             -jammed-paid       704 after 10 s, 700 ten minutes later
//	0007             -reversed          700 after 10 s, 702 ten minutes later
//	0008             -refunded          700 after 10 s, 705 ten minutes later
//	0009             -lost              700 after 10 s, no callback is ever sent
//	0010             -jammed-reversed   704 after 10 s, 702 ten minutes later
//
// The reference counts before the account number, and both count before
// Config.Scenario. A callback_url at a host that ends in .invalid, or at one of
// Config.UnreachableHosts, is refused as unreachable. MovePayout moves a payout on at
// once. AddFault breaks requests, AddCallbackFault breaks callbacks. Config.Quirks
// changes how Kasapay writes its responses.
//
// # States and money
//
//	703 pending  -> 700 paid, 701 failed, 704 jammed
//	704 jammed   -> 700, 701, 702 reversed
//	700 paid     -> 702 reversed, 705 refunded
//	701 failed   -> 705, with Quirks.RefundFailed only
//
// Acceptance reserves the amount and 700 takes it. 701 releases it, and so does
// 702 out of 704. 702 and 705 out of 700 credit it back. account_balance is what
// the float has left after that. A payout beyond the float is accepted and fails
// (701) without having touched it.
//
// # Limits
//
// The fake checks a payout in this order: token, JSON, the twelve fields, their
// values, whether the callback_url can be reached, service code, a reference used
// before, the float (Quirks.FloatFirst swaps these two). currency_code and country_code are held against the lists of ISO
// 4217 and 3166-1. payment_method must go with recipient_type by the document's table.
//
// The reference document gives the three routes, the fields of requests,
// responses and callbacks, and the codes 720 and 721. It also gives
// SERVICE_NOT_ALLOWED, the refusal of wrong credentials and the meaning of
// payment_status 700 to 705. All else is assumed, and Config can change most of
// it: HTTP statuses, the form of other errors (that of NestJS), the transitions
// and their times, when the float is charged, and the retries of callbacks.
package kasapaytest
