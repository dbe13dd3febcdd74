package siwesigner

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
)

// The key of EIP-155's example, and its address.
func example(t *testing.T) *Signer {
	t.Helper()
	s, err := New(bytes.Repeat([]byte{0x46}, 32))
	require.NoError(t, err)
	return s
}

func login(address string) []byte {
	issued := time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC)
	return []byte(kotani.SIWEMessage{
		Domain: "kotani.example", Address: address, URI: "https://kotani.example/auth/login", Version: "1",
		ChainID: kotani.CeloAlfajores, Nonce: "abcdefgh", IssuedAt: issued, ExpirationTime: issued.Add(time.Hour),
	}.String())
}

func TestTheAddressIsThatOfTheKey(t *testing.T) {
	assert.Equal(t, "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", example(t).Address())
}

// Keccak-256 and EIP-191 as their documents have them.
func TestDigestsAreThoseOfTheStandards(t *testing.T) {
	assert.Equal(t, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470", hex.EncodeToString(keccak()))
	assert.Equal(t, "d9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68", hex.EncodeToString(digest([]byte("hello world"))))
}

func TestASignatureIsItsWalletsOnly(t *testing.T) {
	s := example(t)
	message := login(s.Address())
	signature, err := s.SignMessage(t.Context(), message)
	require.NoError(t, err)
	require.Len(t, signature, 65)
	assert.Contains(t, []byte{27, 28}, signature[64])
	assert.True(t, Verify(s.Address(), message, signature))
	assert.True(t, Verify("0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f", message, signature), "in any letter case")
	low := slices.Clone(signature)
	low[64] -= 27
	assert.True(t, Verify(s.Address(), message, low), "counted from 0")

	other, err := Generate()
	require.NoError(t, err)
	assert.NotEqual(t, s.Address(), other.Address())
	assert.False(t, Verify(other.Address(), message, signature))
	assert.False(t, Verify(s.Address(), append(message, 'x'), signature))
	for i := range signature {
		changed := slices.Clone(signature)
		changed[i] ^= 1
		assert.False(t, Verify(s.Address(), message, changed), "byte %d", i)
	}
	assert.False(t, Verify(s.Address(), message, signature[:64]))
	assert.False(t, Verify(s.Address(), message, nil))
}

func TestNothingButALoginOfItsOwnIsSigned(t *testing.T) {
	s := example(t)
	for _, message := range [][]byte{nil, []byte("hello"), login("0x52908400098527886E0F7030069857D2E4169EE7"), append(login(s.Address()), '\n')} {
		_, err := s.SignMessage(t.Context(), message)
		assert.Error(t, err)
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	order, err := hex.DecodeString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	require.NoError(t, err)
	for _, key := range [][]byte{nil, make([]byte, 32), bytes.Repeat([]byte{1}, 31), bytes.Repeat([]byte{1}, 33), order} {
		_, err := New(key)
		assert.Error(t, err)
	}
}

func TestTheKeyIsNotPrinted(t *testing.T) {
	s := example(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		assert.Equal(t, "siwesigner.Signer{...}", fmt.Sprintf(format, s))
		assert.Equal(t, "siwesigner.Signer{...}", fmt.Sprintf(format, *s))
	}
}

// The fake has arithmetic of its own. Decred's library makes what the fake accepts, and
// takes what the fake's wallets sign.
func TestTheFakeAgreesWithTheLibrary(t *testing.T) {
	server := kotanitest.NewServer(t)
	cfg := server.ClientConfig()
	log := func(signer kotani.Signer) error {
		cfg.FiatConnect.Signer = signer
		client, err := kotani.New(cfg)
		require.NoError(t, err)
		if err := client.FiatConnect.Login(t.Context()); err != nil {
			return err
		}
		_, err = client.FiatConnect.ListAccounts(t.Context())
		return err
	}
	for i := range 50 {
		own := kotanitest.NewSigner(fmt.Sprint(i))
		message := login(own.Address())
		signature, err := own.SignMessage(t.Context(), message)
		require.NoError(t, err)
		assert.True(t, Verify(own.Address(), message, signature), "wallet %d of the fake", i)
		assert.LessOrEqual(t, signature[32], byte(0x7f), "the lower of the two values of s")
		other, err := Generate()
		require.NoError(t, err)
		assert.NoError(t, log(other), "a wallet of the library")
		assert.ErrorIs(t, log(impostor{other, own.Address()}), kotani.ErrInvalidSignature)
	}
}

// impostor shows an address whose key it does not have.
type impostor struct {
	*Signer
	shown string
}

func (i impostor) Address() string { return i.shown }

func (i impostor) SignMessage(_ context.Context, message []byte) ([]byte, error) {
	return i.sign(message), nil
}
