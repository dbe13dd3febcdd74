package webhook

import (
	"container/list"
	"time"
)

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
