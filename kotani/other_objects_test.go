package kotani_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A response that belongs to another request settles nothing, not even a read.
func TestAResponseAboutAnotherObjectIsNeverBelieved(t *testing.T) {
	once := func(c *kotani.Config) { c.MaxAttempts = 1 }
	for name, tc := range map[string]struct {
		body string
		call func(context.Context, *kotani.Client) error
	}{
		"Get":          {`{"result":{"requestId":"r-2","status":"SUCCESSFUL"}}`, func(ctx context.Context, c *kotani.Client) error { return wireError(c.Fiat.Get(ctx, "r-1")) }},
		"Get, flat":    {`{"id":"r-2","status":"SUCCESSFUL"}`, func(ctx context.Context, c *kotani.Client) error { return wireError(c.Fiat.Get(ctx, "r-1")) }},
		"Get, no name": {`{"result":{"status":"SUCCESSFUL"}}`, func(ctx context.Context, c *kotani.Client) error { return wireError(c.Fiat.Get(ctx, "r-1")) }},
		"Find": {`{"result":{"externalId":"o-2","status":"SUCCESSFUL"}}`, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Fiat.Find(ctx, "o-1", kotani.Payouts))
		}},
		"Find, other kind": {`{"result":{"externalId":"o-1","transactionType":"Collections","status":"SUCCESSFUL"}}`, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Fiat.Find(ctx, "o-1", kotani.Payouts))
		}},
		"GetTransfer": {`{"transferId":"t-2","status":"TransferComplete"}`, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.FiatConnect.GetTransfer(ctx, "t-1"))
		}},
		"GetTransfer, no name": {`{"status":"TransferComplete"}`, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.FiatConnect.GetTransfer(ctx, "t-1"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.call(t.Context(), newClient(t, newScript(respond(200, tc.body)), once))
			require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
			assert.Equal(t, sdk.NoEffect, failure(t, err).Outcome)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScript(respond(200, `{"result":{"requestId":"r-2","status":"SUCCESSFUL"}}`), respond(200, `{"id":"r-1","status":"FAILED"}`))
		got, err := newClient(t, s, once).Fiat.WaitRequest(t.Context(), "r-1")
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusFailed, got.Status, "what the other one became is no news of this one")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = newClient(t, newScript(respond(200, `{"transferId":"t-2","status":"TransferComplete"}`)), once).FiatConnect.WaitTransfer(ctx, "t-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Each write has a response that is about another payment.
func TestADirectResponseAboutAnotherPaymentIsUnknown(t *testing.T) {
	others := map[string][]string{
		"Fiat.Deposit": {
			`{"result":{"requestId":"1","externalId":"order-2"}}`, `{"result":{"requestId":"1","amount":"11"}}`, `{"result":{"requestId":"1","amount":"1,0"}}`,
			`{"id":"1","phoneNumber":"254799999999"}`, `{"result":{"requestId":"1","transactionType":"Payouts"}}`, `{"result":false}`, `{"result":[]}`, `{"success":true}`, `{}`,
		},
		"Fiat.DepositQuoted": {`{"result":{"requestId":"1","externalId":"order-2"}}`, `{"result":{"requestId":"1","phoneNumber":"254799999999"}}`, `{"success":true}`},
		"Fiat.Withdraw": {
			`{"id":1}`, `{"id":1,"externalId":"order-2"}`, `{"id":1,"externalId":"order-1","amount":"21"}`, `{"id":1,"externalId":"order-1","amount":"KES 20"}`,
			`{"id":1,"externalId":"order-1","phoneNumber":"254799999999"}`, `{"id":1,"externalId":"order-1","accountNumber":"0123456789"}`, `{"success":true}`,
		},
		"Fiat.WithdrawToBank": {
			`{"id":1,"externalId":"order-1","accountNumber":"0123456780"}`, `{"id":1,"externalId":"order-1","serviceProviderId":"02"}`,
			`{"id":1,"externalId":"order-1","phoneNumber":"254722222222"}`, `{"id":1,"externalId":"order-1","amount":21}`,
		},
		"Fiat.PayBill": {
			`{"result":{"requestId":"1","amount":"21"}}`, `{"result":{"merchantNumber":"888881"}}`, `{"result":{"accountNumber":"02"}}`, `{"id":"1","amount":"21","fee":"2"}`, `{"success":true}`,
		},
		"Fiat.PayTill":     {`{"result":{"amount":"2,000"}}`, `{"result":{"merchantTill":"12346"}}`, `{"result":{"transactionType":"Collections"}}`},
		"Celo.Buy":         {`{"status":201,"details":{"phoneNumber":"254799999999"}}`, `{"status":201,"phoneNumber":"254799999999","details":{}}`, `{"status":201}`},
		"Celo.SendToMpesa": {`{"status":201,"cusdDetails":{"phoneNumber":"254799999999"}}`, `{"status":201}`},
		"Stellar.CashOut":  {`{"result":{"txHash":"0x22"}}`, `{"phoneNumber":"254799999999"}`},
		"Tron.CashOut":     {`{"result":{"txhash":"0x22"}}`, `{"phoneNumber":"233799999999"}`, `{"transactionType":"Collections"}`},
		"Tron.CashIn":      {`{"result":{"externalId":"order-2"}}`, `{"amount":"21"}`, `{"phoneNumber":"254799999999"}`},
		"UBI.Claim":        {`{"status":201,"txid":"x","phoneNumber":"254799999999"}`, `{"status":201}`},
		"FiatConnect.TransferIn": {`{"transferId":"t-1","transferStatus":"TransferStarted","transferType":"TransferOut"}`, `{"transferStatus":"TransferStarted"}`, `{"transferId":"t-1"}`,
			`{"transferId":"t-1","status":"TransferStarted"}`, `{"transferId":"t-1","transferStatus":null,"status":"TransferStarted"}`, `{"transferId":"t-1","transferStatus":[],"status":"TransferComplete"}`,
			`{"transferId":"t-1","transferStatus":"TransferReadyForUserToSendCryptoFunds"}`, `{"transferId":"t-1","transferStatus":"TransferAmlFailed"}`,
		},
		"FiatConnect.TransferOut": {`{"transferId":"t-1","transferStatus":"TransferStarted","fiatAccountId":"a-2"}`,
			`{"transferId":"t-1","status":"TransferStarted"}`, `{"transferId":"t-1","transferStatus":"","status":"TransferComplete"}`,
			`{"transferId":"t-1","transferStatus":"TransferWaitingForUserAction"}`, `{"transferId":"t-1","transferStatus":"TransferReceivedFiatFunds"}`,
		},
		"Quotes.AcceptIn":  {`{"quoteId":"q-2"}`, `{"result":{"quoteId":"q-2"}}`},
		"Quotes.AcceptOut": {`{"quoteId":"q-2"}`},
	}
	for method := range payments {
		direct := strings.Replace(method, ".Prepare", ".", 1)
		assert.Contains(t, others, direct)
		others[method] = others[direct]
	}
	for method, bodies := range others {
		for _, body := range bodies {
			t.Run(method+"/"+body, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(respond(200, body))
					err := wireCalls[method].call(t.Context(), newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 }))
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.Equal(t, sdk.Look, sdk.Advise(err))
				})
			})
		}
	}
}

