package kapiten

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// EventStatusUpdate is the only event name the document shows.
const EventStatusUpdate = "status_update"

// Event is a status callback as Kapiten posts it to a company's webhook_url.
// Callbacks are not signed: what an Event says is a claim until the API
// confirms it. Package webhook does that.
type Event struct {
	Event           string // "status_update" in the document
	RideID          string
	ReferenceNumber string
	ExternalID      string // the caller's own reference, empty if the ride has none
	Status          RideStatus
	Metadata        json.RawMessage // contents undocumented
	Raw             sdk.Raw         // the whole body as received
}

// ParseEvent decodes a callback body. It refuses a body that is no JSON object
// or names no ride or no status.
func ParseEvent(body []byte) (Event, error) {
	var w struct {
		Event           wire.Text       `json:"event"`
		RideID          wire.Text       `json:"ride_id"`
		ReferenceNumber wire.Text       `json:"reference_number"`
		ExternalID      wire.Text       `json:"external_id"`
		Status          wire.Text       `json:"status"`
		Metadata        json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return Event{}, fmt.Errorf("kapiten: decode event: %w", err)
	}
	if w.RideID == "" {
		return Event{}, errors.New("kapiten: event without ride_id")
	}
	if w.Status == "" {
		return Event{}, errors.New("kapiten: event without status")
	}
	return Event{
		Event: string(w.Event), RideID: string(w.RideID), ReferenceNumber: string(w.ReferenceNumber),
		ExternalID: string(w.ExternalID), Status: RideStatus(w.Status), Metadata: w.Metadata, Raw: bytes.Clone(body),
	}, nil
}
