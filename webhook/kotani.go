package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
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
		Decode:   uniquely(kotani.ParseCallback),
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
	StatusByExternalID(ctx context.Context, externalID string, kind kotani.TransactionType) (*kotani.Transaction, error)
	StatusByRequestID(ctx context.Context, requestID string) (*kotani.Transaction, error)
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
			found, err := transactions.StatusByRequestID(ctx, posted.RequestID)
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
		found, err := transactions.StatusByExternalID(ctx, externalID, kind)
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
// (documented). Authenticate them with KotaniV3Signature; without a webhook
// secret on its side Kotani posts a bare transaction instead, which is refused.
//
// The reference is the transaction's, or a digest of the data where an event has
// none. An event is identified by its name and status, or its name and a digest.
// Transactions keep the order of KotaniStates, other events have none. Data that
// hold a reference but no status come without an order, too.
func KotaniV3() Source[kotani.V3Event] {
	states := KotaniStates()
	return Source[kotani.V3Event]{
		Provider: "kotani-v3",
		Decode:   uniquely(kotani.ParseV3Event),
		Identify: func(e kotani.V3Event) Subject {
			s := Subject{Reference: e.Reference, Status: kotaniStatus(e.Status), Amount: e.Amount, Currency: e.Currency}
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

// KotaniV3Signature checks "X-Kotani-Signature: sha256=<hex>": HMAC-SHA256 over
// the JSON of {"event": ..., "data": ...} (documented), put together from the
// members as received, since another encoder might spell a number differently.
// Other members, and a key that comes twice, are refused. White space between
// tokens, which the sender's encoder does not write, is tried both ways.
//
// Neither a time nor a nonce is signed: only the inbox tells a delivery that was
// sent again.
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
				return errKotaniV3 // looked at already
			}
			signed = text.Bytes()
		}
		s.Body = signed
		return nil
	}
}

// kotaniV3Text is the text that is signed.
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
