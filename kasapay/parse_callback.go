package kasapay

import (
	"bytes"
	"fmt"
)

// ParseCallback decodes the body of a callback, which has the shape of a status
// (documented). Extra keys and nulls are taken as they come; refused is what is
// no JSON object or names no payout_reference or no payment_status.
//
// Several callbacks per payout are to be expected, in any order, non-final ones
// among them, and a reversal after success. They are not signed: what one says
// is a claim until Status confirms it. Package webhook does that.
func ParseCallback(body []byte) (Payout, error) {
	a, err := parseAnswer(bytes.Clone(body))
	if err != nil {
		return Payout{}, fmt.Errorf("kasapay: callback: %w", err)
	}
	if a.PayoutReference == "" {
		return Payout{}, fmt.Errorf("kasapay: callback: %w", missing("payout_reference"))
	}
	p, err := a.payout(string(a.PayoutReference))
	if err != nil {
		return Payout{}, fmt.Errorf("kasapay: callback: %w", err)
	}
	return p, nil
}
