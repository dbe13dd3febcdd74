package fakeserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// start runs the server as the command line would and returns its greeting.
func start(t *testing.T, args ...string) (greeting map[string]any, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // until the cleanup
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), write, io.Discard)
		_ = write.Close()
	}()
	line, err := bufio.NewReader(read).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &greeting))
	stop = func() error {
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if ctx.Err() == nil { // still served
			assert.Empty(t, causeless(ctx, t, "http://"+text(t, greeting, "addr")), "nothing happens without a cause")
		}
		cancel()
	})
	return greeting, stop
}

// causeless are the state changes and ledger entries of the timeline that name neither a
// cause nor a request.
func causeless(ctx context.Context, t *testing.T, base string) []string {
	t.Helper()
	var all []string
	for _, kind := range []string{"state", "entry"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/_fake/timeline?limit=1000&kind="+kind, http.NoBody)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		var page struct{ Records []fake.Record }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&page))
		require.NoError(t, resp.Body.Close())
		for _, r := range page.Records {
			if r.Cause == "" && r.Request == "" {
				all = append(all, r.Provider+" "+r.Object+" "+r.Identity+" "+r.Text)
			}
		}
	}
	return all
}

// ask sends a JSON request and returns status and body. The headers are pairs.
func ask(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// later sends a request that a fault holds back. The channel is closed when it is over.
func later(t *testing.T, url, body string, header ...string) <-chan struct{} {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	return done
}

func text(t *testing.T, greeting map[string]any, key string) string {
	t.Helper()
	value, ok := greeting[key].(string)
	require.True(t, ok, "greeting has no %s", key)
	return value
}

func TestEveryProviderOfTheGreetingIsServedAtItsURL(t *testing.T) {
	greeting, stop := start(t, "-clock", "manual")
	credentials, ok := greeting["credentials"].(map[string]any)
	require.True(t, ok)
	for _, p := range providers() {
		for _, e := range p.endpoints {
			name := e.name
			status, _ := ask(t, "GET", text(t, greeting, name)+"/no-such-route/", "")
			assert.GreaterOrEqual(t, status, 400, name)
			assert.Contains(t, credentials, name)
			_, journal := ask(t, "GET", text(t, greeting, "admin")+"/requests?provider="+name, "")
			assert.Contains(t, journal, "/no-such-route/", name)
		}
	}
	status, page := ask(t, "GET", text(t, greeting, "console"), "")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "<title>fakeserver</title>")
	status, body := ask(t, "GET", text(t, greeting, "admin")+"/no-such-call", "")
	assert.Equal(t, 404, status)
	assert.True(t, json.Valid([]byte(body)))
	assert.NoError(t, stop())
}

func TestAManualClockMovesOnlyWhenToldTo(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	now := func() time.Time {
		_, body := ask(t, "GET", admin+"/clock", "")
		var clock struct{ Now time.Time }
		require.NoError(t, json.Unmarshal([]byte(body), &clock))
		return clock.Now
	}
	before := now()
	assert.Equal(t, before, now())
	status, _ := ask(t, "POST", admin+"/clock/advance", `{"seconds":90}`)
	assert.Equal(t, 200, status)
	assert.Equal(t, 90*time.Second, now().Sub(before))
	status, body := ask(t, "POST", admin+"/clock/advance", `{"minutes":1}`)
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "minutes")
}

func TestASnapshotBringsEverythingBack(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin, kapiten := text(t, greeting, "admin"), text(t, greeting, "kapiten")
	const company = `{"name":"Best Pilau Ltd","registration_number":"RDB2026-XP","address":"KN 78 St, Kigali","contact_person":"Victor","phone_number":"+250788123456","email":"hello@bestpilau.com"}`
	status, _ := ask(t, "POST", kapiten+"/api/companies/", company)
	require.Equal(t, 201, status)
	status, snapshot := ask(t, "GET", admin+"/snapshot", "")
	require.Equal(t, 200, status)
	status, _ = ask(t, "POST", admin+"/reset", "")
	require.Less(t, status, 300)
	status, _ = ask(t, "GET", kapiten+"/api/companies/by-registration/RDB2026-XP/", "")
	require.Equal(t, 404, status)
	status, _ = ask(t, "PUT", admin+"/snapshot", `{"version":99}`)
	assert.Equal(t, 400, status)
	status, _ = ask(t, "PUT", admin+"/snapshot", snapshot)
	require.Less(t, status, 300)
	status, _ = ask(t, "GET", kapiten+"/api/companies/by-registration/RDB2026-XP/", "")
	assert.Equal(t, 200, status)
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-clock", "sundial"}, {"-speed", "0"}, {"-speed", "-1"}, {"-speed", "NaN"}, {"-addr", "nowhere"}, {"stray"}, {"-unknown"},
	} {
		var out bytes.Buffer
		assert.Error(t, Run(t.Context(), args, &out, io.Discard), "%v", args)
		assert.Empty(t, out.String())
	}
}
