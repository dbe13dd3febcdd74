package bitpesa

import (
	"context"
	"errors"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Cancel gives a failed transaction up, through its recipients, because a
// transaction itself cannot be canceled:
//
//  1. Get.
//  2. Recipients.Cancel for each recipient that MayCancel. Those which are paid,
//     under way or canceled already are left alone.
//  3. Get again, and return that.
//
// Cancellation is asynchronous: Wait until the state is TransactionRefunded (or
// TransactionCanceled, if it was never funded). The error joins what was refused
// or is unclear; it is ErrValidation if no recipient could be canceled at all.
// Calling it again is harmless.
func (s *TransactionsService) Cancel(ctx context.Context, id string) (*Transaction, error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	failed, tried := map[string]error{}, false
	for i := range t.Recipients {
		r := &t.Recipients[i]
		if !r.MayCancel || r.State.Final() || r.State == RecipientCanceled {
			continue
		}
		tried = true
		if _, err := s.c.Recipients.Cancel(ctx, r.ID); err != nil {
			failed[r.ID] = err
		}
	}
	if !tried {
		return t, s.c.core.Invalid(OpCancelRecipient, id, transport.Fields{"recipients": {"none may be canceled"}})
	}
	after, err := s.Get(ctx, id)
	if err != nil {
		after, failed[""] = t, err
	}
	var left []error
	for i := range after.Recipients {
		r := &after.Recipients[i]
		if r.State != RecipientCanceled && r.State != RecipientRefunded {
			left = append(left, failed[r.ID])
		}
	}
	return after, errors.Join(append(left, failed[""])...)
}
