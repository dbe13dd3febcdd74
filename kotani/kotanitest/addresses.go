package kotanitest

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// address derives a user's address from the phone number. It looks like an
// address of the chain.
func (f *Fake) address(phone string, chain kotani.Chain) string {
	digits := f.ids().Derived(64, "address", phone)
	switch chain {
	case kotani.ChainStellar:
		raw, _ := hex.DecodeString(digits) // it is hex
		return "G" + strings.TrimRight(base32.StdEncoding.EncodeToString(raw), "=") + "AAA"
	case kotani.ChainTron:
		return "T" + strings.ReplaceAll(digits[:33], "0", "z")
	}
	return checksummed(digits[:40])
}

func (f *Fake) escrowAddress() string { return checksummed(f.ids().Derived(40, "escrow")) }

// sameAddress compares addresses. Letter case does not count on EVM chains.
func sameAddress(a, b string) bool {
	return a == b || strings.HasPrefix(a, "0x") && strings.EqualFold(a, b)
}

// isChecksummed reports whether a text is an EVM address: 0x, 40 hex digits, and the
// checksum of EIP-55. The specification refuses an address in small letters.
func isChecksummed(text string) bool { return looksLikeWallet(text) && checksummed(text[2:]) == text }

// looksLikeWallet does not look at the checksum.
func looksLikeWallet(text string) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	return ok && len(digits) == 40 && only(digits, "0123456789abcdefABCDEF")
}

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

// keccak256 is the hash of Ethereum: Keccak-256 with its first padding, which
// the standard library's SHA-3 is not. EIP-55 needs it.
func keccak256(data []byte) (sum [32]byte) {
	const rate = 136
	var a [25]uint64
	block := func(b []byte) {
		for i := range rate / 8 {
			a[i] ^= binary.LittleEndian.Uint64(b[8*i:])
		}
		keccakF(&a)
	}
	for ; len(data) >= rate; data = data[rate:] {
		block(data)
	}
	var last [rate]byte
	copy(last[:], data)
	last[len(data)] ^= 0x01
	last[rate-1] ^= 0x80
	block(last[:])
	for i := range 4 {
		binary.LittleEndian.PutUint64(sum[8*i:], a[i])
	}
	return sum
}

// keccakF is the permutation Keccak-f[1600]. Its round constants come from their
// shift register, its rotations from the walk over the lanes.
func keccakF(a *[25]uint64) {
	register := byte(1)
	for range 24 {
		var c [5]uint64
		for x := range 5 {
			c[x] = a[x] ^ a[x+5] ^ a[x+10] ^ a[x+15] ^ a[x+20]
		}
		for x := range 5 {
			d := c[(x+4)%5] ^ bits.RotateLeft64(c[(x+1)%5], 1)
			for y := 0; y < 25; y += 5 {
				a[x+y] ^= d
			}
		}
		x, y, lane := 1, 0, a[1]
		for t := range 24 {
			x, y = y, (2*x+3*y)%5
			a[x+5*y], lane = bits.RotateLeft64(lane, (t+1)*(t+2)/2%64), a[x+5*y]
		}
		for y := 0; y < 25; y += 5 {
			row := [5]uint64(a[y : y+5])
			for x := range 5 {
				a[y+x] = row[x] ^ ^row[(x+1)%5]&row[(x+2)%5]
			}
		}
		for j := range 7 {
			if register&1 != 0 {
				a[0] ^= 1 << (1<<j - 1)
			}
			carry := register >> 7
			register <<= 1
			if carry != 0 {
				register ^= 0x71
			}
		}
	}
}
