package bitpesa

import (
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Sender is who sends the money.
type Sender struct {
	SenderParams // as stored, ID included

	State       SenderState `json:"state"`
	StateReason string      `json:"state_reason"`
	Documents   []Document  `json:"documents"`
	CreatedAt   time.Time   `json:"created_at"` // zero when the answer has none
	Raw         sdk.Raw     `json:"-"`
}

func (s *Sender) lacks() string { return lacksID(s.ID) }
