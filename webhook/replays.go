package webhook

import (
	"sync"
	"time"
)

// replays remembers which signatures were used, by their first 128 bits, for a
// while and up to a number.
// Only genuine signatures enter, so a stranger cannot push one out.
type replays struct {
	mu   sync.Mutex
	ttl  time.Duration
	now  func() time.Time
	seen map[[16]byte]uint64 // mark to its place in the order of arrival
	ring []replay            // grows up to maxReplays, then the oldest goes
	from uint64              // oldest place still in the ring
	next uint64
}

type replay struct {
	mark [16]byte
	till time.Time
}

const maxReplays = 1 << 16

func newReplays(ttl time.Duration, now func() time.Time) *replays {
	return &replays{ttl: ttl, now: now, seen: map[[16]byte]uint64{}}
}

// add reports whether the mark is new.
func (r *replays) add(mark [16]byte) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.from < r.next && !now.Before(r.at(r.from).till) {
		r.drop()
	}
	if _, used := r.seen[mark]; used {
		return false
	}
	if r.next-r.from == maxReplays {
		r.drop()
	}
	if r.next < maxReplays && int(r.next) == len(r.ring) {
		r.ring = append(r.ring, replay{})
	}
	r.seen[mark] = r.next
	*r.at(r.next) = replay{mark, now.Add(r.ttl)}
	r.next++
	return true
}

func (r *replays) forget(mark [16]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, mark)
}

func (r *replays) at(place uint64) *replay { return &r.ring[place%maxReplays] }

// drop forgets the oldest, unless its mark was forgotten and added again since.
func (r *replays) drop() {
	if old := r.at(r.from); r.seen[old.mark] == r.from {
		delete(r.seen, old.mark)
	}
	r.from++
}
