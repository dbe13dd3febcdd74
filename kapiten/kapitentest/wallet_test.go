package kapitentest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTopUpScenarios(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		phone  string
		after  time.Duration // when it ends; 0: never
		status kapiten.TransactionStatus
		reason string
	}{
		"ordinary":        {"0788123456", 5 * time.Second, kapiten.TransactionSuccess, ""},
		"payer refuses":   {"0788120001", 5 * time.Second, kapiten.TransactionFailed, ": the payer refused"},
		"payer is poor":   {"+250788120002", 5 * time.Second, kapiten.TransactionFailed, ": the payer has not enough money"},
		"never ends":      {"250788120003", 0, kapiten.TransactionPending, ""},
		"ends late":       {"0728120004", 10 * time.Minute, kapiten.TransactionSuccess, ""},
		"airtel, 073":     {"0738123456", 5 * time.Second, kapiten.TransactionSuccess, ""},
		"079 in full":     {"+250798123456", 5 * time.Second, kapiten.TransactionSuccess, ""},
		"spaces are gone": {" 0798123456 ", 5 * time.Second, kapiten.TransactionSuccess, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kapitentest.NewServer(t)
			co := srv.AddCompany(kapitentest.Company{})
			id := topUp(t, srv, co, "5000", tt.phone)
			wantMoney(t, 0, srv.Balance(co.ID))
			assert.Equal(t, kapiten.TransactionPending, srv.Transactions(co.ID)[0].Status)
			if tt.after > 0 {
				srv.Advance(tt.after - time.Nanosecond)
				assert.Equal(t, kapiten.TransactionPending, srv.Transactions(co.ID)[0].Status)
				srv.Advance(time.Nanosecond)
			} else {
				srv.Advance(100 * time.Hour)
			}
			e := srv.Transactions(co.ID)[0]
			assert.Equal(t, id, e.ID)
			assert.Equal(t, tt.status, e.Status)
			assert.Equal(t, kapiten.TransactionDeposit, e.Type)
			assert.Equal(t, "Wallet top-up"+tt.reason, e.Description)
			want := int64(0)
			if tt.status == kapiten.TransactionSuccess {
				want = 5000
			}
			wantMoney(t, want, srv.Balance(co.ID))
			require.NoError(t, srv.CheckLedger())
		})
	}
}

func TestTopUpIsSettledOnceByTheTest(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	id := topUp(t, srv, co, `"5000"`, "0788123456")
	require.ErrorIs(t, srv.MoveTopUp(id, kapiten.TransactionPending), fake.ErrIllegalMove)
	require.ErrorIs(t, srv.MoveTopUp("x", kapiten.TransactionSuccess), fake.ErrNotFound)
	require.NoError(t, srv.MoveTopUp(id, kapiten.TransactionFailed))
	require.ErrorIs(t, srv.MoveTopUp(id, kapiten.TransactionSuccess), fake.ErrIllegalMove)
	srv.Advance(time.Hour)
	wantMoney(t, 0, srv.Balance(co.ID))
	assert.Equal(t, kapiten.TransactionFailed, srv.Transactions(co.ID)[0].Status)
}

func TestTopUpAmounts(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	for amount, want := range map[string]string{
		`1`: "", `5000.0`: "", `5000000`: "", `"5e3"`: "", `" 700 "`: "", `50.00e2`: "", `1e0`: "",
		`0`:                                   "Ensure this value is greater than or equal to 1.",
		`-1`:                                  "Ensure this value is greater than or equal to 1.",
		`0.5`:                                 "Ensure that there are no more than 0 decimal places.",
		`5000000.01`:                          "Ensure that there are no more than 0 decimal places.",
		`5000001`:                             "Ensure this value is less than or equal to 5000000.",
		`1e18`:                                "Ensure this value is less than or equal to 5000000.",
		`1e19`:                                "Ensure that there are no more than 18 digits in total.",
		`1e2147483647`:                        "Ensure that there are no more than 18 digits in total.",
		`1` + strings.Repeat("0", 50):         "Ensure that there are no more than 18 digits in total.",
		`"` + strings.Repeat("1", 1001) + `"`: "String value too large.",
		`true`:                                "A valid number is required.",
		`"NaN"`:                               "A valid number is required.",
		`"five"`:                              "A valid number is required.",
		`""`:                                  "A valid number is required.",
		`[]`:                                  "A valid number is required.",
		`null`:                                "This field may not be null.",
	} {
		r := as(t, srv, co, "POST", "/api/companies/"+co.ID+"/topup/", `{"amount":`+amount+`,"phone_number":"0788123456"}`)
		if want == "" {
			assert.Equal(t, 201, r.status, "%s: %s", amount, r.body)
			continue
		}
		assert.Equal(t, 400, r.status, amount)
		assert.Equal(t, `{"amount":["`+want+`"]}`, r.body, amount)
	}
	assert.Len(t, srv.Transactions(co.ID), 7)
}

