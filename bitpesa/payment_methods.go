package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"maps"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayoutMethodsService manages the stored destinations of money.
type PayoutMethodsService struct{ c *Client }

// PayoutMethodParams describe a destination of money. Give Type and Details for a
// new destination. The ID alone names a stored destination; that a transaction
// takes such an ID is assumed.
type PayoutMethodParams struct {
	ID       string        `json:"id,omitempty"`
	Type     PayoutType    `json:"type,omitempty"`
	Details  PayoutDetails `json:"details,omitzero"`
	Metadata Metadata      `json:"metadata,omitempty"`
}

// PayoutMethod is a destination of money.
type PayoutMethod struct {
	PayoutMethodParams // as stored, with the ID

	Provider string                 `json:"provider"` // in samples only
	Fields   map[string]PayoutField `json:"fields"`   // the form that asks a recipient for the details
	Errors   map[string]any         `json:"errors"`   // by field, as received
	Raw      sdk.Raw                `json:"-"`
}

// PayoutField describes how a form asks for one detail of a corridor. The options
// carry the bank codes to choose from.
type PayoutField struct {
	Type string `json:"type"` // input or select
	// Options and Validations are as received, because their form varies in the
	// vendor's own samples.
	Options     json.RawMessage `json:"options"`
	Validations json.RawMessage `json:"validations"`
	Raw         sdk.Raw         `json:"-"`
}

// PayoutMethodListOptions choose a page of payout methods.
type PayoutMethodListOptions struct {
	ListOptions
	Created
	SenderID string       `url:"sender_id,omitempty"`
	Types    []PayoutType `url:"type,omitempty,brackets"`
	States   []string     `url:"state,omitempty,brackets"` // "enabled", "disabled"
}

// Create stores a payout method. The client sends it once: after an unknown
// outcome, look at List before you store it again.
func (s *PayoutMethodsService) Create(ctx context.Context, p PayoutMethodParams) (*PayoutMethod, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is given by the server")
	}
	p.validate("", &f)
	return create[PayoutMethod](ctx, s.c, OpCreatePayoutMethod, f, map[string]PayoutMethodParams{"payout_method": p})
}

// Get returns a payout method.
func (s *PayoutMethodsService) Get(ctx context.Context, id string) (*PayoutMethod, error) {
	return byID[PayoutMethod](ctx, s.c, OpGetPayoutMethod, id)
}

// List returns one page of payout methods.
func (s *PayoutMethodsService) List(ctx context.Context, o PayoutMethodListOptions) (*Page[PayoutMethod], error) {
	return listPage[PayoutMethod](ctx, s.c, OpListPayoutMethods, o.ListOptions, o, transport.Faults{})
}

