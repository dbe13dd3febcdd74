package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// spend makes each write once, looks it up, and sends the same again. It logs the reference
// before, so that the merchant can look for a transaction of which this run did not learn.
func (t *target) spend(ctx context.Context, r *report, o options, hook *hook, log io.Writer) {
	exists := false
	for _, s := range t.spends {
		fmt.Fprintf(log, "conform: %s is sent with reference %s: look for it if this run does not show it\n", s.op, s.reference)
		w := t.try(ctx, s, o.patience, hook.url)
		r.Writes = append(r.Writes, w)
		exists = exists || w.mayExist
		for i := range r.Operations {
			f := &r.Operations[i]
			if f.Operation == s.op && (w.First == made || strings.HasPrefix(w.Lookup, found)) && f.Verdict == notTried {
				f.Verdict, f.Why = seen, "a transaction was made"
			}
		}
	}
	if exists {
		r.Callbacks, r.OtherPosts, r.NoCallback = hook.wait(ctx, o.patience)
	} else if hook.url != "" {
		r.NoCallback = "not awaited, because no transaction was made"
	}
}

// try looks for the transaction even if the first response does not tell whether there is
// one. It does not send again then: that would be a second transaction by accident.
func (t *target) try(ctx context.Context, s spending, patience time.Duration, callback string) write {
	w := write{Operation: s.op, Reference: s.reference, Has: s.class.String(), Lookup: "none", Again: "not sent", Unique: "unclear", Recognised: "none"}
	t.record.forget()
	first, err := s.send(ctx, callback)
	w.First = outcome(first.existing, err)
	w.mayExist = err == nil || sdk.Advise(err) == sdk.Look
	if w.mayExist && s.look != nil {
		w.Lookup = lag(ctx, s.look, patience)
		if strings.HasPrefix(w.Lookup, found) {
			w.Unknown, w.Missing, w.States = s.shape.compare(t.record.get().body)
		}
	}
	if err != nil {
		w.Deserves = s.class.String() + " (unproven)"
		return w
	}
	t.record.forget()
	again, err := s.send(ctx, callback)
	w.Again = outcome(again.existing, err)
	switch {
	case errors.Is(err, sdk.ErrReferenceTaken), err == nil && again.existing && s.duplicate(t.record.firstResponse().body):
		w.Unique, w.Recognised = "yes", "yes"
	case err == nil && again.existing:
		w.Unique = "unclear: refused for another reason, and a lookup showed the first transaction"
	case err == nil && (first.id == "" || again.id == ""):
		w.Unique = "unclear: not both responses name their transaction"
	case err == nil && again.id == first.id:
		w.Unique = "unclear: the same transaction came back"
	case err == nil:
		w.Unique = "no: the same reference made two"
	case errors.Is(err, sdk.ErrRejected):
		w.Unique, w.Recognised = "unclear: refused in words that the SDK does not know as a duplicate", "no"
	}
	w.Deserves = deserves(s, w)
	return w
}

// deserves is the class that what was seen allows.
func deserves(s spending, w write) string {
	shown := strings.HasPrefix(w.Lookup, found)
	switch {
	case w.Unique == "yes" && s.class == sdk.Keyed:
		return sdk.Keyed.String()
	case w.Unique == "yes" && shown:
		return sdk.Referenced.String()
	case strings.HasPrefix(w.Unique, "unclear"):
		return s.class.String() + " (unproven)"
	case shown:
		return sdk.Searched.String()
	}
	return sdk.Once.String()
}

// A text of a response that says why, and of what it speaks.
var (
	texts    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	repeated = regexp.MustCompile(`(?i)duplicate|already|taken|used|unique`)
	referred = regexp.MustCompile(`(?i)reference|external.?id|refid`)
)

// saysTaken reports a response that says in one text that a reference was used before.
func saysTaken(body []byte) bool {
	return slices.ContainsFunc(texts.FindAll(body, -1), func(text []byte) bool { return repeated.Match(text) && referred.Match(text) })
}

const (
	made  = "made"
	found = "found"
)

func outcome(existing bool, err error) string {
	switch {
	case err != nil:
		return sdk.SafeText(err)
	case existing:
		return "the one that was there"
	}
	return made
}

// lag looks until the lookup shows the transaction.
func lag(ctx context.Context, look func(context.Context) error, patience time.Duration) string {
	begin := time.Now()
	for wait := time.Duration(0); ; wait = min(2*wait+250*time.Millisecond, 5*time.Second) {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "interrupted"
		case <-timer.C:
		}
		err := look(ctx)
		took := time.Since(begin).Round(time.Millisecond)
		switch {
		case err == nil:
			return fmt.Sprintf("%s after %s", found, took)
		case !errors.Is(err, sdk.ErrNotFound):
			return sdk.SafeText(err)
		case took >= patience:
			return fmt.Sprintf("not found in %s", took)
		}
	}
}
