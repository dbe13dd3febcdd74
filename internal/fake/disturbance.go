package fake

import (
	"fmt"
	"path"
	"time"
)

// Disturbance is a rule that makes fresh callbacks go wrong. The oldest rule
// that matches counts.
type Disturbance struct {
	Provider string          // empty: this fake's own
	Event    string          // glob over the event's name; empty: any
	Subject  string          // glob over the subject; empty: any
	Times    int             // how many callbacks it meets; 0: every one until it is cleared
	Kind     DisturbanceKind // what happens to them
	Seconds  float64         // DisturbDelay: how long on the clock
}

// DisturbanceKind says what goes wrong with a callback.
type DisturbanceKind string

const (
	DisturbDrop      DisturbanceKind = "drop"      // never sent; dead, can be redelivered
	DisturbDuplicate DisturbanceKind = "duplicate" // sent twice
	DisturbDelay     DisturbanceKind = "delay"     // the first attempt waits Seconds on the clock
	DisturbHold      DisturbanceKind = "hold"      // waits until the next callback of its subject went out, then follows it
	DisturbForge     DisturbanceKind = "forge"     // signed wrongly, where the provider signs
)

func (r Disturbance) check() error {
	switch r.Kind {
	case DisturbDrop, DisturbDuplicate, DisturbDelay, DisturbHold, DisturbForge:
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	if !(r.Seconds >= 0 && r.Seconds <= maxSeconds) {
		return fmt.Errorf("seconds must be between 0 and %d", maxSeconds)
	}
	if r.Times < 0 {
		return fmt.Errorf("times must not be negative")
	}
	for _, p := range []string{r.Event, r.Subject} {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%q is not a valid pattern", p)
		}
	}
	return nil
}

func (r Disturbance) wait() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

func (r Disturbance) matches(d *delivery) bool {
	return (r.Provider == "" || r.Provider == d.Provider) && matchName(r.Event, d.Event) && matchName(r.Subject, d.Subject)
}

func matchName(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, _ := path.Match(pattern, name) // checked when the rule came
	return ok
}

// takeDisturbance returns the rule that meets this delivery, or the zero one.
func (w *World) takeDisturbance(d *delivery) Disturbance {
	for i, r := range w.disturbances {
		if !r.matches(d) {
			continue
		}
		met := *r
		if r.Times == 1 {
			w.disturbances = append(w.disturbances[:i:i], w.disturbances[i+1:]...)
		} else {
			r.Times = max(r.Times-1, 0)
		}
		return met
	}
	return Disturbance{}
}
