package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOfThreeSuppliersOneIsPaidOneFailsAndOneIsReversed(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"callback: flour-7-paid 700 advanced: ", "callback: sugar-7-failed 701 advanced: ",
		"callback: oil-7-reversed 700 advanced: ", "callback: oil-7-reversed 702 reversed: ",
		"spent:    1500.00 KES, of which every shilling arrived\n",
	} {
		assert.Contains(t, out.String(), line)
	}
}
