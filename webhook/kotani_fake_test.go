package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// heard collects what a merchant is told.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, line)
}

func (h *heard) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.all...)
}

func TestKotanisOwnCallbacksAreConfirmed(t *testing.T) {
	var told heard
	var handler http.Handler
	server := kotanitest.NewServer(t, kotanitest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }),
	}})
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kotani", BaseURL: "https://shop.example/hooks/kotani"}, capabilityKey)
	require.NoError(t, err)
	cfg := server.ClientConfig()
	cfg.CallbackURL = caps.Mint
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	handler, err = webhook.NewKotani(client.Fiat, kotani.Payouts, webhook.Config[kotani.Transaction]{
		Auth: caps,
		Handle: func(_ context.Context, ev webhook.Event[kotani.Transaction]) error {
			told.add(fmt.Sprint(ev.Reference, " ", ev.Status, " ", ev.Transition, " ", ev.Trust, " ", ev.Amount.Decimal, " ", ev.Currency))
			return nil
		},
	})
	require.NoError(t, err)
	for id, phone := range map[string]string{"paid": "254712345678", "failed": "254712340001", "returned": "254712340005"} {
		_, err := client.Fiat.Withdraw(t.Context(), kotani.WithdrawParams{Amount: decimal.NewFromInt(500), PhoneNumber: phone, ExternalID: id})
		require.NoError(t, err)
	}
	server.Advance(10 * time.Second)
	server.Advance(2 * time.Hour)
	for _, d := range server.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, d.State)
		require.NoError(t, server.Redeliver(d.ID)) // told once all the same
	}
	server.Flush()
	assert.ElementsMatch(t, []string{
		"paid SUCCESSFUL advanced confirmed 500 KES", "failed FAILED advanced confirmed 500 KES",
		"returned SUCCESSFUL advanced confirmed 500 KES", "returned REVERSED reversed confirmed 500 KES",
	}, told.lines())
}

func TestAFiatConnectProvidersWebhooksAreVerified(t *testing.T) {
	var told heard
	var handler http.Handler
	server := kotanitest.NewServer(t, kotanitest.Config{Options: fake.Options{
		Callbacks: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }),
	}})
	cfg := server.ClientConfig()
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	credentials, err := client.FiatConnect.CreateCredentials(t.Context(), "https://shop.example/hooks/fc")
	require.NoError(t, err)
	handler, err = webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{Now: server.Now}, credentials.WebhookSecret),
		Handle: func(_ context.Context, ev webhook.Event[kotani.FiatConnectEvent]) error {
			if ev.Data.Transfer == nil {
				told.add("KYC " + ev.Status)
			} else {
				told.add(fmt.Sprint(ev.Data.Transfer.Type, " ", ev.Status, " ", ev.Trust, " ", ev.Amount.Decimal, " ", ev.Currency))
			}
			return nil
		},
	})
	require.NoError(t, err)
	cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = kotanitest.NewSigner("jane"), credentials.APIKey
	client, err = kotani.New(cfg)
	require.NoError(t, err)
	wallet := client.FiatConnect
	_, err = wallet.AddKYC(t.Context(), kotani.PersonalDataAndDocuments{
		FirstName: "Jane", LastName: "Doe", PhoneNumber: "+254712345678", SelfieDocument: "aWQ=", IdentificationDocument: "aWQ=",
		DateOfBirth: kotani.DateOfBirth{Day: "3", Month: "4", Year: "1990"},
		Address:     kotani.PostalAddress{Address1: "Moi Avenue 1", City: "Nairobi", ISOCountryCode: "KE", ISORegionCode: "KE-30"},
	})
	require.NoError(t, err)
	server.Flush() // only the callbacks of one object keep their order
	account, err := wallet.AddAccount(t.Context(), kotani.BankAccount{AccountName: "Jane", InstitutionName: "KCB", AccountNumber: "01", Country: "KE"})
	require.NoError(t, err)
	quote, err := wallet.QuoteOut(t.Context(), kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", CryptoAmount: decimal.NewFromInt(10), Country: "KE"})
	require.NoError(t, err)
	_, err = wallet.TransferOut(t.Context(), kotani.TransferParams{FiatAccountID: account.ID, QuoteID: quote.ID})
	require.NoError(t, err)
	server.Advance(time.Hour)
	server.Flush()
	want := []string{
		"KYC KycApproved", "TransferOut TransferStarted verified 10 cUSD", "TransferOut TransferReadyForUserToSendCryptoFunds verified 10 cUSD",
		"TransferOut TransferReceivedCryptoFunds verified 10 cUSD", "TransferOut TransferComplete verified 10 cUSD",
	}
	assert.Equal(t, want, told.lines())
	for _, d := range server.FiatConnect.Deliveries() {
		assert.Equal(t, fake.DeliveryDelivered, d.State)
		require.NoError(t, server.FiatConnect.Redeliver(d.ID)) // signed anew, told once all the same
	}
	server.Flush()
	assert.Equal(t, want, told.lines())
}
