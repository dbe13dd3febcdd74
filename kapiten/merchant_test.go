package kapiten_test

import (
	"testing"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The test a merchant would write first; README.md shows it.
func TestAnOrderIsDeliveredAndPaidOnce(t *testing.T) {
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
	client, err := kapiten.New(srv.ClientConfig(co))
	if err != nil {
		t.Fatal(err)
	}
	params := exampleRide
	params.CompanyID = co.ID
	// The network fails right after the ride was created.
	_ = srv.AddFault(fake.Fault{Method: "POST", Path: "/api/rides/", Kind: fake.FaultDropAfter, Times: 1})
	if _, err := client.Rides.CreateOnce(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Rides(co.ID)); n != 1 || !srv.Balance(co.ID).Equal(decimal.NewFromInt(3800)) {
		t.Errorf("%d rides, balance %s", n, srv.Balance(co.ID))
	}
}
