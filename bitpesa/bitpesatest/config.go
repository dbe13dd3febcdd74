package bitpesatest

import (
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/shopspring/decimal"
)

// Config says how a fake behaves. The zero value is a sandbox of today with one
// account, TestKey and TestSecret.
type Config struct {
	// Options are the clock, the seed, the way of callbacks and the PublicURL
	// that signatures are checked against.
	Options fake.Options

	// Keys are the accounts. Empty: one of TestKey and TestSecret.
	Keys []Key

	// Era chooses between what the two generations of documents say
	// differently. Zero is Today.
	Era Era

	// Rounding chooses between the two readings of the vendor's rules.
	Rounding Rounding

	// Rates are units per US dollar, by currency, instead of the fake's own
	// (assumed) or beside them.
	Rates map[string]decimal.Decimal

	// WaivedStaysInitial leaves a sender whose KYC is waived initial, though
	// usable, as today's KYC page says. Otherwise it is approved at once.
	WaivedStaysInitial bool

	// StrictQuery refuses a signature over a URL with ! ' ( ) * unescaped in
	// the query while they were sent escaped, as the vendor's JavaScript SDK
	// does.
	StrictQuery bool

	// StrictDebits refuses the flat debit body of the BitPesa documents.
	StrictDebits bool

	// AllowSecretHeader accepts Authorization-Key with Authorization-Secret
	// instead of a signature, which the vendor's OpenAPI lists and no guide
	// mentions.
	AllowSecretHeader bool

	// PayoutDelay is how long a payout takes on the clock. Zero means 30 s.
	PayoutDelay time.Duration

	// CallbackRetries are the waits after webhooks without a 2xx. Nil means the
	// five of 10 s, 1 min, 10 min, 1 h, 6 h; an empty slice means none.
	CallbackRetries []time.Duration
}

func (c Config) withDefaults() Config {
	if len(c.Keys) == 0 {
		c.Keys = []Key{{Key: TestKey, Secret: TestSecret}}
	}
	if c.PayoutDelay <= 0 {
		c.PayoutDelay = 30 * time.Second
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}
	}
	return c
}

// Era is a generation of the vendor's documents.
type Era string

const (
	// Today is TransferZero, now AZA Finance: auto_refund is on by default, a
	// sender with a known external_id inside of a transaction is updated, a
	// payout under way takes a cancellation for later.
	Today Era = ""

	// BitPesa is 2018 and 2019: auto_refund is off by default, a sender with a
	// known external_id inside of a transaction is refused, a payout under way
	// cannot be cancelled, some payout details more are mandatory, the answer
	// of GET /accounts/{Currency} is a list.
	BitPesa Era = "bitpesa"
)

// The credentials of the account a fake has when Config names none.
const (
	TestKey    = "test-key"
	TestSecret = "test-secret"
)

// Key is one account: its credentials, its balances and what was agreed about
// its senders. Accounts do not see each other's objects.
type Key struct {
	Key    string // Authorization-Key
	Secret string // what requests and webhooks are signed with

	// KYC makes senders start initial and need documents and an approval, see
	// SetSenderState. Otherwise KYC is waived.
	KYC bool

	// WTR2 relaxes the fields a sender must have: an identification document, a
	// full address or a birth date is enough.
	WTR2 bool

	// Balances by currency. Nil means 1,000,000 each of USD, EUR, GBP, NGN,
	// KES, UGX and GHS.
	Balances map[string]decimal.Decimal
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
