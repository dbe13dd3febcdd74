package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// writeCalls prints a short table per call, and then every number.
func writeCalls(out io.Writer, cells []*cell) {
	for _, call := range []string{post, get} {
		fmt.Fprintf(out, "\n### %s, times the baseline\n\n", call)
		writeSummary(out, cells, call)
	}
	fmt.Fprintf(out, "\n### Each call\n\n")
	writeDetails(out, cells)
}

func writeCells(out io.Writer, cells []*cell) {
	fmt.Fprintf(out, "\n### %s\n\n", map[string]string{"verify": "Webhooks", "start": "Fakes"}[cells[0].name])
	writeDetails(out, cells)
}

// columns are the four ways to make a call.
var columns = [...]struct {
	where    string
	deadline bool
}{{noSocket, false}, {noSocket, true}, {loopback, false}, {loopback, true}}

// summary is what a table shows of the clients for one call.
type summary struct {
	names    []string // in the order of the cells
	ratios   map[string][]string
	allocs   map[string][]float64 // more than the baseline, without a socket: nothing of a server is counted
	bytes    map[string][]float64
	controls []string // least and most of the columns' cells
}

func summarise(cells []*cell, call string) summary {
	sum := summary{ratios: map[string][]string{}, allocs: map[string][]float64{}, bytes: map[string][]float64{}}
	for _, col := range columns {
		var controls []float64
		for _, c := range cells {
			if c.name != call || c.where != col.where || c.deadline != col.deadline {
				continue
			}
			baseline := c.baseline()
			controls = append(controls, c.control().against(baseline).median)
			for _, s := range c.compared() {
				if _, ok := sum.ratios[s.name]; !ok {
					sum.names = append(sum.names, s.name)
				}
				sum.ratios[s.name] = append(sum.ratios[s.name], ratio(s.against(baseline).median))
				if c.where == noSocket {
					sum.allocs[s.name] = append(sum.allocs[s.name], median(s.allocs)-median(baseline.allocs))
					sum.bytes[s.name] = append(sum.bytes[s.name], median(s.allocated)-median(baseline.allocated))
				}
			}
		}
		sum.controls = append(sum.controls, ratio(slices.Min(controls))+" to "+ratio(slices.Max(controls)))
	}
	return sum
}

// writeSummary prints one row per client.
func writeSummary(out io.Writer, cells []*cell, call string) {
	sum := summarise(cells, call)
	fmt.Fprintf(out, "| %s | %s | more allocations | more bytes |\n|---|---|---|---|---|---|---|\n", call, strings.Join(headings(), " | "))
	fmt.Fprintf(out, "| %s | %s | 0 | 0 |\n", control, strings.Join(sum.controls, " | "))
	for _, name := range sum.names {
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", name, strings.Join(sum.ratios[name], " | "), between(sum.allocs[name]), between(sum.bytes[name]))
	}
}

const control = "by hand, again (control)"

func headings() []string {
	var headings []string
	for _, col := range columns {
		headings = append(headings, withDeadline(col.where, col.deadline))
	}
	return headings
}

func withDeadline(where string, deadline bool) string {
	if deadline {
		return where + ", deadline"
	}
	return where
}

// writeReadme prints the lines that stand in the root README: one column per client,
// because lines are scarce there.
func writeReadme(out io.Writer, cells []*cell, about string) {
	sum := summarise(cells, post)
	names := slices.DeleteFunc(sum.names, func(name string) bool { return name == ours+noLimit })
	fmt.Fprintf(out, "%s\nhand with net/http. Printed by `go run -C internal/peerbench . -readme` (%s):\n\n", readmeCaption, about)
	fmt.Fprintf(out, "| POST create | %s | %s |\n|---|---|%s\n", control, strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for i, heading := range headings() {
		fmt.Fprintf(out, "| %s | %s |", heading, sum.controls[i])
		for _, name := range names {
			fmt.Fprintf(out, " %s |", sum.ratios[name][i])
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "| more allocations | 0 |")
	for _, name := range names {
		fmt.Fprintf(out, " %s |", between(sum.allocs[name]))
	}
	fmt.Fprintln(out)
}

const readmeCaption = "One call beside its peers ([how](internal/peerbench/README.md)): how many times as long it takes as one by"

// between shows the least and the most of some differences.
func between(values []float64) string {
	low, high := fmt.Sprintf("%+.0f", slices.Min(values)), fmt.Sprintf("%+.0f", slices.Max(values))
	if low == high {
		return low
	}
	return low + " to " + high
}

func writeDetails(out io.Writer, cells []*cell) {
	fmt.Fprintf(out, "| side | what | where | median | times the baseline (half of the rounds) | control | CPU times the baseline | allocations | bytes |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range cells {
		control := c.control().against(c.baseline()).String()
		for i, s := range c.sides[:len(c.sides)-1] {
			compared, cpu := "1 (baseline)", "1"
			if i > 0 {
				compared, cpu = s.against(c.baseline()).String(), ratio(s.cpuAgainst(c.baseline()).median)
			}
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.name, c.name, withDeadline(c.where, c.deadline), duration(median(s.nanos)), compared, control, cpu,
				counted(s, c, func(s *side) []float64 { return s.allocs }), counted(s, c, func(s *side) []float64 { return s.allocated }))
		}
	}
}

// counted shows a number, and how it differs from the baseline's.
func counted(s *side, c *cell, of func(*side) []float64) string {
	own, baseline := median(of(s)), median(of(c.baseline()))
	if s == c.baseline() {
		return fmt.Sprintf("%.0f", own)
	}
	return fmt.Sprintf("%.0f (%+.0f)", own, own-baseline)
}

func duration(nanos float64) string {
	if nanos < float64(10*time.Millisecond) {
		return fmt.Sprintf("%.0f ns", nanos)
	}
	return fmt.Sprintf("%.0f ms", nanos/float64(time.Millisecond))
}
