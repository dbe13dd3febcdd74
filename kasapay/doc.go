// Package kasapay is a client of the Kasapay gateway (Kenya). It pays paybills, tills
// and bank accounts (B2B).
//
// Make a client, create a payout, and wait until it is processed or failed:
//
//	client, err := kasapay.New(kasapay.Config{
//		BaseURL: kasapay.SandboxURL, ConsumerKey: key, ConsumerSecret: secret, ServiceCode: "12346",
//	})
//	payout, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{Reference: "ms83-367839", ...})
//	if sdk.Advise(err) == sdk.Look {
//		payout, err = client.Payouts.Find(ctx, "ms83-367839") // never pay with another reference
//	}
//	if err != nil {
//		return err
//	}
//	payout, err = client.Payouts.Wait(ctx, "ms83-367839")
//	if err == nil && payout.Status == kasapay.StatusProcessed {
//		// the supplier is paid
//	}
//
// To learn of later changes too, receive Kasapay's callbacks with package webhook. In
// tests use package kasapaytest.
//
// # What can go wrong
//
// Create returns a payout that is queued (720) and not paid. The payout ends as
// processed (700), failed (701), reversed (702) or refunded (705). A processed payout
// can still be reversed or refunded later. A jammed payout (704) is in doubt: it is
// not final, and to pay it again could pay twice.
//
// Every error of a call is an *sdk.Error. Its Outcome says whether money may move:
//
//   - sdk.NotSent: nothing left this process. Call again.
//   - sdk.Rejected: Kasapay said in its own words that it did not do it, as far as its
//     response can be trusted. The Code of the error is the error_code, and its Detail
//     is a ResponseCode.
//   - sdk.Unknown: the request left, and neither its response nor a lookup settles it.
//     Keep the payout pending and call Find. Never pay with a new reference.
//   - sdk.NoEffect: a lookup got no clear response. Nothing moved.
//
// Create is a referenced write: the document says that a reference is unique, and a
// payout is found by its reference. So calling Create again with the same parameters
// after a crash is right. Create settles a duplicate, a throttle, a refused token and an
// unknown outcome by itself:
//
//   - It asks for the reference at once, and again one and three seconds later. If
//     Kasapay shows the payout, Create returns it. Existing says that no request of this
//     call can have made it.
//   - It compares amount, currency, destination and account. Another payout is
//     sdk.ErrReferenceTaken. An amount that cannot be read leaves the outcome unknown.
//     Unverified says that no amount was shown.
//   - If Kasapay says each time that it knows none, Create sends the request once more.
//     It never does so after a duplicate.
//   - While a request is unanswered, only finding the payout settles the call. A refusal
//     of the second request does not, because the first may still be on its way.
//   - A known refusal is looked up once: Kasapay may look at the float or the service
//     before the reference, and the payout itself may have emptied the float. If the payout
//     is there and has not failed, Create returns it. If it cannot be compared, the outcome
//     is unknown. The outcome is unknown, too, if the float is too low and the lookup fails.
//     Otherwise the refusal stands.
//   - A refusal counts only in words that are known: an invalid service, insufficient
//     funds, an invalid field. How Kasapay refuses a reference that it has seen is not
//     documented, so any other refusal is looked up like a duplicate. An empty body,
//     HTML, a proxy's JSON, a refusal that names another payout or one beside a
//     payment_status or a receipt settle nothing.
//
// The promise holds although processes die, networks lose, delay, cut and deliver
// late, and responses are stale or another request's. It rests on Kasapay's word that a
// reference is unique. It has one gap. The document's refusal names no payout: an
// intermediary may hand you the refusal of another request. If Kasapay then shows the payout
// late, money has moved although the error says rejected.
//
// # Limits
//
// Paths, fields, the codes 700 to 705, 720 and 721 and the sandbox host are
// documented. The production host is not. Neither are the HTTP statuses of refusals,
// nor the responses to a duplicate reference, an unknown reference and an expired
// token. What this package takes for them is marked as assumed.
//
// Amounts are decimal.Decimal, sent with two decimals. Currency and Country are codes of
// ISO 4217 and ISO 3166-1 alpha-3. The document's bank sample has a Method that its own
// table does not give to bank accounts: see Config.AnyMethod.
package kasapay
