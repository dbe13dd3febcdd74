// Package webhook receives the status callbacks of Kapiten and of the payment
// providers: it lets no stranger in, applies no event twice and none out of
// order, loses none when a process dies, and answers as each sender expects.
//
// A [Handler] is an http.Handler for one provider. For each delivery it
//
//	authenticates   Config.Auth, header checks before the body is read
//	reads           bounded, 1 MiB unless Config.MaxBody says otherwise
//	decodes         Source.Decode
//	claims          Inbox.Claim: new, in flight, or done with the answer given then
//	confirms        Config.Confirm asks the provider's API
//	calls you       Config.Handle, or Config.HandleTx in the inbox's transaction
//	acknowledges    Source.Acknowledge
//
// The claim comes before the confirmation so that duplicates, however many and
// on however many machines, ask the provider once.
//
// # Trust
//
// Kapiten, KPay, Kasapay and Kotani v2 document no signature. What they post is
// [Claimed], however well the URL is hidden; [Config].Confirm makes it
// [Confirmed]. A signed event is [Verified].
//
// # Effects
//
// With [Config].HandleTx and a [SQLInbox] on the merchant's own database an
// event takes effect exactly once: the merchant's writes and the inbox mark
// commit together or not at all. With [Config].Handle a process that dies after
// the function returned and before the mark was stored runs it again; such a
// function must tolerate that.
//
// # Errors
//
// Answers to refused deliveries carry no detail. Details go to Config.Report
// and Config.Logger, without secrets, paths or bodies.
package webhook
