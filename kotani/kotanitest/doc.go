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
//
// # FiatConnect
//
// Fake.FiatConnect is a complete provider of the FiatConnect specification 1.2.5
// that an unmodified client can drive. It stands below Kotani's base URL, under
// /fiatconnect, and also has a URL of its own.
//
// NO SIGNATURE IS CHECKED unless FiatConnectConfig.VerifySignature is plugged
// in: any 65 bytes in hex log anybody in. All other rules of a login hold: the
// grammar of EIP-4361, the domain (with or without its port) and URI the client
// came by, version 1, chain 44787, the clock (with half a second of leeway for
// clients whose own clock runs while the fake's stands still: assumed), four
// hours at most, and a nonce that stays reserved for its address until the
// session expires. The session is a cookie, Secure over https only; logins look
// at no cookie.
//
// A transfer needs an approved KYC record (approved at once, unless PendingKYC),
// an account of the user's and a quote for his address, of the same direction
// and still guaranteed. Accounts can be added before KYC. Repetitions under an
// Idempotency-Key get the first answer again, error or not; keys belong to the
// user. Errors are always {"error": code}; where the specification has no code
// (a client's key, an idempotency key) the code is assumed.
//
// A transfer goes one state further every 5 s. The last four characters of the
// account number, IBAN, mobile or PIX key can say otherwise:
//
//	0001  in: TransferFailed before the fiat arrived; out: after the crypto did
//	0002  in: TransferFailed after the fiat arrived; out: TransferAmlFailed
//	0003  the user never sends anything
//
// Webhooks go to the client whose API key (POST /credentials, or AddClient) came
// with the calls of the user's session. Each attempt is signed anew, only a 200
// is an acknowledgement, and a transfer is answered after the first attempt of
// its first webhook, or after 12 s when none came about.
package kotanitest
