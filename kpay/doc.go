// Package kpay is a client of KPay (K-Pay, ESICIA, Rwanda). It collects money by MTN
// and Airtel mobile money, cards, bank, SPENN and SmartCash.
//
// Make a client, ask the payer for money, and wait until the payment is paid or
// failed:
//
//	client, err := kpay.New(kpay.Config{
//		BaseURL: kpay.SandboxURL, Username: user, Password: password, RetailerID: "02",
//	})
//	payment, err := client.Pay(ctx, kpay.PayParams{RefID: orderID, ...})
//	if sdk.Advise(err) == sdk.Look {
//		payment, err = client.Find(ctx, orderID) // never pay with another RefID
//	}
//	if err != nil {
//		return err
//	}
//	payment, err = client.Wait(ctx, orderID)
//	if err == nil && payment.Status.Paid() {
//		// ship the order
//	}
//
// Send the payer of a card to Payment.CheckoutURL. To learn the result without
// Wait, receive KPay's postbacks with package webhook. In tests use package
// kpaytest.
//
// # What can go wrong
//
// Pay returns a pending payment, whatever its "success" says: the payer still has to
// approve it, on the handset or on the checkout page. Only a statusid makes a payment
// paid or failed. KPay's document advises to believe a lookup over a postback.
//
// Every error of a call is an *sdk.Error. Its Outcome says whether money may move:
//
//   - sdk.NotSent: nothing left this process. Call again.
//   - sdk.Rejected: KPay said in its own words that it did not do it, as far as its
//     response can be trusted. The Code of the error is a Code of this package.
//   - sdk.Unknown: the request left, and neither its response nor a lookup settles it.
//     Keep the payment pending and call Find. Never pay with a new RefID.
//   - sdk.NoEffect: a lookup got no clear response. Nothing moved.
//
// Pay is a referenced write: KPay refuses a RefID it has seen (code 608) and finds a
// payment by its RefID. So calling Pay again with the same parameters after a crash is
// right. Pay settles a duplicate, a throttle and an unknown outcome by itself:
//
//   - It calls Find at once, and again one and three seconds later. If KPay knows the
//     RefID, Pay returns that payment. Existing says that no request of this call can
//     have made it, and Unverified that KPay showed no amount to compare.
//   - If KPay does not know it, Pay sends the request once more. It never does so after
//     a duplicate.
//   - While a request is unanswered, only finding the payment settles the call. A
//     refusal of the second request does not, because the first may still be on its way.
//   - Any other refusal is looked up once, unless it refuses your credentials: KPay may
//     look at the payer or the retailer before the RefID. If the payment is there and has
//     not failed, Pay returns it. If KPay refused for lack of funds and the lookup fails, the
//     outcome is unknown (and the error still matches sdk.ErrInsufficientFunds): an earlier call's
//     payment may have taken the money. Otherwise the refusal stands.
//   - A refusal counts only in KPay's own words: a retcode or statusid of its list. An
//     empty body, HTML, a proxy's JSON, another payment's refid or a lookup's "not
//     found" (611) settle nothing.
//
// The promise holds although processes die, networks lose, delay, cut and deliver
// late, and responses are stale or another request's. It rests on KPay's word that it
// refuses a RefID used before. It has one gap. KPay's refusals of a request (401 to 610)
// name no RefID: an intermediary may hand you the refusal of another request. If KPay then shows
// the payment late, money has moved although the error says rejected. After a decline (02, 606, 607) that names no
// RefID, Pay looks for three seconds: the documented decline names it.
//
// # Limits
//
// The reference document has eleven codes, and the vendor's guide has seven more.
// Mobile money adds codes of its own. The package reads them all: see Code.
//
// Not documented are the HTTP statuses of refusals, how often a postback is repeated,
// and the length and alphabet of a RefID. The document's curl posts to /api/, every
// other source to /: see Config.BaseURL.
//
// Amounts are decimal.Decimal. KPay's responses name no amount, so no lookup can
// compare it: a RefID used for another amount returns that payment, with Unverified.
package kpay
