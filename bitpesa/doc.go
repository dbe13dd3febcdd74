// Package bitpesa is a client of the BitPesa API, version 1: payouts all over
// Africa. The API is called TransferZero today, and belongs to AZA Finance.
//
// Make a client, store a sender once, and pay from your balance:
//
//	client, err := bitpesa.New(bitpesa.Config{Key: key, Secret: secret, BaseURL: bitpesa.SandboxURL})
//	sent, err := client.Transactions.PayFromBalance(ctx, bitpesa.TransactionParams{
//		ExternalID:    "payout-4711", // your own reference: it guards against paying twice
//		InputCurrency: "USD",
//		Sender:        bitpesa.SenderParams{ExternalID: "merchant-7"},
//		Recipients: []bitpesa.RecipientParams{{
//			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
//			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
//				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567890",
//			}},
//		}},
//	})
//	if errors.Is(err, sdk.ErrOutcomeUnknown) {
//		// The money may have moved. Make the same call again later: it continues
//		// where it stopped, and pays once.
//	}
//	if err != nil {
//		return err
//	}
//	sent, err = client.Transactions.Wait(ctx, sent.ID)
//
// If a payout fails, correct its recipient (Recipients.Correct) or get the money
// back (Transactions.Cancel).
//
// # What can go wrong
//
// Every error of a call is an *sdk.Error; ask sdk.Advise what to do. After a 422, its
// Detail is an ExistingObject: the stored object with your external id, if the response
// shows one.
//
// After a write, only a 422 that says what is wrong with the object proves that nothing
// was done (documented). Where no money moves, a 404 in BitPesa's form for an object named
// in the path counts as a proof too (assumed). Everything else is an unknown outcome, even
// a 401: if the network repeats a request, the second copy gets a 401 for its used nonce.
//
// BitPesa has no idempotency key. Give your own ExternalID: after an unknown outcome
// the client looks it up, and sends again only if the object is surely absent. A
// debit is looked up by the state of its transaction. The client never repeats any
// other write after an unknown outcome.
//
// Make the same call again after a crash. An object that exists is compared with the
// params: the same is a success with Existing set, another is sdk.ErrReferenceTaken. The
// README lists what is compared.
//
// # Limits
//
// Some rules and host names have changed since BitPesa's guides of 2018 and 2019.
// The comments of the fields name the changes. The client sends today's forms and
// accepts the responses of both. Config.Routes can replace each route of Operations.
//
// Amounts are decimal.Decimal from the wire to you, each beside its currency. They
// are decimal.NullDecimal where a response may lack them. Requests carry amounts as
// text.
package bitpesa
