package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// clockDifference is how far Kapiten's clock may lag behind the database's. A search
// ends at rows that are older than the request by more.
const clockDifference = time.Hour

// rideSearchPages bounds one sweep through the list of rides. A sweep that reaches the
// bound cannot tell.
const rideSearchPages = 200

// KapitenRides makes a flow of the rides of one company. The reference is the
// ExternalID. CompanyID of the parameters may be empty. A new company's rides are a flow
// of their own.
//
// A ride is a searched write: Kapiten promises no unique external id. A ride in doubt is
// looked for, and is stuck when Kapiten does not show it. One sweep through the list
// serves all rides of the flow that are due, however many are open. It ends at the
// rides that were there before the oldest of them was sent.
//
// A ride's price is not known before: the spend limit counts each ride as 1.
//
// Kapiten's callbacks name the external id only if the ride has one, as rides of this
// flow do.
func KapitenRides(j *Journal, name string, client *kapiten.Client, companyID string, fn Func[kapiten.Ride]) *Flow[kapiten.CreateRideParams, kapiten.Ride] {
	type request = Request[kapiten.CreateRideParams, kapiten.Ride]
	complete := func(p kapiten.CreateRideParams) kapiten.CreateRideParams {
		p.CompanyID = cmp.Or(p.CompanyID, companyID)
		return p
	}
	step := clientStep(kapiten.OpCreateRide, sdk.Searched, func(r request) (sdk.Prepared[kapiten.Ride], error) {
		return client.Rides.Prepare(complete(r.Params))
	})
	send := step.Send
	step.Prepare = func(ctx context.Context, r request) ([]byte, error) {
		p, err := client.Rides.Prepare(complete(r.Params))
		if err != nil {
			return nil, err
		}
		page, err := valueOf(client.Rides.List(ctx, companyID, kapiten.ListOptions{}))
		if err != nil {
			return nil, notYet("the rides that are there already: " + sdk.SafeText(err))
		}
		stored := storedRide{Body: p.Body}
		for _, ride := range page.Items {
			if ride.ExternalID == r.Reference {
				return nil, there("kapiten", kapiten.OpCreateRide)
			}
			stored.Known = append(stored.Known, ride.ID)
		}
		return json.Marshal(stored)
	}
	step.Send = func(ctx context.Context, r request) (none kapiten.Ride, err error) {
		var stored storedRide
		if json.Unmarshal(r.Prepared, &stored) != nil {
			return none, &sdk.Error{Outcome: sdk.NotSent, Reference: r.Reference, Cause: errStored}
		}
		r.Prepared = stored.Body
		return send(ctx, r)
	}
	p := Provider[kapiten.CreateRideParams, kapiten.Ride]{
		Identify: func(p kapiten.CreateRideParams) (Identity, error) {
			if p.CompanyID != "" && p.CompanyID != companyID {
				return Identity{}, otherCompany()
			}
			if _, err := client.Rides.Prepare(complete(p)); err != nil {
				return Identity{}, err
			}
			return unpriced(p.ExternalID, "")
		},
		Deciding: versions(func(p kapiten.CreateRideParams) []string {
			place := func(l kapiten.Location) string {
				text, _ := json.Marshal([2]float64{l.Latitude, l.Longitude}) // never fails: Identify has checked them
				return string(text)
			}
			return []string{p.ExternalID, p.PickupAddress, place(p.Pickup), p.DropoffAddress, place(p.Dropoff),
				localNumber(p.Sender.Phone), localNumber(p.Receiver.Phone), string(p.WeightRange)}
		}, func(p kapiten.CreateRideParams) []string {
			return []string{strconv.FormatBool(p.IncludesFragileItems), strconv.FormatBool(p.IsPriority)}
		}),
		Steps: []Step[kapiten.CreateRideParams, kapiten.Ride]{step},
		Sweep: func(ctx context.Context, requests []request) ([]Swept[kapiten.Ride], error) {
			rides := make([]kapiten.CreateRideParams, len(requests))
			for i, r := range requests {
				rides[i] = complete(r.Params)
			}
			found, err := client.Rides.FindCreated(ctx, companyID, rides, searchFor(requests))
			if err != nil {
				return nil, err
			}
			out := make([]Swept[kapiten.Ride], len(requests))
			for i, r := range requests {
				result := found[r.Reference]
				out[i].Finding, out[i].Err = finding(result.Err), unlessFound(result.Err)
				if result.Ride != nil {
					out[i].Value = *result.Ride
				}
			}
			return out, nil
		},
		Judge:    judgeRide,
		Existing: func(r kapiten.Ride) bool { return r.Existing },
		account:  account{companyID, kapiten.OpListRides},
		Ledger: func(ctx context.Context, w Window) iter.Seq2[Row, error] {
			return rowsOf(client.Rides.All(ctx, companyID), w, func(r kapiten.Ride) (Row, bool) {
				return Row{Reference: r.ExternalID, ID: r.ID, Standing: judgeRide(r), At: r.CreatedAt}, true
			})
		},
		Knocked: func(body []byte) (string, webhook.Response, error) {
			e, err := kapiten.ParseEvent(body)
			return cmp.Or(e.ExternalID, e.RideID), webhook.Response{}, err
		},
	}
	return New(j, name, requireClient(p, client), fn)
}

