package fake

import "time"

// clock is the virtual time: standing still, or following real time.
type clock struct {
	real   bool
	speed  float64
	at     time.Time // the virtual time at anchor
	anchor time.Time // real, with its monotonic reading
}

func newClock(o Options) clock {
	c := clock{real: o.RealTime, speed: o.Speed}
	c.set(o.Start)
	return c
}

func (c *clock) now() time.Time {
	if !c.real {
		return c.at
	}
	return c.at.Add(time.Duration(float64(time.Since(c.anchor)) * c.speed))
}

func (c *clock) set(t time.Time) {
	c.at = t
	if c.real {
		c.anchor = time.Now()
	}
}

// forward moves the clock to t, never back.
func (c *clock) forward(t time.Time) {
	if now := c.now(); t.Before(now) {
		t = now
	}
	c.set(t)
}

// until is how long in real time t is away; at least a nanosecond, so that a
// timer set for it never spins on a rounding error.
func (c *clock) until(t time.Time) time.Duration {
	return max(time.Duration(float64(t.Sub(c.now()))/c.speed), 0) + 1
}
