package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// providers are what -provider names. A sixth is one more function.
var providers = []provider{
	{"kapiten", openKapiten},
	{"kpay", openKPay},
	{"kasapay", openKasapay},
	{"kotani", openKotani},
	{"fiatconnect", openFiatConnect},
	{"bitpesa", openBitPesa},
}

// live makes the fakes work at the pace of a real server.
var live = fake.Options{RealTime: true}

// nowhere is the callback URL of a run without -callback.
const nowhere = "https://conform.example/callback"

// or is the first text that is not empty.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// reference is new for each run, and has no meaning.
func reference() string { return "conform-" + time.Now().UTC().Format("20060102-150405") }

func openKapiten(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "kapiten", operations: kapiten.Operations(), close: func() {}}
	s := settings{env: env, spend: spend}
	cfg := kapiten.Config{BaseURL: env("KAPITEN_BASE_URL")}
	company, sender, receiver := "", "0788000001", "0788000222"
	if cfg.BaseURL == "" {
		server := kapitentest.New(kapitentest.Config{Options: live})
		co := server.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000)})
		cfg, company = server.ClientConfig(co), co.ID
		t.fake, t.close = true, server.Close
	} else {
		cfg.Token, company = s.need("KAPITEN_TOKEN"), s.need("KAPITEN_COMPANY_ID")
		sender, receiver = s.spent("KAPITEN_SENDER_PHONE"), s.spent("KAPITEN_RECEIVER_PHONE") // a rider calls them
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return kapitenTarget(t, cfg, company, sender, receiver)
}

func kapitenTarget(t *target, cfg kapiten.Config, company, sender, receiver string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kapiten.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.ids = client.Do, map[string]string{"company_id": company}
	rideStates := states(kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp,
		kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted, kapiten.RideCancelled, kapiten.RideRejected)
	page := func(state string, all []string, of any) *shape {
		return shaped(state, all, "", of).and("count", "next", "previous", "results")
	}
	rides := page("results[].status", rideStates, struct {
		Results []kapiten.Ride `json:"results"`
	}{})
	pickup, dropoff := kapiten.Location{Latitude: -1.9441, Longitude: 30.0619}, kapiten.Location{Latitude: -1.9706, Longitude: 30.1044}
	t.reads = []read{
		{op: kapiten.OpFindCompany, call: func(ctx context.Context) error {
			_, err := client.Companies.Find(ctx, nonsense)
			return err
		}, unknown: true},
		{op: kapiten.OpListUsers, call: func(ctx context.Context) error {
			list, err := client.Users.List(ctx, company, kapiten.ListOptions{})
			if err == nil && len(list.Items) > 0 {
				t.ids["user_id"] = list.Items[0].ID
			}
			return err
		}, shape: page("", nil, struct {
			Results []kapiten.User `json:"results"`
		}{})},
		{op: kapiten.OpEstimateRide, call: func(ctx context.Context) error {
			_, err := client.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: company, Pickup: pickup, Dropoff: dropoff})
			return err
		}, shape: shaped("", nil, "", kapiten.Estimate{}).and("details.*", "pricing_config", "pricing_config.*")},
		{op: kapiten.OpListRides, call: func(ctx context.Context) error {
			_, err := client.Rides.List(ctx, company, kapiten.ListOptions{})
			return err
		}, shape: rides},
		{op: kapiten.OpListTransactions, call: func(ctx context.Context) error {
			_, err := client.Wallet.List(ctx, company, kapiten.ListOptions{})
			return err
		}, shape: page("results[].status", states(kapiten.TransactionPending, kapiten.TransactionSuccess, kapiten.TransactionFailed), struct {
			Results []kapiten.Transaction `json:"results"`
		}{})},
	}
	t.candidates = map[string][]sdk.Route{
		kapiten.OpCreateUser:       {{Path: "/api/companies/{company_id}/user/"}, {Path: "/api/users/"}},
		kapiten.OpUserToken:        {{Path: "/api/companies/{company_id}/users/{user_id}/token/"}, {Path: "/api/users/{user_id}/api-key/"}},
		kapiten.OpListUsers:        {{Path: "/api/users/"}},
		kapiten.OpEstimateRide:     {{Path: "/api/rides/price/"}, {Path: "/api/companies/{company_id}/rides/estimate/"}, {Path: "/api/estimate/"}},
		kapiten.OpCreateRide:       {{Path: "/api/companies/{company_id}/rides/"}, {Path: "/api/ride/"}},
		kapiten.OpListRides:        {{Path: "/api/rides/"}},
		kapiten.OpTopUpWallet:      {{Path: "/api/companies/{company_id}/top-up/"}, {Path: "/api/companies/{company_id}/wallet/topup/"}, {Path: "/api/wallet/topup/"}},
		kapiten.OpListTransactions: {{Path: "/api/companies/{company_id}/wallet/transactions/"}, {Path: "/api/transactions/"}},
	}
	t.bodies = map[string][]string{
		kapiten.OpCreateCompany: strings.Fields("name registration_number address contact_person phone_number email"),
		kapiten.OpCreateUser:    strings.Fields("phone_number first_name last_name email"),
		kapiten.OpCreateRide: strings.Fields(`pickup_address pickup_latitude pickup_longitude dropoff_address dropoff_latitude dropoff_longitude
			sender receiver company_id external_id weight_range includes_fragile_items is_priority`),
		kapiten.OpTopUpWallet: strings.Fields("amount phone_number description"),
	}
	ref := reference()
	t.spends = []spending{{
		op: kapiten.OpCreateRide, class: sdk.Once, reference: ref,
		send: func(ctx context.Context, _ string) (bool, error) {
			ride, err := client.Rides.Create(ctx, kapiten.CreateRideParams{
				CompanyID: company, ExternalID: ref, PickupAddress: "KN 78 St, Kigali", Pickup: pickup, DropoffAddress: "KK 12 Ave, Kigali", Dropoff: dropoff,
				Sender: kapiten.Contact{Name: "Conform", Phone: sender}, Receiver: kapiten.Contact{Name: "Conform", Phone: receiver},
			})
			return err == nil && ride.Existing, err
		},
		look: func(ctx context.Context) error {
			_, err := client.Rides.Find(ctx, company, ref, kapiten.SearchOptions{})
			return err
		},
		shape: rides,
	}}
	return t, nil
}

