package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Count int // of all pages together
	Pages int // how many pages there are
	// NextPage and PreviousPage are page numbers, 0 where there is none.
	NextPage, PreviousPage int
	Raw                    sdk.Raw
}

func decodePage[T any](r *transport.Response, asked int) (*Page[T], error) {
	var envelope struct {
		Object json.RawMessage `json:"object"`
		Meta   struct {
			Pagination struct {
				Next  int `json:"next_page"`
				Prev  int `json:"prev_page"`
				Pages int `json:"total_pages"`
				Count int `json:"total_count"`
			} `json:"pagination"`
		} `json:"meta"`
	}
	if err := wire.Unmarshal(r.Body, &envelope); err != nil {
		return nil, err
	}
	if envelope.Object == nil {
		return nil, missing("object")
	}
	items, err := decodeList[T](envelope.Object)
	if err != nil {
		return nil, err
	}
	p := envelope.Meta.Pagination
	if p.Next <= max(asked, 1) { // a page that leads nowhere new
		p.Next = 0
	}
	return &Page[T]{Items: items, Count: p.Count, Pages: p.Pages, NextPage: p.Next, PreviousPage: max(p.Prev, 0), Raw: r.Body}, nil
}

// listPage fetches one page. f holds the faults found so far.
func listPage[T any](ctx context.Context, c *Client, op string, o ListOptions, q url.Values, f transport.Faults) (page *Page[T], err error) {
	if err := c.core.Invalid(op, "", f.Fields); err != nil {
		return nil, err
	}
	err = c.do(ctx, transport.Call{Op: op, Query: q, Decode: func(r *transport.Response) (err error) {
		page, err = decodePage[T](r, o.Page)
		return err
	}})
	return page, err
}

// all walks the pages lazily from the given one. Ranging again starts again.
func all[T any](o ListOptions, list func(ListOptions) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		o := o
		for o.Page = max(o.Page, 1); o.Page != 0; {
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
			o.Page = page.NextPage
		}
	}
}
