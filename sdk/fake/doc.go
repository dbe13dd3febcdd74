// Package fake is the world in which the fakes of all providers stand. It has a
// clock that the test drives, fault rules, callbacks with retries, a journal of
// requests, ledgers, and an HTTP admin API. It knows no provider.
//
// # For authors of tests
//
// Each provider has a fake of its own: kapitentest, kpaytest, kasapaytest,
// kotanitest and bitpesatest. Each is an http.Handler and embeds a Control, so
// it has every method of Control. A test goes like this:
//
//	srv := kpaytest.NewServer(t)                // closed when the test ends
//	client, err := kpay.New(srv.ClientConfig()) // in memory, without a socket
//
//	// Make the next payment go wrong: it is made, then the connection drops.
//	err = srv.AddFault(fake.Fault{Method: "POST", Kind: fake.FaultDropAfter, Times: 1})
//
//	// Call the client, then let time pass. Payments succeed or fail, and
//	// callbacks go out and are retried.
//	srv.Advance(time.Minute)
//
//	// Look at what happened.
//	srv.Requests()   // each request with its response, secrets masked
//	srv.Deliveries() // each callback with its attempts
//	srv.Debits(ref)  // the ledger entries that took money for a reference
//
// The types for this are Control, Fault, CallbackFault, Request, Delivery, Entry,
// Scenario and Options.
//
// The first attempt of a callback is sent at once, whatever the clock says. Call
// Control.Flush to wait for it. Set Options.Callbacks to receive callbacks in the
// same process.
//
// To test several providers on one clock, make one World and give it to the
// constructor NewIn of each fake. Then one Advance moves them all.
//
// What can go wrong: the clock stands still unless Options.RealTime is set or the test
// runs inside testing/synctest, so any other test that forgets Advance waits forever. A receiver of callbacks that calls
// Advance, Flush or Snapshot before it has responded waits for itself; these
// calls give up after a minute.
//
// # For authors of fakes
//
// The other types are for the fake of a provider: Provider, Event, IDs, Callback,
// Policy, Exchange, Ledger, Store, Masked and the locked methods of World. A fake
// is built like this:
//
//	func NewServer(t fake.TB, config ...Config) *Fake { return fake.NewServer(t, New, config) }
//
//	func New(c Config) *Fake { return NewIn(fake.NewWorld(c.Options), c) }
//
//	func NewIn(w *fake.World, c Config) *Fake {
//		f := &Fake{world: w}
//		f.Control = w.Join(fake.Provider{
//			Name:    "acme",
//			Handler: f.routes(),                      // the provider's API
//			Reset:   func() { f.state = newState() }, // the state at the start
//			State:   func() any { return f.state },   // for snapshots
//			Load:    f.load,
//			Refuse:  f.refuse,                        // an error in the provider's format
//			Fire:    f.fire,                          // a scheduled event is due
//		})
//		return f
//	}
//
// A handler locks the World with World.LockFor after it has read the request: so the timeline
// knows whose doing each change is, also when requests overlap. It changes the state,
// takes ids from World.IDs, schedules what comes later with World.After and posts
// callbacks with World.Send. It unlocks the World before it writes the response.
// ReadObject reads a JSON body, Text a field of it; Respond writes the response.
//
// A fake shows its objects in the admin API by Provider.Kinds, and its accounts by
// Provider.Ledger. The World then finds out by itself which objects a request, an
// event or a callback is about, and records in the timeline how their states
// change. Because tells which check a refused request has failed, and About which objects a
// request is about that neither it nor its response names.
//
// Locking: a World has one mutex, which World.Lock and World.LockFor take. It guards the
// state of every fake in that World. The functions of a Provider and a Policy say whether they are
// called with the lock held. A function that is called with the lock held must
// not call Control, which takes the lock itself, and must not wait for a network.
//
// Everything that happens later is an Event, which is data, so that a snapshot
// holds it. A fake starts no timer and no goroutine of its own.
//
// # Limits
//
//   - The journal keeps the newest 10,000 requests and up to 64 MiB of bodies;
//     the first 32 KiB of each body are kept. Deliveries that are over are
//     forgotten beyond 10,000. See Options.JournalSize.
//   - A request body may have 16 MiB. A longer one is refused with 413.
//   - One attempt of a callback waits 10 s of real time for its response. Up to
//     32 attempts run side by side, and up to 100,000 wait for their turn.
//   - The timeline keeps five records for each request that the journal has room
//     for. The admin API tells how many it has forgotten.
//   - A snapshot holds secrets; that of the admin API holds none unless it is asked
//     for secrets=1. A snapshot does not hold the journal of requests.
package fake
