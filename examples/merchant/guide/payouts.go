package main

import (
	"context"
	"database/sql"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// invoice is what a supplier gets. The fake takes the end from the reference.
type invoice struct{ reference, supplier, paybill, amount string }

// planBatch plans all payouts of a batch, or none. The same batch again changes nothing.
func planBatch(ctx context.Context, db *sql.DB, payouts *journal.Flow[kasapay.CreatePayoutParams, kasapay.Payout], batch []invoice) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for _, i := range batch {
			err := payouts.Plan(ctx, tx, kasapay.CreatePayoutParams{
				Reference: i.reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: i.paybill, RecipientName: i.supplier,
				AccountReference: "bakery", Amount: decimal.RequireFromString(i.amount), Currency: "KES", Country: "KEN", Description: "Delivery 7",
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// batch is a payout batch on the fakes.
func (s *demo) batch(ctx context.Context, cfg journal.Config, told journal.Func[kasapay.Payout]) (*sql.DB, *journal.Journal, *kasapaytest.Fake, *journal.Flow[kasapay.CreatePayoutParams, kasapay.Payout], error) {
	server := kasapaytest.NewIn(s.world, kasapaytest.Config{})
	s.closes = append(s.closes, server.Close)
	db, err := s.database(ctx)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	j, err := journal.Open(ctx, db, journal.SQLite, cfg)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	urls, config := s.urls("kasapay"), server.ClientConfig()
	config.CallbackURL = urls.Mint
	client, err := kasapay.New(config)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	payouts := journal.Kasapay(j, "payouts", client.Payouts, told)
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kasapay/", payouts.Knock(urls))
	s.server.Store(mux)
	return db, j, server, payouts, nil
}

func tellPayouts(ctx context.Context, s *demo) error {
	db, j, server, payouts, err := s.batch(ctx, unhurried(), nil)
	if err != nil {
		return err
	}
	batch := []invoice{{"flour-7-paid", "Unga Mills", "565601", "1500.00"}, {"sugar-7-failed", "Sukari Ltd", "565602", "820.50"}, {"oil-7-paid", "Mafuta Ltd", "565603", "2300.00"}}
	// The response to one payout gets lost, after the work is done.
	if err := server.AddFault(fake.Fault{Method: "POST", Path: "/v1/payouts/b2b/initiate", Kind: fake.FaultDropAfter, Times: 1}); err != nil {
		return err
	}
	before := server.Balance("KES")
	for range 2 { // the button was clicked twice
		if err := planBatch(ctx, db, payouts, batch); err != nil {
			return err
		}
	}
	s.work(ctx, j)
	for _, i := range batch {
		p, err := payouts.Await(ctx, i.reference)
		if err != nil {
			return err
		}
		s.say("%s, %s KES: %s", i.supplier, i.amount, p.Result)
	}
	s.say("spent: %s KES in %d debits", before.Sub(server.Balance("KES")).StringFixed(2), len(server.Debits("flour-7-paid"))+len(server.Debits("oil-7-paid")))
	return nil
}

// remittance is 10,000 NGN each for Jane and Ada, from a balance in USD.
func remittance(reference, adasAccount string) bitpesa.TransactionParams {
	to := func(name, account string) bitpesa.RecipientParams {
		return bitpesa.RecipientParams{
			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: name, LastName: "Doe", BankCode: "058", BankAccount: account, BankAccountType: "20",
			}},
		}
	}
	return bitpesa.TransactionParams{
		ExternalID: reference, InputCurrency: "USD",
		Sender: bitpesa.SenderParams{
			ExternalID: "sender-1", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala", Street: "Somewhere 17-3",
			PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1", PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
		},
		Recipients: []bitpesa.RecipientParams{to("Jane", "1234567800"), to("Ada", adasAccount)},
	}
}

func tellRemittance(ctx context.Context, s *demo) error {
	server := bitpesatest.NewIn(s.world, bitpesatest.Config{})
	s.closes = append(s.closes, server.Close)
	db, err := s.database(ctx)
	if err != nil {
		return err
	}
	waits, config := alerts()
	j, err := journal.Open(ctx, db, journal.SQLite, config)
	if err != nil {
		return err
	}
	client, err := bitpesa.New(server.ClientConfig())
	if err != nil {
		return err
	}
	flow := journal.BitPesa(j, "remittances", client, func(_ context.Context, _ journal.Tx, c journal.Change[bitpesa.Transaction]) error {
		s.say("told: %s", c.Kind)
		return nil
	})
	// The URL as it is registered: it is part of what BitPesa signs.
	const hook = "https://shop.example/hooks/bitpesa"
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/bitpesa", flow.Knock(webhook.BitPesaSignature(hook, webhook.BitPesaKey{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret})))
	s.server.Store(mux)
	if _, err := client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: hook, Events: []bitpesa.EventName{bitpesa.EventTransactionPaidOut}}); err != nil {
		return err
	}
	s.work(ctx, j)

	reference := journal.Reference("remittance-1", "send")
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		return flow.Plan(ctx, tx, remittance(reference, "1234567819")) // Ada's number is wrong
	})
	if err != nil {
		return err
	}
	stuck := <-waits
	s.say("waits for a person: %s: %s", stuck.Reason, stuck.Note)
	sent, err := client.Transactions.Find(ctx, reference)
	if err != nil {
		return err
	}
	for i := range sent.Recipients {
		r := &sent.Recipients[i]
		if !r.NeedsAction() {
			continue
		}
		s.say("%s: %s", r.PayoutMethod.Details.FirstName, r.StateReasonDetails.Category)
		_, err := client.Recipients.Correct(ctx, sent.ID, r.ID, bitpesa.RecipientUpdate{
			PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "1234568900"}},
		})
		if err != nil {
			return err
		}
	}
	for { // stuck is not the end: it goes on by itself
		paid, err := flow.Await(ctx, reference)
		if err == nil {
			s.say("BitPesa: %s; the balance was charged %d time", paid.State, len(server.Debits(reference)))
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		pause(ctx, time.Minute)
	}
}

