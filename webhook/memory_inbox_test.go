package webhook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func small(now func() time.Time) *webhook.MemoryInbox {
	return webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: 3, TTL: time.Hour, Now: now})
}

func shopKey(reference, id string) webhook.Key {
	return webhook.Key{Provider: "shop", Reference: reference, ID: id}
}

func finish(t *testing.T, m *webhook.MemoryInbox, k webhook.Key) {
	t.Helper()
	c, err := m.Acquire(t.Context(), k, time.Minute)
	require.NoError(t, err)
	require.Equal(t, webhook.LeaseGranted, c.Status)
	require.NoError(t, m.Complete(t.Context(), c, webhook.Result{State: k.ID}))
}

func statusOf(t *testing.T, m *webhook.MemoryInbox, k webhook.Key) webhook.LeaseStatus {
	t.Helper()
	c, err := m.Acquire(t.Context(), k, time.Minute)
	require.NoError(t, err)
	require.NoError(t, m.Release(t.Context(), c))
	return c.Status
}

func TestMemoryInboxForgetsTheLongestUntouchedWhenFull(t *testing.T) {
	m := small(atNoon)
	for i := range 3 {
		finish(t, m, shopKey(fmt.Sprint("o", i), "PAID"))
	}
	assert.Equal(t, webhook.LeaseDone, statusOf(t, m, shopKey("o0", "PAID")))
	finish(t, m, shopKey("o3", "PAID"))
	assert.Equal(t, webhook.LeaseDone, statusOf(t, m, shopKey("o1", "PAID")))
	assert.Equal(t, webhook.LeaseDone, statusOf(t, m, shopKey("o3", "PAID")))
	assert.Equal(t, webhook.LeaseGranted, statusOf(t, m, shopKey("o0", "PAID")))
}

func TestMemoryInboxForgetsAfterItsTTL(t *testing.T) {
	now := noon
	m := small(func() time.Time { return now })
	finish(t, m, shopKey("o1", "PAID"))
	now = now.Add(time.Hour - time.Second)
	assert.Equal(t, webhook.LeaseDone, statusOf(t, m, shopKey("o1", "PAID")))
	now = now.Add(time.Second)
	assert.Equal(t, webhook.LeaseGranted, statusOf(t, m, shopKey("o1", "PAID")))
}

func TestMemoryInboxNeverForgetsWhatIsUnfinished(t *testing.T) {
	now := noon
	m := small(func() time.Time { return now })
	held, err := m.Acquire(t.Context(), shopKey("held", "PAID"), 10*time.Hour)
	require.NoError(t, err)
	_, err = m.Put(t.Context(), shopKey("queued", "PAID"), []byte("x"))
	require.NoError(t, err)
	buried, err := m.Acquire(t.Context(), shopKey("dead", "PAID"), time.Minute)
	require.NoError(t, err)
	require.NoError(t, m.Bury(t.Context(), buried, "x", nil))

	_, err = m.Acquire(t.Context(), shopKey("more", "PAID"), time.Minute)
	require.ErrorIs(t, err, webhook.ErrInboxFull)
	_, err = m.Put(t.Context(), shopKey("more", "PAID"), nil)
	require.ErrorIs(t, err, webhook.ErrInboxFull)
	now = now.Add(2 * time.Hour)
	_, err = m.Acquire(t.Context(), shopKey("more", "PAID"), time.Minute)
	require.ErrorIs(t, err, webhook.ErrInboxFull)

	dead, err := m.Dead(t.Context(), "shop", 10)
	require.NoError(t, err)
	assert.Len(t, dead, 1)
	require.NoError(t, m.Complete(t.Context(), held, webhook.Result{State: "PAID"}))
	finish(t, m, shopKey("more", "PAID"))
}

func TestMemoryInboxKeepsNothingOfWhatCameToNothing(t *testing.T) {
	m := small(atNoon)
	finish(t, m, shopKey("o1", "PAID"))
	for i := range 100 {
		assert.Equal(t, webhook.LeaseGranted, statusOf(t, m, shopKey(fmt.Sprint("forged-", i), "PAID")))
	}
	assert.Equal(t, webhook.LeaseDone, statusOf(t, m, shopKey("o1", "PAID")))
}

func TestAFullInboxTellsTheSenderToComeAgain(t *testing.T) {
	m := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Capacity: 1})
	h, _ := merchant(t, func(c *webhook.Config[order]) { c.Inbox = m })
	_, err := m.Acquire(t.Context(), shopKey("held", "PAID"), time.Minute)
	require.NoError(t, err)
	assert.Equal(t, 503, post(h, paid("o1")).Code)
}
