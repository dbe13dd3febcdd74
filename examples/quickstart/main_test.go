package main

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTheStoryEndsWithTheDeliveryPaidOnce(t *testing.T) {
	t.Setenv("KAPITEN_BASE_URL", "")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{"server:     embedded fake", "top-up:     5000 RWF SUCCESS", "estimate:   1200 RWF", "callback:   COMPLETED", "charged:    1200 RWF"} {
		assert.Contains(t, out.String(), line+"\n")
	}
}

func TestTheStoryRunsOnAServerOfItsOwn(t *testing.T) {
	server := kapitentest.NewServer(t, kapitentest.Config{Autopilot: true, Options: fake.Options{RealTime: true, Speed: 600}})
	real := httptest.NewServer(server)
	defer real.Close()
	t.Setenv("KAPITEN_BASE_URL", real.URL)
	t.Setenv("KAPITEN_TOKEN", server.AddCompany(kapitentest.Company{}).Token)
	t.Setenv("KAPITEN_PHONE", "0788120001") // the payer refuses
	var out bytes.Buffer
	require.ErrorContains(t, run(t.Context(), &out), "the top-up ended as FAILED")
	t.Setenv("KAPITEN_PHONE", "")
	require.NoError(t, run(t.Context(), &out))
	assert.Contains(t, out.String(), "charged:    1200 RWF\n")
}

func TestARealServerIsNotBilledToAStranger(t *testing.T) {
	t.Setenv("KAPITEN_BASE_URL", "https://api.kapiteni.com")
	t.Setenv("KAPITEN_TOKEN", "token")
	t.Setenv("KAPITEN_PHONE", "")
	_, err := connect()
	assert.ErrorContains(t, err, "KAPITEN_PHONE")
}
