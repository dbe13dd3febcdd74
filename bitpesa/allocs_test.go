//go:build !race && !goexperiment.jsonv2

package bitpesa_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The race detector empties pools at random, and the coming encoding/json
// allocates less by hand, so nothing is counted with them.
// The counts include the server's, which are the same on all sides.
func TestASignedPOSTAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) {
	allocs := map[string]float64{}
	for _, s := range sides(t) {
		allocs[s.name] = testing.AllocsPerRun(200, func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.call(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Log(allocs)
	assert.LessOrEqual(t, allocs["sdk"], allocs["baseline"]+14) // nine of them so that equal debits share one request
	assert.LessOrEqual(t, allocs["sdk"], allocs["signing baseline"])
}
