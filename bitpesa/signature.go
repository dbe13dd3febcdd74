package bitpesa

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
)

// Signature returns the value of the Authorization-Signature header:
// lower-case hex of HMAC-SHA512 over
//
//	nonce & METHOD & URL & SHA-512 of the body in lower-case hex
//
// joined by single ampersands (documented). The key is the secret's text as the
// portal shows it, not decoded. url is the full URL exactly as on the wire: the
// host and port of the Host header, path and query as they are encoded there, no
// fragment. body is the raw body, empty without one. Webhook deliveries are
// signed in the same way over the URL as it was registered.
//
// The Client signs by itself; this function serves tests, and services outside
// of its reach such as the vendor's reports.
func Signature(secret, nonce, method, url string, body []byte) string {
	sum := sha512.Sum512(body)
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write(appendSigned(nil, nonce, method, url, &sum))
	return hex.EncodeToString(mac.Sum(nil))
}

func appendSigned[T string | []byte](dst []byte, nonce T, method string, url T, sum *[sha512.Size]byte) []byte {
	dst = append(append(dst, nonce...), '&')
	dst = append(append(dst, method...), '&')
	dst = append(append(dst, url...), '&')
	return hex.AppendEncode(dst, sum[:])
}
