// Package bitpesa is a client of the BitPesa API, today TransferZero by AZA
// Finance: senders, transactions, recipients, balances and webhooks of payouts
// all over Africa. API version 1 throughout.
//
//	client, err := bitpesa.New(bitpesa.Config{Key: key, Secret: secret, BaseURL: bitpesa.SandboxURL})
//	t, err := client.Transactions.PayFromBalance(ctx, bitpesa.TransactionParams{
//		ExternalID:    "payout-4711",
//		InputCurrency: "USD",
//		Sender:        bitpesa.SenderParams{ExternalID: "merchant-7"},
//		Recipients: []bitpesa.RecipientParams{{
//			RequestedAmount: decimal.NewFromInt(10000), RequestedCurrency: "NGN",
//			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
//				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567890",
//			}},
//		}},
//	})
//	if errors.Is(err, sdk.ErrOutcomeUnknown) {
//		// The money may have moved. The same call with the same ExternalID goes
//		// on where it stopped, and pays once.
//	}
//	t, err = client.Transactions.Wait(ctx, t.ID)
//
// # What a failed call means
//
// Every error of a call is an *Error. Its Outcome answers first whether the
// provider may have acted:
//
//   - OutcomeNotSent: nothing left this process. Try again at will.
//   - OutcomeRejected: BitPesa answered, in its own words, that it did not do it.
//   - OutcomeUnknown: a request left and no clear answer came. errors.Is(err,
//     ErrOutcomeUnknown). Never create blindly again; look it up first.
//   - OutcomeNoEffect: a read or a calculation got no clear answer. Nothing moved.
//
// After a write only HTTP 422 proves that nothing was done (documented); a 404
// for an object named in the path is taken for a proof too. Even a 401 is none:
// a request that is repeated on its way gets it for the used nonce.
//
// BitPesa knows no idempotency key. The guard is the caller's external id: the
// client looks a transaction or sender up by it before it sends again, and gives
// an answer that it exists already after an own earlier attempt as the result. A
// debit is looked up by the state of its transaction. All other writes are never
// repeated after an unknown outcome.
//
// # Two generations
//
// The host names and some rules changed since BitPesa's guides of 2018 and 2019;
// fields tell where. The client sends today's forms (a wrapped debit, say) and
// accepts the answers of both. Routes are rows of one table (Operations) and can
// be overridden in Config.Routes.
//
// # Money
//
// Amounts are decimal.Decimal from the wire to the caller, each beside its
// currency; decimal.NullDecimal where an answer may lack them. Requests carry
// them as text.
package bitpesa
