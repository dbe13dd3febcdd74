package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	snapshotFormat  = "kapiten-go fake"
	snapshotVersion = 1
)

// snapshot is the document of Snapshot and Restore. Its JSON names keep the words
// of version 1.
type snapshot struct {
	Format         string                     `json:"format"`
	Version        int                        `json:"version"`
	Now            time.Time                  `json:"now"`
	IDs            map[string][]byte          `json:"ids"`
	Events         []Event                    `json:"events"` // in the order in which they are due
	Faults         []*Fault                   `json:"faults"`
	FaultCount     int                        `json:"fault_count"`
	CallbackFaults []*CallbackFault           `json:"disturbances"`
	DeliveryCount  int                        `json:"delivery_count"`
	Deliveries     []savedDelivery            `json:"deliveries"`
	Providers      map[string]json.RawMessage `json:"providers"`
}

type savedDelivery struct {
	Delivery
	Scheduled int `json:"scheduled"`
}

// Snapshot returns the whole state; see Control.Snapshot. It waits for callbacks
// in flight, a minute at most. Restore sends a callback again that was still in
// flight after that minute.
func (w *World) Snapshot() ([]byte, error) { return w.snapshot(true) }

// snapshot leaves live tokens out unless secrets are asked for.
func (w *World) snapshot(secrets bool) ([]byte, error) {
	w.flush()
	w.Lock()
	defer w.Unlock()
	s := snapshot{
		Format:         snapshotFormat,
		Version:        snapshotVersion,
		Now:            w.Now(),
		IDs:            map[string][]byte{},
		Events:         w.queue.pending(),
		Faults:         w.faults,
		FaultCount:     w.faultCount,
		CallbackFaults: w.callbackFaults,
		DeliveryCount:  w.dispatcher.count,
		Providers:      map[string]json.RawMessage{},
	}
	for name, ids := range w.ids {
		state, err := ids.source.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("fake: snapshot: ids of %s: %w", name, err)
		}
		s.IDs[name] = state
	}
	for _, d := range w.dispatcher.deliveries {
		s.Deliveries = append(s.Deliveries, savedDelivery{Delivery: d.Delivery, Scheduled: d.scheduled})
	}
	for _, c := range w.providers {
		whole := c.provider.State
		if !secrets && c.provider.Redacted != nil {
			whole = c.provider.Redacted
		}
		state, err := json.Marshal(whole())
		if err != nil {
			return nil, fmt.Errorf("fake: snapshot: state of %s: %w", c.provider.Name, err)
		}
		s.Providers[c.provider.Name] = state
	}
	return json.Marshal(s)
}

// pending are the events that a snapshot holds, in order.
func (q *queue) pending() []Event {
	sorted := queue{events: slices.Clone(q.events)}
	slices.SortFunc(sorted.events, func(a, b event) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.sequence < b.sequence {
			return -1
		}
		return 1
	})
	events := []Event{}
	for _, e := range sorted.events {
		if e.wake == nil {
			events = append(events, e.Event)
		}
	}
	return events
}

// Restore puts the World into the state of a snapshot, or refuses the snapshot
// and changes nothing; see Control.Restore.
func (w *World) Restore(document []byte) error {
	var s snapshot
	if err := json.Unmarshal(document, &s); err != nil {
		return fmt.Errorf("fake: snapshot: %w", err)
	}
	w.Lock()
	defer w.Unlock()
	if err := w.checkSnapshot(s); err != nil {
		return fmt.Errorf("fake: snapshot: %w", err)
	}
	var apply []func()
	for _, c := range w.providers {
		a, err := c.provider.Load(s.Providers[c.provider.Name])
		if err != nil {
			return fmt.Errorf("fake: snapshot: state of %s: %w", c.provider.Name, err)
		}
		apply = append(apply, a)
	}

	w.drop()
	w.clock.set(s.Now)
	for name, state := range s.IDs {
		_ = w.IDs(name).source.UnmarshalBinary(state) // checked above
	}
	w.faults, w.callbackFaults, w.spent, w.spentDropped = s.Faults, s.CallbackFaults, nil, 0
	w.faultCount = max(s.FaultCount, 0)
	for _, f := range w.faults {
		if f.ID == "" { // of a snapshot without ids
			w.faultCount++
			f.ID = faultID(w.faultCount)
		}
	}
	for _, a := range apply {
		a()
	}
	w.timeline.begin(w.timeline.size, time.Now())
	for _, c := range w.providers {
		w.watch(c)
		w.learn(c)
	}
	w.restoreDeliveries(s)
	for _, e := range s.Events {
		w.schedule(event{Event: e})
	}
	w.arm()
	return nil
}

func (w *World) checkSnapshot(s snapshot) error {
	if s.Format != snapshotFormat {
		return errors.New("not a snapshot of these fakes")
	}
	if s.Version != snapshotVersion {
		return fmt.Errorf("version %d is not supported, only %d", s.Version, snapshotVersion)
	}
	if len(s.Providers) != len(w.providers) {
		return errors.New("holds other providers than this World")
	}
	for _, c := range w.providers {
		if s.Providers[c.provider.Name] == nil {
			return fmt.Errorf("holds no state of %s", c.provider.Name)
		}
	}
	for name, state := range s.IDs {
		if w.ids[name] == nil {
			return fmt.Errorf("ids of unknown provider %q", name)
		}
		var probe rand.PCG
		if err := probe.UnmarshalBinary(state); err != nil {
			return fmt.Errorf("ids of %s: %w", name, err)
		}
	}
	for _, e := range s.Events {
		if e.Provider != "" && w.byName[e.Provider] == nil {
			return fmt.Errorf("event of unknown provider %q", e.Provider)
		}
	}
	for _, f := range s.Faults {
		if f == nil {
			return errors.New("empty fault")
		}
		if _, err := f.check(); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	for _, r := range s.CallbackFaults {
		if r == nil {
			return errors.New("empty callback fault")
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("callback fault: %w", err)
		}
	}
	for _, d := range s.Deliveries {
		if w.byName[d.Provider] == nil || d.Scheduled < 0 {
			return fmt.Errorf("delivery %q belongs to none of these fakes", d.ID)
		}
	}
	return nil
}

// restoreDeliveries rebuilds the dispatcher. A pending delivery without a retry
// on the clock was in flight: it is sent again.
func (w *World) restoreDeliveries(s snapshot) {
	waiting := map[string]bool{}
	for _, e := range s.Events {
		if e.Provider == "" && e.Kind == eventDeliver {
			waiting[e.Key] = true
		}
	}
	disp := w.dispatcher
	disp.count = s.DeliveryCount
	for _, saved := range s.Deliveries {
		d := &delivery{Delivery: saved.Delivery, scheduled: saved.Scheduled, first: make(chan struct{})}
		if len(d.Attempts) > 0 || d.State != DeliveryPending {
			d.firstOver()
		}
		disp.deliveries = append(disp.deliveries, d)
		disp.byID[d.ID] = d
		switch {
		case d.State != DeliveryPending || waiting[d.ID]:
		case d.Held:
			disp.held[d.lane()] = append(disp.held[d.lane()], d)
		default:
			w.enqueue(job{d: d, scheduled: true})
		}
	}
}
