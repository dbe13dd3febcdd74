package kotanitest

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Config sets up a fake. The zero value is right for most tests. All defaults
// are assumed. No encoder prints the password.
type Config struct {
	fake.Masked[Config] // no encoder prints a credential

	// Options are the clock, the seed and the way of callbacks.
	Options fake.Options

	// PhoneNumber and Password are the partner's login. Defaults: 254700000000,
	// test-password.
	PhoneNumber, Password string
	// TokenLifetime is how long a token is valid. Zero: 300 s, as in the
	// operator's source of 2022.
	TokenLifetime time.Duration
	// Country is the partner's: Kenya (default), whose login says KEN or KE, or Ghana,
	// whose login says GH or GHA. National phone numbers are of this country.
	Country kotani.Country
	// Balances are the partner's money at the start, by currency. Nil:
	// 1,000,000 KES, 100,000 GHS, 10,000 cUSD.
	Balances map[string]decimal.Decimal
	// Rates are the price of one cUSD, USDT, USDC or BUSD, by fiat currency.
	// Nil: 130.00 KES, 15.00 GHS. The escrow's rate is 2 % less.
	Rates map[string]decimal.Decimal

	// EndsAfter is how long after acceptance a transaction ends by itself. Zero: 10 s.
	EndsAfter time.Duration
	// CallbackRetries are the waits on the clock after each callback without a
	// 2xx. Nil: 10 s, 1 min, 10 min, 1 h, 6 h; empty and not nil: no retry.
	CallbackRetries []time.Duration

	// Routes replaces the method or path of operations outside FiatConnect. Keys
	// and templates are those of kotani.Config.Routes: one map serves both.
	Routes map[string]sdk.Route

	// FiatConnect sets up the FiatConnect section.
	FiatConnect FiatConnectConfig

	// Quirks are details which merchants seldom change.
	Quirks Quirks
}

// Quirks are limits, prices and checks which only tests of a client's details
// change.
type Quirks struct {
	// StrictTypes refuses an amount of the wrong JSON type: some operations
	// document an integer, others a string. By default both are accepted.
	StrictTypes bool

	// ReferencesRepeat accepts an external id again and again. No document says that
	// it is unique. A lookup shows the latest transaction.
	ReferencesRepeat bool
	// FlatResponses leave out the "result" around an order, and around the transaction
	// of a deposit, a payment or a lookup, which then begins with its "id". A public client of the production
	// host reads paybill responses in this form.
	FlatResponses bool
	// StatusAsBool writes the status of a verification as true and false, as in the
	// operator's source of 2022. The document has a string.
	StatusAsBool bool

	// SlowAfter replaces EndsAfter for the digits 0004. Zero: 10 min.
	SlowAfter time.Duration
	// ReverseAfter is the time from success to the reversal of 0005. Zero: 1 h.
	ReverseAfter time.Duration

	// QuoteLifetime is how long a quote can be accepted. Zero: 5 min.
	QuoteLifetime time.Duration
	// OrderLifetime is how long a Binance order waits for payment. Zero: 1 h,
	// as documented.
	OrderLifetime time.Duration

	// HashValue is the value of a transaction hash, in units of its coin. Zero:
	// 10. HashValues are exceptions by the last four hex digits, in lower case.
	HashValue  decimal.Decimal
	HashValues map[string]decimal.Decimal

	// ClaimAmount is what a UBI claim pays, in cUSD. Zero: 1. ClaimEvery is the
	// time between two claims. Zero: 24 h.
	ClaimAmount decimal.Decimal
	ClaimEvery  time.Duration
}