// noisy has, per method, a response with what decides, and fields that do not.
var noisy = map[string]struct {
	good   string // %s: further members
	fields []string
}{
	"Fiat.Deposit":        {`{"result":{"requestId":"1","externalId":"order-1",%s}}`, []string{"currency", "createdAt", "updatedAt", "message", "status", "txhash", "fee", "accountName"}},
	"Fiat.Withdraw":       {`{"id":7,"externalId":"order-1","amount":"20",%s}`, []string{"currency", "message", "createdAt", "withdrawReference", "amountWithdrawn", "url", "result"}},
	"Fiat.PayBill":        {`{"id":"x-7",%s}`, []string{"currency", "message", "createdAt", "deposited", "result"}},
	"Fiat.Find":           {`{"result":{"externalId":"order-1","status":"PENDING",%s}}`, []string{"amount", "currency", "createdAt", "phoneNumber", "message", "requestId"}},
	"Fiat.List":           {`{"result":[{"requestId":"1","status":"PENDING",%s}]}`, []string{"amount", "createdAt", "currency", "externalId"}},
	"Celo.SendToMpesa":    {`{"status":201,"cusdDetails":{"from":"x",%s}}`, []string{"value", "date", "to", "blockNumber"}},
	"UBI.Claim":           {`{"status":201,"txid":"x",%s}`, []string{"desc", "result"}},
	"Quotes.In":           {`{"quoteId":"q",%s}`, []string{"rate", "expiresAt", "fiatAmount", "currency"}},
	"Quotes.AcceptIn":     {`{"quoteId":"q-1",%s}`, []string{"rate", "expiresAt", "fiatAmount", "currency"}},
	"OnChain.Balance":     {`{"balance":{"amount":"1",%s}}`, []string{"currency"}},
	"OnChain.EscrowRates": {`{"escrowAddress":"0x1",%s}`, []string{"conversionRate"}},
	"Binance.CreateOrder": {`{"result":{"prepayId":"p",%s}}`, []string{"checkoutLink", "qrcodeLink", "status"}},
	"KYC.CreateUser":      {`{"userId":"u",%s}`, []string{"desc", "message"}},
	"FiatConnect.TransferIn": {`{"transferId":"t-1","transferStatus":"TransferStarted",%s}`,
		[]string{"transferAddress", "userActionDetails", "fee", "amountProvided", "txHash", "status", "fiatType"}},
	"FiatConnect.GetTransfer":       {`{"transferId":"t-1","status":"TransferComplete",%s}`, []string{"transferStatus", "transferAddress", "userActionDetails", "fee", "amountReceived", "txHash"}},
	"FiatConnect.QuoteIn":           {`{"quote":{"quoteId":"q",%s},"kyc":{},"fiatAccount":{}}`, []string{"guaranteedUntil", "fee", "feeType", "fiatAmount", "cryptoType"}},
	"FiatConnect.AddAccount":        {`{"fiatAccountId":"a",%s}`, []string{"accountName", "institutionName", "fiatAccountType"}},
	"FiatConnect.ListAccounts":      {`{"BankAccount":[{"fiatAccountId":"a",%s}]}`, []string{"accountName", "institutionName"}},
	"FiatConnect.GetKYC":            {`{"kycStatus":"KycApproved",%s}`, []string{"data", "kycData"}},
	"FiatConnect.CreateCredentials": {`{"apiKey":"k","webhookSecret":"s",%s}`, []string{"webhook"}},

	"Fiat.DepositQuoted":      {`{"result":{"requestId":"1","externalId":"order-1",%s}}`, []string{"amount", "currency", "createdAt", "message", "status"}},
	"Fiat.WithdrawToBank":     {`{"id":7,"externalId":"order-1","amount":"20",%s}`, []string{"accountName", "message", "createdAt", "url"}},
	"Fiat.PayTill":            {`{"id":"x-7",%s}`, []string{"currency", "message", "createdAt", "url"}},
	"Fiat.Get":                {`{"result":{"requestId":"r/1","status":"PENDING",%s}}`, []string{"amount", "currency", "createdAt", "phoneNumber", "message", "externalId"}},
	"Celo.Buy":                {`{"status":201,"details":{"value":"1",%s}}`, []string{"transactionHash", "price", "to"}},
	"Stellar.CashOut":         {`{"result":{"requestId":"1","txHash":"` + hash + `",%s}}`, []string{"amount", "currency", "createdAt", "message", "status", "name"}},
	"Tron.CashOut":            {`{"result":{"requestId":"1","txHash":"` + hash + `",%s}}`, []string{"amount", "currency", "createdAt", "message", "status", "email"}},
	"Tron.CashIn":             {`{"result":{"requestId":"1","externalId":"order-1",%s}}`, []string{"currency", "createdAt", "message", "status"}},
	"Quotes.Out":              {`{"quoteId":"q",%s}`, []string{"rate", "expiresAt", "cryptoAmount", "currency"}},
	"Quotes.AcceptOut":        {`{"quoteId":"q-1",%s}`, []string{"rate", "expiresAt", "cryptoAmount", "currency"}},
	"Binance.CloseOrder":      {`{"result":{"prepayId":"p-1",%s}}`, []string{"checkoutLink", "qrcodeLink", "status", "requestId"}},
	"Binance.GetOrder":        {`{"result":{"prepayId":"p-1",%s}}`, []string{"checkoutLink", "qrcodeLink", "status", "requestId"}},
	"KYC.VerifyUser":          {`{"status":"verified",%s}`, []string{"desc", "details", "userId"}},
	"KYC.UpdateUser":          {`{"status":"active",%s}`, []string{"desc", "details"}},
	"KYC.FindUser":            {`{"userRecord":{"userId":"u"},%s}`, []string{"desc", "phoneNumber"}},
	"KYC.ListUsers":           {`{"data":{},%s}`, []string{"desc", "count"}},
	"KYC.PhoneByAddress":      {`{"phoneNumber":"254712345678",%s}`, []string{"desc", "address"}},
	"UBI.IsBeneficiary":       {`{"status":201,"desc":"User is a beneficiary",%s}`, []string{"result", "txid"}},
	"UBI.SetBeneficiary":      {`{"status":201,"desc":"User set as beneficiary",%s}`, []string{"result", "txid"}},
	"FiatConnect.Clock":       {`{"time":"2026-04-03T09:00:00Z",%s}`, []string{"zone", "skew"}},
	"FiatConnect.QuoteOut":    {`{"quote":{"quoteId":"q",%s},"kyc":{},"fiatAccount":{}}`, []string{"guaranteedUntil", "fee", "feeFrequency", "cryptoAmount", "fiatType"}},
	"FiatConnect.AddKYC":      {`{"kycStatus":"KycPending",%s}`, []string{"data", "kycData", "kycSchema"}},
	"FiatConnect.TransferOut": {`{"transferId":"t-1","transferStatus":"TransferStarted",%s}`, []string{"transferAddress", "userActionDetails", "fee", "txHash", "status"}},
}

