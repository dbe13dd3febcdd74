package bitpesa

import (
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayoutMethodParams describe where money goes: a new destination (Type and
// Details), or one that exists (ID alone; that a transaction takes it is
// assumed).
type PayoutMethodParams struct {
	ID       string        `json:"id,omitempty"`
	Type     PayoutType    `json:"type,omitempty"`
	Details  PayoutDetails `json:"details,omitzero"`
	Metadata Metadata      `json:"metadata,omitempty"`
}

// PayoutMethod is a destination of money.
type PayoutMethod struct {
	PayoutMethodParams // as stored, ID included

	Provider string                 `json:"provider"` // in samples only
	Fields   map[string]PayoutField `json:"fields"`   // the form to ask a recipient for the details
	Raw      sdk.Raw                `json:"-"`
}

// PayoutField describes one detail of a corridor: the vendor's form for it. The
// options carry the bank codes on offer.
type PayoutField struct {
	Type string `json:"type"` // input or select
	// Options and Validations are as received; their form varies in the vendor's
	// own samples.
	Options     json.RawMessage `json:"options"`
	Validations json.RawMessage `json:"validations"`
	Raw         sdk.Raw         `json:"-"`
}

func (p *PayoutMethodParams) validate(prefix string, f *transport.Faults) {
	if p.ID != "" {
		return
	}
	f.Require(prefix+"type", string(p.Type))
	checkDetails(prefix+"details.", p.Type, p.Details, f)
}

func (m *PayoutMethod) lacks() string { return lacksID(m.ID) }
