package kotanitest

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Config sets up a fake. The zero value is right for most tests; all defaults
// are assumed.
type Config struct {
	// Options are the clock, the seed and the way of callbacks.
	Options fake.Options

	// PhoneNumber and Password are the partner's login. Defaults: 254700000000,
	// test-password. The country is Kenya: a login says KEN or KE.
	PhoneNumber, Password string
	// TokenLifetime is how long a token is good for. Zero: 300 s, that of the
	// operator's 2022 source.
	TokenLifetime time.Duration
	// Balances are what the partner has at the start, by currency. Nil:
	// 1,000,000 KES, 100,000 GHS, 10,000 cUSD.
	Balances map[string]decimal.Decimal
	// Rates are what one cUSD, USDT, USDC or BUSD is worth, by fiat currency.
	// Nil: 130.00 KES, 15.00 GHS. The escrow's rate is 2 % less.
	Rates map[string]decimal.Decimal

	// SettleAfter is the time on the clock from acceptance to the outcome
	// (10 s), SlowAfter the same for magic number 0004 (10 min), ReverseAfter
	// from success to the reversal of 0005 (1 h).
	SettleAfter, SlowAfter, ReverseAfter time.Duration
	// QuoteLifetime is how long a quote can be accepted. Zero: 5 min.
	QuoteLifetime time.Duration
	// OrderLifetime is how long a Binance order waits for payment. Zero: 1 h,
	// as documented.
	OrderLifetime time.Duration
	// HashValue is what a transaction hash is worth, in units of its coin. Zero:
	// 10. HashValues are exceptions by the last four hex digits, in lower case.
	HashValue  decimal.Decimal
	HashValues map[string]decimal.Decimal
	// ClaimAmount is what a UBI claim pays, in cUSD. Zero: 1. ClaimEvery is the
	// time between two claims. Zero: 24 h.
	ClaimAmount decimal.Decimal
	ClaimEvery  time.Duration

	// StrictTypes refuses an amount that is not of the documented JSON type, an
	// integer in some operations and a string in others. By default both will do.
	StrictTypes bool

	// CallbackRetries are the waits on the clock after each callback without a
	// 2xx. Nil: 10 s, 1 min, 10 min, 1 h, 6 h; empty and not nil: no retry.
	CallbackRetries []time.Duration

	// Routes replaces the method or path of operations, keyed and templated as
	// in kotani.Config.Routes, so that one map serves both.
	Routes map[string]sdk.Route

	// FiatConnect sets up the FiatConnect section.
	FiatConnect FiatConnectConfig
}

func (c Config) withDefaults() Config {
	if c.PhoneNumber == "" {
		c.PhoneNumber = "254700000000"
	}
	if c.Password == "" {
		c.Password = "test-password"
	}
	if c.Balances == nil {
		c.Balances = map[string]decimal.Decimal{
			"KES": decimal.NewFromInt(1_000_000), "GHS": decimal.NewFromInt(100_000), "cUSD": decimal.NewFromInt(10_000),
		}
	}
	if c.Rates == nil {
		c.Rates = map[string]decimal.Decimal{"KES": decimal.NewFromInt(130), "GHS": decimal.NewFromInt(15)}
	}
	if !c.HashValue.IsPositive() {
		c.HashValue = decimal.NewFromInt(10)
	}
	if !c.ClaimAmount.IsPositive() {
		c.ClaimAmount = decimal.NewFromInt(1)
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.TokenLifetime, 300 * time.Second},
		{&c.SettleAfter, 10 * time.Second},
		{&c.SlowAfter, 10 * time.Minute},
		{&c.ReverseAfter, time.Hour},
		{&c.QuoteLifetime, 5 * time.Minute},
		{&c.OrderLifetime, time.Hour},
		{&c.ClaimEvery, 24 * time.Hour},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
	}
	c.FiatConnect = c.FiatConnect.withDefaults()
	return c
}
