// Package webhook receives the status callbacks of Kapiten and of the payment
// providers.
//
// Build one [Handler] per provider and mount it on any router:
//
//	payments, err := webhook.NewKPay(client, webhook.Config[kpay.Payment]{
//		Auth:  []webhook.Authenticator{webhook.PathSecret(secret)}, // or Capabilities
//		Inbox: inbox, // NewSQLInbox(db, webhook.Postgres)
//		HandleTx: func(ctx context.Context, tx *sql.Tx, e webhook.Event[kpay.Payment]) error {
//			return orders.SetStatus(ctx, tx, e.Reference, e.Status)
//		},
//	})
//	mux.Handle("/hooks/kpay/", payments)
//
// Then run a [Reconciler] beside it, which finds what a lost callback would have
// told.
//
//	provider        constructor                            an event is
//	Kapiten         NewKapiten                             Confirmed
//	KPay            NewKPay                                Confirmed
//	Kasapay         NewKasapay                             Confirmed
//	Kotani Pay v2   NewKotani                              Confirmed
//	Kotani Pay v3   New, KotaniV3, KotaniV3Signature       Verified
//	FiatConnect     New, FiatConnect, FiatConnectSignature Verified
//	BitPesa         New, BitPesa, BitPesaSignature         Verified
//	your own        New, a Source, Signature or Confirm    as you choose
//
// All of a provider's names begin or end with the provider: KPay describes its
// callbacks, KPayStates orders its statuses, ConfirmKPay asks the API about an
// event, and LookupKPay asks about a reference for a Reconciler.
//
// # What happens to a delivery
//
//	authenticate  Config.Auth; checks of headers come before the body is read
//	read          at most 1 MiB, or Config.MaxBody
//	decode        Source.Decode and Source.Identify
//	lease         Inbox.Acquire; a duplicate gets the first response again
//	confirm       Config.Confirm asks the provider's API
//	hand on       Config.Handle, or Config.HandleTx in the inbox's transaction
//	acknowledge   Source.Acknowledge
//
// The lease comes before the confirmation, so that duplicates ask the provider
// once, however many come and to however many machines.
//
// # Trust
//
// Kapiten, KPay, Kasapay and Kotani v2 document no signature. What they post is
// [Claimed], however well the URL is hidden. Config.Confirm makes it [Confirmed].
// A signed event is [Verified].
//
// # What can go wrong
//
// With Config.Handle your function may run twice for an event: if the process dies
// after the function returned and before the event was marked done. Write it so
// that this does no harm. With Config.HandleTx and a [SQLInbox] on your own
// database, an event takes effect exactly once: your writes and the mark are
// committed together, or neither.
//
// A refused delivery gets a status without detail, as listed at ErrUnauthenticated.
// Config.Report and Config.Logger get the detail, without secrets, paths or bodies.
// After 500 or 503 the sender retries, if it retries at all.
//
// A status that cannot follow the last one is acknowledged, reported as
// ErrImpossible, and kept as a [DeadLetter] for a person.
//
// # Limits
//
//   - A MemoryInbox forgets everything when its process ends.
//   - SQLInbox speaks PostgreSQL and SQLite. Run Dialect.Migration in one process.
//   - An event that no purge has removed yet is recognised; see SQLInbox.Purge.
//   - In background mode, every authenticated delivery is stored before it is
//     confirmed. A sender who knows the way in can fill the inbox.
package webhook
