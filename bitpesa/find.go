package bitpesa

import (
	"context"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// findPages bounds how many pages of one external id are looked through.
const findPages = 5

// errFilterIgnored is the reason why a list with foreign external ids proves
// nothing: the filter had no effect, so what is looked for may stand on any page.
const errFilterIgnored = missing("a working external_id filter")

// search looks for the object with an external id of the caller's.
type search[T any] struct {
	c          *Client
	op         string // the list's
	externalID string
	list       func(context.Context, ListOptions) (*Page[T], error)
	idOf       func(*T) string
}

// find returns the object, or the failure ErrNotFound.
func (s search[T]) find(ctx context.Context) (*T, error) {
	var f transport.Faults
	f.Require("external_id", s.externalID)
	if err := s.c.core.Invalid(s.op, s.externalID, f.Fields); err != nil {
		return nil, err
	}
	item, err := s.look(ctx)
	if item == nil && err == nil {
		return nil, s.c.core.Absent(s.op, s.externalID)
	}
	return item, err
}

// look returns the object, or nil if it is surely absent. The guides show
// shortened values in the filter, so that it may match prefixes: the first
// object with the very id is taken, and only pages without a foreign id prove
// that it is absent.
func (s search[T]) look(ctx context.Context) (*T, error) {
	foreign, o := false, ListOptions{Page: 1}
	for n := 0; n < findPages && o.Page != 0 && !foreign; n++ {
		page, err := s.list(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			id := s.idOf(&page.Items[i])
			if id == s.externalID {
				return &page.Items[i], nil
			}
			foreign = foreign || !strings.HasPrefix(id, s.externalID)
		}
		o.Page = page.NextPage
	}
	if foreign || o.Page != 0 {
		return nil, s.c.core.Inconclusive(s.op, s.externalID, errFilterIgnored)
	}
	return nil, nil
}

// settle makes the lookup of a write with an unknown outcome. accept says why
// what was found is not the result of that write; nil takes all.
func (s search[T]) settle(out **T, accept func(*T) error) func(context.Context) (bool, error) {
	if s.externalID == "" {
		return nil // nothing to look for: the write is not repeated
	}
	return func(ctx context.Context) (bool, error) {
		item, err := s.look(ctx)
		if item == nil || err != nil {
			return false, err
		}
		if accept != nil {
			if err := accept(item); err != nil {
				return false, err
			}
		}
		*out = item
		return true, nil
	}
}
