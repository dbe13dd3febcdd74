package bitpesa_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Planted in the credentials, the parameters and the responses; none of it may
// come out again by any way of printing.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	var out bytes.Buffer
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, debug)), slog.New(slog.NewJSONHandler(&out, debug))} {
		printEverything(t, &out, logger)
	}
	printed := out.String()
	assert.Contains(t, printed, "transactions.create")
	if at := strings.Index(printed, "planted"); at >= 0 {
		t.Errorf("a secret got out: ...%s...", printed[max(0, at-200):min(len(printed), at+40)])
	}
}

func printEverything(t *testing.T, out *bytes.Buffer, logger *slog.Logger) {
	for _, status := range []int{0, 200, 201, 301, 400, 401, 404, 422, 429, 500} {
		server := newStub(t, always(says(status,
			`{"object":{"id":"planted-id","state":"planted-state","errors":{"base":["planted message"],"first_name":["planted"]}},"status":400,"error":"planted-error","meta":{"error":"planted-meta"}}`)))
		var cfg bitpesa.Config
		client := newClient(t, server, func(c *bitpesa.Config) {
			c.Logger = logger
			c.OnAttempt = func(_ context.Context, a sdk.Attempt) { fmt.Fprintf(out, "%v %+v\n", a, a) }
			cfg = *c
		})
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(out, verb+"|"+verb+"\n", cfg, &cfg)
		}
		logger.Info("config", "config", cfg, "pointer", &cfg)
		fmt.Fprintf(out, "%v|%+v|%#v\n", client, client, *client)

		p := validTransaction()
		p.ExternalID, p.Recipients[0].PayoutMethod.Details.BankAccount = "", "planted-account"
		_, createErr := client.Transactions.Create(t.Context(), p)
		_, getErr := client.Transactions.Get(t.Context(), "planted-id")
		_, findErr := client.Senders.Find(t.Context(), "planted-reference")
		for _, err := range []error{createErr, getErr, findErr} {
			if err == nil {
				continue
			}
			fmt.Fprintf(out, "%v|%+v|%#v|%s|%q\n", err, err, err, err, err)
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				fmt.Fprintf(out, "%v|%+v|%#v\n", inner, inner, inner)
			}
		}
		logger.Error("call failed", "err", createErr)
		logger.Error("call failed", "wrapped", fmt.Errorf("order 7: %w", getErr))
	}
}

func TestRedirectsAreNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{"/v1/elsewhere", "https://thief.example/"} {
			server := newStub(t, always(says(status, target)))
			client := newClient(t, server)
			_, err := client.Transactions.Get(t.Context(), "t-1")
			assert.ErrorIs(t, err, sdk.ErrRedirected)
			assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
			_, err = client.Recipients.Cancel(t.Context(), "r-1")
			assert.ErrorIs(t, err, sdk.ErrRedirected)
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
			assert.Len(t, server.requests(), 2, "whatever host is dialled, the stub would see it")
		}
	}
}

func TestDoReachesAnyEndpointOfTheConfiguredHostSigned(t *testing.T) {
	server := newStub(t, always(says(200, `{"ok":true}`)))
	client := newClient(t, server)
	raw, err := client.Do(t.Context(), sdk.RawCall{Method: "PUT", Path: "/v1/new%2Fthing", Body: map[string]string{"note": "x"}})
	require.NoError(t, err)
	assert.Equal(t, `{"ok":true}`, raw.String())
	assert.Equal(t, []request{{"PUT", "/v1/new%2Fthing", `{"note":"x"}`}}, server.requests())
	for _, path := range []string{"", "https://elsewhere.example/", "v1/x", "/a/../b", "/a?b=c", "/a b", "/a#b"} {
		_, err := client.Do(t.Context(), sdk.RawCall{Method: "GET", Path: path})
		assert.ErrorIs(t, err, sdk.ErrValidation, path)
	}
	assert.Len(t, server.requests(), 1)
}
