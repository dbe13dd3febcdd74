package kapitentest_test

import (
	"strings"
	"testing"
	"time"

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
		after  time.Duration // when it is settled; 0: never
		status kapiten.TransactionStatus
	}{
		"ordinary":        {"0788123456", 5 * time.Second, kapiten.TransactionSuccess},
		"payer refuses":   {"0788120001", 5 * time.Second, kapiten.TransactionFailed},
		"payer is poor":   {"+250788120002", 5 * time.Second, kapiten.TransactionFailed},
		"never settles":   {"250788120003", 0, kapiten.TransactionPending},
		"settles late":    {"0728120004", 10 * time.Minute, kapiten.TransactionSuccess},
		"airtel, 073":     {"0738123456", 5 * time.Second, kapiten.TransactionSuccess},
		"079 in full":     {"+250798123456", 5 * time.Second, kapiten.TransactionSuccess},
		"spaces are gone": {" 0798123456 ", 5 * time.Second, kapiten.TransactionSuccess},
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
			assert.Equal(t, "Wallet top-up", e.Description)
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

	require.NoError(t, srv.Adjust(co.ID, francs(5000), "gift"))
	assert.Equal(t, kapiten.RideWaitingPayment, statuses()[3], "an adjustment pays no ride")
	require.NoError(t, srv.MoveTopUp(topUp(t, srv, co, "1", "0788120003"), kapiten.TransactionSuccess))
	assert.Equal(t, kapiten.RidePending, statuses()[3])
	wantMoney(t, 4201, srv.Balance(co.ID))

	require.NoError(t, srv.MoveRide(fourth, kapiten.RideCancelled))
	wantMoney(t, 5401, srv.Balance(co.ID))
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

func TestAddCompanyPanicsOnATakenNumber(t *testing.T) {
	t.Parallel()
	srv := kapitentest.NewServer(t)
	srv.AddCompany(kapitentest.Company{RegistrationNumber: "A"})
	assert.Panics(t, func() { srv.AddCompany(kapitentest.Company{RegistrationNumber: "A"}) })
	srv.AddCompany(kapitentest.Company{RegistrationNumber: "B"})
	assert.Error(t, srv.Configure(srv.AddCompany(kapitentest.Company{}).ID, func(s *kapitentest.Settings) { s.Pricing.BaseFare = francs(-1) }))
}
