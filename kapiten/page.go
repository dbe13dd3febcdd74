package kapiten

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"

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

func (o ListOptions) query() (url.Values, transport.Fields) {
	if o.Page < 0 {
		return nil, transport.Fields{"page": {"must not be negative"}}
	}
	values, err := wire.Query(o)
	if err != nil {
		return nil, transport.Fields{"page": {"cannot be encoded"}}
	}
	return values, nil
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Count int // of all pages together
	// NextPage and PreviousPage are page numbers, 0 where there is none. The
	// links they come from are never followed: in the document's own sample
	// they point to another host.
	NextPage, PreviousPage int
	Raw                    sdk.Raw

	cut bool // the next link leads nowhere new: there may be more
}

// decodePage reads the list envelope, or a bare array, which a server with
// pagination switched off would send.
func decodePage[T any](r *transport.Response, current int, decode func(json.RawMessage) (T, error)) (Page[T], error) {
	page := Page[T]{Raw: r.Body}
	var results []json.RawMessage
	if wire.IsArray(r.Body) {
		if err := json.Unmarshal(r.Body, &results); err != nil {
			return Page[T]{}, err
		}
		page.Count = len(results)
	} else {
		var envelope struct {
			Count    wire.Int           `json:"count"`
			Next     wire.Text          `json:"next"`
			Previous wire.Text          `json:"previous"`
			Results  *[]json.RawMessage `json:"results"`
		}
		if err := json.Unmarshal(r.Body, &envelope); err != nil {
			return Page[T]{}, err
		}
		if envelope.Results == nil {
			return Page[T]{}, missing("results")
		}
		results = *envelope.Results
		page.Count = int(envelope.Count.Int)
		page.NextPage = pageNumber(string(envelope.Next))
		page.PreviousPage = pageNumber(string(envelope.Previous))
		if page.NextPage <= max(current, 1) { // a page that leads nowhere new
			page.NextPage, page.cut = 0, envelope.Next != ""
		}
	}
	page.Items = make([]T, 0, len(results))
	for _, raw := range results {
		item, err := decode(raw)
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

// all walks the pages lazily from the first one, to a next link that leads
// nowhere new. Ranging again starts again.
func all[T any](list func(ListOptions) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for next := 1; next != 0; {
			page, err := list(ListOptions{Page: next})
			if err != nil {
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

// listPage fetches one page of a company's list.
func listPage[T any](ctx context.Context, c *Client, op, companyID string, o ListOptions, decode func(json.RawMessage) (T, error)) (*Page[T], error) {
	query, fields := o.query()
	if err := c.core.Invalid(op, "", fields); err != nil {
		return nil, err
	}
	var page *Page[T]
	err := c.core.Do(ctx, transport.Call{
		Op: op, Path: []string{companyID}, Query: query,
		Decode: func(r *transport.Response) error {
			p, err := decodePage(r, o.Page, decode)
			if err != nil {
				return err
			}
			page = &p
			return nil
		},
	})
	return page, err
}
