package bitpesa

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ReadAnything runs everything that reads responses over any body. It returns what
// went wrong, or nothing.
func ReadAnything(status int, body []byte) string {
	r := &transport.Response{Status: status, Body: body}
	enveloped := slices.Concat([]byte(`{"object":`), body, []byte(`}`))
	for _, op := range operations {
		v := interpret(op, r)
		switch {
		case v.Kind == transport.Accepted && (status < 200 || status > 299):
			return "accepted an error status"
		case op.Class == sdk.Referenced && v.Kind != transport.Accepted && v.Kind != transport.Unclear && status != 422:
			return "took something else than a 422 for a proof"
		}
	}
	if t, err := decode[Transaction](body); err == nil && (t.ID == "" || t.State == "") {
		return "decoded a transaction that is none"
	}
	if page, err := decodePage[Recipient](body, 1); err == nil && page.NextPage == 1 {
		return "a page that leads to itself"
	}
	if debits, err := oneOrMore[Debit](enveloped); err == nil {
		for _, d := range debits {
			if d.ID == "" {
				return "decoded a debit that is none"
			}
		}
	}
	if e, err := ParseEvent(body); err == nil && (e.ID() == "" || e.Name == "") {
		return "parsed an event about nothing"
	}
	_, _ = decode[Sender](body)
	_, _ = decode[WebhookLog](body)
	_, _ = decodeAccount(enveloped)
	return ""
}

// ReadNoise reads an object of a kind.
func ReadNoise(kind string, body []byte) (err error) {
	switch kind {
	case "transaction":
		_, err = decode[Transaction](body)
	case "recipient":
		_, err = decode[Recipient](body)
	case "sender":
		_, err = decode[Sender](body)
	case "payin":
		_, err = decode[PayinMethod](body)
	case "method":
		_, err = decode[PayoutMethod](body)
	case "debit":
		_, err = decode[Debit](body)
	case "document":
		_, err = decode[Document](body)
	case "webhook":
		_, err = decode[Webhook](body)
	default:
		_, err = decode[WebhookLog](body)
	}
	return err
}
