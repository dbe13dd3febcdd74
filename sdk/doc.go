// Package sdk is what the provider packages of this module have in common: one
// error, one set of sentinels, one function that says what to do next, and the
// options that every client takes.
//
// Ask Advise what to do after each call:
//
//	payment, err := client.Pay(ctx, params)
//	switch sdk.Advise(err) {
//	case sdk.Done: // go on
//	case sdk.Again: // nothing happened: call again after sdk.RetryAfter(err), a bounded number of times
//	case sdk.Look: // it may have happened: keep it pending, look for the reference, never pay under a new one
//	case sdk.Mend: // the parameters are refused: see the fields of the error
//	case sdk.Credentials: // the credentials or the set-up are refused: stop and alert somebody
//	case sdk.Taken: // the reference belongs to another payment: investigate
//	}
//
// For more, take the *Error out of any error of any client:
//
//	var e *sdk.Error
//	if errors.As(err, &e) {
//		log.Print(e.Outcome, e.Reference, e.Code)
//	}
//
// # What can go wrong
//
// Outcome says whether the provider may have acted. An error that is no *Error,
// and an *Error without an Outcome, count as Unknown: a forgotten field never
// says that a payment may be repeated.
//
// # Limits
//
// The fields of an Error hold what the provider sent, which can be personal data.
// Its text, and everything an encoder or a logger writes of it, do not. Error and
// Options are plain structs: a test can make an Error by hand, and it prints and
// matches like a real one.
package sdk
