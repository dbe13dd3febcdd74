//go:build !race && !goexperiment.jsonv2

// Under the race detector pools drop at random what they are given.

package webhook_test

import (
	"encoding/json"
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
		proof, err := webhook.Verify(timed, body300, once)
		if err != nil {
			t.Error(err)
		}
		proof.Forget()
	}), 1.0)
}

func TestDecodeAllocatesLessThanEncodingJSON(t *testing.T) {
	source := webhook.Kapiten()
	ours := testing.AllocsPerRun(200, func() { _, _ = source.Decode(body300) })
	plain := testing.AllocsPerRun(200, func() { _ = json.Unmarshal(body300, new(bareEvent)) })
	assert.LessOrEqual(t, ours, 7.0, "five texts, their event, and the body")
	assert.Less(t, ours, plain)
}
