package bitpesa

import (
	"context"
	"iter"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// DocumentsService stores papers for the KYC of senders.
type DocumentsService struct{ c *Client }

// List returns one page of documents.
func (s *DocumentsService) List(ctx context.Context, o ListOptions) (*Page[Document], error) {
	var f transport.Faults
	return listPage[Document](ctx, s.c, OpListDocuments, o, o.query(&f), f)
}

// All iterates over documents, fetching pages as it goes.
func (s *DocumentsService) All(ctx context.Context, o ListOptions) iter.Seq2[Document, error] {
	return all(o, func(page ListOptions) (*Page[Document], error) { return s.List(ctx, page) })
}

// Create uploads a document. It is never sent twice after an unclear answer.
func (s *DocumentsService) Create(ctx context.Context, p DocumentParams) (*Document, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is given by the server")
	}
	p.validate("", &f)
	return create[Document](ctx, s.c, OpCreateDocument, f, map[string]DocumentParams{"document": p})
}

// Get returns a document.
func (s *DocumentsService) Get(ctx context.Context, id string) (*Document, error) {
	return byID[Document](ctx, s.c, OpGetDocument, id)
}