// What reads no response, or reads it as another method does.
var readsNothing = regexp.MustCompile(`Prepare|Wait|Delete|^Health$|^Login$|^FiatConnect\.Login$`)

func TestEveryMethodThatReadsAResponseIsTriedWithNoise(t *testing.T) {
	for method := range wireCalls {
		assert.Equal(t, readsNothing.MatchString(method), noisy[method].good == "", method)
	}
}

// noisyEvents are the callbacks and webhooks.
var noisyEvents = []struct {
	parse  func(body []byte) error
	good   string
	fields []string
}{
	{func(body []byte) error { _, err := kotani.ParseCallback(body); return err },
		`{"externalId":"order-1","status":"SUCCESSFUL",%s}`, []string{"amount", "currency", "createdAt", "updatedAt", "phoneNumber", "txhash", "fee", "message"}},
	{func(body []byte) error { _, err := kotani.ParseV3Event(body); return err },
		`{"event":"transaction.deposit.status.updated","data":{"reference_id":"r","status":"SUCCESSFUL",%s},"signature":"x"}`, []string{"amount", "currency", "timestamp", "metadata"}},
	{func(body []byte) error { _, err := kotani.ParseFiatConnectEvent(body); return err },
		`{"eventType":"WebhookTransferInStatusEvent","eventId":"e","timestamp":"1700000000","payload":{"transferId":"t","status":"TransferComplete",%s}}`,
		[]string{"transferStatus", "fee", "amountProvided", "amountReceived", "fiatType", "quoteId", "transferAddress", "userActionDetails", "txHash"}},
	{func(body []byte) error { _, err := kotani.ParseFiatConnectEvent(body); return err },
		`{"eventType":"WebhookKycStatusEvent","eventId":"e","timestamp":"1700000000","payload":{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"},%s}`, []string{"provider", "address"}},
	{func(body []byte) error { // the login's token
		s := newScript(respond(200, `{"escrowAddress":"0x1","conversionRate":{}}`))
		s.aside[loginPath] = []step{respond(200, string(body))}
		client, err := kotani.New(kotani.Config{
			BaseURL: "https://kotani.example/api_v2", PhoneNumber: "254700000000", CountryCode: "KEN", Password: password,
			Options: sdk.Options{HTTPClient: &http.Client{Transport: s}, MaxAttempts: 1},
		})
		if err != nil {
			return err
		}
		return client.Login(context.Background())
	}, `{"status":201,"accessToken":"t-1",%s}`, []string{"desc", "expiresIn", "expires_in", "user"}},
}

