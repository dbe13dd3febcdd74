package kpay

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Status asks for a payment by your reference. It gives ErrNotFound when KPay
// knows none (code 611), which can be so for moments after Pay. An answer that
// names another reference, or none, is an ErrUnexpectedResponse and never
// taken for this payment's.
func (c *Client) Find(ctx context.Context, refID string) (*Payment, error) {
	var f transport.Faults
	checkRefID(&f, refID)
	if err := c.core.Invalid(OpStatus, refID, f.Fields); err != nil {
		return nil, err
	}
	return c.status(ctx, refID, statusRequest{RefID: refID, Action: "checkstatus"})
}

// StatusByTID asks for a payment by KPay's id. Match the answer by its RefID:
// its TID may differ from the one asked for.
func (c *Client) Get(ctx context.Context, tid string) (*Payment, error) {
	var f transport.Faults
	f.Require("tid", tid)
	if err := c.core.Invalid(OpStatus, "", f.Fields); err != nil {
		return nil, err
	}
	return c.status(ctx, "", statusRequest{TID: tid, Action: "checkstatus"})
}

type statusRequest struct {
	TID    string `json:"tid,omitempty"`
	RefID  string `json:"refid,omitempty"`
	Action string `json:"action"`
}

func (c *Client) status(ctx context.Context, refID string, request statusRequest) (*Payment, error) {
	var payment *Payment
	err := c.core.Do(ctx, transport.Call{
		Op: OpStatus, Reference: refID, Body: request, Decode: into(&payment, refID, true),
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}
