package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kapiteni/kapiten-go/sdk"
)

// verdict says what is known of an operation now.
type verdict string

const (
	seen     verdict = "seen"      // the server has it as the SDK thinks
	differs  verdict = "differs"   // the server has it in another form, or elsewhere
	absent   verdict = "absent"    // the server says that there is no such route
	notTried verdict = "not tried" // nothing was learnt, and Why says why
)

// report is the result: for people as a table, for programs as JSON.
type report struct {
	Provider   string               `json:"provider"`
	Fake       bool                 `json:"fake"` // the embedded fake, no live server
	ClockSkew  string               `json:"clock_skew,omitempty"`
	Login      string               `json:"login,omitempty"`
	Refused    []string             `json:"credentials_refused,omitempty"` // the reads, or the login, that refused them
	Operations []finding            `json:"operations"`
	Routes     map[string]sdk.Route `json:"routes,omitempty"` // paste it as Config.Routes
	Spent      bool                 `json:"-"`
	Writes     []write              `json:"writes,omitempty"`
	Callbacks  []posted             `json:"callbacks,omitempty"`
	NoCallback string               `json:"no_callback,omitempty"` // why there is none, where -callback asked for one
	OtherPosts int                  `json:"other_posts,omitempty"` // to -listen, and not of this run
}

// finding is what was learnt of one operation.
type finding struct {
	Operation string         `json:"operation"`
	Route     string         `json:"route"`
	Source    sdk.Provenance `json:"source"` // what the SDK knew before
	Verdict   verdict        `json:"verdict"`
	Why       string         `json:"why,omitempty"`
	Unknown   []string       `json:"unknown_fields,omitempty"` // shown by the server, not known to the SDK
	Missing   []string       `json:"missing_fields,omitempty"` // known to the SDK, not shown by the server
	States    []string       `json:"unknown_states,omitempty"`

	there bool // the path is, and the method was not proven
}

// write is what -spend learnt of one write.
type write struct {
	Operation  string `json:"operation"`
	Reference  string `json:"reference"` // ours: it names the transaction to the provider
	Has        string `json:"class"`
	Deserves   string `json:"deserves"`
	First      string `json:"first"`      // what the first request led to
	Lookup     string `json:"lookup"`     // whether and when the lookup showed it
	Again      string `json:"again"`      // what the same request led to
	Unique     string `json:"unique"`     // yes, no, unclear
	Recognised string `json:"recognised"` // whether the SDK understood the duplicate: yes, no, none

	mayExist bool // the first request made a transaction, or its outcome is unknown

	// Of what the lookup showed.
	Unknown []string `json:"unknown_fields,omitempty"`
	Missing []string `json:"missing_fields,omitempty"`
	States  []string `json:"unknown_states,omitempty"`
}

// posted describes a callback without its values.
type posted struct {
	Method  string   `json:"method"`
	Headers []string `json:"headers"`
	Fields  []string `json:"fields"`
}

// exitCode is 2 when the credentials were refused: what else was learnt is of a stranger.
func (r *report) exitCode() int {
	if len(r.Refused) > 0 {
		return 2
	}
	learnt := false
	for _, f := range r.Operations {
		if f.Verdict == differs || f.Verdict == absent {
			return 1
		}
		learnt = learnt || f.Verdict == seen
	}
	for _, w := range r.Writes {
		if w.deservesLess() || len(w.States) > 0 {
			return 1
		}
	}
	if !learnt {
		return 2
	}
	if r.NoCallback != "" && !r.Fake {
		return 1
	}
	return 0
}

// deservesLess reports a write that the SDK trusts more than it may, or than was proven.
func (w write) deservesLess() bool {
	worst := []string{sdk.Once.String(), sdk.Searched.String(), sdk.Referenced.String(), sdk.Keyed.String()}
	return slices.Index(worst, w.Deserves) < slices.Index(worst, w.Has) // unproven: -1
}

