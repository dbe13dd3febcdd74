package transport

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Limits of the core. A caller can lower or raise the waits in Config.
const (
	defaultMaxResponse = 4 << 20 // bytes
	maxFailureBody     = 16 << 10

	defaultAttempts       = 4
	defaultMinBackoff     = 250 * time.Millisecond
	defaultMaxBackoff     = 8 * time.Second
	defaultMaxRetryAfter  = time.Minute
	defaultAttemptTimeout = 30 * time.Second
	maxRedirects          = 3
)

// Config is what a provider client hands to the core.
type Config struct {
	Provider  string // "kapiten", the beginning of every error text
	BaseURL   string
	AllowHTTP bool // plain http to a host that is not loopback
	sdk.Options

	Operations Table
	Routes     map[string]sdk.Route

	// NoRedirects refuses redirects on reads too (signed requests).
	NoRedirects bool
	// Authorize adds headers to one attempt, whose body and final URL it sees and
	// must not change. token comes from Tokens and is empty without one. It is called for
	// Open operations too, with an empty token.
	Authorize func(req *http.Request, op sdk.Operation, body []byte, token string) error
	// Tokens is the source of tokens with a lifetime, if the provider has them.
	Tokens *TokenSource
	// Interpret reads a complete response. It must not keep r.Body.
	Interpret func(op sdk.Operation, r *Response) Verdict
}

// Core carries out the calls of one client. It is safe for concurrent use.
type Core struct {
	cfg       Config
	base      *url.URL
	routes    map[string]*route
	client    http.Client          // whose transport is attempts
	retry     retryablehttp.Client // over client
	transport http.RoundTripper    // the caller's; nil when own is used
	own       *connections         // the SDK's own; nil when the caller has brought his
	h2c       bool                 // ... which may speak HTTP/2 without TLS
	plain     bool                 // net/http's own transport: its hooks can be believed
	timeout   time.Duration
	userAgent []string

	maxResponse int64

	mu     sync.Mutex
	shared map[sharedKey]*sharedCall // writes under way, by their reference
}

// route is a table row made ready for calls.
type route struct {
	op     sdk.Operation
	tmpl   template
	params []string // placeholder names in the order of the table's own path
	url    *url.URL // the whole URL when the path has no placeholder
}

