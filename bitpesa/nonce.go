package bitpesa

import "encoding/hex"

const nonceLength = 36

// appendUUID appends a UUID version 4, which the vendor advises for nonces, made
// of the given random bytes.
func appendUUID(dst []byte, random *[16]byte) []byte {
	b := *random
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	for i, part := range [...][]byte{b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
