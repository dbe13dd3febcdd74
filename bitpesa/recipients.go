package bitpesa

import (
	"context"
	"iter"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// RecipientsService follows, corrects and cancels payouts. There is no reading
// of a single recipient: Transactions.Get shows its recipients.
type RecipientsService struct{ c *Client }

// RecipientListOptions choose a page of recipients.
type RecipientListOptions struct {
	ListOptions
	Created Created
	States  []RecipientState
	// Currencies are input currencies. AmountFrom and AmountTo, where valid,
	// need exactly one (that its amount is in that currency is documented, that
	// it is one is assumed).
	Currencies           []string
	AmountFrom, AmountTo decimal.NullDecimal
}

// RecipientUpdate corrects a recipient: what is empty stays as it is.
type RecipientUpdate struct {
	Type         PartyType          `json:"type,omitempty"`
	PayoutMethod PayoutMethodParams `json:"payout_method,omitzero"`
	Metadata     Metadata           `json:"metadata,omitempty"`
}

// ProofOfPayment is a paper that shows a payout.
type ProofOfPayment struct {
	ID        string `json:"id"`
	FileName  string `json:"file_name"`
	Thumbnail string `json:"thumbnail"`
	URL       string `json:"url"`
}

// List returns one page of recipients of all transactions.
func (s *RecipientsService) List(ctx context.Context, o RecipientListOptions) (*Page[Recipient], error) {
	var f transport.Faults
	q := o.query(&f)
	o.Created.set(q)
	setList(q, "state", o.States)
	setList(q, "currency", o.Currencies)
	for _, bound := range []struct {
		name  string
		value decimal.NullDecimal
	}{{"amount_from", o.AmountFrom}, {"amount_to", o.AmountTo}} {
		if !bound.value.Valid {
			continue
		}
		if !bound.value.Decimal.IsZero() {
			amount(&f, bound.name, bound.value.Decimal)
		}
		if len(o.Currencies) != 1 {
			f.Add(bound.name, "needs one currency")
		}
		if len(f.Fields) == 0 {
			q.Set(bound.name, bound.value.Decimal.String())
		}
	}
	return listPage[Recipient](ctx, s.c, OpListRecipients, o.ListOptions, q, f)
}

// All iterates over recipients, fetching pages as it goes.
func (s *RecipientsService) All(ctx context.Context, o RecipientListOptions) iter.Seq2[Recipient, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[Recipient], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Update corrects a recipient that is Editable. A failed payout is tried again
// at once with that, so it is never sent twice after an unclear answer: look at
// the recipient in Transactions.Get first.
func (s *RecipientsService) Update(ctx context.Context, id string, u RecipientUpdate) (*Recipient, error) {
	var f transport.Faults
	date(&f, "payout_method.details.birth_date", u.PayoutMethod.Details.BirthDate)
	return write[Recipient](ctx, s.c, OpUpdateRecipient, id, f, map[string]RecipientUpdate{"recipient": u})
}

// Cancel gives a payout up. One that MayCancel is canceled, then its part of the
// money refunded. One that is under way is only canceled if the provider
// reports failure, and otherwise paid; BitPesa's API of 2019 refuses it.
func (s *RecipientsService) Cancel(ctx context.Context, id string) (*Recipient, error) {
	return byID[Recipient](ctx, s.c, OpCancelRecipient, id)
}

// ProofOfPayments returns the papers that show a payout.
func (s *RecipientsService) ProofOfPayments(ctx context.Context, id string) ([]ProofOfPayment, error) {
	var f transport.Faults
	if reason := transport.CheckSegment(id); reason != nil {
		f.Add("id", reason.Error())
	}
	if err := s.c.core.Invalid(OpProofOfPayments, id, f.Fields); err != nil {
		return nil, err
	}
	return list[ProofOfPayment](ctx, s.c, transport.Call{Op: OpProofOfPayments, Path: []string{id}, Reference: id})
}
