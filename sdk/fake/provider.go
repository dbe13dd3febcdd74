package fake

import (
	"encoding/json"
	"net/http"
	"time"
)

// Provider is what a provider's fake tells the World about itself. Name,
// Handler, Reset, State, Load and Refuse are required.
type Provider struct {
	// Name is the provider's name in admin calls, in the journal and in the
	// host of its socketless URL.
	Name string

	// Base is the path of the provider's base URL behind its mount, such as
	// "/v1"; empty for most. Fault rules and the journal see the path behind it.
	Base string

	// Handler serves the API. It is called without the lock. The request body
	// is in memory already, the answer goes out when the Handler has returned.
	Handler http.Handler

	// Below, when set, names the handler of a request that belongs to something
	// mounted below this provider, such as another provider's fake; nil for the
	// provider's own. Journal and fault rules are then those of that handler.
	Below func(*http.Request) http.Handler

	// Reset puts the provider's state to where it starts. Join calls it once.
	// The lock is held.
	Reset func()

	// State returns the whole state as a value encoding/json can write. It is
	// written before the lock is released. The lock is held.
	State func() any

	// Load checks a state that State made and returns the function that takes
	// it over, which cannot fail. Load itself changes nothing. The lock is held
	// in both.
	Load func(state json.RawMessage) (apply func(), err error)

	// Refuse writes an error answer in the provider's own format. wait is how
	// long a 429 tells the caller to wait, zero for not saying it; the header
	// Retry-After is set already. It is called without the lock.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, wait time.Duration)

	// Fire carries out a scheduled event. The lock is held, and Now is the
	// event's own time. A stale event (the ride was cancelled meanwhile) is the
	// provider's to recognise.
	Fire func(Event)

	// ExpireTokens makes every token given out so far invalid. Nil means
	// tokens do not expire. The lock is held.
	ExpireTokens func()

	// Callbacks says how callbacks are signed, acknowledged and retried.
	Callbacks Policy

	// Secrets names the JSON keys, form fields and query parameters whose
	// values the journal masks, beside token, password, secret and their like.
	Secrets []string

	// Admin are the provider's own admin calls, keyed by http.ServeMux
	// patterns such as "POST /_fake/kapiten/rides/{id}/status".
	Admin map[string]http.HandlerFunc
}
