package webhook

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// Put implements Queue.
func (m *MemoryInbox) Put(ctx context.Context, key Key, payload []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	now := m.cfg.Now()
	t, err := m.open(key, now)
	if err != nil {
		return false, err
	}
	if e := t.events[key.ID]; e != nil && e.status != eventDead {
		return false, nil
	}
	e := m.event(t, key)
	e.attempts, e.payload = 0, slices.Clone(payload)
	m.enqueue(e, now)
	m.touch(t, now)
	return true, nil
}

// Take implements Queue.
func (m *MemoryInbox) Take(ctx context.Context, provider string, lease time.Duration) (Claim, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Claim{}, false, err
	}
	now := m.cfg.Now()
	due := m.due[provider]
	if due == nil {
		return Claim{}, false, nil
	}
	var later []dueEvent
	defer func() {
		for _, d := range later {
			heap.Push(due, d)
		}
	}()
	for len(*due) > 0 && !(*due)[0].at.After(now) {
		d := heap.Pop(due).(dueEvent)
		e := d.event
		if e.status != eventQueued || e.place != d.place {
			continue // finished, or queued anew since
		}
		t := m.threads[thread{e.key.Provider, e.key.Reference}]
		if t.leased(now) {
			later = append(later, d)
			continue
		}
		c, err := m.claim(e.key, lease)
		if err != nil || c.Status != ClaimNew {
			later = append(later, d)
			return Claim{}, false, err
		}
		e.attempts++
		// Due again when the lease ends: a worker that died gave nothing back.
		m.enqueue(e, t.until)
		c.Payload, c.Attempts = slices.Clone(e.payload), e.attempts
		return c, true, nil
	}
	return Claim{}, false, nil
}

// Retry implements Queue.
func (m *MemoryInbox) Retry(_ context.Context, c Claim, delay time.Duration, reason string) error {
	return m.settle(c, func(_ *memoryThread, e *memoryEvent) {
		e.reason = shorten(reason)
		m.enqueue(e, m.cfg.Now().Add(delay))
	})
}

// Bury implements Queue.
func (m *MemoryInbox) Bury(_ context.Context, c Claim, reason string, payload []byte) error {
	return m.settle(c, func(_ *memoryThread, e *memoryEvent) {
		e.status, e.reason, e.since, e.payload = eventDead, shorten(reason), m.cfg.Now(), slices.Clone(payload)
	})
}

// Dead implements Queue.
func (m *MemoryInbox) Dead(_ context.Context, provider string, limit int) ([]DeadLetter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var dead []DeadLetter
	for _, t := range m.threads {
		for _, e := range t.events {
			if e.status == eventDead && e.key.Provider == provider {
				dead = append(dead, DeadLetter{Key: e.key, Reason: e.reason, Attempts: e.attempts, Since: e.since, Payload: slices.Clone(e.payload)})
			}
		}
	}
	slices.SortFunc(dead, func(a, b DeadLetter) int { return a.Since.Compare(b.Since) })
	return dead[:min(max(limit, 0), len(dead))], nil
}

// Replay implements Queue.
func (m *MemoryInbox) Replay(_ context.Context, key Key) error {
	return m.letter(key, func(e *memoryEvent) {
		e.attempts = 0
		m.enqueue(e, m.cfg.Now())
	})
}

// Discard implements Queue.
func (m *MemoryInbox) Discard(_ context.Context, key Key) error {
	return m.letter(key, func(e *memoryEvent) { e.status, e.payload = eventDone, nil })
}

func (m *MemoryInbox) letter(key Key, change func(*memoryEvent)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.threads[thread{key.Provider, key.Reference}]
	if t == nil || t.events[key.ID] == nil || t.events[key.ID].status != eventDead {
		return ErrNoSuchLetter
	}
	change(t.events[key.ID])
	return nil
}

func (m *MemoryInbox) enqueue(e *memoryEvent, at time.Time) {
	m.puts++
	e.status, e.place = eventQueued, m.puts
	due := m.due[e.key.Provider]
	if due == nil {
		due = &dueEvents{}
		m.due[e.key.Provider] = due
	}
	heap.Push(due, dueEvent{at: at, place: m.puts, event: e})
}
