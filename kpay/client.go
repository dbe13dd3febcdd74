package kpay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// The documented hosts. A Client stays on the host it was given, whatever
// happens.
const (
	LiveURL    = "https://pay.esicia.rw"
	SandboxURL = "https://pay.esicia.com"
)

// Config configures a Client. BaseURL, Username and Password are required. The
// zero value of every other field is useful. New copies the Config and changes
// nothing in it.
type Config struct {
	// BaseURL is LiveURL or SandboxURL. There is no default, so that no test
	// collects real money. Requests go to its root, as in the vendor's guide. With
	// SandboxURL + "/api" they go to /api/, as in the reference document's curl.
	// Plain http is refused, except to loopback.
	BaseURL string
	// AllowPlainHTTP allows plain http to every host. The password then crosses
	// the network in the clear. KPay itself refuses plain http with code 500.
	AllowPlainHTTP bool

	// Username and Password go with every request as HTTP basic auth.
	Username, Password string
	// APIKey is sent as the header Kpay-Key when it is set. The vendor's web page
	// asks for the header. The reference document does not mention it.
	APIKey string

	// RetailerID is the merchant's id, "02". It holds for payments without a
	// RetailerID of their own. A leading zero matters.
	RetailerID string
	// CallbackURL makes the postback URL of a payment without a ReturnURL, from the
	// payment's RefID, amount and currency. Package webhook mints such URLs.
	CallbackURL func(reference string, amount decimal.Decimal, currency string) (string, error)

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout, WriteIdleTimeout, MaxResponseBytes
	// and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kpay.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Client calls the KPay API. It is safe for concurrent use.
type Client struct {
	core        *transport.Core
	retailerID  string
	callbackURL transport.MintURL
}

// New returns a Client. An error names every wrong field of Config and never its
// value.
func New(cfg Config) (*Client, error) {
	var faults []error
	fault := func(field, text string) {
		if text != "" {
			faults = append(faults, errors.New("kpay: "+field+" "+text))
		}
	}
	fault("Username", transport.SecretFault(cfg.Username))
	if strings.Contains(cfg.Username, ":") {
		fault("Username", "holds a colon")
	}
	fault("Password", transport.SecretFault(cfg.Password))
	if cfg.APIKey != "" {
		fault("APIKey", transport.HeaderFault(cfg.APIKey))
	}
	core, err := transport.New(transport.Config{
		Provider: "kpay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg),
		Interpret: interpret,
	})
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &Client{core: core, retailerID: cfg.RetailerID, callbackURL: cfg.CallbackURL}, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors. It returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

func authorize(cfg Config) func(*http.Request, sdk.Operation, []byte, string) error {
	basic := []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Username+":"+cfg.Password))}
	var key []string
	if cfg.APIKey != "" {
		key = []string{cfg.APIKey}
	}
	return func(req *http.Request, _ sdk.Operation, _ []byte, _ string) error {
		req.Header["Authorization"] = basic
		if key != nil {
			req.Header["Kpay-Key"] = key
		}
		return nil
	}
}

// Code is a code of KPay's one list. The list serves as retcode of a request and as
// statusid of a payment. A code that this package does not know passes through.
//
// As a statusid, 0 and 03 are pending and 01 is paid. 02, 606, 607 and every number
// that is not listed here are failed, because the vendor's guide calls any other
// statusid the mobile-money error ("682"). The codes from 401 to 605 and from 608 to
// 611 speak of a request and not of a payment.
type Code string

