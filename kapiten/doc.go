// Package kapiten is a client of the Kapiten B2B delivery API (Kigali): companies,
// their users, rides, prices and the company wallet.
//
// Create a ride once, and wait until it ends:
//
//	client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: token})
//	ride, err := client.Rides.CreateOnce(ctx, params)
//	switch sdk.Advise(err) {
//	case sdk.Done:
//		ride, err = client.Rides.Wait(ctx, params.CompanyID, ride.ID)
//	case sdk.Look:
//		// The ride may exist: keep the order open, and look with Rides.Find. Call
//		// CreateOnce again only after longer than Kapiten's list lags.
//	}
//
// Set params.Since to the time of the order, so that CreateOnce need not look
// through all rides. A merchant without a token gets one with Companies.Create,
// Users.Create and Users.Token. Package kapitentest is a fake of the API that needs
// no account.
//
// # What a failed call means
//
// Every error of a call is an *sdk.Error. sdk.Advise says what to do next. The
// Outcome says whether Kapiten may have acted:
//
//   - sdk.NotSent: nothing left this process. Try again at will.
//   - sdk.Rejected: Kapiten said, in the form of its framework, that it did nothing.
//   - sdk.Unknown: the request left, and no clear response came. The error matches
//     sdk.ErrOutcomeUnknown. Look with Rides.Find before you create another ride.
//   - sdk.NoEffect: a read or an estimate got no clear response. Nothing moved.
//
// A response that shows another ride, deposit, company or user than the call asked
// for is an unknown outcome. So is a refusal that Kapiten's framework would not have
// written: an empty body, HTML, a proxy's JSON.
//
// # Limits
//
// Kapiten documents no idempotency key and promises no unique external_id. Writes
// are of class once: the client sends a write again only when it never left.
// Rides.CreateOnce is of class searched: it also looks for the external id, before
// it sends, after an unknown outcome, and once after a refusal or a throttle. It sends
// nothing a second time either. What no client can prevent:
//
//   - Two processes that call CreateOnce at the same time can create two rides.
//   - A list that lags hides the ride of a call before: CreateOnce again, within the lag,
//     creates a second ride without any fault. Wait longer than the lag. Package sdk/journal
//     remembers the ride.
//   - A request that is held back, and carried out after the next call has looked,
//     becomes a second ride.
//   - An intermediary that repeats a POST by itself can create a second ride.
//   - A refusal names no ride and no deposit. "Insufficient funds", say, may be the refusal
//     of another request, which an intermediary hands you: then the ride may exist although the
//     error says rejected.
//     What need not be about this write is an unknown outcome: another HTTP method, a page,
//     a login, a field that is no parameter of it, words without a field that are neither the
//     framework's nor about money, a code that the framework does not have under this status,
//     and every 404 but "No Company matches the given query.". Package sdk/journal looks for
//     the ride, or for the deposit's Description, after a refusal. Client.Do sends what this
//     package does not know: of these rules, those about fields and words do not hold for it.
//
// Any other fault of the network is allowed for, and a crash at any point.
//
// No endpoint for a single ride or transaction is documented. Find, FindMany, Get and
// Wait go through a list, newest first, to what you say existed before
// (SearchOptions), or to the end. Where the list leaves the question open, the error
// matches sdk.ErrUnexpectedResponse, never sdk.ErrNotFound.
//
// The reference document gives parameters and samples, but neither methods nor
// paths. Operations lists every route with its source, and Config.Routes replaces
// any of them. The form of errors and lists is that of the Django REST framework,
// inferred from the samples.
//
// Amounts are decimal.Decimal in RWF from the wire to the caller.
package kapiten
