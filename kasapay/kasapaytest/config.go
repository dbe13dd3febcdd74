package kasapaytest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Config sets up a fake. The zero value is right for most tests. All defaults
// are assumed.
type Config struct {
	fake.Masked[Config] // no encoder prints a credential

	// Options are the clock, the seed and the way of callbacks.
	Options fake.Options

	// ConsumerKey and ConsumerSecret are the credentials of POST /v1/auth.
	// Defaults: test-key, test-secret.
	ConsumerKey, ConsumerSecret string
	// TokenLifetime is how long a token is good for, in whole seconds. Zero:
	// one hour, as documented. The platform was seen to give 6000 s.
	TokenLifetime time.Duration
	// ServiceCodes are the known ones. Nil: 12346.
	ServiceCodes []string
	// Balances are what the float account holds at the start, by currency. Nil:
	// 1000000.00 KES. A currency that is not in it has nothing to pay from.
	Balances map[string]decimal.Decimal

	// BankName is the destination_name of every payout to a bank account. No field
	// of a request names the bank. Empty: BANKX, as in the document's sample.
	BankName string
	// UnreachableHosts are hosts of a callback_url that Kasapay cannot reach. It
	// refuses a payout with such a URL: 721, CALLBACK_URL_UNREACHABLE (an invented
	// error_code). Hosts that end in .invalid are always unreachable (RFC 2606).
	UnreachableHosts []string

	// Scenario decides payouts whose reference and account number ask for none.
	// Empty: fake.ScenarioPaid.
	Scenario fake.Scenario
	// EndsAfter is how long after acceptance a payout ends by itself. A jammed payout
	// becomes 704 then. Zero: 10 s.
	EndsAfter time.Duration
	// RefuseBeyondFloat refuses a payout beyond the float with 721
	// (INSUFFICIENT_FUNDS, an invented error_code) and forgets it. By default
	// such a payout is accepted and fails later.
	RefuseBeyondFloat bool
	// MintReferences gives an accepted payout a payout_reference of the server's
	// own, a UUID as in the document's sample. Both references then find the
	// payout. Status and callbacks show the caller's.
	MintReferences bool
	// PendingCallbacks sends a callback at acceptance too (703), as the
	// platform was seen to do.
	PendingCallbacks bool
	// CallbackRetries are the waits on the clock after each callback that was
	// not acknowledged. Nil: 10 s, 1 min, 5 min, 30 min, 2 h. Empty and not
	// nil: no retry.
	CallbackRetries []time.Duration

	// Quirks are habits of Kasapay that most tests leave alone.
	Quirks Quirks
}