// The codes. "documented" are those of the reference document, "vendor" those which
// only KPay's developer guide has. The sentinel that a code matches is in brackets.
const (
	CodeProcessing         Code = "0"   // documented: no error, being processed
	CodePaid               Code = "01"  // documented: successful payment
	CodeFailed             Code = "02"  // documented: payment failed [sdk.ErrDeclined]
	CodePending            Code = "03"  // documented: pending
	CodeNoCredentials      Code = "401" // documented: authentication header missing [sdk.ErrUnauthorized]
	CodeNotHTTPS           Code = "500" // documented: request not over HTTPS [sdk.ErrConfiguration]
	CodeBadCredentials     Code = "600" // documented: wrong username or password [sdk.ErrUnauthorized]
	CodeBadRemoteUser      Code = "601" // vendor: invalid remote user [sdk.ErrUnauthorized]
	CodeNotAllowListed     Code = "602" // documented: location or IP not whitelisted [sdk.ErrForbidden, sdk.ErrConfiguration]
	CodeMissingParameter   Code = "603" // documented: missing (vendor: or empty) parameter [sdk.ErrValidation]
	CodeUnknownRetailer    Code = "604" // vendor: unknown retailer [sdk.ErrConfiguration]
	CodeRetailerDisabled   Code = "605" // vendor: retailer not enabled [sdk.ErrConfiguration]
	CodeProcessingError    Code = "606" // vendor: error while processing, or refused by the processor [sdk.ErrDeclined]
	CodeMobileMoneyFailed  Code = "607" // vendor: mobile-money transaction failed [sdk.ErrDeclined]
	CodeDuplicate          Code = "608" // documented: refid already used [sdk.ErrDuplicate]
	CodeUnknownMethod      Code = "609" // vendor: unknown payment method [sdk.ErrValidation]
	CodeUnknownInstitution Code = "610" // vendor: unknown or disabled institution [sdk.ErrValidation]
	CodeNotFound           Code = "611" // documented: transaction not found [sdk.ErrNotFound]
)

// ParseCode reads a code in every spelling seen on the wire: " 1 ", "01" and "001"
// are CodePaid, "00" and "000" are CodeProcessing. It returns a text that is no
// number without the spaces around it.
func ParseCode(text string) Code {
	text = strings.TrimSpace(text)
	if !numeric(text) {
		return Code(text)
	}
	switch digits := strings.TrimLeft(text, "0"); len(digits) {
	case 0:
		return CodeProcessing
	case 1:
		return Code("0" + digits)
	default:
		return Code(digits)
	}
}

// Pending reports whether the payment is still under way.
func (c Code) Pending() bool { return c.class() == classPending }

// Paid reports whether the payer has paid.
func (c Code) Paid() bool { return c.class() == classPaid }

// Failed reports whether the payment failed for good. Code says which codes do.
func (c Code) Failed() bool { return c.class() == classFailed }

// Final reports whether the payment is paid or failed. No later change is documented
// (inferred).
func (c Code) Final() bool { return c.Paid() || c.Failed() }

// class sorts codes by what they are about: first the payment, from classRequest on the
// request.
type class uint8

const (
	classUnknown class = iota // no number
	classPending
	classPaid
	classFailed
	classRequest // credentials, set-up, parameters
	classDuplicate
	classNotFound
)

func (c Code) class() class {
	switch c {
	case CodeProcessing, CodePending:
		return classPending
	case CodePaid:
		return classPaid
	case CodeDuplicate:
		return classDuplicate
	case CodeNotFound:
		return classNotFound
	}
	switch {
	case c.reasons() != nil:
		return classRequest
	case numeric(string(c)):
		return classFailed
	}
	return classUnknown
}