// Fields that decide nothing may hold anything.
func TestNoiseInOtherFieldsIsNoError(t *testing.T) {
	noise := []string{
		`false`, `true`, `[]`, `{}`, `{"_seconds":1700000000}`, `{"$date":"x"}`, `1e99`, `"NaN"`, `"5.2 km"`, `0.12345678901234567890`, `"1,200.00"`,
		`"1200,50"`, `"0750.00"`, `".5"`, `"+5"`, `null`, `[null]`, `{"name":"KES"}`, `1e2147483647`, `"3600s"`, `"1h"`, `3599.5`, `"2026-04-03"`, `"\u0000"`,
	}
	for _, tc := range noisyEvents {
		for _, field := range tc.fields {
			for _, value := range noise {
				assert.NoError(t, tc.parse([]byte(strings.Replace(tc.good, "%s", `"`+field+`":`+value, 1))), "%s: %s", field, value)
			}
		}
	}
	var quarter clienttest.Sixteenth
	for method, tc := range noisy {
		for _, field := range tc.fields {
			for _, value := range noise {
				if quarter.LeavesOut() {
					continue
				}
				body := strings.Replace(tc.good, "%s", `"`+field+`":`+value, 1)
				for _, body := range []string{body, "\xef\xbb\xbf" + body} {
					err := wireCalls[method].call(t.Context(), newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }))
					assert.NoError(t, err, "%s: %s", method, body)
				}
			}
		}
	}
}

