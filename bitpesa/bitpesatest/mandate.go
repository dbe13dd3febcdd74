package bitpesatest

import (
	"fmt"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// mandate is what some recipients have to sign before they are paid.
type mandate struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Signed  time.Time `json:"signed"`
}

func (m *mandate) rowID() string { return m.ID }

// getMandate does not know mandates from another year, as documented.
func (f *Fake) getMandate(c *call) answer {
	m, ok := c.account.Mandates.find(c.params[0])
	if !ok || m.Created.Year() != f.now().Year() {
		return notFound()
	}
	return success(object{
		"id": m.ID, "status": m.Status, "type_id": nil, "reference": strings.ToUpper(m.ID[:8]),
		"signed_at": stamp(m.Signed, spelledISO), "created_at": stamp(m.Created, spelledISO), "updated_at": stamp(m.Updated, spelledISO),
	})
}

// SetMandate gives a recipient a mandate, or the one it has a new status. It
// returns the mandate's id.
func (f *Fake) SetMandate(recipientID string, status bitpesa.MandateStatus) (string, error) {
	switch status {
	case bitpesa.MandatePending, bitpesa.MandateNotified, bitpesa.MandateSigned, bitpesa.MandateFailed, bitpesa.MandateBypassed:
	default:
		return "", fmt.Errorf("%w %q of a mandate", ErrState, status)
	}
	f.world.Lock()
	defer f.world.Unlock()
	a, r := f.state.recipient(recipientID)
	if r == nil {
		return "", notKnown("recipient", recipientID)
	}
	m, ok := a.Mandates.find(r.Mandate)
	if !ok {
		m = &mandate{ID: f.newID(), Created: f.now()}
		a.Mandates.add(m)
		r.Mandate = m.ID
	}
	m.Status, m.Updated = string(status), f.now()
	if status == bitpesa.MandateSigned {
		m.Signed = f.now()
	}
	return m.ID, nil
}
