package transport

import (
	"strings"

	"github.com/shopspring/decimal"
)

// Comparison answers whether a payment that the provider shows is the one that a
// call asks for. A field that only one side shows says nothing. A field that both
// sides show and that differs makes it another payment. An amount that is shown
// and cannot be read makes the question unanswerable.
type Comparison struct {
	different, unreadable string // the first such field
}

// Text compares two texts after trimming.
func (c *Comparison) Text(field, asked, shown string) {
	asked, shown = strings.TrimSpace(asked), strings.TrimSpace(shown)
	if asked != "" && shown != "" && asked != shown {
		c.differs(field)
	}
}

// Fold compares two texts whatever their case: codes of currencies and countries.
func (c *Comparison) Fold(field, asked, shown string) {
	if !strings.EqualFold(asked, shown) {
		c.Text(field, strings.ToUpper(asked), strings.ToUpper(shown))
	}
}

// Amount compares amounts by value. present says that the response has the field,
// readable or not.
func (c *Comparison) Amount(field string, asked decimal.Decimal, shown decimal.NullDecimal, present bool) {
	switch {
	case shown.Valid && !shown.Decimal.Equal(asked):
		c.differs(field)
	case !shown.Valid && present && c.unreadable == "":
		c.unreadable = field
	}
}

// Phone compares phone numbers. The shown one may be in national form. A masked
// one is compared by what it shows.
func (c *Comparison) Phone(field, asked, shown string) {
	a, b := bare(asked), bare(shown)
	if !bothDigits(a, b) {
		c.masked(field, a, b)
		return
	}
	if !strings.HasSuffix(a, b) && !strings.HasSuffix(b, a) {
		c.differs(field)
	}
}

// Account compares account numbers, which may be shown as numbers and have lost
// their leading zeros. A masked one is compared by what it shows.
func (c *Comparison) Account(field, asked, shown string) {
	a, b := bare(asked), bare(shown)
	if !bothDigits(a, b) {
		c.masked(field, a, b)
		return
	}
	if a != b {
		c.differs(field)
	}
}

// masked compares the digits which a masked number shows at its end.
func (c *Comparison) masked(field, asked, shown string) {
	end := shown[strings.LastIndexFunc(shown, func(r rune) bool { return r < '0' || r > '9' })+1:]
	if asked == "" || end == "" || end == shown || strings.Trim(asked, "0123456789") != "" {
		return
	}
	if !strings.HasSuffix(asked, end) {
		c.differs(field)
	}
}

// bare strips a number of what does not tell two of them apart.
func bare(number string) string {
	return strings.TrimLeft(strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "").Replace(number), "0")
}

func bothDigits(a, b string) bool {
	return a != "" && b != "" && strings.Trim(a+b, "0123456789") == ""
}

func (c *Comparison) differs(field string) {
	if c.different == "" {
		c.different = field
	}
}

// Finding is Same, Different, or an error when it cannot be told.
func (c *Comparison) Finding() (Finding, error) {
	switch {
	case c.different != "":
		return Different, nil
	case c.unreadable != "":
		return Absent, &wrapped{text: "the " + c.unreadable + " shown cannot be read", err: errUnreadable}
	}
	return Same, nil
}

// Direct is the comparison of a direct response, which must be about the payment
// that was asked for: anything else settles nothing.
func (c *Comparison) Direct() error {
	found, err := c.Finding()
	if found == Different {
		return &wrapped{text: "response about another payment: " + c.different, err: errOther}
	}
	return err
}
