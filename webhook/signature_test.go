package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

var stamped = webhook.SignatureConfig{Scheme: webhook.Timestamped("Shop-Signature"), Now: atNoon}

func sign(h func() hash.Hash, secret, text string) string {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func v1(secret string, at time.Time, body string) string {
	return sign(sha256.New, secret, fmt.Sprintf("%d.%s", at.Unix(), body))
}

func signedBy(header, value, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if value != "" {
		r.Header.Set(header, value)
	}
	return r
}

func TestTimestampedSignature(t *testing.T) {
	body := paid("o1")
	stamp := strconv.FormatInt(noon.Unix(), 10)
	good := v1("whsec_new", noon, body)
	old := v1("whsec_old", noon, body)
	wrong := strings.Repeat("0", 64)
	shifted := func(d time.Duration) string {
		at := noon.Add(d)
		return fmt.Sprintf("t=%d,v1=%s", at.Unix(), v1("whsec_new", at, body))
	}
	for _, c := range []struct {
		name, header string
		secret       int // -1: refused
	}{
		{"right", "t=" + stamp + ",v1=" + good, 0},
		{"old secret", "t=" + stamp + ",v1=" + old, 1},
		{"several, one right", "t=" + stamp + ",v1=" + wrong + ",v1=" + old, 1},
		{"in capitals", "t=" + stamp + ",v1=" + strings.ToUpper(good), 0},
		{"time last", "v1=" + good + ",t=" + stamp, 0},
		{"two pairs separated by a space", "t=" + stamp + ",v1=" + wrong + " t=" + stamp + ",v1=" + good, 0},
		{"comma and space", "t=" + stamp + ", v1=" + good, 0},
		{"unknown version beside it", "t=" + stamp + ",v0=abc,v1=" + good, 0},
		{"as old as it may be", shifted(-5 * time.Minute), 0},
		{"as new as it may be", shifted(5 * time.Minute), 0},

		{"too old", shifted(-5*time.Minute - time.Second), -1},
		{"too new", shifted(5*time.Minute + time.Second), -1},
		{"a thousand hours ahead", shifted(1000 * time.Hour), -1},
		{"no header", "", -1},
		{"wrong", "t=" + stamp + ",v1=" + wrong, -1},
		{"empty", "t=" + stamp + ",v1=", -1},
		{"without signature", "t=" + stamp, -1},
		{"other version only", "t=" + stamp + ",v0=" + good, -1},
		{"old spelling only", "t=" + stamp + ",s=" + good, -1},
		{"without time", "v1=" + good, -1},
		{"empty time", "t=,v1=" + good, -1},
		{"two times, the right one last", "t=1,t=" + stamp + ",v1=" + good, -1},
		{"two times", "t=" + stamp + ",t=1,v1=" + good, -1},
		{"time with a sign", "t=+" + stamp + ",v1=" + good, -1},
		{"time with a zero in front", "t=0" + stamp + ",v1=" + good, -1},
		{"time in milliseconds", "t=" + stamp + "000,v1=" + v1("whsec_new", noon, body), -1},
		{"time out of range", "t=99999999999999999999,v1=" + good, -1},
		{"one digit short", "t=" + stamp + ",v1=" + good[:63], -1},
		{"cut to half", "t=" + stamp + ",v1=" + good[:32], -1},
		{"not hex", "t=" + stamp + ",v1=" + strings.Repeat("g", 64), -1},
		{"nine signatures", "t=" + stamp + strings.Repeat(",v1="+wrong, 8) + ",v1=" + good, -1},
		{"SHA-1", "t=" + stamp + ",v1=" + good[:40], -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := webhook.Signature(stamped, "whsec_new", "whsec_old")
			proof, err := webhook.Verify(signedBy("Shop-Signature", c.header, ""), []byte(body), a)
			if c.secret < 0 {
				require.ErrorIs(t, err, webhook.ErrUnauthenticated)
				assert.Equal(t, webhook.ErrUnauthenticated.Error(), err.Error(), "no detail, least of all the expected signature")
				return
			}
			require.NoError(t, err)
			assert.True(t, proof.Signed)
			assert.Equal(t, c.secret, proof.Secret)
		})
	}
}

func TestSignatureCoversTheRawBody(t *testing.T) {
	body := paid("o1")
	header := fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body))
	for _, other := range []string{body + " ", " " + body, strings.Replace(body, "o1", "o2", 1), ""} {
		_, err := webhook.Verify(signedBy("Shop-Signature", header, ""), []byte(other), webhook.Signature(stamped, "whsec"))
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, other)
	}
}

