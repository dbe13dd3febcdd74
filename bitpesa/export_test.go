package bitpesa

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
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

// Decoder reads one kind of response. The members that decide are good; Fields are all
// others, and none of them may make the response unreadable.
type Decoder struct {
	Fields          []string
	Dates, Decimals []string // of the Fields
	Read            func(member string) error
	Value           func(body string) (any, error) // of an object's members
}

// Decoders are all decoders of this package by what they read.
func Decoders() map[string]Decoder {
	all := map[string]Decoder{
		"account":            decoder[Account](`"currency":"USD","amount":"1.5"`),
		"account validation": decoder[AccountValidation](``),
		"api log":            decoder[APILog](`"id":"x-1"`),
		"currency":           decoder[Currency](``),
		"debit":              decoder[Debit](`"id":"d-1","to_id":"x-1","to_type":"Transaction"`),
		"dlocal balance":     decoder[DLocalBalance](``),
		"document":           decoder[Document](`"id":"x-1"`),
		"mandate":            decoder[Mandate](`"id":"x-1"`),
		"payin method":       decoder[PayinMethod](`"id":"x-1","state":"success"`),
		"payment method":     decoder[PaymentMethod](``),
		"payout method":      decoder[PayoutMethod](`"id":"x-1"`),
		"proof of payment":   decoder[ProofOfPayment](``),
		"recipient":          decoder[Recipient](`"id":"x-1","state":"error"`),
		"sender":             decoder[Sender](`"id":"x-1","state":"approved"`),
		"transaction":        decoder[Transaction](`"id":"x-1","state":"paid"`),
		"webhook":            decoder[Webhook](`"id":"x-1"`),
		"webhook log":        decoder[WebhookLog](`"id":"x-1"`),
	}
	type sketch Transaction // what Calculate and Validate return
	all["sketch"] = decoder[sketch](``)
	for kind, of := range map[string]string{
		"transaction": "transaction", "recipient": "recipient", "sender": "sender", "payin_method": "payin method", "payout_method": "payout method",
		"document": "document", "mandate": "mandate",
	} {
		all["event of "+of] = Decoder{Fields: all[of].Fields, Read: func(member string) error {
			_, err := ParseEvent([]byte(`{"webhook":"w","event":"` + kind + `.changed","object":{"id":"x-1",` + member + `}}`))
			return err
		}}
	}
	all["event"] = Decoder{Fields: []string{"webhook", "new"}, Read: func(member string) error {
		_, err := ParseEvent([]byte(`{` + member + `,"event":"transaction.paid_in","object":{"id":"x-1"}}`))
		return err
	}}
	all["page"] = Decoder{Fields: []string{"current_page", "prev_page", "total_pages", "total_count", "new"}, Read: func(member string) error {
		page, err := decodePage[Sender]([]byte(`{"object":[{"id":"x-1"}],"meta":{"pagination":{"next_page":2,`+member+`}}}`), 1)
		if err == nil && (page.NextPage != 2 || len(page.Items) != 1 || page.Skipped > 0) {
			err = wire.Missing("the row and the next page")
		}
		return err
	}}
	noise := slices.DeleteFunc(slices.Concat(all["transaction"].Fields, []string{"id", "state"}), func(field string) bool {
		return field == "recipients" // it tells the kind of the refused object
	})
	all["refusal"] = Decoder{Fields: noise, Read: func(member string) error {
		body := []byte(`{"object":{` + member + `,"errors":{"metadata":[{"error":"invalid"}]}}}`)
		for _, op := range operations {
			if v := interpret(op, &transport.Response{Status: 422, Body: body}); v.Kind != transport.Refused && v.Kind != transport.Duplicate {
				return wire.Missing("a refusal of " + op.Name)
			}
		}
		return nil
	}}
	all["refusal"] = without(all["refusal"], "errors")
	return all
}

// decoder reads objects of a type, alone and in a list. good are the members that decide.
func decoder[T any](good string) Decoder {
	fields := fieldsOf(reflect.TypeFor[T]())
	if good != "" {
		good += ","
	}
	return without(Decoder{Fields: append(fields, "new"), Dates: fieldsOf(reflect.TypeFor[T](), reflect.TypeFor[time.Time]()), Decimals: fieldsOf(reflect.TypeFor[T](), reflect.TypeFor[decimal.NullDecimal]()), Value: func(member string) (any, error) {
		return object[T]([]byte(`{"object":{` + good + member + `}}`))
	}, Read: func(member string) error {
		body := `{` + good + member + `}`
		if _, err := object[T]([]byte(`{"object":` + body + `}`)); err != nil {
			return err
		}
		_, skipped, err := decodeList[T]([]byte(`[` + body + `]`))
		if err == nil && skipped > 0 {
			err = wire.Missing("a row of a list")
		}
		return err
	}}, decidingIn(good)...)
}

func decidingIn(good string) (names []string) {
	for part := range strings.SplitSeq(good, ",") {
		name, _, _ := strings.Cut(part, ":")
		names = append(names, strings.Trim(name, `"`))
	}
	return names
}

func without(d Decoder, names ...string) Decoder {
	for _, list := range []*[]string{&d.Fields, &d.Dates, &d.Decimals} {
		*list = slices.DeleteFunc(slices.Clone(*list), func(name string) bool { return slices.Contains(names, name) })
	}
	return d
}

// fieldsOf are the names of a type on the wire: of all fields, or of those of some types.
func fieldsOf(t reflect.Type, only ...reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous: // its fields follow
		case len(only) > 0 && !slices.Contains(only, f.Type):
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}
