// Package kpaytest is a fake of KPay: a stateful server with payments,
// postbacks and a hosted checkout page, for tests that need neither a network
// nor an account.
//
//	srv := kpaytest.NewServer(t)
//	client, err := kpay.New(srv.Config())
//	// ... pay through client ...
//	srv.Advance(10 * time.Second) // the payer approves, the postback goes out
//	fmt.Println(srv.Balance("02", "RWF"), srv.Deliveries()[0].Body)
//
// New gives the same as a plain http.Handler, for a test in any language: user
// test-user, password test-pass, retailer 02.
//
// It serves one POST endpoint at / and at /api/ and the hosted checkout page
// below /checkout/. Business answers come with HTTP 200, errors in the body.
//
// # Checks
//
// A pay request is checked in this order (the codes are documented, their order
// is assumed): plain HTTP 500 (Config.RequireHTTPS), no Authorization 401, wrong
// pair 600, foreign address 602, a field missing, empty or unusable 603, retailer
// unknown 604 or disabled 605, method 609, institution 610, refid used before
// 608, then what the processor says.
//
// # Scripting outcomes
//
// A payment is paid 10 s after it was accepted; one by card (method cc) waits
// for the checkout page instead. The payer's number or the refid can say
// otherwise. No document publishes such values: these are the fake's own.
//
//	msisdn ends in  refid ends in     what happens
//	-               -paid             paid, a card payment too
//	0001            -failed           fails: the payer refused (02)
//	0002            -no-funds         fails: TARGET_AUTHORIZATION_ERROR (02)
//	0003            -never            stays pending
//	0004            -slow             paid after 10 minutes
//	0005            -processor-error  fails with the processor's code 682
//	0006            -immediate        paid in the answer itself, no pending state
//	0007            -refused          refused in the answer: 606
//	0008            -refused-no-funds refused in the answer: 606, "Not enough funds"
//	0009            -lost             paid, but no postback is ever sent
//	0010            -lagging          checkstatus says 611 for the first 2 s
//
// The refid counts before the number, both before Config.Outcome.
//
// On the checkout page the six cards of the reference document pay, every other
// valid number is declined, and a number that fails the Luhn check changes
// nothing. A program posts the page's form to its URL, the "url" of the pay
// answer: card_number, and expiry_date (MM/YY) and cvv if it likes. Paid or
// declined, the answer is a 303 to the redirecturl; a number or a date that
// cannot be is a 422. Retailer 02 is enabled, retailer 03 is not.
package kpaytest
