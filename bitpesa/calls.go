package bitpesa

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// byID sends an operation that needs only the id of its object.
func byID[T any](ctx context.Context, c *Client, op, id string) (*T, error) {
	return write[T](ctx, c, op, id, transport.Faults{}, nil)
}

// write sends a body, or none, about the object with an id. f holds the faults
// found so far.
func write[T any](ctx context.Context, c *Client, op, id string, f transport.Faults, body any) (result *T, err error) {
	if reason := transport.CheckSegment(id); reason != nil {
		f.Add("id", reason.Error())
	}
	if err := c.core.Invalid(op, id, f.Fields); err != nil {
		return nil, err
	}
	err = c.do(ctx, transport.Call{Op: op, Path: []string{id}, Reference: id, Body: body, Decode: into(&result, decode[T])})
	return result, err
}

// create sends a new object that has no reference of the caller's.
func create[T any](ctx context.Context, c *Client, op string, f transport.Faults, body any) (result *T, err error) {
	if err := c.core.Invalid(op, "", f.Fields); err != nil {
		return nil, err
	}
	err = c.do(ctx, transport.Call{Op: op, Body: body, Decode: into(&result, decode[T])})
	return result, err
}

// list reads all there is of something that has no pages.
func list[T any](ctx context.Context, c *Client, call transport.Call) (items []T, err error) {
	call.Decode = intoList(&items)
	err = c.do(ctx, call)
	return items, err
}
