package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

// NewKotani builds a handler for Kotani Pay v2's callbacks of one kind. Neither their
// form nor a signature is documented, so each is a knock, and the API says what became
// of the transaction. Deposits and withdrawals can use the same external id, so each
// kind needs a handler of its own; both can share an inbox.
func NewKotani(transactions KotaniTransactions, kind kotani.TransactionType, cfg Config[kotani.Transaction]) (*Handler[kotani.Transaction], error) {
	source := Kotani()
	source.scope = " " + string(kind)
	source.Ask = func(ctx context.Context, about Identity) (kotani.Transaction, error) {
		look := func() (*kotani.Transaction, error) { return transactions.Find(ctx, about.Reference, kind) }
		if about.Alias {
			look = func() (*kotani.Transaction, error) { return transactions.Get(ctx, about.Reference) }
		}
		t, err := deref(look())
		if err != nil {
			return kotani.Transaction{}, err
		}
		if !about.Alias {
			t.ExternalID = cmp.Or(t.ExternalID, about.Reference)
		}
		if t.Type = cmp.Or(t.Type, kind); t.Type != kind {
			return kotani.Transaction{}, fmt.Errorf("%w: transactionType", ErrMismatch)
		}
		return t, nil
	}
	h, err := needClient(transactions, source, cfg)
	if kind != kotani.Collections && kind != kotani.Payouts {
		return nil, errors.Join(fmt.Errorf("%w: NewKotani: kind must be Collections or Payouts", ErrConfiguration), err)
	}
	return h, err
}

