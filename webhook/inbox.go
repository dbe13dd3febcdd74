package webhook

import (
	"container/list"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"slices"
	"sync"
	"time"
)

// Inbox remembers what was applied last to each reference. MemoryInbox and SQLInbox
// are inboxes. Handlers of different providers can share one, and so can handlers of
// different accounts of one provider, if Config.Account tells them apart.
type Inbox interface {
	// Do calls work with the record of a reference, one call at a time for each
	// reference, and in the order in which they came within a process. It stores the
	// record that work returns. If work fails, Do stores nothing and returns its error.
	// If another call holds the reference for longer than claim.Wait, Do returns
	// ErrBusy. tx is the transaction of a SQLInbox, and otherwise nil. Do may roll back
	// and call work again.
	Do(ctx context.Context, claim Claim, work Work) error
}

// Work is what Inbox.Do calls.
type Work func(ctx context.Context, tx *sql.Tx, known Record) (Record, error)

// Claim says what an Inbox is to work on.
type Claim struct {
	// Provider is Source.Provider, with more behind it where the references of one
	// provider may be equal: the kind of Kotani's transactions, and Config.Account.
	Provider, Reference string
	// First is what work returns for a reference without a record.
	First Record
	// From are the states of a record after which work returns First.State. Seen is then
	// the record's Seen. If that lacks First.Seen, work appends First.Seen. An Inbox may
	// store this result before it calls work. From is empty if nobody can tell the result.
	From []string
	// Wait bounds the waiting for others, and Timeout all of it.
	Wait, Timeout time.Duration
}

// Record is what an Inbox keeps about a reference.
type Record struct {
	State string // the last status
	Seen  string // the signed deliveries that were applied, by their marks
}

const (
	markBytes = 16  // of a mark, as text
	maxMarks  = 128 // in a record
)

// mark names a signed delivery in a Record; empty for all others.
func (e Event[E]) mark() string {
	if e.ID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(e.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:markBytes*3/4])
}

func (r Record) has(mark string) bool {
	for seen := r.Seen; mark != "" && len(seen) >= markBytes; seen = seen[markBytes:] {
		if seen[:markBytes] == mark {
			return true
		}
	}
	return false
}

func (r Record) with(mark string) Record {
	r.Seen += mark
	r.Seen = r.Seen[max(0, len(r.Seen)-markBytes*maxMarks):]
	return r
}

// MemoryInboxConfig sets the bounds of a MemoryInbox.
type MemoryInboxConfig struct {
	// Capacity is how many references are remembered; 0 is 100,000. Beyond it, the
	// reference untouched for longest is forgotten. Each event touches its reference, a
	// duplicate too.
	Capacity int
	// TTL is how long an untouched reference is remembered; 0 is 72 hours.
	TTL time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// MemoryInbox is an Inbox for one process. Use it for tests, and where your own
// records and a Reconciler can replace it. What it holds dies with the process: a
// duplicate is then handed on again. Only what was confirmed or signed takes room.
type MemoryInbox struct {
	cfg MemoryInboxConfig
	locks

	mu      sync.Mutex
	records map[lockKey]*list.Element
	order   list.List // of *memoryRecord, untouched for longest first
}

type memoryRecord struct {
	key lockKey
	Record
	touched time.Time
}

// NewMemoryInbox returns an empty inbox. Values below zero count as 0.
func NewMemoryInbox(cfg MemoryInboxConfig) *MemoryInbox {
	if cfg.Capacity <= 0 {
		cfg.Capacity = 100_000
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 72 * time.Hour
	}
	cfg.Now = orNow(cfg.Now)
	return &MemoryInbox{cfg: cfg, records: map[lockKey]*list.Element{}}
}

// Do implements Inbox.
func (m *MemoryInbox) Do(ctx context.Context, claim Claim, work Work) error {
	key := lockKey{claim.Provider, claim.Reference}
	if err := m.lock(ctx, key, claim.Wait); err != nil {
		return err
	}
	defer m.unlock(key)
	known := m.read(key)
	next, err := work(ctx, nil, known)
	if err == nil && next != known {
		m.write(key, next)
	}
	return err
}

func (m *MemoryInbox) read(key lockKey) Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(m.cfg.Capacity)
	place := m.records[key]
	if place == nil {
		return Record{}
	}
	return m.touch(place).Record
}

// touch makes the record the last one to be forgotten.
func (m *MemoryInbox) touch(place *list.Element) *memoryRecord {
	record := place.Value.(*memoryRecord)
	record.touched = m.cfg.Now()
	m.order.MoveToBack(place)
	return record
}

func (m *MemoryInbox) write(key lockKey, r Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	place := m.records[key]
	if place == nil {
		m.expire(m.cfg.Capacity - 1)
		place = m.order.PushBack(&memoryRecord{key: key})
		m.records[key] = place
	}
	m.touch(place).Record = r
}

// expire forgets what is too old or too much.
func (m *MemoryInbox) expire(room int) {
	for front := m.order.Front(); front != nil; front = m.order.Front() {
		record := front.Value.(*memoryRecord)
		if m.order.Len() <= room && m.cfg.Now().Sub(record.touched) < m.cfg.TTL {
			return
		}
		m.order.Remove(front)
		delete(m.records, record.key)
	}
}

// locks lets one caller at a time work on a reference, in order of arrival.
type locks struct {
	guard sync.Mutex
	held  map[lockKey][]chan struct{} // who waits for a key that is held
}

type lockKey struct{ provider, reference string }

func (l *locks) lock(ctx context.Context, key lockKey, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.guard.Lock()
	if l.held == nil {
		l.held = map[lockKey][]chan struct{}{}
	}
	waiting, held := l.held[key]
	if !held {
		l.held[key] = nil
		l.guard.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.held[key] = append(waiting, turn)
	l.guard.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	l.guard.Lock()
	at := slices.Index(l.held[key], turn)
	if at >= 0 {
		l.held[key] = slices.Delete(l.held[key], at, at+1)
	}
	l.guard.Unlock()
	if at < 0 {
		l.unlock(key) // the turn came just now
	}
	return ErrBusy
}

func (l *locks) unlock(key lockKey) {
	l.guard.Lock()
	defer l.guard.Unlock()
	waiting := l.held[key]
	if len(waiting) == 0 {
		delete(l.held, key)
		return
	}
	l.held[key] = waiting[1:]
	close(waiting[0])
}
