package days

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A merchant may be told a jump and, of Kotani, running states in any order, once each.
// What the end is, and what follows what else, must be as the world had it.
func TestWhatAMerchantWasToldMustHaveHappened(t *testing.T) {
	for _, row := range []struct {
		provider string
		told     []string
		right    bool
	}{
		{"kotani-v3", []string{"PENDING", "PROCESSING", "SUCCESSFUL", "REVERSED"}, true},
		{"kotani-v3", []string{"PROCESSING", "REVERSED"}, true},
		{"kotani-v3", []string{"PROCESSING", "PENDING", "REVERSED"}, true},
		{"kotani-v3", []string{"PROCESSING", "PENDING", "PENDING", "REVERSED"}, false},
		{"kotani-v3", []string{"REVERSED", "SUCCESSFUL"}, false},
		{"kotani-v3", []string{"PENDING", "SUCCESSFUL"}, false},
		{"kotani-v3", []string{"FAILED", "REVERSED"}, false},
		{"bitpesa", []string{"PROCESSING", "PENDING", "REVERSED"}, false},
	} {
		r := &receiver{wanted: map[string]map[string][]string{}}
		r.want(row.provider, "deposit-1", "PENDING", "PROCESSING", "SUCCESSFUL", "REVERSED")
		err := r.complete(map[string][]string{row.provider + " deposit-1": row.told})
		assert.Equal(t, row.right, err == nil, "%s %v: %v", row.provider, row.told, err)
	}
}
