package kotani

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// TransferParams begin a transfer.
type TransferParams struct {
	FiatAccountID string // FiatAccount.ID
	QuoteID       string // TransferQuote.ID, still guaranteed and of the same direction
	// IdempotencyKey names this transfer: calls with the same key, in this process
	// or after a crash, make one transfer. Store a key of your own before the call,
	// so that a crash does not lose it. Default: a random UUID, shown on the
	// Transfer and on the error. Printable ASCII without quotation marks and
	// backslashes, at most 255 characters.
	IdempotencyKey string
}

// Transfer moves money between a wallet and a fiat account.
type Transfer struct {
	ID     string         `json:"transferId"`
	Status TransferStatus `json:"status"`
	// Address is where the crypto comes from in a transfer in. In a transfer out
	// the user has to send the crypto there.
	Address        string      `json:"transferAddress"`
	UserAction     *UserAction `json:"userActionDetails"` // nil when the user has nothing to do
	IdempotencyKey string      // set by TransferIn and TransferOut

	// The rest is set by GetTransfer and by webhooks only.
	Type           TransferType        `json:"transferType"`
	FiatType       FiatType            `json:"fiatType"`
	CryptoType     CryptoType          `json:"cryptoType"`
	AmountProvided decimal.NullDecimal `json:"amountProvided" wire:"digits"` // by the user: fiat for a transfer in, else crypto
	AmountReceived decimal.NullDecimal `json:"amountReceived" wire:"digits"` // by the user
	Fee            decimal.NullDecimal `json:"fee" wire:"digits"`            // fiat for a transfer in, else crypto; inside the amounts already
	FiatAccountID  string              `json:"fiatAccountId"`
	TxHash         string              `json:"txHash"` // of a transfer in, once the crypto was sent
	Raw            sdk.Raw
}

// TransferType is the direction of a transfer.
type TransferType string

// The directions (specification).
const (
	TransferTypeIn  TransferType = "TransferIn"  // fiat to crypto
	TransferTypeOut TransferType = "TransferOut" // crypto to fiat
)

// TransferStatus is the state of a transfer. A state that is not listed passes
// through and is never final.
type TransferStatus string

// The states of the specification 1.2.5.
const (
	TransferStarted                       TransferStatus = "TransferStarted"
	TransferFiatFundsDebited              TransferStatus = "TransferFiatFundsDebited"
	TransferWaitingForUserAction          TransferStatus = "TransferWaitingForUserAction"
	TransferSendingCryptoFunds            TransferStatus = "TransferSendingCryptoFunds"
	TransferAmlFailed                     TransferStatus = "TransferAmlFailed" // final
	TransferReadyForUserToSendCryptoFunds TransferStatus = "TransferReadyForUserToSendCryptoFunds"
	TransferReceivedCryptoFunds           TransferStatus = "TransferReceivedCryptoFunds"
	TransferReceivedFiatFunds             TransferStatus = "TransferReceivedFiatFunds"
	TransferComplete                      TransferStatus = "TransferComplete" // final
	TransferFailed                        TransferStatus = "TransferFailed"   // final: fiat or crypto that arrived must go back
)

// Final reports whether no further status can follow (specification).
func (s TransferStatus) Final() bool {
	return s == TransferComplete || s == TransferFailed || s == TransferAmlFailed
}

// Next returns the states that can follow directly in a transfer of a type
// (specification). A caller who polls may miss some of them.
func (s TransferStatus) Next(t TransferType) []TransferStatus {
	switch t {
	case TransferTypeIn:
		switch s {
		case TransferStarted:
			return []TransferStatus{TransferFiatFundsDebited, TransferWaitingForUserAction, TransferFailed}
		case TransferFiatFundsDebited, TransferWaitingForUserAction:
			return []TransferStatus{TransferReceivedFiatFunds, TransferFailed}
		case TransferReceivedFiatFunds:
			return []TransferStatus{TransferSendingCryptoFunds, TransferFailed}
		case TransferSendingCryptoFunds:
			return []TransferStatus{TransferComplete, TransferFailed}
		}
	case TransferTypeOut:
		switch s {
		case TransferStarted:
			return []TransferStatus{TransferReadyForUserToSendCryptoFunds, TransferAmlFailed, TransferFailed}
		case TransferReadyForUserToSendCryptoFunds:
			return []TransferStatus{TransferReceivedCryptoFunds, TransferFailed}
		case TransferReceivedCryptoFunds:
			return []TransferStatus{TransferComplete, TransferFailed}
		}
	}
	return nil
}

