package transport

import (
	"bytes"
	"context"
	"errors"
	"net/url"

	"github.com/kapiteni/kapiten-go/sdk"
)

// sharedKey names the writes of a client that must not be under way at once.
type sharedKey struct{ operation, reference string }

// sharedCall is a write under way. Calls with the same identity wait for it and
// take its result. Calls with another one wait for their turn.
type sharedCall struct {
	identity string
	waiting  int           // calls that take its result
	done     chan struct{} // closed when the fields below are set

	response  *Response // of a success without a lookup
	existing  bool      // of a success by lookup
	answers   *answers  // which that lookup got
	err       *sdk.Error
	open      bool // an attempt may have been carried out
	abandoned bool // its caller has gone, or has no time left: the next one goes on
}

// share carries out a write with a reference, unless the same write is under way
// in this client already.
func (c *Core) share(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call) *sdk.Error {
	key := sharedKey{op.Name, call.Reference}
	identity := call.Identity
	if identity == "" {
		identity = string(body)
	}
	var h history
	for {
		c.mu.Lock()
		s := c.shared[key]
		if s == nil {
			s = &sharedCall{identity: identity, done: make(chan struct{})}
			c.shared[key] = s
			c.mu.Unlock()
			return c.lead(ctx, key, s, op, u, body, call, h)
		}
		s.waiting++
		c.mu.Unlock()
		select {
		case <-s.done:
		case <-ctx.Done():
			e := c.unknown(op, call.class(op.Class), call)
			if s.identity != identity && !h.open {
				e.Outcome = sdk.NotSent // it was not yet this call's turn
			}
			return withCause(ctx, e)
		}
		switch {
		case s.identity != identity:
		case s.abandoned:
			h.open = h.open || s.open
		case s.err != nil:
			e := *s.err
			return &e
		default:
			return c.take(ctx, op, call, s)
		}
	}
}

func withCause(ctx context.Context, e *sdk.Error) *sdk.Error {
	e.Cause = &wrapped{text: errShared.Error(), err: ctx.Err()}
	return e
}

// lead carries the write out for all who wait for it.
func (c *Core) lead(ctx context.Context, key sharedKey, s *sharedCall, op *sdk.Operation, u *url.URL, body []byte, call *Call, h history) *sdk.Error {
	led := *call
	decode, lookup := call.Decode, call.Lookup
	led.Decode = func(r *Response) error {
		if decode != nil {
			if err := decode(r); err != nil {
				return err
			}
		}
		kept := *r
		s.response = &kept
		return nil
	}
	led.Lookup = func(ctx context.Context, existing bool) (Finding, error) {
		s.existing, s.answers = existing, &answers{of: map[string]Response{}}
		return lookup(context.WithValue(ctx, answersKey{}, s.answers), existing)
	}
	s.open = true // should the call panic
	defer func() {
		c.mu.Lock()
		delete(c.shared, key)
		c.mu.Unlock()
		if s.waiting > 0 {
			s.keep() // this call's result may have the same bytes
		}
		close(s.done)
	}()
	s.abandoned = true
	s.err, s.open = c.run(ctx, op, u, body, &led, h)
	s.abandoned = s.err != nil && (ctx.Err() != nil || errors.Is(s.err, errNoTimeToLook))
	return s.err
}

// answers are the responses to the reads of a lookup, by request. Calls that have waited
// read them again, instead of each going through the same list.
type answers struct {
	of       map[string]Response
	complete bool
}

type answersKey struct{}

// keep makes what others will read independent of what this call returns.
func (s *sharedCall) keep() {
	if s.response != nil {
		s.response.Body = bytes.Clone(s.response.Body)
	}
	if s.answers != nil {
		for request, r := range s.answers.of {
			r.Body = bytes.Clone(r.Body)
			s.answers.of[request] = r
		}
		s.answers.complete = true
	}
}

// read carries out a read. As part of a lookup it keeps the response for others, or
// takes what another call has kept.
func (c *Core) read(ctx context.Context, op *sdk.Operation, u *url.URL, body []byte, call *Call) *sdk.Error {
	if known, _ := ctx.Value(answersKey{}).(*answers); known != nil {
		request := op.Method + " " + u.String() + "\n" + string(body)
		if kept, ok := known.of[request]; ok && known.complete && c.again(op, call, kept) == nil {
			return nil
		}
		if decode := call.Decode; decode != nil && !known.complete {
			noting := *call
			noting.Decode = func(r *Response) error {
				kept := *r
				err := decode(r)
				if err == nil {
					known.of[request] = kept
				}
				return err
			}
			call = &noting
		}
	}
	e, _ := c.run(ctx, op, u, body, call, history{})
	return e
}

// again decodes a response to another call with the same request. Each call gets a
// response of its own, because Decode may keep it.
func (c *Core) again(op *sdk.Operation, call *Call, kept Response) error {
	if call.Decode == nil {
		return nil
	}
	r := Response{Status: kept.Status, Header: kept.Header.Clone(), Body: bytes.Clone(kept.Body), Reference: call.Reference}
	_ = c.cfg.Interpret(*op, &r) // for Parsed
	return call.Decode(&r)
}

// take makes the result of another call this call's.
func (c *Core) take(ctx context.Context, op *sdk.Operation, call *Call, s *sharedCall) *sdk.Error {
	unclear := func(err error) *sdk.Error {
		e := c.unknown(op, call.class(op.Class), call)
		e.Reasons, e.Cause = []error{sdk.ErrUnexpectedResponse}, err
		return e
	}
	if s.response != nil {
		if err := c.again(op, call, *s.response); err != nil {
			return unclear(&wrapped{text: "response not understood", err: err})
		}
		return nil
	}
	switch found, err := call.Lookup(context.WithValue(ctx, answersKey{}, s.answers), s.existing); {
	case err != nil:
		return unclear(&otherCall{text: "lookup by reference failed", err: err})
	case found != Same:
		return unclear(errStillAbsent)
	}
	return nil
}
