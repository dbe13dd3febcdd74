//go:build !race

package bitpesa_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The race detector empties pools at random, so nothing is counted with it. The counts
// include the server's, which are the same on all sides. The versions of encoding/json
// allocate differently for the types by hand, while the SDK decodes by itself. So each
// run measures that part and takes it off.
func TestASignedPOSTAllocatesHardlyMoreThanNetHTTPByHand(t *testing.T) {
	count := func(call func(context.Context) error) float64 {
		return testing.AllocsPerRun(200, func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := call(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	allocs := map[string]float64{}
	for _, s := range sides(t) {
		allocs[s.name] = count(s.call)
	}
	encoding := testing.AllocsPerRun(200, func() {
		body, err := baselineRequest()
		if err = errors.Join(err, json.Unmarshal([]byte(debitResponse), new(baselineResponse))); err != nil || len(body) == 0 {
			t.Error(err)
		}
	})
	t.Logf("%v, %v of them JSON by hand", allocs, encoding)
	assert.LessOrEqual(t, allocs["sdk"], allocs["baseline"]-encoding+50) // nine of them so that equal debits share one request
	assert.LessOrEqual(t, allocs["sdk"], allocs["signing baseline"])
}
