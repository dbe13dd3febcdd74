package webhook

import (
	"fmt"
	"net/url"
)

// QuerySecret asks for a secret in a parameter of the URL's query, which must
// stand there exactly once. Otherwise as PathSecret.
func QuerySecret(parameter string, values ...string) Authenticator {
	if parameter == "" {
		return querySecret{secrets: secrets{err: fmt.Errorf("%w: QuerySecret: no parameter", ErrConfiguration)}}
	}
	return querySecret{newSecrets("QuerySecret", minSecretBytes, values), parameter}
}

type querySecret struct {
	secrets
	parameter string
}

func (q querySecret) Authenticate(d *Delivery) (Proof, error) {
	query, err := url.ParseQuery(d.Request.URL.RawQuery)
	if err != nil || len(query[q.parameter]) != 1 {
		return Proof{}, ErrUnauthenticated
	}
	return q.check(query[q.parameter][0])
}