func TestTopUpPhones(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	for _, phone := range []string{"0758123456", "078812345", "07881234567", "788123456", "+2500788123456", "00250788123456", "0788 123 456", "x"} {
		r := as(t, srv, co, "POST", "/api/companies/"+co.ID+"/topup/", `{"amount":1,"phone_number":"`+phone+`"}`)
		assert.Equal(t, `{"phone_number":["This value does not match the required pattern."]}`, r.body, phone)
	}
	assert.Empty(t, srv.Transactions(co.ID))
	for _, phone := range []string{"0788123456", "0799123456", "0728123456", "0738123456", "250788123456", "+250799123456"} { // MTN's and Airtel's
		r := as(t, srv, co, "POST", "/api/companies/"+co.ID+"/topup/", `{"amount":1,"phone_number":"`+phone+`"}`)
		assert.Equal(t, 201, r.status, "%s: %s", phone, r.body)
	}
	assert.Len(t, srv.Transactions(co.ID), 6)
}

func TestTopUpPaysWaitingRidesOldestFirst(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(100)})
	first, second, third, fourth := ride(t, srv, co), ride(t, srv, co), ride(t, srv, co), ride(t, srv, co)
	require.NoError(t, srv.PayRide(second))
	require.NoError(t, srv.MoveRide(third, kapiten.RideCancelled))
	statuses := func() []kapiten.RideStatus {
		var all []kapiten.RideStatus
		for _, id := range []string{first, second, third, fourth} {
			r, _ := srv.Ride(id)
			all = append(all, r.Status)
		}
		return all
	}
	topUp(t, srv, co, "1500", "0788123456")
	srv.Advance(5 * time.Second)
	assert.Equal(t, []kapiten.RideStatus{kapiten.RidePending, kapiten.RidePending, kapiten.RideCancelled, kapiten.RideWaitingPayment}, statuses())
	wantMoney(t, 400, srv.Balance(co.ID))

	require.NoError(t, srv.Adjust(co.ID, francs(799), "gift"))
	assert.Equal(t, kapiten.RideWaitingPayment, statuses()[3], "one franc is missing")
	require.NoError(t, srv.MoveTopUp(topUp(t, srv, co, "3002", "0788120003"), kapiten.TransactionSuccess))
	assert.Equal(t, kapiten.RidePending, statuses()[3])
	wantMoney(t, 3001, srv.Balance(co.ID))

	require.NoError(t, srv.MoveRide(fourth, kapiten.RideCancelled))
	wantMoney(t, 4201, srv.Balance(co.ID))
	require.NoError(t, srv.CheckLedger())
}

func TestDepositPaysWaitingRides(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	id := ride(t, srv, co)
	require.NoError(t, srv.Deposit(co.ID, francs(1199)))
	wantMoney(t, 1199, srv.Balance(co.ID))
	require.NoError(t, srv.Deposit(co.ID, francs(2)))
	r, _ := srv.Ride(id)
	assert.Equal(t, kapiten.RidePending, r.Status)
	wantMoney(t, 1, srv.Balance(co.ID))
	for _, amount := range []int64{0, -1} {
		assert.Error(t, srv.Deposit(co.ID, francs(amount)))
		assert.Error(t, srv.Withdraw(co.ID, francs(amount)))
	}
	rows := srv.Transactions(co.ID)
	require.Len(t, rows, 3)
	assert.Equal(t, kapiten.TransactionDeposit, rows[0].Type)
	assert.Equal(t, kapiten.TransactionSuccess, rows[0].Status)
}

