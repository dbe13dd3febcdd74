package kotanitest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/shopspring/decimal"
)

// call is a request on its way to a handler. Its readers note the first fault;
// a handler asks for it once it has read all it needs.
type call struct {
	request *http.Request
	fields  map[string]any // of the JSON body
	strict  bool
	fault   string
}

// newCall reads the body; it reports false when that is no JSON object.
func newCall(r *http.Request, strict bool) (*call, bool) {
	c := &call{request: r, fields: map[string]any{}, strict: strict}
	if r.Method == http.MethodGet || r.Body == nil {
		return c, true
	}
	body, err := io.ReadAll(r.Body) // in memory already, and bounded
	if err != nil {
		return c, false
	}
	text := strings.TrimSpace(string(body))
	if text == "" {
		return c, true
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&c.fields) != nil || c.fields == nil {
		return c, false
	}
	_, err = d.Token()
	return c, err == io.EOF
}

func (c *call) fail(desc string) {
	if c.fault == "" {
		c.fault = desc
	}
}

// optional is a field's text; numbers count as their digits.
func (c *call) optional(name string) string {
	switch v := c.fields[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case nil:
	default:
		c.fail("invalid " + name)
	}
	return ""
}

func (c *call) text(name string) string {
	text := c.optional(name)
	if text == "" {
		c.fail(name + " is required")
	}
	return text
}

// whole reads an amount the document shows as an integer, money one it shows as
// a string.
func (c *call) whole(name string) decimal.Decimal {
	amount := c.amount(name)
	if _, number := c.fields[name].(json.Number); c.strict && !number {
		c.fail(name + " must be an integer")
	}
	if !amount.IsInteger() {
		c.fail(name + " must be a whole number")
	}
	return amount
}

func (c *call) money(name string, decimals int32) decimal.Decimal {
	amount := c.amount(name)
	if _, text := c.fields[name].(string); c.strict && !text {
		c.fail(name + " must be a string")
	}
	if !amount.Equal(amount.Truncate(decimals)) {
		c.fail(name + " has too many decimals")
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
		c.fail(name + " must be a number")
	} else if !amount.IsPositive() {
		c.fail(name + " must be greater than zero")
	}
	return amount
}

// phone reads a number as libphonenumber would for a Kenyan: national form
// included, kept as digits without "+".
func (c *call) phone(name string) string {
	text := c.text(name)
	digits := strings.TrimPrefix(strings.NewReplacer(" ", "", "-", "").Replace(text), "+")
	if len(digits) == 10 && digits[0] == '0' {
		digits = "254" + digits[1:]
	}
	if len(digits) < 7 || len(digits) > 15 || !only(digits, "0123456789") {
		c.fail("invalid " + name)
	}
	return digits
}

// callback reads the optional URL, which must carry a scheme.
func (c *call) callback() string {
	text := c.optional("callback")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		c.fail("callback must start with http or https")
	}
	return text
}

func (c *call) refused() object { return refused(c.fault) }

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
