package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// Ways in that a person could guess are no ways in: 16 characters hold 128 bits
// only when they are raw bytes, but anything shorter never does.
const minSecretBytes = 16

// secrets of one way in. The values live in a closure, where no %+v finds them.
type secrets struct {
	match func(given string) int
	err   error
}

func newSecrets(what string, shortest int, values []string) secrets {
	if len(values) == 0 {
		return secrets{err: fmt.Errorf("%w: %s: no secret", ErrConfiguration, what)}
	}
	sums := make([][sha256.Size]byte, len(values))
	for i, v := range values {
		if len(v) < shortest {
			return secrets{err: fmt.Errorf("%w: %s: secret %d has fewer than %d bytes", ErrConfiguration, what, i, shortest)}
		}
		sums[i] = sha256.Sum256([]byte(v))
	}
	return secrets{match: func(given string) int {
		// Equal lengths after hashing, all compared: time tells nothing.
		sum, found := sha256.Sum256([]byte(given)), -1
		for i := range sums {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], sums[i][:]), i, found)
		}
		return found
	}}
}

func (s secrets) fault() error { return s.err }

func (s secrets) check(given string) (Proof, error) {
	if s.err != nil || given == "" {
		return Proof{}, ErrUnauthenticated
	}
	i := s.match(given)
	if i < 0 {
		return Proof{}, ErrUnauthenticated
	}
	return Proof{Secret: i}, nil
}
