// Package journal makes requests durable: it records on your own database what you ask
// of a provider, sends it, settles what is in doubt and follows it to its end, across
// crashes and replicas.
//
// Open a journal, make a flow with your func, and run it in every process:
//
//	j, err := journal.Open(ctx, db, journal.PostgreSQL, journal.Config{OnStuck: alert})
//	collect := journal.KPay(j, "collect", client, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
//		switch c.Kind {
//		case journal.Succeeded, journal.Corrected:
//			return shipOrder(ctx, tx, c.Reference)
//		case journal.Failed, journal.Reversed:
//			return cancelOrder(ctx, tx, c.Reference)
//		}
//		return nil // pending or stuck: decide nothing
//	})
//	go func() { done <- j.Run(ctx) }()
//
// Then plan in your own transaction, beside your own rows:
//
//	tx, err := db.BeginTx(ctx, nil)
//	err = insertOrder(ctx, tx, order)
//	err = collect.Plan(ctx, tx, kpay.PayParams{RefID: journal.Reference(order.ID, "collect"), ...})
//	err = tx.Commit()
//	payment, err := collect.Await(ctx, reference) // if you want to wait
//
// The whole program, compiled and run by the tests, is Example_journal in
// internal/sqltest/journal_example_test.go of the repository.
//
// Route the provider's callbacks to Knock, so that news comes sooner. The client makes
// the callback URL when a request leaves, with the secret as its last segment:
//
//	kpay.Config{..., CallbackURL: func(string, decimal.Decimal, string) (string, error) {
//		return "https://shop.example/hooks/kpay/" + secret, nil // secret: of crypto/rand.Text, once
//	}}
//	mux.Handle("POST /hooks/kpay/{secret}", collect.Knock(webhook.PathSecret(secret)))
//
// Leave ReturnURL and CallbackURL of the parameters empty: Plan stores no URL with a
// secret, and refuses it.
//
// The details of finished entries hold names and phone numbers. Remove them once a day:
//
//	purged, err := j.Purge(ctx, journal.Retention{Final: 90 * 24 * time.Hour, Refused: 30 * 24 * time.Hour, Cancelled: 30 * 24 * time.Hour})
//
// # Flows
//
//	write                                   flow                       class
//	KPay payment                            KPay                       referenced
//	Kasapay payout                          Kasapay                    referenced
//	BitPesa transaction, create and fund    BitPesa                    referenced, twice
//	FiatConnect transfer, with its quote    FiatConnectIn, ...Out      keyed
//	Kapiten ride                            KapitenRides               searched
//	Kotani deposit, plain or quoted         KotaniDeposit, ...Quoted   searched
//	Kotani withdrawal, mobile or bank       KotaniWithdraw, ...ToBank  searched
//	Kapiten top-up                          KapitenTopUp               once, with a lookup
//	Kotani paybill, till, cash-outs,        KotaniPayBill, ...         once
//	  cash-in, M-Pesa, cUSD, basic income
//
// Give each flow a name that never changes. Two accounts at a provider are two flows.
// Plan refuses parameters that the client would refuse.
//
// # States
//
// An entry is planned, then sending, then open, and at last final. A refusal makes it
// refused. Cancel makes a planned entry cancelled. An entry that only a person can
// settle is stuck, with a Reason. Nothing is sent before your commit. Sending is
// written down before a byte leaves, with the bytes. Recovery is the normal path: an
// entry of a dead process is due when its lease ends, and any worker goes on.
//
// What follows an attempt without a clear response depends on the class of the write:
//
//   - Referenced: it is looked up. If the provider does not show it, in several spaced
//     lookups, the same bytes are sent again with the same reference.
//   - Keyed: the same bytes are sent again under the same key, while the provider
//     remembers the key. After that it is stuck. A restored entry has lost its bytes: it
//     is sent with a new quote under its key.
//   - Searched: it is looked up. If the provider does not show it, it is stuck, unless
//     FlowConfig.ResendAbsentAfter is set.
//   - Once: without a lookup it is stuck at once; with a lookup, when that does not show it.
//
// A refusal of a later attempt never ends an entry, because the first attempt may
// still be on its way. After a throttle, a refused token or a request that never left,
// the write is looked for once, and then sent again. A once write without a lookup is
// sent again at once, where sdk.Advise says Again. A refusal is looked up as well,
// because it may be another request's. If that lookup gets no clear response, the refusal
// is believed, except BitPesa's, whose words are not published.
//
// If the provider already has the reference before it accepted our request, the entry is
// stuck. A referenced write learns it from the refusal of its first
// attempt. When that refusal is lost, a lookup takes an older request for yours if all
// that it shows is the same: KPay shows no amount. So use a reference in one flow, and
// nowhere else. No entry fails because of its age. A stuck entry sends
// nothing until a person acts, whatever the provider shows.
//
// A quote is asked for when the entry is about to be sent, and anew for each attempt as
// long as nothing can have left. QuoteLimits bound its terms.
//
// # What can go wrong
//
// Your func fails: the provider's response is kept, and only the func is tried again.
// Nothing else happens to the entry meanwhile, so that changes stay in order. After
// FlowConfig.FuncTries it is stuck: mend the func, and Act with Retry. Do not commit or
// roll back inside the func, and make no network call in it.
//
// A provider does not respond: entries wait. An entry that was not sent within
// FlowConfig.SendWithin is stuck, so that no old order is paid by surprise.
//
// You plan again after a crash: the same parameters under the same reference are the
// same entry. Reference makes the same reference again.
//
// The database was restored from a backup: call Restored before Run. What the backup
// shows as planned may have been sent since, so it is looked for. If the provider does not
// show it, a referenced or a keyed write is sent until SendWithin after its plan. Later it is
// stuck, and you can Cancel it after the lookups. Rides, top-ups, and
// Kotani's deposits and withdrawals are stuck as absent instead, and Kotani's once writes
// are stuck at once.
//
// You doubt your books: Flow.Compare compares a flow with the provider's own list.
//
// Tables of another version: Open says what to do. An entry in a state of a newer
// release, or with a newer digest of its parameters, is left to newer processes, and so is
// a finished entry with more steps. Another
// entry with more steps, or with parameters that this release cannot read, is stuck as
// stored: deploy the newer release, and Retry.
//
// # Limits
//
// No provider's live server was seen. All was tried against the fakes of this module, on
// real databases, with processes stopped at each statement and each byte. Begin with
// small amounts and FlowConfig.Limit. Run Compare on each flow whose provider has a list; KPay,
// Kasapay and FiatConnect have none.
//
// A write without a lookup believes a refusal, even if a network delivered another
// request's. A lookup that lags does not find that out either.
//
// A finished, refused or cancelled payment may show another end later. It is believed after
// two clear responses in succession, and told as reversed or corrected. The second is asked for
// when a worker next runs, a second later or more, whatever KnockGap says. It counts within
// two days of the first. Without a clear response it is asked for again, up to
// about FlowConfig.DoubtLimit. An end that was overturned is looked up again
// a minute later and up to twice more. Where the provider alternates, that stops
// after nine changes. Watch begins anew with each change, and tells the next after an hour, for
// as long as the provider alternates. Where it shows an old state for longer, Watch, a knock or
// Compare finds the truth. A refused or cancelled payment that the provider shows as pending
// is stuck at the first such response.
//
// Purge may take the details of a final entry that a knock wakes in the same moment.
//
// The promise of one debit at most is as good as what the provider documents of its
// references. FlowConfig.ResendAbsentAfter and the act Resend give it up.
//
// The databases are PostgreSQL 12, MySQL 8.0.1, MariaDB 10.6 and SQLite 3.35, or later.
// MySQL itself was not tried, MariaDB was. The constants of Dialect say how to open each.
// Behind PgBouncer in transaction mode a setting is needed: see the constant PostgreSQL.
// The clock of leases is the database's. Parameters
// and responses are stored as JSON, which holds names and phone numbers: Purge removes
// them and keeps the references. A callback URL is not stored: a placeholder stands in
// the stored request, and each attempt has a URL of its own. A response is stored as it
// came, with whatever it repeats.
//
// A flow whose callbacks name no reference of yours has no Knock: FiatConnect, top-ups,
// and Kotani's once writes. They are asked for.
//
// Compare goes through all entries of its flow. List of final, refused or cancelled
// entries goes through all entries until it has found enough: for rare ones, that is long.
//
// A spend limit counts what was sent, refused requests too. Polls of an open entry
// grow from 3 seconds to 15 minutes apart: Knock is faster.
package journal