func TestWithdrawStopsAtTheOverdraftLimit(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1000)})
	assert.ErrorIs(t, srv.Withdraw(co.ID, francs(1001)), fake.ErrIllegalMove)
	wantMoney(t, 1000, srv.Balance(co.ID))
	require.NoError(t, srv.Withdraw(co.ID, francs(1000)))
	require.NoError(t, srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing.OverdraftLimit = francs(50) }))
	require.NoError(t, srv.Withdraw(co.ID, francs(50)))
	assert.ErrorIs(t, srv.Withdraw(co.ID, francs(1)), fake.ErrIllegalMove)
	wantMoney(t, -50, srv.Balance(co.ID))
	require.NoError(t, srv.CheckLedger())
}

func TestEntriesAreOldestFirst(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	id := ride(t, srv, co)
	topUp(t, srv, co, "7", "0788123456")
	entries, rows := srv.Entries(co.ID), srv.Transactions(co.ID)
	require.Len(t, entries, 3)
	for i, want := range []fake.Entry{
		{Kind: "ADJUSTMENT", Status: fake.EntryPosted, Amount: francs(1200)},
		{Kind: "RIDE_PAYMENT", Status: fake.EntryPosted, Amount: francs(-1200), Reference: id},
		{Kind: "DEPOSIT", Status: fake.EntryPending, Amount: francs(7)},
	} {
		assert.Equal(t, want.Kind, entries[i].Kind)
		assert.Equal(t, want.Status, entries[i].Status)
		assert.Equal(t, want.Reference, entries[i].Reference)
		assert.True(t, want.Amount.Equal(entries[i].Amount))
		assert.Equal(t, entries[i].ID, rows[i].ID)
	}
}

func TestDebits(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(2500)})
	poor := srv.AddCompany(kapitentest.Company{})
	const reference = "ORDER-99123"
	assert.Empty(t, srv.Debits(reference), "no ride yet")

	customers := ride(t, srv, poor)
	require.NoError(t, srv.PayRide(customers))
	assert.Empty(t, srv.Debits(reference), "the customer paid, no wallet")

	first := ride(t, srv, co)
	require.Len(t, srv.Debits(reference), 1)
	wantMoney(t, -1200, srv.Debits(reference)[0].Amount)
	made, _ := srv.Ride(first)
	assert.Equal(t, srv.Debits(reference), srv.Debits(first))
	assert.Equal(t, srv.Debits(reference), srv.Debits(made.ReferenceNumber))

	srv.Advance(time.Second)
	second := ride(t, srv, co)
	debits := srv.Debits(reference)
	require.Len(t, debits, 2, "an external id need not be unique")
	assert.Equal(t, []string{first, second}, []string{debits[0].Reference, debits[1].Reference}, "oldest first")

	third := ride(t, srv, co)
	assert.Len(t, srv.Debits(reference), 2, "the wallet does not cover the third")
	assert.Empty(t, srv.Debits(third))
	require.NoError(t, srv.MoveRide(first, kapiten.RideCancelled))
	assert.Len(t, srv.Debits(first), 1, "a refund takes no debit away")

	topUp(t, srv, co, "5", "0788120001")
	srv.Advance(time.Minute)
	for _, e := range append(srv.Entries(co.ID), fake.Entry{}) {
		if e.Reference == "" {
			assert.Empty(t, srv.Debits(e.ID), "a failed top-up or an adjustment is the debit of no ride")
		}
	}
	ride(t, srv, co, without("external_id"))
	assert.Empty(t, srv.Debits(""), "no reference names no ride")
}

