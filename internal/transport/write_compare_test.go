package transport_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

const (
	same, different, untold = "same", "different", "cannot tell"
)

func told(c *transport.Comparison) string {
	switch found, err := c.Finding(); {
	case err != nil:
		return untold
	case found == transport.Different:
		return different
	}
	return same
}

func TestTextsAreCompared(t *testing.T) {
	for _, row := range []struct{ asked, shown, text, fold string }{
		{"order-1", "order-1", same, same},
		{"order-1", " order-1\n", same, same},
		{"order-1", "order-2", different, different},
		{"RWF", "rwf", different, same},
		{"RWF", "KES", different, different},
		{"order-1", "", same, same},
		{"", "order-1", same, same},
		{"order-1", "order-10", different, different},
	} {
		var text, fold transport.Comparison
		text.Text("f", row.asked, row.shown)
		fold.Fold("f", row.asked, row.shown)
		assert.Equal(t, row.text, told(&text), "%+v", row)
		assert.Equal(t, row.fold, told(&fold), "%+v, folded", row)
	}
}

func TestAmountsAreComparedByValue(t *testing.T) {
	for _, row := range []struct {
		asked, shown string // shown: empty is unreadable or absent
		present      bool
		want         string
	}{
		{"1200", "1200", true, same},
		{"1200", "1200.00", true, same},
		{"1200.50", "1200.5", true, same},
		{"1200", "1.2e3", true, same},
		{"1200", "1200.01", true, different},
		{"1200", "12", true, different},
		{"1200", "-1200", true, different},
		{"1200", "0", true, different},
		{"1200", "", true, untold},
		{"1200", "", false, same},
	} {
		var c transport.Comparison
		shown := decimal.NullDecimal{Valid: row.shown != ""}
		if shown.Valid {
			shown.Decimal = decimal.RequireFromString(row.shown)
		}
		c.Amount("amount", decimal.RequireFromString(row.asked), shown, row.present)
		assert.Equal(t, row.want, told(&c), "%+v", row)
	}
}

func TestPhonesAreComparedInAnyForm(t *testing.T) {
	for _, row := range []struct{ asked, shown, want string }{
		{"+250788123456", "+250788123456", same},
		{"+250788123456", "250788123456", same},
		{"+250788123456", "+250 788 123-456", same},
		{"+250788123456", "(250) 788.123.456", same},
		{"+250788123456", "00250788123456", same},
		{"+250788123456", "0788123456", same},
		{"+250788123456", "788123456", same},
		{"0788123456", "+250788123456", same},
		{"+250788123456", "+250788123457", different},
		{"+250788123456", "0788123457", different},
		{"+250788123456", "+254788123456", different},
		{"+250788123456", "2507****3456", same},
		{"+250788123456", "2507****3457", different},
		{"+250788123456", "+250 788 *** 456", same},
		{"+250788123456", "xxxxx3456", same},
		{"+250788123456", "XXXXX9456", different},
		{"+250788123456", "2547****3456", different},
		{"+250788123456", "0788***456", same},
		{"+250788123456", "0789***456", different},
		{"+250788123456", "6", untold},
		{"+250788123456", "123456", untold},
		{"+250788123456", "\u0660\u0667\u0668\u0668", untold},
		{"+250788123456", "0788123456x5", untold},
		{"+250788123456", "+250788123457 ext 5", untold},
		{"+250788123456", "tel:+250788123456", untold},
		{"+250788123456", "078 * 81 * 34", untold},
		{"+250788123456", "+250 (0)788 *** 456", same},
		{"+250788123456", "+250\u00a0788 *** 457", different},
		{"+250788123456", "00250788***456", same},
		{"+250788123456", "00254788***456", different},
		{"+250788123456", "*****0000", different},
		{"+250788123456", "***** 000", different},
		{"0712345678", "+254712345678", same},
		{"0712345678", "254712345678", same},
		{"0712345678", "712345678", same},
		{"0712345678", "345678", untold},
		{"254712345678", "+256*****5678", different},
		{"254712345678", "08**345678", different},
		{"254712345678", "9***5678", different},
		{"0712345678", "9***5678", untold},
		{"0712345678", "254***5678", untold},
		{"0712345678", "08***5678", different},
		{"0712345678", "+2547***5678", same},
		{"0712345678", "+2548***5678", different},
		{"0788300000", "078830000", untold},
		{"0788300000", "0788", untold},
		{"+250788300000", "+25078830", untold},
		{"+250788300000", "250", untold},
		{"+250 0788300000", "+250788300000", same},
		{"+250788300000", "+250 (0788) 300000", same},
		{"+2250712345678", "0712345678", same},
		{"+2250712345678", "+2260712345678", different},
		{"11987654321", "+5511987654321", untold},
		{"254712345678", "255712345678", different},
		{"0712345678", "2345678", untold},
		{"0712345678", "12345678", untold},
		{"712345678", "12345678", untold},
		{"0789000111", "9000111", untold},
		{"254712345678", "712345678", same},
		{"254712345678", "4712345678", untold},
		{"+15551234567", "5551234567", same},
		{"+15551234567", "51234567", untold},
		{"+442012345678", "2012345678", same},
		{"+442012345678", "012345678", untold},
		{"+250788123456", "+788123456", different},
		{"0712345678", "2547****678", same},
		{"0712345678", "2548****678", different},
		{"+254712345678", "+712****678", different},
		{"788123", "788123", same},
		{"788123", " 788123", same},
		{"788123", "788124", different},
		{"788123", "+250788123", same},
		{"250788***456", "+250788123456", untold},
		{"+250788123456", "0", same},
		{"+250788123456", "****", same},
		{"+250788123456", "", same},
		{"", "+250788123456", same},
		{"+250788123456", "N/A", same},
		{"+250788123456", "+250\u00a0788\u00a0123\u00a0456", same},
		{"+250788123456", "+250\u00a0788\u00a0123\u00a0457", different},
		{"+250788123456", "+250 (0)788 123 456", same},
		{"+250 (0)788 123 456", "+250788123456", same},
		{"+250 (0)788 123 456", "+250788123457", different},
		{"+250 (0)788 123 456", "2507****3457", different},
		{"+250\u00a0788123456", "+250788123456", same},
		{"+250\u00a0788123456", "+250788123457", different},
		{"\u200e0788123456", "0788123457", different},
		{"788123456", "+250788123456", same},
		{"+250788123456", "2507\u2022\u2022\u20223456", same},
		{"+250788123456", "2507\u2022\u2022\u20223457", different},
		{"+250788123456", "25078812,3456", untold},
		{"+250788123456", "2507/3456", untold},
		{"+250788123456", "phone 0788123457", untold},
		{"no number", "+250788123457", untold},
	} {
		var c transport.Comparison
		c.Phone("phone", row.asked, row.shown)
		assert.Equal(t, row.want, told(&c), "%+v", row)
	}
}

