package kotanitest

import (
	"time"

	"github.com/shopspring/decimal"
)

// FiatConnectConfig sets up the FiatConnect section. The zero value is right for
// most tests, and accepts ANY well-formed signature; see VerifySignature.
type FiatConnectConfig struct {
	// Prefix is where the section stands below Kotani's base URL. Empty:
	// /fiatconnect (assumed).
	Prefix string
	// Domain is the authority logins are made for. Empty: the host the client
	// names, with and without its port.
	Domain string
	// ChainID of logins. Zero: 44787, Celo Alfajores, the sandbox.
	ChainID int64

	// VerifySignature says whether a 65-byte signature (r, s, v) of a message as
	// of EIP-191 is the address's. It is called without a lock, maybe from
	// several goroutines.
	//
	// WITHOUT IT NO SIGNATURE IS CHECKED: any 65 bytes in hex log anybody in, as
	// whoever the message names. This module has no secp256k1; a test of signing
	// itself must plug one in.
	VerifySignature func(address string, message, signature []byte) bool
	// ContractWallets are addresses of contracts. They cannot log in:
	// ContractLoginNotSupported.
	ContractWallets []string
	// StrictAddresses refuses addresses without a checksum as well, those in
	// one letter case. One with a wrong checksum is always refused.
	StrictAddresses bool
	// SecureCookies sets Secure on session cookies over plain http, too, where
	// clients then do not send them back. Over https it is always set.
	SecureCookies bool
	// RequireAPIKey answers 400 to calls without a client API key. A key that is
	// sent must always be a known one.
	RequireAPIKey bool

	// Rates are what one cUSD is worth, by fiat type; other types are not
	// supported. Nil: thirteen of them, KES at 130 and GHS at 15 among them.
	Rates map[string]decimal.Decimal
	// CryptoValues are what one unit is worth in cUSD, by crypto type. Nil: cUSD
	// 1, cEUR 1.1, cREAL 0.2.
	CryptoValues map[string]decimal.Decimal
	// Countries are the supported ones. Nil: KE, GH, NG, UG, RW, ZA, SN, CM, US,
	// DE, BR, IN, PH.
	Countries []string
	// MinValue and MaxValue bound a transfer, in cUSD. Zero: 1 and 10,000.
	MinValue, MaxValue decimal.Decimal
	// FeePercent is the provider's fee, inside the rate. Zero: 1; negative: none.
	FeePercent decimal.Decimal
	// QuoteLifetime is how long a quote is guaranteed. Zero: 15 min.
	QuoteLifetime time.Duration

	// KYCNotRequired lets transfers begin without KYC.
	KYCNotRequired bool
	// PendingKYC makes records KycPending first and approves them after
	// KYCDelay (10 s). By default they are approved at once.
	PendingKYC bool
	KYCDelay   time.Duration
	// StrictPhones takes phone numbers in E.164 only.
	StrictPhones bool

	// ProviderInitiated makes transfers in debit the account by themselves,
	// without a user action.
	ProviderInitiated bool
	// StepDelay is the time between two states of a transfer. Zero: 5 s.
	StepDelay time.Duration
	// ManualTransfers leaves every transfer where it is until SetTransferStatus.
	ManualTransfers bool

	// WebhookRetries are the waits on the clock after each attempt without a
	// 200. Nil: 3, 66, 731 and 4098 s, as specified; empty and not nil: none.
	WebhookRetries []time.Duration
}

func (c FiatConnectConfig) withDefaults() FiatConnectConfig {
	if c.Prefix == "" {
		c.Prefix = "/fiatconnect"
	}
	if c.ChainID == 0 {
		c.ChainID = 44787
	}
	if c.Rates == nil {
		c.Rates = map[string]decimal.Decimal{}
		for fiat, text := range map[string]string{
			"KES": "130", "GHS": "15", "NGN": "1500", "UGX": "3700", "RWF": "1400", "ZAR": "18",
			"XOF": "600", "XAF": "600", "USD": "1", "EUR": "0.9", "BRL": "5", "INR": "85", "PHP": "57",
		} {
			c.Rates[fiat] = decimal.RequireFromString(text)
		}
	}
	if c.CryptoValues == nil {
		c.CryptoValues = map[string]decimal.Decimal{
			"cUSD": decimal.NewFromInt(1), "cEUR": decimal.New(11, -1), "cREAL": decimal.New(2, -1),
		}
	}
	if c.Countries == nil {
		c.Countries = []string{"KE", "GH", "NG", "UG", "RW", "ZA", "SN", "CM", "US", "DE", "BR", "IN", "PH"}
	}
	if !c.MinValue.IsPositive() {
		c.MinValue = decimal.NewFromInt(1)
	}
	if !c.MaxValue.IsPositive() {
		c.MaxValue = decimal.NewFromInt(10_000)
	}
	switch {
	case c.FeePercent.IsZero():
		c.FeePercent = decimal.NewFromInt(1)
	case c.FeePercent.IsNegative():
		c.FeePercent = decimal.Zero
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.QuoteLifetime, 15 * time.Minute}, {&c.KYCDelay, 10 * time.Second}, {&c.StepDelay, 5 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.WebhookRetries == nil {
		c.WebhookRetries = []time.Duration{3 * time.Second, 66 * time.Second, 731 * time.Second, 4098 * time.Second}
	}
	return c
}
