package kotani

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatConnectEventType says what a FiatConnect webhook is about. One that is not
// listed passes through.
type FiatConnectEventType string

// The events of the specification 1.2.5.
const (
	EventKYC         FiatConnectEventType = "WebhookKycStatusEvent"
	EventTransferIn  FiatConnectEventType = "WebhookTransferInStatusEvent"
	EventTransferOut FiatConnectEventType = "WebhookTransferOutStatusEvent"
)

// FiatConnectEvent is a signed webhook of a FiatConnect provider.
type FiatConnectEvent struct {
	Type     FiatConnectEventType
	Provider string
	ID       string    // the same on each delivery of one event
	Time     time.Time // when the event was made; whole seconds
	Address  string    // the wallet

	KYC      *KYCRecord      // of EventKYC
	Transfer *Transfer       // of EventTransferIn and EventTransferOut
	Payload  json.RawMessage // of any event
	Raw      sdk.Raw         // the whole body as received
}

// ParseFiatConnectEvent decodes a webhook's body. It refuses one without event
// id, type or timestamp, and one whose payload does not fit its type.
func ParseFiatConnectEvent(body []byte) (FiatConnectEvent, error) {
	body = bytes.Clone(body)
	var w struct {
		Type      string          `json:"eventType"`
		Provider  string          `json:"provider"`
		ID        string          `json:"eventId"`
		Timestamp string          `json:"timestamp"`
		Address   string          `json:"address"`
		Payload   json.RawMessage `json:"payload"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return FiatConnectEvent{}, fmt.Errorf("kotani: FiatConnect event: %w", err)
	}
	seconds, err := strconv.ParseInt(w.Timestamp, 10, 64)
	switch {
	case w.Type == "":
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without eventType")
	case w.ID == "":
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without eventId")
	case err != nil || seconds <= 0 || seconds > 1<<40:
		return FiatConnectEvent{}, errors.New("kotani: FiatConnect event without timestamp in seconds")
	}
	e := FiatConnectEvent{
		Type: FiatConnectEventType(w.Type), Provider: w.Provider, ID: w.ID,
		Time: time.Unix(seconds, 0).UTC(), Address: w.Address, Payload: w.Payload, Raw: body,
	}
	switch e.Type {
	case EventKYC:
		e.KYC, err = kycPayload(w.Payload)
	case EventTransferIn:
		e.Transfer, err = transferPayload(w.Payload, TransferTypeIn)
	case EventTransferOut:
		e.Transfer, err = transferPayload(w.Payload, TransferTypeOut)
	}
	if err != nil {
		return FiatConnectEvent{}, fmt.Errorf("kotani: FiatConnect event: %w", err)
	}
	return e, nil
}

func kycPayload(raw json.RawMessage) (*KYCRecord, error) {
	var w struct {
		Schema string `json:"kycSchema"`
		Status string `json:"kycStatus"`
	}
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	if w.Schema == "" || w.Status == "" {
		return nil, missing("kycSchema or kycStatus")
	}
	return &KYCRecord{Schema: KYCSchema(w.Schema), Status: KYCStatus(w.Status), Raw: sdk.Raw(raw)}, nil
}

func transferPayload(raw json.RawMessage, direction TransferType) (*Transfer, error) {
	t, err := decodeTransfer(raw)
	if err != nil {
		return nil, err
	}
	t.Type = cmp.Or(t.Type, direction)
	switch {
	case t.ID == "":
		return nil, missing("transferId")
	case t.Type != direction:
		return nil, mismatch("the transfer is of the other direction")
	}
	return &t, nil
}
