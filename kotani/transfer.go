package kotani

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// TransferParams begin a transfer.
type TransferParams struct {
	FiatAccountID string // FiatAccount.ID
	QuoteID       string // TransferQuote.ID, still guaranteed and of the same direction
	// IdempotencyKey names this transfer: calls with the same key, in this
	// process or after a crash, make one transfer. Default: a random UUID, shown
	// on the Transfer and on the Error. Store your own before the call to be
	// safe from crashes as well. Printable ASCII without quotation marks and
	// backslashes, at most 255 characters.
	IdempotencyKey string
}

// Transfer moves money between a wallet and a fiat account.
type Transfer struct {
	ID     string
	Status TransferStatus
	// Address is where the crypto comes from, or where the user has to send it
	// for a transfer out.
	Address string
	// UserAction is what the user has to do to bring the fiat, if anything.
	UserAction     *UserAction
	IdempotencyKey string // set by TransferIn and TransferOut

	// The rest is set by Transfer and by webhooks only.
	Type           TransferType
	FiatType       FiatType
	CryptoType     CryptoType
	AmountProvided decimal.NullDecimal // by the user: fiat for a transfer in, else crypto
	AmountReceived decimal.NullDecimal // by the user
	Fee            decimal.NullDecimal // fiat for a transfer in, else crypto; inside the amounts already
	FiatAccountID  string
	TxHash         string // of a transfer in, once the crypto was sent
	Raw            sdk.Raw
}

// TransferIn begins a transfer from fiat to crypto. After an unknown outcome it
// is repeated under the same idempotency key; if that does not settle it, call
// again with Error.IdempotencyKey and the same parameters. ErrInProgress says
// that the first request is still at work.
func (f *FiatConnect) TransferIn(ctx context.Context, p TransferParams) (*Transfer, error) {
	return f.begin(ctx, OpTransferIn, p)
}

// TransferOut begins a transfer from crypto to fiat, as TransferIn does. The
// user then sends the crypto to Transfer.Address, once the status is
// TransferReadyForUserToSendCryptoFunds: see WaitTransfer.
func (f *FiatConnect) TransferOut(ctx context.Context, p TransferParams) (*Transfer, error) {
	return f.begin(ctx, OpTransferOut, p)
}

// Transfer returns the state of a transfer. Another user's, or an unknown one,
// gives ErrResourceNotFound.
func (f *FiatConnect) GetTransfer(ctx context.Context, transferID string) (*Transfer, error) {
	var bad faults
	bad.segment("transferId", transferID)
	if err := f.invalid(OpFiatConnectTransfer, transferID, bad); err != nil {
		return nil, err
	}
	var transfer *Transfer
	err := f.core.Do(ctx, transport.Call{
		Op: OpFiatConnectTransfer, Path: []string{transferID}, Reference: transferID,
		Decode: into(&transfer, decodeTransfer),
	})
	return transfer, err
}

// WaitTransfer looks for a transfer every few seconds, up to half a minute
// apart, until its status is final or one of until, and returns it. It outlasts
// outages. When the context ends first, it returns the transfer as last seen, if
// it was seen, with the error. A transfer that failed is returned without an
// error: look at its Status.
func (f *FiatConnect) WaitTransfer(ctx context.Context, transferID string, until ...TransferStatus) (*Transfer, error) {
	var last *Transfer
	err := f.core.Poll(ctx, OpFiatConnectTransfer, transferID, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		transfer, err := f.GetTransfer(ctx, transferID)
		if err != nil {
			return false, err
		}
		last = transfer
		return transfer.Status.Final() || slices.Contains(until, transfer.Status), nil
	})
	return last, err
}

func (f *FiatConnect) begin(ctx context.Context, op string, p TransferParams) (*Transfer, error) {
	key := p.IdempotencyKey
	if key == "" {
		key = randomUUID()
	}
	var bad faults
	bad.Require("fiatAccountId", p.FiatAccountID)
	bad.Require("quoteId", p.QuoteID)
	if !isLine(key) || len(key) > 255 || strings.ContainsAny(key, `"\`) || strings.TrimSpace(key) != key {
		bad.Add("idempotencyKey", "must be at most 255 printable ASCII characters without quotation marks and backslashes")
	}
	if err := f.invalid(op, key, bad); err != nil {
		return nil, withKey(err, key)
	}
	var transfer *Transfer
	err := f.core.Do(ctx, transport.Call{
		Op: op, Key: key, Reference: key, Body: transferRequest{p.FiatAccountID, p.QuoteID},
		Decode: into(&transfer, func(body []byte) (Transfer, error) {
			t, err := decodeTransfer(body)
			if err == nil && t.ID == "" {
				err = missing("transferId")
			}
			t.IdempotencyKey = key
			return t, err
		}),
	})
	if err != nil {
		return nil, withKey(err, key)
	}
	return transfer, nil
}

func withKey(err error, key string) error {
	var e *sdk.Error
	if errors.As(err, &e) {
		e.IdempotencyKey = key
	}
	return err
}

// randomUUID returns a UUID of version 4.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

type transferRequest struct {
	FiatAccountID string `json:"fiatAccountId"`
	QuoteID       string `json:"quoteId"`
}

// decodeTransfer reads the answer to a new transfer, a status or an event's
// payload: they name the status differently.
func decodeTransfer(body []byte) (Transfer, error) {
	var w struct {
		ID             string          `json:"transferId"`
		TransferStatus string          `json:"transferStatus"`
		Status         string          `json:"status"`
		Address        string          `json:"transferAddress"`
		UserAction     json.RawMessage `json:"userActionDetails"`
		Type           string          `json:"transferType"`
		FiatType       string          `json:"fiatType"`
		CryptoType     string          `json:"cryptoType"`
		AmountProvided json.RawMessage `json:"amountProvided"`
		AmountReceived json.RawMessage `json:"amountReceived"`
		Fee            json.RawMessage `json:"fee"`
		FiatAccountID  string          `json:"fiatAccountId"`
		TxHash         string          `json:"txHash"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return Transfer{}, err
	}
	action, err := decodeUserAction(w.UserAction)
	if err != nil {
		return Transfer{}, err
	}
	status := TransferStatus(cmp.Or(w.TransferStatus, w.Status))
	if status == "" {
		return Transfer{}, missing("status")
	}
	return Transfer{
		ID: w.ID, Status: status, Address: w.Address, UserAction: action, Type: TransferType(w.Type),
		FiatType: FiatType(w.FiatType), CryptoType: CryptoType(w.CryptoType),
		AmountProvided: plainAmount(w.AmountProvided), AmountReceived: plainAmount(w.AmountReceived),
		Fee: plainAmount(w.Fee), FiatAccountID: w.FiatAccountID, TxHash: w.TxHash, Raw: body,
	}, nil
}
