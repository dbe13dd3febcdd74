package main

import (
	"context"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
)

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

func kotaniTarget(t *target, cfg kotani.Config, phone string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kotani.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.login, t.loginOp = client.Do, client.Login, kotani.OpLogin
	t.operations = operationsOf(false)
	t.reads = []read{
		{op: kotani.OpHealth, call: client.Health},
		{op: kotani.OpStatusByExternalID, call: func(ctx context.Context) error {
			_, err := client.Fiat.Find(ctx, "conform-none", kotani.Payouts)
			return err
		}, unknown: true},
		{op: kotani.OpEscrowRates, call: func(ctx context.Context) error {
			_, err := client.OnChain.EscrowRates(ctx)
			return err
		}},
		{op: kotani.OpUserByPhone, call: func(ctx context.Context) error {
			_, err := client.KYC.FindUser(ctx, or(phone, "+254700000000"))
			return err
		}, unknown: true},
		{op: kotani.OpQuoteOut, call: func(ctx context.Context) error {
			_, err := client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
			return err
		}},
		{op: kotani.OpQuoteIn, call: func(ctx context.Context) error {
			_, err := client.Quotes.In(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "cUSD"})
			return err
		}},
		{op: kotani.OpUsers, call: func(ctx context.Context) error {
			_, err := client.KYC.ListUsers(ctx)
			return err
		}},
		{op: kotani.OpTransactions, call: func(ctx context.Context) error {
			_, err := client.Fiat.List(ctx, kotani.TransactionListOptions{})
			return err
		}},
	}
	t.candidates = kotaniCandidates()
	ref := reference()
	t.spends = []spending{{
		op: kotani.OpDeposit, class: sdk.Searched, reference: ref,
		send: func(ctx context.Context, url string) (bool, error) {
			d, err := client.Fiat.Deposit(ctx, kotani.DepositParams{Amount: decimal.NewFromInt(10), PhoneNumber: phone, ExternalID: ref, CallbackURL: or(url, nowhere)})
			return err == nil && d.Existing, err
		},
		look: func(ctx context.Context) error {
			_, err := client.Fiat.Find(ctx, ref, kotani.Collections)
			return err
		},
		shape: shaped("result.status", states(kotani.StatusPending, kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusReversed), "", struct {
			Result kotani.Transaction `json:"result"`
		}{}).and("status", "desc").optional("status", "desc", "result.accountName", "result.accountNumber", "result.fee", "result.merchantNumber",
			"result.merchantTill", "result.message", "result.serviceProviderId", "result.txHash"),
		duplicate: says("duplicate", "already", "exists"),
	}}
	return t, nil
}

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
	t.reads = []read{
		{op: kotani.OpFiatConnectClock, call: func(ctx context.Context) error {
			_, err := client.FiatConnect.Clock(ctx)
			return err
		}, shape: named("", nil, "time")},
		{op: kotani.OpTransferQuoteOut, call: func(ctx context.Context) error {
			_, err := client.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{
				FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: decimal.NewFromInt(10), Country: "KE", Preview: true,
				Address: "0x0000000000000000000000000000000000000000",
			})
			return err
		}},
	}
	return t, nil
}