// All iterates over payout methods, page by page.
func (s *PayoutMethodsService) All(ctx context.Context, o PayoutMethodListOptions) iter.Seq2[PayoutMethod, error] {
	return all(s.c, OpListPayoutMethods, o.ListOptions, func(page ListOptions) (*Page[PayoutMethod], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Update changes the given fields. The body has no envelope, as in the vendor's
// OpenAPI.
func (s *PayoutMethodsService) Update(ctx context.Context, id string, p PayoutMethodParams) (*PayoutMethod, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is an argument of its own")
	}
	f.CheckTexts("details", p.Details.Extra)
	p.Details.validateForm("details.", &f)
	return write(ctx, s.c, OpUpdatePayoutMethod, id, f, p, func(m *PayoutMethod) (c transport.Comparison) {
		p.compare(&c, "", m)
		return c
	})
}

// Delete disables a payout method and returns it.
func (s *PayoutMethodsService) Delete(ctx context.Context, id string) (*PayoutMethod, error) {
	return remove[PayoutMethod](ctx, s.c, OpDeletePayoutMethod, id)
}

func (p *PayoutMethodParams) validate(prefix string, f *transport.Faults) {
	f.CheckTexts(prefix+"details", p.Details.Extra)
	if p.ID != "" {
		f.CheckReference(prefix+"id", p.ID)
		return
	}
	f.Require(prefix+"type", string(p.Type))
	p.Details.validate(prefix+"details.", p.Type, f)
}

func (m *PayoutMethod) ident() *string { return &m.ID }

// PayinMethodsService follows collections from senders.
type PayinMethodsService struct{ c *Client }

// PayinMethodParams say how BitPesa collects money from the sender. The vendor took
// its guides of collections offline in 2025, but still specifies the endpoints.
type PayinMethodParams struct {
	Type   string `json:"type,omitempty"`    // "XOF::Mobile"
	UXFlow string `json:"ux_flow,omitempty"` // "ussd_popup", "http_redirect", ...
	// InDetails are phone_number, mobile_provider, country and otp for mobile money;
	// phone_number, account_name and account_number for NGN::Bank; refund_address
	// for BTC.
	InDetails map[string]any `json:"in_details,omitempty"`
}

// PayinMethod is a collection of money from the sender.
type PayinMethod struct {
	ID string `json:"id"`
	PayinMethodParams
	Provider           string             `json:"provider"` // BitPesa's API of 2019
	State              PayinState         `json:"state"`
	StateReasonDetails StateReasonDetails `json:"state_reason_details"`
	OutDetails         map[string]any     `json:"out_details"`  // the sender needs them to pay
	Instructions       json.RawMessage    `json:"instructions"` // for people; its form is not documented

	TransactionID         string `json:"transaction_id"`          // in webhooks
	TransactionExternalID string `json:"transaction_external_id"` // in webhooks

	Errors map[string]any `json:"errors"` // by field, as received
	Raw    sdk.Raw        `json:"-"`
}

// PayinState is the state of a collection. Unknown states pass through.
type PayinState string

const (
	PayinIncomplete PayinState = "incomplete"
	PayinInitial    PayinState = "initial"
	PayinPending    PayinState = "pending"
	PayinProcessing PayinState = "processing"
	PayinSuccess    PayinState = "success"
	PayinError      PayinState = "error" // Update or Retry it
	PayinMispaid    PayinState = "mispaid"
	PayinCanceled   PayinState = "canceled"
	PayinRefunded   PayinState = "refunded"
	PayinException  PayinState = "exception"
)

// Get returns a collection.
func (s *PayinMethodsService) Get(ctx context.Context, id string) (*PayinMethod, error) {
	return byID[PayinMethod](ctx, s.c, OpGetPayinMethod, id)
}

// Update changes a collection, and takes it out of PayinError. The body has no
// envelope, as in the vendor's OpenAPI. A response that shows another type, flow, phone or
// account than asked for is an unknown outcome.
func (s *PayinMethodsService) Update(ctx context.Context, id string, p PayinMethodParams) (*PayinMethod, error) {
	var f transport.Faults
	if p.Type == "" && p.UXFlow == "" && len(p.InDetails) == 0 {
		f.Add("payin_method", "holds nothing to change")
	}
	p.validateForm("", &f)
	return write(ctx, s.c, OpUpdatePayinMethod, id, f, p, p.compareUpdate)
}

// Cancel asks BitPesa to cancel a collection. PayinCanceled or PayinRefunded
// follows. A refusal may mean that an earlier call did it: read the State with Get.
func (s *PayinMethodsService) Cancel(ctx context.Context, id string) (*PayinMethod, error) {
	return remove[PayinMethod](ctx, s.c, OpCancelPayinMethod, id)
}

// Retry has BitPesa retry a collection in PayinError. A refusal may mean that an
// earlier call did it: read the State with Get.
func (s *PayinMethodsService) Retry(ctx context.Context, id string) (*PayinMethod, error) {
	return byID[PayinMethod](ctx, s.c, OpRetryPayinMethod, id)
}

// validateForm reads the phone number of a collection, in a map of its own.
func (p *PayinMethodParams) validateForm(prefix string, f *transport.Faults) {
	if text, ok := p.InDetails["phone_number"].(string); ok {
		p.InDetails = maps.Clone(p.InDetails)
		p.InDetails["phone_number"] = phone(f, prefix+"in_details.phone_number", text)
	}
}

func (m *PayinMethod) ident() *string { return &m.ID }
