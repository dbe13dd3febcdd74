// Package kapiten is a client of the Kapiten B2B delivery API (Kigali):
// companies, their users, rides, prices and the company wallet.
//
//	client, err := kapiten.New(kapiten.Config{Token: token})
//	ride, err := client.Rides.Create(ctx, kapiten.CreateRideParams{...})
//	if errors.Is(err, sdk.ErrOutcomeUnknown) {
//		// The ride may exist. Ask before creating another one:
//		ride, err = client.Rides.FindByExternalID(ctx, companyID, externalID)
//	}
//
// # What a failed call means
//
// Every error of a call is an *Error. Its Outcome answers first whether the
// provider may have acted:
//
//   - OutcomeNotSent: nothing left this process. Try again at will.
//   - OutcomeRejected: Kapiten answered, in its own words, that it did not do it.
//   - OutcomeUnknown: a request left and no clear answer came. errors.Is(err,
//     ErrOutcomeUnknown). Never create blindly again; look it up first.
//   - OutcomeNoEffect: a read or an estimate got no clear answer. Nothing moved.
//
// Kapiten documents no idempotency key and promises no unique external_id, so
// Rides.Create and Wallet.TopUp send a request again only while it surely did
// nothing: it never left, or was throttled. Rides.CreateOnce goes further and
// settles an unknown outcome by looking for the external id among the newest
// rides; its documentation names the limits of that.
//
// # What is documented and what is assumed
//
// The reference document gives parameters and samples but neither methods nor
// paths. Every route is a row of one table (Operations), says where it is known
// from, and can be overridden in Config.Routes. The form of errors and lists is
// that of the Django REST framework, inferred from the samples.
//
// Amounts are decimal.Decimal in RWF from the wire to the caller.
package kapiten
