package sim

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
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

const (
	storyLines = 24
	broken     = "BROKEN" // who says that a promise is broken

	// what a provider's ledger did
	hasTaken   = "has taken "
	takesMoney = "takes the money of "
)

// ledger reports what a story must not leave out.
func (l line) ledger() bool {
	return strings.HasPrefix(l.text, hasTaken) || strings.HasPrefix(l.text, takesMoney)
}

// scene is a line of a story, and how often it came.
type scene struct {
	line
	times int
	last  time.Duration
}

func (t scene) String() string {
	text := t.line.String()
	if cut, _, more := strings.Cut(text, "\n"); more {
		text = cut + " ..."
	}
	text = text[:min(len(text), 180)]
	if t.times > 1 {
		text += fmt.Sprintf(" (%d times, until %.3f)", t.times, t.last.Seconds())
	}
	return text + "\n"
}

const (
	cycle = 6 // of how many lines a repetition may consist
	final = 4 // lines before the first broken promise that a story keeps
)

// collapsed are the loud lines, without what is there again: the lives of a process are
// the same. What a ledger did is never a repetition, nor does one go on across it.
func collapsed(lines []line) (list []scene) {
	began := 0
	for _, l := range lines {
		if !l.loud {
			continue
		}
		if l.who == broken || l.ledger() {
			list = append(list, scene{l, 1, l.at})
			began = len(list)
			continue
		}
		recent := list[max(began, len(list)-cycle):]
		i := slices.IndexFunc(recent, func(t scene) bool { return t.text == l.text && anyLife(t.who) == anyLife(l.who) })
		if i < 0 {
			list = append(list, scene{l, 1, l.at})
			continue
		}
		recent[i].times, recent[i].last = recent[i].times+1, l.at
	}
	return list
}

// anyLife is an actor, whichever life of its process it belongs to.
func anyLife(who string) string { return lifeNumber.ReplaceAllString(who, "") }

var lifeNumber = regexp.MustCompile(`#[0-9]+`)

// story is the day for people: what went wrong and what came of it. Of a long day it
// shows, as far as there is room: some of what is broken, what came just before, what the
// ledgers did with what the broken promise names, what they did otherwise, other lines
// about those names, and what is next to all that.
func story(lines []line, most int) string {
	all := collapsed(lines)
	names, first := map[string]bool{}, len(all)
	for i, t := range all {
		if t.who != broken {
			continue
		}
		first = min(first, i)
		for _, word := range words(t.text) {
			names[word] = strings.ContainsAny(word, "0123456789") && strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyz")
		}
	}
	var ranks [5][]int
	for i, t := range all {
		about := slices.ContainsFunc(words(t.text), func(word string) bool { return names[word] })
		switch {
		case t.who == broken:
			ranks[0] = append(ranks[0], i)
		case about && t.ledger():
			ranks[1] = append(ranks[1], i)
		case i < first && i >= first-final && first < len(all):
			ranks[2] = append(ranks[2], i)
		case t.ledger():
			ranks[3] = append(ranks[3], i)
		case about:
			ranks[4] = append(ranks[4], i)
		}
	}
	shown := map[int]bool{}
	show := func(list []int) {
		for _, i := range list {
			shown[i] = true
		}
	}
	show(ends(ranks[0], most/4)) // one fault may break a promise to each of many calls
	show(ranks[2])
	show(ends(ranks[1], most-len(shown)))
	show(nearest(ranks[3], ranks[1], (most-len(shown)+1)/2))
	show(ends(ranks[4], most-len(shown)))
	var about, others []int
	for i, t := range all {
		switch {
		case !shown[i]:
			others = append(others, i)
		case t.ledger(), slices.Contains(ranks[4], i):
			about = append(about, i)
		}
	}
	show(nearest(others, about, most-len(shown)))
	var b strings.Builder
	left := 0
	for i := range len(all) + 1 {
		switch {
		case i < len(all) && !shown[i]:
			left++
			continue
		case left > 0:
			fmt.Fprintf(&b, "            ... %d more\n", left)
		}
		if left = 0; i < len(all) {
			b.WriteString(all[i].String())
		}
	}
	return b.String()
}

// nearest are those of a list that are next to what a story is about. A cause comes before
// what it leads to. If the story is about nothing, they are the first and the last.
func nearest(list, about []int, most int) []int {
	if len(about) == 0 {
		return ends(list, most)
	}
	far := func(i int) int {
		far := math.MaxInt
		for _, j := range about {
			if i < j {
				far = min(far, j-i)
			} else {
				far = min(far, 2*(i-j))
			}
		}
		return far
	}
	sorted := slices.SortedStableFunc(slices.Values(list), func(a, b int) int { return cmp.Compare(far(a), far(b)) })
	return sorted[:min(len(sorted), max(most, 0))]
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" :;,\"()\n", r) })
}

// ends leaves out the middle of a list.
func ends(list []int, most int) []int {
	if most = max(most, 0); len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most-most/2]), list[len(list)-most/2:]...)
}
