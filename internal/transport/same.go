package transport

import (
	"strings"
	"unicode"
	"unicode/utf8"

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
// one is compared by its two ends.
func (c *Comparison) Phone(field, asked, shown string) {
	a, b := bare(asked), bare(shown)
	if a == "" || b == "" || strings.IndexFunc(a, notDigit) >= 0 {
		return
	}
	front, back, masked := ends(b, notDigit)
	switch {
	case masked && strings.HasSuffix(a, back) && hasFront(a, front):
	case !masked && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a)):
	default:
		c.differs(field)
	}
}

// hasFront reports a number that begins with front once the country code of either
// is left away.
func hasFront(number, front string) bool {
	const longestCode = 3
	for i := range longestCode + 1 {
		if i < len(number) && strings.HasPrefix(number[i:], front) || i < len(front) && strings.HasPrefix(number, front[i:]) {
			return true
		}
	}
	return front == ""
}

// Account compares account numbers, which may be shown as numbers and have lost
// their leading zeros. A masked one is compared by its two ends.
func (c *Comparison) Account(field, asked, shown string) {
	a, b := bare(strings.ToUpper(asked)), bare(strings.ToUpper(shown))
	if a == "" || !strings.ContainsAny(b, "0123456789") {
		return // a shown "N/A" says nothing
	}
	b = strings.ReplaceAll(strings.ReplaceAll(b, "XX", "**"), "*X", "**")
	front, back, masked := ends(b, func(r rune) bool { return notDigit(r) && !unicode.IsLetter(r) })
	if masked && (!strings.HasPrefix(a, front) || !strings.HasSuffix(a, back)) || !masked && a != b {
		c.differs(field)
	}
}

// ends returns what a masked number shows before and behind its mask.
func ends(shown string, mask func(rune) bool) (front, back string, masked bool) {
	first, last := strings.IndexFunc(shown, mask), strings.LastIndexFunc(shown, mask)
	if first < 0 {
		return "", "", false
	}
	_, size := utf8.DecodeRuneInString(shown[last:])
	return shown[:first], shown[last+size:], true
}

// bare strips a number of what does not tell two of them apart.
func bare(number string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune { // mostly without allocating
		switch r {
		case '+', ' ', '-', '(', ')', '.':
			return -1
		}
		return r
	}, number), "0")
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

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
