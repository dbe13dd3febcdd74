package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/transport"
)

// NewBitPesa builds a handler for BitPesa's signed webhooks. Config.Auth is
// BitPesaSignature.
//
// Keep your function short. BitPesa retries a failed delivery five times, and
// disables for good an endpoint that does not respond in time (both documented).
func NewBitPesa(cfg Config[bitpesa.Event]) (*Handler[bitpesa.Event], error) {
	return New(BitPesa(), cfg)
}

// BitPesa describes BitPesa's webhooks: a signed POST of {"webhook", "event",
// "object"} (documented). Any 2xx acknowledges (documented); 200 without a body is
// sent.
//
// The event's kind selects the typed object, whose id is the reference.
// Transactions, recipients, senders and payin methods change in the order of
// BitPesaStates. Events of other kinds have no order. A delivery carries no id, so one
// that comes again is known by its name and a digest of its object. An event that
// leaves the state as it is counts as a duplicate, also under another name.
func BitPesa() Source[bitpesa.Event] {
	states := map[string]*States{}
	for _, kind := range []string{"transaction", "recipient", "sender", "payin_method"} {
		states[kind] = BitPesaStates(kind)
	}
	return Source[bitpesa.Event]{
		Provider: "bitpesa",
		Decode:   bitpesa.ParseEvent,
		Identify: func(e bitpesa.Event) Identity {
			s := Identity{Reference: e.ID(), ID: string(e.Name) + " " + digest(e.Object), Status: e.State(), States: states[e.Name.Kind()]}
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

// BitPesaTransactions finds a transaction; client.Transactions of package bitpesa
// is one.
type BitPesaTransactions interface {
	Get(ctx context.Context, id string) (*bitpesa.Transaction, error)
}

// AskBitPesa looks up a transaction by its id, for a Reconciler. The event's
// name is only its kind, "transaction", because nothing was posted.
func AskBitPesa(transactions BitPesaTransactions) func(context.Context, string) (bitpesa.Event, error) {
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

// BitPesaSignature checks BitPesa's signature of a webhook (documented), which is
// in the headers Authorization-Key, -Nonce and -Signature. The signature is the hex
// HMAC-SHA512 of "nonce&POST&<registered URL>&<SHA-512 of the raw body in hex>".
//
// registeredURL is the webhook's URL exactly as it was registered. BitPesa signs that
// text, whatever a proxy makes of the request. keys are the key pairs in use; during a
// rotation there are two. Proof.Secret is the index of the key.
func BitPesaSignature(registeredURL string, keys ...BitPesaKey) Authenticator {
	known, f := bitpesaKeys{}, faults{of: "BitPesaSignature: "}
	u, err := url.Parse(registeredURL)
	f.must(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(registeredURL, "#"),
		"URL must be an absolute http or https URL without a fragment")
	f.must(len(keys) > 0, "no key")
	for i, k := range keys {
		_, twice := known[k.Key]
		fault := transport.KeyFault(k.Key)
		f.must(fault == "", "key %d %s", i, fault)
		f.must(!twice, "key %d is given twice", i)
		one := f.signature(SignatureConfig{Scheme: bitpesaScheme(registeredURL), Hash: sha512.New}, i, k.Secret)
		known[k.Key] = bitpesaPair{one, i}
	}
	if err := f.err(); err != nil {
		return faulty{err, proves{signed: true}}
	}
	return known
}

// BitPesaKey is an API key pair. BitPesa signs a webhook with the pair that
// created it.
type BitPesaKey struct{ Key, Secret string }

const shownKey = "webhook.BitPesaKey{...}"

// Format keeps the pair out of anything printed.
func (BitPesaKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownKey) }

// MarshalText keeps it out of encoders, JSON among them.
func (BitPesaKey) MarshalText() ([]byte, error) { return []byte(shownKey), nil }

// LogValue keeps it out of logs.
func (BitPesaKey) LogValue() slog.Value { return slog.StringValue(shownKey) }

// bitpesaKeys finds the authenticator of a key pair by its key.
type bitpesaKeys map[string]bitpesaPair

type bitpesaPair struct {
	Authenticator
	number int
}

func (b bitpesaKeys) Authenticate(d *Delivery) (Proof, error) {
	key, err := onlyHeader(d, "Authorization-Key")
	if err != nil {
		return Proof{}, ErrUnauthenticated
	}
	pair, known := b[key]
	if !known {
		return Proof{}, ErrUnauthenticated
	}
	proof, err := pair.Authenticate(d)
	proof.Secret = pair.number
	return proof, err
}

// bitpesaScheme reads the signature of a delivery to the registered URL.
func bitpesaScheme(registered string) Scheme {
	return func(d *Delivery, s *Signed) error {
		nonce, err := onlyHeader(d, "Authorization-Nonce")
		if err != nil {
			return err
		}
		signature, err := onlyHeader(d, "Authorization-Signature")
		if err != nil {
			return err
		}
		// A nonce with an ampersand could pose as the parts that follow it.
		if nonce == "" || strings.Contains(nonce, "&") || !s.Add(signature) {
			return errors.New("nonce or signature malformed")
		}
		s.Prefix = append(append(s.Prefix, nonce...), "&POST&"...)
		s.Prefix = append(append(s.Prefix, registered...), '&')
		sum := sha512.Sum512(s.Body)
		s.Prefix, s.Body = hex.AppendEncode(s.Prefix, sum[:]), nil
		return nil
	}
}

// BitPesaStates is the order of the states of a kind of object: "transaction",
// "recipient", "sender" or "payin_method"; nil for others. The names are
// documented, and so are most transitions of transactions and recipients. Those of
// reviews, exceptions and senders are assumed.
func BitPesaStates(kind string) *States {
	switch kind {
	case "transaction":
		const (
			initial, approved, pending = bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending
			received, processing       = bitpesa.TransactionReceived, bitpesa.TransactionProcessing
			mispaid, manual, paid      = bitpesa.TransactionMispaid, bitpesa.TransactionManual, bitpesa.TransactionPaid
			canceled, refunded         = bitpesa.TransactionCanceled, bitpesa.TransactionRefunded
			exception                  = bitpesa.TransactionException
		)
		return statesOf(map[bitpesa.TransactionState][]bitpesa.TransactionState{
			initial:    {approved, canceled, exception},
			approved:   {pending, received, mispaid, canceled, exception},
			pending:    {received, mispaid, canceled, exception},
			received:   {processing, manual, paid, canceled, refunded, exception},
			processing: {received, canceled, refunded, exception},
			mispaid:    {processing, manual, paid, canceled, refunded, exception},
			manual:     {processing, paid, canceled, refunded, exception},
			canceled:   {refunded},
			exception:  {manual, paid, canceled, refunded},
		}, []bitpesa.TransactionState{paid}, nil)
	case "recipient":
		const (
			initial, pending, success = bitpesa.RecipientInitial, bitpesa.RecipientPending, bitpesa.RecipientSuccess
			failed, manual, stuck     = bitpesa.RecipientError, bitpesa.RecipientManual, bitpesa.RecipientStuck
			overpaid, exception       = bitpesa.RecipientOverpaid, bitpesa.RecipientException
			canceled, refunded        = bitpesa.RecipientCanceled, bitpesa.RecipientRefunded
		)
		return statesOf(map[bitpesa.RecipientState][]bitpesa.RecipientState{
			initial:   {pending, canceled, exception},
			pending:   {success, failed, manual, stuck, overpaid, canceled, exception},
			failed:    {pending, manual, canceled, exception},
			manual:    {pending, canceled, exception},
			stuck:     {pending, success, failed, manual, canceled, exception},
			exception: {success, failed, manual, canceled},
			canceled:  {refunded},
		}, []bitpesa.RecipientState{success}, nil)
	case "sender":
		const (
			incomplete, initial, verified = bitpesa.SenderIncomplete, bitpesa.SenderInitial, bitpesa.SenderVerified
			approved, rejected            = bitpesa.SenderApproved, bitpesa.SenderRejected
			banned, disabled              = bitpesa.SenderBanned, bitpesa.SenderDisabled
		)
		return statesOf(map[bitpesa.SenderState][]bitpesa.SenderState{
			incomplete: {initial, banned, disabled},
			initial:    {verified, approved, rejected, banned, disabled},
			verified:   {approved, rejected, banned, disabled},
			approved:   {initial, banned, disabled}, // changes may trigger KYC again (documented)
			rejected:   {initial, banned, disabled},
			banned:     {disabled},
			disabled:   {banned},
		}, []bitpesa.SenderState{approved}, nil)
	case "payin_method":
		const (
			incomplete, initial, pending = bitpesa.PayinIncomplete, bitpesa.PayinInitial, bitpesa.PayinPending
			processing, success          = bitpesa.PayinProcessing, bitpesa.PayinSuccess
			failed, mispaid              = bitpesa.PayinError, bitpesa.PayinMispaid
			canceled, refunded           = bitpesa.PayinCanceled, bitpesa.PayinRefunded
			exception                    = bitpesa.PayinException
		)
		return statesOf(map[bitpesa.PayinState][]bitpesa.PayinState{
			incomplete: {initial, canceled, exception},
			initial:    {pending, canceled, exception},
			pending:    {processing, success, failed, mispaid, canceled, exception},
			processing: {success, failed, mispaid, canceled, exception},
			failed:     {incomplete, initial, pending, canceled, exception}, // left by an update or a retry
			mispaid:    {canceled, refunded, exception},
			exception:  {success, failed, canceled, refunded},
			canceled:   {refunded},
		}, []bitpesa.PayinState{success}, nil)
	}
	return nil
}

// NewBitPesaTestDelivery is a webhook as BitPesa signs it for the registered URL, for
// tests of your own: pass it to the handler's ServeHTTP, or send it.
func NewBitPesaTestDelivery(registeredURL string, key BitPesaKey, body []byte) (*http.Request, error) {
	r, err := newTestDelivery(registeredURL, body)
	if err == nil {
		nonce := rand.Text()
		r.Header.Set("Authorization-Key", key.Key)
		r.Header.Set("Authorization-Nonce", nonce)
		r.Header.Set("Authorization-Signature", bitpesa.Signature(key.Secret, nonce, http.MethodPost, registeredURL, body))
	}
	return r, err
}

func newTestDelivery(url string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

func hexHMAC(hash func() hash.Hash, secret string, text []byte) string {
	m := hmac.New(hash, []byte(secret))
	_, _ = m.Write(text) // a hash never fails
	return hex.EncodeToString(m.Sum(nil))
}