func TestDatesAndDecimalsThatCannotBeReadAreAbsent(t *testing.T) {
	dates, sums := []string{"createdAt", "updatedAt"}, []string{"fee", "amount"}
	answered := func(call func(context.Context, *kotani.Client) (any, error)) func(*testing.T, string) any {
		return func(t *testing.T, body string) any {
			value, err := call(t.Context(), newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }))
			require.NoError(t, err, body)
			return value
		}
	}
	posted := func(parse func([]byte) (any, error)) func(*testing.T, string) any {
		return func(t *testing.T, body string) any {
			value, err := parse([]byte(body))
			require.NoError(t, err, body)
			return value
		}
	}
	clienttest.CheckAbsence(t, map[string]clienttest.Shown{
		"Fiat.Find": {Good: `{"result":{"externalId":"o-1","status":"PENDING",%s}}`, Dates: dates, Decimals: sums, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.Fiat.Find(ctx, "o-1", kotani.Payouts)
		})},
		"Fiat.Get, flat": {Good: `{"id":"r-1","status":"PENDING",%s}`, Dates: dates, Decimals: sums, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.Fiat.Get(ctx, "r-1")
		})},
		"Fiat.List": {Good: `{"result":[{"requestId":"1","status":"PENDING",%s}]}`, Dates: dates, Decimals: sums, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.Fiat.List(ctx, kotani.TransactionListOptions{})
		})},
		"Quotes.In": {Good: `{"quoteId":"q",%s}`, Dates: []string{"expiresAt"}, Decimals: []string{"rate", "fiatAmount", "cryptoAmount"}, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.Quotes.In(ctx, kotani.QuoteParams{Amount: twenty, Currency: "KES", CryptoType: "cUSD"})
		})},
		"OnChain.Balance": {Good: `{"balance":{"currency":"KES",%s}}`, Decimals: []string{"amount"}, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.OnChain.Balance(ctx, "254712345678", kotani.ChainCelo)
		})},
		"OnChain.EscrowRates": {Good: `{"escrowAddress":"0x1","conversionRate":{%s}}`, Decimals: []string{"cusdToLocalCurrencyRate"}, Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
			return c.OnChain.EscrowRates(ctx)
		})},
		"FiatConnect.QuoteIn": {Good: `{"quote":{"quoteId":"q",%s},"kyc":{},"fiatAccount":{}}`, Dates: []string{"guaranteedUntil"}, Digits: []string{"fiatAmount", "cryptoAmount", "fee"},
			Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) {
				return c.FiatConnect.QuoteIn(ctx, quoteParams)
			})},
		"FiatConnect.GetTransfer": {Good: `{"transferId":"t-1","status":"TransferComplete",%s}`, Digits: []string{"amountProvided", "amountReceived", "fee"},
			Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) { return c.FiatConnect.GetTransfer(ctx, "t-1") })},
		"a user's deadline": {Good: `{"transferId":"t-1","status":"TransferStarted","userActionDetails":{"userActionType":"PIXUserAction",%s}}`, Dates: []string{"deadline"},
			Read: answered(func(ctx context.Context, c *kotani.Client) (any, error) { return c.FiatConnect.GetTransfer(ctx, "t-1") })},
		"a callback": {Good: `{"externalId":"o-1","status":"SUCCESSFUL",%s}`, Dates: dates, Decimals: sums, Read: posted(func(body []byte) (any, error) { return kotani.ParseCallback(body) })},
		"an event of v3": {Good: `{"event":"transaction.deposit.status.updated","data":{"reference_id":"r",%s}}`, Dates: []string{"timestamp"}, Decimals: []string{"amount"},
			Read: posted(func(body []byte) (any, error) {
				event, err := kotani.ParseV3Event(body)
				event.Data = nil // as received
				return event, err
			})},
		"an event of FiatConnect": {Good: `{"eventType":"WebhookTransferInStatusEvent","eventId":"e","timestamp":"1700000000","payload":{"transferId":"t","status":"TransferComplete",%s}}`,
			Digits: []string{"amountProvided", "amountReceived", "fee"}, Read: posted(func(body []byte) (any, error) {
				event, err := kotani.ParseFiatConnectEvent(body)
				event.Payload = nil // as received
				return event, err
			})},
	})
}

