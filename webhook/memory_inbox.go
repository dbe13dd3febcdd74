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
	// Capacity is how many events are remembered; 0 is 100,000. When it is
	// reached, the reference untouched for longest is forgotten with its events.
	Capacity int
	// TTL is how long an untouched reference is remembered; 0 is 72 hours.
	TTL time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// MemoryInbox is an Inbox and Queue for one process. Use it for tests, and where
// your own records and a Reconciler can replace it. What it holds dies with the
// process: a callback acknowledged in background mode is then lost, and a
// duplicate is handed on again.
type MemoryInbox struct {
	cfg MemoryInboxConfig

	mu         sync.Mutex
	references map[referenceKey]*memoryReference
	order      *list.List // of *memoryReference, untouched for longest first
	events     int
	due        map[string]*dueEvents // by provider
	puts       uint64
	fences     int64 // shared by all references, so a reference forgotten and seen again repeats none
}

// referenceKey names the events of one reference, which are leased one at a time.
type referenceKey struct{ provider, reference string }

// memoryReference is the state of one reference, with its events.
type memoryReference struct {
	key     referenceKey
	state   string
	holder  string // the leased event's ID
	until   time.Time
	fence   int64
	events  map[string]*memoryEvent
	touched time.Time
	place   *list.Element
}

type memoryEvent struct {
	key      Key
	status   eventStatus // empty until it is queued, done or dead
	response Response
	reason   string
	payload  []byte
	attempts int
	since    time.Time
	place    uint64 // of its entry in due
}

type eventStatus string

const (
	eventQueued eventStatus = "queued"
	eventDone   eventStatus = "done"
	eventDead   eventStatus = "dead"
)

// NewMemoryInbox returns an empty inbox. Values below zero count as 0.
func NewMemoryInbox(cfg MemoryInboxConfig) *MemoryInbox {
	if cfg.Capacity <= 0 {
		cfg.Capacity = 100_000
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 72 * time.Hour
	}
	cfg.Now = orNow(cfg.Now)
	return &MemoryInbox{cfg: cfg, references: map[referenceKey]*memoryReference{}, order: list.New(), due: map[string]*dueEvents{}}
}

// Acquire implements Inbox.
func (m *MemoryInbox) Acquire(ctx context.Context, key Key, lease time.Duration) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Lease{}, err
	}
	return m.acquire(key, lease)
}

// Complete implements Inbox.
func (m *MemoryInbox) Complete(_ context.Context, l Lease, r Result) error {
	return m.finish(l, func(ref *memoryReference, e *memoryEvent) {
		e.status, e.response, e.payload = eventDone, r.Response, nil
		e.response.Body = slices.Clone(r.Response.Body)
		if r.State != "" {
			ref.state = r.State
		}
	})
}

// Release implements Inbox.
func (m *MemoryInbox) Release(_ context.Context, l Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ref, err := m.held(l)
	if err != nil {
		return nil
	}
	ref.free()
	if ref.state == "" && len(ref.events) == 0 {
		m.forget(ref) // so that a refused forgery takes no room
	}
	return nil
}

// Put implements Queue.
func (m *MemoryInbox) Put(ctx context.Context, key Key, payload []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	now := m.cfg.Now()
	ref, err := m.open(key, now)
	if err != nil {
		return false, err
	}
	if e := ref.events[key.ID]; e != nil && e.status != eventDead {
		return false, nil
	}
	e := m.event(ref, key)
	e.attempts, e.payload = 0, slices.Clone(payload)
	m.enqueue(e, now)
	m.touch(ref, now)
	return true, nil
}

// Take implements Queue.
func (m *MemoryInbox) Take(ctx context.Context, provider string, lease time.Duration) (Lease, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Lease{}, false, err
	}
	now := m.cfg.Now()
	due := m.due[provider]
	if due == nil {
		return Lease{}, false, nil
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
			continue // finished, or queued again since
		}
		ref := m.references[referenceKey{e.key.Provider, e.key.Reference}]
		if ref.leased(now) {
			later = append(later, d)
			continue
		}
		l, err := m.acquire(e.key, lease)
		if err != nil || l.Status != LeaseGranted {
			later = append(later, d)
			return Lease{}, false, err
		}
		e.attempts++
		// The event is due again when the lease ends, in case its worker dies.
		m.enqueue(e, ref.until)
		l.Payload, l.Attempts = slices.Clone(e.payload), e.attempts
		return l, true, nil
	}
	return Lease{}, false, nil
}

// Retry implements Queue.
func (m *MemoryInbox) Retry(_ context.Context, l Lease, delay time.Duration, reason string) error {
	return m.finish(l, func(_ *memoryReference, e *memoryEvent) {
		e.reason = shorten(reason)
		m.enqueue(e, m.cfg.Now().Add(delay))
	})
}

