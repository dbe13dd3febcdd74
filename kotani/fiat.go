package kotani

import (
	"context"
	"errors"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatService moves shillings and cedis: deposits from mobile money,
// withdrawals to mobile money and banks, payments to merchants.
type FiatService struct{ c *Client }

// movement is a deposit or a withdrawal with its external id.
type movement struct {
	op         string
	kind       TransactionType
	externalID string
	without    bool                // the caller does without an external id
	amount     decimal.NullDecimal // to recognise it by, as are the next two
	phone      string
	account    string // at a bank
	faults     faults
	body       any
	decode     func([]byte) (Transaction, error)
}

// move carries out a deposit or a withdrawal and settles an unknown outcome by
// its external id.
func (s *FiatService) move(ctx context.Context, m movement) (*Transaction, error) {
	switch {
	case m.externalID == "" && !m.without:
		m.faults.Add("externalId", "is required, so that the outcome can be looked up; AllowNoExternalID does without")
	case m.externalID != "" && m.without:
		m.faults.Add("externalId", "is given, so AllowNoExternalID must not be set")
	case m.externalID != "":
		m.faults.reference("externalId", m.externalID)
	}
	if err := s.c.invalid(m.op, m.externalID, m.faults); err != nil {
		return nil, err
	}
	var t *Transaction
	request := transport.Call{Op: m.op, Reference: m.externalID, Body: m.body, Decode: into(&t, m.decode)}
	if m.externalID != "" {
		request.Lookup = func(ctx context.Context) (bool, error) {
			var err error
			t, err = s.find(ctx, m)
			return t != nil, err
		}
	}
	if err := s.c.core.Do(ctx, request); err != nil {
		return nil, err
	}
	return t, nil
}

// callback returns the callback URL of a movement: the one given, or one made
// for it.
func (s *FiatService) callback(f *faults, given, externalID string, amount decimal.Decimal) string {
	if given == "" && s.c.callbackURL != nil && externalID != "" && len(f.Fields) == 0 {
		var err error
		if given, err = s.c.callbackURL(externalID, amount, ""); err != nil {
			f.Add("callback", "could not be made by Config.CallbackURL")
		}
	}
	f.callback("callback", given)
	return given
}

// find looks for a movement by its external id. No transaction and no error
// means that Kotani says there is none.
func (s *FiatService) find(ctx context.Context, m movement) (*Transaction, error) {
	t, err := s.Find(ctx, m.externalID, m.kind)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	case m.amount.Valid && t.Amount.Valid && !t.Amount.Decimal.Equal(m.amount.Decimal):
		return nil, errOtherAmount
	case !samePhone(m.phone, t.PhoneNumber) || !sameAccount(m.account, t.AccountNumber):
		return nil, errOtherNumber
	}
	return t, nil
}

const (
	errOtherAmount = mismatch("the external id belongs to a transaction of another amount")
	errOtherNumber = mismatch("the external id belongs to a transaction of another phone or account number")
)

// samePhone reports whether two phone numbers can be one: the shown one may be
// in national form. What is missing or masked says nothing.
func samePhone(asked, shown string) bool {
	a, b, ok := bothNumbers(asked, shown)
	return !ok || strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

// sameAccount is samePhone for account numbers, which may be shown as numbers
// and have lost their leading zeros.
func sameAccount(asked, shown string) bool {
	a, b, ok := bothNumbers(asked, shown)
	return !ok || a == b
}

// bothNumbers strips two numbers of what does not tell them apart, and reports
// whether both consist of digits then.
func bothNumbers(a, b string) (string, string, bool) {
	bare := strings.NewReplacer("+", "", " ", "", "-", "")
	a, b = strings.TrimLeft(bare.Replace(a), "0"), strings.TrimLeft(bare.Replace(b), "0")
	return a, b, a != "" && b != "" && strings.Trim(a+b, "0123456789") == ""
}

// mismatch is an answer about something else.
type mismatch string

func (m mismatch) Error() string { return string(m) }

// absent reports whether a status request was answered with "no such
// transaction" in Kotani's own JSON. The wording is assumed, so only a text that
// can mean nothing else counts; a wrong path, say, also says "not found".
func absent(err error) bool {
	var e *sdk.Error
	if !errors.As(err, &e) || e.Outcome != sdk.Rejected || e.Code == "" {
		return false
	}
	text := strings.ToLower(e.Message)
	return strings.Contains(text, "transaction") && !strings.Contains(text, "/") &&
		(strings.Contains(text, "not found") || strings.Contains(text, "does not exist"))
}