// Flat responses may have a "result" that wraps nothing. What stands beside it counts,
// and is compared.
func TestASideResultHidesNoFlatResponse(t *testing.T) {
	flat := map[string]struct{ good, other string }{
		"Fiat.PayBill":        {`{"id":"x-1",%s}`, `{"id":"x-1","amount":"21",%s}`},
		"Fiat.PayTill":        {`{"id":"x-1",%s}`, `{"id":"x-1","merchantTill":"12346",%s}`},
		"Fiat.Deposit":        {`{"id":"x-1","externalId":"order-1",%s}`, `{"id":"x-1","externalId":"order-2",%s}`},
		"Fiat.DepositQuoted":  {`{"id":"x-1","externalId":"order-1",%s}`, `{"id":"x-1","phoneNumber":"254799999999",%s}`},
		"Fiat.Withdraw":       {`{"id":7,"externalId":"order-1","amount":"20",%s}`, `{"id":7,"externalId":"order-1","amount":"2,0",%s}`},
		"Fiat.WithdrawToBank": {`{"id":7,"externalId":"order-1",%s}`, `{"id":7,"externalId":"order-1","serviceProviderId":"02",%s}`},
		"Fiat.Find":           {`{"externalId":"order-1","status":"PENDING",%s}`, `{"externalId":"order-2","status":"PENDING",%s}`},
		"Fiat.Get":            {`{"id":"r/1","status":"PENDING",%s}`, `{"id":"r-2","status":"PENDING",%s}`},
		"Quotes.AcceptIn":     {`{"quoteId":"q-1",%s}`, `{"quoteId":"q-2",%s}`},
	}
	once := func(c *kotani.Config) { c.MaxAttempts = 1 }
	for _, side := range []string{`false`, `true`, `[]`, `"Success"`, `""`, `0`, `{}`, `{ }`, `null`, `[{"requestId":"r-9"}]`} {
		for method, tc := range flat {
			body := strings.Replace(tc.good, "%s", `"result":`+side, 1)
			assert.NoError(t, wireCalls[method].call(t.Context(), newClient(t, newScript(respond(200, body)), once)), "%s: %s", method, body)
			body = strings.Replace(tc.other, "%s", `"result":`+side, 1)
			synctest.Test(t, func(t *testing.T) {
				assert.Error(t, wireCalls[method].call(t.Context(), newClient(t, newScript(respond(200, body)), once)), "%s: %s", method, body)
			})
		}
		paid, err := newClient(t, newScript(respond(200, `{"id":"x-1","result":`+side+`}`)), once).Fiat.PayTill(t.Context(), kotani.PayTillParams{TillNumber: "12345", Amount: twenty})
		require.NoError(t, err, side)
		assert.Equal(t, "x-1", paid.RequestID, side)
		order, err := newClient(t, newScript(respond(200, `{"prepayId":"p-1","status":"PAID","result":`+side+`}`)), once).Binance.GetOrder(t.Context(), "p-1")
		require.NoError(t, err, side)
		assert.Equal(t, "p-1", order.PrepayID, side)
		assert.Equal(t, kotani.OrderPaid, order.Status, side)
	}
}

func TestABadRowLosesNoOther(t *testing.T) {
	list, err := newClient(t, newScript(respond(200, `{"result":[{"requestId":"1"},7,null,{"requestId":"2","amount":{}},"x",[]]}`))).Fiat.List(t.Context(), kotani.TransactionListOptions{})
	require.NoError(t, err)
	assert.Len(t, list.Items, 2)
	assert.Equal(t, 4, list.Skipped)
	accounts, err := newClient(t, newScript(respond(200, `{"BankAccount":[{"fiatAccountId":"a"},{},7],"MobileMoney":"x"}`))).FiatConnect.ListAccounts(t.Context())
	require.NoError(t, err)
	assert.Len(t, accounts.Items, 1)
	assert.Equal(t, 3, accounts.Skipped)
}

