package webhook

import (
	"errors"
	"net/http"
	"strings"
)

// HexHeader is the scheme of a header that holds a prefix, such as "sha256=", and
// the hex HMAC of the raw body. It signs neither time nor nonce: an old delivery
// can be sent again, and only the inbox sees that.
func HexHeader(header, prefix string) Scheme {
	header = http.CanonicalHeaderKey(header)
	return func(d *Delivery, s *Signed) error {
		value, err := onlyHeader(d, header)
		if err != nil {
			return err
		}
		signature, ok := strings.CutPrefix(value, prefix)
		if !ok || !s.Add(signature) {
			return errors.New("signature malformed")
		}
		return nil
	}
}
