package kotani

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatConnectConfig configures Client.FiatConnect.
type FiatConnectConfig struct {
	// Signer logs in with a wallet. Without a Signer only the operations without a
	// session can be called: quotes, the clock and credentials. For further
	// wallets see FiatConnect.As.
	Signer Signer

	// BaseURL is where the section is mounted. Default: Config.BaseURL +
	// "/fiatconnect" (assumed). The client appends the paths of the section to BaseURL
	// as they are. The paths of the section in Config.Routes are appended alike.
	BaseURL string
	// APIKey is sent as "Authorization: Bearer ..." with every call, beside the
	// session. Optional in FiatConnect; see FiatConnect.CreateCredentials.
	APIKey string

	// Domain is the authority for which a login is made. Default: the host of
	// BaseURL with its port, as in the specification. The reference JavaScript
	// client leaves the port out.
	Domain string
	// ChainID of a login. Default: CeloMainnet.
	ChainID int64
	// Statement is a line of text in the login message. Default: none.
	Statement string
	// SessionLifetime is how long a session is asked for. Default and maximum:
	// 4 h (specification).
	SessionLifetime time.Duration
}

// Chain ids of a login.
const (
	CeloMainnet   = 42220 // production (FiatConnect specification)
	CeloAlfajores = 44787 // sandbox (the reference JavaScript client)
)

// FiatConnect is the FiatConnect section: quotes, KYC, fiat accounts and
// transfers between a wallet's crypto and its owner's fiat account. It follows the
// FiatConnect specification 1.2.5 and acts for one wallet. The wallet's Signer
// logs in when a session is needed.
//
// Kotani's document shows bodies close to the specification's and names no paths.
// Where the two differ, the methods say which form is sent.
type FiatConnect struct {
	*api
	cfg     FiatConnectConfig
	address string // of the signer; empty without a signer
	domain  string // of a login
	uri     string // of a login
	secure  bool   // https
}

// As returns the section for another wallet, with a session of its own. It
// shares connections and all settings. Keep it as long as the wallet is in use:
// each new section has to log in.
func (f *FiatConnect) As(signer Signer) (*FiatConnect, error) {
	cfg := f.cfg
	cfg.Signer = signer
	if signer == nil {
		return nil, errors.New("kotani: As: no signer")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return deriveFiatConnect(f.core, cfg, nil)
}

// Login opens a session unless one is open. Every other call does so by itself:
// call Login to find a refused wallet early.
func (f *FiatConnect) Login(ctx context.Context) error { return f.logIn(ctx, OpFiatConnectLogin) }

// Do calls an endpoint of the section which this package does not know, with the
// wallet's session, as Client.Do does. Its Path stands behind
// FiatConnectConfig.BaseURL, or else behind Config.BaseURL.
func (f *FiatConnect) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return f.core.Ask(ctx, call)
}

// ServerClock is the provider's time.
type ServerClock struct {
	Time time.Time `json:"time" wire:"required"`
	// Skew is how far the provider's clock is ahead of ours, give or take half
	// the time that the response took.
	Skew time.Duration
	Raw  sdk.Raw
}

// Clock asks for the provider's time. Logins do so by themselves.
func (f *FiatConnect) Clock(ctx context.Context) (*ServerClock, error) {
	start := time.Now()
	return call(ctx, f.api, faults{}, transport.Call{Op: OpFiatConnectClock}, func(body []byte) (ServerClock, error) {
		clock, err := read[ServerClock](body)
		end := time.Now()
		clock.Skew = clock.Time.Sub(start.Add(end.Sub(start) / 2))
		return clock, err
	})
}

// Credentials are a FiatConnect client's. Nothing prints or encodes them: take
// them from the fields.
type Credentials struct {
	APIKey        string `json:"apiKey" wire:"required"`        // for FiatConnectConfig.APIKey
	Webhook       string `json:"webhook"`                       // the URL that was registered
	WebhookSecret string `json:"webhookSecret" wire:"required"` // signs the events
	Raw           sdk.Raw
}

// CreateCredentials registers a webhook URL and returns an API key and the
// secret that signs events. It is an extension of Kotani's. The document shows no
// authorization for it.
func (f *FiatConnect) CreateCredentials(ctx context.Context, webhookURL string) (*Credentials, error) {
	var bad faults
	bad.RequireURL("webhook", webhookURL)
	return call(ctx, f.api, bad, transport.Call{
		Op: OpCreateCredentials, Body: map[string]string{"webhook": webhookURL},
	}, read[Credentials])
}

const (
	shownFiatConnectConfig = "kotani.FiatConnectConfig{...}"
	shownCredentials       = "kotani.Credentials{...}"
)

// Format keeps credentials out of anything printed.
func (FiatConnect) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "kotani.FiatConnect{...}") }

// Format keeps the key out of anything printed.
func (FiatConnectConfig) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, shownFiatConnectConfig)
}

// MarshalText keeps the key out of encoders, JSON among them.
func (FiatConnectConfig) MarshalText() ([]byte, error) { return []byte(shownFiatConnectConfig), nil }

