package clienttest_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAScriptPlaysItsStepsAndTheLastOneForEver(t *testing.T) {
	s := clienttest.NewScript(nil, clienttest.Respond(201, "one", "X-A", "b"), clienttest.Respond(500, "two"))
	client := &http.Client{Transport: s}
	_, err := client.Post("https://shop.example/a", "text/plain", strings.NewReader("body"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	for _, want := range []int{201, 500, 500} {
		resp, err := client.Get("https://shop.example/b")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode)
	}
	sent := s.Requests()
	require.Len(t, sent, 4)
	assert.Equal(t, "POST https://shop.example/a body", sent[0].Method+" "+sent[0].URL+" "+sent[0].Body)
}

func TestAHandlerIsReachedUnderAnyHost(t *testing.T) {
	client := clienttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	for _, host := range []string{"kpay.localhost", "kasapay.localhost"} {
		resp, err := client.Get("http://" + host + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, host, string(body))
	}
}

// complaints is a test that fails for the test of the test support.
type complaints []string

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}
func (c *complaints) Fatalf(format string, args ...any) { c.Errorf(format, args...); runtime.Goexit() }

// heard returns what a function complains about.
func heard(f func(*complaints)) string {
	var c complaints
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(&c)
	}()
	<-done
	return strings.Join(c, "\n")
}

func TestARecorderComplainsOfWhateverIsNotAsWritten(t *testing.T) {
	operations := []sdk.Operation{{Name: "ask"}}
	var r clienttest.Recorder
	client := &http.Client{Transport: &r}
	ask := func(url string) func() error {
		return func() error {
			r.OnAttempt(t.Context(), sdk.Attempt{Operation: "ask"})
			resp, err := client.Post(url, "text/plain", strings.NewReader("body"))
			if err != nil {
				return err
			}
			return resp.Body.Close()
		}
	}
	golden := filepath.Join(t.TempDir(), "requests.golden")
	require.NoError(t, os.WriteFile(golden, []byte("# ask: first\nPOST https://shop.example/a\nContent-Length: 4\nContent-Type: text/plain\n\nbody\n"), 0o600))

	assert.Empty(t, heard(func(c *complaints) { r.Play(c, "first", []string{`{"statusCode":404}`}, ask("https://shop.example/a")) }))
	assert.Empty(t, heard(func(c *complaints) { r.CheckGolden(c, golden, operations) }))
	assert.Equal(t, "no call sends pay", heard(func(c *complaints) { r.CheckGolden(c, golden, append(operations, sdk.Operation{Name: "pay"})) }))

	assert.Contains(t, heard(func(c *complaints) { r.Play(c, "second", []string{`[]`, `[]`}, ask("https://shop.example/b")) }), "sent fewer requests")
	assert.Contains(t, heard(func(c *complaints) { r.Play(c, "third", nil, ask("https://shop.example/c")) }), "sent more requests")
	assert.Contains(t, heard(func(c *complaints) { r.Play(c, "fourth", []string{""}, ask("https://shop.example/d")) }), "unexpected EOF")
	assert.Contains(t, heard(func(c *complaints) { r.CheckGolden(c, golden, operations) }), "line 8")
	r.OnAttempt(t.Context(), sdk.Attempt{Operation: "ask"})
	assert.Contains(t, heard(func(c *complaints) { r.CheckGolden(c, golden, operations) }), "4 requests, 5 attempts")
	assert.Contains(t, heard(func(c *complaints) { (&clienttest.Recorder{}).CheckGolden(c, golden+".none", nil) }), "no such file")

	type params struct{ A, B string }
	assert.Equal(t, params{"a", "b"}, clienttest.Filled(t, params{"a", "b"}))
	assert.Contains(t, heard(func(c *complaints) { clienttest.Filled(c, params{A: "a"}) }), "params.B is not set")
}
