package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// BitPesa describes BitPesa's webhooks: a signed POST of
// {"webhook", "event", "object"} (documented). Authenticate them with
// BitPesaSignature; then they are Verified, and Confirm is not needed.
//
// Keep Handle short, or use Background. BitPesa retries a failed delivery five
// times, and disables for good an endpoint that does not respond in time (both
// documented). Any 2xx acknowledges (documented); 200 without a body is sent.
//
// The event's kind selects the typed object, whose id is the reference.
// Transactions, recipients, senders and payin methods change in the order of
// BitPesaStates. Events of other kinds, and objects without a state, have no
// order. An event carries no id, so it is identified by its name and a digest of
// its object. A retried delivery is then the same event, and a second failure of
// a recipient is another, if its object differs at all. An event that leaves the
// state as it is counts as a duplicate, unless that state can repeat.
func BitPesa() Source[bitpesa.Event] {
	states := map[string]*States{}
	for _, kind := range []string{"transaction", "recipient", "sender", "payin_method"} {
		states[kind] = BitPesaStates(kind)
	}
	return Source[bitpesa.Event]{
		Provider: "bitpesa",
		Decode:   bitpesa.ParseEvent,
		Identify: func(e bitpesa.Event) Identity {
			s := Identity{Reference: e.ID(), ID: string(e.Name) + " " + digest(e.Object), Status: e.State()}
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

// BitPesaTransactions finds a transaction; client.Transactions of package bitpesa
// is one.
type BitPesaTransactions interface {
	Get(ctx context.Context, id string) (*bitpesa.Transaction, error)
}

// LookupBitPesa looks up a transaction by its id, for a Reconciler. The event's
// name is only its kind, "transaction", because nothing was posted.
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

// BitPesaSignature checks BitPesa's signature of a webhook (documented), which is
// in the headers Authorization-Key, -Nonce and -Signature. The signature is the hex
// HMAC-SHA512 of "nonce&POST&<registered URL>&<SHA-512 of the raw body in hex>".
// The key must be one of c.Keys, and each delivery counts once. Proof.Secret is
// the index of the key.
func BitPesaSignature(c BitPesaSignatureConfig) Authenticator {
	keys, f := bitpesaKeys{}, faults{of: "BitPesaSignature: "}
	u, err := url.Parse(c.URL)
	f.must(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(c.URL, "#"),
		"URL must be an absolute http or https URL without a fragment")
	f.must(len(c.Keys) > 0, "no key")
	for i, k := range c.Keys {
		_, twice := keys[k.Key]
		f.must(k.Key != "" && !twice, "key %d is empty or given twice", i)
		// The header's key is not signed. If two keys shared a secret, a delivery
		// sent again under the other key would count again.
		shared := slices.ContainsFunc(c.Keys[:i], func(other BitPesaKey) bool { return other.Secret == k.Secret })
		f.must(!shared, "the secret of key %d is given twice", i)
		one := Signature(SignatureConfig{Scheme: bitpesaScheme(c.URL), Hash: sha512.New, Remember: c.Remember, Now: c.Now}, k.Secret)
		f.all = append(f.all, faultOf(one)) // nil counts for nothing
		keys[k.Key] = bitpesaPair{one, i}
	}
	if err := f.err(); err != nil {
		return faulty{err}
	}
	return keys
}

// BitPesaSignatureConfig sets up BitPesaSignature.
type BitPesaSignatureConfig struct {
	// URL is the webhook's URL exactly as it was registered. BitPesa signs that
	// text, whatever a proxy makes of the request. Required.
	URL string
	// Keys are the key pairs in use; during a rotation there are two. Required.
	Keys []BitPesaKey
	// Remember is how long a delivery is remembered, so that nobody can send it
	// again; 0 is 24 hours. BitPesa signs a nonce and no time.
	Remember time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

const shownBitPesa = "webhook.BitPesaSignatureConfig{...}"

// Format keeps keys and URL out of anything printed.
func (BitPesaSignatureConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownBitPesa) }

// MarshalText keeps them out of encoders, JSON among them.
func (BitPesaSignatureConfig) MarshalText() ([]byte, error) { return []byte(shownBitPesa), nil }

// LogValue keeps them out of logs.
func (BitPesaSignatureConfig) LogValue() slog.Value { return slog.StringValue(shownBitPesa) }

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
		s.Once = true
		return nil
	}
}

// BitPesaStates is the order of the states of a kind of object: "transaction",
// "recipient", "sender" or "payin_method"; nil for others. The names are
// documented, and so are most transitions of transactions and recipients. Those of
// reviews, exceptions and senders are assumed. Failures can repeat.
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
			manual:     {manual, processing, paid, canceled, refunded, exception},
			canceled:   {refunded},
			exception:  {manual, paid, canceled, refunded},
		}, nil)
	case "recipient":
		const (
			initial, pending, success = bitpesa.RecipientInitial, bitpesa.RecipientPending, bitpesa.RecipientSuccess
			failed, manual, stuck     = bitpesa.RecipientError, bitpesa.RecipientManual, bitpesa.RecipientStuck
			overpaid, exception       = bitpesa.RecipientOverpaid, bitpesa.RecipientException
			canceled, refunded        = bitpesa.RecipientCanceled, bitpesa.RecipientRefunded
		)
		return statesOf(map[bitpesa.RecipientState][]bitpesa.RecipientState{
			initial:   {pending, canceled, exception},
			pending:   {pending, success, failed, manual, stuck, overpaid, canceled, exception}, // with the reference of a cash pickup, later
			failed:    {failed, pending, manual, canceled, exception},
			manual:    {manual, pending, canceled, exception},
			stuck:     {pending, success, failed, manual, canceled, exception},
			exception: {success, failed, manual, canceled},
			canceled:  {refunded},
		}, nil)
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
		}, nil)
	case "payin_method":
		const (
			incomplete, initial, pending = bitpesa.PayinIncomplete, bitpesa.PayinInitial, bitpesa.PayinPending
			processing, success          = bitpesa.PayinProcessing, bitpesa.PayinSuccess
			failed, mispaid              = bitpesa.PayinError, bitpesa.PayinMispaid
			canceled, refunded           = bitpesa.PayinCanceled, bitpesa.PayinRefunded
			exception                    = bitpesa.PayinException
		)
		return statesOf(map[bitpesa.PayinState][]bitpesa.PayinState{
			incomplete: {incomplete, initial, canceled, exception},
			initial:    {pending, canceled, exception},
			pending:    {processing, success, failed, mispaid, canceled, exception},
			processing: {success, failed, mispaid, canceled, exception},
			failed:     {failed, incomplete, initial, pending, canceled, exception}, // left by an update or a retry
			mispaid:    {canceled, refunded, exception},
			exception:  {success, failed, canceled, refunded},
			canceled:   {refunded},
		}, nil)
	}
	return nil
}
