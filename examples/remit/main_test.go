package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestBothArePaidAfterTheCorrection(t *testing.T) {
	t.Setenv("BITPESA_BASE_URL", "")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"server:     embedded fake", "funded:     received", "failed:     Ada recipient_error", "paid out:   paid",
		"webhook:    verified transaction.paid_in received", "webhook:    verified recipient.error error", "webhook:    verified transaction.paid_out paid",
	} {
		assert.Contains(t, out.String(), line+"\n")
	}
	_, costs, _ := strings.Cut(out.String(), "costs: ")
	costs, _, _ = strings.Cut(costs, "\n")
	assert.Contains(t, out.String(), "charged:    "+strings.TrimSpace(costs)+"\n")
}

func TestTheStoryRunsOnAServerOfItsOwn(t *testing.T) {
	server := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{RealTime: true, Speed: 600}})
	real := httptest.NewServer(server)
	defer real.Close()
	t.Setenv("BITPESA_BASE_URL", real.URL+"/v1")
	t.Setenv("BITPESA_KEY", bitpesatest.TestKey)
	t.Setenv("BITPESA_SECRET", bitpesatest.TestSecret)
	t.Setenv("BITPESA_WEBHOOK_URL", "")
	t.Setenv("BITPESA_LISTEN", "")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	assert.Contains(t, out.String(), "paid out:   paid\n")
	assert.NoError(t, server.CheckLedger())
}

func TestLiveServersAndMissingKeysAreRefused(t *testing.T) {
	t.Setenv("BITPESA_KEY", "key")
	t.Setenv("BITPESA_SECRET", "secret")
	for _, base := range []string{
		bitpesa.ProductionURL, bitpesa.BitPesaProductionURL, bitpesa.ProductionURL + "/v1", bitpesa.BitPesaProductionURL + "/",
		"https://API.transferzero.com:443", "https://api.transferzero.com./v1",
	} {
		t.Setenv("BITPESA_BASE_URL", base)
		_, err := connect()
		assert.ErrorContains(t, err, "live")
	}
	t.Setenv("BITPESA_BASE_URL", "http://localhost:8787/bitpesa")
	t.Setenv("BITPESA_SECRET", "")
	_, err := connect()
	assert.ErrorContains(t, err, "BITPESA_SECRET")
}
