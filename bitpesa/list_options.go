package bitpesa

import (
	"net/url"
	"strconv"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// ListOptions choose a page of a list.
type ListOptions struct {
	// Page is the page number; 0 and 1 are the first.
	Page int
	// PerPage is the page size; 0 is the server's (documented: 10). The largest
	// allowed is not published.
	PerPage int
}

// Created limits a list to what was created on certain days, both included
// (assumed). Only the date counts, in the given times' own zones; a zero time
// sets no limit.
type Created struct {
	From, To time.Time
}

func (o ListOptions) query(f *transport.Faults) url.Values {
	q := url.Values{}
	for _, n := range []struct {
		name  string
		value int
	}{{"page", o.Page}, {"per", o.PerPage}} {
		switch {
		case n.value < 0:
			f.Add(n.name, "must not be negative")
		case n.value > 0:
			q.Set(n.name, strconv.Itoa(n.value))
		}
	}
	return q
}

func (c Created) set(q url.Values) {
	if !c.From.IsZero() {
		q.Set("created_at_from", c.From.Format(dateLayout))
	}
	if !c.To.IsZero() {
		q.Set("created_at_to", c.To.Format(dateLayout))
	}
}

// setText sets a filter, or leaves it out when there is no value.
func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// setList sets a filter of several values, as the documents write it: name[].
func setList[T ~string](q url.Values, name string, values []T) {
	for _, v := range values {
		q.Add(name+"[]", string(v))
	}
}