// FiatConnectConfig sets up the FiatConnect section. The zero value is right for
// most tests. Signatures of logins are always checked.
type FiatConnectConfig struct {
	// Prefix is where the section stands below Kotani's base URL. Empty:
	// /fiatconnect (assumed).
	Prefix string
	// ChainID of logins. Zero: 44787, Celo Alfajores, the sandbox.
	ChainID int64
	// Rates are the price of one cUSD, by fiat type; other types are not
	// supported. Nil: thirteen types, KES at 130 and GHS at 15 among them.
	Rates map[string]decimal.Decimal

	// KYCNotRequired lets transfers begin without KYC.
	KYCNotRequired bool
	// PendingKYC makes records KycPending first and approves them after
	// KYCDelay (10 s). By default they are approved at once.
	PendingKYC bool
	KYCDelay   time.Duration

	// StrictQuotes refuses quotes without an address, as the specification does.
	// Kotani's document shows quotes without it; they are anybody's.
	StrictQuotes bool

	// ProviderInitiated makes the provider debit the account for a transfer in,
	// without a user action.
	ProviderInitiated bool
	// StepDelay is the time between two states of a transfer. Zero: 5 s.
	StepDelay time.Duration
	// ManualTransfers leaves every transfer where it is until MoveTransfer.
	ManualTransfers bool

	// CallbackRetries are the waits on the clock after each webhook without a
	// 200. Nil: 3, 66, 731 and 4098 s, as specified; empty and not nil: none.
	CallbackRetries []time.Duration

	// Quirks are details which merchants seldom change.
	Quirks FiatConnectQuirks
}

// FiatConnectQuirks are limits and checks of the FiatConnect section which only
// tests of a client's details change.
type FiatConnectQuirks struct {
	// Domain is the authority logins are made for. Empty: the host the client
	// names, with and without its port.
	Domain string
	// ContractWallets are addresses of contracts. They cannot log in:
	// ContractLoginNotSupported.
	ContractWallets []string
	// SecureCookies sets Secure on session cookies over plain http, too. Clients
	// then do not send them back. Over https it is always set.
	SecureCookies bool
	// RequireAPIKey responds with 400 to calls without a client API key. With or without
	// it, an unknown key is refused.
	RequireAPIKey bool
	// StrictPhones takes phone numbers in E.164 only.
	StrictPhones bool

	// CryptoValues are the price of one unit in cUSD, by crypto type. Nil: cUSD
	// 1, cEUR 1.1, cREAL 0.2.
	CryptoValues map[string]decimal.Decimal
	// Countries are the supported countries. Nil: KE, GH, NG, UG, RW, ZA, SN, CI,
	// CM, DE, AT, BR, IN, PH.
	Countries []string
	// MinValue and MaxValue bound a transfer, in cUSD. Zero: 1 and 10,000.
	MinValue, MaxValue decimal.Decimal
	// FeePercent is the provider's fee, inside the rate. Zero: 1; negative: none.
	FeePercent decimal.Decimal
	// QuoteLifetime is how long a quote is guaranteed. Zero: 15 min.
	QuoteLifetime time.Duration
	// KeyLifetime is how long an Idempotency-Key is remembered. Zero: for good.
	KeyLifetime time.Duration
}

func (c Config) withDefaults() Config {
	c.PhoneNumber = cmp.Or(c.PhoneNumber, "254700000000")
	c.Password = cmp.Or(c.Password, "test-password")
	c.Country = cmp.Or(c.Country, kotani.Kenya)
	c.EndsAfter = cmp.Or(max(c.EndsAfter, 0), 10*time.Second)
	if c.Balances == nil {
		c.Balances = amounts("KES", "1000000", "GHS", "100000", "cUSD", "10000")
	}
	if c.Rates == nil {
		c.Rates = amounts("KES", "130", "GHS", "15")
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
	}
	q := &c.Quirks
	c.TokenLifetime = cmp.Or(max(c.TokenLifetime, 0), 300*time.Second)
	q.SlowAfter = cmp.Or(max(q.SlowAfter, 0), 10*time.Minute)
	q.ReverseAfter = cmp.Or(max(q.ReverseAfter, 0), time.Hour)
	q.QuoteLifetime = cmp.Or(max(q.QuoteLifetime, 0), 5*time.Minute)
	q.OrderLifetime = cmp.Or(max(q.OrderLifetime, 0), time.Hour)
	q.ClaimEvery = cmp.Or(max(q.ClaimEvery, 0), 24*time.Hour)
	whenNotPositive(&q.HashValue, 10)
	whenNotPositive(&q.ClaimAmount, 1)
	c.FiatConnect = c.FiatConnect.withDefaults()
	return c
}

