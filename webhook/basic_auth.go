package webhook

import "fmt"

// BasicAuth asks for HTTP basic authentication, for senders that take a callback
// URL with user and password in it. Several passwords are valid at once.
func BasicAuth(user string, passwords ...string) Authenticator {
	if user == "" {
		return basicAuth{user: secrets{err: fmt.Errorf("%w: BasicAuth: no user", ErrConfiguration)}}
	}
	return basicAuth{newSecrets("BasicAuth", 1, []string{user}), newSecrets("BasicAuth", 1, passwords)}
}

type basicAuth struct{ user, password secrets }

func (b basicAuth) fault() error {
	if b.user.err != nil {
		return b.user.err
	}
	return b.password.err
}

func (b basicAuth) Authenticate(d *Delivery) (Proof, error) {
	user, password, ok := d.Request.BasicAuth()
	if !ok {
		return Proof{}, ErrUnauthenticated
	}
	// Both are always compared, so that time does not tell users apart.
	_, wrongUser := b.user.check(user)
	proof, err := b.password.check(password)
	if wrongUser != nil {
		return Proof{}, ErrUnauthenticated
	}
	return proof, err
}
