package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/fakeserver"
	"github.com/kapiteni/kapiten-go/internal/siwesigner"
	"github.com/kapiteni/kapiten-go/kotani"
)

// impostor shows an address and invents a signature.
type impostor string

func (i impostor) Address() string { return string(i) }

func (i impostor) SignMessage(context.Context, []byte) ([]byte, error) {
	signature := bytes.Repeat([]byte{1}, 65)
	signature[64] = 27
	return signature, nil
}

func TestOnlyTheWalletItselfLogsIn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- fakeserver.Run(ctx, []string{"-addr", "127.0.0.1:0"}, write, io.Discard, fakeserver.Options{VerifySignature: siwesigner.Verify})
	}()
	line, err := bufio.NewReader(read).ReadBytes('\n')
	require.NoError(t, err)
	var greeting struct{ Kotani, FiatConnect string }
	require.NoError(t, json.Unmarshal(line, &greeting))

	wallet, err := siwesigner.Generate()
	require.NoError(t, err)
	accounts := func(signer kotani.Signer) error {
		client, err := kotani.New(kotani.Config{
			BaseURL: greeting.Kotani, PhoneNumber: "254700000000", CountryCode: "KEN", Password: "test-password",
			FiatConnect: kotani.FiatConnectConfig{BaseURL: greeting.FiatConnect, ChainID: 44787, Signer: signer},
		})
		require.NoError(t, err)
		_, err = client.FiatConnect.ListAccounts(ctx)
		return err
	}
	assert.NoError(t, accounts(wallet))
	assert.ErrorIs(t, accounts(impostor(wallet.Address())), kotani.ErrInvalidSignature)
	cancel()
	assert.NoError(t, <-done)
}
