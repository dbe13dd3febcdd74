package webhook

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// MemoryInboxConfig sets the bounds of a MemoryInbox.
type MemoryInboxConfig struct {
	// Capacity is how many events are remembered; 0 is 100,000. Beyond it the
	// reference untouched for longest is forgotten with its events.
	Capacity int
	// TTL is how long an untouched reference is remembered; 0 is 72 hours.
	TTL time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// MemoryInbox is an Inbox and Queue for one process. What it holds dies with
// the process: a callback acknowledged in background mode is then lost, and
// duplicates are new again. Use it for tests, and where a Reconciler and the
// merchant's own records make that harmless.
type MemoryInbox struct {
	cfg MemoryInboxConfig

	mu      sync.Mutex
	threads map[thread]*memoryThread
	order   *list.List // of *memoryThread, untouched for longest first
	events  int
	due     map[string]*dueEvents // by provider
	puts    uint64
	fences  int64 // of all threads: one forgotten and opened again repeats none
}

// NewMemoryInbox returns an empty inbox. Values below zero count as 0.
func NewMemoryInbox(cfg MemoryInboxConfig) *MemoryInbox {
	if cfg.Capacity <= 0 {
		cfg.Capacity = 100_000
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 72 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &MemoryInbox{cfg: cfg, threads: map[thread]*memoryThread{}, order: list.New(), due: map[string]*dueEvents{}}
}

// Claim implements Inbox.
func (m *MemoryInbox) Claim(ctx context.Context, key Key, lease time.Duration) (Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Claim{}, err
	}
	return m.claim(key, lease)
}

func (m *MemoryInbox) claim(key Key, lease time.Duration) (Claim, error) {
	now := m.cfg.Now()
	t, err := m.open(key, now)
	if err != nil {
		return Claim{}, err
	}
	if e := t.events[key.ID]; e != nil && e.status == eventDone {
		return Claim{Key: key, Status: ClaimDone, State: t.state, Answer: e.answer}, nil
	}
	if t.leased(now) {
		return Claim{Key: key, Status: ClaimInFlight, State: t.state, Same: t.holder == key.ID}, nil
	}
	m.fences++
	t.holder, t.until, t.fence = key.ID, now.Add(lease), m.fences
	m.touch(t, now)
	return Claim{Key: key, Status: ClaimNew, State: t.state, Fence: t.fence}, nil
}

// Complete implements Inbox.
func (m *MemoryInbox) Complete(_ context.Context, c Claim, r Result) error {
	return m.settle(c, func(t *memoryThread, e *memoryEvent) {
		e.status, e.answer, e.payload = eventDone, r.Answer, nil
		e.answer.Body = slices.Clone(r.Answer.Body)
		if r.State != "" {
			t.state = r.State
		}
	})
}

// Release implements Inbox.
func (m *MemoryInbox) Release(_ context.Context, c Claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, err := m.held(c)
	if err != nil {
		return nil
	}
	t.free()
	if t.state == "" && len(t.events) == 0 {
		// A forgery that came to nothing leaves nothing.
		m.forget(t)
	}
	return nil
}

// settle decides what becomes of a claimed event and frees its thread.
func (m *MemoryInbox) settle(c Claim, change func(*memoryThread, *memoryEvent)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, err := m.held(c)
	if err != nil {
		return err
	}
	change(t, m.event(t, c.Key))
	t.free()
	return nil
}

func (m *MemoryInbox) held(c Claim) (*memoryThread, error) {
	t := m.threads[thread{c.Provider, c.Reference}]
	if t == nil || t.fence != c.Fence || t.holder != c.ID {
		return nil, ErrLeaseLost
	}
	return t, nil
}

// open finds the thread of an event, or makes one, with room for the event.
func (m *MemoryInbox) open(key Key, now time.Time) (*memoryThread, error) {
	m.expire(now)
	name := thread{key.Provider, key.Reference}
	if t := m.threads[name]; t != nil && t.events[key.ID] != nil {
		return t, nil
	}
	if err := m.room(now); err != nil {
		return nil, err
	}
	t := m.threads[name]
	if t == nil {
		t = &memoryThread{thread: name, events: map[string]*memoryEvent{}, touched: now}
		t.place = m.order.PushBack(t)
		m.threads[name] = t
	}
	return t, nil
}

func (m *MemoryInbox) event(t *memoryThread, key Key) *memoryEvent {
	e := t.events[key.ID]
	if e == nil {
		e = &memoryEvent{key: key}
		t.events[key.ID] = e
		m.events++
	}
	return e
}

func (m *MemoryInbox) touch(t *memoryThread, now time.Time) {
	t.touched = now
	m.order.MoveToBack(t.place)
}

func (m *MemoryInbox) forget(t *memoryThread) {
	m.events -= len(t.events)
	m.order.Remove(t.place)
	delete(m.threads, t.thread)
}

func (m *MemoryInbox) expire(now time.Time) {
	for {
		front := m.order.Front()
		if front == nil || now.Sub(front.Value.(*memoryThread).touched) < m.cfg.TTL {
			return
		}
		m.discard(front, now)
	}
}

// room makes place for one more event.
func (m *MemoryInbox) room(now time.Time) error {
	for tries := m.order.Len(); max(m.events, m.order.Len()) >= m.cfg.Capacity; tries-- {
		if tries == 0 {
			return ErrInboxFull
		}
		m.discard(m.order.Front(), now)
	}
	return nil
}

// discard forgets an idle thread and puts off any other.
func (m *MemoryInbox) discard(place *list.Element, now time.Time) {
	t := place.Value.(*memoryThread)
	if t.idle(now) {
		m.forget(t)
		return
	}
	m.touch(t, now)
}
