package kapiten

import (
	"context"
	"errors"
	"time"
)

// settleGrace is how long CreateOnce waits for a ride that is still being
// created on the other side before it believes in its absence.
const settleGrace = 3 * time.Second

// CreateOnce creates a delivery unless one with the same external id is among
// the company's newest rides already, and settles an unknown outcome by looking
// there: a ride that is found is returned; one that is absent, and still absent
// three seconds later, is sent once more. Calling it again with the same
// parameters, in this process or after a crash, therefore returns the first
// ride.
//
// Its limits, because Kapiten promises no unique external id:
//
//   - It looks through the five newest pages of rides only.
//   - A request that the far side holds back for longer than those three
//     seconds and then carries out becomes a second ride.
//   - Two calls at the same time with the same external id can create two.
//   - It needs lists that show the external id (assumed). Where they do not, it
//     refuses to create anything.
//   - A ride is found whatever its status: to try a cancelled delivery again,
//     use a new external id.
//
// When the outcome stays unknown, the error matches ErrOutcomeUnknown.
func (s *RidesService) CreateOnce(ctx context.Context, p CreateRideParams) (*Ride, error) {
	f := faults{p.validate()}
	f.required("external_id", p.ExternalID)
	if err := s.c.invalid(OpCreateRide, p.ExternalID, f.fields); err != nil {
		return nil, err
	}
	ride, err := s.FindByExternalID(ctx, p.CompanyID, p.ExternalID)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return ride, err
	}
	ride, err = s.Create(ctx, p)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return ride, err
	}
	if ride, absent := s.settle(ctx, p); !absent {
		return orUnknown(ride, err)
	}
	ride, err = s.Create(ctx, p)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return ride, err
	}
	ride, _ = s.settle(ctx, p)
	return orUnknown(ride, err)
}

// settle looks for the ride of a request whose outcome is unknown. It returns
// the ride, or says that it is absent, or neither.
func (s *RidesService) settle(ctx context.Context, p CreateRideParams) (ride *Ride, absent bool) {
	for looks := 0; ; looks++ {
		ride, err := s.FindByExternalID(ctx, p.CompanyID, p.ExternalID)
		if err == nil {
			return ride, false
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, false
		}
		if looks > 0 {
			return nil, true
		}
		timer := time.NewTimer(settleGrace)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, false
		}
	}
}

func orUnknown(ride *Ride, unknown error) (*Ride, error) {
	if ride != nil {
		return ride, nil
	}
	return nil, unknown
}
