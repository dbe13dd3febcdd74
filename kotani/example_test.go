package kotani_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func ExampleNew() {
	client, err := kotani.New(kotani.Config{
		BaseURL:     os.Getenv("KOTANI_BASE_URL"), // up to and including /api_v2
		PhoneNumber: os.Getenv("KOTANI_PHONE"), CountryCode: "KEN", Password: os.Getenv("KOTANI_PASSWORD"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Health(context.Background()))
}

// The response to a payout is lost on the way. The client finds the payout by its
// external id, and it is paid once.
func ExampleFiatService_Withdraw() {
	server := kotanitest.New(kotanitest.Config{})
	defer server.Close()
	client, err := kotani.New(server.ClientConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_ = server.AddFault(fake.Fault{Path: "/transactions/withdraw/momo", Times: 1, Kind: fake.FaultDropAfter})

	payout, err := client.Fiat.Withdraw(ctx, kotani.WithdrawParams{
		Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678",
		ExternalID: "order-17", // your own reference
	})
	switch sdk.Advise(err) {
	case sdk.Done:
		fmt.Println("accepted:", payout.ExternalID)
	case sdk.Look:
		fmt.Println("the money may have moved: never pay again") // see client.Fiat.Find
		return
	default:
		fmt.Println("not paid:", err)
		return
	}
	server.Advance(10 * time.Second)
	payout, err = client.Fiat.Wait(ctx, "order-17", kotani.Payouts)
	fmt.Println(payout.Status, err, "left:", server.Balance("KES"))
	// Output:
	// accepted: order-17
	// SUCCESSFUL <nil> left: 999500
}

// What a refusal means is in the error, whatever its HTTP status.
func ExampleError() {
	server := kotanitest.New(kotanitest.Config{})
	defer server.Close()
	client, err := kotani.New(server.ClientConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Fiat.Withdraw(context.Background(), kotani.WithdrawParams{
		Amount: decimal.NewFromInt(5_000_000), PhoneNumber: "254712345678", ExternalID: "order-18",
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, sdk.ErrInsufficientFunds), errors.Is(err, sdk.ErrRejected))

	_, err = client.Fiat.Withdraw(context.Background(), kotani.WithdrawParams{Amount: decimal.RequireFromString("0.5")})
	fmt.Println(err)
	// Output:
	// kotani: fiat.withdraw: insufficient funds: HTTP 200, code 400 (outcome: rejected)
	// true true
	// kotani: fiat.withdraw: invalid parameters: amount: must be a whole number; externalId: is required, so that the outcome can be looked up; AllowNoExternalID does without; phoneNumber: is required (nothing was sent)
}

// From a wallet to mobile money: quote, KYC, account, transfer.
func ExampleFiatConnect() {
	server := kotanitest.New(kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{KYCNotRequired: true}})
	defer server.Close()
	cfg := server.ClientConfig()
	// In production: a hardware wallet, a signing service, or an Ethereum library.
	cfg.FiatConnect.Signer = kotanitest.NewSigner("jane")
	client, err := kotani.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, wallet := context.Background(), client.FiatConnect

	_, err = wallet.QuoteOut(ctx, kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: decimal.NewFromInt(10), Country: "KE",
	})
	var refused *sdk.Error
	if errors.Is(err, kotani.ErrFiatAmountTooLow) && errors.As(err, &refused) {
		fmt.Println("at least", refused.Detail.(kotani.QuoteLimits).MinFiat.Decimal, "KES")
	}
	quote, err := wallet.QuoteOut(ctx, kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: decimal.NewFromInt(10), Country: "KE",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	account, err := wallet.AddAccount(ctx, kotani.MobileMoneyAccount{
		AccountName: "Jane", InstitutionName: "Safaricom", Mobile: "+254712345678", Country: "KE", Operator: "M-Pesa",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // one key, one transfer, however often it is asked for
		transfer, err := wallet.TransferOut(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: quote.ID, IdempotencyKey: "savings-4"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(transfer.Status, transfer.IdempotencyKey)
	}
	fmt.Println(len(server.FiatConnect.Transfers()), "transfer")
	// Output:
	// at least 130 KES
	// TransferStarted savings-4
	// TransferStarted savings-4
	// 1 transfer
}

// The table says where each route is known from.
func ExampleOperations() {
	for _, op := range kotani.Operations() {
		if op.Class == sdk.Searched || op.Class == sdk.Keyed {
			fmt.Println(op.Name, op.Method, op.Path, op.Source, op.Grade)
		}
	}
	// Output:
	// fiat.deposit POST /transactions/deposit/stkpush observed B
	// fiat.deposit_quoted POST /transactions/deposit/quote assumed U
	// fiat.withdraw POST /transactions/withdraw/momo vendor-extra A-/B
	// fiat.withdraw_to_bank POST /transactions/withdraw/bank assumed C/U
	// fiatconnect.transfer_in POST /fiatconnect/transfer/in assumed A/U
	// fiatconnect.transfer_out POST /fiatconnect/transfer/out assumed A/U
}
