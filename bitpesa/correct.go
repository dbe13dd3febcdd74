package bitpesa

import (
	"context"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Correct mends a failed recipient and has its payout tried again:
//
//  1. Transactions.Get, because a recipient is only shown there. A recipient
//     that is not Editable is refused.
//  2. Update, with which the payout is tried again at once.
//  3. After an unclear answer Transactions.Get again: a recipient that shows the
//     correction, and did not before or has left its state, is the result.
//     Otherwise the error matches ErrOutcomeUnknown. A changed state alone proves
//     nothing: a payout may be tried again by itself, to where it failed.
//
// Then Transactions.Wait tells how it ends.
func (s *RecipientsService) Correct(ctx context.Context, transactionID, recipientID string, u RecipientUpdate) (*Recipient, error) {
	before, err := s.find(ctx, transactionID, recipientID)
	if err != nil {
		return nil, err
	}
	if !before.Editable {
		return nil, s.c.core.Invalid(OpUpdateRecipient, recipientID, transport.Fields{"recipient": {"is " + string(before.State) + " and not editable"}})
	}
	r, err := s.Update(ctx, recipientID, u)
	if !errors.Is(err, sdk.ErrOutcomeUnknown) {
		return r, err
	}
	if after, findErr := s.find(ctx, transactionID, recipientID); findErr == nil && after.shows(u) && (after.State != before.State || !before.shows(u)) {
		return after, nil
	}
	return nil, err
}

// shows tells whether a recipient has all that an update says about where the
// money goes.
func (r *Recipient) shows(u RecipientUpdate) bool {
	if t := u.PayoutMethod.Type; t != "" && t != r.PayoutMethod.Type {
		return false
	}
	got, _ := r.PayoutMethod.Details.texts()
	want, _ := u.PayoutMethod.Details.texts()
	for name, value := range want {
		if fmt.Sprint(got[name]) != fmt.Sprint(value) {
			return false
		}
	}
	return true
}

func (s *RecipientsService) find(ctx context.Context, transactionID, recipientID string) (*Recipient, error) {
	t, err := s.c.Transactions.Get(ctx, transactionID)
	if err != nil {
		return nil, err
	}
	if r := t.Recipient(recipientID); r != nil {
		return r, nil
	}
	return nil, s.c.core.Absent(OpGetTransaction, recipientID)
}
