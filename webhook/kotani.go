package webhook

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Kotani describes the callbacks of Kotani Pay v2. No form, status or signature
// of them is documented: use NewKotani, which confirms them by the transaction's
// status, and a URL per transaction (see Capabilities). What is read is written
// at kotani.ParseCallback.
//
// The reference is the external id, or Kotani's request id where a callback has
// no external id; one that comes by a capability URL and names no external id is
// about the transaction the URL was minted for. An event is identified by
// reference and status, in the order of KotaniStates; SUCCESS and COMPLETED, in
// any case, count as SUCCESSFUL. The expected answer is not documented: 200
// without a body is sent.
func Kotani() Source[kotani.Transaction] {
	states := KotaniStates()
	return Source[kotani.Transaction]{
		Provider: "kotani",
		Decode: func(body []byte) (kotani.Transaction, error) {
			t, err := kotani.ParseCallback(body)
			if err == nil {
				err = uniqueKeys(body)
			}
			return t, err
		},
		Identify: func(t kotani.Transaction) Subject {
			return Subject{
				Reference: cmp.Or(t.ExternalID, t.RequestID), Status: kotaniStatus(t.Status),
				Amount: t.Amount, Currency: t.Currency, States: states,
			}
		},
		Match: func(t kotani.Transaction, reference string) bool {
			return t.ExternalID == "" || t.ExternalID == reference
		},
	}
}

// KotaniStates is the order of a transaction's statuses in the vocabulary of the
// v3 API; v2 documents none. The running states have no order among each other,
// and lead to any of the terminal ones; REVERSED takes back a SUCCESSFUL, as
// documented for v3. The arrows are assumed.
func KotaniStates() *States {
	running := []kotani.TransactionStatus{
		kotani.StatusPending, kotani.StatusInitiated, kotani.StatusInProgress, kotani.StatusProcessing, kotani.StatusRetry, kotani.StatusTransactionInitiated,
	}
	terminal := []kotani.TransactionStatus{
		kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired, kotani.StatusDeclined, kotani.StatusPermanentlyFailed,
	}
	forward := map[string][]string{}
	for _, from := range running {
		for _, to := range running {
			if to != from {
				forward[string(from)] = append(forward[string(from)], string(to))
			}
		}
		for _, to := range terminal {
			forward[string(from)] = append(forward[string(from)], string(to))
		}
	}
	return NewStates(forward, map[string][]string{string(kotani.StatusSuccessful): {string(kotani.StatusReversed)}})
}

// kotaniStatus brings the spellings of one state together.
func kotaniStatus(s kotani.TransactionStatus) string {
	if s.Succeeded() {
		return string(kotani.StatusSuccessful)
	}
	return strings.ToUpper(string(s))
}

// KotaniStatus is what confirming a transaction takes; client.Fiat of package
// kotani is one.
type KotaniStatus interface {
	Find(ctx context.Context, externalID string, kind kotani.TransactionType) (*kotani.Transaction, error)
	Get(ctx context.Context, requestID string) (*kotani.Transaction, error)
}

// NewKotani is New for Kotani's callbacks, confirmed by the transaction's status.
// Source is set, and Confirm is ConfirmKotani unless cfg has one.
func NewKotani(transactions KotaniStatus, kind kotani.TransactionType, cfg Config[kotani.Transaction]) (*Handler[kotani.Transaction], error) {
	cfg.Source = Kotani()
	if cfg.Confirm == nil && transactions != nil {
		cfg.Confirm = ConfirmKotani(transactions, kind)
	}
	return New(cfg)
}

// ConfirmKotani confirms by asking for the transaction: by the external id and
// the kind, or by the request id where the callback has no external id. Since an
// external id may be in use once for a deposit and once for a withdrawal, give
// each its own handler and kind; an empty kind takes the callback's word for it.
// What Kotani answered is handed on; a posted request id or kind that is
// another's is ErrMismatch.
func ConfirmKotani(transactions KotaniStatus, kind kotani.TransactionType) func(context.Context, Event[kotani.Transaction]) (kotani.Transaction, error) {
	return func(ctx context.Context, claimed Event[kotani.Transaction]) (kotani.Transaction, error) {
		posted := claimed.Data
		if posted.ExternalID == "" && posted.RequestID == claimed.Reference {
			found, err := transactions.Get(ctx, posted.RequestID)
			if err != nil {
				return kotani.Transaction{}, err
			}
			t := *found
			// The event stays known by the name it came under; Raw has the other.
			t.ExternalID, t.RequestID = "", cmp.Or(t.RequestID, posted.RequestID)
			return t, sameKind(t.Type, kind)
		}
		kind := cmp.Or(kind, posted.Type)
		if kind == "" {
			return kotani.Transaction{}, fmt.Errorf("%w: neither Collections nor Payouts to ask for", ErrMalformed)
		}
		t, err := LookupKotani(transactions, kind)(ctx, claimed.Reference)
		if err != nil {
			return kotani.Transaction{}, err
		}
		if posted.RequestID != "" && t.RequestID != "" && posted.RequestID != t.RequestID {
			return kotani.Transaction{}, fmt.Errorf("%w: requestId", ErrMismatch)
		}
		if err := sameKind(posted.Type, kind); err != nil {
			return kotani.Transaction{}, err
		}
		return t, sameKind(t.Type, kind)
	}
}

// LookupKotani asks for a transaction by its external id the way a Reconciler
// needs it.
func LookupKotani(transactions KotaniStatus, kind kotani.TransactionType) func(context.Context, string) (kotani.Transaction, error) {
	return func(ctx context.Context, externalID string) (kotani.Transaction, error) {
		found, err := transactions.Find(ctx, externalID, kind)
		if err != nil {
			return kotani.Transaction{}, err
		}
		t := *found
		t.ExternalID, t.Type = cmp.Or(t.ExternalID, externalID), cmp.Or(t.Type, kind)
		return t, nil
	}
}

func sameKind(got, want kotani.TransactionType) error {
	if got != "" && want != "" && got != want {
		return fmt.Errorf("%w: transactionType", ErrMismatch)
	}
	return nil
}
