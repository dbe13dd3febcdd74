package kpay_test

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
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// baselineRequest and baselineResponse are what a careful engineer writes by hand.
type baselineRequest struct {
	Action      string `json:"action"`
	MSISDN      string `json:"msisdn"`
	Email       string `json:"email"`
	Details     string `json:"details"`
	RefID       string `json:"refid"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	CName       string `json:"cname"`
	CNumber     string `json:"cnumber"`
	PMethod     string `json:"pmethod"`
	RetailerID  string `json:"retailerid"`
	RetURL      string `json:"returl"`
	RedirectURL string `json:"redirecturl"`
	BankID      string `json:"bankid"`
}

type baselineResponse struct {
	Reply   string `json:"reply"`
	URL     string `json:"url"`
	Success int    `json:"success"`
	AuthKey string `json:"authkey"`
	TID     string `json:"tid"`
	RefID   string `json:"refid"`
	RetCode int    `json:"retcode"`
}

func payByHand(ctx context.Context, client *http.Client, url string, request baselineRequest) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("shop", planted)
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

func readByHand(text []byte) error {
	var response baselineResponse
	if err := json.Unmarshal(text, &response); err != nil {
		return err
	}
	if response.Success != 1 || response.RetCode != 0 {
		return errors.New(response.Reply)
	}
	return nil
}

// sides share one server, so that the client is what is measured.
func sides(tb testing.TB) clienttest.Comparison {
	hc := clienttest.Serve(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, pending)
	}))
	client, err := kpay.New(kpay.Config{
		BaseURL: "http://kpay.localhost", Username: "shop", Password: planted, RetailerID: "02",
		Options: sdk.Options{HTTPClient: hc, AttemptTimeout: -1},
	})
	require.NoError(tb, err)
	p := validPay()
	request := baselineRequest{
		"pay", p.MSISDN, p.Email, p.Details, p.RefID, p.Amount.IntPart(), "RWF", p.CustomerName, p.CustomerNumber,
		string(p.Method), "02", p.ReturnURL, p.RedirectURL, "63510",
	}
	return clienttest.Comparison{
		ByHand: func(ctx context.Context) error { return payByHand(ctx, hc, "http://kpay.localhost/", request) },
		SDK:    func(ctx context.Context) error { _, err := client.Pay(ctx, p); return err },
		JSON: func() error {
			if _, err := json.Marshal(request); err != nil {
				return err
			}
			return readByHand([]byte(pending))
		},
	}
}

func BenchmarkPay(b *testing.B) { sides(b).Bench(b) }

func TestAPaymentAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) { sides(t).CheckAllocs(t, 25) }
