package bitpesa

import (
	"context"
	"iter"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// PayoutMethodsService manages stored destinations of money.
type PayoutMethodsService struct{ c *Client }

// PayoutMethodListOptions choose a page of payout methods.
type PayoutMethodListOptions struct {
	ListOptions
	Created  Created
	SenderID string
	Types    []PayoutType
	States   []string // "enabled", "disabled"
}

// List returns one page of payout methods.
func (s *PayoutMethodsService) List(ctx context.Context, o PayoutMethodListOptions) (*Page[PayoutMethod], error) {
	var f transport.Faults
	q := o.query(&f)
	o.Created.set(q)
	setText(q, "sender_id", o.SenderID)
	setList(q, "type", o.Types)
	setList(q, "state", o.States)
	return listPage[PayoutMethod](ctx, s.c, OpListPayoutMethods, o.ListOptions, q, f)
}

// All iterates over payout methods, fetching pages as it goes.
func (s *PayoutMethodsService) All(ctx context.Context, o PayoutMethodListOptions) iter.Seq2[PayoutMethod, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[PayoutMethod], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Create stores a payout method. It is never sent twice after an unclear answer.
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

// Update changes what is given. The body goes unwrapped, as the vendor's OpenAPI
// has it.
func (s *PayoutMethodsService) Update(ctx context.Context, id string, p PayoutMethodParams) (*PayoutMethod, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is an argument of its own")
	}
	return write[PayoutMethod](ctx, s.c, OpUpdatePayoutMethod, id, f, p)
}

// Delete disables a payout method and returns it.
func (s *PayoutMethodsService) Delete(ctx context.Context, id string) (*PayoutMethod, error) {
	return byID[PayoutMethod](ctx, s.c, OpDeletePayoutMethod, id)
}
