package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACallbackWithoutATransactionIsRefused(t *testing.T) {
	var out, log bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), []string{"-provider", "kpay", "-callback", "https://example.com"}, func(string) string { return "" }, &out, &log))
	assert.Contains(t, log.String(), "-callback needs -spend")
}

func TestALagOfTheLookupIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distortion{}
		target := openDistorted(t, "kasapay", d)
		looks := 0
		d.lag, d.until = 2, func(r *http.Request) bool {
			if strings.Contains(r.URL.Path, "conform-2") {
				looks++
				return true
			}
			return false
		}
		text, _ := printed(t, target, true)
		assert.Contains(t, text, "lookup: ")
		assert.NotContains(t, text, "found after 0s")
		assert.NotZero(t, looks)
	})
}

func TestACallbackIsDescribed(t *testing.T) {
	h, err := receive(options{callback: "https://shop.example/hook", listen: "127.0.0.1:0"})
	require.NoError(t, err)
	defer h.close()
	response, err := send(t, "http://"+h.address+"/hook", `{"refid":"R-1","payer":{"name":"Jane"}}`)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	got := h.wait(t.Context(), options{patience: time.Minute})
	require.Len(t, got, 1)
	assert.Equal(t, []string{"payer", "refid"}, got[0].Fields)
	assert.NotContains(t, got[0].Headers, "R-1")
}

func send(t *testing.T, url, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	return http.DefaultClient.Do(r)
}