func TestSignatureRefusesTwoHeaders(t *testing.T) {
	body := paid("o1")
	header := fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body))
	r := signedBy("Shop-Signature", header, "")
	r.Header.Add("Shop-Signature", header)
	_, err := webhook.Verify(r, []byte(body), webhook.Signature(stamped, "whsec"))
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
	_, err = webhook.Verify(signedBy("Shop-Signature", header+strings.Repeat(",x=y", 2000), ""), []byte(body), webhook.Signature(stamped, "whsec"))
	require.ErrorIs(t, err, webhook.ErrUnauthenticated)
}

func TestASignedDeliveryThatComesAgainIsADuplicate(t *testing.T) {
	body := paid("o1")
	header := fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body))
	h, l := merchant(t, func(c *setup) { c.Auth = webhook.Signature(stamped, "whsec") })
	l.fail = errors.New("database away")
	assert.Equal(t, 500, send(h, signedBy("Shop-Signature", header, body)).Code)
	l.fail = nil
	later := noon.Add(time.Minute)
	for _, header := range []string{header, header, fmt.Sprintf("t=%d,v1=%s", later.Unix(), v1("whsec", later, body))} {
		w := send(h, signedBy("Shop-Signature", header, body))
		assert.Equal(t, 201, w.Code)
		assert.Equal(t, `{"reference":"o1","reply":"OK"}`, w.Body.String())
	}
	require.Equal(t, []string{"o1 PAID"}, l.told())
	assert.Equal(t, webhook.Verified, l.events[0].Trust)
}

func TestHexHeaderSignature(t *testing.T) {
	body := paid("o1")
	good := sign(sha256.New, "whsec", body)
	a := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "sha256=")}, "whsec")
	for range 2 {
		// Nothing in it is new each time, so the same bytes may come twice.
		proof, err := webhook.Verify(signedBy("X-Shop-Signature", "sha256="+good, ""), []byte(body), a)
		require.NoError(t, err)
		assert.True(t, proof.Signed)
	}
	for _, header := range []string{"", good, "sha256=", "sha256=" + good + "00", "SHA256=" + good, "sha1=" + good, "sha256= " + good, "sha256=" + sign(sha256.New, "other", body)} {
		_, err := webhook.Verify(signedBy("X-Shop-Signature", header, ""), []byte(body), a)
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, header)
	}
}

// nonced signs a nonce, the registered URL and the body's hash, with SHA-512.
func nonced(url string) webhook.SignatureConfig {
	return webhook.SignatureConfig{Hash: sha512.New, Now: atNoon, Scheme: func(d *webhook.Delivery, s *webhook.Signed) error {
		nonce := d.Request.Header.Get("Authorization-Nonce")
		if nonce == "" || !s.Add(d.Request.Header.Get("Authorization-Signature")) {
			return errors.New("missing")
		}
		sum := sha512.Sum512(s.Body)
		s.Prefix = fmt.Appendf(s.Prefix, "%s&POST&%s&%x", nonce, url, sum)
		s.Body = nil
		return nil
	}}
}

func TestSchemeMaySignAnythingAndUseANonce(t *testing.T) {
	const url, body = "http://localhost:9090/hooks/bitpesa?tenant=a", `{"webhook":"fd599451-4f3c-4045-91e1-d68ed12ffb75","event":"transaction.paid_in","object":{"id":"5f44026b-7904-4c30-87d6-f8972d790ded"}}`
	request := func(nonce string) *http.Request {
		r := request("/")
		sum := sha512.Sum512([]byte(body))
		r.Header.Set("Authorization-Nonce", nonce)
		r.Header.Set("Authorization-Signature", sign(sha512.New, "test-secret", fmt.Sprintf("%s&POST&%s&%x", nonce, url, sum)))
		return r
	}
	a := webhook.Signature(nonced(url), "test-secret")
	first := request("nonce-0003")
	assert.Equal(t, "bfbf44b5d25e724a64c13c541f67e2cb6d9c5201358cc7a30b71d410bca95a20649148032a64a342f523e974efb84369414101467a1433c97096e33eefa11e6f",
		first.Header.Get("Authorization-Signature"), "vector V6 of the BitPesa fact sheet")
	_, err := webhook.Verify(first, []byte(body), a)
	require.NoError(t, err)
	_, err = webhook.Verify(request("nonce-0004"), []byte(body), a)
	require.NoError(t, err)
	_, err = webhook.Verify(request("nonce-0005"), []byte(body), webhook.Signature(nonced(url+"b"), "test-secret"))
	require.ErrorIs(t, err, webhook.ErrUnauthenticated, "signed for another URL")
}

func TestSignatureRefusesWeakHashes(t *testing.T) {
	cfg := stamped
	cfg.Hash = sha256.New224
	_, err := webhook.Verify(request("/"), nil, webhook.Signature(cfg, "whsec"))
	require.ErrorIs(t, err, webhook.ErrConfiguration)
}
