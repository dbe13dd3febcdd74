package kpay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Planted in the credentials, the parameters and the responses; none of it may
// come out again by any way of printing.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	var out bytes.Buffer
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, debug)), slog.New(slog.NewJSONHandler(&out, debug))} {
		for _, body := range []string{
			`{"reply":"planted-reply","retcode":600,"authkey":"planted-key"}`,
			`{"reply":"planted-reply","retcode":"699","success":0}`,
			`{"refid":"planted-ref","statusid":"01","tid":"planted-tid"}`,
			`<h1>planted-html</h1>`,
		} {
			for _, status := range []int{200, 301, 401, 500} {
				printEverything(t, &out, logger, status, body)
			}
		}
	}
	printed := out.String()
	assert.NotEmpty(t, printed)
	for _, secret := range []string{"planted", base64.StdEncoding.EncodeToString([]byte("shop:" + planted))} {
		if at := strings.Index(printed, secret); at >= 0 {
			t.Errorf("a secret got out: ...%s...", printed[max(0, at-200):min(len(printed), at+40)])
		}
	}
}

func printEverything(t *testing.T, out *bytes.Buffer, logger *slog.Logger, status int, body string) {
	client, _ := newClient(t, []step{respond(status, body)}, func(c *kpay.Config) {
		c.APIKey, c.Logger, c.MaxAttempts = "planted-api-key", logger, 1
		fmt.Fprintf(out, "%v|%+v|%#v|%s|%v", *c, *c, *c, *c, c)
		logger.Info("configured", "config", *c, "at", c)
		c.OnAttempt = func(_ context.Context, a sdk.Attempt) { fmt.Fprintf(out, "%v %+v\n", a, a) }
	})
	p := validPay()
	p.Email, p.CustomerName, p.ReturnURL = "planted@example.com", "planted-name", "https://shop.example/planted-secret"
	_, payErr := client.Pay(t.Context(), p)
	_, statusErr := client.Find(t.Context(), "order-1")
	_, rawErr := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/planted/", Body: "planted"})
	for _, err := range []error{payErr, statusErr, rawErr} {
		if err == nil {
			continue
		}
		fmt.Fprintf(out, "%v|%+v|%#v|%s|%q\n", err, err, err, err, err)
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			fmt.Fprintf(out, "%v|%+v|%#v\n", inner, inner, inner)
		}
		encoded, jsonErr := json.Marshal(map[string]any{"err": err})
		require.NoError(t, jsonErr)
		out.Write(encoded)
		logger.Error("call failed", "err", err, "wrapped", fmt.Errorf("order 7: %w", err), "listed", []error{err})
	}
	fmt.Fprintf(out, "%v|%+v|%#v", client, client, client)
}

func TestTheErrorTextIsStableAndItsDetailsAreFields(t *testing.T) {
	for body, text := range map[string]string{
		`{"reply":"Invalid PIN","retcode":600}`:                                        "kpay: pay: unauthorized: HTTP 200, code 600 (outcome: rejected)",
		`{"reply":"x","refid":"order-1","retcode":606}`:                                "kpay: pay: declined: HTTP 200, code 606 (outcome: rejected)",
		`{"success":0,"refid":"order-1","retcode":606,"statusmsg":"Not enough funds"}`: "kpay: pay: declined: insufficient funds: HTTP 200, code 606 (outcome: rejected)",
	} {
		client, _ := newClient(t, []step{respond(200, body, "X-Request-Id", "req-1"), respond(200, unknown)})
		_, err := client.Pay(t.Context(), validPay())
		require.EqualError(t, err, text)
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "order-1", e.Reference)
		assert.Equal(t, "req-1", e.RequestID)
		assert.Equal(t, 1, e.Attempts)
	}
}
