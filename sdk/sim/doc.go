// Package sim simulates a merchant's whole day with faults, from a seed.
//
// Write the merchant's program against the HTTPClient and the DB that its Process hands
// out, and run it on many days:
//
//		func TestShop(t *testing.T) {
//			sim.Run(t, sim.Config{Seeds: 2000}, func(w *sim.World) {
//				w.KPay() // the fakes that this day needs
//				w.Process("shop", func(p *sim.Process) error {
//					client, err := kpay.New(p.KPayConfig())
//					if err != nil {
//						return err
//					}
//					order := sim.Ask{Provider: "kpay", Reference: "order-1", Amount: price, Currency: "RWF"}
//					return p.Call(p.Context(), order, func(ctx context.Context) error {
//						_, err := client.Pay(ctx, kpay.PayParams{RefID: order.Reference, Amount: order.Amount, ...})
//						return err
//					})
//				})
//				w.Check(func(l sim.Ledgers) error { return audit(l) })
//			})
//		}
//
//	 1. Make each client with the Config of its Process, such as KPayConfig. Give
//	    Process.Now to what takes a clock.
//	 2. Wrap each write in Process.Call, which tells the oracle what the merchant heard,
//	    and each lookup in Process.Look. What sends without a Call, such as the Run of a
//	    journal, gets the context of a Process.Go, which names it.
//	 3. Start concurrent work with Process.Go, and let time pass with Process.Sleep.
//	 4. Receive callbacks with Process.Handle. A success that a handler books is told to the
//	    oracle with Process.Heard.
//	 5. Keep what must outlive the process in Process.DB.
//	 6. Return from main when its work is done: a day ends when all mains have returned.
//
// One seed is one day. A failing test prints the shortest story that fails, and the
// command that makes it again. SIM_SEED asks for one day, SIM_SEEDS for a number of
// days, SIM_REPLAY for a printed story. A story keeps what the ledgers did, and counts
// what is there again and again.
//
// # What goes wrong on a day
//
// The constants of Fault list it. Requests and responses are cut, held back and
// delivered late, doubled, replayed or swapped. Proxies respond in the provider's place.
// Lookups lag. Callbacks are lost, late, doubled, reordered, forged and replayed.
// Providers are out of reach for an hour. A merchant's own RoundTripper fails over
// unseen or returns nonsense. Processes are killed at any step of the network or the
// database, freeze, and start again. Clocks jump. A Profile says what providers are
// assumed to do.
//
// # What must hold
//
// The trouble ends, what was held back is delivered, and time passes. Then the fakes'
// ledgers are the truth: at most one debit for a reference and of a call, none where the
// merchant was told NotSent or Rejected, and the payment he asked for where he was told
// success. Whether its money moved is the status: hold that against Ledgers.Debits in a check.
// A program that ships what was merely accepted is found only if payments fail: give some
// of them references with the endings of the fakes, such as "-failed". A success that is
// taken back keeps its debit: of a reversed payout Debits is 1.
// References that were begun are settled, unless World.Stuck hands them to a person. A
// refusal of Kasapay hides no payment of an earlier call, if no fault came between. No lookup
// denies a payment once the trouble is long over.
// World.Check adds a merchant's own checks. Give each payment a reference of its own: a deposit
// of Kotani and its withdrawal under one reference count as two debits.
//
// A run that met no trouble proves nothing: Report.Met counts the situations, and
// Report.Missing names those that never came.
//
// # Limits
//
// The simulation runs in a bubble of testing/synctest. A goroutine that waits for
// something outside of it, or draws random numbers of its own, makes days that cannot
// be made again: Repeat finds out. A goroutine that waits for a mutex whose holder waits
// for the network or the database stops the day: do not hold a mutex meanwhile.
//
// HTTP/2 frames are not simulated, only what net/http makes of them: FaultResend sends
// a request again if its body can be rewound. internal/http2test speaks the frames. A
// clock that jumps shows in Process.Now, in the database, and in the difference to a
// server's Date header; time.Now stays right. Lost disk writes and data races are not
// simulated.
package sim
