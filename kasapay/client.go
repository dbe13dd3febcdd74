package kasapay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// SandboxURL is the documented host. The production host is not documented: Kasapay
// gives it to you with the production credentials.
const SandboxURL = "https://sandbox.api.gateway.kasapay.com"

// Config configures a Client. BaseURL, ConsumerKey and ConsumerSecret are required.
// The zero value of every other field is useful. New copies the Config and changes
// nothing in it.
type Config struct {
	// BaseURL is the server's address without the /v1 part: SandboxURL, or the
	// production address that Kasapay gave you. There is no default, and a Client
	// never goes from one environment to another. Plain http is refused, except to
	// loopback.
	BaseURL string
	// AllowPlainHTTP allows plain http to every host. The secret and the tokens then
	// cross the network in the clear.
	AllowPlainHTTP bool

	// ConsumerKey and ConsumerSecret come from the merchant portal (My Business >
	// API Keys). The Client exchanges them for a token. It renews the token before
	// its end, once for all callers, and when the gateway refuses it.
	ConsumerKey, ConsumerSecret string

	// ServiceCode is the service on Kasapay, "12346". It holds for payouts without a
	// ServiceCode of their own.
	ServiceCode string
	// AnyMethod sends payouts whose Method the document's table does not give to their
	// RecipientType. The document's own bank sample has such a pair.
	AnyMethod bool
	// CallbackURL makes the callback URL of a payout without one, from the payout's
	// reference, amount and currency. Package webhook mints such URLs.
	CallbackURL func(reference string, amount decimal.Decimal, currency string) (string, error)

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout, WriteIdleTimeout, MaxResponseBytes
	// and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name. See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "kasapay.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Client calls the Kasapay gateway. It is safe for concurrent use.
type Client struct {
	Payouts *PayoutsService

	core        *transport.Core
	serviceCode string
	anyMethod   bool
	callbackURL transport.MintURL
}

// New returns a Client. An error names every wrong field of Config and never its
// value. New does not log in: the first call does.
func New(cfg Config) (*Client, error) {
	var faults []error
	for _, f := range []struct{ name, value string }{{"ConsumerKey", cfg.ConsumerKey}, {"ConsumerSecret", cfg.ConsumerSecret}} {
		if fault := transport.SecretFault(f.value); fault != "" {
			faults = append(faults, errors.New("kasapay: "+f.name+" "+fault))
		}
	}
	c := &Client{serviceCode: cfg.ServiceCode, anyMethod: cfg.AnyMethod, callbackURL: cfg.CallbackURL}
	core, err := transport.New(transport.Config{
		Provider: "kasapay",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Tokens:    transport.NewTokenSource(c.login(cfg.ConsumerKey, cfg.ConsumerSecret)),
		Authorize: authorize,
		Interpret: interpret,
	})
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	c.core = core
	c.Payouts = &PayoutsService{c}
	return c, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors. It returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

func authorize(req *http.Request, op sdk.Operation, _ []byte, token string) error {
	if !op.Open {
		req.Header["X-Access-Token"] = []string{token}
	}
	return nil
}

// Bounds of a token's lifetime. The document says "up to one hour", but the same
// platform has issued tokens for 100 minutes. So the response decides.
const (
	defaultLifetime = time.Hour
	maxLifetime     = 24 * time.Hour
)

type authRequest struct {
	ConsumerKey    string `json:"consumer_key"`
	ConsumerSecret string `json:"consumer_secret"`
}

// login exchanges key and secret for a token.
func (c *Client) login(key, secret string) func(context.Context) (transport.Token, error) {
	return func(ctx context.Context) (transport.Token, error) {
		var token transport.Token
		asked := time.Now()
		err := c.core.Do(ctx, transport.Call{
			Op: OpAuth, Body: authRequest{key, secret},
			Decode: func(r *transport.Response) (err error) {
				token, err = decodeToken(r.Body, asked)
				return err
			},
		})
		return token, err
	}
}

func decodeToken(body []byte, asked time.Time) (transport.Token, error) {
	var w struct {
		AccessToken wire.Text `json:"access_token"`
		ExpiresIn   wire.Side `json:"expiresIn"`
		ExpiresIn2  wire.Side `json:"expires_in"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return transport.Token{}, err
	}
	token := string(w.AccessToken)
	switch {
	case token == "":
		return transport.Token{}, wire.Missing("access_token")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return transport.Token{}, errors.New("token that no header can hold")
	}
	seconds := secondsOf(w.ExpiresIn)
	if seconds <= 0 {
		seconds = secondsOf(w.ExpiresIn2)
	}
	if seconds <= 0 {
		seconds = lifetimeInside(token)
	}
	lifetime := defaultLifetime
	if seconds > 0 {
		lifetime = time.Duration(min(seconds, int64(maxLifetime/time.Second))) * time.Second
	}
	return transport.Token{Value: token, Expires: asked.Add(lifetime)}, nil
}

// secondsOf reads a lifetime in whole seconds. Any other form counts as none.
func secondsOf(text wire.Side) int64 {
	d, err := wire.ParseDecimal(string(text))
	if err != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
		return 0
	}
	return d.IntPart()
}

// lifetimeInside returns the seconds between a JWT's iat and exp, for a response
// without expiresIn. It returns 0 for any other token: the document's sample is
// opaque.
func lifetimeInside(token string) int64 {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var w struct {
		Exp wire.Int `json:"exp"`
		Iat wire.Int `json:"iat"`
	}
	if wire.Unmarshal(claims, &w) != nil || !w.Exp.Valid || !w.Iat.Valid {
		return 0
	}
	return w.Exp.Int - w.Iat.Int
}

// ResponseCode is the response_code of a refusal, "721" in the document. It is the
// Detail of the *sdk.Error. The Code of that error is the error_code, if there is
// one.
type ResponseCode string

// refused is the documented response code of a refusal. Its error_code passes
// through, whatever it is.
const refused = "721"

// response holds every key that the gateway is known to send: the two error
// envelopes, the acceptance of a payout, and the status that callbacks post as well.
// Any key may be missing or null.
type response struct {
	// The framework's envelope: documented for auth, assumed for validation.
	StatusCode wire.Side `json:"statusCode"`
	Message    message   `json:"message"`
	Error      message   `json:"error"`
	// The gateway's own envelope.
	ResponseCode        wire.Shown `json:"response_code"`
	ResponseDescription wire.Side  `json:"response_description"`
	ErrorCode           wire.Side  `json:"error_code"`

	PayoutReference wire.Shown `json:"payout_reference"`
	PaymentStatus   wire.Shown `json:"payment_status"`
	Amount          wire.Shown `json:"amount"`

	Currency          wire.Side `json:"currency"`
	Destination       wire.Side `json:"destination"`
	AccountNumber     wire.Side `json:"account_number"`
	AccountReference  wire.Side `json:"payment_account_reference"` // observed on the platform
	TransactionID     wire.Side `json:"transaction_id"`
	PaymentReference  wire.Side `json:"payment_reference"`
	WalletAccount     wire.Side `json:"wallet_account"`
	DestinationName   wire.Side `json:"destination_name"`
	Description       wire.Side `json:"description"`
	TransactionTime   wire.Side `json:"transaction_time"`
	AccountBalance    wire.Side `json:"account_balance"`
	ResultDescription wire.Side `json:"result_description"`

	raw sdk.Raw
}

func parse(body []byte) (*response, error) {
	r := &response{raw: body}
	if err := wire.Unmarshal(body, r); err != nil {
		return nil, err
	}
	return r, nil
}

// message decodes the framework's message: a text or a list of texts. Any other
// value counts as no message, so that the rest of the response stays readable.
type message []string

func (m *message) UnmarshalJSON(data []byte) error {
	*m = nil
	texts := make([]wire.Text, 1)
	into := any(&texts[0])
	if wire.IsArray(data) {
		into = &texts
	}
	if json.Unmarshal(data, into) != nil {
		return nil
	}
	for _, t := range texts {
		if t != "" {
			*m = append(*m, string(t))
		}
	}
	return nil
}

// interpret says what a response means. A refusal comes in one of two envelopes, and
// its HTTP status is not documented: code 721 may come with a 200. A response in
// neither envelope may be a proxy's.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	body, err := parse(r.Body)
	switch {
	case err != nil && good(r.Status) && wire.IsArray(r.Body):
		return transport.Verdict{Kind: transport.Accepted} // for Do: statements are arrays (vendor's page)
	case err != nil:
		return transport.Verdict{}
	}
	r.Parsed = body
	v := body.verdict(op, r.Status)
	if v.Kind == transport.Accepted {
		return v
	}
	v.Code, v.Message = body.code(), body.text()
	if body.namesAnother(r.Reference) || v.Kind != transport.Duplicate && body.showsPayout() {
		v.Kind, v.Reasons, v.Fields = transport.Unclear, nil, nil
	}
	if body.ResponseCode.Text != "" {
		v.Detail = ResponseCode(body.ResponseCode.Text)
	}
	return v
}

// namesAnother reports a refusal that is another payout's, or may be. The document's
// refusal names no payout.
func (r *response) namesAnother(reference string) bool {
	return r.PayoutReference.Unreadable || r.PayoutReference.Text != "" && reference != "" && r.PayoutReference.Text != reference
}

// verdict reads the gateway's words. The framework's envelope counts only if its
// statusCode does not contradict the HTTP status.
func (r *response) verdict(op sdk.Operation, status int) transport.Verdict {
	if own := r.ownStatus(); own >= 400 {
		if r.framework(own) && (good(status) || own == status) {
			return r.envelope(op, own)
		}
		return transport.Verdict{}
	}
	code := r.ResponseCode.Text
	accepted := PaymentStatus(code) == StatusAccepted
	switch {
	case transport.Lost(status), r.ResponseCode.Unreadable:
		return transport.Verdict{}
	case code == refused, code != "" && !accepted && status >= 400:
		return r.refusal(op)
	case accepted && op.Name == OpInitiate && r.saysNo(): // neither is believed
		return transport.Verdict{}
	case good(status) && (code == "" || accepted):
		return transport.Verdict{Kind: transport.Accepted}
	}
	return transport.Verdict{}
}

// framework reports the framework's envelope. It has an "error" beside the message,
// unless the message is the framework's own. Gateways in front of others write a
// statusCode and a message, too. An "error" that names another status is nobody's.
func (r *response) framework(status int) bool {
	if slices.ContainsFunc(r.Error, func(name string) bool { return name != http.StatusText(status) && namesStatus(name) }) {
		return false
	}
	text := strings.Join(r.Message, "\n")
	return len(r.Error) > 0 || text == http.StatusText(status) || text == throttledText
}

// wordsOfRefusal are of the refusals that refusal knows, and of a failure.
var wordsOfRefusal = regexp.MustCompile(`(?i)duplicate|already|must be unique|taken|not allowed|invalid|unreachable|missing|fail|reject|declin|refus`)

// saysNo reports what only a refusal has: an error, the code of one, or its words.
func (r *response) saysNo() bool {
	text := string(r.ResponseDescription)
	return len(r.Error) > 0 || strings.Trim(string(r.ErrorCode), "0") != "" || r.lacksMoney() ||
		wordsOfRefusal.MatchString(text) || slices.ContainsFunc(r.Message, wordsOfRefusal.MatchString)
}

// namesStatus reports the name of an HTTP status of refusal: "Bad Request".
func namesStatus(text string) bool {
	for status := http.StatusBadRequest; status < 600; status++ {
		if text != "" && text == http.StatusText(status) {
			return true
		}
	}
	return false
}

// throttledText is the whole message of the framework's throttle. The document knows no
// throttle: that Kasapay has the framework's is assumed.
const throttledText = "ThrottlerException: Too Many Requests"

// ownStatus is the statusCode of the framework's envelope, or 0.
func (r *response) ownStatus() int {
	if r.StatusCode == "" {
		return 0
	}
	status, _ := strconv.Atoi(string(r.StatusCode))
	return status
}

func good(status int) bool { return status >= 200 && status < 300 }

// envelope reads {"statusCode","message","error"}. It is documented for bad
// credentials and assumed for payouts. Other frameworks write the same envelope
// (Fastify), so that a proxy's 400, 401 or 403 cannot be told from Kasapay's: a payout
// is looked up after each. A call by Do is not.
func (r *response) envelope(op sdk.Operation, status int) transport.Verdict {
	switch {
	case transport.Lost(status):
		return transport.Verdict{}
	case status == http.StatusTooManyRequests && strings.Join(r.Message, "\n") != throttledText:
		return transport.Verdict{} // a proxy with this envelope
	case status == http.StatusTooManyRequests:
		// The framework throttles before any handler runs.
		return transport.Verdict{Kind: transport.Throttled, Reasons: []error{sdk.ErrRateLimited}}
	case op.Open:
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrUnauthorized}}
	case status == http.StatusUnauthorized:
		return expired()
	case status == http.StatusNotFound && op.Name == OpStatus && !r.saysUnknownPayout():
		return transport.Verdict{}
	case status == http.StatusConflict && op.Name == OpInitiate:
		return transport.Verdict{Kind: transport.Duplicate, Reasons: []error{sdk.ErrDuplicate}}
	}
	v := r.refusal(op)
	switch {
	case v.Reasons != nil:
	case status == http.StatusForbidden:
		v.Reasons = []error{sdk.ErrForbidden}
	case status == http.StatusNotFound && op.Name != OpInitiate && !r.says("cannot "+strings.ToLower(op.Method)+" /"):
		return transport.Verdict{} // not the framework's word for a missing route
	case status == http.StatusNotFound:
		v.Reasons = []error{sdk.ErrConfiguration}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		v.Reasons = []error{sdk.ErrValidation}
		if fields, all := r.fields(); fields != nil {
			v.Fields = fields
			if all && op.Name == OpInitiate {
				v.Kind = transport.Refused
			}
		}
	}
	return v
}

// refusal finds the reason of a refusal in its words. The document has only
// SERVICE_NOT_ALLOWED, "Invalid Service" and a list of common errors. How Kasapay
// refuses a reference that it has seen is not documented. So any other refusal of a
// payout may mean just that, and is looked up.
func (r *response) refusal(op sdk.Operation) transport.Verdict {
	v := transport.Verdict{Kind: transport.Refused}
	switch {
	case r.says("invalid x access token"), op.Name == OpStatus && r.says("access token", "invalid token", "token expired", "expired token"):
		return expired()
	case op.Name == OpStatus && r.saysUnknownPayout():
		v.Reasons = []error{sdk.ErrNotFound}
	case op.Name == OpInitiate && r.says("duplicate", "already exist", "already used", "already been used", "must be unique", "been taken", "already taken", "is taken"):
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case op.Name == OpInitiate && r.says("consumer key", "consumer secret"):
		v.Kind = transport.Duplicate // said to a login, whose fields they are
	case r.lacksMoney():
		v.Reasons = []error{sdk.ErrInsufficientFunds}
	case r.says("service not allowed", "invalid service"):
		v.Reasons = []error{sdk.ErrConfiguration}
	case r.says("invalid recipient type", "unreachable callback url", "missing required field"):
		v.Reasons = []error{sdk.ErrValidation}
	case op.Name == OpInitiate:
		v.Kind = transport.Duplicate
	}
	return v
}

// saysUnknownPayout reports the document's words for a reference that Kasapay does
// not know. A wrong guess could pay twice, so no other words count.
func (r *response) saysUnknownPayout() bool { return r.says("invalid payout reference") }

// expired is the verdict on a refused token. The gateway did nothing, so a request
// with a new token may follow (assumed).
func expired() transport.Verdict {
	return transport.Verdict{Kind: transport.Expired, Reasons: []error{sdk.ErrUnauthorized}}
}

// says reports whether the response's words hold any of the phrases, which are in
// lower case and have spaces for "_" and "-". The envelope's "error" does not count,
// because it only names the HTTP status.
func (r *response) says(phrases ...string) bool {
	words := strings.ToLower(string(r.ErrorCode) + "\n" + string(r.ResponseDescription) + "\n" + strings.Join(r.Message, "\n"))
	words = strings.NewReplacer("_", " ", "-", " ").Replace(words)
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(words, phrase) })
}

// lacksMoney reports a text or a code that speaks of money which is not there.
func (r *response) lacksMoney() bool {
	return wire.LacksMoney(string(r.ErrorCode)) || wire.LacksMoney(string(r.ResponseDescription)) || slices.ContainsFunc(r.Message, wire.LacksMoney)
}

// text is what the gateway says in words.
func (r *response) text() string {
	for _, t := range []string{string(r.ResponseDescription), strings.Join(r.Message, "; "), strings.Join(r.Error, "; ")} {
		if t != "" {
			return t
		}
	}
	return ""
}

// code is the error_code, or else the response_code.
func (r *response) code() string {
	if r.ErrorCode != "" {
		return string(r.ErrorCode)
	}
	return r.ResponseCode.Text
}

// fields sorts the framework's validation messages by the field with which they
// begin: "amount must be a string". all reports that every message is of this kind and
// that none may be about a reference which was used before.
func (r *response) fields() (fields transport.Fields, all bool) {
	var f transport.Faults
	all = true
	for _, m := range r.Message {
		name, rest, ok := strings.Cut(m, " ")
		ok = ok && strings.Contains(requestFields, " "+name+" ")
		if ok {
			f.Add(name, rest)
		}
		all = all && ok && name != "payout_reference" && (strings.HasPrefix(rest, "must ") || strings.HasPrefix(rest, "should "))
	}
	return f.Fields, all
}

const requestFields = " payout_reference service_code payment_account_reference recipient_name recipient_type recipient_account_number" +
	" amount payment_description payment_method currency_code country_code callback_url "
