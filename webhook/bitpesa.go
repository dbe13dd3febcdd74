package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// BitPesa describes BitPesa's webhooks: a signed POST of
// {"webhook", "event", "object"} (documented). Authenticate them with
// BitPesaSignature; then they are Verified, and Confirm is not needed.
//
// The event's kind selects the typed object. The reference is the object's id.
// Transactions, recipients, senders and payin methods keep the order of
// BitPesaStates; events of other kinds, and objects without a state, have none.
// An event carries no id, so it is identified by its name and a digest of its
// object: a delivery tried again is the same event, a second failure of the same
// recipient is another one, unless its object is the same to the letter, which
// nothing tells from a delivery tried again. An event that leaves the state as
// it is counts as a duplicate, but for the states that can repeat. Any 2xx
// acknowledges (documented): 200 without a body is sent.
//
// BitPesa tries a failed delivery five more times, and disables an endpoint that
// does not answer in time, for good (both documented): keep Handle short or use
// Background.
func BitPesa() Source[bitpesa.Event] {
	states := map[string]*States{}
	for _, kind := range []string{"transaction", "recipient", "sender", "payin_method"} {
		states[kind] = BitPesaStates(kind)
	}
	return Source[bitpesa.Event]{
		Provider: "bitpesa",
		Decode:   bitpesa.ParseEvent,
		Identify: func(e bitpesa.Event) Subject {
			s := Subject{Reference: e.ID(), ID: string(e.Name) + " " + digest(e.Object), Status: e.State()}
			if s.Status != "" {
				s.States = states[e.Name.Kind()]
			}
			if t := e.Transaction; t != nil {
				s.Amount, s.Currency = t.InputAmount, t.InputCurrency
			}
			return s
		},
	}
}

func digest(object []byte) string {
	sum := sha256.Sum256(object)
	return hex.EncodeToString(sum[:16])
}

// BitPesaTransactions is what looking up a transaction takes; client.Transactions
// of package bitpesa is one.
type BitPesaTransactions interface {
	Get(ctx context.Context, id string) (*bitpesa.Transaction, error)
}

// LookupBitPesa asks for a transaction by its id the way a Reconciler needs
// it. The event's name is only its kind, "transaction", because nothing was
// posted.
func LookupBitPesa(transactions BitPesaTransactions) func(context.Context, string) (bitpesa.Event, error) {
	return func(ctx context.Context, id string) (bitpesa.Event, error) {
		t, err := transactions.Get(ctx, id)
		if err != nil {
			return bitpesa.Event{}, err
		}
		raw, err := json.Marshal(map[string]json.RawMessage{"event": json.RawMessage(`"transaction"`), "object": json.RawMessage(t.Raw)})
		if err != nil {
			return bitpesa.Event{}, err
		}
		return bitpesa.ParseEvent(raw)
	}
}
