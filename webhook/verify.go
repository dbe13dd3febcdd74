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
	if s, ok := all[0].(*signature); ok && len(all) == 1 && s.err == nil {
		return s.check(r, body) // the hot path of those who verify themselves
	}
	proof, err := authenticate(&Delivery{Request: r, body: body}, all)
	if err == nil {
		return proof, nil
	}
	for _, a := range all {
		// A faulty authenticator lets nobody in; better to be told why.
		if fault := faultOf(a); fault != nil {
			return Proof{}, fault
		}
	}
	return Proof{}, err
}
