package kotanitest

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKeccak256(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":    "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
		"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
		"The quick brown fox jumps over the lazy dog": "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15",
	} {
		sum := keccak256([]byte(text))
		assert.Equal(t, want, hex.EncodeToString(sum[:]))
	}
	seen := map[[32]byte]bool{} // around the block size no two lengths collide
	for n := range 300 {
		seen[keccak256(make([]byte, n))] = true
	}
	assert.Len(t, seen, 300)
}

// The examples of EIP-55.
func TestAddressChecksum(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
		"0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
	} {
		assert.Equal(t, address, checksummed(address[2:]))
		assert.Equal(t, address, checksummed(strings.ToLower(address[2:])))
	}
}
