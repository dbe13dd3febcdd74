// Package sim simulates a merchant's whole day with faults, from a seed, and looks
// whether money has moved twice or somebody was told what is not so.
//
// Write your program against the network and the database that a Process hands out,
// and run it:
//
//	func TestShop(t *testing.T) {
//		sim.Run(t, sim.Config{Seeds: 500}, func(w *sim.World) {
//			w.KPay()
//			w.Process("shop", func(p *sim.Process) error {
//				client, err := kpay.New(p.KPayConfig())
//				// ... sell, collect; p.Call tells the oracle what you were told ...
//				return err
//			})
//			w.Check(func(l sim.Ledgers) error { return audit(l) })
//		})
//	}
//
// One seed is one day. A day that breaks a promise is made shorter and calmer while it
// fails in the same way. Then it is printed as a timeline with the command that makes
// it again. SIM_SEED=7 makes one day, SIM_SEEDS=10000 that many, and SIM_REPLAY=r...
// the very day of a failure. Config.For runs for a time, and Fuzz is a fuzz target.
//
// # What happens in a day
//
// Between your clients and the fakes requests are refused, cut, held back and delivered
// later, duplicated where the Profile allows it, and met by proxies. Responses are
// lost, cut, late, stale or another request's. Callbacks are lost, late, doubled or
// forged. Processes are killed at any step of the network and the database, started
// again, or stand still. Statements fail, and a COMMIT is lost before or after its
// work. When the trouble is over everything held back is delivered, and everything must
// settle. Then the oracle holds the fakes' ledgers against what you were told.
//
// # The promises
//
//   - At most one debit under each reference.
//   - After "rejected" and "not sent" no attempt of that call was paid.
//   - After a success the provider has this payment, with this amount.
//   - In the end each call is settled, or handed to a person with World.Stuck.
//   - The ledgers add up, and your own checks hold.
//
// # What can go wrong
//
// The day does not repeat: your program draws random numbers, ranges over a map, or
// has goroutines race. Repeat shows the first line that differs. Options gives clients
// a Jitter which is not random. Name each goroutine with Process.Go.
//
// The day does not end: a goroutine waits for something outside the bubble of
// testing/synctest, or for a mutex whose holder waits. Config.Watchdog shows the stacks.
//
// # Limits
//
// The merchant has one clock, and files survive a crash as they were written. HTTP/2
// is simulated as far as net/http sends a request again by itself.
package sim
