package fake

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Fault is a rule that makes requests go wrong. Of the rules that match a
// request the oldest comes first; after a delay or an expired token the next
// ones still count, any other kind ends the matter.
type Fault struct {
	Provider string    `json:"provider"` // empty: this fake's own, in the admin API any
	Method   string    `json:"method"`   // empty: any
	Path     string    `json:"path"`     // glob over the path behind the base URL: * within a segment, ** over segments; empty: any
	Times    int       `json:"times"`    // how many requests it meets; 0: every one until it is cleared
	Kind     FaultKind `json:"kind"`
	Status   int       `json:"status"`  // FaultStatus: the status to answer; FaultHTML: the same, 0 means 502
	Seconds  float64   `json:"seconds"` // FaultDelay: how long on the clock; FaultRateLimit: Retry-After, 0 sends none
}

// FaultKind says what goes wrong.
type FaultKind string

const (
	FaultStatus      FaultKind = "status"       // answers Status in the provider's own error format; no work is done
	FaultDelay       FaultKind = "delay"        // waits Seconds on the clock, then goes on
	FaultDropBefore  FaultKind = "drop_before"  // closes the connection; no work is done
	FaultDropAfter   FaultKind = "drop_after"   // does the work, then closes the connection without an answer
	FaultTruncate    FaultKind = "truncate"     // does the work, sends half the answer, then closes the connection
	FaultMalformed   FaultKind = "malformed"    // does the work, answers with half the body as if it were whole
	FaultHTML        FaultKind = "html"         // answers a proxy's HTML page; no work is done
	FaultRateLimit   FaultKind = "rate_limit"   // answers 429 in the provider's own format; no work is done
	FaultExpireToken FaultKind = "expire_token" // expires every token first, then goes on
)

// maxSeconds keeps every duration within what time.Duration can hold: ten years.
const maxSeconds = 10 * 365 * 24 * 3600

// check reports what is wrong with a rule, and in which field.
func (f Fault) check() (field string, err error) {
	switch f.Kind {
	case FaultStatus:
		if f.Status < 300 || f.Status > 599 {
			return "status", fmt.Errorf("status %d is not between 300 and 599", f.Status)
		}
	case FaultHTML:
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
			return "status", fmt.Errorf("status %d is not between 200 and 599", f.Status)
		}
	case FaultDelay:
		if !(f.Seconds > 0) {
			return "seconds", fmt.Errorf("a delay needs seconds above zero")
		}
	case FaultDropBefore, FaultDropAfter, FaultTruncate, FaultMalformed, FaultRateLimit, FaultExpireToken:
	default:
		return "kind", fmt.Errorf("unknown kind %q", f.Kind)
	}
	if !(f.Seconds >= 0 && f.Seconds <= maxSeconds) {
		return "seconds", fmt.Errorf("seconds must be between 0 and %d", maxSeconds)
	}
	if f.Times < 0 {
		return "times", fmt.Errorf("times must not be negative")
	}
	if err := checkGlob(f.Path); err != nil {
		return "path", err
	}
	return "", nil
}

func (f Fault) wait() time.Duration { return time.Duration(f.Seconds * float64(time.Second)) }

// wholeSeconds is the wait as Retry-After says it, rounded up.
func (f Fault) wholeSeconds() int { return int(math.Ceil(f.Seconds)) }

func (f Fault) matches(provider, method, path string) bool {
	return (f.Provider == "" || f.Provider == provider) &&
		(f.Method == "" || strings.EqualFold(f.Method, method)) &&
		(f.Path == "" || glob(f.Path, path))
}

// addFault adds a checked rule. The lock is held.
func (w *World) addFault(f Fault) { w.faults = append(w.faults, &f) }

// takeFaults returns what meets this request, in order, and counts it. The lock
// is held.
func (w *World) takeFaults(provider, method, path string) []Fault {
	var met []Fault
	for i := 0; i < len(w.faults); {
		f := w.faults[i]
		if !f.matches(provider, method, path) {
			i++
			continue
		}
		met = append(met, *f)
		if f.Times == 1 {
			w.faults = append(w.faults[:i:i], w.faults[i+1:]...)
		} else {
			f.Times = max(f.Times-1, 0)
			i++
		}
		if f.Kind != FaultDelay && f.Kind != FaultExpireToken {
			break
		}
	}
	return met
}
