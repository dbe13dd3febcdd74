package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheWorthOfTheCoinsIsPaidOnce(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"quoted:    10 cUSD are 1300 KES\n", "paid out:  wages-2026-04-jane PENDING\n",
		"callback:  wages-2026-04-jane SUCCESSFUL confirmed\n", "spent:     1300.00 KES, once\n",
	} {
		assert.Contains(t, out.String(), line)
	}
}