func (c FiatConnectConfig) withDefaults() FiatConnectConfig {
	c.Prefix = cmp.Or(c.Prefix, "/fiatconnect")
	c.ChainID = cmp.Or(c.ChainID, 44787)
	c.KYCDelay = cmp.Or(max(c.KYCDelay, 0), 10*time.Second)
	c.StepDelay = cmp.Or(max(c.StepDelay, 0), 5*time.Second)
	if c.Rates == nil {
		c.Rates = amounts("KES", "130", "GHS", "15", "NGN", "1500", "UGX", "3700", "RWF", "1400", "ZAR", "18",
			"XOF", "600", "XAF", "600", "USD", "1", "EUR", "0.9", "BRL", "5", "INR", "85", "PHP", "57")
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{3 * time.Second, 66 * time.Second, 731 * time.Second, 4098 * time.Second}
	}
	q := &c.Quirks
	q.QuoteLifetime = cmp.Or(max(q.QuoteLifetime, 0), 15*time.Minute)
	whenNotPositive(&q.MinValue, 1)
	whenNotPositive(&q.MaxValue, 10_000)
	if q.CryptoValues == nil {
		q.CryptoValues = amounts("cUSD", "1", "cEUR", "1.1", "cREAL", "0.2")
	}
	if q.Countries == nil {
		q.Countries = []string{"KE", "GH", "NG", "UG", "RW", "ZA", "SN", "CI", "CM", "DE", "AT", "BR", "IN", "PH"}
	}
	switch {
	case q.FeePercent.IsZero():
		q.FeePercent = decimal.NewFromInt(1)
	case q.FeePercent.IsNegative():
		q.FeePercent = decimal.Zero
	}
	return c
}

func whenNotPositive(field *decimal.Decimal, value int64) {
	if !field.IsPositive() {
		*field = decimal.NewFromInt(value)
	}
}

// check names a value that means nothing. c is as it was given.
func (c Config) check() error {
	if c.Country != "" && c.Country != kotani.Kenya && c.Country != kotani.Ghana {
		return fmt.Errorf("no country %q: it is %q or %q", c.Country, kotani.Kenya, kotani.Ghana)
	}
	f, q := c.FiatConnect, c.FiatConnect.Quirks
	for name, balance := range c.Balances {
		if balance.IsNegative() {
			return fmt.Errorf("the balance in %q is below zero", name)
		}
	}
	for _, prices := range []map[string]decimal.Decimal{c.Rates, c.Quirks.HashValues, f.Rates, q.CryptoValues} {
		for name, price := range prices {
			if !price.IsPositive() {
				return fmt.Errorf("the rate or value of %q is not above zero", name)
			}
		}
	}
	for _, value := range []decimal.Decimal{c.Quirks.HashValue, c.Quirks.ClaimAmount, q.MinValue, q.MaxValue} {
		if value.IsNegative() {
			return fmt.Errorf("the value %s is below zero", value)
		}
	}
	switch limits := f.withDefaults().Quirks; {
	case limits.MinValue.GreaterThan(limits.MaxValue):
		return fmt.Errorf("MinValue %s is above MaxValue %s", limits.MinValue, limits.MaxValue)
	case !limits.FeePercent.LessThan(decimal.NewFromInt(100)):
		return fmt.Errorf("a fee of %s percent leaves nothing", limits.FeePercent)
	case f.ChainID < 0:
		return fmt.Errorf("no chain %d", f.ChainID)
	case f.Prefix != "" && (!strings.HasPrefix(f.Prefix, "/") || strings.HasSuffix(f.Prefix, "/")):
		return fmt.Errorf("the prefix %q must begin with a slash, and not end with one", f.Prefix)
	}
	return nil
}

// amounts reads pairs of a currency and an amount.
func amounts(pairs ...string) map[string]decimal.Decimal {
	m := map[string]decimal.Decimal{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = decimal.RequireFromString(pairs[i+1])
	}
	return m
}
