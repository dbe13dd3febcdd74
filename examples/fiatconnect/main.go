// Command fiatconnect moves cUSD from a wallet to its owner's bank account over
// FiatConnect: the wallet logs in with a real signature, the owner's data and
// account go on file, a quote is taken and transferred on, and signed webhooks
// tell how it goes.
//
//	cd examples/fiatconnect && go run .
//
// It runs on the embedded fake, which checks the signature, and ends with exit
// code 0 only when every step did what it says. It has a module of its own, so
// that the SDK needs no library for Ethereum.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/siwesigner"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fiatconnect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	inbox := newInbox()
	// A minute passes on the fake's clock in one second.
	server := kotanitest.New(kotanitest.Config{
		Options: fake.Options{RealTime: true, Speed: 60, Callbacks: inbox},
	})
	defer server.Close()

	// A client of the provider has a key and a secret which signs webhooks.
	cfg := server.ClientConfig()
	open, err := kotani.New(cfg)
	if err != nil {
		return err
	}
	credentials, err := open.FiatConnect.CreateCredentials(ctx, "https://shop.example/hooks/fiatconnect")
	if err != nil {
		return err
	}
	if err := inbox.receive(credentials.WebhookSecret, server.Now); err != nil {
		return err
	}

	// A wallet that did not exist before.
	signer, err := siwesigner.Generate()
	if err != nil {
		return err
	}
	cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = signer, credentials.APIKey
	client, err := kotani.New(cfg)
	if err != nil {
		return err
	}
	wallet := client.FiatConnect
	if err := wallet.Login(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "logged in: with a signature over a message for", cfg.FiatConnect.BaseURL)

	account, err := register(ctx, wallet)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "account:  ", account.InstitutionName, account.Schema)

	quote, err := wallet.QuoteOut(ctx, kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: decimal.NewFromInt(25), Country: "KE",
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "quoted:   ", quote.CryptoAmount.Decimal, quote.CryptoType, "for", quote.FiatAmount.Decimal, quote.FiatType)

	// The key is ours to keep: calling again with it makes no second transfer.
	transfer, err := wallet.TransferOut(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: quote.ID, IdempotencyKey: "savings-2026-04"})
	if err != nil {
		return err
	}
	again, err := wallet.TransferOut(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: quote.ID, IdempotencyKey: "savings-2026-04"})
	if err != nil {
		return err
	}
	if again.ID != transfer.ID {
		return fmt.Errorf("one key made two transfers")
	}

	// Signed webhooks tell what happens, and when it is our turn.
	for transfer.Status = ""; !transfer.Status.Final(); {
		ev, err := inbox.next(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "webhook:  ", ev.Trust, ev.Status)
		if ev.Data.Transfer == nil {
			continue
		}
		transfer = ev.Data.Transfer
		if transfer.Status == kotani.TransferReadyForUserToSendCryptoFunds {
			// Here the wallet sends the coins; the fake takes them as sent.
			fmt.Fprintln(out, "send now: ", transfer.AmountProvided.Decimal, transfer.CryptoType, "to the provider's address")
		}
	}
	if transfer.Status != kotani.TransferComplete {
		return fmt.Errorf("the transfer ended as %s", transfer.Status)
	}
	transfer, err = wallet.GetTransfer(ctx, transfer.ID)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "received: ", transfer.AmountReceived.Decimal, transfer.FiatType)
	if !transfer.AmountReceived.Decimal.Equal(quote.FiatAmount.Decimal) {
		return fmt.Errorf("that is not what was quoted")
	}
	return nil
}

// register puts the owner's data and bank account on file.
func register(ctx context.Context, wallet *kotani.FiatConnect) (*kotani.FiatAccount, error) {
	image := base64.StdEncoding.EncodeToString([]byte("not really an image"))
	_, err := wallet.AddKYC(ctx, kotani.PersonalDataAndDocuments{
		FirstName: "Jane", LastName: "Wanjiru", PhoneNumber: "+254712345678",
		DateOfBirth:    kotani.DateOfBirth{Day: "3", Month: "4", Year: "1990"},
		Address:        kotani.PostalAddress{Address1: "Moi Avenue 1", City: "Nairobi", ISOCountryCode: "KE", ISORegionCode: "KE-30"},
		SelfieDocument: image, IdentificationDocument: image,
	})
	if err != nil {
		return nil, err
	}
	if _, err := wallet.WaitKYC(ctx, kotani.KYCPersonal); err != nil {
		return nil, err
	}
	return wallet.AddAccount(ctx, kotani.BankAccount{
		AccountName: "Jane Wanjiru", InstitutionName: "Equity Bank", AccountNumber: "0123456789", Country: "KE",
	})
}
