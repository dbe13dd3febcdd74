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

// isAddress reports whether a text is 0x and 40 hex digits with a right
// checksum.
func isAddress(text string) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	return ok && len(digits) == 40 && only(digits, "0123456789abcdefABCDEF") && checksummed(digits) == text
}
