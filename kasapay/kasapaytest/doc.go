// Package kasapaytest is a fake of the Kasapay gateway: a stateful server with
// tokens, B2B payouts from a float account, and callbacks, for tests that need
// neither a network nor an account.
//
//	srv := kasapaytest.NewServer(t)
//	client, err := kasapay.New(srv.Config())
//	// ... initiate a payout through client ...
//	srv.Advance(10 * time.Second) // it is paid, the callback goes out
//	fmt.Println(srv.Float("KES"), srv.Deliveries()[0].Body)
//
// New gives the same as a plain http.Handler, for a test in any language:
// consumer key test-key, secret test-secret, service code 12346, a float of
// 1000000.00 KES.
//
// # What is documented
//
// The three routes, the fields of requests, answers and callbacks, the codes 720
// and 721, SERVICE_NOT_ALLOWED and the meaning of payment_status 700 to 705 come
// from the reference document, the refusal of wrong credentials too. HTTP
// statuses, the form of all other errors (that of NestJS), the arrows between
// states, the time they take, when the float is charged and how often a callback
// is repeated are assumed. What is assumed is a default of Config.
//
// # Checks
//
// A payout is checked in this order: token, JSON, the twelve fields, their
// values (recipient_type among them), service code, a reference used before, the
// float.
//
// # States and money
//
//	703 pending  -> 700 paid, 701 failed, 704 jammed
//	704 jammed   -> 700, 701, 702 reversed
//	700 paid     -> 702 reversed, 705 refunded
//	701 failed   -> 705, with Config.RefundFailed only
//
// The amount is reserved at acceptance, taken at 700, released at 701 and at 702
// out of 704, credited back at 702 and 705 out of 700. account_balance is what
// the float has left after that. A payout beyond the float is accepted and fails
// (701), without having touched it.
//
// # Scripting outcomes
//
// A payout is paid 10 s after it was accepted. The recipient's account number or
// the reference can say otherwise:
//
//	account ends in  reference ends in  what happens
//	-                -paid              700 after 10 s
//	0001             -failed            701: the recipient's side refused
//	0002             -no-funds          701: insufficient funds; the float is released
//	0003             -never             stays 703
//	0004             -slow              700 after 10 minutes
//	0005             -jammed            704 after 10 s, and stays so
//	0006             -jammed-paid       704 after 10 s, 700 ten minutes later
//	0007             -reversed          700 after 10 s, 702 ten minutes later
//	0008             -refunded          700 after 10 s, 705 ten minutes later
//	0009             -lost              700 after 10 s, no callback is ever sent
//	0010             -jammed-reversed   704 after 10 s, 702 ten minutes later
//
// The reference counts before the account number, both before Config.Outcome.
package kasapaytest