// Digits in a row are a number of somebody; an at sign is in an address.
var personal = regexp.MustCompile(`\+?\d[\d ()-]{4,}\d|\S+@\S+|[A-Za-z0-9+/_=-]{33,}`)

// scrub takes out of what the server chose whatever may be a secret or a personal datum:
// the values of the environment, numbers, addresses and long words. The reference of a
// write is ours, and stays.
func (r *report) scrub(secrets []string) {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < 4 })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	clean := func(texts ...*string) {
		for _, text := range texts {
			for _, secret := range secrets {
				*text = strings.ReplaceAll(*text, secret, "...")
			}
			*text = personal.ReplaceAllString(*text, "...")
		}
	}
	list := func(lists ...[]string) {
		for _, items := range lists {
			for i := range items {
				clean(&items[i])
			}
		}
	}
	clean(&r.Login)
	for i := range r.Operations {
		f := &r.Operations[i]
		clean(&f.Why)
		list(f.Unknown, f.Missing, f.States)
	}
	for i := range r.Writes {
		w := &r.Writes[i]
		clean(&w.First, &w.Lookup, &w.Again)
		list(w.Unknown, w.Missing, w.States)
	}
	for i := range r.Callbacks {
		list(r.Callbacks[i].Headers, r.Callbacks[i].Fields)
	}
}

func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	where := "a live server"
	if r.Fake {
		where = "the embedded fake"
	}
	fmt.Fprintf(out, "%s, %s\n", r.Provider, where)
	for _, line := range []struct{ name, text string }{{"clock", r.ClockSkew}, {"login", r.Login}, {"credentials", r.refusal()}} {
		if line.text != "" {
			fmt.Fprintf(out, "%s: %s\n", line.name, line.text)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\noperation\troute\tknown from\tnow\twhy")
	for _, f := range r.Operations {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Operation, f.Route, f.Source, f.Verdict, f.detail())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, w := range r.Writes {
		fmt.Fprintf(out, "\n%s, class %s, reference %s\n  first:  %s\n  lookup: %s\n  again:  %s\n  unique: %s; duplicate recognised: %s; deserves class %s\n",
			w.Operation, w.Has, w.Reference, w.First, w.Lookup, w.Again, w.Unique, w.Recognised, w.Deserves)
		if shown := (finding{Unknown: w.Unknown, Missing: w.Missing, States: w.States}).detail(); shown != "" {
			fmt.Fprintln(out, "  shown: ", shown)
		}
	}
	if r.Spent && len(r.Writes) == 0 {
		fmt.Fprintln(out, "\nno write is tried: no wallet signs")
	}
	for _, c := range r.Callbacks {
		fmt.Fprintf(out, "\ncallback: %s with headers %s\n  fields: %s\n", c.Method, strings.Join(c.Headers, ", "), strings.Join(c.Fields, ", "))
	}
	if r.NoCallback != "" {
		fmt.Fprintf(out, "\ncallback: %s\n", r.NoCallback)
	}
	if r.OtherPosts > 0 {
		fmt.Fprintf(out, "\nposts that are not of this run, and are not described: %d\n", r.OtherPosts)
	}
	if len(r.Routes) > 0 {
		fmt.Fprint(out, "\nRoutes: map[string]sdk.Route{\n")
		for _, name := range slices.Sorted(maps.Keys(r.Routes)) {
			fmt.Fprintf(out, "\t%q: {Method: %q, Path: %q},\n", name, r.Routes[name].Method, r.Routes[name].Path)
		}
		fmt.Fprintln(out, "}")
	}
	return nil
}

func (r *report) refusal() string {
	if len(r.Refused) == 0 {
		return ""
	}
	return "refused by " + strings.Join(r.Refused, ", ")
}

func (f finding) detail() string {
	parts := []string{f.Why}
	for _, list := range []struct {
		name  string
		items []string
	}{{"unknown fields", f.Unknown}, {"fields not shown", f.Missing}, {"unknown states", f.States}} {
		if len(list.items) > 0 {
			parts = append(parts, list.name+": "+strings.Join(list.items, " "))
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