func TestAccountsAreComparedWithoutLeadingZeros(t *testing.T) {
	for _, row := range []struct{ asked, shown, want string }{
		{"00123456", "00123456", same},
		{"00123456", "123456", same},
		{"123456", "00123456", same},
		{"00123456", "1234567", different},
		{"00123456", "23456", different},
		{"0012 3456", "00-123456", same},
		{"00123456", "****3456", same},
		{"00123456", "****3457", different},
		{"00123456", "0012**56", same},
		{"00123456", "0013**56", different},
		{"00123456", "********", same},
		{"00123456", "", same},
		{"", "00123456", same},
		{"5656", "INV5656", different},
		{"INV5656", "INV-5656", same},
		{"INV5656", "5656", different},
		{"00123456", "XXXX3456", same},
		{"00123456", "xxx3457", different},
		{"GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", same},
		{"GB29NWBK60161331926819", "GB29NWBK60161331926810", different},
		{"GB29NWBK60161331926819", "gb29nwbk60161331926819", same},
		{"GB29NWBK60161331926819", "GB29**************6819", same},
		{"GB29NWBK60161331926819", "GB29**************6810", different},
	} {
		var c transport.Comparison
		c.Account("account", row.asked, row.shown)
		assert.Equal(t, row.want, told(&c), "%+v", row)
	}
}

// A difference outranks an amount that cannot be read: it is another payment.
func TestADifferenceOutranksWhatCannotBeRead(t *testing.T) {
	for _, amountFirst := range []bool{true, false} {
		var c transport.Comparison
		amount := func() { c.Amount("amount", decimal.NewFromInt(7), decimal.NullDecimal{}, true) }
		if amountFirst {
			amount()
		}
		c.Text("reference", "a", "b")
		if !amountFirst {
			amount()
		}
		assert.Equal(t, different, told(&c))
		assert.EqualError(t, c.Direct(), "response about another payment: reference: it is about another payment")
	}
	var c transport.Comparison
	assert.NoError(t, c.Direct())
	c.Amount("amount", decimal.NewFromInt(7), decimal.NullDecimal{}, true)
	assert.EqualError(t, c.Direct(), "the amount shown cannot be read: it cannot be compared")
}

func TestAFieldCanBeSaidToDifferOrToBeUnreadable(t *testing.T) {
	var c transport.Comparison
	c.Unreadable("a")
	assert.Equal(t, untold, told(&c))
	c.Differs("b")
	assert.Equal(t, different, told(&c), "what differs makes it another payment, whatever cannot be read")
	assert.EqualError(t, c.Direct(), "response about another payment: b: it is about another payment")
}
