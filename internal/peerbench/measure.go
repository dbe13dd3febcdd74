package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// cell is one thing that several sides do. The first side is the baseline; the last is
// the control: the baseline once more, as a side of its own. Their ratio is the error of
// the measurement.
type cell struct {
	name     string // "POST create"
	where    string // "no socket"
	deadline bool   // the caller's context has one
	sides    []*side
}

// side is one way to do it. prepare and release, if set, run before and after each
// round, outside the time.
type side struct {
	name    string
	prepare func() error
	do      func(context.Context) error
	release func()
	heavy   bool // takes so long that a round does it once

	times                         int // per round
	nanos, cpu, allocs, allocated []float64
}

// measure runs rounds. In a round each side of each cell runs for about a slice, and
// another side begins, so that what else the machine does hits all sides alike.
func measure(ctx context.Context, cells []*cell, rounds int, slice time.Duration, progress func(round int)) error {
	for _, c := range cells {
		for _, s := range c.sides {
			if err := s.calibrate(ctx, c.deadline, slice); err != nil {
				return fmt.Errorf("%s, %s, %s: %w", c.name, c.where, s.name, err)
			}
		}
	}
	for round := range rounds {
		progress(round)
		for _, c := range cells {
			for i := range c.sides {
				s := c.sides[(i+round)%len(c.sides)]
				if err := s.round(ctx, c.deadline); err != nil {
					return fmt.Errorf("%s, %s, %s: %w", c.name, c.where, s.name, err)
				}
			}
		}
	}
	return nil
}

// calibrate finds how often a side runs in a slice. It warms the side up, too.
func (s *side) calibrate(ctx context.Context, deadline bool, slice time.Duration) error {
	if s.times = 1; s.heavy {
		return nil
	}
	if err := s.prepared(); err != nil {
		return err
	}
	defer s.released()
	for s.times = 1; ; s.times *= 2 {
		// The best of several: another process may have had the processor.
		took := time.Duration(math.MaxInt64)
		for range 5 {
			again, err := s.repeat(ctx, deadline)
			if err != nil {
				return err
			}
			took = min(took, again)
		}
		if took >= slice/2 {
			s.times = max(1, int(float64(s.times)*float64(slice)/float64(took)))
			return nil
		}
	}
}

func (s *side) round(ctx context.Context, deadline bool) error {
	if err := s.prepared(); err != nil {
		return err
	}
	defer s.released()
	// So no side pays for another's garbage, nor within a short slice for its own.
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processorTime()
	took, err := s.repeat(ctx, deadline)
	if err != nil {
		return err
	}
	cpu = processorTime() - cpu
	runtime.ReadMemStats(&after)
	n := float64(s.times)
	s.nanos = append(s.nanos, float64(took)/n)
	s.cpu = append(s.cpu, float64(cpu)/n)
	s.allocs = append(s.allocs, float64(after.Mallocs-before.Mallocs)/n)
	s.allocated = append(s.allocated, float64(after.TotalAlloc-before.TotalAlloc)/n)
	return nil
}

// processorTime is what this process has had of the processors. Other processes on
// the machine slow a side down, but do not count here.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (s *side) prepared() error {
	if s.prepare == nil {
		return nil
	}
	return s.prepare()
}

func (s *side) released() {
	if s.release != nil {
		s.release()
	}
}

func (s *side) repeat(ctx context.Context, deadline bool) (time.Duration, error) {
	began := time.Now()
	for range s.times {
		if err := s.once(ctx, deadline); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func (s *side) once(ctx context.Context, deadline bool) error {
	if !deadline {
		return s.do(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.do(ctx)
}

// spread is a ratio to the baseline over all rounds: the median, and the quarters of the
// rounds below low and above high.
type spread struct{ low, median, high float64 }

func (r spread) String() string {
	return fmt.Sprintf("%s (%s to %s)", ratio(r.median), ratio(r.low), ratio(r.high))
}

// ratio shows three digits where a ratio is large, and otherwise hundredths.
func ratio(r float64) string {
	if r >= 100 {
		return fmt.Sprintf("%.0f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

// against compares the times of two sides round by round.
func (s *side) against(baseline *side) spread { return compare(s.nanos, baseline.nanos) }

// cpuAgainst compares their processor time.
func (s *side) cpuAgainst(baseline *side) spread { return compare(s.cpu, baseline.cpu) }

func compare(values, baseline []float64) spread {
	ratios := make([]float64, 0, len(values))
	for i, v := range values {
		if baseline[i] > 0 {
			ratios = append(ratios, v/baseline[i])
		}
	}
	if len(ratios) == 0 {
		return spread{}
	}
	return spread{quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)}
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low, high := sorted[int(math.Floor(at))], sorted[int(math.Ceil(at))]
	return low + (high-low)*(at-math.Floor(at))
}

func (c *cell) baseline() *side { return c.sides[0] }
func (c *cell) control() *side  { return c.sides[len(c.sides)-1] }

// compared are the sides between baseline and control.
func (c *cell) compared() []*side { return c.sides[1 : len(c.sides)-1] }
