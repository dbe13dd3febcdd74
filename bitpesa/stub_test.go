package bitpesa_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	testKey    = "planted-key"
	testSecret = "planted-secret=="
)

// request is what the stub saw.
type request struct {
	Method, URI, Body string
}

// response is what the stub sends.
type response struct {
	status      int
	contentType string
	body        string
}

func says(status int, body string) response { return response{status, "application/json", body} }

// stub takes its responses from a function and records each request, over real
// net/http on in-memory pipes, so that it works in a synctest bubble too. It checks
// every signature over what arrived. Use it for responses that the stateful
// bitpesatest would never send.
type stub struct {
	http *http.Client
	mu   sync.Mutex
	seen []request
	once map[string]bool // nonces
}

const stubURL = "http://bitpesa.localhost"

func newStub(t *testing.T, reply func(request) response) *stub {
	t.Helper()
	s := &stub{once: map[string]bool{}}
	listener := pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		nonce := r.Header.Get("Authorization-Nonce")
		want := bitpesa.Signature(testSecret, nonce, r.Method, "http://"+r.Host+r.RequestURI, body)
		assert.Equal(t, want, r.Header.Get("Authorization-Signature"), "%s %s", r.Method, r.RequestURI)
		assert.Equal(t, testKey, r.Header.Get("Authorization-Key"))
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		assert.Equal(t, "application/json", r.Header.Get("Accept"))
		assert.Empty(t, r.Header.Get("Idempotency-Key"))
		sent := request{r.Method, r.RequestURI, string(body)}
		s.mu.Lock()
		assert.False(t, s.once[nonce], "a nonce came twice")
		s.once[nonce] = true
		s.seen = append(s.seen, sent)
		s.mu.Unlock()
		a := reply(sent)
		if a.status == 0 { // the connection breaks
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", a.contentType)
		if a.status >= 300 && a.status < 400 {
			w.Header().Set("Location", a.body)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	transport := &http.Transport{DialContext: listener.dial}
	s.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return s
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error { close(l.closed); return nil }

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func always(a response) func(request) response { return func(request) response { return a } }

func (s *stub) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

// count is how many requests of a method it saw.
func (s *stub) count(method string) int {
	n := 0
	for _, r := range s.requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

func newClient(t *testing.T, server *stub, change ...func(*bitpesa.Config)) *bitpesa.Client {
	t.Helper()
	cfg := bitpesa.Config{BaseURL: stubURL, Options: sdk.Options{HTTPClient: server.http, MaxAttempts: 1}, Key: testKey, Secret: testSecret}
	for _, c := range change {
		c(&cfg)
	}
	client, err := bitpesa.New(cfg)
	require.NoError(t, err)
	return client
}

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func null(text string) decimal.NullDecimal { return decimal.NewNullDecimal(amount(text)) }

func wantAmount(t *testing.T, want string, got decimal.NullDecimal) {
	t.Helper()
	if assert.True(t, got.Valid, "no amount, want %s", want) {
		assert.True(t, amount(want).Equal(got.Decimal), "%s is not %s", got.Decimal, want)
	}
}

func validSender() bitpesa.SenderParams {
	return bitpesa.SenderParams{
		ExternalID: "sender-1", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala",
		Street: "Somewhere 17-3", PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1",
		PhoneNumber: "752403639", PhoneCountry: "UG", BirthDate: "1970-01-01",
	}
}

func ngnRecipient() bitpesa.RecipientParams {
	return bitpesa.RecipientParams{
		RequestedAmount: amount("10000"), RequestedCurrency: "NGN",
		PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
			FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567800", BankAccountType: "20",
		}},
	}
}

func validTransaction() bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		InputCurrency: "USD", Sender: bitpesa.SenderParams{ID: "s-1"},
		Recipients: []bitpesa.RecipientParams{ngnRecipient()}, ExternalID: "Transaction:NGN:17523",
	}
}