func TestAccess(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	own, other := srv.AddCompany(kapitentest.Company{}), srv.AddCompany(kapitentest.Company{})
	body := `{"amount":1,"phone_number":"0788123456"}`
	calls := map[string][3]string{
		"estimate":     {"POST", "/api/rides/estimate/", order(t, other)},
		"create":       {"POST", "/api/rides/", order(t, other)},
		"top-up":       {"POST", "/api/companies/" + other.ID + "/topup/", body},
		"transactions": {"GET", "/api/companies/" + other.ID + "/transactions/", ""},
		"users":        {"GET", "/api/companies/" + other.ID + "/users/", ""},
		"rides":        {"GET", "/api/companies/" + other.ID + "/rides/", ""},
	}
	for name, c := range calls {
		r := as(t, srv, own, c[0], c[1], c[2])
		assert.Equal(t, 404, r.status, name)
		assert.Equal(t, noCompany, r.body, name)
		assert.Equal(t, 401, send(t, srv, c[0], c[1], c[2]).status, name)
		assert.Less(t, as(t, srv, other, c[0], c[1], c[2]).status, 300, name)
	}
	require.NoError(t, srv.Configure(other.ID, func(s *kapitentest.Settings) { s.Active = false }))
	for name, c := range calls {
		r := as(t, srv, other, c[0], c[1], c[2])
		assert.Equal(t, 403, r.status, name)
		assert.Equal(t, `{"detail":"You do not have permission to perform this action."}`, r.body, name)
		assert.Equal(t, 404, as(t, srv, own, c[0], c[1], c[2]).status, name)
	}
	user := `{"phone_number":"1","first_name":"a","last_name":"b","email":"new@x.rw"}`
	assert.Equal(t, 403, send(t, srv, "POST", "/api/companies/"+other.ID+"/users/", user).status)
	assert.Equal(t, 403, send(t, srv, "GET", "/api/companies/"+other.ID+"/users/"+other.UserID+"/api-key/", "").status)
	assert.Equal(t, 403, as(t, srv, other, "DELETE", "/api/rides/", "").status, "before the method is looked at")

	// The open calls need no token and look at no company of a token.
	assert.Equal(t, 201, as(t, srv, own, "POST", "/api/companies/"+own.ID+"/users/", user).status)
	r := send(t, srv, "GET", "/api/companies/"+own.ID+"/users/"+own.UserID+"/api-key/", "")
	assert.Equal(t, `{"token":"`+own.Token+`"}`, r.body)
	lookup := send(t, srv, "GET", "/api/companies/by-registration/"+other.RegistrationNumber+"/", "")
	assert.Contains(t, lookup.body, `"is_active":false`)
}

func TestAmountsAsStrings(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t, kapitentest.Config{Quirks: kapitentest.Quirks{DecimalStrings: true}})
	co := srv.AddCompany(kapitentest.Company{})
	r := as(t, srv, co, "POST", "/api/rides/estimate/", order(t, co))
	assert.Equal(t, `{"amount":"1200.00","details":{"base_fare":500,"distance_fare":700}}`, r.body)
	r = as(t, srv, co, "POST", "/api/rides/", order(t, co))
	assert.Contains(t, r.body, `"estimated_price":"1200.00","distance_km":5.6`)
	topUp(t, srv, co, "5", "0788123456")
	row := as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/", "").results(t)[0]
	assert.Equal(t, "5.00", row["amount"])
}

func TestPricesThatConfigureRefusesArePanics(t *testing.T) {
	spoilt := map[string]kapitentest.Pricing{
		"negative":        {BaseFare: francs(-5)},
		"negative weight": {WeightFees: map[kapiten.WeightRange]decimal.Decimal{kapiten.Weight0To5: francs(-1)}},
		"no such weight":  {WeightFees: map[kapiten.WeightRange]decimal.Decimal{"30": francs(1)}},
	}
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	for name, pricing := range spoilt {
		assert.Panics(t, func() { kapitentest.New(kapitentest.Config{Pricing: &pricing}) }, name)
		assert.Panics(t, func() { srv.AddCompany(kapitentest.Company{Pricing: &pricing}) }, name)
		assert.Error(t, srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing = pricing }), name)
	}
	assert.Panics(t, func() { kapitentest.New(kapitentest.Config{OnInsufficientFunds: 7}) })
}

