package bitpesa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"sync"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Signature returns the value of the Authorization-Signature header. The Client
// signs by itself. Call Signature in tests, and for services that the Client does
// not reach, such as the vendor's reports.
//
// The signature is the lower-case hex of HMAC-SHA512 over
//
//	nonce & METHOD & URL & SHA-512 of the body in lower-case hex
//
// joined by single ampersands (documented). The HMAC key is the secret's text as
// the portal shows it, not decoded. url is the full URL exactly as on the wire: the
// host and port of the Host header, path and query as they are encoded there, and
// no fragment. body is the raw body, or empty. Webhook deliveries are signed in the
// same way, over the URL as it was registered.
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

// signer signs attempts, each with its own nonce. The secret is reachable only
// through a closure, where no %+v finds it.
type signer struct {
	key  []string
	pool sync.Pool // of *scratch: setting an HMAC key costs more than hashing a short body
}

// scratch is the memory of one signature, besides its result.
type scratch struct {
	mac    hash.Hash
	url    []byte
	signed []byte
	sum    [sha512.Size]byte
	header [nonceLength + 2*sha512.Size]byte
	random [16]byte
}

func newSigner(key, secret string) *signer {
	s := &signer{key: []string{key}}
	s.pool.New = func() any { return &scratch{mac: hmac.New(sha512.New, []byte(secret))} }
	return s
}

var contentType = []string{"application/json"}

// authorize adds the three headers to one attempt. req.URL is final here, so the
// client signs exactly the URL that it sends.
func (s *signer) authorize(req *http.Request, _ sdk.Operation, body []byte, _ string) error {
	w := s.pool.Get().(*scratch)
	defer s.pool.Put(w)
	_, _ = rand.Read(w.random[:]) // never fails: crypto/rand ends the program instead
	appendUUID(w.header[:0], &w.random)

	w.sum = sha512.Sum512(body)
	w.url = appendURL(w.url[:0], req)
	w.signed = appendSigned(w.signed[:0], w.header[:nonceLength], req.Method, w.url, &w.sum)

	w.mac.Reset()
	w.mac.Write(w.signed)
	w.mac.Sum(w.sum[:0])
	hex.Encode(w.header[nonceLength:], w.sum[:])

	text := string(w.header[:]) // nonce and signature in one allocation
	values := []string{text[:nonceLength], text[nonceLength:]}
	req.Header["Authorization-Key"] = s.key
	req.Header["Authorization-Nonce"] = values[0:1:1]
	req.Header["Authorization-Signature"] = values[1:2:2]
	req.Header["Content-Type"] = contentType // on GET too (documented)
	return nil
}

// appendURL appends the URL as net/http puts it on the wire.
func appendURL(dst []byte, req *http.Request) []byte {
	dst = append(append(dst, req.URL.Scheme...), "://"...)
	dst = append(dst, req.Host...)
	return append(dst, req.URL.RequestURI()...)
}

const nonceLength = 36

// appendUUID appends a UUID version 4, which the vendor advises for nonces, made of
// the given random bytes.
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
