package webhook

import (
	"container/heap"
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

type eventStatus string

const (
	eventQueued eventStatus = "queued"
	eventDone   eventStatus = "done"
	eventDead   eventStatus = "dead"
)

// thread names the events of one reference, which go one after the other.
type thread struct{ provider, reference string }

type memoryThread struct {
	thread  thread
	state   string
	holder  string
	until   time.Time
	fence   int64
	events  map[string]*memoryEvent
	touched time.Time
	place   *list.Element
}

type memoryEvent struct {
	key      Key
	status   eventStatus // empty until it is queued, done or dead
	answer   Answer
	reason   string
	payload  []byte
	attempts int
	since    time.Time
	place    uint64 // of its entry in due
}

func (t *memoryThread) leased(now time.Time) bool { return now.Before(t.until) }

func (t *memoryThread) free() { t.holder, t.until = "", time.Time{} }

// idle threads may be forgotten: nobody works on them and nothing waits.
func (t *memoryThread) idle(now time.Time) bool {
	if t.leased(now) {
		return false
	}
	for _, e := range t.events {
		if e.status != eventDone {
			return false
		}
	}
	return true
}

// dueEvents is a heap of queued events, earliest first, then in order of arrival.
type dueEvents []dueEvent

type dueEvent struct {
	at    time.Time
	place uint64
	event *memoryEvent
}

func (d dueEvents) Len() int { return len(d) }

func (d dueEvents) Less(i, j int) bool {
	if d[i].at.Equal(d[j].at) {
		return d[i].place < d[j].place
	}
	return d[i].at.Before(d[j].at)
}

func (d dueEvents) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

func (d *dueEvents) Push(x any) { *d = append(*d, x.(dueEvent)) }

func (d *dueEvents) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = dueEvent{}
	*d = old[:len(old)-1]
	return last
}
