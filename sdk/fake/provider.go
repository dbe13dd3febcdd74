package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// Provider is what the author of a fake tells the World about it. Name,
// Handler, Reset, State, Load and Refuse are required.
type Provider struct {
	// Name is the provider's name in admin calls, in the journal of requests
	// and in the host of Control.URL.
	Name string

	// Base is the path of the provider's base URL behind its mount, such as
	// "/v1"; empty for most. Fault rules and the journal see the path behind it.
	Base string

	// Handler serves the API. It is called without the lock. The request body
	// is in memory already. The response is sent when Handler has returned.
	Handler http.Handler

	// Below, when set, names the handler of a request to something mounted below
	// this provider, such as another provider's fake. It returns nil for this
	// provider's own requests. Journal and fault rules are then those of the
	// handler below.
	Below func(*http.Request) http.Handler

	// Reset puts the provider's state to where it starts. Join calls it once.
	// The lock is held.
	Reset func()

	// State returns the whole state as a value that encoding/json can write. It
	// is written before the lock is released. The lock is held.
	State func() any

	// Load checks a state that State made, without changing anything. It returns
	// the function that replaces the provider's state; that function cannot
	// fail. The lock is held during both calls.
	Load func(state json.RawMessage) (apply func(), err error)

	// Refuse writes an error response in the provider's own format. wait is how
	// long a 429 tells the client to wait; zero says nothing of it. The header
	// Retry-After is set already. It is called without the lock.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, wait time.Duration)

	// Fire carries out a scheduled event. The lock is held, and Now is the
	// event's own time. Fire itself must recognise an event that no longer
	// applies, for instance because the ride was cancelled meanwhile.
	Fire func(Event)

	// ExpireTokens makes every token given out so far invalid. Nil means
	// tokens do not expire. The lock is held.
	ExpireTokens func()

	// Callbacks says how callbacks are signed, acknowledged and retried.
	Callbacks Policy

	// Secrets names the JSON keys, form fields and query parameters whose
	// values the journal masks, beside token, password, secret and their like.
	Secrets []string

	// Kinds are the objects that the admin API shows. The timeline tells of their
	// states.
	Kinds []Kind

	// Ledger is the provider's ledger, for the admin API and the timeline; nil
	// for a provider without accounts. The lock is held.
	Ledger func() *Ledger

	// OwnerName names the owner of an account for people; nil for none. The lock
	// is held.
	OwnerName func(owner string) string

	// EntryActs are the admin calls that a ledger entry allows; nil for none. The
	// lock is held.
	EntryActs func(Entry) []Act

	// Routes are what the provider serves. A fault rule of the admin API must be
	// able to match a route; nil allows any.
	Routes []Route

	// Redacted is State without live tokens, for a snapshot that people pass on.
	// Load takes it, and clients log in again. Nil means that State holds none.
	// The lock is held.
	Redacted func() any

	// Refused reports whether a response with a status below 400 turns the request
	// down; nil for none.
	Refused func(body map[string]any) bool

	// Admin are the provider's own admin calls, keyed by http.ServeMux
	// patterns such as "POST /_fake/kapiten/rides/{id}/status".
	Admin map[string]AdminCall
}

// AdminCall is a call of the admin API. The list of calls and the OpenAPI document are
// made of it.
type AdminCall struct {
	Does     string           // in one line
	Body     any              // zero value of the body's type, as for AdminBody; nil: it takes none
	Response any              // zero value of the response's type; nil: any JSON object
	Handle   http.HandlerFunc // responds with AdminRespond, AdminMoved and AdminError
}

