package kotani_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
)

func TestCallbacksAreReadInAnyFormKnown(t *testing.T) {
	for body, want := range map[string]kotani.Transaction{
		`{"externalId":"order-1","status":"successful","txhash":"0x1"}`: {ExternalID: "order-1", Status: "successful", TxHash: "0x1"},
		`{"result":{"requestId":7,"status":"FAILED"}}`:                  {RequestID: "7", Status: "FAILED"},
		`{"id":7,"externalId":"order-1","status":"PENDING","more":[]}`:  {RequestID: "7", ExternalID: "order-1", Status: "PENDING"},
	} {
		got, err := kotani.ParseCallback([]byte(body))
		require.NoError(t, err, body)
		want.Raw = []byte(body)
		assert.Equal(t, want, got)
	}
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{`, `{}`, `{"status":"SUCCESSFUL"}`, `{"externalId":"order-1"}`, `{"externalId":"order-1","status":201}`,
		`{"externalId":{},"status":"SUCCESSFUL"}`, `{"externalId":"order-1","status":true}`} {
		_, err := kotani.ParseCallback([]byte(body))
		assert.Error(t, err, body)
	}
}

func TestV3EventsAreReadInBothSpellings(t *testing.T) {
	for body, want := range map[string]kotani.V3Event{
		`{"event":"transaction.deposit.status.updated","data":{"reference_id":"d-1","status":"SUCCESSFUL","amount":100.50,"currency":"KES","timestamp":"2026-04-03T09:00:00Z"},"signature":"x"}`: {
			Event: kotani.V3DepositUpdated, Reference: "d-1", Status: kotani.StatusSuccessful, Currency: "KES", Timestamp: time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC),
		},
		`{"event":"transaction.withdrawal.status.updated","data":{"referenceId":"w-1","status":"PENDING"}}`: {Event: kotani.V3WithdrawalUpdated, Reference: "w-1", Status: kotani.StatusPending},
		`{"event":"system.event","data":{}}`:                                                   {Event: kotani.V3SystemEvent},
		`{"event":"brand.new","data":{"x":1}}`:                                                 {Event: "brand.new"},
		`{"version":{},"event":"x","data":{},"reference_id":"w-9","Status":"FAILED","more":1}`: {Event: "x"}, // nothing beside event and data is read
	} {
		got, err := kotani.ParseV3Event([]byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, body, string(got.Raw))
		if want.Reference == "d-1" {
			wantMoney(t, "100.5", got.Amount.Decimal)
		}
		got.Raw, got.Data, got.Amount = nil, nil, want.Amount
		assert.Equal(t, want, got)
	}
	for _, body := range []string{``, `[]`, `{}`, `{"event":"x"}`, `{"data":{}}`, `{"event":7,"data":{}}`, `{"event":"x","data":[]}`, `{"event":[],"data":{},"more":1}`} {
		_, err := kotani.ParseV3Event([]byte(body))
		assert.Error(t, err, body)
	}
}

func event(kind, payload string) string {
	return `{"eventType":"` + kind + `","provider":"kotani","eventId":"e-1","timestamp":"1775206800","address":"` + walletAddress + `","payload":` + payload + `}`
}

func TestFiatConnectEventsAreRead(t *testing.T) {
	in := event("WebhookTransferInStatusEvent", specified(t, "transfer_status"))
	got, err := kotani.ParseFiatConnectEvent([]byte(in))
	require.NoError(t, err)
	assert.Equal(t, kotani.EventTransferIn, got.Type)
	assert.Equal(t, "e-1", got.ID)
	assert.Equal(t, "kotani", got.Provider)
	assert.Equal(t, time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC), got.Time)
	assert.Equal(t, walletAddress, got.Address)
	require.NotNil(t, got.Transfer)
	assert.Equal(t, kotani.TransferComplete, got.Transfer.Status)
	assert.Nil(t, got.KYC)
	assert.Equal(t, in, string(got.Raw))

	got, err = kotani.ParseFiatConnectEvent([]byte(event("WebhookTransferOutStatusEvent", `{"transferId":"t-2","status":"TransferFailed"}`)))
	require.NoError(t, err)
	assert.Equal(t, kotani.TransferTypeOut, got.Transfer.Type, "as the event says")

	got, err = kotani.ParseFiatConnectEvent([]byte(event("WebhookKycStatusEvent", `{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"}`)))
	require.NoError(t, err)
	assert.Equal(t, kotani.KYCApproved, got.KYC.Status)
	assert.Equal(t, kotani.KYCPersonal, got.KYC.Schema)

	got, err = kotani.ParseFiatConnectEvent([]byte(event("WebhookNewEvent", `{"x":1}`)))
	require.NoError(t, err, "an unknown event is no error")
	assert.Equal(t, `{"x":1}`, string(got.Payload))

	good := event("WebhookKycStatusEvent", `{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"}`)
	for name, body := range map[string]string{
		"nothing": ``, "no object": `[]`, "cut": good[:len(good)-1],
		"no type":                 strings.Replace(good, "WebhookKycStatusEvent", "", 1),
		"no id":                   strings.Replace(good, "e-1", "", 1),
		"no time":                 strings.Replace(good, "1775206800", "", 1),
		"milliseconds":            strings.Replace(good, "1775206800", "1775206800000", 1),
		"a time of another kind":  strings.Replace(good, "1775206800", "2026-04-03T09:00:00Z", 1),
		"an object as time":       strings.Replace(good, `"1775206800"`, "{}", 1),
		"a transfer without id":   event("WebhookTransferInStatusEvent", `{"status":"TransferStarted"}`),
		"without status":          event("WebhookTransferInStatusEvent", `{"transferId":"t"}`),
		"the other direction":     event("WebhookTransferInStatusEvent", `{"transferId":"t","status":"TransferStarted","transferType":"TransferOut"}`),
		"KYC without status":      event("WebhookKycStatusEvent", `{"kycSchema":"PersonalDataAndDocuments"}`),
		"payload of another kind": event("WebhookKycStatusEvent", `[]`),
	} {
		_, err := kotani.ParseFiatConnectEvent([]byte(body))
		assert.Error(t, err, name)
	}
}

// What the decoders take they must be able to give back, and nothing may make
// them panic.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"externalId":"order-1","status":"successful","amount":"1e999999999"}`))
	f.Add([]byte(`{"result":{"requestId":7,"status":"FAILED","amountWithdrawn":{"amount":[]}}}`))
	f.Add([]byte(`{"event":"x","data":{"referenceId":"w-1","status":"PENDING"},"signature":"y"}`))
	f.Add([]byte(event("WebhookTransferInStatusEvent", `{"transferId":"t","status":"TransferStarted","fee":"5.","userActionDetails":{}}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := kotani.ParseCallback(body); err == nil && (got.Status == "" || got.ExternalID+got.RequestID == "" || string(got.Raw) != string(body)) {
			t.Errorf("took %q as %+v", body, got)
		}
		if got, err := kotani.ParseV3Event(body); err == nil && (got.Event == "" || !json.Valid(got.Data)) {
			t.Errorf("took %q as %+v", body, got)
		}
		if got, err := kotani.ParseFiatConnectEvent(body); err == nil && (got.ID == "" || got.KYC != nil && got.Time.IsZero()) {
			t.Errorf("took %q as %+v", body, got)
		}
	})
}
