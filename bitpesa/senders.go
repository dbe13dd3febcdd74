package bitpesa

import (
	"context"
	"iter"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// SendersService manages who sends money. Only approved senders transact, unless
// KYC is waived for the account.
type SendersService struct{ c *Client }

// SenderListOptions choose a page of senders.
type SenderListOptions struct {
	ListOptions
	Created    Created
	ExternalID string // exact match is assumed
}

// Create stores a sender. With an ExternalID it is safe against unclear
// outcomes: the sender is then looked up, and sent once more only if it is
// surely absent. Without one an unclear outcome is returned as ErrOutcomeUnknown.
// A taken ExternalID is ErrDuplicate, and the Existing in Error.Detail has the sender.
func (s *SendersService) Create(ctx context.Context, p SenderParams) (*Sender, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is given by the server")
	}
	p.create("", &f)
	if err := s.c.core.Invalid(OpCreateSender, p.ExternalID, f.Fields); err != nil {
		return nil, err
	}
	var sender *Sender
	err := s.c.do(ctx, transport.Call{
		Op: OpCreateSender, Reference: p.ExternalID,
		Body:   map[string]SenderParams{"sender": p},
		Decode: into(&sender, decode[Sender]),
		Lookup: s.search(p.ExternalID).settle(&sender, nil),
	})
	return sender, err
}

// Get returns a sender by BitPesa's id.
func (s *SendersService) Get(ctx context.Context, id string) (*Sender, error) {
	return byID[Sender](ctx, s.c, OpGetSender, id)
}

// FindByExternalID returns the sender with an external id of yours, or
// ErrNotFound.
func (s *SendersService) FindByExternalID(ctx context.Context, externalID string) (*Sender, error) {
	return s.search(externalID).find(ctx)
}

func (s *SendersService) search(externalID string) search[Sender] {
	return search[Sender]{s.c, OpListSenders, externalID,
		func(ctx context.Context, o ListOptions) (*Page[Sender], error) {
			return s.List(ctx, SenderListOptions{ListOptions: o, ExternalID: externalID})
		},
		func(sender *Sender) string { return sender.ExternalID }}
}

// List returns one page of senders, newest first (assumed).
func (s *SendersService) List(ctx context.Context, o SenderListOptions) (*Page[Sender], error) {
	var f transport.Faults
	q := o.query(&f)
	o.Created.set(q)
	setText(q, "external_id", o.ExternalID)
	return listPage[Sender](ctx, s.c, OpListSenders, o.ListOptions, q, f)
}

// All iterates over senders, fetching pages as it goes.
func (s *SendersService) All(ctx context.Context, o SenderListOptions) iter.Seq2[Sender, error] {
	return all(o.ListOptions, func(page ListOptions) (*Page[Sender], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Update changes the given fields of a sender; empty ones stay as they are.
// KYC may start anew.
func (s *SendersService) Update(ctx context.Context, id string, p SenderParams) (*Sender, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is an argument of its own")
	}
	p.forms("", &f)
	return write[Sender](ctx, s.c, OpUpdateSender, id, f, map[string]SenderParams{"sender": p})
}

// Delete disables a sender and returns it.
func (s *SendersService) Delete(ctx context.Context, id string) (*Sender, error) {
	return byID[Sender](ctx, s.c, OpDeleteSender, id)
}
