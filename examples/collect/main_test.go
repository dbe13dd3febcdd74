package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheOrderIsPaidOnceThroughATimeout(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"timeout:   the response got lost; KPay was asked for the reference", "postback:  01 Successfully processed transaction. (confirmed)",
		"again:     refused, kpay: pay: duplicate: HTTP 200, code 608 (outcome: rejected)", "collected: 4200 RWF once",
	} {
		assert.Contains(t, out.String(), line+"\n")
	}
}