// Kotani describes the callbacks of Kotani Pay v2, without a way to confirm them: use
// NewKotani. kotani.ParseCallback says which forms are read.
//
// The reference is the external id. A callback without one is about the transaction
// that its capability URL was minted for. Otherwise Config.Known is asked about
// Kotani's request id, and the API then tells the external id. Transactions change in
// the order of KotaniStates. SUCCESS and COMPLETED, in any case, count as SUCCESSFUL.
// The expected response is not documented; 200 without a body is sent.
func Kotani() Source[kotani.Transaction] {
	states := KotaniStates()
	return Source[kotani.Transaction]{
		Provider: "kotani",
		Decode:   uniquely(kotani.ParseCallback),
		Identify: func(t kotani.Transaction) Identity {
			return Identity{
				Reference: cmp.Or(t.ExternalID, t.RequestID), Alias: t.ExternalID == "", Status: kotaniStatus(t.Status),
				Amount: t.Amount, Currency: t.Currency, States: states,
			}
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
	return statesOf(forward, []kotani.TransactionStatus{kotani.StatusSuccessful}, []kotani.TransactionStatus{kotani.StatusReversed})
}

// NewKotaniV3 builds a handler for the signed webhooks of Kotani's v3 API. Config.Auth
// is KotaniV3Signature.
func NewKotaniV3(cfg Config[kotani.V3Event]) (*Handler[kotani.V3Event], error) {
	return New(KotaniV3(), cfg)
}

// KotaniV3 describes the webhooks of Kotani's v3 API: {event, data, signature}
// (documented). Set a webhook secret at Kotani: without it Kotani posts a bare
// transaction, which is refused.
//
// The reference is the transaction's, or a digest of the data if the event has no
// reference. A delivery that comes again is known by its name and a digest of its
// data. Transactions change in the order of KotaniStates. Other events have no order.
func KotaniV3() Source[kotani.V3Event] {
	states := KotaniStates()
	return Source[kotani.V3Event]{
		Provider: "kotani-v3",
		Decode:   uniquely(kotani.ParseV3Event),
		Identify: func(e kotani.V3Event) Identity {
			s := Identity{Reference: e.Reference, Status: kotaniStatus(e.Status), Amount: e.Amount, Currency: e.Currency, ID: e.Event + " " + digest(e.Data)}
			if s.Status != "" && strings.HasPrefix(e.Event, "transaction.") {
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
// the JSON of the body without its member "signature" (documented). The prefix may be
// missing or in capitals (observed). The members are joined as they were received,
// because another encoder might write a number differently. Tried are event and data
// alone, all members, and both without the white space between tokens. A body with a
// key twice is refused, and one of more than 32 KiB, because a stranger's body is
// hashed up to four times.
func KotaniV3Signature(secrets ...string) Authenticator {
	return Signature(SignatureConfig{Scheme: kotaniV3Scheme}, secrets...)
}

const (
	kotaniV3Header  = "X-Kotani-Signature"
	maxKotaniV3Body = 32 << 10
)

var errKotaniV3 = errors.New("not {event, data, signature}")

func kotaniV3Scheme(d *Delivery, s *Signed) error {
	value, err := onlyHeader(d, kotaniV3Header)
	if err != nil {
		return err
	}
	if name, hex, found := strings.Cut(value, "="); found && strings.EqualFold(name, "sha256") {
		value = hex
	}
	if len(s.Body) > maxKotaniV3Body || !s.Add(value) {
		return errKotaniV3
	}
	pair, all, ok := kotaniV3Texts(s.Body)
	if !ok {
		return errKotaniV3
	}
	s.Body = pair
	for _, text := range [][]byte{all, compact(pair), compact(all)} {
		if text != nil && !bytes.Equal(text, pair) {
			s.others = append(s.others, text)
		}
	}
	return nil
}

// kotaniV3Texts returns {event, data}, and the whole body without its signature. It
// finds the members in one pass and decodes nothing, because anybody may have sent
// the body.
func kotaniV3Texts(body []byte) (pair, all []byte, ok bool) {
	var event, data []byte
	all = append(make([]byte, 0, len(body)), '{')
	ok = eachMember(body, func(key, value []byte) bool {
		switch string(key) {
		case `"signature"`:
			return true
		case `"event"`:
			if event != nil {
				return false
			}
			event = value
		case `"data"`:
			if data != nil {
				return false
			}
			data = value
		}
		if len(all) > 1 {
			all = append(all, ',')
		}
		all = append(append(append(all, key...), ':'), value...)
		return true
	})
	all = append(all, '}')
	pair = append(append(make([]byte, 0, len(body)), `{"event":`...), event...)
	pair = append(append(append(pair, `,"data":`...), data...), '}')
	return pair, all, ok && event != nil && data != nil
}

// eachMember visits the members of a JSON object as they are written. It checks only
// what it needs to find them; Decode checks the rest, once the sender is known.
func eachMember(body []byte, visit func(key, value []byte) bool) bool {
	body = wire.WithoutMark(body)
	at := skipSpace(body, 0)
	if at == len(body) || body[at] != '{' {
		return false
	}
	for at = skipSpace(body, at+1); ; at = skipSpace(body, at+1) {
		end := endOfValue(body, at)
		key := body[at:end]
		colon := skipSpace(body, end)
		if len(key) < 2 || key[0] != '"' || bytes.IndexByte(key, '\\') >= 0 || colon == len(body) || body[colon] != ':' {
			return false
		}
		at = skipSpace(body, colon+1)
		end = endOfValue(body, at)
		if end == at || !visit(key, body[at:end]) {
			return false
		}
		at = skipSpace(body, end)
		switch {
		case at == len(body):
			return false
		case body[at] == '}':
			return skipSpace(body, at+1) == len(body)
		case body[at] != ',':
			return false
		}
	}
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// endOfValue is where the JSON value ends that begins at a place.
func endOfValue(text []byte, at int) int {
	depth, quoted := 0, false
	for ; at < len(text); at++ {
		switch c := text[at]; {
		case quoted && c == '\\':
			at++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return at + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return at
			}
		case depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			return at
		}
	}
	return len(text)
}

// compact drops the white space between tokens; nil if there is none.
func compact(text []byte) []byte {
	out, quoted := make([]byte, 0, len(text)), false
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case quoted && c == '\\' && at+1 < len(text):
			out = append(out, c)
			at++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		out = append(out, text[at])
	}
	if len(out) == len(text) {
		return nil
	}
	return out
}

// NewKotaniV3TestDelivery is a webhook as Kotani signs it, for tests of your own: pass
// it to the handler's ServeHTTP, or send it.
func NewKotaniV3TestDelivery(url, secret, event string, data []byte) (*http.Request, error) {
	name, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	signed := slices.Concat([]byte(`{"event":`), name, []byte(`,"data":`), data, []byte("}"))
	mac := hexHMAC(sha256.New, secret, signed)
	r, err := newTestDelivery(url, slices.Concat(signed[:len(signed)-1], []byte(`,"signature":"`+mac+`"}`)))
	if err == nil {
		r.Header.Set(kotaniV3Header, "sha256="+mac)
	}
	return r, err
}

// kotaniStatus maps all spellings of a state to one.
func kotaniStatus(s kotani.TransactionStatus) string {
	if s.Succeeded() {
		return string(kotani.StatusSuccessful)
	}
	return strings.ToUpper(string(s))
}
