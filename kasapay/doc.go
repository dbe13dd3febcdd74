// Package kasapay is a client of the Kasapay gateway (Kenya): B2B payouts to
// paybills, tills and bank accounts.
//
//	client, err := kasapay.New(kasapay.Config{
//		BaseURL: kasapay.SandboxURL, ConsumerKey: key, ConsumerSecret: secret, ServiceCode: "12346",
//	})
//	payout, err := client.Payouts.Initiate(ctx, kasapay.InitiateParams{Reference: "ms83-367839", ...})
//	if errors.Is(err, kasapay.ErrOutcomeUnknown) {
//		// The supplier may be paid. Look before paying again:
//		payout, err = client.Payouts.Status(ctx, "ms83-367839")
//	}
//	payout, err = client.Payouts.Wait(ctx, "ms83-367839") // until processed or failed
//
// # Accepted is not paid
//
// Initiate returns a payout that is queued (720). It ends as processed (700),
// failed (701), reversed (702) or refunded (705); a processed one can still be
// reversed or refunded later. A jammed one (704) is in doubt: neither final nor
// safe to repeat.
//
// # What a failed call means
//
// Every error of a call is an *Error. Its Outcome answers first whether money
// may move:
//
//   - OutcomeNotSent: nothing left this process. Try again at will.
//   - OutcomeRejected: Kasapay answered, in its own words, that it did not do it.
//   - OutcomeUnknown: a request left, no clear answer came, and Status did not
//     settle it. errors.Is(err, ErrOutcomeUnknown). Never pay with a new
//     reference; ask Status first.
//   - OutcomeNoEffect: a status question got no clear answer. Nothing moved.
//
// Initiate settles an unknown outcome itself: it asks for the reference, returns
// the payout when there is one, and sends once more only when Kasapay says that
// it knows none, again after one and after two more seconds. That Kasapay
// refuses a reference it has seen is documented; with which answer is not. So a
// refusal of the second request leaves the outcome unknown, unless it is about
// the service code or the fields, which both requests share.
//
// # What is documented and what is assumed
//
// Paths, fields, the codes 700 to 705, 720 and 721 and the sandbox host are
// documented. The production host, HTTP statuses of refusals, the answer to a
// duplicate or unknown reference and to an expired token are not; what this
// package takes for them is marked as assumed.
//
// Amounts are decimal.Decimal, sent with two decimals.
package kasapay
