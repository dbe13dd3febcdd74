// Package kpay is a client of KPay (K-Pay, ESICIA, Rwanda): collections by MTN
// and Airtel mobile money, cards, bank, SPENN and SmartCash.
//
//	client, err := kpay.New(kpay.Config{
//		BaseURL: kpay.SandboxURL, Username: user, Password: password, RetailerID: "02",
//	})
//	payment, err := client.Pay(ctx, kpay.PayParams{RefID: orderID, ...})
//	if errors.Is(err, kpay.ErrOutcomeUnknown) {
//		// The payer may have been asked. Look before asking again:
//		payment, err = client.Status(ctx, orderID)
//	}
//	payment, err = client.Wait(ctx, orderID) // until paid or failed
//
// # Pending is not paid
//
// What Pay returns is pending, whatever its "success" says: the payer still has
// to approve on the handset or on the checkout page. Only a statusid makes a
// payment paid or failed; KPay's document advises to believe Status over a
// postback.
//
// # What a failed call means
//
// Every error of a call is an *Error. Its Outcome answers first whether money
// may move:
//
//   - OutcomeNotSent: nothing left this process. Try again at will.
//   - OutcomeRejected: KPay answered, in its own words, that it did not do it.
//   - OutcomeUnknown: a request left, no clear answer came, and Status did not
//     settle it. errors.Is(err, ErrOutcomeUnknown). Never pay with a new RefID;
//     ask Status first.
//   - OutcomeNoEffect: a status question got no clear answer. Nothing moved.
//
// KPay refuses a RefID it has seen (code 608) and can be asked by it, so Pay
// settles an unknown outcome itself: it asks for the RefID, returns the payment
// when there is one, and sends once more only when KPay does not know it, after
// a grace of three seconds. When that is declined and KPay still does not know
// the RefID, the outcome stays unknown: the payer may have the first prompt.
//
// # What is documented and what is assumed
//
// The reference document has eleven codes; the vendor's guide has seven more,
// and mobile money adds its own. All are read, see Code. HTTP statuses of error
// answers, postback retries and limits of a RefID are not documented. The
// document's curl posts to /api/, all other sources to /: see Config.BaseURL.
//
// Amounts are decimal.Decimal. KPay's answers name no amount at all.
package kpay