// Bury implements Queue.
func (m *MemoryInbox) Bury(_ context.Context, l Lease, reason string, payload []byte) error {
	return m.finish(l, func(_ *memoryReference, e *memoryEvent) {
		e.status, e.reason, e.since, e.payload = eventDead, shorten(reason), m.cfg.Now(), slices.Clone(payload)
	})
}

// Dead implements Queue.
func (m *MemoryInbox) Dead(_ context.Context, provider string, limit int) ([]DeadLetter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var dead []DeadLetter
	for _, ref := range m.references {
		for _, e := range ref.events {
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

func (m *MemoryInbox) acquire(key Key, lease time.Duration) (Lease, error) {
	now := m.cfg.Now()
	ref, err := m.open(key, now)
	if err != nil {
		return Lease{}, err
	}
	if e := ref.events[key.ID]; e != nil && e.status == eventDone {
		return Lease{Key: key, Status: LeaseDone, State: ref.state, Response: e.response}, nil
	}
	if ref.leased(now) {
		return Lease{Key: key, Status: LeaseInFlight, State: ref.state, Same: ref.holder == key.ID}, nil
	}
	m.fences++
	ref.holder, ref.until, ref.fence = key.ID, now.Add(lease), m.fences
	m.touch(ref, now)
	return Lease{Key: key, Status: LeaseGranted, State: ref.state, Fence: ref.fence}, nil
}

// finish changes a leased event and frees its reference.
func (m *MemoryInbox) finish(l Lease, change func(*memoryReference, *memoryEvent)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ref, err := m.held(l)
	if err != nil {
		return err
	}
	change(ref, m.event(ref, l.Key))
	ref.free()
	return nil
}

func (m *MemoryInbox) held(l Lease) (*memoryReference, error) {
	ref := m.references[referenceKey{l.Provider, l.Reference}]
	if ref == nil || ref.fence != l.Fence || ref.holder != l.ID {
		return nil, ErrLeaseLost
	}
	return ref, nil
}

// open returns the state of an event's reference, with room for the event.
func (m *MemoryInbox) open(key Key, now time.Time) (*memoryReference, error) {
	m.expire(now)
	name := referenceKey{key.Provider, key.Reference}
	if ref := m.references[name]; ref != nil && ref.events[key.ID] != nil {
		return ref, nil
	}
	if err := m.room(now); err != nil {
		return nil, err
	}
	ref := m.references[name]
	if ref == nil {
		ref = &memoryReference{key: name, events: map[string]*memoryEvent{}, touched: now}
		ref.place = m.order.PushBack(ref)
		m.references[name] = ref
	}
	return ref, nil
}

func (m *MemoryInbox) event(ref *memoryReference, key Key) *memoryEvent {
	e := ref.events[key.ID]
	if e == nil {
		e = &memoryEvent{key: key}
		ref.events[key.ID] = e
		m.events++
	}
	return e
}

func (m *MemoryInbox) letter(key Key, change func(*memoryEvent)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ref := m.references[referenceKey{key.Provider, key.Reference}]
	if ref == nil || ref.events[key.ID] == nil || ref.events[key.ID].status != eventDead {
		return ErrNoSuchLetter
	}
	change(ref.events[key.ID])
	return nil
}

func (m *MemoryInbox) touch(ref *memoryReference, now time.Time) {
	ref.touched = now
	m.order.MoveToBack(ref.place)
}

func (m *MemoryInbox) forget(ref *memoryReference) {
	m.events -= len(ref.events)
	m.order.Remove(ref.place)
	delete(m.references, ref.key)
}

func (m *MemoryInbox) expire(now time.Time) {
	for {
		front := m.order.Front()
		if front == nil || now.Sub(front.Value.(*memoryReference).touched) < m.cfg.TTL {
			return
		}
		m.discard(front, now)
	}
}

// room makes room for one more event.
func (m *MemoryInbox) room(now time.Time) error {
	for tries := m.order.Len(); max(m.events, m.order.Len()) >= m.cfg.Capacity; tries-- {
		if tries == 0 {
			return ErrInboxFull
		}
		m.discard(m.order.Front(), now)
	}
	return nil
}

// discard forgets an idle reference and keeps any other for another TTL.
func (m *MemoryInbox) discard(place *list.Element, now time.Time) {
	ref := place.Value.(*memoryReference)
	if ref.idle(now) {
		m.forget(ref)
		return
	}
	m.touch(ref, now)
}

func (r *memoryReference) leased(now time.Time) bool { return now.Before(r.until) }

func (r *memoryReference) free() { r.holder, r.until = "", time.Time{} }

// idle reports whether nobody works on the reference and no event waits, so that
// it may be forgotten.
func (r *memoryReference) idle(now time.Time) bool {
	if r.leased(now) {
		return false
	}
	for _, e := range r.events {
		if e.status != eventDone {
			return false
		}
	}
	return true
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

// dueEvents is a heap of queued events: earliest first, then in order of arrival.
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
