package kpaytest

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Config sets up a fake. The zero value is right for most tests. All defaults
// are assumed.
type Config struct {
	fake.Masked[Config] // no encoder prints a credential

	// Options are the clock, the seed and the way of postbacks.
	Options fake.Options

	// Username and Password are the pair that HTTP Basic must carry. Defaults:
	// test-user, test-pass.
	Username, Password string
	// APIKey, when set, makes the header Kpay-Key mandatory: missing 401, wrong
	// 600 (assumed).
	APIKey string
	// Retailers are the merchants KPay knows. Nil: 02, and 03 which is disabled.
	Retailers []Retailer

	// Scenario decides payments whose refid and msisdn ask for none. Empty: a
	// card payment waits for the checkout page, any other is paid.
	Scenario fake.Scenario
	// EndsAfter is how long after acceptance a payment ends by itself. Zero: 10 s.
	EndsAfter time.Duration
	// LookupLag is how long after acceptance checkstatus still says 611.
	LookupLag time.Duration
	// CallbackRetries are the waits on the clock after each postback that was
	// not acknowledged. No document gives a schedule. Nil: 10 s, 1 min, 5 min,
	// 30 min, 2 h. Empty and not nil: no retry.
	CallbackRetries []time.Duration

	// Quirks are habits of KPay that most tests leave alone.
	Quirks Quirks
}

// Retailer is a merchant as KPay knows it: the retailerid of a pay request.
type Retailer struct {
	ID       string // leading zeros count
	Name     string // the checkout page shows it
	Disabled bool   // pay is refused with 605
}

// Quirks are habits of KPay which documents or recordings show and which a
// client must tolerate. The zero value is KPay as the reference document has it.
type Quirks struct {
	// AllowedIPs are the addresses requests may come from. Others get 602. The
	// in-memory client counts as 127.0.0.1. Empty: every address.
	AllowedIPs []netip.Prefix `json:"allowed_ips"`
	// RequireHTTPS refuses with 500 what did not come over TLS, as the client
	// sees it (Options.PublicURL counts).
	RequireHTTPS bool
	// BankIDOptional accepts a pay request without bankid, as the vendor's web
	// page has it. The reference document requires it (603).
	BankIDOptional bool
	// RefusedRefIDReusable forgets a payment that was refused with 606, so that
	// its refid is free again. No document decides this. By default the refid is
	// used up and checkstatus shows a failed payment.
	RefusedRefIDReusable bool

	// SlowAfter replaces EndsAfter for fake.ScenarioSlow. Zero: 10 min.
	SlowAfter time.Duration

	// PostbackFormat is how postbacks are written. Empty: PostbackJSON.
	PostbackFormat PostbackFormat
	// OmitPayAccount leaves payaccount out of status responses and postbacks, as
	// in the recorded ones.
	OmitPayAccount bool
	// OtherTID gives status responses and postbacks a tid of their own, A...
	// beside the E... of the pay response, as in the documents' samples. Both can
	// be looked up.
	OtherTID bool

	// HTTP401 sends the refusal of a missing Authorization with HTTP 401.
	HTTP401 bool
	// MinimalErrors cuts every error response of pay to reply and retcode.
	MinimalErrors bool
	// BlankURL writes the url of a pending payment as one space.
	BlankURL bool
	// NumbersAsStrings writes success and retcode as strings, zero as "000".
	NumbersAsStrings bool
	// StringsAsNumbers writes ids and statusid as numbers where their digits
	// allow it: statusid 01 becomes 1.
	StringsAsNumbers bool
	// SuccessAsBool writes success as true and false.
	SuccessAsBool bool
	// PadValues puts spaces around every string value.
	PadValues bool
}

// PostbackFormat is how the body of a postback is written and labelled.
type PostbackFormat string

const (
	PostbackJSON         PostbackFormat = "json"          // JSON, labelled application/json
	PostbackFormLabelled PostbackFormat = "form_labelled" // JSON, labelled application/x-www-form-urlencoded, as recorded
	PostbackForm         PostbackFormat = "form"          // real form data
)

func (c Config) withDefaults() Config {
	c.Username = cmp.Or(c.Username, "test-user")
	c.Password = cmp.Or(c.Password, "test-pass")
	c.EndsAfter = cmp.Or(max(c.EndsAfter, 0), 10*time.Second)
	c.Quirks.SlowAfter = cmp.Or(max(c.Quirks.SlowAfter, 0), 10*time.Minute)
	c.Quirks.PostbackFormat = cmp.Or(c.Quirks.PostbackFormat, PostbackJSON)
	if c.Retailers == nil {
		c.Retailers = []Retailer{{ID: "02", Name: "Test Shop"}, {ID: "03", Name: "Closed Shop", Disabled: true}}
	}
	if c.CallbackRetries == nil {
		c.CallbackRetries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	c.Retailers = slices.Clone(c.Retailers)
	c.CallbackRetries = slices.Clone(c.CallbackRetries)
	c.Quirks.AllowedIPs = slices.Clone(c.Quirks.AllowedIPs)
	return c
}

// check names a value that means nothing. c has its defaults.
func (c Config) check() error {
	if c.Scenario != scenarioOnPage && !slices.Contains(slices.Collect(maps.Values(scenarios())), c.Scenario) {
		return fmt.Errorf("no scenario %q", c.Scenario)
	}
	if !slices.Contains([]PostbackFormat{PostbackJSON, PostbackFormLabelled, PostbackForm}, c.Quirks.PostbackFormat) {
		return fmt.Errorf("no postback format %q", c.Quirks.PostbackFormat)
	}
	known := map[string]bool{"": true}
	for _, r := range c.Retailers {
		if known[r.ID] {
			return fmt.Errorf("the ID %q of a retailer is empty or given twice", r.ID)
		}
		known[r.ID] = true
	}
	return nil
}

func (c Config) retailer(id string) (Retailer, bool) {
	for _, r := range c.Retailers {
		if r.ID == id {
			return r, true
		}
	}
	return Retailer{}, false
}
