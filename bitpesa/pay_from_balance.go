package bitpesa

import (
	"context"
	"errors"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk"
)

// PayFromBalance creates a transaction and funds it from the account balance,
// step by step:
//
//  1. Create, with the ExternalID (required). If it is taken by a transaction
//     that asks for the same (currencies, amounts), that one is continued with.
//     Accounts are not compared, because a correction changes them.
//  2. A transaction that is funded already is the result, whatever became of it
//     since: look at its State.
//  3. One that is not approved yet, or canceled, is refused. One whose state does
//     not tell whether it is funded is ErrOutcomeUnknown.
//  4. Debits.Create, with the very amount and currency that it costs.
//  5. Get, for the state after that. If this last read fails, the result shows
//     the state before the debit, and no error, because the money has moved.
//     After a refused debit it tells whether another call has funded the
//     transaction meanwhile; then that is the result. If it does not tell, the
//     error is the refusal with an unknown outcome.
//
// So calling it again with the same params, in this process or after a crash,
// goes on where it stopped and pays once. When the outcome of a step stays
// unclear, the error matches ErrOutcomeUnknown: call again later. CreateAndFund
// does the same in one request, without the possibility to go on.
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
	return t, unclear(s.c.core.Inconclusive(OpCreateDebits, t.ID, errNotTelling))
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

// createOrContinue creates a transaction, or finds the one that an earlier call
// with the same params has created.
func (s *TransactionsService) createOrContinue(ctx context.Context, p TransactionParams) (*Transaction, error) {
	t, err := s.Create(ctx, p)
	if !errors.Is(err, sdk.ErrDuplicate) {
		return t, err
	}
	found, findErr := s.FindByExternalID(ctx, p.ExternalID)
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
