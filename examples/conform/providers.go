package main

import (
	"context"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// providers are what -provider names. A sixth is one more function.
var providers = []provider{
	{"kapiten", openKapiten},
	{"kpay", openKPay},
	{"kasapay", openKasapay},
	{"kotani", openKotani},
	{"fiatconnect", openFiatConnect},
	{"bitpesa", openBitPesa},
}

// live makes the fakes work at the pace of a real server.
var live = fake.Options{RealTime: true}

// or is the first text that is not empty.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// reference is new for each run, and has no meaning.
func reference() string { return "conform-" + time.Now().UTC().Format("20060102-150405") }

func states[T ~string](list ...T) (names []string) {
	for _, s := range list {
		names = append(names, string(s))
	}
	return names
}

// openKapiten takes the variables of KAPITEN, or else the fake.
func openKapiten(env func(string) string, spend bool) (*target, error) {
	t := &target{name: "kapiten", operations: kapiten.Operations(), close: func() {}}
	s := settings{env: env, spend: spend}
	cfg := kapiten.Config{BaseURL: env("KAPITEN_BASE_URL")}
	company, sender, receiver := "", "0788000001", "0788000222"
	if cfg.BaseURL == "" {
		server := kapitentest.New(kapitentest.Config{Options: live})
		co := server.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000)})
		cfg, company = server.ClientConfig(co), co.ID
		t.fake, t.close = true, server.Close
	} else {
		cfg.Token, company = s.need("KAPITEN_TOKEN"), s.need("KAPITEN_COMPANY_ID")
		sender, receiver = s.spent("KAPITEN_SENDER_PHONE"), s.spent("KAPITEN_RECEIVER_PHONE") // a rider calls them
	}
	t.secrets = s.secrets
	if err := s.err(); err != nil {
		return nil, err
	}
	return kapitenTarget(t, cfg, company, sender, receiver)
}

// kapitenTarget has no callback URL to choose: Kapiten posts to the URL that was given when
// the company was made.
func kapitenTarget(t *target, cfg kapiten.Config, company, sender, receiver string) (*target, error) {
	t.record = through(&cfg.Options)
	client, err := kapiten.New(cfg)
	if err != nil {
		return nil, err
	}
	t.call, t.ids = client.Do, map[string]string{"company_id": company}
	t.acknowledge = acknowledgement(webhook.Kapiten())
	rideStates := states(
		kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp,
		kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted, kapiten.RideCancelled, kapiten.RideRejected,
	)
	page := func(of any) *shape {
		return shaped("results[].", of).and("count", "next", "previous", "results", "results[]")
	}
	rides := page(kapiten.Ride{}).optional("results[].", "rider").state("results[].status", rideStates)
	pickup, dropoff := kapiten.Location{Latitude: -1.9441, Longitude: 30.0619}, kapiten.Location{Latitude: -1.9706, Longitude: 30.1044}
	t.reads = []read{
		{op: kapiten.OpFindCompany, call: func(ctx context.Context) error {
			_, err := client.Companies.Find(ctx, nonsense)
			return err
		}, unknown: true},
		{op: kapiten.OpListUsers, call: func(ctx context.Context) error {
			list, err := client.Users.List(ctx, company, kapiten.ListOptions{})
			if err == nil && len(list.Items) > 0 {
				t.ids["user_id"] = list.Items[0].ID
			}
			return err
		}, shape: page(kapiten.User{}).optional("results[].", "phone_number", "wallet", "wallet.*")}, // of a new user
		{op: kapiten.OpEstimateRide, call: func(ctx context.Context) error {
			_, err := client.Rides.Estimate(ctx, kapiten.EstimateParams{CompanyID: company, Pickup: pickup, Dropoff: dropoff})
			return err
		}, shape: shaped("", kapiten.Estimate{}).
			optional("", "pricing_config", "pricing_config.*", "details.*").
			optional("details.", "weight_fee", "fragile_fee", "priority_fee", "minimum_fare_adjustment")},
		{op: kapiten.OpListRides, call: func(ctx context.Context) error {
			_, err := client.Rides.List(ctx, company, kapiten.ListOptions{})
			return err
		}, shape: rides},
		{op: kapiten.OpListTransactions, call: func(ctx context.Context) error {
			_, err := client.Wallet.List(ctx, company, kapiten.ListOptions{})
			return err
		}, shape: page(kapiten.Transaction{}).state("results[].status",
			states(kapiten.TransactionPending, kapiten.TransactionSuccess, kapiten.TransactionFailed))},
	}
	t.candidates = map[string][]sdk.Route{
		kapiten.OpCreateUser:       {{Path: "/api/companies/{company_id}/user/"}, {Path: "/api/users/"}},
		kapiten.OpUserToken:        {{Path: "/api/companies/{company_id}/users/{user_id}/token/"}, {Path: "/api/users/{user_id}/api-key/"}},
		kapiten.OpListUsers:        {{Path: "/api/users/"}},
		kapiten.OpEstimateRide:     {{Path: "/api/rides/price/"}, {Path: "/api/companies/{company_id}/rides/estimate/"}, {Path: "/api/estimate/"}},
		kapiten.OpCreateRide:       {{Path: "/api/companies/{company_id}/rides/"}, {Path: "/api/ride/"}},
		kapiten.OpListRides:        {{Path: "/api/rides/"}},
		kapiten.OpTopUpWallet:      {{Path: "/api/companies/{company_id}/top-up/"}, {Path: "/api/companies/{company_id}/wallet/topup/"}, {Path: "/api/wallet/topup/"}},
		kapiten.OpListTransactions: {{Path: "/api/companies/{company_id}/wallet/transactions/"}, {Path: "/api/transactions/"}},
	}
	t.bodies = map[string][]string{
		kapiten.OpCreateCompany: strings.Fields("name registration_number address contact_person phone_number email"),
		kapiten.OpCreateUser:    strings.Fields("phone_number first_name last_name email"),
		kapiten.OpCreateRide: strings.Fields(`
			pickup_address pickup_latitude pickup_longitude
			dropoff_address dropoff_latitude dropoff_longitude
			sender receiver company_id external_id weight_range includes_fragile_items is_priority`),
		kapiten.OpTopUpWallet: strings.Fields("amount phone_number description"),
	}
	ref := reference()
	t.spends = []spending{{
		op: kapiten.OpCreateRide, class: sdk.Once, reference: ref,
		send: func(ctx context.Context, _ string) (transaction, error) {
			ride, err := client.Rides.Create(ctx, kapiten.CreateRideParams{
				CompanyID: company, ExternalID: ref,
				PickupAddress: "KN 78 St, Kigali", Pickup: pickup, Sender: kapiten.Contact{Name: "Conform", Phone: sender},
				DropoffAddress: "KK 12 Ave, Kigali", Dropoff: dropoff, Receiver: kapiten.Contact{Name: "Conform", Phone: receiver},
			})
			if err != nil {
				return transaction{}, err
			}
			return transaction{ride.ID, ride.Existing}, nil
		},
		look: func(ctx context.Context) error {
			_, err := client.Rides.Find(ctx, company, ref, kapiten.SearchOptions{})
			return err
		},
		shape:     rides,
		duplicate: saysTaken,
	}}
	return t, nil
}
