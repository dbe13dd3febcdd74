package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// provider opens a target from the environment, or on the embedded fake when the
// environment has no base URL for it.
type provider struct {
	name string
	open func(env func(string) string, spend bool) (*target, error)
}

// target opens the provider. It refuses a setting without a base URL, because the fake
// would then say that wrong credentials work.
func (p provider) target(env func(string) string, spend bool) (*target, error) {
	base, without := strings.ToUpper(p.name)+"_BASE_URL", ""
	t, err := p.open(func(name string) string {
		if name == base {
			return cmp.Or(env(base), "https://set.invalid") // so that all settings are read
		}
		if env(name) != "" {
			without = cmp.Or(without, name)
		}
		return env(name)
	}, spend)
	if env(base) != "" {
		return t, err
	}
	if err == nil {
		t.close()
	}
	if without != "" {
		return nil, fmt.Errorf("%s is set, and %s is not: set both, or neither for the embedded fake", without, base)
	}
	return p.open(env, spend)
}

// target is one provider to be held against the SDK.
type target struct {
	name       string
	fake       bool
	operations []sdk.Operation
	record     *recorder
	call       func(context.Context, sdk.RawCall) (sdk.Raw, error) // the client's Do
	login      func(context.Context) error                         // nil without one
	loginOp    string
	ids        map[string]string // of placeholders, learnt by reads: "company_id", or "senders.id" for one resource
	reads      []read
	candidates map[string][]sdk.Route // other places to try for a route
	bodies     map[string][]string    // the fields that the SDK sends, where OPTIONS may describe them
	spends     []spending
	// acknowledge is the response to a callback; nil is 200 without a body.
	acknowledge func(body []byte) webhook.Response
	secrets     []string // values that must not be printed
	close       func()
}

// read is a typed call that moves nothing.
type read struct {
	op      string
	call    func(context.Context) error
	shape   *shape
	unknown bool // it asks for an object that is not there: that JSON says so is right
}

// spending is a write that -spend tries, with the lookup that belongs to it.
type spending struct {
	op        string
	class     sdk.Class
	reference string
	send      func(ctx context.Context, callback string) (transaction, error)
	look      func(context.Context) error
	shape     *shape // of what the lookup shows
	// duplicate tells a refusal of a reference that exists from other refusals.
	duplicate func(body []byte) bool
}

// transaction is what a write made or found.
type transaction struct {
	id       string // the provider's, if its response has one
	existing bool
}

// recorder is the transport of the clients. It keeps the last exchange, and how long the
// last token says that it lives.
type recorder struct {
	next http.RoundTripper

	mu    sync.Mutex
	first *exchange // since forget
	last  exchange
	life  string
}

type exchange struct {
	asked  *url.URL
	status int
	header http.Header
	body   []byte
}

// unnamed is the body without what was asked for: a gateway repeats it.
func (x exchange) unnamed() []byte {
	if x.asked == nil {
		return x.body
	}
	without := bytes.ReplaceAll(x.body, []byte(x.asked.RequestURI()), nil)
	return bytes.ReplaceAll(without, []byte(x.asked.EscapedPath()), nil)
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.set(exchange{})
	response, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if closed := response.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	x := exchange{req.URL, response.StatusCode, response.Header, body}
	r.set(x)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = &x
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func (r *recorder) set(x exchange) {
	life := lifetime(x.body)
	r.mu.Lock()
	r.last, r.life = x, or(life, r.life)
	r.mu.Unlock()
}

// forget begins anew.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first, r.last = nil, exchange{}
}

// firstResponse is the first response since forget: to a write, before any lookup.
func (r *recorder) firstResponse() exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		return exchange{}
	}
	return *r.first
}

// lifetime is what a response with a token says about its end: a number of seconds, or the
// end inside a JWT.
func lifetime(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return ""
	}
	for _, name := range []string{"expiresIn", "expires_in"} {
		if seconds, ok := member(value, name).(float64); ok && seconds > 0 && seconds < 1e9 {
			return (time.Duration(seconds) * time.Second).String()
		}
	}
	for _, name := range []string{"token", "access_token", "accessToken"} {
		text, _ := member(value, name).(string)
		parts := strings.Split(text, ".")
		if len(parts) != 3 {
			continue
		}
		var claims struct{ Iat, Exp int64 }
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.Exp > claims.Iat && claims.Iat > 0 {
			return (time.Duration(claims.Exp-claims.Iat) * time.Second).String()
		}
	}
	return ""
}

// member finds a name in an object or in the objects below it.
func member(value any, name string) any {
	object, _ := value.(map[string]any)
	if found, ok := object[name]; ok {
		return found
	}
	for _, below := range object {
		if found := member(below, name); found != nil {
			return found
		}
	}
	return nil
}

func (r *recorder) token() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.life
}

func (r *recorder) get() exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// through makes options whose transport is recorded. A fake's own transport stays
// below the recorder.
func through(options *sdk.Options) *recorder {
	r := &recorder{next: http.DefaultTransport}
	if c := options.HTTPClient; c != nil && c.Transport != nil {
		r.next = c.Transport
	}
	options.HTTPClient = &http.Client{Transport: r}
	options.MaxAttempts = 1
	return r
}

// settings reads variables, and remembers which are missing and what must not be printed.
type settings struct {
	env     func(string) string
	spend   bool
	missing []string
	secrets []string
}

// spent is needed with -spend alone.
func (s *settings) spent(name string) string {
	if !s.spend {
		return s.seen(s.env(name))
	}
	return s.need(name)
}

func (s *settings) seen(value string) string {
	s.secrets = append(s.secrets, value)
	return value
}

func (s *settings) need(name string) string {
	value := s.env(name)
	if value == "" {
		s.missing = append(s.missing, name)
	}
	return s.seen(value)
}

func (s *settings) err() error {
	if len(s.missing) == 0 {
		return nil
	}
	return errors.New("set " + strings.Join(s.missing, ", "))
}

// at fills the placeholders of an operation's path. Without a value for one it takes a
// name that surely does not exist, and says so.
func (t *target) at(op, path string) (filled string, complete bool) {
	resource, _, _ := strings.Cut(op, ".")
	complete = true
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "{")
		out.WriteString(before)
		if !ok {
			return out.String(), complete
		}
		name, after, _ := strings.Cut(rest, "}")
		value := or(t.ids[resource+"."+name], t.ids[name])
		if value == "" {
			value, complete = nonsense, false
		}
		out.WriteString(url.PathEscape(value))
		path = after
	}
}

const nonsense = "conform-no-such-thing"

// ask sends one request that changes nothing, with the client's credentials.
func (t *target) ask(ctx context.Context, method, path string) (exchange, error) {
	t.record.set(exchange{})
	_, err := t.call(ctx, sdk.RawCall{Method: method, Path: path, ReadOnly: true})
	if x := t.record.get(); x.status != 0 {
		return x, nil
	}
	if err == nil {
		err = errors.New("no response was recorded")
	}
	return exchange{}, fmt.Errorf("no response: %s", sdk.SafeText(err))
}
