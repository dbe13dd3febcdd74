// Package kapitentest is a fake of the Kapiten B2B API: a stateful server with
// companies, users, rides, pricing, wallets and status callbacks, for tests
// that need neither a network nor an account.
//
//	srv := kapitentest.NewServer(t)
//	co := srv.AddCompany(kapitentest.Company{
//		WebhookURL: "https://shop.example/kapiten",
//		Balance:    decimal.NewFromInt(5000),
//	})
//	client, err := kapiten.New(srv.Config(co))
//	// ... create a ride through client ...
//	err = srv.SetRideStatus(ride.ID, kapiten.RideAccepted)
//	srv.Flush()
//	fmt.Println(srv.Balance(co.ID), srv.Deliveries()[0].Body)
//
// New gives the same as a plain http.Handler, for a test in any language.
//
// # What is documented
//
// The fields of requests and answers, the ride states, the currency and the
// names of a few transactions come from Kapiten's reference document; the
// methods and paths of the first two calls from its public page. The form of
// errors, lists and redirects is that of a stock Django REST framework, which
// is inferred. Everything else is assumed: the arrows between states, fares,
// timeouts, when a wallet is charged, magic values. What is assumed is a
// default of Config or of a company's Pricing.
//
// # Time
//
// The clock stands still until Advance, unless Config.Options.RealTime is set.
// A callback's first attempt goes out at once all the same; only its retries
// wait for the clock. On the clock (assumed): a PENDING ride is REJECTED after
// 10 minutes without a rider, a WAITING_PAYMENT one CANCELLED after 30 minutes,
// a top-up settles after 5 seconds, and with Config.Autopilot a rider accepts
// after 30 seconds and takes one step a minute.
//
// # Magic values
//
// The last four digits of a top-up's phone number decide what becomes of it
// (assumed):
//
//	0001  FAILED: the payer refused
//	0002  FAILED: the payer has not enough money
//	0003  stays PENDING
//	0004  SUCCESS, but only after 10 minutes
//	else  SUCCESS after 5 seconds
package kapitentest
