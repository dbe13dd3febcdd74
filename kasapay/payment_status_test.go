package kasapay_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kasapay"
)

func TestStatusesSayWhetherTheyEndAPayout(t *testing.T) {
	for status, want := range map[kasapay.PaymentStatus]struct{ final, reversal bool }{
		"700": {true, false}, "701": {true, false}, "702": {true, true}, "705": {true, true},
		"703": {}, "704": {}, "720": {}, "820": {}, "176": {}, "": {}, "PAID": {},
	} {
		assert.Equal(t, want.final, status.Final(), status)
		assert.Equal(t, want.reversal, status.Reversal(), status)
	}
}
