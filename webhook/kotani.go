package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kotani"
)

// KotaniTransactions finds a transaction to confirm it; client.Fiat of package
// kotani is one.
type KotaniTransactions interface {
	Find(ctx context.Context, externalID string, kind kotani.TransactionType) (*kotani.Transaction, error)
	Get(ctx context.Context, requestID string) (*kotani.Transaction, error)
}

// NewKotani is New for Kotani's callbacks, confirmed by the transaction's status.
// It sets Source, and Confirm to ConfirmKotani unless cfg has one.
func NewKotani(transactions KotaniTransactions, kind kotani.TransactionType, cfg Config[kotani.Transaction]) (*Handler[kotani.Transaction], error) {
	cfg.Source = Kotani()
	if cfg.Confirm == nil && transactions != nil {
		cfg.Confirm = ConfirmKotani(transactions, kind)
	}
	return New(cfg)
}

// Kotani describes the callbacks of Kotani Pay v2. Neither their form nor their
// statuses nor a signature is documented. So use NewKotani, which confirms them by
// the transaction's status, and a URL per transaction (see Capabilities).
// kotani.ParseCallback says which forms are read.
//
// The reference is the external id, or Kotani's request id if the callback has no
// external id. A callback to a capability URL that names no external id is about
// the transaction that the URL was minted for. An event is identified by reference
// and status, and transactions change in the order of KotaniStates. SUCCESS and
// COMPLETED, in any case, count as SUCCESSFUL. The expected response is not
// documented; 200 without a body is sent.
func Kotani() Source[kotani.Transaction] {
	states := KotaniStates()
	return Source[kotani.Transaction]{
		Provider: "kotani",
		Decode:   uniquely(kotani.ParseCallback),
		Identify: func(t kotani.Transaction) Identity {
			return Identity{
				Reference: cmp.Or(t.ExternalID, t.RequestID), Status: kotaniStatus(t.Status),
				Amount: t.Amount, Currency: t.Currency, States: states,
			}
		},
		Match: func(t kotani.Transaction, reference string) bool {
			return t.ExternalID == "" || t.ExternalID == reference
		},
	}
}

// KotaniStates is the order of a transaction's statuses, in the names of the v3
// API; v2 documents none. Running states follow each other in any order and lead
// to any final state. REVERSED takes back a SUCCESSFUL, as documented for v3. All
// other transitions are assumed.
func KotaniStates() *States {
	running := []kotani.TransactionStatus{
		kotani.StatusPending, kotani.StatusInitiated, kotani.StatusInProgress, kotani.StatusProcessing, kotani.StatusRetry, kotani.StatusTransactionInitiated,
	}
	final := []kotani.TransactionStatus{
		kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired, kotani.StatusDeclined, kotani.StatusPermanentlyFailed,
	}
	forward := map[kotani.TransactionStatus][]kotani.TransactionStatus{}
	for _, from := range running {
		others := slices.DeleteFunc(slices.Clone(running), func(to kotani.TransactionStatus) bool { return to == from })
		forward[from] = append(others, final...)
	}
	return statesOf(forward, map[kotani.TransactionStatus][]kotani.TransactionStatus{kotani.StatusSuccessful: {kotani.StatusReversed}})
}

