// Package kotanitest is a fake of Kotani Pay v2 with its FiatConnect section: a
// stateful server with logins, a ledger per currency, deposits, withdrawals,
// quotes, users, hashes, UBI programs, Binance orders and callbacks, for tests
// that need neither a network nor an account.
//
//	srv := kotanitest.NewServer(t)
//	client, err := kotani.New(srv.Config())
//	// ... withdraw through client ...
//	srv.Advance(10 * time.Second) // it is paid, the callback goes out
//	fmt.Println(srv.Balance("KES"), srv.Deliveries()[0].Body)
//
// New gives the same as a plain http.Handler, for a test in any language: phone
// 254700000000, country KEN or KE, password test-password, balances of 1,000,000
// KES, 100,000 GHS and 10,000 cUSD.
//
// # What is documented
//
// The reference document gives the fields of requests and answers, the bank
// codes, the hour after which a Binance order closes and that a till payment is
// free. The token's 300 s, errors inside HTTP 200, plain text for 401 and 403,
// and the texts of refusals of users, hashes and UBI come from the operator's
// source of 2022. All else is assumed, paths included, and its numbers are
// defaults of Config.
//
// # Errors
//
// A missing token is 401, a bad or expired one 403, an unknown login and a body
// that is no JSON object 400, an unknown route 404, all in plain text. Every
// other refusal is HTTP 200 with {"status":400,"desc":...}; a missing field is
// "amount is required".
//
// # Money
//
// A payout is reserved when it is accepted, taken when it is SUCCESSFUL and
// released when it fails; a deposit counts once it is SUCCESSFUL. What was moved
// comes back with REVERSED, but no balance ever goes below zero: a reversal that
// finds the money spent is tried again later. Phone numbers that begin with 233
// ride on GHS, all others on KES. A cash-out of coins debits fiat and credits
// the coins; a hash counts once, whatever its spelling and its chain.
//
// # Scripting outcomes
//
// A transaction is SUCCESSFUL 10 s after it was accepted. The last four digits of
// its phone number, or of its bank account, paybill account or till, can say
// otherwise:
//
//	0001  FAILED
//	0002  FAILED, message "Insufficient funds"
//	0003  stays PENDING
//	0004  SUCCESSFUL after 10 minutes
//	0005  SUCCESSFUL, REVERSED an hour later
package kotanitest
