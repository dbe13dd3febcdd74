package bitpesa

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// MandatesService shows permissions that recipients sign.
type MandatesService struct{ c *Client }

// Mandate is a permission that a recipient signs before a payout.
type Mandate struct {
	ID        string        `json:"id"`
	Status    MandateStatus `json:"status"`
	TypeID    string        `json:"type_id"`
	Reference string        `json:"reference"`
	SignedAt  time.Time     `json:"signed_at"` // zero until signed
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Raw       sdk.Raw       `json:"-"`
}

// MandateStatus is where a mandate stands. Unknown ones pass through.
type MandateStatus string

const (
	MandatePending  MandateStatus = "pending"
	MandateNotified MandateStatus = "notified"
	MandateSigned   MandateStatus = "signed"
	MandateFailed   MandateStatus = "failed"
	MandateBypassed MandateStatus = "bypassed"
)

// Get returns a mandate. ErrNotFound also for mandates of others and of earlier
// years (documented).
func (s *MandatesService) Get(ctx context.Context, id string) (*Mandate, error) {
	return byID[Mandate](ctx, s.c, OpGetMandate, id)
}

func (m *Mandate) lacks() string { return lacksID(m.ID) }
