package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ListOptions choose a page of a list.
type ListOptions struct {
	// Page is the page number. 0 and 1 are the first page.
	Page int `url:"page,omitempty"`
	// PerPage is the page size. 0 takes the server's, which is 10 (documented). The
	// vendor does not publish the largest size.
	PerPage int `url:"per,omitempty"`
}

// Created limits a list to objects created from one day to another, both included
// (assumed). Each time counts as the date in its own zone. A zero time sets no
// limit.
type Created struct {
	From time.Time `url:"created_at_from,omitempty" layout:"2006-01-02"`
	To   time.Time `url:"created_at_to,omitempty" layout:"2006-01-02"`
}

// Page is one page of a list, or the whole of a list without pages. A response that tells of
// more than the whole comes with sdk.ErrUnexpectedResponse, and with the page that was read.
type Page[T any] struct {
	Items []T
	Count int // of the items on all pages; 0 where the response does not count them
	Pages int // of the whole list; 0 for a list without pages
	// NextPage and PreviousPage are page numbers, or 0 where no such page exists.
	// NextPage is also 0 where the list goes on, but not to the page after this
	// one. All ends with an error there.
	NextPage, PreviousPage int
	// Skipped counts rows of this page that could not be read. A search over such a
	// page can find an object, but never say that none is there.
	Skipped int
	Raw     sdk.Raw

	unfollowed bool  // the list goes on in a way that this package does not know
	rows       int64 // of the whole list, by whatever name the response counts them
}

// listPage fetches one page. params is a struct with `url` tags that embeds o. f
// holds the faults found so far.
func listPage[T any](ctx context.Context, c *Client, op string, o ListOptions, params any, f transport.Faults) (page *Page[T], err error) {
	if o.Page < 0 {
		f.Add("page", "must not be negative")
	}
	if o.PerPage < 0 {
		f.Add("per", "must not be negative")
	}
	query, err := wire.Query(params)
	if err != nil {
		return nil, err
	}
	for name, values := range query {
		if strings.HasSuffix(name, "id") {
			f.CheckReference(name, strings.Join(values, ""))
		}
	}
	if err := c.core.InvalidCall(transport.Call{Op: op, Query: query}, f.Fields); err != nil {
		return nil, err
	}
	err = c.do(ctx, transport.Call{Op: op, Query: query, Decode: func(r *transport.Response) (err error) {
		page, err = decodePage[T](r.Body, o.Page)
		return err
	}})
	return page, err
}

func decodePage[T any](body []byte, asked int) (*Page[T], error) {
	var envelope struct {
		Object json.RawMessage `json:"object"`
		Meta   json.RawMessage `json:"meta"`
		Extra  map[string]any
	}
	if err := wire.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	if envelope.Object == nil {
		return nil, wire.Missing("object")
	}
	items, skipped, err := decodeList[T](envelope.Object)
	if err != nil {
		return nil, err
	}
	var meta struct {
		Pagination json.RawMessage `json:"pagination"`
		Extra      map[string]any
	}
	var p struct {
		Next  json.RawMessage `json:"next_page"`
		Prev  int             `json:"prev_page"`
		Pages int             `json:"total_pages"`
		Count int             `json:"total_count"`
		Extra map[string]any  // other ways to go on
	}
	var ahead wire.Outlook
	if ahead.More, err = readMeta(envelope.Meta, &meta); err != nil {
		return nil, err
	}
	odd, err := readMeta(meta.Pagination, &p)
	if err != nil {
		return nil, err
	}
	var next wire.Int
	if !wire.IsEmpty(p.Next) {
		if err := next.UnmarshalJSON(p.Next); err != nil {
			return nil, err
		}
	}
	ahead.More, ahead.Pages, ahead.Rows = ahead.More || odd, int64(p.Pages), int64(p.Count)
	for _, members := range []map[string]any{envelope.Extra, meta.Extra, p.Extra} {
		ahead.Read(members)
	}
	page := &Page[T]{Items: items, Count: p.Count, Pages: p.Pages, PreviousPage: max(p.Prev, 0), Skipped: skipped, Raw: body, rows: ahead.Rows}
	switch current := max(asked, 1); {
	case next.Valid && next.Int == int64(current)+1:
		page.NextPage = current + 1
	case next.Valid, ahead.More, ahead.Pages > int64(current): // to nowhere, or past rows that nobody has seen
		page.unfollowed = true
	}
	return page, nil
}

// readMeta reads a part of an envelope that may be missing. odd reports another JSON
// type, which does not tell whether the list goes on.
func readMeta(raw json.RawMessage, into any) (odd bool, err error) {
	if raw == nil || string(raw) == "null" {
		return false, nil
	}
	if !wire.IsObject(raw) {
		return string(raw) != "[]" && string(raw) != "false", nil
	}
	return false, wire.Unmarshal(raw, into)
}

