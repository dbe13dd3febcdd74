package bitpesa

import (
	"context"
	"slices"
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

	// Existing says that the transaction was funded before any attempt of this call.
	Existing bool `json:"-"`
	// Unverified says that you gave an Amount, and the response shows none to compare.
	Unverified bool `json:"-"`

	Errors map[string]any `json:"errors"` // by field, as received
	Raw    sdk.Raw        `json:"-"`
}

// Create funds a transaction from the balance, at most once. Only a 422 proves that
// nothing was taken. After any failure the client reads the transaction:
//
//   - If it is funded, Create succeeds. Existing tells whether it was funded before.
//     If its price is not the Amount, or its sender has paid it in, the error is
//     sdk.ErrReferenceTaken.
//   - If it still waits for its money, the client sends the debit once more. BitPesa
//     refuses a debit for a funded transaction (documented).
//   - Otherwise the error is sdk.ErrOutcomeUnknown.
//
// A response that does not name the transaction is an unknown outcome.
func (s *DebitsService) Create(ctx context.Context, p DebitParams) (*Debit, error) {
	return s.create(p).Do(ctx)
}

// Prepare checks and encodes what Create sends, for package sdk/journal.
func (s *DebitsService) Prepare(p DebitParams) (sdk.Prepared[Debit], error) {
	return s.create(p).Prepare()
}

func (s *DebitsService) create(p DebitParams) transport.Write[Debit] {
	var f transport.Faults
	body := struct {
		Debit debitRequest `json:"debit"`
	}{p.request("", &f)}
	return debits(s, []DebitParams{p}, f, &body, func(list []Debit) *Debit { return &list[0] })
}

// CreateMany funds several transactions in one request. The documents do not say
// whether one refusal refuses all debits. So the client believes a refusal only if
// each transaction still waits for its money. It settles an unknown outcome as
// Create does, if all transactions are funded or none is. Otherwise the error
// matches sdk.ErrOutcomeUnknown: read every transaction. Calls of one Client that have a
// transaction in common follow each other. The later call sends only what is surely not funded:
// if the earlier one has funded a part of its list, it sends nothing, and its outcome is unknown.
func (s *DebitsService) CreateMany(ctx context.Context, list []DebitParams) ([]Debit, error) {
	var f transport.Faults
	if len(list) == 0 {
		f.Add("debits", "is required")
	}
	var body struct {
		Debit []debitRequest `json:"debit"`
	}
	for i := range list {
		body.Debit = append(body.Debit, list[i].request(strconv.Itoa(i)+".", &f))
	}
	made, err := debits(s, list, f, &body, func(list []Debit) *[]Debit { return &list }).Do(ctx)
	if err != nil {
		return nil, err
	}
	return *made, nil
}

// debits is the write of one debit or of several.
func debits[T any](s *DebitsService, list []DebitParams, f transport.Faults, body any, as func([]Debit) *T) transport.Write[T] {
	ids, own := make([]string, len(list)), make([]string, len(list))
	for i := range list {
		ids[i], own[i] = list[i].ToID, strings.ToLower(list[i].ToID)
		if slices.Contains(own[:i], own[i]) && own[i] != "" {
			f.Add(strconv.Itoa(i)+".to_id", "is in the list twice")
		}
	}
	reference := strings.Join(ids, " ")
	return transport.Write[T]{Core: s.c.core, Err: s.c.core.InvalidCall(transport.Call{Op: OpCreateDebits, Reference: reference, Body: body}, f.Fields), Call: func(out **T) transport.Call {
		return transport.Call{
			Op: OpCreateDebits, Reference: reference, References: own, Body: body,
			Lookup: func(ctx context.Context, existing bool) (transport.Finding, error) {
				return keepFunded(ctx, s, list, existing, false, as, out)
			},
			Decode: func(r *transport.Response) error {
				shown, err := oneOrMore[Debit](r.Body) // the OpenAPI has a list, the guide an object
				if err == nil {
					err = inOrder(list, shown)
				}
				if err == nil {
					*out = as(shown)
				}
				return err
			},
			Doubts: doubtful,
			LookRefused: func(ctx context.Context, existing bool) (transport.Finding, error) {
				return keepFunded(ctx, s, list, existing, true, as, out)
			},
		}
	}}
}

// inOrder sorts the debits of a response as they were asked for. It returns an error
// if there is not exactly the right debit for each transaction.
func inOrder(list []DebitParams, debits []Debit) error {
	if len(debits) != len(list) {
		return wire.Missing("one debit for each transaction")
	}
	for i := range list {
		n := slices.IndexFunc(debits[i:], func(d Debit) bool { return strings.EqualFold(d.ToID, list[i].ToID) })
		if n > 0 {
			debits[i], debits[i+n] = debits[i+n], debits[i]
		}
		if debits[i].ToID == "" {
			return wire.Missing("to_id")
		}
		c := list[i].compare(&debits[i])
		if err := c.Direct(); err != nil {
			return err
		}
	}
	return nil
}

func keepFunded[T any](ctx context.Context, s *DebitsService, list []DebitParams, existing, refused bool, as func([]Debit) *T, out **T) (transport.Finding, error) {
	funded, found, err := s.look(ctx, list, existing, refused)
	if err == nil && found == transport.Same {
		*out = as(funded)
	}
	return found, err
}

// look reads the transactions. Same means that each is funded as was asked for,
// Absent that none is funded, and Different that at least one is funded in another
// way. Anything else is an error. A transaction that was canceled unfunded, before its
// refused debit, counts as not funded.
func (s *DebitsService) look(ctx context.Context, list []DebitParams, existing, refused bool) (debits []Debit, found transport.Finding, err error) {
	absent := 0
	for i := range list {
		t, err := s.c.Transactions.Get(ctx, list[i].ToID)
		if err != nil {
			return nil, 0, err
		}
		if _, unfunded := t.State.funded(); !t.Funded() {
			if !unfunded && !(refused && t.neverFunded()) {
				return nil, 0, s.c.core.Inconclusive(OpGetTransaction, t.ID, errStateOpen)
			}
			absent++
			continue
		}
		c, unverified := list[i].compareFunded(t)
		if found, err := c.Finding(); err != nil || found == transport.Different {
			return nil, found, err
		}
		debits = append(debits, Debit{ToID: list[i].ToID, ToType: debitTarget, Existing: existing, Unverified: unverified})
	}
	switch absent {
	case 0:
		return debits, transport.Same, nil
	case len(list):
		return nil, transport.Absent, nil
	}
	return nil, 0, s.c.core.Inconclusive(OpGetTransaction, list[0].ToID, errStateOpen)
}

const (
	debitTarget   = "Transaction" // the only documented kind
	errUncompared = wire.Missing("recipients that tell whether the transaction is the one asked for")
	errStateOpen  = wire.Missing("a state that tells whether the debit was made")
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
	checkID(f, prefix+"to_id", p.ToID)
	if p.Amount.Valid {
		amount(f, prefix+"amount", p.Amount.Decimal)
		f.Require(prefix+"currency", p.Currency)
		if len(f.Fields) == 0 {
			r.Amount = p.Amount.Decimal.String()
		}
	}
	return r
}

func (d *Debit) ident() *string { return &d.ID }
