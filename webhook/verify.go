package webhook

import (
	"fmt"
	"net/http"
)

// Verify authenticates a request whose raw body has been read already, for
// pipelines that do not use Handler. All authenticators must agree; without any
// it fails. The body must be the bytes as received: see ReadBody.
func Verify(r *http.Request, body []byte, all ...Authenticator) (Proof, error) {
	if len(all) == 0 {
		return Proof{}, fmt.Errorf("%w: nothing to verify with", ErrConfiguration)
	}
	for _, a := range all {
		if err := faultOf(a); err != nil {
			return Proof{}, err
		}
	}
	return authenticate(&Delivery{Request: r, body: body}, all)
}
