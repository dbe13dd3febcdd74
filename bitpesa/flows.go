package bitpesa

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayFromBalance creates a transaction and funds it from the account balance. Call
// it again with the same params after any failure, in this process or after a
// crash: it continues where it stopped, and pays once. If the error matches
// ErrOutcomeUnknown, call it again later. CreateAndFund does the same in one
// request, but cannot continue.
//
// The steps:
//
//  1. Create, with the ExternalID (required). If a transaction that asks for the
//     same currencies and amounts has this ExternalID, PayFromBalance continues
//     with that transaction. It does not compare accounts, because a correction
//     changes them.
//  2. If the transaction is funded already, return it. Look at its State.
//  3. If the transaction is not approved yet, or canceled, refuse. If its state
//     does not tell whether it is funded, return ErrOutcomeUnknown.
//  4. Debits.Create, with exactly the amount and currency of the price.
//  5. Get, to return the state after the debit. If Get fails, return the state
//     before the debit without an error, because the money has moved.
//
// If BitPesa refuses the debit, Get tells whether another call has funded the
// transaction meanwhile. If so, return the transaction. If Get does not tell, the
// error is the refusal, with an unknown outcome.
func (s *TransactionsService) PayFromBalance(ctx context.Context, p TransactionParams) (*Transaction, error) {
	f := p.validate()
	f.Require("external_id", p.ExternalID)
	if len(p.PayinMethods) > 0 {
		f.Add("payin_methods", "must be empty: the money comes from the balance")
	}
	if err := s.c.core.Invalid(OpCreateTransaction, p.ExternalID, f.Fields); err != nil {
		return nil, err
	}
	t, err := s.createOrContinue(ctx, p)
	if err != nil || t.Funded() {
		return t, err
	}
	switch t.State {
	case TransactionApproved:
		return s.fund(ctx, t)
	case TransactionInitial, TransactionCanceled:
		f.Add("transaction", "is "+string(t.State)+", so it cannot be funded")
		return t, s.c.core.Invalid(OpCreateDebits, t.ID, f.Fields)
	}
	return t, unclear(s.c.core.Inconclusive(OpCreateDebits, t.ID, errStateOpen))
}

// createOrContinue creates a transaction, or finds the transaction that an earlier
// call with the same params has created.
func (s *TransactionsService) createOrContinue(ctx context.Context, p TransactionParams) (*Transaction, error) {
	t, err := s.Create(ctx, p)
	if !errors.Is(err, sdk.ErrDuplicate) {
		return t, err
	}
	found, findErr := s.Find(ctx, p.ExternalID)
	switch {
	case errors.Is(findErr, sdk.ErrNotFound): // a duplicate sender, say
		return nil, err
	case findErr != nil:
		return nil, findErr
	case p.describes(found) != nil:
		return nil, err
	}
	return found, nil
}

// fund takes the money for a transaction that waits for it.
func (s *TransactionsService) fund(ctx context.Context, t *Transaction) (*Transaction, error) {
	debit := DebitParams{ToID: t.ID}
	if t.InputAmount.Valid && t.InputCurrency != "" {
		debit.Amount, debit.Currency = decimal.NewNullDecimal(t.InputAmount.Decimal), t.InputCurrency
	}
	_, refusal := s.c.Debits.Create(ctx, debit)
	if refusal != nil && !errors.Is(refusal, sdk.ErrRejected) {
		return t, refusal
	}
	after, err := s.Get(ctx, t.ID)
	switch {
	case err != nil && refusal == nil:
		return t, nil
	case err != nil:
		return t, unclear(refusal)
	case refusal == nil || after.Funded():
		return after, nil
	case after.State != TransactionApproved && after.State != TransactionCanceled:
		refusal = unclear(refusal)
	}
	return after, refusal
}

// Cancel cancels what is left of a failed transaction. BitPesa cancels recipients,
// not transactions, so Cancel goes through the recipients:
//
//  1. Get.
//  2. Recipients.Cancel for each recipient that MayCancel. Recipients that are
//     paid, under way or canceled already stay as they are.
//  3. Get again, and return the transaction.
//
// Then Wait until the state is TransactionRefunded, or TransactionCanceled if the
// transaction was never funded. The error joins the refusals and unknown outcomes.
// It is ErrValidation if no recipient may be canceled. You may call Cancel again.
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

// Correct changes the details of a failed recipient, and BitPesa retries the
// payout. Then Transactions.Wait tells how the payout ends. The steps:
//
//  1. Transactions.Get, because BitPesa shows a recipient only there. A recipient
//     that is not Editable is refused.
//  2. Update, after which BitPesa retries the payout at once.
//  3. After an unknown outcome, Transactions.Get again. If the recipient shows the
//     correction, and did not before or has left its state, the correction is done.
//     Otherwise the error matches ErrOutcomeUnknown.
//
// A changed state alone proves no correction, because BitPesa also retries by
// itself.
func (s *RecipientsService) Correct(ctx context.Context, transactionID, recipientID string, u RecipientUpdate) (*Recipient, error) {
	before, err := s.get(ctx, transactionID, recipientID)
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
	if after, getErr := s.get(ctx, transactionID, recipientID); getErr == nil && after.shows(u) && (after.State != before.State || !before.shows(u)) {
		return after, nil
	}
	return nil, err
}

// get reads a recipient out of its transaction.
func (s *RecipientsService) get(ctx context.Context, transactionID, recipientID string) (*Recipient, error) {
	t, err := s.c.Transactions.Get(ctx, transactionID)
	if err != nil {
		return nil, err
	}
	if r := t.Recipient(recipientID); r != nil {
		return r, nil
	}
	return nil, s.c.core.Absent(OpGetTransaction, recipientID)
}

// shows reports whether the payout method of a recipient has every detail of an
// update.
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
