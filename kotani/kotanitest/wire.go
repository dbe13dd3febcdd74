package kotanitest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// object is a JSON object to send.
type object map[string]any

// MarshalJSON begins with the keys with which documented responses begin. A public
// client cuts the token and the id out of their places in the text.
func (o object) MarshalJSON() ([]byte, error) {
	keys := slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	text := []byte("{")
	for i, key := range keys {
		value, err := json.Marshal(o[key])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(strconv.AppendQuote(text, key), ':'), value...)
	}
	return append(text, '}'), nil
}

func rank(key string) int {
	switch key {
	case "id":
		return 0
	case "status":
		return 1
	}
	return 2
}

// refused is a business error. It comes with HTTP 200.
func refused(desc string) object { return object{"status": http.StatusBadRequest, "desc": desc} }

// result is the envelope of most responses.
func result(v any) object { return object{"result": v} }

func writeJSON(rw http.ResponseWriter, status int, v any) {
	fake.Respond(rw, status, "application/json; charset=utf-8", fake.Encode(v))
}

func writeText(rw http.ResponseWriter, status int, text string) {
	fake.Respond(rw, status, "text/plain; charset=utf-8", []byte(text))
}

// timestamp is the form in which JavaScript writes a time.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// call is a request with its JSON body. Its methods read fields and keep the
// first reason to refuse the request. A handler reads all fields, then looks at
// reason.
type call struct {
	request *http.Request
	fields  map[string]any
	strict  bool
	prefix  string // of phone numbers in the partner's country
	reason  string
}

// newCall reads the body. It reports false for a body that is no JSON object.
func newCall(r *http.Request, strict bool) (*call, bool) {
	c := &call{request: r, fields: map[string]any{}, strict: strict}
	if r.Method == http.MethodGet || r.Body == nil {
		return c, true
	}
	body, err := io.ReadAll(r.Body) // in memory already, and bounded
	if err != nil {
		return c, false
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return c, true
	}
	fields, ok := fake.ReadObject(bytes.NewReader(body))
	if ok {
		c.fields = fields
	}
	return c, ok
}

func (c *call) refuse(reason string) {
	if c.reason == "" {
		c.reason = reason
	}
}

func (c *call) refused() object { return refused(c.reason) }

// optional is a field's text; a number counts as its digits.
func (c *call) optional(name string) string {
	switch v := c.fields[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case nil:
	default:
		c.refuse("invalid " + name)
	}
	return ""
}

// text is the text of a required field.
func (c *call) text(name string) string {
	text := c.optional(name)
	if text == "" {
		c.refuse(name + " is required")
	}
	return text
}

// whole reads an amount that the document shows as an integer.
func (c *call) whole(name string) decimal.Decimal {
	amount := c.amount(name)
	if _, number := c.fields[name].(json.Number); c.strict && !number {
		c.refuse(name + " must be an integer")
	}
	if !amount.IsInteger() {
		c.refuse(name + " must be a whole number")
	}
	return amount
}

// money reads an amount that the document shows as a string.
func (c *call) money(name string, decimals int32) decimal.Decimal {
	amount := c.amount(name)
	if _, text := c.fields[name].(string); c.strict && !text {
		c.refuse(name + " must be a string")
	}
	if !amount.Equal(amount.Truncate(decimals)) {
		c.refuse(name + " has too many decimals")
	}
	return amount
}

func (c *call) amount(name string) decimal.Decimal {
	text := c.text(name)
	if text == "" {
		return decimal.Zero
	}
	amount, ok := plainDecimal(text)
	if !ok {
		c.refuse(name + " must be a number")
	} else if !amount.IsPositive() {
		c.refuse(name + " must be greater than zero")
	}
	return amount
}

// phone reads a number as libphonenumber does for the partner's country: the national
// form is accepted, and the result is digits without "+".
func (c *call) phone(name string) string {
	text := c.text(name)
	digits, ok := wire.Phone(text)
	if len(digits) == 10 && digits[0] == '0' {
		digits = c.prefix + digits[1:]
	}
	if !ok || digits[0] == '0' {
		c.refuse("invalid " + name)
	}
	return digits
}

// mobile reads the phone number of a mobile money wallet, which must be in Kenya or
// Ghana, and in the country of a currency when the request has named it.
func (c *call) mobile(name, currency string) string {
	digits := c.phone(name)
	own := currencyOf(digits)
	switch {
	case c.reason != "":
	case own == "" || len(digits) != len("254712345678"):
		c.refuse(name + " must be a phone number in Kenya or Ghana")
	case currency != "" && currency != own:
		c.refuse(name + " does not belong to " + currency)
	}
	return digits
}

// callback reads the optional URL of callbacks.
func (c *call) callback() string {
	text := c.optional("callback")
	if text != "" && !fake.IsWebURL(text) {
		c.refuse("callback must start with http or https")
	}
	return text
}

// country reads the path's country code and returns its currency.
func (c *call) country() string {
	switch countryNamed(c.request.PathValue("countryCode")) {
	case kotani.Kenya:
		return "KES"
	case kotani.Ghana:
		return "GHS"
	}
	c.refuse("country not supported")
	return ""
}

// countryNamed reads a country as logins and paths name it.
func countryNamed(code string) kotani.Country {
	switch strings.ToUpper(code) {
	case "KE", "KEN":
		return kotani.Kenya
	case "GH", "GHA":
		return kotani.Ghana
	}
	return ""
}

// phonePrefix begins the phone numbers of a country.
func phonePrefix(country kotani.Country) string {
	if country == kotani.Ghana {
		return "233"
	}
	return "254"
}

const maxAmount = 40 // characters

// plainDecimal reads digits with at most one point among them.
func plainDecimal(text string) (decimal.Decimal, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" || len(text) > maxAmount || !only(whole+fraction, "0123456789") {
		return decimal.Zero, false
	}
	amount, err := decimal.NewFromString(whole + "." + fraction + "0")
	return amount, err == nil
}

func only(text, characters string) bool { return strings.Trim(text, characters) == "" }
