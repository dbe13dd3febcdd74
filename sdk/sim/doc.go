// Package sim simulates a merchant's whole day with faults, from a seed.
//
// Write the merchant's program against the HTTPClient and the DB that its Process hands
// out, and run it on many days:
//
//	func TestShop(t *testing.T) {
//		sim.Run(t, sim.Config{Seeds: 2000}, func(w *sim.World) {
//			w.KPay() // the fakes that this day needs
//			w.Process("shop", func(p *sim.Process) error {
//				client, err := kpay.New(p.KPayConfig())
//				if err != nil {
//					return err
//				}
//				return serve(p.Context(), client)
//			})
//			w.Check(func(l sim.Ledgers) error { return audit(l) })
//		})
//	}
//
// One seed is one day. All choices come from its stream, and actors take turns, so that
// a day can be made again. SIM_SEED asks for one day, SIM_SEEDS for a number of days,
// and SIM_REPLAY for the shortest story of a failure. A failing test prints that story
// and the command.
//
// # What goes wrong on a day
//
// Requests and responses are cut, held back and delivered late, doubled, replayed or
// swapped. Proxies answer in the provider's place. Lookups lag. Callbacks are lost,
// late, doubled, reordered and forged. Providers are out of reach for an hour.
// Processes are killed at any step of the network or the database, and started again.
// A Profile says what providers are assumed to do.
//
// # What must hold
//
// The trouble ends, what was held back is delivered, and time passes. Then the fakes'
// ledgers are the truth: at most one debit for a reference, none where the merchant was
// told NotSent or Rejected, and exactly that debit where he was told success.
// References that were begun are settled, unless World.Stuck hands them to a person.
// World.Check adds a merchant's own checks.
//
// # Limits
//
// The simulation runs in a bubble of testing/synctest. A goroutine that waits for
// something outside of it, or draws random numbers of its own, makes days that cannot
// be made again: Repeat finds out. HTTP/2 faults, lost disk writes and data races are
// not simulated.
package sim
