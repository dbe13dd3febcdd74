package kasapay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Planted in the credentials, the token, the parameters and the responses; none of
// it may come out again by any way of printing.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	var out bytes.Buffer
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, debug)), slog.New(slog.NewJSONHandler(&out, debug))} {
		for _, body := range []string{
			`{"response_code":721,"response_description":"planted-words","payout_reference":"planted-reference"}`,
			`{"statusCode":400,"message":["planted-words","planted must be text"],"error":"planted"}`,
			`{"access_token":"planted-token","payment_status":"planted"`,
			`<h1>planted-html</h1>`,
		} {
			for _, status := range []int{200, 301, 400, 401, 500} {
				printEverything(t, &out, logger, respond(200, token), respond(status, body))
				printEverything(t, &out, logger, respond(status, body))
			}
		}
	}
	printed := out.String()
	assert.NotEmpty(t, printed)
	if at := strings.Index(printed, "planted"); at >= 0 {
		t.Errorf("a secret got out: ...%s...", printed[max(0, at-200):min(len(printed), at+40)])
	}
}

func printEverything(t *testing.T, out *bytes.Buffer, logger *slog.Logger, steps ...step) {
	cfg := kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: "planted-key", ConsumerSecret: planted, ServiceCode: "12346",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: clienttest.NewScript(steps...)}, Logger: logger, MaxAttempts: 1, OnAttempt: func(_ context.Context, a sdk.Attempt) { fmt.Fprintf(out, "%v %+v %v\n", a, a, a.Err) }},
	}
	fmt.Fprintf(out, "%v|%+v|%#v|%s|%v", cfg, cfg, cfg, cfg, &cfg)
	logger.Info("configured", "config", cfg, "at", &cfg)
	client, err := kasapay.New(cfg)
	require.NoError(t, err)
	p := validPayout()
	p.RecipientAccountNumber, p.RecipientName, p.CallbackURL = "planted-account", "planted-name", "https://shop.example/planted-secret"
	_, initiateErr := client.Payouts.Create(t.Context(), p)
	_, statusErr := client.Payouts.Find(t.Context(), "ms83-1")
	_, rawErr := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/planted/", Body: "planted"})
	for _, err := range []error{initiateErr, statusErr, rawErr} {
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

func TestTheBodyOfALoginThatFailedIsNotKept(t *testing.T) {
	s := clienttest.NewScript(respond(500, `{"access_token":"planted-token"}`))
	client, err := kasapay.New(kasapay.Config{
		BaseURL: kasapay.SandboxURL, ConsumerKey: "k", ConsumerSecret: "s",
		Options: sdk.Options{HTTPClient: &http.Client{Transport: s}, MaxAttempts: 1},
	})
	require.NoError(t, err)
	_, err = client.Payouts.Find(t.Context(), "ms83-1")
	var e *sdk.Error
	require.ErrorAs(t, err, &e)
	assert.Empty(t, e.Body)
}

func TestTheErrorTextIsStableAndItsDetailsAreFields(t *testing.T) {
	for body, text := range map[string]string{
		sample(t, "initiate_refused.json"):                                  "kasapay: payouts.initiate: configuration refused: HTTP 200, code SERVICE_NOT_ALLOWED (outcome: rejected)",
		`{"response_code":721,"response_description":"Insufficient funds"}`: "kasapay: payouts.initiate: insufficient funds: HTTP 200, code 721 (outcome: rejected)",
	} {
		client, _ := newClient(t, []step{respond(200, body, "X-Request-Id", "req-1"), respond(200, unknown)})
		_, err := client.Payouts.Create(t.Context(), validPayout())
		require.EqualError(t, err, text)
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "req-1", e.RequestID)
		assert.Equal(t, 1, e.Attempts)
	}
}
