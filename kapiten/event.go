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
		Event           string          `json:"event"`
		RideID          string          `json:"ride_id"`
		ReferenceNumber string          `json:"reference_number"`
		ExternalID      string          `json:"external_id"`
		Status          RideStatus      `json:"status"`
		Metadata        json.RawMessage `json:"metadata"`
		Raw             sdk.Raw
	}
	body = bytes.Clone(body)
	if err := wire.Unmarshal(body, &w); err != nil {
		return Event{}, fmt.Errorf("kapiten: decode event: %w", err)
	}
	if w.RideID == "" {
		return Event{}, errors.New("kapiten: event without ride_id")
	}
	if w.Status == "" {
		return Event{}, errors.New("kapiten: event without status")
	}
	w.Raw = body
	return Event(w), nil
}