func TestAddCompanyPanicsOnATakenNumber(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	srv.AddCompany(kapitentest.Company{RegistrationNumber: "A"})
	assert.Panics(t, func() { srv.AddCompany(kapitentest.Company{RegistrationNumber: "A"}) })
	srv.AddCompany(kapitentest.Company{RegistrationNumber: "B"})
	assert.Error(t, srv.Configure(srv.AddCompany(kapitentest.Company{}).ID, func(s *kapitentest.Settings) { s.Pricing.BaseFare = francs(-1) }))
}

// Whatever makes money available pays the rides that wait, oldest first, and passes
// over a ride it cannot cover.
func TestAllMoneyThatComesInPaysWaitingRides(t *testing.T) {
	t.Parallel()
	for name, earn := range map[string]func(srv *kapitentest.Fake, co kapitentest.Company, paid string) error{
		"deposit": func(srv *kapitentest.Fake, co kapitentest.Company, _ string) error {
			return srv.Deposit(co.ID, francs(1200))
		},
		"top-up": func(srv *kapitentest.Fake, co kapitentest.Company, _ string) error {
			topUp(t, srv, co, "1200", "0788123456")
			srv.Advance(5 * time.Second)
			return nil
		},
		"adjustment": func(srv *kapitentest.Fake, co kapitentest.Company, _ string) error {
			return srv.Adjust(co.ID, francs(1200), "gift")
		},
		"refund": func(srv *kapitentest.Fake, _ kapitentest.Company, paid string) error {
			return srv.MoveRide(paid, kapiten.RideCancelled)
		},
		"overdraft": func(srv *kapitentest.Fake, co kapitentest.Company, _ string) error {
			return srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing.OverdraftLimit = francs(1200) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := kapitentest.NewServer(t)
			co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
			paid := ride(t, srv, co)
			dear := ride(t, srv, co, with("weight_range", "20+"))
			first, second := ride(t, srv, co), ride(t, srv, co)
			require.NoError(t, earn(srv, co, paid))
			assert.Equal(t, []kapiten.RideStatus{kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideWaitingPayment},
				[]kapiten.RideStatus{status(srv, dear), status(srv, first), status(srv, second)})
			require.NoError(t, srv.CheckLedger())
		})
	}
}

// The customer gets back what he paid, so the company gives back what it was given.
func TestACancelledRideLeavesNoMoneyToTheCompany(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"cancelled", "rejected"} {
		srv := kapitentest.NewServer(t)
		co := srv.AddCompany(kapitentest.Company{})
		id := ride(t, srv, co)
		require.NoError(t, srv.PayRide(id))
		require.NoError(t, srv.Adjust(co.ID, francs(200), "a shorter way", id))
		wantMoney(t, 200, srv.Balance(co.ID))
		to := map[string]kapiten.RideStatus{"cancelled": kapiten.RideCancelled, "rejected": kapiten.RideRejected}[by]
		require.NoError(t, srv.MoveRide(id, to), by)
		wantMoney(t, 0, srv.Balance(co.ID))
		r, _ := srv.Ride(id)
		wantMoney(t, 0, r.Charged)
		assert.Equal(t, kapitentest.PaymentRefunded, r.Payment.Status)
		assert.False(t, r.Refunded, "the wallet got nothing back")
		entries := srv.Transactions(co.ID)
		last := entries[len(entries)-1]
		assert.Equal(t, []any{kapiten.TransactionAdjustment, id}, []any{last.Type, last.RideID})
		require.NoError(t, srv.CheckLedger())
	}
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{})
	id := topUp(t, srv, co, "700", "0788120003")
	pending, ok := srv.Transaction(id)
	require.True(t, ok)
	assert.Equal(t, srv.Transactions(co.ID), []kapitentest.Transaction{pending})
	assert.Equal(t, kapiten.TransactionPending, pending.Status)
	require.NoError(t, srv.MoveTopUp(id, kapiten.TransactionFailed, "line cut"))
	failed, _ := srv.Transaction(id)
	assert.Equal(t, []any{kapiten.TransactionFailed, "Wallet top-up: line cut"}, []any{failed.Status, failed.Description})
	none, ok := srv.Transaction("none")
	assert.Equal(t, kapitentest.Transaction{}, none)
	assert.False(t, ok)
}

