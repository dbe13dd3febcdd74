package webhook

import (
	"errors"
	"fmt"
)

// AnyOf lets in who satisfies one of several authenticators, asked in order: to
// move from one way in to another, or for keys that come in pairs with ids.
func AnyOf(all ...Authenticator) Authenticator { return anyOf(all) }

type anyOf []Authenticator

func (a anyOf) fault() error {
	if len(a) == 0 {
		return fmt.Errorf("%w: AnyOf of nothing", ErrConfiguration)
	}
	var faults []error
	for _, one := range a {
		faults = append(faults, faultOf(one))
	}
	return errors.Join(faults...)
}

func (a anyOf) Authenticate(d *Delivery) (Proof, error) {
	for _, one := range a {
		proof, err := one.Authenticate(d)
		if err == nil || !errors.Is(err, ErrUnauthenticated) {
			return proof, err
		}
	}
	return Proof{}, ErrUnauthenticated
}
