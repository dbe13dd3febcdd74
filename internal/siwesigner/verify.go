package siwesigner

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"
)

// Verify reports whether a signature of 65 bytes (r, s, v) of a message as of
// EIP-191 is that of an address, whatever its letter case. It is what the fake's
// VerifySignature wants. v may count from 0 or from 27.
func Verify(address string, message, signature []byte) bool {
	if len(signature) != 65 {
		return false
	}
	v := signature[64]
	if v < 27 {
		v += 27
	}
	if v > 28 {
		return false
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{v}, signature[:64]...), digest(message))
	return err == nil && strings.EqualFold(addressOf(key), address)
}

// digest is what EIP-191 signs in the place of a text.
func digest(message []byte) []byte {
	return keccak([]byte("\x19Ethereum Signed Message:\n"+strconv.Itoa(len(message))), message)
}

// addressOf is the end of the hash of a public key, in the mixed case of EIP-55:
// a letter is capital where the hash of the small ones has a digit of 8 or more.
func addressOf(key *secp256k1.PublicKey) string {
	text := []byte(hex.EncodeToString(keccak(key.SerializeUncompressed()[1:])[12:]))
	for i, nibble := range hex.EncodeToString(keccak(text))[:len(text)] {
		if text[i] >= 'a' && nibble >= '8' {
			text[i] -= 'a' - 'A'
		}
	}
	return "0x" + string(text)
}

func keccak(parts ...[]byte) []byte {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		_, _ = h.Write(p) // never fails
	}
	return h.Sum(nil)
}
