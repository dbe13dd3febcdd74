// Package webhook receives the status callbacks of Kapiten and of the payment
// providers.
//
// Build one [Handler] per provider and mount it on any router:
//
//	inbox, err := webhook.NewSQLInbox(db, webhook.PostgreSQL) // then inbox.Migrate and inbox.Check
//	payments, err := webhook.NewKPay(client, webhook.Config[kpay.Payment]{
//		Auth:  webhook.PathSecret(secret),
//		Known: orders.Exists,
//		Inbox: inbox,
//		HandleTx: func(ctx context.Context, tx *sql.Tx, e webhook.Event[kpay.Payment]) error {
//			return orders.SetStatus(ctx, tx, e.Reference, e.Status)
//		},
//	})
//	mux.Handle("/hooks/kpay/", payments)
//
// README.md in this folder has a recipe for each provider, with nginx in front.
//
//	provider        constructor     a delivery is  an event is
//	Kapiten         NewKapiten      a knock        Confirmed
//	KPay            NewKPay         a knock        Confirmed
//	Kasapay         NewKasapay      a knock        Confirmed
//	Kotani Pay v2   NewKotani       a knock        Confirmed
//	Kotani Pay v3   NewKotaniV3     a fact         Verified
//	FiatConnect     NewFiatConnect  a fact         Verified
//	BitPesa         NewBitPesa      a fact         Verified
//	your own        New, a Source   as you choose
//
// # Facts and knocks
//
// A signed delivery is a fact. It is authenticated, read, decoded, handed on and
// acknowledged. The same bytes again are a duplicate: they get the same
// acknowledgement once the first is committed. Until then they wait, and then get
// 503.
//
// An unsigned delivery is only a knock. It names a reference, and nothing else that
// was posted is believed or stored. The handler checks that the reference is yours:
// by the capability URL it came to, or by Config.Known. A capability URL is enough: a
// body in an unknown form is a knock about the URL's reference, unless it is empty,
// compressed or too large. Then the handler asks
// the provider's API, and hands on what the API says. One ask runs for a reference at a
// time, and each knock gets an ask that began after it arrived. If the posted status is
// ahead of the API's, the handler looks again after 1 s and 3 s. Then the sender gets
// 503 and retries.
//
// A response of the API can be late: another process of yours, a [Reconciler] or a
// callback that names the provider's id may have applied a newer one. So a response that
// takes back what was applied counts only if the API says so again, a second later (or an
// eighth of Config.Timeout, if that is less).
//
// # What your function gets
//
// Each change of a reference's status, once, in order, as long as the inbox remembers the
// reference: see Limits. [Event.Transition] tells how
// it compares with the last: Advanced, Reversed, Corrected or Unexpected. A status
// that came late is Stale and is not handed on. A signed or fed success
// that comes after its reversal is Stale. If the API shows it twice, it is Corrected and
// handed on. Everything else that the
// API says or a signature proves is handed on, also if the table of statuses has no way
// there.
//
// With HandleTx and a [SQLInbox] on your own database, your writes and the mark are
// committed together. An event then takes effect exactly once, on any number of
// replicas, even when a process dies in the middle. With Handle and a
// [MemoryInbox], your function may run twice: if the process dies after it.
//
// # What can go wrong
//
// A refused delivery gets a status without detail, as listed at ErrUnauthenticated.
// Config.Report and Config.Logger get the detail, without secrets, paths or bodies.
// After 500 or 503 the sender retries, if it retries at all. So run a [Reconciler],
// or follow payments with package sdk/journal: either finds what a lost callback
// would have told.
//
// Work that should begin after the acknowledgement belongs into sdk/journal: call
// flow.Plan in HandleTx.
//
// # Limits
//
//   - Signed deliveries hold no order, and nobody is asked. If a failure and a success
//     come in the wrong order, the failure is handed on last, as Reversed. Run a
//     Reconciler: it hands on what the API says then.
//   - Handler.Feed does not ask again: an older event that takes back what was applied is
//     handed on.
//   - A knock whose status cannot be read shows no lag of the API: its sender gets 200,
//     whatever the API says.
//   - An API that shows an old status again after that second is believed. Statuses that
//     may follow each other in both directions, and those that the table does not name,
//     can come in the wrong order.
//   - A MemoryInbox forgets everything when its process ends.
//   - An inbox forgets a reference some time after its last event, a duplicate included: see
//     MemoryInboxConfig and SQLInbox.Purge. If its success comes after that, it takes effect
//     again. A [Reconciler] asks about a reference more often than that, unless the API, your
//     Open or your function fails for that long. Make your own effect bear a repeat.
//   - A MemoryInbox also forgets whatever exceeds its Capacity. So let that exceed what Open
//     lists and all other references that have an event between two lookups of one.
//   - If a provider reopens a final payment, the earlier status is Stale, and your function
//     does not hear of it. It hears of the next final status, if that differs.
//   - A SQLInbox remembers the last 128 signed events of a reference.
//   - A signed delivery that SQLInbox.Purge has forgotten is handed on again.
//   - HandleTx runs again if the database asks for it (a deadlock, a serialization
//     failure). Its transaction was rolled back then. So write only through tx.
package webhook
