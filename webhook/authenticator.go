package webhook

import "fmt"

// Authenticator decides whether a delivery comes from the provider. Everything
// but its own faults it reports as ErrUnauthenticated without detail; a failure
// of Delivery.Body it returns as it is. Safe for concurrent use.
type Authenticator interface {
	Authenticate(d *Delivery) (Proof, error)
}

// faulty is what an Authenticator may have besides: what is wrong with its own
// settings. New refuses it, and it lets nobody in.
type faulty interface{ fault() error }

// authenticate asks all; one refusal is enough.
func authenticate(d *Delivery, all []Authenticator) (Proof, error) {
	var sum Proof
	for _, a := range all {
		p, err := a.Authenticate(d)
		if err != nil {
			sum.Forget()
			return Proof{}, err
		}
		sum.add(p)
	}
	return sum, nil
}

func faultOf(a Authenticator) error {
	if a == nil {
		return fmt.Errorf("%w: nil authenticator", ErrConfiguration)
	}
	if f, ok := a.(faulty); ok {
		return f.fault()
	}
	return nil
}
