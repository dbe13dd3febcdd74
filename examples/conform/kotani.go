package main

import (
	"context"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// openKotani takes the variables of KOTANI, or else the fake.
func openKotani(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "kotani", close: func() {}}
	s := settings{env: env, spend: spend}
	cfg, phone := kotani.Config{BaseURL: env("KOTANI_BASE_URL")}, ""
	if cfg.BaseURL == "" {
		server := kotanitest.New(kotanitest.Config{Options: live})
		cfg, phone = server.ClientConfig(), "+254711222333"
		t.fake, t.close = true, server.Close
	} else {
		cfg.PhoneNumber, cfg.CountryCode, cfg.Password = s.need("KOTANI_PHONE"), s.need("KOTANI_COUNTRY"), s.need("KOTANI_PASSWORD")
		phone = s.spent("KOTANI_MSISDN")
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return kotaniTarget(t, cfg, phone)
}

// kotaniTarget makes one deposit from a phone.
func kotaniTarget(t *target, cfg kotani.Config, phone string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kotani.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.login, t.loginOp = client.Do, client.Login, kotani.OpLogin
	t.acknowledge = acknowledgement(webhook.Kotani())
	t.operations = operationsOf(false)
	// The SDK takes a response under "result" and without it, and a list under three names.
	quotes := kotaniSays(shaped("", kotani.Quote{})).or(kotaniSays(shaped("result.", kotani.Quote{}).and("result")))
	transactions := kotaniTransaction("[].").and("[]")
	for _, name := range []string{"result", "data", "transactions"} {
		transactions.or(kotaniSays(kotaniTransaction(name+"[].").and(name, name+"[]")))
	}
	t.reads = []read{
		{op: kotani.OpHealth, call: client.Health},
		{op: kotani.OpStatusByExternalID, call: func(ctx context.Context) error {
			_, err := client.Fiat.Find(ctx, "conform-none", kotani.Payouts)
			return err
		}, unknown: true},
		{op: kotani.OpEscrowRates, call: func(ctx context.Context) error {
			_, err := client.OnChain.EscrowRates(ctx)
			return err
		}, shape: kotaniSays(named("escrowAddress", "conversionRate", "conversionRate.localCurrency", "conversionRate.cusdToLocalCurrencyRate"))},
		{op: kotani.OpUserByPhone, call: func(ctx context.Context) error {
			_, err := client.KYC.FindUser(ctx, or(phone, "+254700000000"))
			return err
		}, shape: kotaniUser("userRecord.").and("userRecord").or(kotaniUser("")), unknown: true},
		{op: kotani.OpQuoteOut, call: func(ctx context.Context) error {
			_, err := client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
			return err
		}, shape: quotes},
		{op: kotani.OpQuoteIn, call: func(ctx context.Context) error {
			_, err := client.Quotes.In(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
			return err
		}, shape: quotes},
		{op: kotani.OpUsers, call: func(ctx context.Context) error {
			_, err := client.KYC.ListUsers(ctx)
			return err
		}, shape: kotaniUser("data.{}.", "data[].").and("data", "data.{}", "data[]")},
		{op: kotani.OpTransactions, call: func(ctx context.Context) error {
			_, err := client.Fiat.List(ctx, kotani.TransactionListOptions{})
			return err
		}, shape: transactions},
	}
	t.candidates = kotaniCandidates()
	ref := reference()
	t.spends = []spending{{
		op: kotani.OpDeposit, class: sdk.Searched, reference: ref,
		send: func(ctx context.Context, url string) (transaction, error) {
			d, err := client.Fiat.Deposit(ctx, kotani.DepositParams{Amount: decimal.NewFromInt(10), PhoneNumber: phone, ExternalID: ref, CallbackURL: or(url, nowhere)})
			if err != nil {
				return transaction{}, err
			}
			return transaction{d.RequestID, d.Existing}, nil
		},
		look: func(ctx context.Context) error {
			_, err := client.Fiat.Find(ctx, ref, kotani.Collections)
			return err
		},
		shape:     kotaniSays(kotaniTransaction("result.").and("result")).or(kotaniTransaction("")),
		duplicate: saysTaken,
	}}
	return t, nil
}

// kotaniTransaction is a deposit or a withdrawal as a response shows it. No document
// lists its fields: requestId, the times and the two spellings of the hash are assumed.
func kotaniTransaction(below string) *shape {
	s := shaped(below, kotani.Transaction{}).optional(below, strings.Fields(`id message accountNumber accountName serviceProviderId
		merchantNumber merchantTill fee txHash txhash desc`)...)
	s.fold = true
	return s.state(below+"status", append(states(
		kotani.StatusSuccessful, kotani.StatusSuccess, kotani.StatusCompleted, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired,
		kotani.StatusDeclined, kotani.StatusPermanentlyFailed, kotani.StatusReversed, kotani.StatusPending, kotani.StatusInitiated,
		kotani.StatusInProgress, kotani.StatusProcessing, kotani.StatusRetry, kotani.StatusTransactionInitiated, kotani.StatusDuplicate,
		kotani.StatusErrorOccurred, kotani.StatusRequireReview, kotani.StatusNotInitiated, kotani.StatusCryptoPending,
		kotani.StatusCryptoReceived, kotani.StatusRefundPending, kotani.StatusRefunded, kotani.StatusRefundFailed,
	), "200", "201")) // a success of the operator's source says so
}

// kotaniUser is a user's record. The document leaves it empty: its fields are those of
// the requests about users, and assumed.
func kotaniUser(places ...string) *shape {
	s := kotaniSays(named())
	for _, below := range places {
		s.and(below+"userId", below+"phoneNumber", below+"firstname", below+"lastname", below+"email").
			optional(below, "verified", "publicAddress")
	}
	return s
}

// kotaniSays lets a response say beside its content that it is a success.
func kotaniSays(s *shape) *shape { return s.optional("", "status", "desc") }

// kotaniCandidates are other names for Kotani's assumed routes: a word, a plural or a
// version apart. None of them was seen.
func kotaniCandidates() map[string][]sdk.Route {
	table := map[string][]sdk.Route{}
	for op, paths := range map[string]string{
		kotani.OpCreateOrder:        "/binance/createOrder /binance/order",
		kotani.OpCloseOrder:         "/binance/closeOrder",
		kotani.OpQueryOrder:         "/binance/queryOrder",
		kotani.OpDepositQuoted:      "/transactions/deposit/stkpush/quote /transactions/deposit/quoted",
		kotani.OpStatusByExternalID: "/transactions/external/{externalId} /transactions/status/externalId/{externalId}",
		kotani.OpTransactions:       "/transactions/all /transactions/list",
		kotani.OpPayTill:            "/transactions/buygoods",
		kotani.OpWithdrawToBank:     "/transactions/bank /transactions/withdraw/toBank",
		kotani.OpHealth:             "/v1/health /healthcheck",
		kotani.OpUpdateUser:         "/kyc/user/setDetails /programs/kyc/updateUser",
		kotani.OpUsers:              "/kyc/user/all /kyc/user/list",
		kotani.OpPhoneByAddress:     "/kyc/user/getPhoneNumberByAddress /kyc/getPhoneByAddress",
		kotani.OpStellarCashOut:     "/stellar/cashOut/{countryCode} /stellar/withdraw/{countryCode}",
		kotani.OpQuoteIn:            "/quote/in /quotes/onramp",
		kotani.OpQuoteOut:           "/quote/out /quotes/offramp",
		kotani.OpAcceptQuoteIn:      "/quote/in/accept /quotes/accept/in",
		kotani.OpAcceptQuoteOut:     "/quote/out/accept /quotes/accept/out",
		kotani.OpTronCashOut:        "/tron/cashOut/{countryCode} /tron/withdraw/{countryCode}",
		kotani.OpTronCashIn:         "/tron/cashIn/{countryCode} /tron/deposit/{countryCode}",
	} {
		for path := range strings.FieldsSeq(paths) {
			table[op] = append(table[op], sdk.Route{Path: path})
		}
	}
	return table
}

// operationsOf splits Kotani's table: FiatConnect has a server of its own.
func operationsOf(fiatConnect bool) (rows []sdk.Operation) {
	for _, op := range kotani.Operations() {
		if strings.HasPrefix(op.Name, "fiatconnect.") == fiatConnect {
			rows = append(rows, op)
		}
	}
	return rows
}

// openFiatConnect takes the variables of FIATCONNECT, or else the fake.
func openFiatConnect(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "fiatconnect", close: func() {}}
	cfg := kotani.Config{BaseURL: env("FIATCONNECT_BASE_URL")}
	if cfg.BaseURL == "" {
		server := kotanitest.New(kotanitest.Config{Options: live})
		cfg = server.ClientConfig()
		t.fake, t.close = true, server.Close
	} else {
		// The wallet's key stays where it is: without a signer only what needs no
		// session is read, and the other routes are asked for with OPTIONS and HEAD.
		cfg.PhoneNumber, cfg.CountryCode, cfg.Password = "254700000000", "KE", "none"
		cfg.FiatConnect = kotani.FiatConnectConfig{BaseURL: cfg.BaseURL, APIKey: env("FIATCONNECT_API_KEY")}
		t.secrets = []string{cfg.FiatConnect.APIKey}
	}
	return fiatConnectTarget(t, cfg)
}

// fiatConnectTarget makes nothing: no wallet signs.
func fiatConnectTarget(t *target, cfg kotani.Config) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kotani.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call = client.FiatConnect.Do
	t.operations = operationsOf(true)
	if cfg.FiatConnect.BaseURL != "" { // then the section's paths stand behind it without their prefix
		for i := range t.operations {
			t.operations[i].Path = strings.TrimPrefix(t.operations[i].Path, "/fiatconnect")
		}
	}
	t.candidates = map[string][]sdk.Route{}
	for _, op := range t.operations {
		bare := strings.TrimPrefix(op.Path, "/fiatconnect")
		for _, prefix := range []string{"", "/fiatconnect", "/fiat-connect", "/fiatConnect"} {
			t.candidates[op.Name] = append(t.candidates[op.Name], sdk.Route{Path: prefix + bare})
		}
	}
	asked := kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, Country: "KE", Preview: true, Address: "0x0000000000000000000000000000000000000000",
	}
	quote := fiatConnectQuote()
	t.reads = []read{
		{op: kotani.OpFiatConnectClock, call: func(ctx context.Context) error {
			_, err := client.FiatConnect.Clock(ctx)
			return err
		}, shape: named("time")},
		{op: kotani.OpTransferQuoteOut, call: func(ctx context.Context) error {
			asked := asked
			asked.CryptoAmount = decimal.NewFromInt(10)
			_, err := client.FiatConnect.QuoteOut(ctx, asked)
			return err
		}, shape: quote},
		{op: kotani.OpTransferQuoteIn, call: func(ctx context.Context) error {
			asked := asked
			asked.FiatAmount = decimal.NewFromInt(1300)
			_, err := client.FiatConnect.QuoteIn(ctx, asked)
			return err
		}, shape: quote},
	}
	return t, nil
}

// fiatConnectQuote is a quote with the schemas that its user may choose. A preview has
// no id.
func fiatConnectQuote() *shape {
	const kyc, account = "kyc.kycSchemas[].", "fiatAccount.{}.fiatAccountSchemas[]."
	return shaped("quote.", kotani.TransferQuote{}).
		and("quote", "kyc", "kyc.kycRequired", "kyc.kycSchemas", "kyc.kycSchemas[]", kyc+"kycSchema").
		and("fiatAccount", "fiatAccount.{}", "fiatAccount.{}.fiatAccountSchemas", "fiatAccount.{}.fiatAccountSchemas[]", account+"fiatAccountSchema").
		optional("quote.", "quoteId", "fee", "feeType", "feeFrequency").
		optional(kyc, "allowedValues", "allowedValues.*").
		optional(account, "allowedValues", "allowedValues.*", "userActionType").
		optional("fiatAccount.{}.", "settlementTimeLowerBound", "settlementTimeUpperBound").
		state("quote.transferType", states(kotani.TransferTypeIn, kotani.TransferTypeOut))
}
