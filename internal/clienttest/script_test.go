package clienttest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
)

func TestAScriptPlaysItsStepsAndTheLastOneForEver(t *testing.T) {
	s := clienttest.NewScript(nil, clienttest.Answer(201, "one", "X-A", "b"), clienttest.Answer(500, "two"))
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