// CanBecome reports whether a transfer of a type can get from s to another
// state, in one step or several.
func (s TransferStatus) CanBecome(t TransferType, later TransferStatus) bool {
	return slices.ContainsFunc(s.Next(t), func(next TransferStatus) bool {
		return next == later || next.CanBecome(t, later)
	})
}

// against reports a state that only a transfer of the other direction can be in.
func (s TransferStatus) against(t TransferType) bool {
	other := TransferTypeIn
	if t == TransferTypeIn {
		other = TransferTypeOut
	}
	return TransferStarted.CanBecome(other, s) && !TransferStarted.CanBecome(t, s)
}

// UserAction tells the user of a transfer in how to bring the fiat. Type decides
// which fields are set.
type UserAction struct {
	Type UserActionType `json:"userActionType"`

	PIXString string `json:"pixString"` // PIX
	IBAN      string `json:"iban"`      // IBAN
	BIC       string `json:"bic"`       // IBAN
	URL       string `json:"url"`       // URL and PSE

	// AccountNumber.
	InstitutionName      string    `json:"institutionName"`
	AccountName          string    `json:"accountName"`
	AccountNumber        string    `json:"accountNumber"`
	TransactionReference string    `json:"transactionReference"` // optional
	Deadline             time.Time `json:"deadline"`             // optional; zero without a deadline
}

// UserActionType is a kind of user action. A kind that is not listed passes
// through.
type UserActionType string

// The user actions of the specification 1.2.5.
const (
	UserActionPIX           UserActionType = "PIXUserAction"
	UserActionIBAN          UserActionType = "IBANUserAction"
	UserActionPSE           UserActionType = "PSEUserAction" // deprecated there
	UserActionURL           UserActionType = "URLUserAction"
	UserActionAccountNumber UserActionType = "AccountNumberUserAction"
)

// TransferIn begins a transfer from fiat to crypto. After an unknown outcome the
// client repeats it with the same idempotency key. If the outcome stays unknown,
// call again with Error.IdempotencyKey and the same parameters. sdk.ErrInProgress
// says that the first request is still at work. A key that belongs to a transfer
// with other parameters gives sdk.ErrReferenceTaken.
//
// The specification shows the transfer's id in the response, and nothing of the
// request. A direction and an account that it shows are compared. A state of the other
// direction, or no transferStatus, is an unknown outcome.
func (f *FiatConnect) TransferIn(ctx context.Context, p TransferParams) (*Transfer, error) {
	return f.begin(OpTransferIn, TransferTypeIn, p).Do(ctx)
}

// PrepareTransferIn checks and encodes what TransferIn sends, for package sdk/journal.
// IdempotencyKey is required.
func (f *FiatConnect) PrepareTransferIn(p TransferParams) (sdk.Prepared[Transfer], error) {
	return f.prepare(OpTransferIn, TransferTypeIn, p)
}

// TransferOut begins a transfer from crypto to fiat, as TransferIn does. Once the
// status is TransferReadyForUserToSendCryptoFunds, the user sends the crypto to
// Transfer.Address: see WaitTransfer.
func (f *FiatConnect) TransferOut(ctx context.Context, p TransferParams) (*Transfer, error) {
	return f.begin(OpTransferOut, TransferTypeOut, p).Do(ctx)
}

// PrepareTransferOut is PrepareTransferIn for TransferOut.
func (f *FiatConnect) PrepareTransferOut(p TransferParams) (sdk.Prepared[Transfer], error) {
	return f.prepare(OpTransferOut, TransferTypeOut, p)
}

