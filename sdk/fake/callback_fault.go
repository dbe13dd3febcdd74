package fake

import (
	"fmt"
	"path"
	"time"
)

// CallbackFault is a rule that makes fresh callbacks go wrong. The oldest rule
// that matches counts.
type CallbackFault struct {
	Provider string            // empty: this fake's own
	Event    string            // glob over the event's name; empty: any
	Subject  string            // glob over the subject; empty: any
	Times    int               // how many callbacks it meets; 0: every one until it is cleared
	Kind     CallbackFaultKind // what happens to them
	Seconds  float64           // CallbackDelay: how long on the clock
}

// CallbackFaultKind says what goes wrong with a callback.
type CallbackFaultKind string

const (
	CallbackDrop      CallbackFaultKind = "drop"      // never sent; dead, can be redelivered
	CallbackDuplicate CallbackFaultKind = "duplicate" // sent twice
	CallbackDelay     CallbackFaultKind = "delay"     // the first attempt waits Seconds on the clock
	CallbackHold      CallbackFaultKind = "hold"      // waits until the next callback of its subject went out, then follows it
	CallbackForge     CallbackFaultKind = "forge"     // signed wrongly, where the provider signs
)

func (r CallbackFault) check() error {
	switch r.Kind {
	case CallbackDrop, CallbackDuplicate, CallbackDelay, CallbackHold, CallbackForge:
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

func (r CallbackFault) wait() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

func (r CallbackFault) matches(d *delivery) bool {
	return (r.Provider == "" || r.Provider == d.Provider) && matchName(r.Event, d.Event) && matchName(r.Subject, d.Subject)
}

func matchName(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, _ := path.Match(pattern, name) // checked when the rule came
	return ok
}

// takeCallbackFault returns the rule that meets this delivery, or the zero one.
func (w *World) takeCallbackFault(d *delivery) CallbackFault {
	for i, r := range w.callbackFaults {
		if !r.matches(d) {
			continue
		}
		met := *r
		if r.Times == 1 {
			w.callbackFaults = append(w.callbackFaults[:i:i], w.callbackFaults[i+1:]...)
		} else {
			r.Times = max(r.Times-1, 0)
		}
		return met
	}
	return CallbackFault{}
}
