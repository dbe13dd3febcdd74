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

// signer signs attempts, each with a nonce of its own. The secret is reachable
// only through a closure, where no %+v finds it.
type signer struct {
	key  []string
	pool sync.Pool // of *scratch: setting an HMAC key costs more than a short body
}

// scratch is what one signature needs besides its result.
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

// authorize adds the three headers to one attempt. req.URL is final here, so
// that what is signed is what goes on the wire.
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