// Join adds a provider and returns the Control that its fake embeds. It panics
// if the name has joined before, or if a Kind is not made with KindOf: mistakes of the program.
func (w *World) Join(p Provider) *Control {
	w.Lock()
	defer w.Unlock()
	if w.byName[p.Name] != nil {
		panic(fmt.Sprintf("fake: provider %q joined twice", p.Name))
	}
	for _, k := range p.Kinds {
		if k.peek == nil || k.peekAt == nil {
			panic(fmt.Sprintf("fake: kind %q of provider %q: make it with KindOf", k.Name, p.Name))
		}
	}
	c := &Control{world: w, provider: p, secrets: newSecrets(p.Secrets)}
	w.providers = append(w.providers, c)
	w.byName[p.Name] = c
	w.IDs(p.Name)
	p.Reset()
	w.watch(c)
	return c
}

// NewServer is what the NewServer of each fake does, for authors of fakes. It
// calls New of the fake with the Config, or with the zero Config. The fake is
// closed when the test ends.
func NewServer[C any, F interface{ World() *World }](t TB, newFake func(C) F, config []C) F {
	t.Helper()
	var c C
	if len(config) > 0 {
		c = config[0]
	}
	f := newFake(c)
	f.World().Attach(t)
	return f
}

// Masked keeps the credentials of a Config out of everything printed: fmt, JSON,
// text and slog show the name of the type alone. A Config embeds Masked[Config].
type Masked[T any] struct{}

func (Masked[T]) shown() string { return reflect.TypeFor[T]().String() + "{...}" }

// Format implements fmt.Formatter.
func (m Masked[T]) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, m.shown()) }

// MarshalText implements encoding.TextMarshaler.
func (m Masked[T]) MarshalText() ([]byte, error) { return []byte(m.shown()), nil }

// LogValue implements slog.LogValuer.
func (m Masked[T]) LogValue() slog.Value { return slog.StringValue(m.shown()) }

// Must panics on an error that cannot happen, because the fake has checked before.
// Such an error is a mistake of the fake.
func Must(err error) {
	if err != nil {
		panic(fmt.Sprintf("fake: %v", err))
	}
}

// IDs makes the ids of one provider. Each provider has a sequence of its own, so
// that traffic at one fake does not change the ids of another. Its methods are
// called with the World's lock held.
type IDs struct {
	seed1, seed2 uint64
	source       *rand.PCG
}

// IDs returns the provider's id source. The lock is held.
func (w *World) IDs(provider string) *IDs {
	ids := w.ids[provider]
	if ids == nil {
		h := fnv.New64a()
		_, _ = io.WriteString(h, provider) // a hash never fails
		ids = &IDs{seed1: w.opts.Seed, seed2: h.Sum64(), source: &rand.PCG{}}
		ids.reset()
		w.ids[provider] = ids
	}
	return ids
}

// UUID is a random UUID of version 4.
func (i *IDs) UUID() string {
	var b [16]byte
	i.fill(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Hex is n lower-case hex digits.
func (i *IDs) Hex(n int) string {
	b := make([]byte, (n+1)/2)
	i.fill(b)
	return hex.EncodeToString(b)[:n]
}

// Digits is n decimal digits; the first may be zero.
func (i *IDs) Digits(n int) string {
	b := make([]byte, n)
	for k := range b {
		b[k] = '0' + byte(i.source.Uint64()%10)
	}
	return string(b)
}

// Derived is n hex digits, 64 at most. They depend on the seed and the parts
// alone, not on ids drawn before. Use it where attempts run side by side, such as
// for the nonce of a signature.
func (i *IDs) Derived(n int, parts ...string) string {
	h := sha256.New()
	var seed [16]byte
	for k := range 8 {
		seed[k], seed[8+k] = byte(i.seed1>>(8*k)), byte(i.seed2>>(8*k))
	}
	h.Write(seed[:])
	_, _ = io.WriteString(h, strings.Join(parts, "\x00"))
	return hex.EncodeToString(h.Sum(nil))[:min(n, 64)]
}

func (i *IDs) fill(b []byte) {
	for k := 0; k < len(b); k += 8 {
		v := i.source.Uint64()
		for j := k; j < min(k+8, len(b)); j++ {
			b[j] = byte(v)
			v >>= 8
		}
	}
}

func (i *IDs) reset() { i.source.Seed(i.seed1, i.seed2) }
