package bitpesa_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

const debitResponse = `{"object":[{"id":"d-1","to_id":"t-1","to_type":"Transaction","amount":30.51,"currency":"USD","usd_amount":30.51,` +
	`"running_balance":69.49,"metadata":{},"created_at":"2017-08-08 13:19:32 UTC","errors":{}}]}`

type baselineDebit struct {
	ToID     string          `json:"to_id"`
	ToType   string          `json:"to_type"`
	Amount   decimal.Decimal `json:"amount"`
	Currency string          `json:"currency"`
}

type baselineResponse struct {
	Object []struct {
		ID             string              `json:"id"`
		ToID           string              `json:"to_id"`
		ToType         string              `json:"to_type"`
		Amount         decimal.NullDecimal `json:"amount"`
		Currency       string              `json:"currency"`
		USDAmount      decimal.NullDecimal `json:"usd_amount"`
		RunningBalance decimal.NullDecimal `json:"running_balance"`
		Metadata       map[string]any      `json:"metadata"`
		CreatedAt      string              `json:"created_at"`
	} `json:"object"`
}

func baselineRequest() ([]byte, error) {
	return json.Marshal(map[string]baselineDebit{"debit": {"t-1", "Transaction", amount("30.51"), "USD"}})
}

// baseline is what a careful engineer writes by hand with net/http and
// encoding/json for the same request. With a key it signs, too.
func baseline(ctx context.Context, hc *http.Client, key string) error {
	url := stubURL + "/v1/accounts/debits"
	body, err := baselineRequest()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "by-hand/1")
	if key != "" {
		var random [16]byte
		_, _ = rand.Read(random[:])
		nonce := hex.EncodeToString(random[:])
		sum := sha512.Sum512(body)
		mac := hmac.New(sha512.New, []byte(testSecret))
		_, _ = mac.Write([]byte(nonce + "&POST&" + url + "&" + hex.EncodeToString(sum[:])))
		req.Header.Set("Authorization-Key", key)
		req.Header.Set("Authorization-Nonce", nonce)
		req.Header.Set("Authorization-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return json.Unmarshal(text, new(baselineResponse))
}

// memoryClient reaches a server that always sends the same response, over pipes.
func memoryClient(tb testing.TB) *http.Client {
	listener := pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, debitResponse)
	})}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial, MaxIdleConnsPerHost: 64}
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return &http.Client{Transport: transport}
}

type side struct {
	name string
	call func(context.Context) error
}

func sides(tb testing.TB) []side {
	hc := memoryClient(tb)
	client, err := bitpesa.New(bitpesa.Config{BaseURL: stubURL, Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1}, Key: testKey, Secret: testSecret})
	require.NoError(tb, err)
	params := bitpesa.DebitParams{ToID: "t-1", Amount: null("30.51"), Currency: "USD"}
	return []side{
		{"baseline", func(ctx context.Context) error { return baseline(ctx, hc, "") }},
		{"signing baseline", func(ctx context.Context) error { return baseline(ctx, hc, testKey) }},
		{"sdk", func(ctx context.Context) error { return fails(client.Debits.Create(ctx, params)) }},
		{"control", func(ctx context.Context) error { return baseline(ctx, hc, testKey) }},
	}
}

// BenchmarkSignedPOST compares a debit with the same request by hand over the
// same connection. Signing baseline and control are the same code: their
// difference shows how much the machine varies.
func BenchmarkSignedPOST(b *testing.B) {
	for _, s := range sides(b) {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.call(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
