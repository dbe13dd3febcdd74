// Package transport is the one HTTP core under all provider clients. It knows no
// provider. A client hands it a table of operations, a way to authorize an attempt
// and a way to read a response. It gets back a decoded response or an *sdk.Error
// that says first of all whether the provider may have acted.
//
// A call flows one way:
//
//	Call -> route (path, query) -> body -> attempts -> verdict -> decode
//
// call.go takes a call apart, and prepares, sends and looks up one write. check.go checks
// what is sent and compares what is shown. settle.go decides what a failure means for the
// class of the operation, looks it up, and lets calls with one reference share one
// flight. exchange.go repeats attempts with go-retryablehttp and says what they mean
// together. attempt.go carries out one, and keeps what proves that it was not sent.
// failure.go names causes, and how long to wait after them.
//
// # What is known about a call
//
// The history of a call covers all its attempts and only grows:
//
//   - An attempt was never sent if no connection was ever had, or if not one byte
//     went over a connection of the SDK's own.
//   - An attempt is refused if the response is one that the provider's Interpret
//     recognises.
//   - Every other attempt is open. While one is, the outcome is Unknown, whatever a
//     later attempt meets, until a lookup finds the payment.
//
// # What is repeated
//
// A refusal of a Referenced or a Searched write is looked up once before it is believed.
// Only finding the payment changes it.
//
// An attempt that was never sent is repeated in every class. Safe and Keyed
// operations are repeated after anything that may pass. A Referenced write is
// repeated only after lookups that did not find it. A Searched or a Once write is
// not repeated once it may have left, except after the provider's own refusal of its token.
//
// net/http must not repeat a write either: no body can be rewound, and a second
// connection ends the attempt. Redirects are never followed on a write and never to
// another host. Credentials, nonces and signatures are added per attempt. The size
// of a response is bounded.
package transport