// Quirks are habits of Kasapay or its platform which a client must tolerate. The
// zero value is Kasapay as the reference document has it.
type Quirks struct {
	// AnyMethod accepts both payment methods with every recipient_type. The
	// document's table gives MPESA_B2B to paybills and tills and BANK to bank
	// accounts, but its own bank sample has MPESA_B2B.
	AnyMethod bool
	// RefundFailed allows 705 after 701. No money moves then, because 701
	// released it.
	RefundFailed bool
	// AnySuccessAcknowledges takes any 2xx for an acknowledgement. By default
	// only 200 is one, the only status the document names.
	AnySuccessAcknowledges bool

	// SlowAfter replaces EndsAfter for fake.ScenarioSlow. Zero: 10 min.
	SlowAfter time.Duration

	// CreatedStatus sends 201 for logins and accepted payouts, as NestJS does
	// by default, instead of 200.
	CreatedStatus bool
	// RefusalStatus is the HTTP status of a 721 body. Zero: 400.
	RefusalStatus int
	// FloatFirst looks at the float before the reference, with RefuseBeyondFloat: a payout
	// that has emptied the float is refused for lack of funds when it is asked for again.
	// No document has the order.
	FloatFirst bool
	// DuplicateStatus refuses a reference used before with an error envelope of
	// this HTTP status (400, 409). Zero: a 721 body with DUPLICATE_REFERENCE,
	// an invented error_code.
	DuplicateStatus int
	// TokenStatus is the HTTP status for a missing, unknown or expired token.
	// Zero: 401.
	TokenStatus int
	// NotFoundStatus is the HTTP status for the status of an unknown
	// reference. Zero: 404.
	NotFoundStatus int

	// SnakeCaseExpiry writes expires_in instead of expiresIn.
	SnakeCaseExpiry bool
	// OmitExpiry leaves expiresIn out. The token is a JWT whose exp says the
	// same.
	OmitExpiry bool
	// NumbersAsStrings writes codes, statuses and lifetimes as strings.
	NumbersAsStrings bool
	// AmountsAsNumbers writes amount and account_balance as numbers.
	AmountsAsNumbers bool
	// Nulls writes null for what is optional in a result: payment_reference
	// while there is none, wallet_account, destination_name, description.
	Nulls bool
	// OmitOptional leaves those out, and result_description and
	// account_balance.
	OmitOptional bool
	// ExtraKeys adds keys to results that no document has but the platform
	// sends, a null among them.
	ExtraKeys bool
	// DestinationAsRequested writes destination as the request's
	// recipient_type (BANK_ACCOUNT_NUMBER) instead of bank_account. The forms
	// paybill and till for the other two are assumed.
	DestinationAsRequested bool
	// MaskAccountNumbers writes account_number with a masked middle.
	MaskAccountNumbers bool
}

func (c Config) withDefaults() Config {
	c.ConsumerKey = cmp.Or(c.ConsumerKey, "test-key")
	c.ConsumerSecret = cmp.Or(c.ConsumerSecret, "test-secret")
	c.Scenario = cmp.Or(c.Scenario, fake.ScenarioPaid)
	c.Quirks.SlowAfter = cmp.Or(max(c.Quirks.SlowAfter, 0), 10*time.Minute)
	c.Quirks.RefusalStatus = cmp.Or(c.Quirks.RefusalStatus, http.StatusBadRequest)
	c.Quirks.TokenStatus = cmp.Or(c.Quirks.TokenStatus, http.StatusUnauthorized)
	c.Quirks.NotFoundStatus = cmp.Or(c.Quirks.NotFoundStatus, http.StatusNotFound)
	c.BankName = cmp.Or(c.BankName, "BANKX")
	c.TokenLifetime = cmp.Or(max(c.TokenLifetime, 0), time.Hour)
	c.EndsAfter = cmp.Or(max(c.EndsAfter, 0), 10*time.Second)
	if c.ServiceCodes == nil {
		c.ServiceCodes = []string{"12346"}
	}
	if c.Balances == nil {
		c.Balances = map[string]decimal.Decimal{"KES": decimal.New(100_000_000, -2)}
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	c.ServiceCodes = slices.Clone(c.ServiceCodes)
	c.UnreachableHosts = slices.Clone(c.UnreachableHosts)
	c.CallbackRetries = slices.Clone(c.CallbackRetries)
	c.Balances = maps.Clone(c.Balances)
	return c
}

// check names a value that means nothing. c has its defaults.
func (c Config) check() error {
	if !slices.Contains(slices.Collect(maps.Values(scenarios())), c.Scenario) {
		return fmt.Errorf("no scenario %q", c.Scenario)
	}
	if slices.Contains(c.ServiceCodes, "") {
		return errors.New("a service code is empty")
	}
	for currency, amount := range c.Balances {
		if amount.IsNegative() {
			return fmt.Errorf("the balance in %q is below zero", currency)
		}
	}
	q := c.Quirks
	for _, status := range []int{q.RefusalStatus, cmp.Or(q.DuplicateStatus, http.StatusConflict), q.TokenStatus, q.NotFoundStatus} {
		if status < 200 || status > 599 {
			return fmt.Errorf("%d is no HTTP status of a response", status)
		}
	}
	return nil
}
