package kapiten

import (
	"context"
)

// CreateOnce creates a delivery unless one with the same external id is among
// the company's newest rides already, and settles an unknown outcome by looking
// there: a ride that is found is returned; one that is absent, and still absent
// three seconds later, is sent once more, and looked for again unless that
// succeeds. Calling it again with the same parameters, in this process or after a
// crash, therefore returns the first ride.
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
	f := p.validate()
	f.Require("external_id", p.ExternalID)
	if err := s.c.core.Invalid(OpCreateRide, p.ExternalID, f.Fields); err != nil {
		return nil, err
	}
	ride, err := s.look(ctx, p.CompanyID, p.ExternalID)
	if ride != nil || err != nil {
		return ride, err
	}
	return s.create(ctx, p, func(ctx context.Context) (*Ride, error) {
		return s.look(ctx, p.CompanyID, p.ExternalID)
	})
}
