package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// nowhere is the callback URL of a run without -callback.
const nowhere = "https://conform.example/callback"

// openKPay takes the variables of KPAY, or else the fake.
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

// kpayTarget makes one collection from a phone.
func kpayTarget(t *target, cfg kpay.Config, phone string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kpay.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.acknowledge = client.Do, acknowledgement(webhook.KPay())
	t.reads = []read{{op: kpay.OpStatus, call: func(ctx context.Context) error {
		_, err := client.Find(ctx, "conform-none")
		return err
	}, unknown: true}}
	ref := strings.ReplaceAll(reference(), "-", "")
	t.spends = []spending{{
		op: kpay.OpPay, class: sdk.Referenced, reference: ref,
		send: func(ctx context.Context, url string) (transaction, error) {
			p, err := client.Pay(ctx, kpay.PayParams{
				RefID: ref, Amount: decimal.NewFromInt(100), Details: "conform",
				Method: kpay.MethodMoMo, BankID: kpay.BankMTN, MSISDN: phone,
				Email: "conform@example.com", CustomerName: "Conform", CustomerNumber: "1",
				ReturnURL: or(url, nowhere), RedirectURL: "https://example.com/",
			})
			if err != nil {
				return transaction{}, err
			}
			id := p.TID
			if !strings.HasPrefix(id, "E") { // found by a lookup, which shows another id of the payment
				id = ""
			}
			return transaction{id, p.Existing}, nil
		},
		look: func(ctx context.Context) error {
			_, err := client.Find(ctx, ref)
			return err
		},
		shape: named("tid", "refid", "statusid", "statusdesc", "momtransactionid").
			optional("", "payaccount", "statusmsg", "reply", "retcode", "success").
			state("statusid", states(kpay.CodePaid, kpay.CodeFailed, kpay.CodePending)),
		duplicate: func(body []byte) bool {
			var said struct {
				Code any `json:"retcode"` // a number or its text
			}
			return json.Unmarshal(body, &said) == nil && fmt.Sprint(said.Code) == string(kpay.CodeDuplicate)
		},
	}}
	return t, nil
}

// openKasapay takes the variables of KASAPAY, or else the fake.
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

// kasapayTarget makes one payout to a paybill.
func kasapayTarget(t *target, cfg kasapay.Config, paybill string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kasapay.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.acknowledge = client.Do, acknowledgement(webhook.Kasapay())
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
		send: func(ctx context.Context, url string) (transaction, error) {
			p, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
				Reference: ref, Amount: decimal.NewFromInt(10), Currency: "KES", Country: "KEN", Description: "conform",
				RecipientType: kasapay.Paybill, RecipientAccountNumber: paybill, RecipientName: "Conform", AccountReference: "conform",
				CallbackURL: or(url, nowhere),
			})
			if err != nil {
				return transaction{}, err
			}
			return transaction{p.TransactionID, p.Existing}, nil
		},
		look: find(ref),
		shape: named("payout_reference", "transaction_id", "payment_reference", "wallet_account", "destination", "payment_status",
			"amount", "currency", "account_number", "destination_name", "description", "transaction_time", "account_balance",
			"result_description").
			optional("", "payment_account_reference").
			state("payment_status", states("700", "701", "702", "703", "704", "705")),
		duplicate: saysTaken,
	}}
	return t, nil
}
