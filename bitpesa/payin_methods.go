package bitpesa

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// PayinMethodsService follows collections from senders.
type PayinMethodsService struct{ c *Client }

// Get returns a collection.
func (s *PayinMethodsService) Get(ctx context.Context, id string) (*PayinMethod, error) {
	return byID[PayinMethod](ctx, s.c, OpGetPayinMethod, id)
}

// Update changes a collection, which leaves PayinError with that. The body goes
// unwrapped, as the vendor's OpenAPI has it.
func (s *PayinMethodsService) Update(ctx context.Context, id string, p PayinMethodParams) (*PayinMethod, error) {
	var f transport.Faults
	if p.Type == "" && p.UXFlow == "" && len(p.InDetails) == 0 {
		f.Add("payin_method", "holds nothing to change")
	}
	return write[PayinMethod](ctx, s.c, OpUpdatePayinMethod, id, f, p)
}

// Cancel asks for the cancellation of a collection; wait for PayinCanceled or
// PayinRefunded.
func (s *PayinMethodsService) Cancel(ctx context.Context, id string) (*PayinMethod, error) {
	return byID[PayinMethod](ctx, s.c, OpCancelPayinMethod, id)
}

// Retry tries a collection in PayinError again.
func (s *PayinMethodsService) Retry(ctx context.Context, id string) (*PayinMethod, error) {
	return byID[PayinMethod](ctx, s.c, OpRetryPayinMethod, id)
}
