package webhook

import (
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// BitPesaKey is an API key pair; BitPesa signs webhooks with the pair that the
// webhook was created with.
type BitPesaKey struct{ Key, Secret string }

// Format keeps the pair out of every fmt verb.
func (k BitPesaKey) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("webhook.BitPesaKey{...}")) }

// BitPesaSignatureConfig sets up BitPesaSignature.
type BitPesaSignatureConfig struct {
	// URL is the webhook's URL in the very text it was registered with, because
	// that is what BitPesa signs, whatever a proxy makes of it. Required.
	URL string
	// Keys are the pairs in use; during a rotation there are two. Required.
	Keys []BitPesaKey
	// Remember is how long a delivery is remembered, so that it cannot be sent
	// once more; 0 is 24 hours. BitPesa signs a nonce and no time.
	Remember time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// BitPesaSignature checks BitPesa's signature of a webhook (documented): the
// headers Authorization-Key, -Nonce and -Signature, the last one hex of
// HMAC-SHA512 over "nonce&POST&<registered URL>&<SHA-512 of the raw body in hex>".
// The key must be one of ours, and each delivery counts once. Proof.Secret is the
// number of the pair.
func BitPesaSignature(c BitPesaSignatureConfig) Authenticator {
	b := &bitpesaSignature{keys: map[string]bitpesaPair{}}
	fault := func(text string) {
		b.err = errors.Join(b.err, fmt.Errorf("%w: BitPesaSignature: %s", ErrConfiguration, text))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Contains(c.URL, "#") {
		fault("URL must be an absolute http or https URL without a fragment")
	}
	if len(c.Keys) == 0 {
		fault("no key")
	}
	for i, k := range c.Keys {
		if _, twice := b.keys[k.Key]; k.Key == "" || twice {
			fault(fmt.Sprintf("key %d is empty or given twice", i))
		}
		// The key itself is not signed: with its other key put in, a delivery
		// would count once more.
		if slices.ContainsFunc(c.Keys[:i], func(other BitPesaKey) bool { return other.Secret == k.Secret }) {
			fault(fmt.Sprintf("the secret of key %d is given twice", i))
		}
		one := Signature(SignatureConfig{Scheme: bitpesaScheme(c.URL), Hash: sha512.New, Remember: c.Remember, Now: c.Now}, k.Secret)
		b.err = errors.Join(b.err, faultOf(one))
		b.keys[k.Key] = bitpesaPair{one, i}
	}
	return b
}

type bitpesaSignature struct {
	keys map[string]bitpesaPair
	err  error
}

type bitpesaPair struct {
	Authenticator
	number int
}

func (b *bitpesaSignature) fault() error { return b.err }

func (b *bitpesaSignature) Authenticate(d *Delivery) (Proof, error) {
	key, err := onlyHeader(d, "Authorization-Key")
	if err != nil || b.err != nil {
		return Proof{}, ErrUnauthenticated
	}
	one, known := b.keys[key]
	if !known {
		return Proof{}, ErrUnauthenticated
	}
	proof, err := one.Authenticate(d)
	proof.Secret = one.number
	return proof, err
}

// bitpesaScheme reads the signature of a delivery to the registered URL.
func bitpesaScheme(registered string) Scheme {
	return func(d *Delivery, s *Signed) error {
		nonce, err := onlyHeader(d, "Authorization-Nonce")
		if err != nil {
			return err
		}
		signature, err := onlyHeader(d, "Authorization-Signature")
		if err != nil {
			return err
		}
		// With an ampersand the nonce could swallow what is signed behind it.
		if nonce == "" || strings.Contains(nonce, "&") || !s.Add(signature) {
			return errors.New("nonce or signature malformed")
		}
		s.Prefix = append(append(s.Prefix, nonce...), "&POST&"...)
		s.Prefix = append(append(s.Prefix, registered...), '&')
		sum := sha512.Sum512(s.Body)
		s.Prefix, s.Body = hex.AppendEncode(s.Prefix, sum[:]), nil
		s.Once = true
		return nil
	}
}
