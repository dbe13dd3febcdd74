// Package kotani is a client of the Kotani Pay API v2 (mobile money, banks and
// stablecoins in Kenya and Ghana) and of its FiatConnect section.
//
//	client, err := kotani.New(kotani.Config{
//		BaseURL: baseURL, PhoneNumber: "254700000000", CountryCode: "KEN", Password: password,
//	})
//	payout, err := client.Fiat.Withdraw(ctx, kotani.WithdrawParams{
//		Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678", ExternalID: "order-17",
//	})
//	if errors.Is(err, sdk.ErrOutcomeUnknown) {
//		// The money may have moved. Ask before paying again:
//		payout, err = client.Fiat.StatusByExternalID(ctx, "order-17", kotani.Payouts)
//	}
//
// # What a failed call means
//
// Every error of a call is an *Error. Its Outcome answers first whether the
// provider may have acted:
//
//   - OutcomeNotSent: nothing left this process. Try again at will.
//   - OutcomeRejected: Kotani answered, in its own words, that it did not do it.
//     It mostly does so inside an HTTP 200.
//   - OutcomeUnknown: a request left and no clear answer came. errors.Is(err,
//     ErrOutcomeUnknown). Never pay blindly again; look it up first.
//   - OutcomeNoEffect: a read or a quote got no clear answer. Nothing moved.
//
// Outside FiatConnect the API has no idempotency key. Deposits and withdrawals
// therefore want an external id of yours, which the API can be asked about:
// after an unknown outcome the client looks it up, returns the transaction when
// it is there, and sends once more only when it stays absent for three seconds.
// That the provider refuses a second use of an external id is documented
// nowhere, so a request which the far side holds back for longer than that and
// then carries out can still become a second payment. SendToMpesa relies on the
// provider's refusal to process a transaction hash twice. All other writes are
// sent again only while they surely did nothing.
//
// FiatConnect transfers carry an Idempotency-Key and are repeated under it.
//
// # What is documented and what is assumed
//
// The reference document gives schemas but neither methods nor paths. Every
// route is a row of one table (Operations) and can be overridden in
// Config.Routes. Source says where it is known from: "vendor-extra" is what the
// operator published in 2022, "observed" is public client code, "assumed" is our
// convention. Grade says how well it fits the document:
//
//	A     the operator's own source or pages give it, and bodies or answers match
//	A-    the same, with a known difference
//	B     client code of others, with a matching body
//	C     by analogy
//	U     unknown: made up here
//	A/U   a suffix of the FiatConnect specification under an unknown prefix
//
// None of this was held against a live server.
//
// # Amounts
//
// Amounts are decimal.Decimal from the wire to the caller, in whole units of
// their currency (shillings, cedis, cUSD). On the wire they are integers in some
// operations and strings in others; the parameters' documentation says which
// take whole amounts only.
package kotani