// ConfirmKotani confirms by asking for the transaction: by external id and kind,
// or by request id if the callback has no external id. Give deposits and
// withdrawals a handler and a kind each, because both can use the same external
// id. With an empty kind, the callback's own is used. The transaction that Kotani
// returns replaces the posted one. A request id or kind that differs from the
// posted one is ErrMismatch.
func ConfirmKotani(transactions KotaniTransactions, kind kotani.TransactionType) func(context.Context, Event[kotani.Transaction]) (kotani.Transaction, error) {
	return func(ctx context.Context, event Event[kotani.Transaction]) (kotani.Transaction, error) {
		posted := event.Data
		if posted.ExternalID == "" && posted.RequestID == event.Reference {
			found, err := transactions.Get(ctx, posted.RequestID)
			if err != nil {
				return kotani.Transaction{}, err
			}
			t := *found
			// The event keeps the reference it came with; Raw shows the external id.
			t.ExternalID, t.RequestID = "", cmp.Or(t.RequestID, posted.RequestID)
			return t, sameKind(t.Type, kind)
		}
		kind := cmp.Or(kind, posted.Type)
		if kind == "" {
			return kotani.Transaction{}, fmt.Errorf("%w: neither Collections nor Payouts to ask for", ErrMalformed)
		}
		t, err := LookupKotani(transactions, kind)(ctx, event.Reference)
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

// LookupKotani looks up a transaction by its external id, for a Reconciler.
func LookupKotani(transactions KotaniTransactions, kind kotani.TransactionType) func(context.Context, string) (kotani.Transaction, error) {
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

// KotaniV3 describes the webhooks of Kotani's v3 API: {event, data, signature}
// (documented). Authenticate them with KotaniV3Signature. Set a webhook secret at
// Kotani: without it Kotani posts a bare transaction, which is refused.
//
// The reference is the transaction's, or a digest of the data if the event has no
// reference. An event is identified by its name and status, or by its name and a
// digest if it has no status. Transactions change in the order of KotaniStates.
// Other events have no order, nor have data without a status.
func KotaniV3() Source[kotani.V3Event] {
	states := KotaniStates()
	return Source[kotani.V3Event]{
		Provider: "kotani-v3",
		Decode:   uniquely(kotani.ParseV3Event),
		Identify: func(e kotani.V3Event) Identity {
			s := Identity{Reference: e.Reference, Status: kotaniStatus(e.Status), Amount: e.Amount, Currency: e.Currency}
			s.ID = e.Event + " " + s.Status
			if s.Status == "" {
				s.ID = e.Event + " " + digest(e.Data)
			} else if strings.HasPrefix(e.Event, "transaction.") {
				s.States = states
			}
			if s.Reference == "" {
				s.Reference = e.Event + " " + digest(e.Data)
			}
			return s
		},
	}
}

// KotaniV3Signature checks "X-Kotani-Signature: sha256=<hex>", an HMAC-SHA256 over
// the JSON of {"event": ..., "data": ...} (documented). It joins the two members as
// they were received, because another encoder might write a number differently,
// and tries them with and without the white space between tokens. A body with
// other members, or with a key twice, is refused.
//
// Neither a time nor a nonce is signed, so only the inbox recognises a delivery
// that is sent again.
func KotaniV3Signature(secrets ...string) Authenticator {
	return AnyOf(
		Signature(SignatureConfig{Scheme: kotaniV3Scheme(false)}, secrets...),
		Signature(SignatureConfig{Scheme: kotaniV3Scheme(true)}, secrets...),
	)
}

var errKotaniV3 = errors.New("not {event, data, signature}")

func kotaniV3Scheme(compact bool) Scheme {
	header := HexHeader("X-Kotani-Signature", "sha256=")
	return func(d *Delivery, s *Signed) error {
		if err := header(d, s); err != nil {
			return err
		}
		signed, err := kotaniV3Text(s.Body)
		if err != nil {
			return err
		}
		if compact {
			var text bytes.Buffer
			if err := json.Compact(&text, signed); err != nil {
				return err
			}
			if bytes.Equal(text.Bytes(), signed) {
				return errKotaniV3 // the other scheme has tried this text
			}
			signed = text.Bytes()
		}
		s.Body = signed
		return nil
	}
}

// kotaniV3Text is the signed text.
func kotaniV3Text(body []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || wire.UniqueKeys(body) != nil {
		return nil, errKotaniV3
	}
	event, data := members["event"], members["data"]
	known := 2
	if _, ok := members["signature"]; ok {
		known++
	}
	if event == nil || data == nil || len(members) != known {
		return nil, errKotaniV3
	}
	text := make([]byte, 0, len(event)+len(data)+len(`{"event":,"data":}`))
	text = append(append(text, `{"event":`...), event...)
	text = append(append(text, `,"data":`...), data...)
	return append(text, '}'), nil
}

// kotaniStatus maps all spellings of a state to one.
func kotaniStatus(s kotani.TransactionStatus) string {
	if s.Succeeded() {
		return string(kotani.StatusSuccessful)
	}
	return strings.ToUpper(string(s))
}
