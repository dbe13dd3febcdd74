package main

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
)

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

func bitpesaTarget(t *target, cfg bitpesa.Config) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := bitpesa.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.ids = client.Do, map[string]string{"currency": "USD"}
	list := func(state string, all []string, of any) *shape {
		return shaped(state, all, "", of).and("object", "object[]", "meta", "meta.*")
	}
	t.reads = []read{
		{op: bitpesa.OpListAccounts, call: func(ctx context.Context) error {
			_, err := client.Accounts.List(ctx)
			return err
		}},
		{op: bitpesa.OpCurrencies, call: func(ctx context.Context) error {
			_, err := client.Info.Currencies(ctx)
			return err
		}},
		{op: bitpesa.OpListSenders, call: func(ctx context.Context) error {
			page, err := client.Senders.List(ctx, bitpesa.SenderListOptions{})
			if err == nil && len(page.Items) > 0 {
				t.ids["senders.id"] = page.Items[0].ID
			}
			return err
		}},
		{op: bitpesa.OpListTransactions, call: func(ctx context.Context) error {
			page, err := client.Transactions.List(ctx, bitpesa.TransactionListOptions{})
			if err == nil && len(page.Items) > 0 {
				t.ids["transactions.id"] = page.Items[0].ID
			}
			return err
		}, shape: list("object[].state", states(bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending, bitpesa.TransactionReceived,
			bitpesa.TransactionProcessing, bitpesa.TransactionMispaid, bitpesa.TransactionManual, bitpesa.TransactionPaid, bitpesa.TransactionCanceled,
			bitpesa.TransactionRefunded, bitpesa.TransactionException), struct {
			Object []bitpesa.Transaction `json:"object"`
		}{})},
		{op: bitpesa.OpWebhookEvents, call: func(ctx context.Context) error {
			_, err := client.Webhooks.Events(ctx)
			return err
		}},
	}
	ref := reference()
	t.spends = []spending{{
		op: bitpesa.OpCreateTransaction, class: sdk.Referenced, reference: ref,
		send: func(ctx context.Context, _ string) (bool, error) { // not funded: no money moves
			made, err := client.Transactions.Create(ctx, bitpesa.TransactionParams{
				ExternalID: ref, InputCurrency: "USD",
				Sender: bitpesa.SenderParams{
					ExternalID: "conform-sender", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala", Street: "Somewhere 17-3",
					PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1", PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
				},
				Recipients: []bitpesa.RecipientParams{{
					RequestedAmount: decimal.NewFromInt(1000), RequestedCurrency: "NGN",
					PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
						FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567800", BankAccountType: "20",
					}},
				}},
			})
			return err == nil && made.Existing, err
		},
		look: func(ctx context.Context) error {
			_, err := client.Transactions.Find(ctx, ref)
			return err
		},
		duplicate: says("already", "taken", "duplicate"),
	}}
	return t, nil
}