func TestAListSaysWhetherItMayGoOn(t *testing.T) {
	for members, more := range map[string]bool{
		`"prev_cursor":"x"`: false, `"count":1`: false, `"total":"1"`: false, `"next":null`: false, `"next":""`: false, `"hasMore":false`: false, `"pages":1`: false, `"meta":[]`: false, `"x":9`: false,
		`"count":2`: true, `"total":"60"`: true, `"next":"/p2"`: true, `"has_more":true`: true, `"nextCursor":"x"`: true, `"totalPages":2`: true,
		`"meta":{"total":60}`: true, `"pagination":{"next_page":2}`: true,
	} {
		s := respond(200, `{"result":[{"requestId":"1"}],`+members+`}`)
		list, err := newClient(t, newScript(s)).Fiat.List(t.Context(), kotani.TransactionListOptions{Limit: 9})
		require.NoError(t, err, members)
		assert.Equal(t, more, list.More, members)
	}
	for limit, more := range map[int]bool{0: false, 1: true, 2: true, 3: false} {
		list, err := newClient(t, newScript(respond(200, `[{"requestId":"1"},7]`))).Fiat.List(t.Context(), kotani.TransactionListOptions{Limit: limit})
		require.NoError(t, err)
		assert.Equal(t, more, list.More, limit)
	}
}

func FuzzNoise(f *testing.F) {
	methods := slices.Sorted(maps.Keys(noisy))
	for i := range len(methods) + len(noisyEvents) {
		f.Add(uint8(i), uint8(i), `{"_seconds":1}`)
		f.Add(uint8(i), uint8(i+1), `[[], null, "\ud800"]`)
	}
	f.Fuzz(func(t *testing.T, method, field uint8, value string) {
		if !json.Valid([]byte(value)) {
			return
		}
		which := int(method) % (len(methods) + len(noisyEvents))
		if which >= len(methods) {
			tc := noisyEvents[which-len(methods)]
			body := strings.Replace(tc.good, "%s", `"`+tc.fields[int(field)%len(tc.fields)]+`":`+value, 1)
			if err := tc.parse([]byte(body)); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			return
		}
		name := methods[which]
		tc := noisy[name]
		body := strings.Replace(tc.good, "%s", `"`+tc.fields[int(field)%len(tc.fields)]+`":`+value, 1)
		err := wireCalls[name].call(t.Context(), newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }))
		if err != nil && !(name == "KYC.CreateUser" || strings.HasPrefix(name, "FiatConnect.")) && strings.Contains(tc.fields[int(field)%len(tc.fields)], "status") {
			return // a status in Kotani's words may refuse
		}
		if err != nil {
			t.Errorf("%s: %s: %v", name, body, err)
		}
	})
}

func TestAMarkInFrontOfARefusalHidesNothing(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	_, err := newClient(t, newScript(respond(200, mark+`{"status":400,"desc":"insufficient balance"}`))).Fiat.Withdraw(t.Context(), validWithdraw)
	require.ErrorIs(t, err, sdk.ErrInsufficientFunds)
	_, err = newClient(t, newScript(respond(400, mark+`{"error":"InvalidQuote"}`))).FiatConnect.TransferIn(t.Context(), begun)
	require.ErrorIs(t, err, kotani.ErrInvalidQuote)
	require.ErrorIs(t, err, sdk.ErrRejected)
	got, err := kotani.ParseCallback([]byte(mark + `{"externalId":"order-1","status":"SUCCESSFUL"}`))
	require.NoError(t, err)
	assert.Equal(t, "order-1", got.ExternalID)
	event, err := kotani.ParseV3Event([]byte(mark + `{"event":"transaction.deposit.status.updated","data":{"reference_id":"r","amount":{},"timestamp":false}}`))
	require.NoError(t, err)
	assert.Equal(t, "r", event.Reference)
	fc, err := kotani.ParseFiatConnectEvent([]byte(mark + `{"eventType":"WebhookTransferInStatusEvent","eventId":"e","timestamp":"1700000000","provider":{},"payload":{"transferId":"t","status":"TransferComplete","fee":[]}}`))
	require.NoError(t, err)
	assert.Equal(t, "t", fc.Transfer.ID)
}
