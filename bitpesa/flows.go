package bitpesa

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayFromBalance creates a transaction and funds it from the account balance. Call
// it again with the same params after any failure, in this process or after a
// crash: it continues where it stopped, and pays once. If the error matches
// sdk.ErrOutcomeUnknown, call it again later. CreateAndFund does the same in one
// request, but cannot continue.
//
// The steps:
//
//  1. Create, with the ExternalID (required). If the same transaction has this
//     ExternalID, PayFromBalance continues with that transaction. If another
//     transaction has it, the error is sdk.ErrReferenceTaken. The persons and accounts
//     of the recipients are compared, too: after a correction, give the corrected
//     details, or use Find.
//  2. If the transaction is funded already, return it. Look at its State.
//  3. If the transaction is not approved yet, or was canceled before any money came,
//     the error is sdk.ErrRejected. If it does not tell whether it is or was funded, or if
//     an existing transaction shows no recipients to compare, the error is
//     sdk.ErrOutcomeUnknown. A canceled transaction tells only by a PaidAmount of 0.
//  4. Debits.Create, with exactly the amount and currency of the price.
//  5. Get, to return the state after the debit. If Get fails, return the state
//     before the debit without an error, because the money has moved.
//
// Existing of the result says that the transaction was funded before this call.
func (s *TransactionsService) PayFromBalance(ctx context.Context, p TransactionParams) (*Transaction, error) {
	f := p.validate()
	f.RequireReference("external_id", p.ExternalID)
	if len(p.PayinMethods) > 0 {
		f.Add("payin_methods", "must be empty: the money comes from the balance")
	}
	if err := s.c.core.InvalidCall(transport.Call{Op: OpCreateTransaction, Reference: p.ExternalID, Body: p.request()}, f.Fields); err != nil {
		return nil, err
	}
	t, err := s.Create(ctx, p)
	if err != nil || t.Funded() {
		return t, err
	}
	switch {
	case t.State == TransactionApproved && t.Existing && t.Unverified:
		return t, unclear(s.c.core.Inconclusive(OpCreateDebits, t.ID, errUncompared))
	case t.State == TransactionApproved:
		return s.fund(ctx, t)
	case t.neverFunded():
		return t, s.refusedByState(t)
	}
	return t, unclear(s.c.core.Inconclusive(OpCreateDebits, t.ID, errStateOpen))
}

// refusedByState is the error of a debit that was not sent, because the state of its
// transaction forbids it. The transaction itself was sent, so that "not sent" would
// be wrong.
func (s *TransactionsService) refusedByState(t *Transaction) error {
	op := s.c.core.Operation(OpCreateDebits)
	return &sdk.Error{
		Provider: "bitpesa", Operation: op.Name, Class: op.Class, Outcome: sdk.Rejected, Reference: t.ID,
		Fields:  map[string][]string{"transaction": {"is " + string(t.State) + ", so it cannot be funded"}},
		Reasons: []error{sdk.ErrValidation},
	}
}

// fund takes the money for a transaction that waits for it.
func (s *TransactionsService) fund(ctx context.Context, t *Transaction) (*Transaction, error) {
	params := DebitParams{ToID: t.ID}
	if t.InputAmount.Valid && t.InputCurrency != "" {
		params.Amount, params.Currency = decimal.NewNullDecimal(t.InputAmount.Decimal), t.InputCurrency
	}
	debit, err := s.c.Debits.Create(ctx, params)
	if err != nil {
		return t, err
	}
	after, err := s.Get(ctx, t.ID)
	if err != nil {
		after = t // the money has moved all the same
	}
	after.Existing, after.Unverified = debit.Existing, t.Unverified || debit.Unverified
	return after, nil
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
// It is sdk.ErrValidation if no recipient may be canceled. You may call Cancel again.
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
		after, failed[""] = t, unclear(err) // something was canceled, or may have been
	}
	var left []error
	for i := range after.Recipients {
		r := &after.Recipients[i]
		if r.State != RecipientCanceled && r.State != RecipientRefunded {
			left = append(left, failed[r.ID])
		}
	}
	left = append(left, failed[""])
	// sdk.Advise reads the first error: an unknown outcome decides what to do.
	slices.SortStableFunc(left, func(a, b error) int {
		return unknownFirst(a) - unknownFirst(b)
	})
	return after, errors.Join(left...)
}

func unknownFirst(err error) int {
	if errors.Is(err, sdk.ErrOutcomeUnknown) {
		return 0
	}
	return 1
}

// Correct changes the details of a failed recipient, and BitPesa retries the
// payout. Then Transactions.Wait tells how the payout ends. The steps:
//
//  1. Transactions.Get, because BitPesa shows a recipient only there. A recipient
//     that is not Editable is refused.
//  2. Update, after which BitPesa retries the payout at once.
//  3. After an unknown outcome, Transactions.Get again. If the recipient shows the
//     correction, and did not before or has left its state, the correction is done.
//     Otherwise the error matches sdk.ErrOutcomeUnknown.
//
// A changed state alone proves no correction, because BitPesa also retries by
// itself.
func (s *RecipientsService) Correct(ctx context.Context, transactionID, recipientID string, u RecipientUpdate) (*Recipient, error) {
	update := s.update(recipientID, u)
	if _, err := update.Prepare(); err != nil {
		return nil, err // before anything is asked
	}
	before, err := s.get(ctx, transactionID, recipientID)
	if err != nil {
		return nil, err
	}
	if !before.Editable {
		return nil, s.c.core.Invalid(OpUpdateRecipient, recipientID, transport.Fields{"recipient": {"is " + string(before.State) + " and not editable"}})
	}
	r, err := update.Do(ctx)
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

// shows reports whether a recipient shows every detail of an update. What is masked shows
// only a part of it.
func (r *Recipient) shows(u RecipientUpdate) bool {
	c := u.compare(r)
	if u.PayoutMethod.Type != "" && r.PayoutMethod.Type == "" {
		return false
	}
	got, _ := r.PayoutMethod.Details.texts()
	want, _ := u.PayoutMethod.Details.texts()
	for name, value := range want {
		if fmt.Sprint(value) == fmt.Sprint(got[name]) {
			continue
		}
		asked, shown := detailText(value), detailText(got[name])
		if bare(shown) == "" {
			return false
		}
		compareDetail(&c, name, shown, asked) // turned round: a mask is not what was asked for
	}
	found, err := c.Finding()
	return err == nil && found == transport.Same
}