// reasons are the sentinels of a code that refuses a request.
func (c Code) reasons() []error {
	switch c {
	case CodeNoCredentials, CodeBadCredentials, CodeBadRemoteUser:
		return []error{sdk.ErrUnauthorized}
	case CodeNotAllowListed:
		return []error{sdk.ErrForbidden, sdk.ErrConfiguration}
	case CodeNotHTTPS, CodeUnknownRetailer, CodeRetailerDisabled:
		return []error{sdk.ErrConfiguration}
	case CodeMissingParameter, CodeUnknownMethod, CodeUnknownInstitution:
		return []error{sdk.ErrValidation}
	case CodeDuplicate:
		return []error{sdk.ErrDuplicate}
	case CodeNotFound:
		return []error{sdk.ErrNotFound}
	}
	return nil
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// response holds every key that KPay is known to send, in responses to both
// operations and in postbacks. Any key may be missing.
type response struct {
	RetCode  wire.Shown
	StatusID wire.Shown
	RefID    wire.Side // where it decides it must be there

	Success    success
	Reply      wire.Side
	StatusDesc wire.Side
	StatusMsg  wire.Side // observed
	Message    wire.Side // observed
	TID        wire.Side
	URL        wire.Side
	AuthKey    wire.Side
	MomTxID    wire.Side
	PayAccount wire.Side

	raw sdk.Raw
}

// field is where the value of a key goes.
func (r *response) field(key []byte) json.Unmarshaler {
	switch string(key) {
	case "retcode":
		return &r.RetCode
	case "statusid":
		return &r.StatusID
	case "refid":
		return &r.RefID
	case "success":
		return &r.Success
	case "reply":
		return &r.Reply
	case "statusdesc":
		return &r.StatusDesc
	case "statusmsg":
		return &r.StatusMsg
	case "message":
		return &r.Message
	case "tid":
		return &r.TID
	case "url":
		return &r.URL
	case "authkey":
		return &r.AuthKey
	case "momtransactionid":
		return &r.MomTxID
	case "payaccount":
		return &r.PayAccount
	}
	return nil
}

// success is a yes, a no, or anything else, which counts as absent.
type success wire.Bool

// UnmarshalJSON implements json.Unmarshaler.
func (s *success) UnmarshalJSON(data []byte) error {
	var b wire.Bool
	if b.UnmarshalJSON(data) != nil {
		b = wire.Bool{}
	}
	*s = success(b)
	return nil
}

func parse(body []byte) (*response, error) {
	r := &response{raw: body}
	if err := wire.Object(body, r.field); err != nil {
		return nil, err
	}
	switch {
	case r.RetCode.Unreadable:
		return nil, wire.Missing("a retcode that can be read")
	case r.StatusID.Unreadable:
		return nil, wire.Missing("a statusid that can be read")
	}
	return r, nil
}

// interpret says what a response means. KPay reports refusals in the body, under an
// HTTP status that is not documented (clients see 200). So the body decides first.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	body, err := parse(r.Body)
	if err != nil {
		return transport.Verdict{}
	}
	r.Parsed = body
	v := body.verdict(op)
	if v.Kind == transport.Accepted && r.Status >= 200 && r.Status <= 299 {
		return v
	}
	v.Code, v.Message = string(body.code()), body.message()
	switch {
	case v.Kind == transport.Accepted,
		v.Kind == transport.Refused && !body.code().fits(r.Status),
		body.RefID != "" && r.Reference != "" && string(body.RefID) != r.Reference:
		// The HTTP status contradicts KPay's words, or they are about another payment. So
		// nothing is settled.
		v.Kind, v.Reasons = transport.Unclear, nil
	case op.Name == OpPay && body.saidToLookup():
		// A lookup goes to the same URL, so that a pool of connections which is out of
		// step can mix the two up.
		v.Kind, v.Reasons = transport.Unclear, nil
	case r.Status == http.StatusTooManyRequests && body.throttles():
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
	}
	return v
}

// throttledText is the whole of a throttle. The documents know none: that KPay names the
// HTTP status under its own key is assumed. Any other 429 may be a proxy's.
const throttledText = "Too Many Requests"

func (r *response) throttles() bool {
	return string(r.Reply) == throttledText && r.code() == "" && !r.Success.Valid
}

// verdict reads KPay's words: first the payment's status, then the request's code,
// and "success" last.
func (r *response) verdict(op sdk.Operation) transport.Verdict {
	code := r.code()
	class := code.class()
	switch {
	case r.contradictory():
		return transport.Verdict{}
	case r.StatusID.Text != "" && class < classRequest:
		return transport.Verdict{Kind: transport.Accepted}
	case class == classDuplicate:
		return transport.Verdict{Kind: transport.Duplicate, Reasons: code.reasons()}
	case class >= classRequest:
		return transport.Verdict{Kind: transport.Refused, Reasons: code.reasons()}
	case class == classPending, class == classPaid, code == "" && r.Success.Bool:
		return transport.Verdict{Kind: transport.Accepted}
	case op.Name != OpStatus && code.declines():
		reasons := []error{sdk.ErrDeclined}
		if r.noFunds() {
			reasons = append(reasons, sdk.ErrInsufficientFunds)
		}
		return transport.Verdict{Kind: transport.Refused, Reasons: reasons}
	}
	// Either the code is unknown and nothing says whether the work was done. Or the
	// lookup itself failed, which says nothing about the payment.
	return transport.Verdict{}
}

