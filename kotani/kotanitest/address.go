package kotanitest

import (
	"encoding/hex"
	"strings"
)

// checksummed is an address of 40 hex digits in the letter case of EIP-55.
func checksummed(digits string) string {
	text := []byte(strings.ToLower(digits))
	sum := keccak256(text)
	mask := hex.EncodeToString(sum[:])
	for i, c := range text {
		if c >= 'a' && mask[i] >= '8' {
			text[i] = c - 'a' + 'A'
		}
	}
	return "0x" + string(text)
}
