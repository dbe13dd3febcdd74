// Package kotani is a client of the Kotani Pay API v2 (mobile money, banks and
// stablecoins in Kenya and Ghana) and of its FiatConnect section.
//
// Make a client, pay out under a reference of your own, and wait for the end:
//
//	client, err := kotani.New(kotani.Config{
//		BaseURL: baseURL, PhoneNumber: "254700000000", CountryCode: "KEN", Password: password,
//	})
//	payout, err := client.Fiat.Withdraw(ctx, kotani.WithdrawParams{
//		Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678", ExternalID: "order-17",
//	})
//	if errors.Is(err, sdk.ErrOutcomeUnknown) {
//		// The money may have moved. Look for it, and never pay again:
//		payout, err = client.Fiat.Find(ctx, "order-17", kotani.Payouts)
//	}
//	if err != nil {
//		return err
//	}
//	payout, err = client.Fiat.Wait(ctx, "order-17", kotani.Payouts)
//
// Fiat.Deposit collects money in the same way. FiatConnect moves money between a
// wallet and a fiat account: QuoteOut, AddAccount, TransferOut, WaitTransfer. In
// tests, use the fake in kotanitest.
//
// # What can go wrong
//
// Every error of a call is an *sdk.Error; ask sdk.Advise what to do. Kotani mostly
// refuses inside an HTTP 200, and the client tells such a refusal from success. A
// refusal of FiatConnect matches a FiatConnectCode as well, such as ErrInvalidQuote.
// A quote refused for its amount has QuoteLimits as its Detail.
//
// Deposits and withdrawals have no idempotency key. Give each an ExternalID: after
// an unknown outcome the client looks it up for three seconds. It returns the
// transaction that it finds, and never sends a second one, because no document says
// that Kotani refuses a second use of an external id. A refusal for a used external
// id is looked up as well, and the transaction is compared with the call. Another
// payment is sdk.ErrReferenceTaken. Existing says that the transaction was there
// before the call. Calls of one Client with the same external id share one request. Two
// Clients share nothing, and can pay twice: make one Client per account.
//
// FiatConnect transfers carry an Idempotency-Key, and the client repeats them with
// the same key. The client never repeats any other write after an unknown outcome.
// A refused token (a plain "Unauthorized" or "Forbidden") is renewed, and the request
// sent once more. So a firewall that lets a paybill through and then says "Forbidden"
// in plain text has it paid twice: nothing tells it from Kotani.
// The README of this package says what the same call after a crash comes to.
//
// Only Kotani's own words are a refusal (sdk.ErrRejected). A proxy's page, an empty
// 404, a plain "upstream connect error", a refusal that shows another payment or a
// lookup's "transaction not found" leave the outcome unknown. But a refusal need not
// name a payment: an intermediary may hand you the refusal of another request, and the money
// may have moved although the error says rejected. So deposits and withdrawals are looked up
// once after a refusal. If the transaction is there and has not failed, the call returns it.
// If it cannot be compared, the outcome is unknown. The outcome is unknown, too, if Kotani
// refused for lack of funds and the lookup fails: an earlier call may have taken the money.
// Otherwise the refusal stands.
//
// # Limits
//
// The reference document gives schemas, but neither methods nor paths. Every route
// is a row of Operations, and Config.Routes can replace it. The README of this
// package explains the grades of the routes. None of them was tried on a live
// server.
//
// Amounts are decimal.Decimal from the wire to the caller, in whole units of their
// currency (shillings, cedis, cUSD). Requests carry some amounts as integers: the
// parameters' documentation says which must be whole.
package kotani
