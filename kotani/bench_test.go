package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

const benchResponse = `{"id":17,"phoneNumber":"254722222222","message":"Withdrawal request received","amount":"20","externalId":"order-1"}`

type requestByHand struct {
	Amount      int64  `json:"amount"`
	PhoneNumber string `json:"phoneNumber"`
	Callback    string `json:"callback"`
	ExternalID  string `json:"externalId"`
}

func writeByHand(p kotani.WithdrawParams) ([]byte, error) {
	return json.Marshal(requestByHand{p.Amount.IntPart(), p.PhoneNumber, p.CallbackURL, p.ExternalID})
}

// withdrawByHand is what a careful engineer writes, a token in hand.
func withdrawByHand(ctx context.Context, client *http.Client, url string, p kotani.WithdrawParams) error {
	body, err := writeByHand(p)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "by-hand/1")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return readByHand(resp.StatusCode, text)
}

func readByHand(status int, text []byte) error {
	var a struct {
		Status      any    `json:"status"`
		Desc        string `json:"desc"`
		ID          int64  `json:"id"`
		PhoneNumber string `json:"phoneNumber"`
		Message     string `json:"message"`
		Amount      string `json:"amount"`
		ExternalID  string `json:"externalId"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if status/100 != 2 || a.Status != nil || a.ID == 0 {
		return errors.New(a.Desc)
	}
	return nil
}

// sides share one server, so that the client is what is measured.
func sides(tb testing.TB) clienttest.Comparison {
	hc := clienttest.Serve(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/login" {
			_, _ = io.WriteString(w, `{"status":201,"accessToken":"`+token+`"}`)
			return
		}
		_, _ = io.WriteString(w, benchResponse)
	}))
	client, err := kotani.New(kotani.Config{
		BaseURL: "http://kotani.localhost", PhoneNumber: "254700000000", CountryCode: "KEN", Password: password,
		Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1},
	})
	require.NoError(tb, err)
	return clienttest.Comparison{
		ByHand: func(ctx context.Context) error {
			return withdrawByHand(ctx, hc, "http://kotani.localhost/transactions/withdraw/momo", validWithdraw)
		},
		SDK: func(ctx context.Context) error { _, err := client.Fiat.Withdraw(ctx, validWithdraw); return err },
		JSON: func() error {
			if _, err := writeByHand(validWithdraw); err != nil {
				return err
			}
			return readByHand(http.StatusOK, []byte(benchResponse))
		},
	}
}

func BenchmarkWithdraw(b *testing.B) { sides(b).Bench(b) }

// The response is read twice, once for its status and once for its contents. Some
// allocations are the flight that calls with one external id share. The SDK's JSON is
// among them, as the 12 are that the code by hand makes with the first encoding/json.
func TestAWithdrawalAllocatesLittleMoreThanNetHTTPByHand(t *testing.T) { sides(t).CheckAllocs(t, 34) }
