package bitpesatest

import (
	"cmp"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The credentials of the accounts that a fake has when Config names no keys.
const (
	TestKey    = "test-key"
	TestSecret = "test-secret"

	// KYCKey is a second account. Its senders need documents and an approval.
	KYCKey    = "test-kyc-key"
	KYCSecret = "test-kyc-secret"
)

// Config sets up a fake. The zero value is today's sandbox with two accounts:
// TestKey, whose KYC is waived, and KYCKey. Printing a Config shows no credential.
type Config struct {
	fake.Masked[Config] // no encoder prints a credential

	// Options set the clock, the seed, how callbacks travel, and the PublicURL
	// over which signatures are checked.
	Options fake.Options

	// Keys are the accounts. Empty: TestKey with TestSecret, and KYCKey with
	// KYCSecret and KYC.
	Keys []Key

	// APIVersion chooses where the two generations of documents differ. Zero:
	// VersionToday.
	APIVersion APIVersion

	// Rates are units per US dollar, by currency. They replace the fake's own
	// rates (assumed) or add currencies.
	Rates map[string]decimal.Decimal

	// EndsAfter is how long after its funding a payout ends by itself. Zero: 30 s.
	EndsAfter time.Duration

	// CallbackRetries are the waits after a webhook that got no 2xx. Nil: 10 s,
	// 1 min, 10 min, 1 h, 6 h. Empty and not nil: no retry.
	CallbackRetries []time.Duration

	// Quirks are oddities of the API that merchants rarely need.
	Quirks Quirks
}

// Quirks switch readings of the documents, and tolerance for odd clients. The
// zero value is the documented behaviour, tolerant of the vendor's own SDKs.
type Quirks struct {
	// Rounding chooses between two readings of the vendor's rules.
	Rounding Rounding

	// WaivedStaysInitial keeps a sender with waived KYC in initial. The sender
	// transacts all the same, as today's KYC page says. Otherwise the sender is
	// approved at once.
	WaivedStaysInitial bool

	// StrictQuery refuses the signature of the vendor's JavaScript SDK, which
	// signs ! ' ( ) * unescaped in a query and sends them escaped.
	StrictQuery bool

	// StrictDebits refuses the flat debit body of the BitPesa documents.
	StrictDebits bool

	// AllowSecretHeader accepts Authorization-Key with Authorization-Secret
	// instead of a signature. The vendor's OpenAPI lists this; no guide does.
	AllowSecretHeader bool
}

// APIVersion is a generation of the vendor's documents.
type APIVersion string

const (
	// VersionToday is TransferZero, now AZA Finance. The trait auto_refund is on
	// by default. A transaction updates a sender whose external_id is known. A
	// pending payout notes a cancellation for later.
	VersionToday APIVersion = ""

	// VersionBitPesa is 2018 and 2019. The trait auto_refund is off by default.
	// A transaction refuses a sender whose external_id is known. A pending payout
	// cannot be cancelled. Some payout details are mandatory that are optional
	// today. GET /accounts/{Currency} responds with a list.
	VersionBitPesa APIVersion = "bitpesa"
)

// Key is one account: its credentials, its balances and what was agreed about
// its senders. Accounts do not see each other's objects. Printing a Key shows no
// credential.
type Key struct {
	fake.Masked[Key]

	Key    string // Authorization-Key
	Secret string // signs requests and webhooks

	// KYC makes senders start in initial. They need documents and an approval by
	// MoveSender. Otherwise KYC is waived.
	KYC bool

	// WTR2 relaxes the fields of a sender: an identification document, a full
	// address or a birth date is enough.
	WTR2 bool

	// Balances by currency. Nil: 1,000,000 each of USD, EUR, GBP, NGN, KES, UGX
	// and GHS.
	Balances map[string]decimal.Decimal
}

func (c Config) withDefaults() Config {
	if len(c.Keys) == 0 {
		c.Keys = []Key{{Key: TestKey, Secret: TestSecret}, {Key: KYCKey, Secret: KYCSecret, KYC: true}}
	}
	c.EndsAfter = cmp.Or(max(c.EndsAfter, 0), 30*time.Second)
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
	}
	return c
}

func (k Key) balances() map[string]decimal.Decimal {
	if k.Balances != nil {
		return k.Balances
	}
	m := map[string]decimal.Decimal{}
	for _, c := range []string{"USD", "EUR", "GBP", "NGN", "KES", "UGX", "GHS"} {
		m[c] = decimal.NewFromInt(1_000_000)
	}
	return m
}