func judgeRide(r kapiten.Ride) Kind {
	switch r.Status {
	case kapiten.RideCompleted:
		return Succeeded
	case kapiten.RideCancelled, kapiten.RideRejected:
		return Failed
	}
	return Pending
}

func judgeTopUp(t kapiten.Transaction) Kind {
	switch t.Status {
	case kapiten.TransactionSuccess:
		return Succeeded
	case kapiten.TransactionFailed:
		return Failed
	}
	return Pending
}

func otherCompany() error { return invalid("company_id", "the flow is another company's") }

// storedRide is a request and what was there before it.
type storedRide struct {
	Body  []byte   `json:"body"`
	Known []string `json:"known"` // ids of page 1 of the list
}

// searchFor bounds a search for several rides: no ride is older than its request, and
// what was there before the ride that was sent first is older than all of them.
func searchFor(requests []Request[kapiten.CreateRideParams, kapiten.Ride]) kapiten.SearchOptions {
	o := kapiten.SearchOptions{MaxPages: rideSearchPages}
	first := requests[0]
	for _, r := range requests {
		if o.Since.IsZero() || r.Planned.Before(o.Since) {
			o.Since = r.Planned
		}
		if !r.Sent.IsZero() && (first.Sent.IsZero() || r.Sent.Before(first.Sent)) {
			first = r
		}
	}
	o.Since = o.Since.Add(-clockDifference)
	var stored storedRide
	if json.Unmarshal(first.Prepared, &stored) == nil && !first.Sent.IsZero() {
		o.Before = stored.Known
	}
	return o
}

// KapitenTopUp makes a flow of deposits into a company's wallet. The reference is the
// Description, which must be yours alone, and CompanyID may be empty. A deposit in doubt
// is looked for in the ledger by its Description: a deposit that is found is yours, and
// a deposit that is not found is stuck. It is never sent twice.
func KapitenTopUp(j *Journal, name string, client *kapiten.Client, companyID string, fn Func[kapiten.Transaction]) *Flow[kapiten.TopUpParams, kapiten.Transaction] {
	type request = Request[kapiten.TopUpParams, kapiten.Transaction]
	prepare := func(r request) (sdk.Prepared[kapiten.Transaction], error) {
		p := r.Params
		p.CompanyID = cmp.Or(p.CompanyID, companyID)
		if !r.Planned.IsZero() {
			p.Since = r.Planned.Add(-clockDifference)
		}
		return client.Wallet.Prepare(p)
	}
	// It is sent as a once write, and looked for as a searched one.
	step := clientStep(kapiten.OpTopUpWallet, sdk.Searched, prepare)
	step.Class, step.Looks = sdk.Once, searchedLooks
	step = lookingFirst(step, "kapiten")
	p := Provider[kapiten.TopUpParams, kapiten.Transaction]{
		Identify: func(p kapiten.TopUpParams) (Identity, error) {
			if p.CompanyID != "" && p.CompanyID != companyID {
				return Identity{}, otherCompany()
			}
			if _, err := prepare(request{Params: p}); err != nil {
				return Identity{}, err
			}
			return identify(p.Description, p.Amount, "RWF", "")
		},
		Deciding: []func(kapiten.TopUpParams) []string{func(p kapiten.TopUpParams) []string {
			return []string{p.Description, p.Amount.String(), localNumber(p.PhoneNumber)}
		}},
		Steps: []Step[kapiten.TopUpParams, kapiten.Transaction]{step},
		Poll: func(ctx context.Context, r request) (kapiten.Transaction, error) {
			if r.Before == nil {
				return kapiten.Transaction{}, errNotShown
			}
			return valueOf(client.Wallet.Get(ctx, companyID, r.Before.ID))
		},
		Judge:   judgeTopUp,
		account: account{companyID, kapiten.OpListTransactions},
		Ledger: func(ctx context.Context, w Window) iter.Seq2[Row, error] {
			return rowsOf(client.Wallet.All(ctx, companyID), w, func(t kapiten.Transaction) (Row, bool) {
				row := Row{Reference: t.Description, ID: t.ID, Amount: decimal.NewNullDecimal(t.Amount), Standing: judgeTopUp(t), At: t.CreatedAt}
				row.explained = row.Standing == Failed
				return row, t.Type == kapiten.TransactionDeposit || t.Type == "" && t.Amount.IsPositive()
			})
		},
	}
	return New(j, name, requireClient(p, client), fn)
}