func (f *FiatConnect) prepare(op string, direction TransferType, p TransferParams) (sdk.Prepared[Transfer], error) {
	w := f.begin(op, direction, p)
	if p.IdempotencyKey == "" {
		fields := transport.Fields{"idempotencyKey": {"is required"}}
		if e := (*sdk.Error)(nil); errors.As(w.Err, &e) {
			maps.Copy(fields, e.Fields)
		}
		w.Err = f.core.Invalid(op, "", fields)
	}
	return w.Prepare()
}

// GetTransfer returns the state of a transfer. A transfer that is unknown or
// another user's gives ErrResourceNotFound.
func (f *FiatConnect) GetTransfer(ctx context.Context, transferID string) (*Transfer, error) {
	var bad faults
	bad.segment("transferId", transferID)
	return call(ctx, f.api, bad, transport.Call{
		Op: OpFiatConnectTransfer, Path: []string{transferID}, Reference: transferID,
	}, func(body []byte) (Transfer, error) {
		t, err := decodeTransfer(body)
		switch {
		case err != nil:
		case t.ID == "":
			err = wire.Missing("transferId")
		case t.ID != transferID:
			err = mismatch("the response is about another transfer")
		}
		return t, err
	})
}

// WaitTransfer looks for a transfer every few seconds, up to half a minute
// apart, until its status is final or in until, and returns it. It outlasts
// outages. When the context ends first, it returns the transfer as last seen, if
// it was seen, with the error. A transfer that failed is returned without an
// error: look at its Status.
func (f *FiatConnect) WaitTransfer(ctx context.Context, transferID string, until ...TransferStatus) (*Transfer, error) {
	return transport.Wait(ctx, f.core, OpFiatConnectTransfer, transferID, f.GetTransfer, func(t *Transfer) bool { return t.Status.Final() || slices.Contains(until, t.Status) })
}

func (f *FiatConnect) begin(op string, direction TransferType, p TransferParams) transport.Write[Transfer] {
	key := p.IdempotencyKey
	if key == "" {
		key = randomUUID()
	}
	var bad faults
	bad.RequireReference("fiatAccountId", p.FiatAccountID)
	bad.RequireReference("quoteId", p.QuoteID)
	if !isLine(key) || len(key) > 255 || strings.ContainsAny(key, `"\`) || strings.TrimSpace(key) != key {
		bad.Add("idempotencyKey", "must be at most 255 printable ASCII characters without quotation marks and backslashes")
	}
	w := write(f.api, bad, transport.Call{
		Op: op, Key: key, Reference: key, Body: transferRequest{p.FiatAccountID, p.QuoteID},
	}, func(body []byte) (Transfer, error) {
		t, err := decodeNewTransfer(body)
		switch {
		case err != nil:
			return t, err
		case t.ID == "":
			return t, wire.Missing("transferId")
		case t.Status.against(direction):
			return t, mismatch("the transfer is of the other direction")
		}
		t.IdempotencyKey = key
		var c transport.Comparison
		c.Text("transferType", string(direction), string(t.Type))
		c.Text("fiatAccountId", p.FiatAccountID, t.FiatAccountID)
		return t, c.Direct()
	}, nil)
	if e := (*sdk.Error)(nil); errors.As(w.Err, &e) {
		e.IdempotencyKey = key // although nothing is sent
	}
	return w
}

type transferRequest struct {
	FiatAccountID string `json:"fiatAccountId"`
	QuoteID       string `json:"quoteId"`
}

// randomUUID returns a UUID of version 4.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// decodeTransfer reads a lookup or an event's payload.
func decodeTransfer(body []byte) (Transfer, error) {
	var t Transfer
	err := wire.Unmarshal(body, &t)
	if err == nil && t.Status == "" {
		err = wire.Missing("status")
	}
	return t, err
}

// decodeNewTransfer reads the response to a new transfer. The specification gives its
// status another name, and a lookup's "status" is the state of another request's transfer.
func decodeNewTransfer(body []byte) (Transfer, error) {
	var w struct {
		Transfer
		TransferStatus TransferStatus `json:"transferStatus" wire:"required"`
	}
	err := wire.Unmarshal(body, &w)
	w.Status = w.TransferStatus
	return w.Transfer, err
}
