package kasapay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// baselineRequest and baselineResponse are what a careful engineer writes by hand.
type baselineRequest struct {
	PayoutReference         string `json:"payout_reference"`
	ServiceCode             string `json:"service_code"`
	PaymentAccountReference string `json:"payment_account_reference"`
	RecipientName           string `json:"recipient_name"`
	RecipientType           string `json:"recipient_type"`
	RecipientAccountNumber  string `json:"recipient_account_number"`
	Amount                  string `json:"amount"`
	PaymentDescription      string `json:"payment_description"`
	PaymentMethod           string `json:"payment_method"`
	CurrencyCode            string `json:"currency_code"`
	CountryCode             string `json:"country_code"`
	CallbackURL             string `json:"callback_url"`
}

type baselineResponse struct {
	PayoutReference     string `json:"payout_reference"`
	ResponseCode        int    `json:"response_code"`
	ResponseDescription string `json:"response_description"`
}

func payByHand(ctx context.Context, client *http.Client, url string, p kasapay.CreatePayoutParams) error {
	body, err := writeByHand(p)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Access-Token", "planted-token")
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
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return readByHand(text)
}

func writeByHand(p kasapay.CreatePayoutParams) ([]byte, error) {
	return json.Marshal(baselineRequest{
		p.Reference, "12346", p.AccountReference, p.RecipientName, string(p.RecipientType), p.RecipientAccountNumber,
		p.Amount.StringFixed(2), p.Description, "MPESA_B2B", p.Currency, p.Country, p.CallbackURL,
	})
}

func readByHand(text []byte) error {
	var response baselineResponse
	if err := json.Unmarshal(text, &response); err != nil {
		return err
	}
	if response.ResponseCode != 720 {
		return errors.New(response.ResponseDescription)
	}
	return nil
}

// sides share one server, so that the client is what is measured.
func sides(tb testing.TB) clienttest.Comparison {
	hc := clienttest.Serve(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/auth") {
			_, _ = io.WriteString(w, token)
			return
		}
		_, _ = io.WriteString(w, accepted)
	}))
	const url = "http://kasapay.localhost"
	client, err := kasapay.New(kasapay.Config{
		BaseURL: url, ConsumerKey: "key-1", ConsumerSecret: planted, ServiceCode: "12346",
		Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1},
	})
	require.NoError(tb, err)
	p := validPayout()
	return clienttest.Comparison{
		ByHand: func(ctx context.Context) error { return payByHand(ctx, hc, url+"/v1/payouts/b2b/initiate", p) },
		SDK:    func(ctx context.Context) error { _, err := client.Payouts.Create(ctx, p); return err },
		JSON: func() error {
			if _, err := writeByHand(p); err != nil {
				return err
			}
			return readByHand([]byte(accepted))
		},
	}
}

func BenchmarkCreate(b *testing.B) { sides(b).Bench(b) }

func TestAPayoutAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) { sides(t).CheckAllocs(t, 32) }