// LogValue keeps the key out of logs.
func (FiatConnectConfig) LogValue() slog.Value { return slog.StringValue(shownFiatConnectConfig) }

// Format keeps the secrets out of anything printed.
func (Credentials) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownCredentials) }

// MarshalText keeps the secrets out of encoders, JSON among them.
func (Credentials) MarshalText() ([]byte, error) { return []byte(shownCredentials), nil }

// LogValue keeps the secrets out of logs.
func (Credentials) LogValue() slog.Value { return slog.StringValue(shownCredentials) }

const maxSession = 4 * time.Hour

// check reports every fault by field name.
func (cfg FiatConnectConfig) check() error {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("kotani: FiatConnect."+text)) }
	if text := transport.HeaderFault(cfg.APIKey); cfg.APIKey != "" && text != "" {
		fault("APIKey " + text)
	}
	if cfg.Domain != "" && !isAuthority(cfg.Domain) {
		fault("Domain must be a host, with or without a port")
	}
	if cfg.ChainID < 0 {
		fault("ChainID must not be negative")
	}
	if cfg.Statement != "" && !isLine(cfg.Statement) {
		fault("Statement must be one line of printable ASCII")
	}
	if cfg.SessionLifetime < 0 || cfg.SessionLifetime > maxSession {
		fault("SessionLifetime must be between 0 and 4 h")
	}
	if cfg.Signer != nil && !isHex(cfg.Signer.Address(), 40) {
		fault("Signer: Address must be 0x and 40 hex digits")
	}
	return errors.Join(faults...)
}

const mountPrefix = "/fiatconnect"

func newFiatConnect(main *transport.Core, cfg FiatConnectConfig, routes map[string]sdk.Route) (*FiatConnect, error) {
	if cfg.BaseURL == "" {
		return deriveFiatConnect(main, cfg, nil)
	}
	return deriveFiatConnect(main, cfg, func(c *transport.Config) {
		c.BaseURL = cfg.BaseURL
		c.Routes = map[string]sdk.Route{}
		for _, op := range operations {
			route := routes[op.Name]
			if path, ok := strings.CutPrefix(op.Path, mountPrefix); ok && route.Path == "" {
				route.Path = path
			}
			c.Routes[op.Name] = route
		}
	})
}

func deriveFiatConnect(from *transport.Core, cfg FiatConnectConfig, mount func(*transport.Config)) (*FiatConnect, error) {
	if cfg.ChainID == 0 {
		cfg.ChainID = CeloMainnet
	}
	if cfg.SessionLifetime == 0 {
		cfg.SessionLifetime = maxSession
	}
	f := &FiatConnect{api: &api{credential: "Config.FiatConnect.Signer"}, cfg: cfg}
	if cfg.Signer != nil {
		f.address = cfg.Signer.Address()
		f.tokens = transport.NewTokenSource(f.openSession)
	}
	var err error
	f.core, err = from.Derive(func(c *transport.Config) {
		c.HTTPClient.Jar = nil // a session belongs to one wallet and must not get into a shared jar
		c.Tokens, c.Authorize, c.Interpret = f.tokens, f.authorize, interpretFiatConnect
		if mount != nil {
			mount(c)
		}
	})
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(f.core.BaseURL())
	if err != nil {
		return nil, err
	}
	f.secure = base.Scheme == "https"
	f.uri = strings.TrimRight(base.String(), "/") + f.core.Operation(OpFiatConnectLogin).Path
	if f.domain = cfg.Domain; f.domain == "" {
		f.domain = base.Host
	}
	return f, nil
}

// authorize adds the client's key and the session's cookies.
func (f *FiatConnect) authorize(req *http.Request, _ sdk.Operation, _ []byte, session string) error {
	if f.cfg.APIKey != "" {
		req.Header["Authorization"] = []string{"Bearer " + f.cfg.APIKey}
	}
	if session != "" {
		req.Header["Cookie"] = []string{session}
	}
	return nil
}

