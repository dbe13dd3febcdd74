package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheOrderIsPaidOnceThoughAResponseGetsLost(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"lost:      the response got lost; KPay was asked for the reference", "postback:  01 Successfully processed transaction. (confirmed)",
		"again:     exists already, 01 Successfully processed transaction.", "collected: 4200 RWF once",
	} {
		assert.Contains(t, out.String(), line+"\n")
	}
}
