package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// TestMain lets the test binary be the merchant's process, too.
func TestMain(m *testing.M) {
	if os.Getenv(settingsVariable) == "" {
		os.Exit(m.Run())
	}
	main()
}

func TestTheStoryIsTrue(t *testing.T) {
	if err := story(t.Context()); err != nil {
		t.Error(fmt.Errorf("story: %w", err))
	}
}

// openShop returns a shop with empty tables, and a func that ends the test at an error.
func openShop(t *testing.T) (*shop, func(error)) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := newWorld(filepath.Join(t.TempDir(), "shop.db"))
	t.Cleanup(w.end)
	must(err)
	s, err := newShop(t.Context(), w.settings)
	must(err)
	t.Cleanup(func() { s.db.Close() })
	must(s.db.create(t.Context()))
	return s, must
}

// TestAPersonEndsARideThatKapitenNeverShowed plays both acts.
func TestAPersonEndsARideThatKapitenNeverShowed(t *testing.T) {
	s, must := openShop(t)
	orders := map[string]journal.Do{"order-1": journal.Happened, "order-2": journal.DidNot}
	must(s.db.inTx(t.Context(), func(tx journal.Tx) error {
		for id := range orders {
			if err := s.db.insertOrder(t.Context(), tx, id); err != nil {
				return err
			}
			if err := s.rides.Plan(t.Context(), tx, kapiten.CreateRideParams{
				ExternalID:    journal.Reference(id, purposeRide),
				PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
				DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
				Sender: kapiten.Contact{Name: "The shop", Phone: "0788123457"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788123456"},
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, statement := range []string{ // as after the last lookup
		`UPDATE journal_entries SET state = 'stuck', resume = 'sending', opened = 1, attempts = 1, due_at = NULL, lane = 0`,
		`INSERT INTO journal_stuck (entry, flow, reason, note, since, alerted) SELECT id, flow, 'absent', 'not shown', 1, 1 FROM journal_entries`,
	} {
		_, err := s.db.ExecContext(t.Context(), statement)
		must(err)
	}
	for id, act := range orders {
		must(s.journal.Act(t.Context(), journal.Act{Flow: "rides", Reference: journal.Reference(id, purposeRide), Do: act, Actor: "Ines", Reason: "asked Kapiten"}))
	}
	for _, step := range []struct {
		kind  journal.Kind // of the payment of order-1
		state string
	}{
		{journal.Pending, stateDelivered}, {journal.Succeeded, stateDelivered}, {journal.Reversed, stateTakenBack}, {journal.Corrected, stateDelivered},
	} {
		must(s.db.inTx(t.Context(), func(tx journal.Tx) error {
			return s.collected(t.Context(), tx, journal.Change[kpay.Payment]{Reference: journal.Reference("order-1", purposeCollect), Kind: step.kind})
		}))
		states, err := s.db.states(t.Context())
		must(err)
		if got, want := fmt.Sprint(states), fmt.Sprintf("map[order-1:%s order-2:not delivered]", step.state); got != want {
			t.Errorf("%s: the orders are %s, not %s", step.kind, got, want)
		}
	}
	books, err := s.db.readBooks(t.Context())
	must(err)
	if len(books[purposeRide]) != 0 {
		t.Errorf("a price that nobody showed is in the books: %v", books[purposeRide])
	}
	var payouts int
	must(s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM journal_entries WHERE flow = 'payouts'`).Scan(&payouts))
	if payouts != 1 {
		t.Errorf("%d suppliers are paid, not 1", payouts)
	}
}

// TestTheBooksFollowEachChange: a line stands for money as long as it has not come back, and
// the order goes on where it was.
func TestTheBooksFollowEachChange(t *testing.T) {
	s, must := openShop(t)
	must(s.order(t.Context(), "order-1"))
	ride := kapiten.Ride{EstimatedPrice: decimal.NewNullDecimal(decimal.NewFromInt(1200))}
	change := map[string]func(journal.Tx, string, journal.Kind) error{
		purposeCollect: func(tx journal.Tx, reference string, kind journal.Kind) error {
			return s.collected(t.Context(), tx, journal.Change[kpay.Payment]{Reference: reference, Kind: kind})
		},
		purposeRide: func(tx journal.Tx, reference string, kind journal.Kind) error {
			return s.rideChanged(t.Context(), tx, journal.Change[kapiten.Ride]{Reference: reference, Kind: kind, Value: &ride})
		},
		purposePayout: func(tx journal.Tx, reference string, kind journal.Kind) error {
			return s.paidOut(t.Context(), tx, journal.Change[kasapay.Payout]{Reference: reference, Kind: kind})
		},
	}
	for _, step := range []struct {
		purpose string
		kind    journal.Kind
		books   string // collect, ride, payout
		state   string
	}{
		{purposeCollect, journal.Pending, "0 0 0", stateNew},
		{purposeCollect, journal.Stuck, "0 0 0", stateDoubt},
		{purposeCollect, journal.Failed, "0 0 0", stateCancelled},
		{purposeCollect, journal.Corrected, "9000 0 0", stateCollected},
		{purposeCollect, journal.Reversed, "0 0 0", stateTakenBack},
		{purposeCollect, journal.Corrected, "9000 0 0", stateCollected},
		{purposeRide, journal.Pending, "9000 0 0", stateCollected},
		{purposeRide, journal.Stuck, "9000 0 0", stateDoubt},
		{purposeRide, journal.Succeeded, "9000 1200 0", stateDelivered},
		{purposeRide, journal.Reversed, "9000 0 0", stateNotDelivered},
		{purposeCollect, journal.Reversed, "0 0 0", stateTakenBack},
		{purposeRide, journal.Corrected, "0 1200 0", stateTakenBack},
		{purposeCollect, journal.Corrected, "9000 1200 0", stateDelivered},
		{purposePayout, journal.Stuck, "9000 1200 0", stateDoubt},
		{purposePayout, journal.Succeeded, "9000 1200 45", stateDone},
		{purposePayout, journal.Reversed, "9000 1200 0", stateNotPaid},
		{purposePayout, journal.Corrected, "9000 1200 45", stateDone},
		{purposePayout, journal.Reversed, "9000 1200 0", stateNotPaid},
		{purposePayout, journal.Corrected, "9000 1200 45", stateDone},
		{purposeCollect, journal.Reversed, "0 1200 45", stateTakenBack},
		{purposeCollect, journal.Corrected, "9000 1200 45", stateDone},
		{purposeRide, journal.Reversed, "9000 0 45", stateNotDelivered},
		{purposeRide, journal.Failed, "9000 0 45", stateNotDelivered},
		{purposeRide, journal.Corrected, "9000 1200 45", stateDone},
		{purposePayout, journal.Kind("of a newer release"), "9000 1200 45", stateDone},
		{purposePayout, journal.Reversed, "9000 1200 0", stateNotPaid},
		{purposeCollect, journal.Reversed, "0 1200 0", stateTakenBack},
		{purposePayout, journal.Stuck, "0 1200 0", stateTakenBack},
		{purposePayout, journal.Corrected, "0 1200 45", stateTakenBack},
		{purposeCollect, journal.Stuck, "0 1200 45", stateTakenBack},
		{purposeRide, journal.Reversed, "0 0 45", stateTakenBack},
		{purposeCollect, journal.Corrected, "9000 0 45", stateNotDelivered},
		{purposePayout, journal.Reversed, "9000 0 0", stateNotDelivered},
		{purposePayout, journal.Corrected, "9000 0 45", stateNotDelivered},
		{purposeRide, journal.Corrected, "9000 1200 45", stateDone},
	} {
		must(s.db.inTx(t.Context(), func(tx journal.Tx) error {
			return change[step.purpose](tx, journal.Reference("order-1", step.purpose), step.kind)
		}))
		books, err := s.db.readBooks(t.Context())
		must(err)
		states, err := s.db.states(t.Context())
		must(err)
		got := fmt.Sprint(books[purposeCollect]["order-1"], books[purposeRide]["order-1"], books[purposePayout]["order-1"])
		if got != step.books || states["order-1"] != step.state {
			t.Errorf("%s %s: the books are %s, and the order is %s; not %s, %s", step.purpose, step.kind, got, states["order-1"], step.books, step.state)
		}
	}
	var planned int
	must(s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM journal_entries`).Scan(&planned))
	if planned != 3 {
		t.Errorf("%d requests are planned, not 3", planned)
	}
}
