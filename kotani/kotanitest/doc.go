// Package kotanitest is a fake of Kotani Pay v2 with its FiatConnect section. It
// needs no account.
//
// Start a fake and a client for it. Let your code move money and the clock go on.
// Then look at the result. No socket is opened but for callbacks: they go to the
// URL of the request, unless Options.Callbacks receives them.
//
//	srv := kotanitest.NewServer(t)
//	client, err := kotani.New(srv.ClientConfig())
//	// ... your code withdraws 500 KES as order-17 ...
//	srv.Advance(10 * time.Second) // it is SUCCESSFUL, the callback goes out
//	srv.Debits("order-17")        // one entry: at most one debit per reference
//	srv.Balance("KES")            // 999500
//
// Choose another end with a magic number (below), or move an object now:
//
//	srv.MoveTransaction("order-17", kotani.StatusFailed)
//	srv.PayOrder(prepayID) // its payout starts at once
//	srv.MoveOrder(prepayID, kotani.OrderFailed)
//	srv.FiatConnect.MoveTransfer(id, kotani.TransferComplete)
//	srv.FiatConnect.MoveKYC(address, schema, kotani.KYCDenied)
//
// The object behind New is a plain http.Handler, for a test in any language. Its
// login is phone 254700000000, country KEN or KE, password test-password. The
// balances are 1,000,000 KES, 100,000 GHS and 10,000 cUSD; Deposit and Withdraw
// change them.
//
// # Magic numbers
//
// A transaction is SUCCESSFUL 10 s after it was accepted. The last four digits of
// its phone number, bank account, paybill account or till can choose another
// scenario:
//
//	0001  FAILED
//	0002  FAILED, message "Insufficient funds"
//	0003  stays PENDING
//	0004  SUCCESSFUL after 10 minutes
//	0005  SUCCESSFUL, REVERSED an hour later
//
// A FiatConnect transfer goes one state further every 5 s. The last four
// characters of the account number, IBAN, mobile or PIX key can choose:
//
//	0001  in: TransferFailed before the fiat arrived; out: after the crypto did
//	0002  in: TransferFailed after the fiat arrived; out: TransferAmlFailed
//	0003  the user never sends anything
//
// # What can go wrong
//
// A missing token is 401, a bad or expired token 403. An unknown login and a body
// that is no JSON object are 400, an unknown route is 404. All are plain text.
// Every other refusal is HTTP 200 with {"status":400,"desc":...}. A missing field
// is "amount is required".
//
// A second transaction of a type with the same external id is refused, and moves nothing. No
// document says that it is unique: Quirks.ReferencesRepeat has it pay again.
//
// AddFault breaks requests, AddCallbackFault breaks callbacks. Control methods
// refuse an unknown id with fake.ErrNotFound and an impossible transition with
// fake.ErrIllegalMove. Nothing has changed then.
//
// # Money
//
// A payout is reserved when it is accepted. It is taken when it is SUCCESSFUL and
// released when it fails. A deposit counts once it is SUCCESSFUL. A REVERSED
// transaction gives back what it moved. No balance goes below zero: when the
// money is spent already, the reversal is tried again later.
//
// Phone numbers that begin with 233 use GHS, with 254 KES; others have no mobile money. A cash-out of coins
// debits fiat and credits the coins. A hash counts once, in whatever spelling and
// on whatever chain. A payout of coins that fails is not tried again: its hash or quote
// stays used, and its order PAID, until a person resolves it (assumed).
//
// # FiatConnect
//
// Fake.FiatConnect is a complete provider of the FiatConnect specification 1.2.5.
// Unmodified clients can drive it, and ".ci/full vendor" shows it with FiatConnect's SDK
// 0.5.75. FiatConnect's official suite passes with StrictQuotes on: 36 tests of
// github.com/fiatconnect/validate at commit 27a5ac6. Three more wait for webhooks on a host
// of its authors, and the suite skips a test for https. That step runs the suite, too, if
// it is told where a copy is: the head of vendor-validate.js in internal/fakeserver/browser
// says how to install it.
//
// The provider stands below Kotani's base URL, under /fiatconnect, and also has a URL of
// its own.
//
// A login needs a real signature (EIP-191). NewSigner makes a wallet for tests. The
// rules of a login are:
//
//   - the wallet of the address signed the message, the address has its checksum
//   - the grammar of EIP-4361, version 1, chain 44787
//   - the domain, with or without its port, and the URI of the client's request
//   - the clock, and four hours at most. A login may be issued half a second
//     ahead, since the client's clock runs while the fake's stands still (assumed).
//   - a nonce stays reserved for its address until the session expires
//
// The session is a cookie, Secure over https only. Logins ignore cookies.
//
// A transfer needs an approved KYC record (approved at once, unless PendingKYC),
// an account of the user, and a quote for his address. The quote must have the
// same direction and still be guaranteed. Accounts can be added before KYC. A
// repetition under an Idempotency-Key gets the first response again, error or
// not; keys belong to the user. Errors are always {"error": code}. Where the
// specification has no code (a client's key, an idempotency key) it is assumed.
//
// Webhooks go to the client whose API key (POST /credentials, or AddClient) came
// with the calls of the user's session. Each attempt is signed anew. Only a 200
// acknowledges. The response to a transfer waits for the first attempt of its
// first webhook, 12 s at most.
//
// # Limits
//
// The reference document gives the fields of requests and responses, the bank
// codes, the hour after which a Binance order closes, and the free till payment.
// The operator's source of 2022 gives the token's 300 s, errors inside HTTP 200,
// plain text for 401 and 403, and the texts of refusals of users, hashes and UBI.
// All else is assumed, paths included, and its numbers are defaults of Config.
package kotanitest
