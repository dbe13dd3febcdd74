package webhook

import (
	"fmt"
	"strings"
)

// PathSecret asks for a secret as the last segment of the URL's path, compared
// in constant time. Several are valid at once, for rotation. Each must have at
// least 16 URL-safe characters; crypto/rand.Text makes good ones.
//
// Who runs the server must keep the path out of access logs.
func PathSecret(values ...string) Authenticator {
	for i, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return !urlSafe(r) }) {
			return pathSecret{secrets{err: fmt.Errorf("%w: PathSecret: secret %d needs escaping in a URL", ErrConfiguration, i)}}
		}
	}
	return pathSecret{newSecrets("PathSecret", minSecretBytes, values)}
}

type pathSecret struct{ secrets }

func (p pathSecret) Authenticate(d *Delivery) (Proof, error) {
	return p.check(lastSegment(d.Request.URL.Path))
}

func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// urlSafe are the unreserved characters of RFC 3986.
func urlSafe(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}
