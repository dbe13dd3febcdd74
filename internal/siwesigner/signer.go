package siwesigner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Signer signs FiatConnect logins, and nothing else, with a key of its own.
type Signer struct {
	key     *secp256k1.PrivateKey
	address string
}

// New takes a private key of 32 bytes.
func New(privateKey []byte) (*Signer, error) {
	var scalar secp256k1.ModNScalar
	if len(privateKey) != 32 || scalar.SetByteSlice(privateKey) || scalar.IsZero() {
		return nil, errors.New("siwesigner: not a private key of secp256k1")
	}
	return newSigner(secp256k1.NewPrivateKey(&scalar)), nil
}

// Generate makes a wallet that did not exist before.
func Generate() (*Signer, error) {
	key, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, err
	}
	return newSigner(key), nil
}

func newSigner(key *secp256k1.PrivateKey) *Signer {
	return &Signer{key: key, address: addressOf(key.PubKey())}
}

// Address is the wallet's, in the mixed case of EIP-55.
func (s *Signer) Address() string { return s.address }

// SignMessage signs a login message of this wallet. It refuses any other text:
// whoever can have a text signed must not get a signature that means something
// else.
func (s *Signer) SignMessage(_ context.Context, message []byte) ([]byte, error) {
	login, err := kotani.ParseSIWEMessage(string(message))
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(login.Address, s.address) {
		return nil, errors.New("siwesigner: the login is another wallet's")
	}
	return s.sign(message), nil
}

func (s *Signer) sign(message []byte) []byte {
	// The library counts the recovery code from 27, as Ethereum does, and puts
	// it first; Ethereum puts it last.
	compact := ecdsa.SignCompact(s.key, digest(message), false)
	return append(compact[1:], compact[0])
}

// Format keeps the key out of anything printed.
func (s Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "siwesigner.Signer{...}") }