// fits reports whether a refusal may come under an HTTP status. No status is documented:
// but the codes 401 and 500 are those of HTTP, a 401 or 403 is about who asks, and a
// server that failed knows of no refusal.
func (c Code) fits(status int) bool {
	is := func(reason error) bool { return slices.Contains(c.reasons(), reason) }
	switch {
	case transport.Lost(status):
		return string(c) == strconv.Itoa(status)
	case status == http.StatusUnauthorized:
		return is(sdk.ErrUnauthorized)
	case status == http.StatusForbidden:
		return c != CodeNoCredentials && (is(sdk.ErrUnauthorized) || is(sdk.ErrForbidden) || is(sdk.ErrConfiguration))
	}
	return true
}

// saidToLookup reports a refusal that a lookup gets, and no payment: it has the code of
// a request as the status of a payment, knows no such payment, or misses a tid.
func (r *response) saidToLookup() bool {
	switch code := r.code(); {
	case code.class() == classNotFound, code.class() == classRequest && r.StatusID.Text != "":
		return true
	case code == CodeMissingParameter:
		return slices.Contains(strings.FieldsFunc(strings.ToLower(r.message()), func(c rune) bool { return c < 'a' || c > 'z' }), "tid")
	}
	return false
}

// declines reports whether a code is KPay's own word for a failed payment. Other
// codes of failure are the processor's.
func (c Code) declines() bool {
	return c == CodeFailed || c == CodeProcessingError || c == CodeMobileMoneyFailed
}

// declinesNobody reports a declined payment whose refid is not shown: it may be another's.
// The documented refusal of a processor shows the refid.
func declinesNobody(e *sdk.Error) bool {
	body, err := parse(e.Body)
	return err == nil && ParseCode(e.Code).declines() && body.RefID == ""
}

// code is the code of the payment, if the response has one, or else of the request.
func (r *response) code() Code {
	if r.StatusID.Text != "" {
		return ParseCode(r.StatusID.Text)
	}
	return ParseCode(r.RetCode.Text)
}

// message is what KPay says in words.
func (r *response) message() string {
	for _, text := range []wire.Side{r.Reply, r.StatusDesc, r.StatusMsg, r.Message} {
		if text != "" {
			return string(text)
		}
	}
	return ""
}

// contradictory reports a response that says yes and no at once. Nobody has seen
// such a response. To believe either half could lose money. A reference that is taken
// contradicts nothing.
func (r *response) contradictory() bool {
	refused := r.Success.Valid && !r.Success.Bool
	ret := ParseCode(r.RetCode.Text)
	failed := ret != "" && !ret.Pending() && !ret.Paid()
	code := r.code()
	switch {
	case !code.Pending() && !code.Paid() && code != "" && code != CodeDuplicate && r.saysYes():
		return true
	case r.StatusID.Text != "":
		return code.Paid() && (refused || failed) || code.Pending() && failed && ret != CodeDuplicate
	}
	return refused && (ret.Pending() || ret.Paid()) || r.Success.Bool && failed
}

// saysYes reports the documents' words for a payment that is pending or paid.
func (r *response) saysYes() bool {
	for _, text := range []wire.Side{r.Reply, r.StatusDesc, r.StatusMsg, r.Message} {
		if words := strings.ToUpper(string(text)); words == "PENDING" || strings.HasPrefix(words, "SUCCESSFUL") {
			return true
		}
	}
	return false
}

// noFunds recognises a processor that says why it refused (observed).
func (r *response) noFunds() bool {
	for _, text := range []wire.Side{r.StatusMsg, r.Reply, r.StatusDesc} {
		if wire.LacksMoney(string(text)) {
			return true
		}
	}
	return false
}
