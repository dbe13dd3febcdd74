package bitpesatest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Headers of a signed request; webhooks carry the same.
const (
	headerKey       = "Authorization-Key"
	headerNonce     = "Authorization-Nonce"
	headerSignature = "Authorization-Signature"
	headerSecret    = "Authorization-Secret"
)

// mac is the documented signature: lower-case hex over the nonce, the method, the
// URL as on the wire and the hash of the raw body.
func mac(secret, nonce, method, url string, body []byte) string {
	sum := sha512.Sum512(body)
	h := hmac.New(sha512.New, []byte(secret))
	_, _ = io.WriteString(h, nonce+"&"+method+"&"+url+"&"+hex.EncodeToString(sum[:])) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

// authenticate finds the account which signed a request, or tells which check has
// failed; the client does not hear it. Only a right signature uses up its nonce. The
// lock is held.
func (f *Fake) authenticate(r *http.Request, body []byte) (a *account, failed string) {
	key, ok := f.keys[single(r.Header, headerKey)]
	if !ok {
		return nil, headerKey + " is missing or unknown"
	}
	a = f.state.Accounts[key.Key]
	if secret := single(r.Header, headerSecret); secret != "" && f.config.Quirks.AllowSecretHeader {
		if !hmac.Equal([]byte(secret), []byte(key.Secret)) {
			return nil, headerSecret + " is wrong"
		}
		return a, ""
	}
	nonce, signature := single(r.Header, headerNonce), single(r.Header, headerSignature)
	switch {
	case nonce == "" || signature == "":
		return nil, headerNonce + " or " + headerSignature + " is missing"
	case !f.signed(r, key.Secret, nonce, signature, body):
		return nil, "the signature does not match: it covers nonce, method, " + f.world.WireURL(r) + " and the SHA-512 of the body"
	case !f.state.Nonces.first(key.Key, nonce):
		return nil, "the nonce was used before"
	}
	return a, ""
}

func (f *Fake) signed(r *http.Request, secret, nonce, signature string, body []byte) bool {
	url := f.world.WireURL(r)
	if hmac.Equal([]byte(signature), []byte(mac(secret, nonce, r.Method, url, body))) {
		return true
	}
	other := asJavaScriptSigns(url)
	return !f.config.Quirks.StrictQuery && other != url &&
		hmac.Equal([]byte(signature), []byte(mac(secret, nonce, r.Method, other, body)))
}

// asJavaScriptSigns is a URL as the vendor's JavaScript SDK signs it: with five
// characters of the query unescaped, although it sends them escaped.
func asJavaScriptSigns(url string) string {
	path, query, _ := strings.Cut(url, "?")
	if query == "" {
		return url
	}
	return path + "?" + strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(query)
}

// single is the value of a header which the request has exactly once.
func single(h http.Header, name string) string {
	if v := h[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// maxNonces bounds the memory of used nonces: the oldest are forgotten. The vendor
// does not say how long it remembers them.
const maxNonces = 1 << 16

// nonces remembers each used pair of key and nonce.
type nonces struct {
	seen map[string]bool
	used []string // oldest first
}

// first notes a nonce and reports whether it is new.
func (n *nonces) first(key, nonce string) bool {
	sum := sha256.Sum256([]byte(key + "\x00" + nonce))
	id := hex.EncodeToString(sum[:16]) // a nonce may be long
	if n.seen[id] {
		return false
	}
	n.note(id)
	return true
}

func (n *nonces) note(id string) {
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[id] = true
	n.used = append(n.used, id)
	if len(n.used) > maxNonces {
		delete(n.seen, n.used[0])
		n.used = n.used[1:]
	}
}

// MarshalJSON implements json.Marshaler: a list, oldest first.
func (n *nonces) MarshalJSON() ([]byte, error) { return json.Marshal(append([]string{}, n.used...)) }

// UnmarshalJSON implements json.Unmarshaler.
func (n *nonces) UnmarshalJSON(data []byte) error {
	var ids []string
	if err := json.Unmarshal(data, &ids); err != nil {
		return err
	}
	*n = nonces{}
	for _, id := range ids {
		n.note(id)
	}
	return nil
}
