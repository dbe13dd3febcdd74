package fake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func draw(seed uint64, provider string, another bool) []string {
	w := fake.NewWorld(fake.Options{Seed: seed})
	defer w.Close()
	w.Lock()
	defer w.Unlock()
	if another {
		w.IDs("another").UUID()
	}
	ids := w.IDs(provider)
	return []string{ids.UUID(), ids.Digits(6), ids.Hex(40), ids.Hex(3), ids.Derived(16, "a", "b"), ids.UUID()}
}

func TestIDsComeFromTheSeed(t *testing.T) {
	t.Parallel()
	first := draw(7, "toy", false)
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first[0])
	assert.Regexp(t, `^[0-9]{6}$`, first[1])
	assert.Regexp(t, `^[0-9a-f]{40}$`, first[2])
	assert.Regexp(t, `^[0-9a-f]{3}$`, first[3])
	assert.Regexp(t, `^[0-9a-f]{16}$`, first[4])
	assert.NotEqual(t, first[0], first[5])

	assert.Equal(t, first, draw(7, "toy", false), "the same seed gives the same ids")
	assert.Equal(t, first, draw(7, "toy", true), "another provider's ids change nothing")
	other := draw(8, "toy", false)
	bank := draw(7, "bank", false)
	for i := range first {
		assert.NotEqual(t, first[i], other[i])
		assert.NotEqual(t, first[i], bank[i])
	}
}
