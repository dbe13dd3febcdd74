package kasapaytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const tokenHeader = "X-Access-Token"

// claims is what a token says. The platform's tokens were seen to be JWTs signed
// with HS256. The document shows an opaque text, and clients should take it so.
// A token holds everything its check needs, so the fake keeps none.
type claims struct {
	ClientID   string `json:"client_id"`
	Authorized bool   `json:"authorized"`
	IssuedAt   int64  `json:"iat"`
	Expires    int64  `json:"exp"`
	Number     int    `json:"number"` // counts the tokens given out, this one included
	Epoch      int    `json:"epoch"`  // grows when all tokens are expired at once
}

const tokenHead = `{"alg":"HS256","typ":"JWT"}`

// login is POST /v1/auth.
func (f *Fake) login(rw http.ResponseWriter, r *http.Request) {
	fields, ok := readObject(r)
	if !ok {
		f.problem(rw, http.StatusBadRequest, "The body is not a JSON object")
		return
	}
	if faults := fields.missing("consumer_key", "consumer_secret"); len(faults) > 0 {
		f.problem(rw, http.StatusBadRequest, faults)
		return
	}
	if fields["consumer_key"] != f.config.ConsumerKey || fields["consumer_secret"] != f.config.ConsumerSecret {
		f.problem(rw, http.StatusBadRequest, "Invalid Authentication Credentials")
		return
	}
	body := response{"access_token": f.newToken()}
	lifetime := int(f.config.TokenLifetime / time.Second)
	switch {
	case f.config.Quirks.OmitExpiry:
	case f.config.Quirks.SnakeCaseExpiry:
		body["expires_in"] = lifetime
	default:
		body["expiresIn"] = lifetime
	}
	f.write(rw, f.success(), body)
}

func (f *Fake) newToken() string {
	f.world.Lock()
	defer f.world.Unlock()
	f.state.Tokens++
	now := f.world.Now()
	text := fake.Encode(claims{
		ClientID: f.config.ConsumerKey, Authorized: true,
		IssuedAt: now.Unix(), Expires: now.Add(f.config.TokenLifetime).Unix(),
		Number: f.state.Tokens, Epoch: f.state.TokenEpoch,
	})
	signed := base64.RawURLEncoding.EncodeToString([]byte(tokenHead)) + "." + base64.RawURLEncoding.EncodeToString(text)
	return signed + "." + f.signature(signed)
}

func (f *Fake) signature(signed string) string {
	mac := hmac.New(sha256.New, []byte(f.world.IDs(providerName).Derived(64, "token")))
	mac.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// authorised wants a token in the header, without a prefix.
func (f *Fake) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		if failed := f.bad(r.Header.Get(tokenHeader)); failed != "" {
			fake.Because(rw, failed)
			f.problem(rw, f.config.Quirks.TokenStatus, "Invalid access token")
			return
		}
		next(rw, r)
	}
}

// bad tells why a token does not count; the client does not hear it.
func (f *Fake) bad(token string) (failed string) {
	f.world.Lock()
	defer f.world.Unlock()
	if token == "" {
		return "the header " + tokenHeader + " is missing"
	}
	end := strings.LastIndexByte(token, '.')
	if end < 0 || token[end+1:] != f.signature(token[:end]) {
		return "the token was not made by this server"
	}
	_, body, _ := strings.Cut(token[:end], ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	var c claims
	if err != nil || json.Unmarshal(text, &c) != nil {
		return "the token cannot be read"
	}
	switch {
	case c.Epoch != f.state.TokenEpoch || c.Number > f.state.Tokens:
		return "the token is not valid any more"
	case f.world.Now().Unix() >= c.Expires:
		return "the token has expired"
	}
	return ""
}
