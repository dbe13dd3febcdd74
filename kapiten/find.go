package kapiten

import (
	"context"
	"errors"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// searchPages is how many pages of the newest rides a search looks through.
const searchPages = 5

// Find looks for a ride by its id among a company's newest rides (five pages;
// no endpoint for a single ride is documented) and gives ErrNotFound when it is
// not among them.
func (s *RidesService) Find(ctx context.Context, companyID, rideID string) (*Ride, error) {
	var f transport.Faults
	f.Require("ride_id", rideID)
	if err := s.c.core.Invalid(OpListRides, "", f.Fields); err != nil {
		return nil, err
	}
	ride, err := search(s.c, OpListRides, rideID,
		func(o ListOptions) (*Page[Ride], error) { return s.List(ctx, companyID, o) },
		func(r Ride) (bool, error) { return r.ID == rideID, nil })
	return orAbsent(s.c, OpListRides, rideID, ride, err)
}

// FindByExternalID looks for the newest ride with an external id among a
// company's newest rides (five pages) and gives ErrNotFound when the lists have
// answered and none of them has it. Where nothing can be said, the error is
// ErrUnexpectedResponse instead: the lists do not show the external id (that they
// do is assumed), lead on to a page that cannot be asked for, or are themselves
// not found.
func (s *RidesService) FindByExternalID(ctx context.Context, companyID, externalID string) (*Ride, error) {
	var f transport.Faults
	f.Require("external_id", externalID)
	if err := s.c.core.Invalid(OpListRides, externalID, f.Fields); err != nil {
		return nil, err
	}
	ride, err := s.look(ctx, companyID, externalID)
	return orAbsent(s.c, OpListRides, externalID, ride, err)
}

// look finds the newest ride with an external id. No ride and no error means
// that none of the newest has it.
func (s *RidesService) look(ctx context.Context, companyID, externalID string) (*Ride, error) {
	ride, err := search(s.c, OpListRides, externalID,
		func(o ListOptions) (*Page[Ride], error) { return s.List(ctx, companyID, o) },
		func(r Ride) (bool, error) {
			if !r.showsExternalID {
				return false, missing("external_id")
			}
			return r.ExternalID == externalID, nil
		})
	// A wrong route or another company's id is not found either. Taken for the
	// ride's absence, it would have the ride created a second time.
	var list *sdk.Error
	if errors.Is(err, sdk.ErrNotFound) && errors.As(err, &list) {
		f := s.c.core.Inconclusive(OpListRides, externalID, missing("a list of rides"))
		f.StatusCode, f.Message, f.Body, f.RequestID, f.Attempts = list.StatusCode, list.Message, list.Body, list.RequestID, list.Attempts
		err = f
	}
	return ride, err
}

// Find looks for a transaction by its id among the newest five pages of the
// ledger and gives ErrNotFound when it is not among them.
func (s *WalletService) Find(ctx context.Context, companyID, transactionID string) (*Transaction, error) {
	var f transport.Faults
	f.Require("transaction_id", transactionID)
	if err := s.c.core.Invalid(OpListTransactions, "", f.Fields); err != nil {
		return nil, err
	}
	transaction, err := search(s.c, OpListTransactions, transactionID,
		func(o ListOptions) (*Page[Transaction], error) { return s.Transactions(ctx, companyID, o) },
		func(t Transaction) (bool, error) { return t.ID == transactionID, nil })
	return orAbsent(s.c, OpListTransactions, transactionID, transaction, err)
}

// search returns nothing at all when the pages answered and have no match.
func search[T any](c *Client, op, reference string, list func(ListOptions) (*Page[T], error), match func(T) (bool, error)) (*T, error) {
	inconclusive := func(cause error) error {
		return c.core.Inconclusive(op, reference, cause)
	}
	for next, n := 1, 0; next != 0 && n < searchPages; n++ {
		page, err := list(ListOptions{Page: next})
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			found, err := match(item)
			if err != nil {
				return nil, inconclusive(err)
			}
			if found {
				return &item, nil
			}
		}
		if page.cut {
			return nil, inconclusive(missing("the number of the next page"))
		}
		next = page.NextPage
	}
	return nil, nil
}

func orAbsent[T any](c *Client, op, reference string, item *T, err error) (*T, error) {
	if item == nil && err == nil {
		return nil, c.core.Absent(op, reference)
	}
	return item, err
}
