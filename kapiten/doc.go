// Package kapiten is a client of the Kapiten B2B delivery API (Kigali): companies,
// their users, rides, prices and the company wallet.
//
// Create a delivery once, and wait until it ends:
//
//	client, err := kapiten.New(kapiten.Config{Token: token})
//	ride, err := client.Rides.CreateOnce(ctx, params)
//	switch sdk.Advise(err) {
//	case sdk.Done:
//		ride, err = client.Rides.Wait(ctx, params.CompanyID, ride.ID)
//	case sdk.Look:
//		// The ride may exist. Keep the order open, and call CreateOnce again
//		// later with the same ExternalID.
//	}
//
// A merchant without a token gets one with Companies.Create, Users.Create and
// Users.Token. Package kapitentest is a fake of the API that needs no account.
//
// # What a failed call means
//
// Every error of a call is an *sdk.Error. Read its Outcome first: it says whether
// Kapiten may have acted.
//
//   - sdk.NotSent: nothing left this process. Try again at will.
//   - sdk.Rejected: Kapiten said, in its own words, that it did nothing.
//   - sdk.Unknown: the request left, and no clear response came. The error matches
//     sdk.ErrOutcomeUnknown. Look with Rides.Find before you create another ride.
//   - sdk.NoEffect: a read or an estimate got no clear response. Nothing moved.
//
// # Limits
//
// Kapiten documents no idempotency key and promises no unique external_id.
// Rides.Create and Wallet.TopUp therefore send a request again only after an
// attempt that surely did nothing: it never left, or Kapiten throttled it.
// Rides.CreateOnce also settles an unknown outcome, by looking for the external id
// among the newest rides; its documentation names the limits of that search.
//
// No endpoint for a single ride or transaction is documented. Find, Get and Wait
// look through the newest five pages of a list.
//
// The reference document gives parameters and samples, but neither methods nor
// paths. Operations lists every route with its source, and Config.Routes replaces
// any of them. The form of errors and lists is that of the Django REST framework,
// inferred from the samples.
//
// Amounts are decimal.Decimal in RWF from the wire to the caller.
package kapiten
