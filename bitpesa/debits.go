package bitpesa

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// DebitsService funds transactions from the account balance.
type DebitsService struct{ c *Client }

// DebitParams fund one transaction.
type DebitParams struct {
	ToID string // the transaction's id; required
	// Amount and Currency are optional today. If they are given, BitPesa refuses a
	// transaction with another price. BitPesa's API of 2019 requires both.
	Amount   decimal.NullDecimal
	Currency string
	Metadata Metadata
}

// Debit is money taken from the balance for a transaction.
type Debit struct {
	// ID and the amounts are empty if the response to the debit got lost. Then the
	// transaction shows that it is funded.
	ID             string              `json:"id"`
	ToID           string              `json:"to_id"`
	ToType         string              `json:"to_type"` // "Transaction"
	Amount         decimal.NullDecimal `json:"amount"`  // in Currency
	Currency       string              `json:"currency"`
	USDAmount      decimal.NullDecimal `json:"usd_amount"`
	RunningBalance decimal.NullDecimal `json:"running_balance"` // after this debit, in Currency
	Metadata       Metadata            `json:"metadata"`
	CreatedAt      time.Time           `json:"created_at"`
	Raw            sdk.Raw             `json:"-"`
}

// Create funds a transaction from the balance, at most once. Only a 422 proves that
// nothing was taken. After any other failure the client reads the transaction:
//
//   - If it is funded, Create succeeds.
//   - If it still waits for its money, the client sends the debit once more. BitPesa
//     refuses a debit for a funded transaction (documented).
//   - Otherwise the error is ErrOutcomeUnknown.
func (s *DebitsService) Create(ctx context.Context, p DebitParams) (*Debit, error) {
	var f transport.Faults
	body := struct {
		Debit debitRequest `json:"debit"`
	}{p.request("", &f)}
	debits, err := s.create(ctx, []string{p.ToID}, f, &body)
	if err != nil {
		return nil, err
	}
	return &debits[0], nil
}

// CreateMany funds several transactions in one request. The documents do not say
// whether one refusal refuses all debits. So the client believes a refusal only if
// each transaction still waits for its money. It settles an unknown outcome as
// Create does, if all transactions are funded or none is. Otherwise the error
// matches ErrOutcomeUnknown: read every transaction.
func (s *DebitsService) CreateMany(ctx context.Context, list []DebitParams) ([]Debit, error) {
	var f transport.Faults
	if len(list) == 0 {
		f.Add("debits", "is required")
	}
	var ids []string
	var body struct {
		Debit []debitRequest `json:"debit"`
	}
	for i := range list {
		ids = append(ids, list[i].ToID)
		body.Debit = append(body.Debit, list[i].request(strconv.Itoa(i)+".", &f))
	}
	debits, err := s.create(ctx, ids, f, &body)
	if len(ids) > 1 && errors.Is(err, sdk.ErrRejected) {
		if funded, lookErr := s.look(ctx, ids); funded != nil || lookErr != nil {
			err = unclear(err)
		}
	}
	return debits, err
}

func (s *DebitsService) create(ctx context.Context, ids []string, f transport.Faults, body any) (debits []Debit, err error) {
	reference := strings.Join(ids, " ")
	if err := s.c.core.Invalid(OpCreateDebits, reference, f.Fields); err != nil {
		return nil, err
	}
	err = s.c.do(ctx, transport.Call{
		Op: OpCreateDebits, Reference: reference, Body: body,
		Decode: func(r *transport.Response) (err error) {
			debits, err = oneOrMore[Debit](r.Body) // the OpenAPI has a list, the guide an object
			if err == nil && len(debits) != len(ids) {
				err = wire.Missing("one debit for each transaction")
			}
			return err
		},
		Lookup: func(ctx context.Context) (funded bool, err error) {
			debits, err = s.look(ctx, ids)
			return debits != nil, err
		},
	})
	return debits, err
}

// look reads the transactions. It returns a debit for each if all are funded, and
// nil if none is. Anything else is an error.
func (s *DebitsService) look(ctx context.Context, ids []string) ([]Debit, error) {
	var debits []Debit
	for i, id := range ids {
		t, err := s.c.Transactions.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		_, unfunded := t.State.funded()
		switch {
		case t.Funded() && len(debits) == i:
			debits = append(debits, Debit{ToID: id, ToType: debitTarget})
		case !unfunded || len(debits) > 0:
			return nil, s.c.core.Inconclusive(OpGetTransaction, id, errStateOpen)
		}
	}
	return debits, nil
}

const (
	debitTarget  = "Transaction" // the only documented kind
	errStateOpen = wire.Missing("a state that tells whether the debit was made")
)

type debitRequest struct {
	ToID     string   `json:"to_id"`
	ToType   string   `json:"to_type"`
	Amount   string   `json:"amount,omitempty"`
	Currency string   `json:"currency,omitempty"`
	Metadata Metadata `json:"metadata,omitempty"`
}

func (p *DebitParams) request(prefix string, f *transport.Faults) debitRequest {
	r := debitRequest{ToID: p.ToID, ToType: debitTarget, Currency: p.Currency, Metadata: p.Metadata}
	if fault := transport.CheckSegment(p.ToID); fault != nil {
		f.Add(prefix+"to_id", fault.Error())
	}
	if p.Amount.Valid {
		amount(f, prefix+"amount", p.Amount.Decimal)
		f.Require(prefix+"currency", p.Currency)
		if len(f.Fields) == 0 {
			r.Amount = p.Amount.Decimal.String()
		}
	}
	return r
}

func (d *Debit) lacks() string { return lacksID(d.ID) }