// all fetches pages from the given one on, each when the caller gets to it.
// Ranging again begins again.
func all[T any](c *Client, op string, o ListOptions, list func(ListOptions) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		o, first := o, max(o.Page, 1)
		rows := int64(0)
		for o.Page = first; o.Page != 0; {
			page, err := list(o)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			rows += page.seen()
			if page.unfollowed || page.NextPage == 0 && first == 1 && rows < page.rows {
				yield(zero, c.core.Inconclusive(op, "", errUnreadPages))
				return
			}
			o.Page = page.NextPage
		}
	}
}

// seen is how many rows the page has.
func (p *Page[T]) seen() int64 { return int64(len(p.Items) + p.Skipped) }

// search creates or looks for the object with an external id of the caller's.
type search[T any] struct {
	c            *Client
	op           string // of the list
	externalID   string
	externalIDOf func(*T) string
	existingOf   func(*T) *bool
}

const (
	// maxSearchPages bounds the pages that a search reads.
	maxSearchPages = 5
	// errFilterIgnored: the server ignores the filter, so the object may stand on a
	// page that was not read.
	errFilterIgnored = wire.Missing("a working external_id filter")
	// errUnreadPages: the object may be what could not be read.
	errUnreadPages = wire.Missing("rows and pages that can all be read")
	// errTwo: nobody can tell which of two objects is meant.
	errTwo = wire.Missing("only one object with this external_id")
)

// find returns the object, or sdk.ErrNotFound.
func (s search[T]) find(ctx context.Context) (*T, error) {
	var f transport.Faults
	f.RequireReference("external_id", s.externalID)
	if err := s.c.core.Invalid(s.op, s.externalID, f.Fields); err != nil {
		return nil, err
	}
	item, err := s.look(ctx)
	if item == nil && err == nil {
		return nil, s.c.core.Absent(s.op, s.externalID)
	}
	return item, err
}

// look returns the object, or nil if it is surely absent. The guides show shortened
// values in the filter, so the server may match prefixes. Therefore look takes only
// an object with exactly this external id, and never one of two. It calls the object
// absent only if it read as many rows and pages as the list tells of, and every id
// began with this one.
func (s search[T]) look(ctx context.Context) (*T, error) {
	params := struct {
		ListOptions
		ExternalID string `url:"external_id"`
	}{ListOptions{Page: 1}, s.externalID}
	foreign, unread, rows := false, false, int64(0)
	var found *T
	for n := 0; n < maxSearchPages && params.Page != 0 && !foreign; n++ {
		page, err := listPage[T](ctx, s.c, s.op, params.ListOptions, params, transport.Faults{})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			id := s.externalIDOf(&page.Items[i])
			if id == s.externalID {
				if found != nil && s.idOf(found) != s.idOf(&page.Items[i]) {
					return nil, s.c.core.Inconclusive(s.op, s.externalID, errTwo)
				}
				found = &page.Items[i]
			}
			foreign = foreign || !strings.HasPrefix(id, s.externalID)
		}
		params.Page = page.NextPage
		rows += page.seen()
		unread = unread || page.Skipped > 0 || page.unfollowed || page.NextPage == 0 && rows < page.rows
	}
	if found != nil {
		return found, nil
	}
	switch {
	case unread:
		return nil, s.c.core.Inconclusive(s.op, s.externalID, errUnreadPages)
	case foreign || params.Page != 0:
		return nil, s.c.core.Inconclusive(s.op, s.externalID, errFilterIgnored)
	}
	return nil, nil
}

func (s search[T]) idOf(item *T) string { return *any(item).(interface{ ident() *string }).ident() }

// create is the write of a new object with an external id. A lookup settles an open
// outcome, a duplicate and a refusal. f holds the faults found so far. compare
// compares an object with what was asked for. accept, if there is one, returns an
// error if an object that is the same settles nothing.
func (s search[T]) create(call transport.Call, f transport.Faults, compare func(*T) *transport.Comparison, accept func(*T) error) transport.Write[T] {
	call.Reference = s.externalID
	settled := func(item *T) error {
		if accept == nil {
			return nil
		}
		return accept(item)
	}
	return transport.Write[T]{Core: s.c.core, Err: s.c.core.InvalidCall(call, f.Fields), Call: func(out **T) transport.Call {
		call := call
		call.Decode = transport.Into(out, func(body []byte) (T, error) {
			item, err := object[T](body)
			if err == nil && s.externalID != "" && s.externalIDOf(&item) == "" {
				err = wire.Missing("external_id")
			}
			if err == nil {
				err = compare(&item).Direct()
			}
			return item, firstOf(err, settled(&item))
		})
		if s.externalID == "" { // there is nothing to look for: a duplicate may be an earlier call's
			call.Doubts = duplicateOfItself
			return call
		}
		call.Lookup = func(ctx context.Context, existing bool) (transport.Finding, error) {
			item, err := s.look(ctx)
			if err != nil {
				return 0, err
			}
			if item == nil {
				return transport.Absent, nil
			}
			found, err := compare(item).Finding()
			if err == nil && found == transport.Same {
				err = settled(item)
			}
			if err == nil && found == transport.Same {
				*s.existingOf(item), *out = existing, item
			}
			return found, err
		}
		call.Doubts = doubtful
		return call
	}}
}