// interpretFiatConnect reads a response by the specification: errors are
// {"error": code}. A code of the specification inside an HTTP 200 counts as well,
// because Kotani's own handlers report errors there. A refused client key and a
// missing idempotency key have no code in the specification: such a response is
// nobody's in particular, like any other without a specified code.
func interpretFiatConnect(op sdk.Operation, r *transport.Response) transport.Verdict {
	code := readCode(r.Body)
	reasons, specified := code.reasons()
	c := readContent(r.Body)
	if r.Status < 300 && !specified {
		if op.MovesMoney && (c.number >= http.StatusBadRequest || saysNo(r.Body)) {
			return transport.Verdict{Message: c.message} // what tells of a failure contradicts a transfer
		}
		return transport.Verdict{Kind: transport.Accepted}
	}
	v := transport.Verdict{Code: string(code), Message: string(code), Reasons: reasons}
	var limits QuoteLimits
	if code == "" {
		v.Message = c.message
	} else if wire.Unmarshal(r.Body, &limits) == nil && limits != (QuoteLimits{}) {
		v.Detail = limits
	}
	switch {
	case r.Status >= 500 || r.Status == http.StatusRequestTimeout:
		v.Reasons = nil // the core names it by its status
	case r.Status == http.StatusConflict && op.Class == sdk.Keyed && !c.page:
		// The first request with this key is still running (idempotency draft).
		v.Kind, v.Reasons = transport.InProgress, []error{sdk.ErrInProgress}
	case r.Status == http.StatusTooManyRequests && code == codeThrottled:
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
	case !specified || !specifiedStatus(r.Status):
	case op.MovesMoney && showsTransfer(r.Body):
		// A refusal beside the state of a transfer contradicts it: neither is believed.
		v.Reasons = nil
	case op.MovesMoney && !refusesTransfer(r.Status, code):
		// A quote, an account or a login is refused so: it is the response to another request.
	case code == ErrSessionUnauthorized && !onlyMember(r.Body, "error"):
		// Frameworks name the HTTP status under "error", too, beside more.
	case code == ErrSessionExpired, code == ErrSessionUnauthorized:
		v.Kind = transport.Expired
	case r.Status == http.StatusUnprocessableEntity && op.Class == sdk.Keyed:
		// The key belongs to a transfer with other contents (idempotency draft).
		v.Kind, v.Reasons = transport.Refused, append([]error{sdk.ErrReferenceTaken, sdk.ErrDuplicate}, reasons...)
	default:
		v.Kind = transport.Refused
	}
	return v
}

// showsTransfer reports a body that has the state of a transfer, in either field.
func showsTransfer(body []byte) bool {
	var w struct {
		Status         wire.Side `json:"status"`
		TransferStatus wire.Side `json:"transferStatus"`
	}
	const begins = "Transfer" // as each state does
	return wire.Unmarshal(body, &w) == nil && (strings.HasPrefix(string(w.Status), begins) || strings.HasPrefix(string(w.TransferStatus), begins))
}

// refusesTransfer reports the codes with which the specification refuses a transfer, under
// their statuses: its own, a lost session's, and InvalidParameters, which its general rules
// name. The idempotency draft has no code for another payload under a used key: that it is
// InvalidParameters is assumed. Kotani's handlers report errors inside an HTTP 200, too.
func refusesTransfer(status int, code FiatConnectCode) bool {
	own := 0
	switch code {
	case ErrKycExpired, ErrTransferNotAllowed, ErrInvalidQuote, ErrInvalidFiatAccount:
		own = http.StatusBadRequest
	case ErrInvalidParameters:
		own = http.StatusBadRequest
		if status == http.StatusUnprocessableEntity {
			return true
		}
	case ErrResourceNotFound:
		own = http.StatusNotFound
	case ErrSessionUnauthorized, ErrSessionExpired:
		own = http.StatusUnauthorized
	}
	return own != 0 && (status == own || status < 300)
}

// codeThrottled is assumed: the specification knows no throttle.
const codeThrottled FiatConnectCode = "TooManyRequests"

// specifiedStatus reports a status with which the specification, or the idempotency
// draft, sends codes, or with which Kotani's handlers report errors.
func specifiedStatus(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
		return true
	}
	return status < 300
}

// readCode returns the code of an error body, or nothing. It ends up in the
// error's text, so only what looks like a code counts.
func readCode(body []byte) FiatConnectCode {
	var w struct {
		Error string `json:"error"`
	}
	if !bytes.Contains(body, []byte(`"error"`)) || wire.Unmarshal(body, &w) != nil || len(w.Error) > 64 {
		return ""
	}
	if strings.IndexFunc(w.Error, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }) >= 0 {
		return ""
	}
	return FiatConnectCode(w.Error)
}

// reasons are the sentinels that a code matches. specified reports whether the
// specification has the code.
func (c FiatConnectCode) reasons() (reasons []error, specified bool) {
	switch c {
	case "":
		return nil, false
	case ErrResourceExists:
		return []error{sdk.ErrDuplicate, c}, true
	case ErrResourceNotFound:
		return []error{sdk.ErrNotFound, c}, true
	case ErrInvalidSignature, ErrSessionUnauthorized, ErrSessionExpired, ErrContractLoginNotSupported,
		ErrNonceInUse, ErrIssuedTooEarly, ErrExpirationTooLong:
		return []error{sdk.ErrUnauthorized, c}, true
	case ErrInvalidParameters, ErrInvalidSchema, ErrUnsupportedSchema:
		return []error{sdk.ErrValidation, c}, true
	case ErrGeoNotSupported, ErrCryptoAmountTooLow, ErrCryptoAmountTooHigh, ErrFiatAmountTooLow, ErrFiatAmountTooHigh,
		ErrCryptoNotSupported, ErrFiatNotSupported, ErrTransferNotAllowed, ErrKycExpired, ErrInvalidFiatAccount, ErrInvalidQuote:
		return []error{c}, true
	}
	return []error{c}, false
}
