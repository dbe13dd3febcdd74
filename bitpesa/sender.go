package bitpesa

import (
	"encoding/json"
	"time"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// Sender is who sends the money.
type Sender struct {
	SenderParams // as stored, ID included

	State       SenderState     `json:"state"`
	StateReason string          `json:"state_reason"`
	Documents   []Document      `json:"documents"`
	CreatedAt   time.Time       `json:"created_at"` // zero when the answer has none
	Raw         json.RawMessage `json:"-"`
}

func decodeSender(raw json.RawMessage) (Sender, error) {
	var s Sender
	if err := wire.Unmarshal(raw, &s); err != nil {
		return Sender{}, err
	}
	if s.ID == "" {
		return Sender{}, missing("id")
	}
	return s, nil
}
