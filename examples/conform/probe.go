package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// probe asks for every operation and changes nothing.
func (t *target) probe(ctx context.Context, r *report) {
	begin, known := time.Now(), map[string]finding{}
	if t.login != nil {
		if err := t.login(ctx); err != nil {
			r.Login = "refused: " + sdk.SafeText(err)
			if sdk.Advise(err) == sdk.Credentials {
				r.Refused = append(r.Refused, t.loginOp)
			}
		} else {
			r.Login = fmt.Sprintf("works, %d ms", time.Since(begin).Milliseconds())
			if life := t.record.token(); life != "" {
				r.Login += ", the token lives " + life
			}
			known[t.loginOp] = finding{Verdict: seen, Why: "the login works"}
		}
	}
	for _, read := range t.reads {
		known[read.op] = t.read(ctx, read)
		if known[read.op].Why == credentialsRefused {
			r.Refused = append(r.Refused, read.op)
		}
		r.skew(t.record.get())
	}
	c := t.control(ctx, known)
	for _, op := range t.operations {
		f, ok := known[op.Name]
		if !ok {
			f = t.route(ctx, op, c)
		}
		if f.Verdict == seen && op.Class != sdk.Safe {
			t.describe(ctx, op, &f)
		}
		f.Operation, f.Route, f.Source = op.Name, op.Method+" "+op.Path, op.Source
		if f.Verdict == absent {
			t.elsewhere(ctx, op, &f, c, r)
		}
		r.Operations = append(r.Operations, f)
	}
}

// skew reports how far the server's clock is from ours.
func (r *report) skew(x exchange) {
	if date, err := http.ParseTime(x.header.Get("Date")); err == nil && r.ClockSkew == "" {
		skew := time.Since(date).Truncate(time.Second)
		if skew.Abs() <= 2*time.Second {
			r.ClockSkew = "within two seconds of ours"
		} else {
			r.ClockSkew = fmt.Sprintf("%s from ours: signatures and tokens may be refused", -skew)
		}
	}
}

// read makes a typed call and compares what came with what the SDK knows.
func (t *target) read(ctx context.Context, call read) finding {
	t.record.set(exchange{})
	err := call.call(ctx)
	x := t.record.get()
	var f finding
	var e *sdk.Error
	switch {
	case err == nil && bytes.HasPrefix(bytes.TrimSpace(x.body), []byte("<")): // a read without fields takes it
		f = finding{Verdict: notTried, Why: fmt.Sprintf("HTTP %d with a page, and not the route", x.status)}
	case (err == nil || call.unknown && errors.Is(err, sdk.ErrNotFound)) && t.everywhere(ctx, call, x):
		f = finding{Verdict: notTried, Why: fmt.Sprintf("HTTP %d, and the same of a path that does not exist", x.status)}
	case err == nil:
		f = finding{Verdict: seen}
		f.Unknown, f.Missing, f.States = call.shape.compare(x.body)
		if len(f.States) > 0 { // fields that decide nothing may come and go
			f.Verdict = differs
		}
	case call.unknown && errors.Is(err, sdk.ErrNotFound) && json.Valid(x.body):
		f = finding{Verdict: seen, Why: "it says in its own words that there is no such object"}
	case x.status == http.StatusNotFound:
		f = finding{Verdict: absent, Why: "HTTP 404"}
	case errors.As(err, &e) && x.status == 0:
		f = finding{Verdict: notTried, Why: sdk.SafeText(err)}
	case sdk.Advise(err) == sdk.Credentials:
		f = finding{Verdict: notTried, Why: credentialsRefused}
	case x.status >= 500 || x.status == http.StatusTooManyRequests:
		f = finding{Verdict: notTried, Why: fmt.Sprintf("HTTP %d: ask again later", x.status)}
	default:
		f = finding{Verdict: differs, Why: sdk.SafeText(err)}
	}
	return f
}

const credentialsRefused = "the credentials were refused"

// everywhere reports a read whose response says nothing of its route: beside it stands the
// same.
func (t *target) everywhere(ctx context.Context, read read, x exchange) bool {
	i := slices.IndexFunc(t.operations, func(op sdk.Operation) bool { return op.Name == read.op })
	if i < 0 || t.operations[i].Method != http.MethodGet {
		return false
	}
	nobody, err := t.nobody(ctx, &control{beside: map[string]exchange{}}, http.MethodGet, t.operations[i])
	return err == nil && nobody.status == x.status && bytes.Equal(nobody.unnamed(), x.unnamed())
}

// describe compares the fields that the SDK sends with those that OPTIONS describes, as the
// Django REST framework does.
func (t *target) describe(ctx context.Context, op sdk.Operation, f *finding) {
	sent, path := t.bodies[op.Name], ""
	if path, _ = t.at(op.Name, op.Path); sent == nil {
		return
	}
	x, err := t.ask(ctx, http.MethodOptions, path)
	var described struct {
		Actions map[string]map[string]struct {
			Required bool `json:"required"`
			ReadOnly bool `json:"read_only"`
		} `json:"actions"`
	}
	if err != nil || json.Unmarshal(x.body, &described) != nil || len(described.Actions[op.Method]) == 0 {
		return
	}
	fields := described.Actions[op.Method]
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch known := slices.Contains(sent, name); {
		case !known && fields[name].Required && !fields[name].ReadOnly:
			f.Verdict, f.Why = differs, "OPTIONS requires fields that the SDK does not send"
			f.Unknown = append(f.Unknown, name)
		case !known && !fields[name].ReadOnly:
			f.Unknown = append(f.Unknown, name)
		}
	}
	for _, name := range sent {
		if field, ok := fields[name]; !ok || field.ReadOnly {
			f.Missing = append(f.Missing, name)
		}
	}
}
