package bitpesatest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemoryOfNoncesIsBounded(t *testing.T) {
	t.Parallel()
	n := &nonces{}
	for i := range maxNonces {
		n.first("key", strconv.Itoa(i))
	}
	assert.False(t, n.first("key", "0"))
	assert.True(t, n.first("key", "one more"))
	assert.Len(t, n.seen, maxNonces)
	assert.Len(t, n.used, maxNonces)
	assert.False(t, n.first("key", "1"), "the others are remembered")
	assert.True(t, n.first("key", "0"), "the oldest is forgotten")
}
