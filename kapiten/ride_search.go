package kapiten

import (
	"context"
	"errors"
	"strconv"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// SearchResult is what a search says about one external id.
type SearchResult struct {
	Ride *Ride // nil unless there is exactly one ride with the external id
	// Err is nil when Ride is set. It matches sdk.ErrNotFound when there is no such
	// ride, and sdk.ErrUnexpectedResponse when the search cannot tell.
	Err error
}

func (r SearchResult) absent() bool { return errors.Is(r.Err, sdk.ErrNotFound) }

// Find looks for the ride with your external id in a company's list of rides. It
// gives sdk.ErrNotFound when the search came to its end, the list shows external ids
// and none of them is yours. It gives sdk.ErrUnexpectedResponse when it cannot
// tell: two rides have the external id, a row does not show its external id, the list
// leads on to a page that cannot be asked for, or the list is itself not found.
func (s *RidesService) Find(ctx context.Context, companyID, externalID string, o SearchOptions) (*Ride, error) {
	var faults transport.Faults
	faults.RequireReference("external_id", externalID)
	if err := s.list.core.InvalidCall(transport.Call{Op: OpListRides, Path: []string{companyID}, Reference: externalID}, faults.Fields); err != nil {
		return nil, err
	}
	results, _, err := s.find(ctx, companyID, []string{externalID}, o)
	if err != nil {
		return nil, err
	}
	return results[externalID].Ride, results[externalID].Err
}

// FindMany is Find for many external ids: one sweep through the list serves all
// of them. The result has an entry for each. The error is about the search as a
// whole.
func (s *RidesService) FindMany(ctx context.Context, companyID string, externalIDs []string, o SearchOptions) (map[string]SearchResult, error) {
	var faults transport.Faults
	for i, id := range externalIDs {
		faults.RequireReference("external_ids."+strconv.Itoa(i), id)
	}
	if err := s.list.core.InvalidCall(transport.Call{Op: OpListRides, Path: []string{companyID}}, faults.Fields); err != nil {
		return nil, err
	}
	if len(externalIDs) == 0 {
		return map[string]SearchResult{}, nil
	}
	results, _, err := s.find(ctx, companyID, externalIDs, o)
	return results, err
}

// FindCreated is FindMany for rides that you asked for. A ride which has the external id
// and is not the ride asked for gives sdk.ErrReferenceTaken. All params must be of the
// company.
func (s *RidesService) FindCreated(ctx context.Context, companyID string, rides []CreateRideParams, o SearchOptions) (map[string]SearchResult, error) {
	ids := make([]string, len(rides))
	for i := range rides {
		ids[i] = rides[i].ExternalID
	}
	results, err := s.FindMany(ctx, companyID, ids, o)
	if err != nil {
		return nil, err
	}
	for i := range rides {
		p, found := &rides[i], results[rides[i].ExternalID]
		if found.Err != nil {
			continue
		}
		ride := found.Ride
		switch finding, err := p.settle(found, false, &ride); {
		case err != nil:
			found = SearchResult{Err: s.list.core.Inconclusive(OpListRides, p.ExternalID, err)}
		case finding == transport.Different:
			e := s.list.core.Inconclusive(OpListRides, p.ExternalID, errOtherRide)
			e.Reasons = []error{sdk.ErrReferenceTaken}
			found = SearchResult{Err: e}
		default:
			found.Ride = ride
		}
		results[p.ExternalID] = found
	}
	return results, nil
}

const (
	errOtherRide    = wire.Missing("the ride that was asked for")
	errNoExternalID = wire.Missing("external_id")
	errTwoRides     = wire.Missing("a single ride with this external id")
)

// find looks for rides by external id. It does not end at the first ride that fits:
// a second one would make both doubtful.
func (s *RidesService) find(ctx context.Context, companyID string, externalIDs []string, o SearchOptions) (map[string]SearchResult, swept, error) {
	wanted := make(map[string]SearchResult, len(externalIDs))
	for _, id := range externalIDs {
		wanted[id] = SearchResult{}
	}
	reference := ""
	if len(externalIDs) == 1 {
		reference = externalIDs[0]
	}
	hidden := false
	end, err := s.list.sweep(ctx, companyID, reference, 1, o, func(row *Ride) bool {
		if row.external != externalShown {
			hidden = hidden || row.external != externalNone
			return false
		}
		found, ok := wanted[row.ExternalID]
		switch {
		case !ok || found.Ride != nil && found.Ride.ID == row.ID: // the same row again, pushed to a later page
		case found.Ride != nil:
			found.Err = s.list.core.Inconclusive(OpListRides, row.ExternalID, errTwoRides)
			wanted[row.ExternalID] = found
		default:
			copied := *row // not the page with it
			wanted[row.ExternalID] = SearchResult{Ride: &copied}
		}
		return false
	})
	if err != nil {
		return nil, end, err
	}
	if end.doubt == nil && hidden {
		end.doubt = errNoExternalID
	}
	for id, found := range wanted {
		switch {
		case found.Err != nil:
			found.Ride = nil
		case found.Ride != nil:
		case end.doubt != nil:
			found.Err = s.list.core.Inconclusive(OpListRides, id, end.doubt)
		default:
			found.Err = s.list.core.Absent(OpListRides, id)
		}
		wanted[id] = found
	}
	return wanted, end, nil
}

// settle is what a look for the external id means for the call. It keeps the ride
// when it is the one that was asked for.
func (p *CreateRideParams) settle(found SearchResult, existing bool, out **Ride) (transport.Finding, error) {
	switch {
	case found.absent():
		return transport.Absent, nil
	case errors.Is(found.Err, errTwoRides):
		return transport.Doubtful, found.Err
	case found.Err != nil:
		return 0, found.Err
	}
	ride := *found.Ride
	var w rideShown
	_ = wire.Unmarshal(ride.Raw, &w) // it is an object
	same, shown := p.compare(&ride, &w)
	finding, err := same.Finding()
	if finding == transport.Same {
		ride.Existing, ride.Unverified = existing, !shown
		*out = &ride
	}
	return finding, err
}
