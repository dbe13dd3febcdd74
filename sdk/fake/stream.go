package fake

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pause is how long, in real time, the stream of events waits for more after a
// change, so that a burst costs few messages.
const pause = 100 * time.Millisecond

// maxBurst bounds the records of one message, as maxList does its bytes. A client that
// is further behind reads the timeline anew.
const maxBurst = 200

// heartbeat is the longest silence of the stream, in real time. A page that hears nothing
// for much longer knows that its connection is dead.
const heartbeat = 5 * time.Second

const eventsPath = "/_fake/events"

// adminEvents streams the timeline as server-sent events. Each message has an id.
// A client that comes back with that id as Last-Event-ID gets what it has missed,
// or the event "reset" if the World has forgotten or replaced it. While nothing happens
// a ping comes at each heartbeat.
func (w *World) adminEvents(rw http.ResponseWriter, r *http.Request) {
	stream := http.NewResponseController(rw)
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(http.StatusOK)
	w.Lock()
	epoch, version := w.timeline.epoch, w.timeline.version
	w.Unlock()
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last")
	}
	if last != "" {
		then, text, _ := strings.Cut(last, ".")
		n, err := strconv.Atoi(text)
		if err != nil || then != epoch || n > version {
			epoch = "" // not ours: the first message is a reset
		} else {
			version = n
		}
	}
	first := true
	for {
		name, id, data, changed := w.nextEvents(&epoch, &version, first)
		if data != nil {
			if _, err := fmt.Fprintf(rw, "event: %s\nid: %s\ndata: %s\n\n", name, id, data); err != nil || stream.Flush() != nil {
				return
			}
		}
		first = false
		select {
		case <-changed:
		case <-time.After(heartbeat):
			if _, err := io.WriteString(rw, "event: ping\ndata: {}\n\n"); err != nil || stream.Flush() != nil {
				return
			}
			continue
		case <-r.Context().Done():
			return
		case <-w.closed:
			return
		}
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
			return
		case <-w.closed:
			return
		}
	}
}

// streamMessage is the data of the events "records" and "reset".
type streamMessage struct {
	Records   elementsOf[Record] `json:"records"` // as the timeline lists them
	Clock     clockView          `json:"clock"`
	Total     int                `json:"total"`     // records of the timeline
	Heartbeat float64            `json:"heartbeat"` // seconds of silence at most
}

// nextEvents makes the next message of a stream, or nil data if nothing has
// happened. changed is closed when something happens later.
func (w *World) nextEvents(epoch *string, version *int, always bool) (name, id string, data []byte, changed <-chan struct{}) {
	w.Lock()
	defer w.Unlock()
	t := &w.timeline
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	name = "records"
	records, size := elementsOf[Record]{}, 0
	if *epoch != t.epoch {
		name, *version = "reset", t.version
	} else {
		for i := len(t.records) - 1; i >= 0; i-- {
			if r := t.records[i]; r.version > *version {
				shown := t.about(*r)
				records = append(records, pageElement(shown, shown.whole()))
				size += len(records[len(records)-1])
			}
			if len(records) > maxBurst || size > maxList {
				name, records = "reset", elementsOf[Record]{}
				break
			}
		}
	}
	news := *version != t.version || *epoch != t.epoch || always
	*epoch, *version = t.epoch, t.version
	if !news {
		return "", "", nil, t.changed
	}
	data = Encode(streamMessage{records, w.clockView(), t.dropped + len(t.records), heartbeat.Seconds()})
	return name, t.epoch + "." + strconv.Itoa(t.version), data, t.changed
}

// clockView is the response of the clock's calls.
type clockView struct {
	Now     time.Time  `json:"now"`
	Mode    string     `json:"mode"`
	Speed   float64    `json:"speed"`
	Due     int        `json:"due"` // events that wait for the clock
	Next    *time.Time `json:"next,omitempty"`
	Waiting int        `json:"waiting"` // requests that a delay holds back
}

func (w *World) clockView() clockView {
	v := clockView{Now: w.Now(), Mode: "manual", Speed: w.opts.Speed, Due: len(w.queue.events), Waiting: w.sleeping}
	if w.opts.RealTime {
		v.Mode = "real"
	}
	if v.Due > 0 {
		next := w.queue.events[0].At
		v.Next = &next
	}
	return v
}
