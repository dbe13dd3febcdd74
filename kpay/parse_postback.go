package kpay

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// ParsePostback decodes the body of a postback. Its Content-Type means nothing:
// KPay posts JSON labelled as form data (observed). Taken are a JSON object, a
// form whose only key is one, and a plain form, shown as JSON in Raw. Refused is
// what names no refid or no statusid, or a form field twice.
//
// Postbacks are not signed: what one says is a claim until Status confirms it.
// Package webhook does that.
func ParsePostback(body []byte) (Payment, error) {
	object, err := postbackObject(body)
	if err != nil {
		return Payment{}, fmt.Errorf("kpay: postback: %w", err)
	}
	a, err := parseAnswer(object)
	switch {
	case err != nil:
		return Payment{}, fmt.Errorf("kpay: postback: %w", err)
	case a.RefID == "":
		return Payment{}, fmt.Errorf("kpay: postback: %w", missing("refid"))
	case a.StatusID == "":
		return Payment{}, fmt.Errorf("kpay: postback: %w", missing("statusid"))
	}
	return *a.payment(), nil
}

var errTwice = errors.New("a form field twice")

// postbackObject finds the JSON object in a postback's body, or makes one of
// its form fields.
func postbackObject(body []byte) (json.RawMessage, error) {
	if wire.IsObject(body) {
		return append(json.RawMessage(nil), body...), nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errNoObject
	}
	fields := make(map[string]string, len(form))
	for name, values := range form {
		if len(form) == 1 && wire.IsObject([]byte(name)) {
			return json.RawMessage(name), nil
		}
		if len(values) > 1 {
			return nil, errTwice
		}
		fields[name] = values[0]
	}
	return json.Marshal(fields)
}
