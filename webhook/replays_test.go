package webhook

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func marked(n int) (mark [16]byte) {
	binary.BigEndian.PutUint64(mark[:], uint64(n))
	return mark
}

func TestReplaysRememberForTheirTime(t *testing.T) {
	now := time.Unix(0, 0)
	r := newReplays(time.Hour, func() time.Time { return now })
	assert.True(t, r.add(marked(1)))
	now = now.Add(time.Hour - 1)
	assert.False(t, r.add(marked(1)))
	now = now.Add(1)
	assert.True(t, r.add(marked(1)))
}

func TestReplaysAreBoundedAndForgetTheOldest(t *testing.T) {
	now := time.Unix(0, 0)
	r := newReplays(time.Hour, func() time.Time { return now })
	for i := range maxReplays + 10 {
		assert.True(t, r.add(marked(i)))
	}
	assert.Len(t, r.seen, maxReplays)
	assert.Len(t, r.ring, maxReplays)
	assert.False(t, r.add(marked(10)))
	assert.True(t, r.add(marked(9)))
}

func TestReplaysForget(t *testing.T) {
	now := time.Unix(0, 0)
	r := newReplays(time.Hour, func() time.Time { return now })
	r.add(marked(1))
	r.forget(marked(1))
	now = now.Add(30 * time.Minute)
	assert.True(t, r.add(marked(1)))
	now = now.Add(30 * time.Minute) // the first entry's time is over, not the second's
	assert.False(t, r.add(marked(1)))
	now = now.Add(30 * time.Minute)
	assert.True(t, r.add(marked(1)))
	r.forget(marked(99))
}
