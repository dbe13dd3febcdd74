package sim

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
)

// A day can be made again because one stream holds its choices, actors take turns, and
// a story says what happened. This file holds the first two, and compares days.

// choices is the one stream that every choice of a day comes from: a generator, or
// the bytes of an earlier day. A byte of zero is always the calm choice, and so is
// a stream that has ended. The bytes that were used make the day again.
type choices struct {
	random *rand.Rand // nil for a day that is made again
	given  []byte
	used   []byte
}

func chosenBy(seed uint64) *choices {
	return &choices{random: rand.New(rand.NewPCG(seed, 0x6b617069))}
}

func chosenAs(bytes []byte) *choices { return &choices{given: bytes} }

// maxChoices ends a day that runs away: after it every choice is calm.
const maxChoices = 1 << 16

func (c *choices) next() byte {
	var b byte
	switch {
	case len(c.used) >= maxChoices:
		return 0
	case c.random != nil:
		b = byte(c.random.Uint32())
	case len(c.used) < len(c.given):
		b = c.given[len(c.used)]
	}
	c.used = append(c.used, b)
	return b
}

// choose returns a number below n, 256 at most. A lower byte never gives a higher
// number.
func (c *choices) choose(n int) int { return int(c.next()) * n / 256 }

// chance is true in parts of 256 cases. It takes no byte when it cannot be true.
func (c *choices) chance(parts int) bool {
	return parts > 0 && int(c.next()) >= 256-parts
}

// encode writes a day's choices for SIM_REPLAY, with a checksum.
func encode(bytes []byte) string {
	bytes = trimmed(bytes)
	return "r" + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(slices.Clone(bytes), crc32.ChecksumIEEE(bytes)))
}

func decode(text string) ([]byte, error) {
	text, ok := strings.CutPrefix(text, "r")
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if n := len(bytes) - crc32.Size; ok && err == nil && n >= 0 && binary.BigEndian.Uint32(bytes[n:]) == crc32.ChecksumIEEE(bytes[:n]) {
		return bytes[:n], nil
	}
	return nil, errors.New("sim: SIM_REPLAY is not what a failure printed, or is cut")
}

// shrink looks for a shorter and calmer day that fails in the same way. It deletes
// spans, zeroes them, and lowers single bytes, until nothing helps or more says that
// it is enough. fails makes a day and returns the bytes that it used.
func shrink(bytes []byte, fails func([]byte) (used []byte, same bool), more func() bool) []byte {
	best := append([]byte{}, bytes...)
	try := func(candidate []byte) bool {
		if !more() {
			return false
		}
		used, same := fails(candidate)
		if !same {
			return false
		}
		used = trimmed(used)
		if len(used) > len(candidate) {
			used = trimmed(candidate)
		}
		if !calmer(used, best) {
			return false
		}
		best = append([]byte{}, used...)
		return true
	}
	for improved := true; improved && more(); {
		improved = false
		for span := max(len(best)/2, 1); span >= 1 && more(); span /= 2 {
			for at := 0; at < len(best) && more(); {
				without := append(append([]byte{}, best[:at]...), best[min(at+span, len(best)):]...)
				zeroed := append([]byte{}, best...)
				clear(zeroed[at:min(at+span, len(zeroed))])
				if try(without) || calmer(zeroed, best) && try(zeroed) {
					improved = true
					continue
				}
				at += span
			}
		}
		for at := 0; at < len(best) && more(); at++ {
			for at < len(best) && best[at] > 0 {
				lower := append([]byte{}, best...)
				lower[at] /= 2
				if !try(lower) {
					break
				}
				improved = true
			}
		}
	}
	return best
}

func trimmed(bytes []byte) []byte {
	for len(bytes) > 0 && bytes[len(bytes)-1] == 0 {
		bytes = bytes[:len(bytes)-1]
	}
	return bytes
}

// calmer orders days: fewer choices that are not calm, then fewer choices, then
// lower ones.
func calmer(a, b []byte) bool {
	a, b = trimmed(a), trimmed(b)
	if x, y := loud(a), loud(b); x != y {
		return x < y
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	x, y := 0, 0
	for i := range a {
		x, y = x+int(a[i]), y+int(b[i])
	}
	return x < y
}

func loud(bytes []byte) (n int) {
	for _, b := range bytes {
		if b != 0 {
			n++
		}
	}
	return n
}

// turnstile has the actors of a day act one after the other. Each asks for a turn
// before it does something that another can notice. When all goroutines of the
// bubble stand still, the stream of choices picks who goes. So the order does not
// depend on Go's scheduler, and the same choices make the same day.
type turnstile struct {
	mu      sync.Mutex
	waiting []*turn
	count   int
	pick    func(n int) int
	heard   func(key string)
	asked   chan struct{} // somebody waits
	stop    chan struct{}
	stopped chan struct{}
	closed  bool
}

type turn struct {
	key    string
	number int
	goes   chan struct{}
}

// open starts the turnstile. It is the only one in the bubble that may call
// synctest.Wait.
func (t *turnstile) open(pick func(n int) int, heard func(key string)) {
	t.pick, t.heard = pick, heard
	t.asked, t.stop, t.stopped = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(t.stopped)
		for {
			select {
			case <-t.asked:
			case <-t.stop:
				return
			}
			for t.one() {
			}
		}
	}()
}

// one lets one of the waiting go, and reports whether somebody waited.
func (t *turnstile) one() bool {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return false
	}
	// Those with the same key are in the order in which they came.
	slices.SortStableFunc(t.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.number, b.number))
	})
	i := 0
	if len(t.waiting) > 1 {
		i = t.pick(min(len(t.waiting), 256))
	}
	next := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.heard(next.key)
	close(next.goes)
	return true
}

// wait returns when it is the caller's turn, or when done is closed.
func (t *turnstile) wait(key string, done ...<-chan struct{}) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.count++
	mine := &turn{key: key, number: t.count, goes: make(chan struct{})}
	t.waiting = append(t.waiting, mine)
	t.mu.Unlock()
	select {
	case t.asked <- struct{}{}:
	default:
	}
	var gone <-chan struct{}
	if len(done) > 0 {
		gone = done[0]
	}
	select {
	case <-mine.goes:
	case <-gone:
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting = slices.DeleteFunc(t.waiting, func(other *turn) bool { return other == mine })
	}
}

// close ends the turnstile. Who comes later goes at once.
func (t *turnstile) close() {
	close(t.stop)
	<-t.stopped
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, late := range t.waiting {
		close(late.goes)
	}
	t.waiting = nil
}

// fingerprint tells two days apart by all that happened in them.
func fingerprint(lines []line) uint64 {
	h := fnv.New64a()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return h.Sum64()
}

// difference shows where two days part.
func difference(a, b []line) string {
	for i := range max(len(a), len(b)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(a) {
			x = a[i].String()
		}
		if i < len(b) {
			y = b[i].String()
		}
		if x != y {
			return fmt.Sprintf("line %d:\n%s\n%s", i+1, x, y)
		}
	}
	return ""
}
