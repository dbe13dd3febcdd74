package kapiten

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
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
	// NextPage and PreviousPage are page numbers, 0 where there is none. This
	// package never follows the links they come from: in the document's own
	// sample they point to another host.
	NextPage, PreviousPage int
	Raw                    sdk.Raw

	cut bool // the next link leads nowhere new: there may be more
}

const (
	// searchPages is how many pages a search looks through, newest first.
	searchPages = 5

	// Waits between two looks of a Wait grow from the first to the second.
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
)

// list is one list of a company: its rides, its users or its transactions.
type list[T any] struct {
	core   *transport.Core
	op     string
	decode func(body []byte) (T, error)
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
	if err := l.core.Invalid(l.op, "", faults.Fields); err != nil {
		return nil, err
	}
	var page *Page[T]
	err = l.core.Do(ctx, transport.Call{
		Op: l.op, Path: []string{companyID}, Query: query,
		Decode: transport.Into(&page, func(body []byte) (Page[T], error) { return decodePage(body, o.Page, l.decode) }),
	})
	return page, err
}

// all walks the pages lazily from the first one, until a next link leads nowhere
// new. Ranging again starts again.
func (l list[T]) all(ctx context.Context, companyID string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for next := 1; next != 0; {
			page, err := l.page(ctx, companyID, ListOptions{Page: next})
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			next = page.NextPage
		}
	}
}

// search looks through the newest pages. It returns neither item nor error when
// all pages came and no item matches.
func (l list[T]) search(ctx context.Context, companyID, reference string, match func(*T) (bool, error)) (*T, error) {
	for next, n := 1, 0; next != 0 && n < searchPages; n++ {
		page, err := l.page(ctx, companyID, ListOptions{Page: next})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			found, err := match(&page.Items[i])
			if err != nil {
				return nil, l.core.Inconclusive(l.op, reference, err)
			}
			if found {
				item := page.Items[i] // not the page with it
				return &item, nil
			}
		}
		if page.cut {
			return nil, l.core.Inconclusive(l.op, reference, wire.Missing("the number of the next page"))
		}
		next = page.NextPage
	}
	return nil, nil
}

// orAbsent turns a search without a result into its error.
func (l list[T]) orAbsent(reference string, item *T, err error) (*T, error) {
	if item == nil && err == nil {
		return nil, l.core.Absent(l.op, reference)
	}
	return item, err
}

// get searches for an item by the provider's id.
func (l list[T]) get(ctx context.Context, companyID, field, id string, match func(*T) bool) (*T, error) {
	var faults transport.Faults
	faults.Require(field, id)
	if err := l.core.Invalid(l.op, "", faults.Fields); err != nil {
		return nil, err
	}
	item, err := l.search(ctx, companyID, id, func(item *T) (bool, error) { return match(item), nil })
	return l.orAbsent(id, item, err)
}

// wait gets an item until it is final, and returns it as last seen.
func (l list[T]) wait(ctx context.Context, id string, get func(context.Context) (*T, error), final func(*T) bool) (last *T, err error) {
	err = l.core.Poll(ctx, l.op, id, pollMin, pollMax, func(ctx context.Context) (bool, error) {
		item, err := get(ctx)
		if err != nil {
			return false, err
		}
		last = item
		return final(item), nil
	})
	return last, err
}

// decodePage reads the list envelope, or a bare array, which a server with
// pagination switched off would send.
func decodePage[T any](body []byte, current int, decode func(body []byte) (T, error)) (Page[T], error) {
	page := Page[T]{Raw: body}
	var envelope struct {
		Count    int               `json:"count"`
		Next     string            `json:"next"`
		Previous string            `json:"previous"`
		Results  []json.RawMessage `json:"results"`
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
		page.Count = envelope.Count
		page.NextPage = pageNumber(envelope.Next)
		page.PreviousPage = pageNumber(envelope.Previous)
		if page.NextPage <= max(current, 1) { // a page that leads nowhere new
			page.NextPage, page.cut = 0, envelope.Next != ""
		}
	}
	page.Items = make([]T, 0, len(envelope.Results))
	for _, row := range envelope.Results {
		item, err := decode(row)
		if err != nil {
			return Page[T]{}, err
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// pageNumber takes the page number from a link. A link without one is page 1.
func pageNumber(link string) int {
	if link == "" {
		return 0
	}
	u, err := url.Parse(link)
	if err != nil {
		return 0
	}
	text := u.Query().Get("page")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0
	}
	return n
}
