// Package siwesigner is a kotani.Signer with a private key in memory. Make one with
// New or Generate, set it as FiatConnect.Signer of a kotani.Config, and the client
// logs in with it, at the fake as well. Its tests hold the fake's own arithmetic
// against this package's library.
//
// It is a module of its own, because the standard library has neither Keccak nor
// secp256k1. The FiatConnect example uses it.
//
// Do not use it for a wallet that holds real money: keep that key in a hardware
// module or behind a signing service.
package siwesigner

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Signer signs FiatConnect logins, and nothing else. Nothing prints its key.
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

// Generate makes a new wallet with a random key.
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

// SignMessage signs a login message of this wallet. It refuses any other text,
// because a signature of another text could allow anything.
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

// Verify reports whether the wallet with this address made the signature of this
// message, by EIP-191. The signature has 65 bytes: r, s and v, where v counts from
// 0 or from 27. The letter case of the address does not matter.
func Verify(address string, message, signature []byte) bool {
	if len(signature) != 65 {
		return false
	}
	v := signature[64]
	if v < 27 {
		v += 27
	}
	if v > 28 {
		return false
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{v}, signature[:64]...), digest(message))
	return err == nil && strings.EqualFold(addressOf(key), address)
}

// digest is what EIP-191 signs in place of the text.
func digest(message []byte) []byte {
	return keccak([]byte("\x19Ethereum Signed Message:\n"+strconv.Itoa(len(message))), message)
}

// addressOf is the last 20 bytes of the hash of a public key, in the mixed case of
// EIP-55: a letter is capital if the hash of the lower-case address has a digit of
// 8 or more at its position.
func addressOf(key *secp256k1.PublicKey) string {
	text := []byte(hex.EncodeToString(keccak(key.SerializeUncompressed()[1:])[12:]))
	for i, nibble := range hex.EncodeToString(keccak(text))[:len(text)] {
		if text[i] >= 'a' && nibble >= '8' {
			text[i] -= 'a' - 'A'
		}
	}
	return "0x" + string(text)
}

func keccak(parts ...[]byte) []byte {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		_, _ = h.Write(p) // never fails
	}
	return h.Sum(nil)
}
