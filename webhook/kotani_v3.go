package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

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
		Decode: func(body []byte) (kotani.V3Event, error) {
			e, err := kotani.ParseV3Event(body)
			if err == nil {
				err = uniqueKeys(body)
			}
			return e, err
		},
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
	if json.Unmarshal(body, &members) != nil || uniqueKeys(body) != nil {
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
