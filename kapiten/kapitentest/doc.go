// Package kapitentest is a fake of the Kapiten B2B API for tests that need
// no account. It keeps companies, users, rides, prices and wallets, and sends the
// status callbacks to the company's WebhookURL, unless Options.Callbacks receives them.
//
// To test a delivery: make a server, add a company, use its client, move the
// ride on, and look at what happened.
//
//	srv := kapitentest.NewServer(t)
//	co := srv.AddCompany(kapitentest.Company{
//		WebhookURL: "https://merchant.example/kapiten",
//		Balance:    decimal.NewFromInt(5000),
//	})
//	client, err := kapiten.New(srv.ClientConfig(co))
//	// ... create a ride through client ...
//	err = srv.MoveRide(ride.ID, kapiten.RideAccepted)
//	srv.Flush()
//	fmt.Println(srv.Balance(co.ID), srv.Deliveries()[0].Body)
//
// To prove that a retry never pays twice, count what the ledger says:
//
//	if len(srv.Debits("ORDER-99123")) > 1 {
//		t.Error("paid twice")
//	}
//
// New gives the same as a plain http.Handler, for a test in any language.
//
// # What can go wrong
//
//   - Nothing moves. The clock stands still until Advance, unless
//     Config.Options.RealTime is set or the test runs inside testing/synctest.
//
//   - A callback is not there yet. Its first attempt goes out at once, but in
//     the background: call Flush first. Retries wait for the clock.
//
//   - A ride waits for payment. The wallet does not cover its price: give the
//     company a Balance, call Deposit, or let the customer pay with PayRide. Any money
//     that comes in pays waiting rides, oldest first, and passes over a ride that it
//     cannot cover. MoveRide does not make an unpaid ride PENDING.
//
//   - A ride ends by itself. A PENDING ride is REJECTED after 10 minutes without
//     a rider, and a WAITING_PAYMENT ride is CANCELLED after 30 minutes. Or the digits
//     of its receiver's phone ask for that; see below.
//
//   - A Wait does not end, and a test inside testing/synctest hangs. The ride stays
//     PENDING because its receiver's phone ends in 0003. Give the Wait a deadline.
//
//   - A sender cannot cancel. The rider has the package; an administrator still can.
//
//   - A top-up does not arrive. It ends after 5 seconds on the clock, or as
//     its magic digits ask for.
//
// MoveRide and MoveTopUp refuse a transition that the state does not allow with
// fake.ErrIllegalMove. Methods refuse an unknown id with fake.ErrNotFound.
// Nothing has changed then.
//
// # Magic digits
//
// The last four digits of a top-up's phone number decide what becomes of it:
//
//	0001  FAILED: the payer refused
//	0002  FAILED: the payer has not enough money
//	0003  stays PENDING
//	0004  SUCCESS after 10 minutes
//	else  SUCCESS after 5 seconds
//
// The last four digits of the receiver's phone decide the course of a ride:
//
//	0001  no rider comes, even with the autopilot: REJECTED after 10 minutes
//	0002  the sender cancels a minute after ACCEPTED
//	0003  stays PENDING until it is moved
//	0004  an administrator cancels a minute after PICKED_UP
//
// # Limits
//
// Kapiten's reference document gives the fields of requests and responses, the
// ride states, the currency and the names of a few transactions. Its public page
// gives the methods and paths of the first two calls. The form of errors, lists
// and redirects is that of a stock Django REST framework, which is inferred.
//
// Everything else is assumed: the transitions between states, fares, timeouts,
// when a wallet is charged, customers' payments, riders, magic digits. Every assumption is a default of
// Config or of a company's Pricing.
package kapitentest
