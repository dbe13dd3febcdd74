package kotani

import (
	"context"
	"net/url"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// StatusByRequestID returns the state of a transaction by Kotani's own id. An
// unknown id gives ErrNotFound (assumed wording).
func (s *FiatService) Get(ctx context.Context, requestID string) (*Transaction, error) {
	var f faults
	f.segment("requestId", requestID)
	return call(ctx, s.c, f, transport.Call{
		Op: OpStatusByRequestID, Path: []string{requestID}, Reference: requestID,
	}, decodeStatus)
}

// StatusByExternalID returns the state of a transaction by your own reference:
// Collections for deposits, Payouts for withdrawals. An unknown one gives
// ErrNotFound (assumed wording). An answer about another external id is
// ErrUnexpectedResponse.
func (s *FiatService) Find(ctx context.Context, externalID string, kind TransactionType) (*Transaction, error) {
	var f faults
	f.reference("externalId", externalID)
	f.Require("transactionalType", string(kind))
	return call(ctx, s.c, f, transport.Call{
		Op: OpStatusByExternalID, Path: []string{externalID}, Reference: externalID,
		Query: url.Values{"transactionalType": {string(kind)}},
	}, func(body []byte) (Transaction, error) {
		t, err := decodeStatus(body)
		if err == nil && t.ExternalID != "" && t.ExternalID != externalID {
			err = mismatch("the answer is about another external id")
		}
		return t, err
	})
}
