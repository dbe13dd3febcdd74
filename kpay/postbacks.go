package kpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// ParsePostback decodes the body of a postback: a JSON object, a form whose only key or
// value is a JSON object, or a plain or multipart form, which Raw then shows as JSON. It
// ignores the Content-Type, because KPay posts JSON labelled as form data (observed). It
// refuses a postback without refid or statusid, a form that has a field twice, and a
// form whose refid or statusid can be read in two ways.
//
// Postbacks are not signed. Believe a postback only after Find confirms it. Package
// webhook does so.
func ParsePostback(body []byte) (Payment, error) {
	object, err := postbackObject(wire.WithoutMark(body))
	if err != nil {
		return Payment{}, fmt.Errorf("kpay: postback: %w", err)
	}
	r, err := parse(object)
	switch {
	case err != nil:
	case r.RefID == "":
		err = wire.Missing("refid")
	case r.StatusID.Text == "":
		err = wire.Missing("statusid")
	default:
		return *r.payment(), nil
	}
	return Payment{}, fmt.Errorf("kpay: postback: %w", err)
}

var (
	errTwice     = errors.New("a form field twice")
	errNoForm    = errors.New("neither a JSON object nor a form")
	errAmbiguous = errors.New("a form that can be read in two ways")
)

// postbackObject finds the JSON object in a postback's body, or makes a JSON object
// of its form fields.
func postbackObject(body []byte) ([]byte, error) {
	if wire.IsObject(body) {
		if bare := bytes.TrimSuffix(bytes.TrimSpace(body), []byte("=")); !json.Valid(body) && json.Valid(bare) {
			return sure(bare) // {json}= without any escapes
		}
		return bytes.Clone(body), nil
	}
	if bytes.HasPrefix(body, []byte("--")) {
		return multipartObject(body)
	}
	if _, value, ok := bytes.Cut(body, []byte("=")); ok {
		if object, is := asObject(string(value)); is && json.Valid(object) {
			return sure(object) // data={json} without any escapes
		}
	}
	return formObject(string(body))
}

// sure returns an object which stands in a form without escapes, unless to unescape it
// would change what decides.
func sure(object []byte) ([]byte, error) {
	text, err := url.QueryUnescape(string(object))
	if err != nil || text == string(object) {
		return bytes.Clone(object), nil //nolint:nilerr // a bare % is no escape: the object stands as it is
	}
	plain, err := parse(object)
	if err != nil {
		return nil, err
	}
	if other, err := parse([]byte(text)); err == nil && (other.RefID != plain.RefID || other.StatusID != plain.StatusID) {
		return nil, errAmbiguous
	}
	return bytes.Clone(object), nil
}

// formObject reads a form field by field, so that a bare percent sign or a semicolon
// in a text costs that text's escapes only.
func formObject(body string) ([]byte, error) {
	fields := map[string]string{}
	pairs := strings.Split(body, "&")
	for _, pair := range pairs {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, errNoForm
		}
		value, err := url.QueryUnescape(rawValue)
		if object, is := asObject(name); len(pairs) == 1 && is {
			return object, nil
		}
		if object, is := asObject(value); len(pairs) == 1 && err == nil && is {
			return object, nil
		}
		if odd := err != nil || strings.Contains(pair, ";"); odd {
			if decides(name) || hidesDeciding(pair) {
				return nil, errAmbiguous
			}
			if err != nil {
				value = rawValue
			}
		}
		if _, twice := fields[name]; twice {
			return nil, errTwice
		}
		fields[name] = value
	}
	return json.Marshal(fields)
}

// asObject is the value of a field without a byte order mark, and whether it is an object.
func asObject(text string) (object []byte, is bool) {
	object = wire.WithoutMark([]byte(text))
	return object, wire.IsObject(object)
}

func decides(name string) bool { return name == "refid" || name == "statusid" }

// hidesDeciding reports a field with a semicolon in which old servers, which end a field
// there, would read one that decides.
func hidesDeciding(field string) bool {
	for part := range strings.SplitSeq(field, ";") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if decides(strings.TrimSpace(name)) {
			return true
		}
	}
	return false
}

const maxPart = 64 << 10

// multipartObject reads a multipart form. Its boundary stands in its first line.
func multipartObject(body []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	boundary := strings.TrimPrefix(strings.TrimRight(string(line), "\r \t"), "--")
	if boundary == "" || len(boundary) > 70 {
		return nil, errNoForm
	}
	fields := map[string]string{}
	for reader := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errNoForm
		}
		text, err := io.ReadAll(io.LimitReader(part, maxPart))
		if err != nil {
			return nil, errNoForm
		}
		name := part.FormName()
		if _, twice := fields[name]; twice {
			return nil, errTwice
		}
		fields[name] = string(text)
	}
	for _, value := range fields {
		if object, is := asObject(value); len(fields) == 1 && is {
			return object, nil
		}
	}
	return json.Marshal(fields)
}