// cashOut pays the worth of coins to a phone.
func tellCashOut(ctx context.Context, s *demo) error {
	server := kotanitest.NewIn(s.world, kotanitest.Config{})
	s.closes = append(s.closes, server.Close)
	db, err := s.database(ctx)
	if err != nil {
		return err
	}
	j, err := journal.Open(ctx, db, journal.SQLite, unhurried())
	if err != nil {
		return err
	}
	urls, config := s.urls("kotani"), server.ClientConfig()
	config.CallbackURL = urls.Mint
	client, err := kotani.New(config)
	if err != nil {
		return err
	}
	flow := journal.KotaniWithdraw(j, "cash-outs", client, func(_ context.Context, _ journal.Tx, c journal.Change[kotani.Transaction]) error {
		s.say("told: %s", c.Kind)
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kotani/", flow.Knock(urls))
	s.server.Store(mux)
	s.work(ctx, j)

	quote, err := client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
	if err != nil {
		return err
	}
	amount := quote.FiatAmount.Decimal.Truncate(0) // payouts are whole shillings
	s.say("%s %s are worth %s %s", quote.CryptoAmount.Decimal, quote.CryptoType, amount, quote.Currency)
	if _, err := client.Quotes.AcceptOut(ctx, quote.ID); err != nil {
		return err
	}
	reference := journal.Reference("jane-april", "wages")
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		return flow.Plan(ctx, tx, kotani.WithdrawParams{Amount: amount, PhoneNumber: "254712345678", ExternalID: reference})
	})
	if err != nil {
		return err
	}
	paid, err := flow.Await(ctx, reference)
	if err != nil {
		return err
	}
	s.say("Kotani: %s, in %d debit", paid.Status, len(server.Debits(reference)))
	return nil
}