func openKPay(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "kpay", operations: kpay.Operations(), close: func() {}}
	s := settings{env: env, spend: spend}
	cfg, phone := kpay.Config{BaseURL: env("KPAY_BASE_URL"), APIKey: s.seen(env("KPAY_API_KEY"))}, ""
	if cfg.BaseURL == "" {
		server := kpaytest.New(kpaytest.Config{Options: live})
		cfg, phone = server.ClientConfig(), "0788123456"
		t.fake, t.close = true, server.Close
	} else {
		cfg.Username, cfg.Password, cfg.RetailerID = s.need("KPAY_USERNAME"), s.need("KPAY_PASSWORD"), s.need("KPAY_RETAILER_ID")
		phone = s.spent("KPAY_MSISDN")
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return kpayTarget(t, cfg, phone)
}

func kpayTarget(t *target, cfg kpay.Config, phone string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kpay.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call = client.Do
	t.reads = []read{{op: kpay.OpStatus, call: func(ctx context.Context) error {
		_, err := client.Find(ctx, "conform-none")
		return err
	}, unknown: true}}
	ref := strings.ReplaceAll(reference(), "-", "")
	t.spends = []spending{{
		op: kpay.OpPay, class: sdk.Referenced, reference: ref,
		send: func(ctx context.Context, url string) (bool, error) {
			p, err := client.Pay(ctx, kpay.PayParams{
				RefID: ref, Amount: decimal.NewFromInt(100), Method: kpay.MethodMoMo, BankID: kpay.BankMTN, MSISDN: phone,
				Email: "conform@example.com", CustomerName: "Conform", CustomerNumber: "1", Details: "conform",
				ReturnURL: or(url, nowhere), RedirectURL: "https://example.com/",
			})
			return err == nil && p.Existing, err
		},
		look: func(ctx context.Context) error {
			_, err := client.Find(ctx, ref)
			return err
		},
		shape: named("statusid", states(kpay.CodePaid, kpay.CodeFailed, kpay.CodePending),
			"tid", "refid", "statusid", "statusdesc", "statusmsg", "momtransactionid", "payaccount", "reply", "retcode", "success").optional("statusmsg", "reply", "retcode", "success"),
		duplicate: says("608"),
	}}
	return t, nil
}

func openKasapay(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "kasapay", operations: kasapay.Operations(), close: func() {}}
	s := settings{env: env, spend: spend}
	cfg, paybill := kasapay.Config{BaseURL: env("KASAPAY_BASE_URL")}, ""
	if cfg.BaseURL == "" {
		server := kasapaytest.New(kasapaytest.Config{Options: live})
		cfg, paybill = server.ClientConfig(), "565601"
		t.fake, t.close = true, server.Close
	} else {
		cfg.ConsumerKey, cfg.ConsumerSecret, cfg.ServiceCode = s.need("KASAPAY_CONSUMER_KEY"), s.need("KASAPAY_CONSUMER_SECRET"), s.need("KASAPAY_SERVICE_CODE")
		paybill = s.spent("KASAPAY_PAYBILL")
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return kasapayTarget(t, cfg, paybill)
}

func kasapayTarget(t *target, cfg kasapay.Config, paybill string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kasapay.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call = client.Do
	find := func(ref string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.Payouts.Find(ctx, ref)
			return err
		}
	}
	t.loginOp = kasapay.OpAuth
	t.login = func(ctx context.Context) error {
		if err := find("conform-none")(ctx); err != nil && !errors.Is(err, sdk.ErrNotFound) {
			return err
		}
		return nil
	}
	t.reads = []read{{op: kasapay.OpStatus, call: find("conform-none"), unknown: true}}
	ref := reference()
	t.spends = []spending{{
		op: kasapay.OpInitiate, class: sdk.Referenced, reference: ref,
		send: func(ctx context.Context, url string) (bool, error) {
			p, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
				Reference: ref, RecipientType: kasapay.Paybill, RecipientAccountNumber: paybill, RecipientName: "Conform", AccountReference: "conform",
				Amount: decimal.NewFromInt(10), Currency: "KES", Country: "KEN", Description: "conform", CallbackURL: or(url, nowhere),
			})
			return err == nil && p.Existing, err
		},
		look: find(ref),
		shape: named("payment_status", states("700", "701", "702", "703", "704", "705"),
			"payout_reference", "transaction_id", "payment_reference", "wallet_account", "destination", "payment_status", "amount", "currency",
			"account_number", "destination_name", "description", "transaction_time", "account_balance", "result_description", "payment_account_reference").optional("payment_account_reference"),
		duplicate: says("duplicate", "already", "exists"),
	}}
	return t, nil
}

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

func states[T ~string](list ...T) (names []string) {
	for _, s := range list {
		names = append(names, string(s))
	}
	return names
}

// says reports a response that holds one of the words of a duplicate.
func says(words ...string) func([]byte) bool {
	return func(body []byte) bool {
		text := strings.ToLower(string(body))
		for _, word := range words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	}
}
