package kapiten

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ListOptions choose a page of a list.
type ListOptions struct {
	// Page is the page number; 0 and 1 are the first. The page size is the
	// server's and not documented.
	Page int `url:"page,omitempty"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Count int // of all pages together
	// Skipped is how many rows of this page could not be read. They are in Raw.
	Skipped int
	// NextPage and PreviousPage are page numbers, 0 where there is none. This
	// package never follows the links they come from: in the document's own
	// sample they point to another host.
	NextPage, PreviousPage int
	Raw                    sdk.Raw

	cut     bool  // the list goes on in a way that cannot be followed
	counted bool  // the response shows how many rows there are
	rows    int64 // how many these are
}

// SearchOptions say where a search ends. A search goes through a list from the
// newest page on. Without options it ends at the end of the list, which costs a
// request for every page there is.
type SearchOptions struct {
	// Since ends the search at the first row that was created before it, where the
	// list shows created_at (assumed), with seconds and a zone: a row that shows less
	// ends no search. What you look for must be younger than Since
	// by Kapiten's clock: allow for the difference between your clocks.
	Since time.Time
	// Before are ids that were in the list before the write that you look for was
	// sent: those of page 1, say. The search ends with the page that shows any of
	// them.
	Before []string
	// MaxPages limits the search. A search that reaches the limit cannot tell
	// whether what you look for exists. Default: 1000.
	MaxPages int
}

const defaultMaxPages = 1000

// Waits between two looks of a Wait grow from the first to the second.
const (
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
)

// list is one list of a company: its rides, its users or its transactions.
type list[T any] struct {
	core   *transport.Core
	op     string
	decode func(body []byte) (T, error)
	// id and created tell a row from others, and from what existed before.
	id      func(*T) string
	created func(*T) (time.Time, sdk.Raw)
}

// older reports that a row was made before a moment. A row without seconds or a zone is
// never older: it may have been made later than it seems. A server may cut fractions off.
func (l list[T]) older(row *T, since time.Time) bool {
	if since.IsZero() {
		return false
	}
	at, raw := l.created(row)
	if at.IsZero() || !at.Before(since.Truncate(time.Second)) {
		return false
	}
	var shown struct {
		CreatedAt wire.Time `json:"created_at"`
	}
	return wire.Unmarshal(raw, &shown) == nil && wire.ExactTime(shown.CreatedAt.Text)
}

// page fetches one page.
func (l list[T]) page(ctx context.Context, companyID string, o ListOptions) (*Page[T], error) {
	var faults transport.Faults
	if o.Page < 0 {
		faults.Add("page", "must not be negative")
	}
	query, err := wire.Query(o)
	if err != nil {
		faults.Add("page", "cannot be encoded")
	}
	var page *Page[T]
	call := transport.Call{
		Op: l.op, Path: []string{companyID}, Query: query,
		Decode: transport.Into(&page, func(body []byte) (Page[T], error) { return decodePage(body, o.Page, l.decode) }),
	}
	if err := l.core.InvalidCall(call, faults.Fields); err != nil {
		return nil, err
	}
	err = l.core.Do(ctx, call)
	return page, err
}

// Why a search cannot tell, or a list cannot be gone through.
const (
	errNoNextPage = wire.Missing("the number of the next page")
	errNoList     = wire.Missing("a list")
	errRowsLost   = wire.Missing("some of the rows it counts")
	errSkipped    = wire.Missing("a row that can be read")
	errLimit      = wire.Missing("an end within the limit of pages")
)

// all walks the pages lazily from the first one. Ranging again starts again.
func (l list[T]) all(ctx context.Context, companyID string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rows := 0
		for next := 1; next != 0; {
			page, err := l.page(ctx, companyID, ListOptions{Page: next})
			if err != nil {
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			rows += len(page.Items) + page.Skipped
			switch next = page.NextPage; {
			case page.cut:
				yield(zero, l.core.Inconclusive(l.op, "", errNoNextPage))
				return
			case next == 0 && int64(rows) < page.rows:
				yield(zero, l.core.Inconclusive(l.op, "", errRowsLost))
			}
		}
	}
}

// swept is what a sweep through a list came to.
type swept struct {
	newest []string // ids of the first page, never nil
	last   int      // the last page looked at
	doubt  error    // why a row that was not seen may exist all the same; nil: it does not
}

// sweep goes through a list from a page on, until visit is done, or until the list
// shows what existed before. A list that is "not found" settles nothing: it may have
// lost the page, or the company may be wrong.
func (l list[T]) sweep(ctx context.Context, companyID, reference string, first int, o SearchOptions, visit func(*T) (done bool)) (swept, error) {
	s := swept{newest: []string{}}
	limit := o.MaxPages
	if limit <= 0 {
		limit = defaultMaxPages
	}
	rows, reached := 0, false
	for s.last = max(first, 1); ; s.last++ {
		page, err := l.page(ctx, companyID, ListOptions{Page: s.last})
		if err != nil {
			return s, l.notAbsence(reference, s.last, err)
		}
		rows += len(page.Items) + page.Skipped
		if page.Skipped > 0 {
			s.doubt = errSkipped
		}
		done := false
		for i := range page.Items {
			row := &page.Items[i]
			if s.last == 1 {
				s.newest = append(s.newest, l.id(row))
			}
			done = visit(row) || done
			reached = reached || slices.Contains(o.Before, l.id(row)) || l.older(row, o.Since)
		}
		switch {
		case done, reached:
			return s, nil
		case page.cut:
			s.doubt = errNoNextPage
			return s, nil
		case page.NextPage == 0:
			if s.doubt == nil && first <= 1 {
				s.doubt = page.incomplete(rows)
			}
			return s, nil
		case s.last-max(first, 1)+1 >= limit:
			s.doubt = errLimit
			return s, nil
		}
	}
}

// incomplete says why a list that has come to its end may have more rows: it counts
// more, or it is no list but an empty pair of brackets.
func (p *Page[T]) incomplete(rows int) error {
	switch {
	case int64(rows) < p.rows:
		return errRowsLost
	case !p.counted && rows == 0:
		return errNoList
	}
	return nil
}

// notAbsence turns the "not found" of a list into a search that cannot tell. Read as
// the absence of a ride, it would create the ride a second time. Without its first page
// there is no list, and asking again does not help.
func (l list[T]) notAbsence(reference string, page int, err error) error {
	var list *sdk.Error
	if !errors.Is(err, sdk.ErrNotFound) || !errors.As(err, &list) {
		return err
	}
	e := l.core.Inconclusive(l.op, reference, errNoList)
	e.StatusCode, e.Message, e.Body, e.RequestID, e.Attempts = list.StatusCode, list.Message, list.Body, list.RequestID, list.Attempts
	if page == 1 {
		e.Outcome = list.Outcome
	}
	return e
}

// get searches for an item by the provider's id.
func (l list[T]) get(ctx context.Context, companyID, field, id string) (*T, error) {
	item, _, err := l.getFrom(ctx, companyID, field, id, 1)
	return item, err
}

// getFrom searches from a page on, and says on which page the item is.
func (l list[T]) getFrom(ctx context.Context, companyID, field, id string, first int) (*T, int, error) {
	var faults transport.Faults
	faults.RequireReference(field, id)
	if err := l.core.InvalidCall(transport.Call{Op: l.op, Path: []string{companyID}}, faults.Fields); err != nil {
		return nil, 0, err
	}
	var found *T
	s, err := l.sweep(ctx, companyID, id, first, SearchOptions{}, func(item *T) bool {
		if found == nil && l.id(item) == id {
			copied := *item // not the page with it
			found = &copied
		}
		return found != nil
	})
	switch {
	case err != nil:
		return nil, 0, err
	case found != nil:
		return found, s.last, nil
	case s.doubt != nil:
		return nil, 0, l.core.Inconclusive(l.op, id, s.doubt)
	}
	return nil, 0, l.core.Absent(l.op, id)
}

// wait gets an item until it is final, and returns it as last seen. New rows push an
// item to later pages, so each look starts at the page of the last one.
func (l list[T]) wait(ctx context.Context, companyID, field, id string, final func(*T) bool) (last *T, err error) {
	page := 1
	err = l.core.Poll(ctx, l.op, id, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		item, at, err := l.getFrom(ctx, companyID, field, id, page)
		if err != nil && page > 1 && ctx.Err() == nil {
			item, at, err = l.getFrom(ctx, companyID, field, id, 1)
		}
		if err != nil {
			return false, err
		}
		last, page = item, at
		return final(item), nil
	})
	return last, err
}

// decodePage reads the list envelope, or a bare array, which a server with
// pagination switched off would send. A row that cannot be read is skipped.
func decodePage[T any](body []byte, current int, decode func(body []byte) (T, error)) (Page[T], error) {
	page := Page[T]{Raw: body}
	var envelope struct {
		Count    json.RawMessage   `json:"count"`
		Next     json.RawMessage   `json:"next"`
		Previous json.RawMessage   `json:"previous"`
		Results  []json.RawMessage `json:"results"`
		Extra    map[string]any    // other ways to go on
	}
	if wire.IsArray(body) {
		if err := wire.Unmarshal(body, &envelope.Results); err != nil {
			return Page[T]{}, err
		}
		page.Count = len(envelope.Results)
	} else {
		if err := wire.Unmarshal(body, &envelope); err != nil {
			return Page[T]{}, err
		}
		if envelope.Results == nil {
			return Page[T]{}, wire.Missing("results")
		}
		var count wire.Int
		unread := count.UnmarshalJSON(envelope.Count) != nil && envelope.Count != nil
		page.counted = count.Valid && count.Int >= 0
		page.Count = int(count.Int)
		ahead := wire.Outlook{Rows: count.Int}
		ahead.Read(envelope.Extra)
		page.rows = ahead.Rows
		page.PreviousPage, _ = pageNumber(envelope.Previous)
		next, more := pageNumber(envelope.Next)
		switch current = max(current, 1); {
		case next == current+1:
			page.NextPage = next
		case more, ahead.More, ahead.Pages > int64(current), // to nowhere, or past rows that nobody has seen
			unread, !page.counted && !wire.Has(body, "next"): // perhaps in a way that nobody knows
			page.cut = true
		}
	}
	page.Items = make([]T, 0, len(envelope.Results))
	for _, row := range envelope.Results {
		item, err := decode(row)
		if err != nil {
			page.Skipped++
			continue
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// pageNumber takes the page number from a link, and says whether there is a link. A
// link without a page leads to page 1. Links by offset or cursor have no number.
func pageNumber(raw json.RawMessage) (number int, linked bool) {
	if len(raw) == 0 || string(raw) == "null" || string(raw) == "false" || string(raw) == `""` {
		return 0, false
	}
	u, err := url.Parse(text(raw))
	if err != nil {
		return 0, true
	}
	query := u.Query()
	if query.Has("offset") || query.Has("cursor") {
		return 0, true
	}
	if !query.Has("page") {
		return 1, true
	}
	n, err := strconv.Atoi(query.Get("page"))
	if err != nil || n < 1 {
		return 0, true
	}
	return n, true
}
