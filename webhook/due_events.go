package webhook

import "time"

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
