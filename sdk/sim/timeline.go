package sim

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// line is one thing that happened.
type line struct {
	at   time.Duration
	who  string
	text string
	loud bool // for people; the others are for comparing two days
}

func (l line) String() string {
	return fmt.Sprintf("%10.3f  %-22s %s", l.at.Seconds(), l.who, l.text)
}

func (w *World) note(who string, loud bool, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line{w.sinceLocked(), who, fmt.Sprintf(format, args...), loud})
}

func (w *World) fault(f Fault, who, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faultLocked(f, who, text)
}

func (w *World) faultLocked(f Fault, who, text string) {
	w.report.Faults[f]++
	w.lines = append(w.lines, line{w.sinceLocked(), who, text, true})
}

const storyLines = 24

// story is the day for people: what went wrong and what came of it. Of a long day it
// leaves out the middle.
func story(lines []line, most int) string {
	var loud []line
	for _, l := range lines {
		if l.loud {
			loud = append(loud, l)
		}
	}
	var b strings.Builder
	for i, l := range loud {
		if len(loud) > most && i == most/2 {
			fmt.Fprintf(&b, "            ... %d more\n", len(loud)-most)
		}
		if len(loud) > most && i >= most/2 && i < len(loud)-most/2 {
			continue
		}
		text := l.String()
		if cut, _, more := strings.Cut(text, "\n"); more {
			text = cut + " ..."
		}
		b.WriteString(text[:min(len(text), 180)] + "\n")
	}
	return b.String()
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
