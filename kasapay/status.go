package kasapay

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Status asks for a payout by your reference. It gives ErrNotFound only when
// Kasapay itself says that it knows none; the form of that answer is not
// documented, so any of its envelopes is taken.
func (s *PayoutsService) Find(ctx context.Context, reference string) (*Payout, error) {
	var f transport.Faults
	checkReference(&f, reference)
	if err := s.c.core.Invalid(OpStatus, reference, f.Fields); err != nil {
		return nil, err
	}
	var payout Payout
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpStatus, Path: []string{reference}, Reference: reference,
		Decode: func(r *transport.Response) (err error) {
			a, ok := r.Parsed.(*answer)
			if !ok {
				return errNoObject
			}
			payout, err = a.payout(reference)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return &payout, nil
}