func TestAdjustAndPaymentsNameOneRideAndOnePhone(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1200)})
	paid, waits := ride(t, srv, co), ride(t, srv, co)
	require.ErrorContains(t, srv.Adjust(co.ID, francs(-1), "x", paid, waits), "one ride")
	require.ErrorContains(t, srv.PayRide(waits, "0728123456", "0788123456"), "one phone")
	require.ErrorContains(t, srv.FailPayment(waits, "0728123456", "0788123456"), "one phone")
	assert.Equal(t, kapiten.RideWaitingPayment, status(srv, waits))
	wantMoney(t, 0, srv.Balance(co.ID))
}

func TestAnAdjustmentCorrectsTheFinalPriceOfARide(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	co, other := srv.AddCompany(kapitentest.Company{Balance: francs(2000)}), srv.AddCompany(kapitentest.Company{})
	id, unpaid := ride(t, srv, co), ride(t, srv, co)
	require.NoError(t, srv.Adjust(co.ID, francs(-300), "A detour", id))
	wantMoney(t, 500, srv.Balance(co.ID))
	r, _ := srv.Ride(id)
	wantMoney(t, 1200, r.Price)
	wantMoney(t, 1500, r.Charged)
	row := as(t, srv, co, "GET", "/api/companies/"+co.ID+"/transactions/", "").results(t)[0]
	assert.Equal(t, []any{"ADJUSTMENT", "A detour", id}, []any{row["transaction_type"], row["description"], row["ride"]})
	assert.Len(t, srv.Debits(id), 1, "a correction is no second payment")

	entries := len(srv.Entries(co.ID))
	assert.ErrorIs(t, srv.Adjust(co.ID, francs(1501), "too much", id), fake.ErrIllegalMove)
	assert.ErrorIs(t, srv.Adjust(co.ID, francs(-1), "unpaid", unpaid), fake.ErrIllegalMove)
	assert.ErrorIs(t, srv.Adjust(other.ID, francs(-1), "not theirs", id), fake.ErrNotFound)
	assert.ErrorIs(t, srv.Adjust(co.ID, francs(-1), "no ride", "x"), fake.ErrNotFound)
	assert.Len(t, srv.Entries(co.ID), entries)

	require.NoError(t, srv.PayRide(unpaid))
	assert.ErrorIs(t, srv.Adjust(co.ID, francs(1201), "more than he paid", unpaid), fake.ErrIllegalMove)
	require.NoError(t, srv.Adjust(co.ID, francs(-100), "the company pays the rest", unpaid))
	require.NoError(t, srv.MoveRide(id, kapiten.RideCancelled))
	require.NoError(t, srv.MoveRide(unpaid, kapiten.RideCancelled))
	wantMoney(t, 2000, srv.Balance(co.ID))
	assert.ErrorIs(t, srv.Adjust(co.ID, francs(-1), "over", id), fake.ErrIllegalMove)
	require.NoError(t, srv.CheckLedger())
}

func TestAnEstimateHeedsTheOverdraftLimitAsCreateDoes(t *testing.T) {
	t.Parallel()
	const poor = `{"detail":"Insufficient wallet balance."}`
	for _, policy := range []kapitentest.InsufficientFunds{kapitentest.Reject, kapitentest.WaitForPayment} {
		srv := kapitentest.NewServer(t, kapitentest.Config{OnInsufficientFunds: policy})
		co := srv.AddCompany(kapitentest.Company{Balance: francs(1000)})
		ask := func() (estimate, create reply) {
			return as(t, srv, co, "POST", "/api/rides/estimate/", order(t, co)), as(t, srv, co, "POST", "/api/rides/", order(t, co))
		}
		estimate, create := ask()
		if policy == kapitentest.Reject {
			assert.Equal(t, []any{400, poor, 400, poor}, []any{estimate.status, estimate.body, create.status, create.body})
		} else {
			assert.Equal(t, []int{200, 201}, []int{estimate.status, create.status})
		}
		require.NoError(t, srv.Configure(co.ID, func(s *kapitentest.Settings) { s.Pricing.OverdraftLimit = francs(1400) }))
		estimate, create = ask()
		assert.Equal(t, []int{200, 201}, []int{estimate.status, create.status}, "wallet plus overdraft pay it")
	}
}
