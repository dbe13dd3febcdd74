package bitpesa

import (
	"context"
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// RecipientsService follows, corrects and cancels payouts. BitPesa shows a single
// recipient only in its transaction: see Transactions.Get.
type RecipientsService struct{ c *Client }

// Recipient receives money of a transaction. It shows how the payout goes.
type Recipient struct {
	ID    string         `json:"id"`
	Type  PartyType      `json:"type"`
	State RecipientState `json:"state"`
	// StateReason and StateReasonDetails explain the state to people. The vendor
	// advises to decide by State alone.
	StateReason        string             `json:"state_reason"`
	StateReasonDetails StateReasonDetails `json:"state_reason_details"`

	Editable  bool `json:"editable"`   // Update is allowed
	Retriable bool `json:"retriable"`  // BitPesa retries by itself; false where the response does not say (2019)
	MayCancel bool `json:"may_cancel"` // Cancel acts at once

	TransactionID         string           `json:"transaction_id"`
	TransactionExternalID string           `json:"transaction_external_id"`
	TransactionState      TransactionState `json:"transaction_state"`

	RequestedAmount   decimal.NullDecimal `json:"requested_amount"` // in RequestedCurrency
	RequestedCurrency string              `json:"requested_currency"`
	InputAmount       decimal.NullDecimal `json:"input_amount"` // the price, in InputCurrency
	InputCurrency     string              `json:"input_currency"`
	OutputAmount      decimal.NullDecimal `json:"output_amount"` // the payout, in OutputCurrency
	OutputCurrency    string              `json:"output_currency"`
	InputUSDAmount    decimal.NullDecimal `json:"input_usd_amount"`
	ExchangeRate      decimal.NullDecimal `json:"exchange_rate"`
	FeeFractional     decimal.NullDecimal `json:"fee_fractional"`

	PayoutMethod PayoutMethod `json:"payout_method"`
	MandateID    string       `json:"mandate_id"`
	Metadata     Metadata     `json:"metadata"`
	CreatedAt    time.Time    `json:"created_at"`

	Errors map[string]any `json:"errors"` // by field, as received
	Raw    sdk.Raw        `json:"-"`
}

// StateReasonDetails explain the state of an object. The vendor's guides list the
// codes and categories, which change.
type StateReasonDetails struct {
	Code        string   `json:"code"`
	Category    string   `json:"category"` // "paid", "temporary_error", "recipient_error", ...
	Messages    []string `json:"messages"`
	Description string   `json:"description"`
}

// RecipientState is the state of a payout. Unknown states pass through.
type RecipientState string

const (
	RecipientInitial   RecipientState = "initial" // its transaction is not funded yet
	RecipientPending   RecipientState = "pending" // the bank or network works on it
	RecipientSuccess   RecipientState = "success" // paid out
	RecipientError     RecipientState = "error"   // failed; BitPesa retries by itself if Retriable
	RecipientManual    RecipientState = "manual"  // failed too often: correct or cancel it
	RecipientStuck     RecipientState = "stuck"   // the bank or network does not respond
	RecipientOverpaid  RecipientState = "overpaid"
	RecipientCanceled  RecipientState = "canceled" // a refund follows if it was funded
	RecipientRefunded  RecipientState = "refunded"
	RecipientException RecipientState = "exception"
)

// Final reports whether no other state can follow.
func (s RecipientState) Final() bool {
	return s == RecipientSuccess || s == RecipientRefunded || s == RecipientOverpaid
}

// NeedsAction reports whether the payout failed and BitPesa will not retry it by
// itself.
func (r *Recipient) NeedsAction() bool {
	switch r.State {
	case RecipientManual, RecipientException:
		return true
	case RecipientError:
		return !r.Retriable
	}
	return false
}

// RecipientUpdate corrects a recipient. Empty fields stay as they are.
type RecipientUpdate struct {
	Type         PartyType          `json:"type,omitempty"`
	PayoutMethod PayoutMethodParams `json:"payout_method,omitzero"`
	Metadata     Metadata           `json:"metadata,omitempty"`
}

// RecipientListOptions choose a page of recipients.
type RecipientListOptions struct {
	ListOptions
	Created
	States []RecipientState `url:"state,omitempty,brackets"`
	// Currencies are input currencies. To filter by AmountFrom or AmountTo, give
	// exactly one currency (assumed): the bounds are in that currency (documented).
	Currencies []string            `url:"currency,omitempty,brackets"`
	AmountFrom decimal.NullDecimal `url:"-"`
	AmountTo   decimal.NullDecimal `url:"-"`
}

// List returns one page of the recipients of all transactions.
func (s *RecipientsService) List(ctx context.Context, o RecipientListOptions) (*Page[Recipient], error) {
	var f transport.Faults
	params := struct {
		RecipientListOptions
		AmountFrom string `url:"amount_from,omitempty"`
		AmountTo   string `url:"amount_to,omitempty"`
	}{o, o.bound("amount_from", o.AmountFrom, &f), o.bound("amount_to", o.AmountTo, &f)}
	return listPage[Recipient](ctx, s.c, OpListRecipients, o.ListOptions, params, f)
}

// All iterates over recipients, page by page.
func (s *RecipientsService) All(ctx context.Context, o RecipientListOptions) iter.Seq2[Recipient, error] {
	return all(s.c, OpListRecipients, o.ListOptions, func(page ListOptions) (*Page[Recipient], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Update corrects a recipient that is Editable. BitPesa then retries a failed
// payout at once. So the client never sends an update twice: after an unknown
// outcome, look at the recipient in Transactions.Get. Correct does all of this. A response
// that shows another account, phone or person than asked for is an unknown outcome: it may
// be another request's, or the update was not taken.
func (s *RecipientsService) Update(ctx context.Context, id string, u RecipientUpdate) (*Recipient, error) {
	return s.update(id, u).Do(ctx)
}

func (s *RecipientsService) update(id string, u RecipientUpdate) transport.Write[Recipient] {
	var f transport.Faults
	checkID(&f, "id", id)
	f.CheckTexts("payout_method.details", u.PayoutMethod.Details.Extra)
	u.PayoutMethod.Details.validateForm("payout_method.details.", &f)
	call := transport.Call{Op: OpUpdateRecipient, Path: []string{id}, Reference: id, Body: map[string]RecipientUpdate{"recipient": u}}
	return transport.Write[Recipient]{Core: s.c.core, Err: s.c.core.InvalidCall(call, f.Fields), Call: func(out **Recipient) transport.Call {
		call.Decode = transport.Into(out, namedBy(id, u.compare))
		return call
	}}
}

// Cancel cancels a payout. BitPesa cancels a recipient that MayCancel, and then
// refunds its part of the money. BitPesa cancels a payout that is under way only if
// the bank or network reports a failure; its API of 2019 refuses such a request. A
// refusal may mean that an earlier call did it: read the State in Transactions.Get.
func (s *RecipientsService) Cancel(ctx context.Context, id string) (*Recipient, error) {
	return remove[Recipient](ctx, s.c, OpCancelRecipient, id)
}

// ProofOfPayment is a paper that proves a payout.
type ProofOfPayment struct {
	ID        string `json:"id"`
	FileName  string `json:"file_name"`
	Thumbnail string `json:"thumbnail"`
	URL       string `json:"url"`
}

// ProofOfPayments returns the papers that prove a payout.
func (s *RecipientsService) ProofOfPayments(ctx context.Context, id string) (*Page[ProofOfPayment], error) {
	return list[ProofOfPayment](ctx, s.c, transport.Faults{}, transport.Call{Op: OpProofOfPayments, Path: []string{id}, Reference: id})
}

// bound returns an amount filter as text, or nothing without one.
func (o *RecipientListOptions) bound(name string, value decimal.NullDecimal, f *transport.Faults) string {
	if !value.Valid {
		return ""
	}
	if !value.Decimal.IsZero() {
		amount(f, name, value.Decimal)
	}
	if len(o.Currencies) != 1 {
		f.Add(name, "needs one currency")
	}
	if len(f.Fields) > 0 {
		return ""
	}
	return value.Decimal.String()
}

func (r *Recipient) ident() *string { return &r.ID }

func (r *Recipient) lacks() string {
	if r.State == "" {
		return "state"
	}
	return ""
}

// MandatesService shows the permissions that recipients sign.
type MandatesService struct{ c *Client }

// Mandate is a permission that a recipient signs before a payout.
type Mandate struct {
	ID        string        `json:"id"`
	Status    MandateStatus `json:"status"`
	TypeID    string        `json:"type_id"`
	Reference string        `json:"reference"`
	SignedAt  time.Time     `json:"signed_at"` // zero until signed
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Raw       sdk.Raw       `json:"-"`
}

// MandateStatus is the status of a mandate. Unknown statuses pass through.
type MandateStatus string

const (
	MandatePending  MandateStatus = "pending"
	MandateNotified MandateStatus = "notified"
	MandateSigned   MandateStatus = "signed"
	MandateFailed   MandateStatus = "failed"
	MandateBypassed MandateStatus = "bypassed"
)

// Get returns a mandate. A mandate of another account, or of an earlier year, is
// sdk.ErrNotFound (documented).
func (s *MandatesService) Get(ctx context.Context, id string) (*Mandate, error) {
	return byID[Mandate](ctx, s.c, OpGetMandate, id)
}

func (m *Mandate) ident() *string { return &m.ID }
