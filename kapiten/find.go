package kapiten

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// searchPages is how many pages of the newest rides a search looks through.
const searchPages = 5

// Find looks for a ride by its id among a company's newest rides (five pages;
// no endpoint for a single ride is documented) and gives ErrNotFound when it is
// not among them.
func (s *RidesService) Find(ctx context.Context, companyID, rideID string) (*Ride, error) {
	var f faults
	f.required("ride_id", rideID)
	if err := s.c.invalid(OpListRides, "", f.fields); err != nil {
		return nil, err
	}
	return search(s.c, OpListRides, rideID,
		func(o ListOptions) (*Page[Ride], error) { return s.List(ctx, companyID, o) },
		func(r Ride) (bool, error) { return r.ID == rideID, nil })
}

// FindByExternalID looks for the newest ride with an external id among a
// company's newest rides (five pages) and gives ErrNotFound when none of them
// has it. That lists show the external id is assumed; if they do not, nothing
// can be said and the error is ErrUnexpectedResponse instead.
func (s *RidesService) FindByExternalID(ctx context.Context, companyID, externalID string) (*Ride, error) {
	var f faults
	f.required("external_id", externalID)
	if err := s.c.invalid(OpListRides, externalID, f.fields); err != nil {
		return nil, err
	}
	return search(s.c, OpListRides, externalID,
		func(o ListOptions) (*Page[Ride], error) { return s.List(ctx, companyID, o) },
		func(r Ride) (bool, error) {
			if !r.showsExternalID {
				return false, missing("external_id")
			}
			return r.ExternalID == externalID, nil
		})
}

// Find looks for a transaction by its id among the newest five pages of the
// ledger and gives ErrNotFound when it is not among them.
func (s *WalletService) Find(ctx context.Context, companyID, transactionID string) (*Transaction, error) {
	var f faults
	f.required("transaction_id", transactionID)
	if err := s.c.invalid(OpListTransactions, "", f.fields); err != nil {
		return nil, err
	}
	return search(s.c, OpListTransactions, transactionID,
		func(o ListOptions) (*Page[Transaction], error) { return s.Transactions(ctx, companyID, o) },
		func(t Transaction) (bool, error) { return t.ID == transactionID, nil })
}

func search[T any](c *Client, op, reference string, list func(ListOptions) (*Page[T], error), match func(T) (bool, error)) (*T, error) {
	row := c.core.Operation(op)
	for next, n := 1, 0; next != 0 && n < searchPages; n++ {
		page, err := list(ListOptions{Page: next})
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			found, err := match(item)
			if err != nil {
				return nil, publicError(transport.Inconclusive("kapiten", row, reference, err))
			}
			if found {
				return &item, nil
			}
		}
		next = page.NextPage
	}
	return nil, publicError(transport.Absent("kapiten", row, reference))
}
