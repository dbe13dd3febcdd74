package main

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// openBitPesa takes the variables of BITPESA, or else the fake.
func openBitPesa(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "bitpesa", operations: bitpesa.Operations(), close: func() {}}
	s := settings{env: env, spend: spend}
	cfg := bitpesa.Config{BaseURL: env("BITPESA_BASE_URL")}
	if cfg.BaseURL == "" {
		server := bitpesatest.New(bitpesatest.Config{Options: live})
		cfg = server.ClientConfig()
		t.fake, t.close = true, server.Close
	} else {
		cfg.Key, cfg.Secret = s.need("BITPESA_KEY"), s.need("BITPESA_SECRET")
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return bitpesaTarget(t, cfg)
}

// bitpesaTarget has no callback URL to choose: BitPesa posts to the webhooks that are
// registered with it.
func bitpesaTarget(t *target, cfg bitpesa.Config) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := bitpesa.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.ids = client.Do, map[string]string{"currency": "USD"}
	t.acknowledge = acknowledgement(webhook.BitPesa())
	transactions := bitpesaTransactions()
	t.reads = []read{
		{op: bitpesa.OpListAccounts, call: func(ctx context.Context) error {
			_, err := client.Accounts.List(ctx)
			return err
		}, shape: bitpesaList(bitpesa.Account{})},
		{op: bitpesa.OpCurrencies, call: func(ctx context.Context) error {
			_, err := client.Info.Currencies(ctx)
			return err
		}, shape: bitpesaList(bitpesa.Currency{}).optional("", "meta").
			// The lists of what can be exchanged have these.
			optional("object[].", "rate", "mtm_rate", "margin", "opposites")},
		{op: bitpesa.OpListSenders, call: func(ctx context.Context) error {
			page, err := client.Senders.List(ctx, bitpesa.SenderListOptions{})
			if err == nil && len(page.Items) > 0 {
				t.ids["senders.id"] = page.Items[0].ID
			}
			return err
		}, shape: bitpesaSender(bitpesaList(bitpesa.Sender{}), "object[].")},
		{op: bitpesa.OpListTransactions, call: func(ctx context.Context) error {
			page, err := client.Transactions.List(ctx, bitpesa.TransactionListOptions{})
			if err == nil && len(page.Items) > 0 {
				t.ids["transactions.id"] = page.Items[0].ID
			}
			return err
		}, shape: transactions},
		{op: bitpesa.OpWebhookEvents, call: func(ctx context.Context) error {
			_, err := client.Webhooks.Events(ctx)
			return err
		}, shape: named("object", "object[]").optional("", "meta", "meta.*")},
	}
	ref := reference()
	t.spends = []spending{{
		op: bitpesa.OpCreateTransaction, class: sdk.Referenced, reference: ref,
		send: func(ctx context.Context, _ string) (transaction, error) { // not funded: no money moves
			made, err := client.Transactions.Create(ctx, smallestRemittance(ref))
			if err != nil {
				return transaction{}, err
			}
			return transaction{made.ID, made.Existing}, nil
		},
		look: func(ctx context.Context) error {
			_, err := client.Transactions.Find(ctx, ref)
			return err
		},
		shape: transactions,
		duplicate: func(body []byte) bool {
			var said struct {
				Meta struct {
					Existing map[string]json.RawMessage `json:"existing"`
				} `json:"meta"`
			}
			return json.Unmarshal(body, &said) == nil && said.Meta.Existing["transaction"] != nil
		},
	}}
	return t, nil
}

// smallestRemittance has the sender and the recipient of the vendor's guides. The sender is
// the same in each run.
func smallestRemittance(reference string) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		ExternalID: reference, InputCurrency: "USD",
		Sender: bitpesa.SenderParams{
			ExternalID: "conform-sender", FirstName: "Example", LastName: "User", BirthDate: "1970-01-01",
			Country: "UG", City: "Kampala", Street: "Somewhere 17-3", PostalCode: "798983",
			Email: "email@domain.com", IP: "127.0.0.1", PhoneNumber: "+256752403639",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(1000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567800", BankAccountType: "20",
			}},
		}},
	}
}

// bitpesaList is a list of objects, with its pages.
func bitpesaList(of any) *shape {
	return shaped("object[].", of).and("object", "object[]", "meta", "meta.*")
}

// bitpesaSender lets a sender lack what belongs to a company, and what stands in samples
// only.
func bitpesaSender(s *shape, below string) *shape {
	return s.
		optional(below, "providers").
		optionalOf(below, bitpesa.BusinessParams{}).
		state(below+"state", states(
			bitpesa.SenderIncomplete, bitpesa.SenderInitial, bitpesa.SenderVerified, bitpesa.SenderApproved,
			bitpesa.SenderRejected, bitpesa.SenderBanned, bitpesa.SenderDisabled,
		))
}

// bitpesaTransactions is a list of transactions. Each corridor has details of its own.
func bitpesaTransactions() *shape {
	const one, recipient, payin = "object[].", "object[].recipients[].", "object[].payin_methods[]."
	known := states(
		bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending, bitpesa.TransactionReceived,
		bitpesa.TransactionProcessing, bitpesa.TransactionMispaid, bitpesa.TransactionManual, bitpesa.TransactionPaid,
		bitpesa.TransactionCanceled, bitpesa.TransactionRefunded, bitpesa.TransactionException,
	)
	s := bitpesaSender(bitpesaList(bitpesa.Transaction{}), one+"sender.")
	return s.
		optional(one, "state_reason", "updated_at").
		optional(recipient, "external_id", "mandate_id", "payout_method.provider", "payout_method.state", "payout_method.created_at").
		optionalOf(recipient+"state_reason_details.", bitpesa.StateReasonDetails{}). // empty until there is a reason
		optionalOf(payin+"state_reason_details.", bitpesa.StateReasonDetails{}).
		optional(payin, "provider", "transaction_id", "transaction_external_id").
		optionalOf(recipient+"payout_method.details.", bitpesa.PayoutDetails{}).
		state(one+"state", known).
		state(recipient+"transaction_state", known).
		state(recipient+"state", states(
			bitpesa.RecipientInitial, bitpesa.RecipientPending, bitpesa.RecipientSuccess, bitpesa.RecipientError, bitpesa.RecipientManual,
			bitpesa.RecipientStuck, bitpesa.RecipientOverpaid, bitpesa.RecipientCanceled, bitpesa.RecipientRefunded, bitpesa.RecipientException,
		)).
		state(payin+"state", states(
			bitpesa.PayinIncomplete, bitpesa.PayinInitial, bitpesa.PayinPending, bitpesa.PayinProcessing, bitpesa.PayinSuccess,
			bitpesa.PayinError, bitpesa.PayinMispaid, bitpesa.PayinCanceled, bitpesa.PayinRefunded, bitpesa.PayinException,
		))
}
