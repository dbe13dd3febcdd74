package kapitentest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func TestTopUpOutcomes(t *testing.T) {
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
	require.Error(t, srv.MoveTopUp(id, kapiten.TransactionPending))
	require.Error(t, srv.MoveTopUp("x", kapiten.TransactionSuccess))
	require.NoError(t, srv.MoveTopUp(id, kapiten.TransactionFailed))
	require.Error(t, srv.MoveTopUp(id, kapiten.TransactionSuccess))
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
