// Package transport is the one HTTP core under all provider clients. It knows
// no provider: a client hands it a table of operations, a way to authorize one
// attempt and a way to read an answer, and gets back either a decoded answer or
// a *Failure that says first of all whether the provider may have acted.
//
// A call flows one way:
//
//	Call -> route (path, query) -> body -> attempts -> verdict -> decode
//
// Attempts are carried out by go-retryablehttp with one small client value per
// call. Whether an attempt may be repeated follows from the operation's Class
// and from what is known about the attempt, never from the HTTP method:
//
//   - an attempt that never left this process (a connection was asked for and
//     never had) is NotSent and may be repeated in every class;
//   - an answer in the provider's own words settles the call;
//   - everything else is Unknown: repeated for Safe and Keyed operations, looked
//     up by reference for Referenced ones, returned as it is for Once. It stays
//     so whatever later attempts meet, until an answer or a lookup settles it.
//
// Credentials, nonces and signatures are added per attempt. Redirects are never
// followed on a write and never to another host. Bodies are bounded.
package transport