// New checks the configuration and reports every fault at once. Errors name the
// field and never its value.
func New(cfg Config) (*Core, error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf(cfg.Provider+": "+format, args...))
	}
	base, err := parseBase(cfg.BaseURL, cfg.AllowHTTP)
	if err != nil {
		fault("BaseURL: %w", err)
	}
	for _, d := range []struct {
		name     string
		negative bool
	}{
		{"MinBackoff", cfg.MinBackoff < 0}, {"MaxBackoff", cfg.MaxBackoff < 0}, {"MaxRetryAfter", cfg.MaxRetryAfter < 0},
		{"WriteIdleTimeout", cfg.WriteIdleTimeout < 0}, {"MaxAttempts", cfg.MaxAttempts < 0}, {"MaxResponseBytes", cfg.MaxResponseBytes < 0},
	} {
		if d.negative {
			fault("%s must not be negative", d.name)
		}
	}
	if !validHeaderValue(cfg.App) {
		fault("App holds a control character")
	}
	if cfg.Interpret == nil {
		fault("Interpret is required")
	}
	cfg.MaxResponseBytes = cmp.Or(cfg.MaxResponseBytes, defaultMaxResponse)
	cfg.WriteIdleTimeout = cmp.Or(cfg.WriteIdleTimeout, defaultWriteIdle)
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, defaultAttempts)
	if cfg.MaxBackoff == 0 {
		cfg.MaxBackoff = max(defaultMaxBackoff, cfg.MinBackoff)
	}
	cfg.MinBackoff = cmp.Or(cfg.MinBackoff, min(defaultMinBackoff, cfg.MaxBackoff))
	cfg.MaxRetryAfter = cmp.Or(cfg.MaxRetryAfter, defaultMaxRetryAfter)
	if cfg.MinBackoff > cfg.MaxBackoff && cfg.MaxBackoff > 0 {
		fault("MinBackoff is greater than MaxBackoff")
	}
	if base == nil {
		base = &url.URL{}
	}
	c := &Core{cfg: cfg, base: base, userAgent: []string{userAgent(cfg.App)}, routes: map[string]*route{}}
	c.client.Transport, c.client.CheckRedirect = attempts{}, checkRedirect
	c.timeout = cfg.AttemptTimeout
	if hc := cfg.HTTPClient; hc != nil {
		c.transport, c.client.Jar = hc.Transport, hc.Jar
		if c.timeout == 0 && hc.Timeout > 0 {
			c.timeout = hc.Timeout
		}
	}
	c.timeout = cmp.Or(c.timeout, defaultAttemptTimeout)
	if c.transport == nil {
		c.own, c.plain = newConnections(cfg.WriteIdleTimeout), true
	} else {
		var t *http.Transport
		t, c.plain = c.transport.(*http.Transport)
		c.h2c = c.plain && t.Protocols != nil && t.Protocols.UnencryptedHTTP2()
	}
	c.maxResponse = cfg.MaxResponseBytes
	c.shared = map[sharedKey]*sharedCall{}
	c.retry.HTTPClient = &c.client
	c.retry.RetryMax = cfg.MaxAttempts + 1 // again counts; one more for a renewed token
	c.retry.CheckRetry, c.retry.Backoff = checkRetry, waitDecided
	if c.client.Jar != nil {
		c.retry.PrepareRetry = freshHeader
	}
	c.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler

	table, wrong := cfg.Operations.With(cfg.Routes)
	for _, err := range wrong {
		fault("Routes: %w", err)
	}
	for i, op := range table {
		if op.Class > sdk.Searched || !validMethod(op.Method) || c.routes[op.Name] != nil {
			fault("operation %s: unknown class, bad method or named twice", op.Name)
			continue
		}
		if c.routes[op.Name], err = c.prepare(cfg.Operations[i], op); err != nil {
			fault("operation %s: %w", op.Name, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Core) prepare(original, op sdk.Operation) (*route, error) {
	first, err := parseTemplate(original.Path)
	if err != nil {
		return nil, err
	}
	tmpl := first
	if op.Path != original.Path {
		if tmpl, err = parseTemplate(op.Path); err != nil {
			return nil, err
		}
	}
	r := &route{op: op, tmpl: tmpl, params: first.names()}
	if len(tmpl.names()) == 0 {
		r.url = c.resolve(op.Path)
	}
	return r, nil
}

// resolve puts a well escaped path behind the base URL.
func (c *Core) resolve(escaped string) *url.URL {
	u := *c.base
	u.RawPath = strings.TrimRight(c.base.EscapedPath(), "/") + escaped
	u.Path, _ = url.PathUnescape(u.RawPath) // well escaped
	return &u
}

// Operation returns the row of a name, overrides applied, or a row which has
// nothing but that name.
func (c *Core) Operation(name string) sdk.Operation {
	if r := c.routes[name]; r != nil {
		return r.op
	}
	return sdk.Operation{Name: name}
}

// BaseURL returns the configured base URL.
func (c *Core) BaseURL() string { return c.base.String() }

// userAgent names this module and its version, Go and its version, and the
// caller's program.
func userAgent(app string) string {
	agent := "kapiten-go/" + moduleVersion() + " Go/" + strings.TrimPrefix(runtime.Version(), "go")
	if app == "" {
		return agent
	}
	return app + " " + agent
}

const modulePath = "github.com/kapiteni/kapiten-go"

// moduleVersion is "devel" in a build that does not know: a test, or a checkout.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, module := range append(info.Deps, &info.Main) {
		if module.Path == modulePath && strings.HasPrefix(module.Version, "v") {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "devel"
}

// Derive returns a core over the same connections with settings changed: for
// another section of the same API, or another user of it.
func (c *Core) Derive(change func(*Config)) (*Core, error) {
	cfg := c.cfg
	cfg.HTTPClient = &http.Client{Transport: c.transport, Jar: c.client.Jar}
	cfg.AttemptTimeout = c.timeout
	change(&cfg)
	derived, err := New(cfg)
	if err == nil && c.own != nil {
		derived.own = c.own
	}
	return derived, err
}

func parseBase(raw string, allowHTTP bool) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("is required")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must start with https:// (or http:// on loopback)")
	case u.Host == "" || u.Hostname() == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not hold credentials")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, errors.New("must not hold a query or fragment")
	case u.Path != "" && (checkSegments(u.EscapedPath()) != "" || !wellEscaped(u.EscapedPath())):
		return nil, errors.New("holds an empty or a dot segment, or is not well escaped")
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		return nil, errors.New("plain http is refused for anything but loopback, because it shows credentials to the network")
	}
	return u, nil
}

func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// SecretFault says what is wrong with a credential that is a text, or nothing. A file
// that was read whole ends in a newline, and begins with a byte order mark, say.
func SecretFault(secret string) string {
	switch fault := KeyFault(secret); {
	case fault != "":
		return fault
	case !utf8.ValidString(secret):
		return "must be valid UTF-8"
	case strings.ContainsFunc(secret, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

// KeyFault is SecretFault for a key of a signature, which may be any bytes.
func KeyFault(key string) string {
	switch {
	case key == "":
		return "is required"
	case strings.TrimFunc(key, added) != key:
		return "begins or ends with white space, a control character or a byte order mark"
	}
	return ""
}

// HeaderFault is SecretFault for a credential that stands in a header as it is.
func HeaderFault(token string) string {
	switch {
	case token == "":
		return "is required"
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "holds a space, a control or a non-ASCII character"
	}
	return ""
}

// added finds what a file or an editor may have added at an end.
func added(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' }
