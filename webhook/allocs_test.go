//go:build !race

// Under the race detector pools drop at random what they are given.

package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/webhook"
)

func TestVerifyAllocatesOnce(t *testing.T) {
	hexed, plain, timed, once := signed300(t)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
		if _, err := webhook.Verify(hexed, body300, plain); err != nil {
			t.Error(err)
		}
	}), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
		if _, err := webhook.Verify(timed, body300, once); err != nil {
			t.Error(err)
		}
	}), 1.0)
}

// Each delivery has texts of its own: an encoding/json that keeps the texts of the call
// before would otherwise make none.
func TestDecodeAllocatesNoMoreThanEncodingJSON(t *testing.T) {
	bodies := make([][]byte, 1001)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `{"event":"ride.changed.%d","ride_id":"ride-%d","reference_number":"number-%d","external_id":"order-%d","status":"STATUS_%d","metadata":{"n":%d}}`, i, i, i, i, i, i)
	}
	n := 0
	next := func(decode func([]byte) error) func() {
		return func() {
			n = (n + 1) % len(bodies)
			if err := decode(bodies[n]); err != nil {
				t.Error(err)
			}
		}
	}
	source := webhook.Kapiten()
	ours := testing.AllocsPerRun(len(bodies)-2, next(func(body []byte) error { _, err := source.Decode(body); return err }))
	plain := testing.AllocsPerRun(len(bodies)-2, next(func(body []byte) error { return json.Unmarshal(body, new(bareEvent)) }))
	t.Logf("ours %v, encoding/json %v", ours, plain)
	assert.LessOrEqual(t, ours, 7.0, "five texts, their event, and the body")
	assert.LessOrEqual(t, ours, plain)
}

func TestAWholeDeliveryAllocatesLittle(t *testing.T) {
	h, _ := callbacks300(t)
	bodies := make([]string, 1001)
	for i := range bodies {
		bodies[i] = body300For(i)
	}
	bare := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	n := 0
	next := func(h http.Handler) func() {
		return func() { n = (n + 1) % len(bodies); deliver300(t, h, bodies[n]) }
	}
	ours := testing.AllocsPerRun(len(bodies)-2, next(h))
	again := testing.AllocsPerRun(200, next(h))
	test := testing.AllocsPerRun(200, next(bare)) // its requests, recorders and signatures
	t.Logf("new %v, duplicate %v", ours-test, again-test)
	assert.LessOrEqual(t, ours-test, 25.0)
	assert.LessOrEqual(t, again-test, 17.0)
}
