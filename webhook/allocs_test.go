//go:build !race && !goexperiment.jsonv2

// Under the race detector pools drop at random what they are given.

package webhook_test

import (
	"encoding/json"
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

func TestDecodeAllocatesLessThanEncodingJSON(t *testing.T) {
	source := webhook.Kapiten()
	ours := testing.AllocsPerRun(200, func() { _, _ = source.Decode(body300) })
	plain := testing.AllocsPerRun(200, func() { _ = json.Unmarshal(body300, new(bareEvent)) })
	assert.LessOrEqual(t, ours, 7.0, "five texts, their event, and the body")
	assert.Less(t, ours, plain)
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
