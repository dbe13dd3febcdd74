package kapiten_test

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

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Planted in the token, the parameters and the answers; none of it may come out
// again by any way of printing.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	var out bytes.Buffer
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, debug)), slog.New(slog.NewJSONHandler(&out, debug))} {
		printEverything(t, &out, logger)
	}
	cfg := kapiten.Config{Token: "planted token"}
	_, err := kapiten.New(cfg)
	fmt.Fprintf(&out, "%v", err)
	fmt.Fprintf(&out, "%v %+v %#v %s %+v", cfg, cfg, cfg, cfg, &cfg)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("starting", "config", cfg)
	slog.New(slog.NewTextHandler(&out, nil)).Info("starting", "config", cfg)
	printed := out.String()
	assert.NotEmpty(t, printed)
	if at := strings.Index(printed, "planted"); at >= 0 {
		t.Errorf("a secret got out: ...%s...", printed[max(0, at-200):min(len(printed), at+40)])
	}
}

func printEverything(t *testing.T, out *bytes.Buffer, logger *slog.Logger) {
	for _, status := range []int{200, 201, 301, 400, 401, 429, 500} {
		server := newStub(t, status, "application/json",
			`{"detail":"planted-detail","token":"planted-answer","id":"x","status":"planted-status","name":["planted-message"]}`)
		client := newClient(t, server.URL, func(c *kapiten.Config) {
			c.Logger = logger
			c.OnAttempt = func(_ context.Context, a sdk.Attempt) { fmt.Fprintf(out, "%v %+v\n", a, a) }
		})
		p := validRide()
		p.CompanyID, p.Receiver.Phone, p.PickupInstructions = "planted-company", "planted-phone", "planted-instructions"
		_, createErr := client.Rides.Create(t.Context(), p)
		_, tokenErr := client.Users.Token(t.Context(), "planted-company", "planted-user")
		_, listErr := client.Rides.List(t.Context(), "planted-company", kapiten.ListOptions{})
		for _, err := range []error{createErr, tokenErr, listErr} {
			if err == nil {
				continue
			}
			fmt.Fprintf(out, "%v|%+v|%#v|%s|%q\n", err, err, err, err, err)
			encoded, jsonErr := json.Marshal(err)
			assert.NoError(t, jsonErr)
			fmt.Fprintf(out, "%s\n", encoded)
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				fmt.Fprintf(out, "%v|%+v|%#v\n", inner, inner, inner)
			}
			logger.Error("call failed", "err", err)
			logger.Error("call failed", "wrapped", fmt.Errorf("order 7: %w", err))
		}
		fmt.Fprintf(out, "%v|%+v", client, client)
	}
}

func TestTheErrorTextIsStableAndItsDetailsAreFields(t *testing.T) {
	texts := map[string]bool{}
	for _, reference := range []string{"ORDER-1", "ORDER-2"} {
		server := newStub(t, 400, "application/json", `{"sender":{"phone":["Bad number `+reference+`."]}}`)
		p := validRide()
		p.ExternalID = reference
		_, err := newClient(t, server.URL).Rides.Create(t.Context(), p)
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, reference, apiErr.Reference)
		assert.Equal(t, []string{"Bad number " + reference + "."}, apiErr.Fields["sender.phone"])
		texts[err.Error()] = true
	}
	assert.Equal(t, map[string]bool{
		"kapiten: rides.create: validation failed: HTTP 400, fields sender.phone (outcome: rejected)": true,
	}, texts)
}

func TestNoTokenLeavesForAnotherHost(t *testing.T) {
	thief := newStub(t, 200, "application/json", `{"id":"x","status":"PENDING","token":"t","results":[]}`)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := newRedirect(t, status, thief.URL)
		client := newClient(t, server)
		_, err := client.Rides.Create(t.Context(), validRide())
		assert.ErrorIs(t, err, sdk.ErrRedirected)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		_, err = client.Users.Token(t.Context(), "co-1", "u-1")
		assert.ErrorIs(t, err, sdk.ErrRedirected)
		assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
	}
	assert.Empty(t, thief.requests())
}

func newRedirect(t *testing.T, status int, target string) string {
	t.Helper()
	s := newStub(t, 200, "application/json", "{}")
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target+r.URL.Path, status)
	})
	return s.URL
}

func TestDoReachesAnyEndpointOfTheConfiguredHost(t *testing.T) {
	server := newStub(t, 200, "application/json", `{"ok":true}`)
	client := newClient(t, server.URL)
	raw, err := client.Do(t.Context(), sdk.RawCall{Method: "PATCH", Path: "/api/rides/r%2F1/", Body: map[string]string{"note": "x"}})
	require.NoError(t, err)
	assert.Equal(t, `{"ok":true}`, raw.String())
	assert.Equal(t, []request{{"PATCH", "/api/rides/r%2F1/", "Token planted-token", "application/json", `{"note":"x"}`}}, server.requests())

	for _, path := range []string{"", "https://elsewhere.example/", "api/rides/", "/a/../b", "/a?b=c", "/a b"} {
		_, err := client.Do(t.Context(), sdk.RawCall{Method: "GET", Path: path})
		assert.ErrorIs(t, err, sdk.ErrValidation, path)
	}
	_, err = client.Do(t.Context(), sdk.RawCall{Method: "get", Path: "/"})
	assert.ErrorIs(t, err, sdk.ErrValidation)
	assert.Len(t, server.requests(), 1)
}

func TestDoRepeatsOnlyWhatIsReadOnly(t *testing.T) {
	server := newStub(t, 502, "text/html", "<h1>502</h1>")
	client := newClient(t, server.URL, func(c *kapiten.Config) { c.MaxAttempts, c.MinBackoff = 3, 1 })
	_, err := client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/api/x/"})
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, server.requests(), 1)
	_, err = client.Do(t.Context(), sdk.RawCall{Method: "POST", Path: "/api/x/", ReadOnly: true})
	assert.ErrorIs(t, err, sdk.ErrServer)
	assert.Len(t, server.requests(), 4)
}
