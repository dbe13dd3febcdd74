package kapitentest

import (
	"cmp"
	"errors"
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

	// Pricing is what companies start with; nil means DefaultPricing.
	Pricing *Pricing

	// OnInsufficientFunds says what happens to a ride the wallet cannot pay.
	OnInsufficientFunds InsufficientFunds

	// UniqueExternalID refuses a second ride of a company with the same
	// external_id. The document promises nothing of the kind.
	UniqueExternalID bool

	// ListLag is how long a new ride is missing from List Rides. Zero means that it
	// shows at once.
	ListLag time.Duration

	// Autopilot moves rides along by itself: a rider accepts after
	// AutopilotStart (30 s) and goes one state further every AutopilotStep
	// (60 s).
	Autopilot                     bool
	AutopilotStart, AutopilotStep time.Duration

	// PaymentTimeout is how long a ride waits for payment (30 min),
	// MatchTimeout how long it waits for a rider (10 min).
	PaymentTimeout, MatchTimeout time.Duration

	// EndsAfter is how long after it begins a top-up ends by itself. Zero means 5 s.
	EndsAfter time.Duration

	// MaxTopUp is the largest top-up in RWF. Zero means 5,000,000.
	MaxTopUp decimal.Decimal

	// CallbackRetries are the waits after attempts without a 2xx. Nil means
	// 10 s, 1 min, 5 min, 30 min, 2 h; an empty slice means none.
	CallbackRetries []time.Duration

	// Routes replaces the method or path of operations, keyed and templated as
	// in kapiten.Config.Routes, so that one map serves both. New panics on a
	// path that net/http.ServeMux cannot route.
	Routes map[string]sdk.Route

	// Quirks are details of the wire which a merchant's test leaves alone.
	Quirks Quirks
}

// Quirks change what responses look like, for tests of a client's tolerance.
type Quirks struct {
	// SlowAfter replaces EndsAfter for the digits 0004. Zero means 10 min.
	SlowAfter time.Duration

	// PageSize is the length of a page. Zero means 20.
	PageSize int

	// DecimalStrings sends amounts as a Django REST framework does by default,
	// "1200.00", instead of as the document shows them, 1200.0.
	DecimalStrings bool

	// HideExternalID leaves external_id out of List Rides, as the document's sample
	// does.
	HideExternalID bool

	// ShowRequest shows in every ride what the request asked for: external id,
	// addresses, sender and receiver, and the options. The document's samples show
	// none of that.
	ShowRequest bool

	// OmitNullLinks leaves next and previous out of a list where they are
	// null, as some of the document's samples do.
	OmitNullLinks bool

	// NextLinkHost is the host of links to other pages, with https. Empty
	// means the host the client asked. The document's sample has
	// api.kapiten.com, which is not the host of its base URL.
	NextLinkHost string
}

// InsufficientFunds says what happens to a ride the wallet cannot pay.
type InsufficientFunds int

const (
	// WaitForPayment creates the ride in WAITING_PAYMENT and takes nothing.
	WaitForPayment InsufficientFunds = iota

	// Reject responds with 400 {"detail":"Insufficient wallet balance."} and creates
	// no ride.
	Reject
)

// UnmarshalText reads "wait" or "reject", as files name the constants.
func (i *InsufficientFunds) UnmarshalText(text []byte) error {
	switch string(text) {
	case "wait":
		*i = WaitForPayment
	case "reject":
		*i = Reject
	default:
		return errors.New(`must be "wait" or "reject"`)
	}
	return nil
}

// check names a value that means nothing. c is as it was given.
func (c Config) check() error {
	switch {
	case c.Pricing != nil && c.Pricing.check() != nil:
		return c.Pricing.check()
	case c.OnInsufficientFunds != WaitForPayment && c.OnInsufficientFunds != Reject:
		return errors.New("OnInsufficientFunds must be WaitForPayment or Reject")
	case c.MaxTopUp.IsNegative():
		return errors.New("MaxTopUp is below zero")
	case c.Quirks.PageSize < 0:
		return errors.New("PageSize is below zero")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Pricing == nil {
		p := DefaultPricing()
		c.Pricing = &p
	}
	c.AutopilotStart = cmp.Or(max(c.AutopilotStart, 0), 30*time.Second)
	c.AutopilotStep = cmp.Or(max(c.AutopilotStep, 0), time.Minute)
	c.PaymentTimeout = cmp.Or(max(c.PaymentTimeout, 0), 30*time.Minute)
	c.MatchTimeout = cmp.Or(max(c.MatchTimeout, 0), 10*time.Minute)
	c.EndsAfter = cmp.Or(max(c.EndsAfter, 0), 5*time.Second)
	c.Quirks.SlowAfter = cmp.Or(max(c.Quirks.SlowAfter, 0), 10*time.Minute)
	c.Quirks.PageSize = cmp.Or(max(c.Quirks.PageSize, 0), 20)
	if !c.MaxTopUp.IsPositive() {
		c.MaxTopUp = decimal.NewFromInt(5_000_000)
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	return c
}
