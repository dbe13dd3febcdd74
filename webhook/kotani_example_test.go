package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/webhook"
)

func hexMAC(secret, text string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// During a rotation both secrets are valid.
func ExampleKotaniV3Signature() {
	h, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth: webhook.KotaniV3Signature("whsec_new", "whsec_old"),
		Handle: func(_ context.Context, ev webhook.Event[kotani.V3Event]) error {
			fmt.Println(ev.Reference, ev.Status, ev.Trust)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	signed := `{"event":"transaction.deposit.status.updated","data":{"reference_id":"d-1","status":"SUCCESSFUL"}}`
	for _, secret := range []string{"whsec_old", "guessed"} {
		mac := hexMAC(secret, signed)
		r := httptest.NewRequest(http.MethodPost, "/hooks/kotani", strings.NewReader(strings.TrimSuffix(signed, "}")+`,"signature":"`+mac+`"}`))
		r.Header.Set("X-Kotani-Signature", "sha256="+mac)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// d-1 SUCCESSFUL verified
	// 200
	// 401
}

// The time of sending is signed, too: what is older than the tolerance is
// refused.
func ExampleFiatConnectSignature() {
	h, err := webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{Tolerance: time.Minute}, "secret"),
		Handle: func(_ context.Context, ev webhook.Event[kotani.FiatConnectEvent]) error {
			fmt.Println(ev.Reference, ev.Data.Transfer.Type, ev.Status, ev.Trust)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body := `{"eventType":"WebhookTransferOutStatusEvent","provider":"kotani","eventId":"e-1","timestamp":"1775206800","address":"0x00","payload":{"transferId":"t-1","status":"TransferComplete"}}`
	for _, age := range []time.Duration{time.Hour, 0} {
		at := strconv.FormatInt(time.Now().Add(-age).Unix(), 10)
		r := httptest.NewRequest(http.MethodPost, "/hooks/fiatconnect", strings.NewReader(body))
		r.Header.Set("FiatConnect-Signature", "t="+at+",v1="+hexMAC("secret", at+"."+body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// t-1 TransferOut TransferComplete verified
	// 200
}
