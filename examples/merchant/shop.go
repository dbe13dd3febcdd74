package main

import (
	"context"
	"errors"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// shop is what the merchant does about an order: collect, deliver, pay the supplier. Each
// step plans the next in the transaction that records its own success, so that no step
// is forgotten and none happens twice.
type shop struct {
	db      *database
	journal *journal.Journal
	collect *journal.Flow[kpay.PayParams, kpay.Payment]
	rides   *journal.Flow[kapiten.CreateRideParams, kapiten.Ride]
	payouts *journal.Flow[kasapay.CreatePayoutParams, kasapay.Payout]
}

// The purposes of an order's references, and the kinds of its books.
const (
	purposeCollect = "collect"
	purposeRide    = "ride"
	purposePayout  = "payout"
)

var (
	price         = decimal.NewFromInt(9000)        // RWF, of each order
	supplierShare = decimal.RequireFromString("45") // KES
)

// addFlows makes the flows of the shop. All processes make the same ones.
func (s *shop) addFlows(pays *kpay.Client, riders *kapiten.Client, companyID string, supplier *kasapay.Client) {
	s.payouts = journal.Kasapay(s.journal, "payouts", supplier.Payouts, s.paidOut)
	s.rides = journal.KapitenRides(s.journal, "rides", riders, companyID, s.rideChanged)
	s.collect = journal.KPay(s.journal, "collect", pays, s.collected)
}

// order writes an order down, and plans its payment in the same transaction. The same
// order again changes nothing.
func (s *shop) order(ctx context.Context, id string) error {
	return s.db.inTx(ctx, func(tx journal.Tx) error {
		if err := s.db.insertOrder(ctx, tx, id); err != nil {
			return err
		}
		return s.collect.Plan(ctx, tx, kpay.PayParams{
			RefID: journal.Reference(id, purposeCollect), Amount: price, Method: kpay.MethodMoMo, MSISDN: "0783300000",
			Email: "ama@example.com", CustomerName: "Ama", CustomerNumber: "0783300000", Details: "Order " + id,
			RedirectURL: "https://shop.example/thanks",
		})
	})
}

func (s *shop) collected(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
	id, err := s.db.orderOf(ctx, tx, c.Reference)
	if err != nil {
		return err
	}
	switch c.Kind {
	case journal.Succeeded, journal.Corrected:
		if err := s.db.book(ctx, tx, id, purposeCollect, price); err != nil {
			return err
		}
		if err := s.db.setState(ctx, tx, id, purposeCollect, stateCollected); err != nil {
			return err
		}
		return s.rides.Plan(ctx, tx, kapiten.CreateRideParams{
			ExternalID:    journal.Reference(id, purposeRide),
			PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
			DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			Sender: kapiten.Contact{Name: "The shop", Phone: "0788123457"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788123456"},
		})
	case journal.Failed:
		return s.db.setState(ctx, tx, id, purposeCollect, stateCancelled)
	case journal.Reversed:
		return s.db.unbook(ctx, tx, id, purposeCollect, stateTakenBack)
	case journal.Stuck:
		return s.db.setState(ctx, tx, id, purposeCollect, stateDoubt)
	}
	return nil // pending: decide nothing
}

func (s *shop) rideChanged(ctx context.Context, tx journal.Tx, c journal.Change[kapiten.Ride]) error {
	id, err := s.db.orderOf(ctx, tx, c.Reference)
	if err != nil {
		return err
	}
	switch c.Kind {
	case journal.Succeeded, journal.Corrected:
		switch {
		case c.Value == nil: // a person knows of it, and Kapiten never showed it: the person books the price
		case !c.Value.EstimatedPrice.Valid:
			err = errors.New("a ride without a price")
		default:
			err = s.db.book(ctx, tx, id, purposeRide, c.Value.EstimatedPrice.Decimal)
		}
		if err != nil {
			return err
		}
		if err := s.db.setState(ctx, tx, id, purposeRide, stateDelivered); err != nil {
			return err
		}
		return s.payouts.Plan(ctx, tx, kasapay.CreatePayoutParams{
			Reference: journal.Reference(id, purposePayout), RecipientType: kasapay.Paybill, RecipientAccountNumber: "565601",
			RecipientName: "Unga Mills", AccountReference: "bakery", Amount: supplierShare, Currency: "KES", Country: "KEN",
			Description: "Order " + id,
		})
	case journal.Failed:
		return s.db.setState(ctx, tx, id, purposeRide, stateNotDelivered)
	case journal.Reversed:
		return s.db.unbook(ctx, tx, id, purposeRide, stateNotDelivered)
	case journal.Stuck:
		return s.db.setState(ctx, tx, id, purposeRide, stateDoubt)
	}
	return nil
}

func (s *shop) paidOut(ctx context.Context, tx journal.Tx, c journal.Change[kasapay.Payout]) error {
	id, err := s.db.orderOf(ctx, tx, c.Reference)
	if err != nil {
		return err
	}
	switch c.Kind {
	case journal.Succeeded, journal.Corrected:
		if err := s.db.book(ctx, tx, id, purposePayout, supplierShare); err != nil {
			return err
		}
		return s.db.setState(ctx, tx, id, purposePayout, stateDone)
	case journal.Failed:
		return s.db.setState(ctx, tx, id, purposePayout, stateNotPaid)
	case journal.Reversed:
		return s.db.unbook(ctx, tx, id, purposePayout, stateNotPaid)
	case journal.Stuck:
		return s.db.setState(ctx, tx, id, purposePayout, stateDoubt)
	}
	return nil
}
