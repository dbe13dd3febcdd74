// Package kpaytest is a fake of KPay for tests. It keeps payments, sends
// postbacks and serves the checkout page. It needs no account, and no socket but
// for postbacks: they go to the returl, unless Options.Callbacks receives them.
//
// Start a fake, give its ClientConfig to a client, pay, and move the clock:
//
//	srv := kpaytest.NewServer(t, kpaytest.Config{
//		Options: fake.Options{Callbacks: handler}, // your postback handler, whatever the returl
//	})
//	client, err := kpay.New(srv.ClientConfig())
//	// ... pay through client ...
//	srv.Advance(10 * time.Second) // the payer approves, the postback goes out
//	fmt.Println(srv.Balance("02", "RWF"), srv.Deliveries()[0].Body)
//
// New returns the same fake as a plain http.Handler, for a test in any language.
// Its user is test-user, the password test-pass. Retailer 02 is enabled,
// retailer 03 is not.
//
// # Make a payment go wrong
//
// A payment is paid 10 s after KPay accepted it. A payment by card (method cc)
// waits for the checkout page instead. To ask for something else, end the refid
// or the payer's number as the table says:
//
//	msisdn ends in  refid ends in     what happens
//	-               -paid             paid, a card payment too
//	0001            -failed           fails: the payer refused (02)
//	0002            -no-funds         fails: TARGET_AUTHORIZATION_ERROR (02)
//	0003            -never            stays pending
//	0004            -slow             paid after Quirks.SlowAfter, 10 minutes
//	0005            -processor-error  fails with the processor's code 682
//	0006            -immediate        paid in the response itself, never pending
//	0007            -refused          refused in the response: 606
//	0008            -refused-no-funds refused in the response: 606, "Not enough funds"
//	0009            -lost             paid, but no postback is ever sent
//	0010            -lagging          checkstatus says 611 for the first 2 s
//
// The refid counts before the number, and both count before Config.Scenario. No
// document publishes such values: they are the fake's own.
//
// MovePayment ends a pending payment at once. AddFault breaks requests,
// AddCallbackFault breaks callbacks. Config.Quirks changes how KPay writes its
// responses.
//
// # Pay on the checkout page
//
// The "url" of the pay response is the payment's page. The six cards of the
// reference document pay there, and every other valid number is declined. A
// number that fails the Luhn check changes nothing. A program posts the page's
// form to that URL: card_number, and expiry_date (MM/YY) and cvv if it likes.
// Paid or declined, the response is a 303 to the redirecturl. An impossible
// number or date gets a 422.
//
// # Limits
//
// The fake serves POST / and POST /api/, and the pages below /checkout/. A GET of
// either, as in the document's curl, is a request without parameters: 603 if its
// credentials are good. Business results come with HTTP 200, errors in the body.
//
// The fake checks a pay request in this order: plain HTTP 500 (Quirks.RequireHTTPS),
// no Authorization 401, wrong user or password 600, foreign address 602, a field
// missing or empty 603, a field that cannot be used 603, retailer unknown 604 or
// disabled 605, method 609, institution 610, refid used before 608. The processor's
// refusals come last. The codes are documented, their order is assumed.
//
// bankid, pmethod and msisdn must go together, or the code is 610 (assumed). MTN
// (63510) and Airtel (63514) go with momo and their own numbers: 078 and 079, 072 and
// 073. Mobicash goes with momo, SPENN with spenn, 000 with cc and smartcash, and every
// bank with bank.
package kpaytest
