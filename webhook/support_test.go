package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

const pathSecret = "f3T9xkQ0zLw2Vb7YpR5sHn"

// order is the event of a made-up payment provider.
type order struct {
	Reference string              `json:"reference"`
	Status    string              `json:"status"`
	Amount    decimal.NullDecimal `json:"amount"`
	Currency  string              `json:"currency"`
	Other     string              `json:"other"` // the provider's own name for the reference
}

func orders() webhook.Source[order] {
	states := webhook.NewStates(map[string][]string{
		"NEW":     {"PENDING", "FAILED"},
		"PENDING": {"PAID", "FAILED"},
	}, []string{"PAID"}, []string{"RETURNED"})
	return webhook.Source[order]{
		Provider: "shop",
		Decode: func(body []byte) (o order, err error) {
			err = json.Unmarshal(body, &o)
			return o, err
		},
		Identify: func(o order) webhook.Identity {
			return webhook.Identity{Reference: o.Reference, Status: o.Status, Amount: o.Amount, Currency: o.Currency, States: states}
		},
		Acknowledge: func(o order) webhook.Response {
			return webhook.Response{Status: 201, ContentType: "application/json", Body: fmt.Appendf(nil, `{"reference":%q,"reply":"OK"}`, o.Reference)}
		},
	}
}

// ledger is what a merchant's function was told, in order.
type ledger struct {
	mu     sync.Mutex
	events []webhook.Event[order]
	fail   error
}

func (l *ledger) handle(_ context.Context, ev webhook.Event[order]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.events = append(l.events, ev)
	return nil
}

func (l *ledger) told() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, ev := range l.events {
		out = append(out, ev.Reference+" "+ev.Status)
	}
	return out
}

// transitions tells each status with what it meant.
func (l *ledger) transitions() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, ev := range l.events {
		out = append(out, ev.Status+" "+string(ev.Transition))
	}
	return out
}

// reports collects what Config.Report is told.
type reports struct {
	mu  sync.Mutex
	all []error
}

func (r *reports) add(_ context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err)
}

func (r *reports) last() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		return nil
	}
	return r.all[len(r.all)-1]
}

// bank answers confirmations and counts them.
type bank struct {
	mu    sync.Mutex
	asked int
	says  map[string]order
}

func (b *bank) ask(ctx context.Context, about webhook.Identity) (order, error) {
	return b.lookup(ctx, about.Reference)
}

func (b *bank) lookup(_ context.Context, reference string) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	o, ok := b.says[reference]
	if !ok {
		return order{}, errors.New("no such order")
	}
	return o, nil
}

func (b *bank) set(o order) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.says == nil {
		b.says = map[string]order{}
	}
	b.says[o.Reference] = o
}

func (b *bank) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

// setup is what makes a handler for orders.
type setup struct {
	webhook.Config[order]
	Source webhook.Source[order]
}

// merchant is a handler for orders behind a path secret. It believes what is posted,
// unless change gives it an API to ask.
func merchant(t testing.TB, change func(*setup)) (*webhook.Handler[order], *ledger) {
	t.Helper()
	l := &ledger{}
	c := setup{Source: orders()}
	c.Auth, c.Handle = webhook.PathSecret(pathSecret), l.handle
	if change != nil {
		change(&c)
	}
	c.InsecureBelievePosted = c.Source.Ask == nil
	if c.Source.Ask != nil && c.Known == nil {
		c.Known = everything
	}
	h, err := webhook.New(c.Source, c.Config)
	require.NoError(t, err)
	return h, l
}

// everything is a merchant who knows every reference.
func everything(context.Context, string) (bool, error) { return true, nil }

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	return postTo(h, "/hooks/"+pathSecret, body)
}

func postTo(h http.Handler, target, body string) *httptest.ResponseRecorder {
	return send(h, httptest.NewRequest(http.MethodPost, target, strings.NewReader(body)))
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func paid(reference string) string { return status(reference, "PAID") }

func status(reference, status string) string {
	return fmt.Sprintf(`{"reference":%q,"status":%q}`, reference, status)
}

func money(text string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(text))
}

// pass lets virtual time go by, in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }
