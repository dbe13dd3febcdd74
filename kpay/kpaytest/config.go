package kpaytest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Config sets up a fake. The zero value is right for most tests; all defaults
// are assumed.
type Config struct {
	// Options are the clock, the seed and the way of postbacks.
	Options fake.Options

	// Username and Password are the pair HTTP Basic must carry. Defaults:
	// test-user, test-pass.
	Username, Password string
	// APIKey makes the header Kpay-Key mandatory: missing 401, wrong 600
	// (assumed). Empty: the header is not looked at.
	APIKey string
	// AllowedIPs are the addresses requests may come from, others get 602. The
	// in-memory client counts as 127.0.0.1. Empty: every address.
	AllowedIPs []netip.Prefix
	// RequireHTTPS answers 500 to what did not come over TLS, as seen by the
	// client (Options.PublicURL counts).
	RequireHTTPS bool
	// Retailers are the known ones. Nil: 02, and 03 which is disabled.
	Retailers []Retailer
	// BankIDOptional accepts a pay request without bankid, as the vendor's web
	// page has it; the reference document requires it (603).
	BankIDOptional bool

	// Outcome is what becomes of payments that no magic value decides about.
	// Empty: a card payment waits for the checkout page, any other is paid.
	Outcome Outcome
	// SettleAfter is the time on the clock from acceptance to the outcome.
	// Zero: 10 s.
	SettleAfter time.Duration
	// LookupLag is how long after acceptance checkstatus still answers 611.
	LookupLag time.Duration
	// RefusedRefIDReusable lets a refid that was refused with 606 be used
	// again, and checkstatus not know it. No document says; by default it is
	// used up, and checkstatus shows a failed payment.
	RefusedRefIDReusable bool

	// PostbackFormat is how postbacks are written. Empty: PostbackJSON.
	PostbackFormat PostbackFormat
	// PostbackRetries are the waits on the clock after each postback that was
	// not acknowledged (assumed: no document gives a schedule). Nil: 10 s,
	// 1 min, 5 min, 30 min, 2 h; empty and not nil: no retry.
	PostbackRetries []time.Duration
	// OmitPayAccount leaves payaccount out of status answers and postbacks, as
	// in the recorded ones.
	OmitPayAccount bool
	// OtherTID gives status answers and postbacks a tid of their own, A...
	// beside the E... of the pay answer, as the documents' samples do. Both can
	// be looked up.
	OtherTID bool

	// HTTP401 answers a missing Authorization with HTTP 401; the body is the
	// same.
	HTTP401 bool
	// MinimalErrors cuts every error answer of pay to reply and retcode.
	MinimalErrors bool
	// BlankURL answers pending payments with a url of one space.
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

func (c Config) withDefaults() Config {
	if c.Username == "" {
		c.Username = "test-user"
	}
	if c.Password == "" {
		c.Password = "test-pass"
	}
	if c.Retailers == nil {
		c.Retailers = []Retailer{{ID: "02", Name: "Test Shop"}, {ID: "03", Name: "Closed Shop", Disabled: true}}
	}
	if c.SettleAfter <= 0 {
		c.SettleAfter = 10 * time.Second
	}
	if c.PostbackFormat == "" {
		c.PostbackFormat = PostbackJSON
	}
	if c.PostbackRetries == nil {
		c.PostbackRetries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	c.AllowedIPs = slices.Clone(c.AllowedIPs)
	c.Retailers = slices.Clone(c.Retailers)
	c.PostbackRetries = slices.Clone(c.PostbackRetries)
	return c
}
