package kotanitest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// A Ghanaian partner logs in as such, and his national numbers are Ghanaian.
func TestLoginInGhana(t *testing.T) {
	t.Parallel()
	srv := kotanitest.NewServer(t, kotanitest.Config{Country: kotani.Ghana})
	for code, want := range map[string]int{"GH": 200, "GHA": 200, "KE": 400, "KEN": 400, "NG": 400, "": 200} {
		status, text, err := faketest.Call(t.Context(), srv.HTTPClient(), "POST", srv.URL()+"/api/login",
			object{"phoneNumber": "254700000000", "countryCode": code, "password": "test-password"})
		require.NoError(t, err)
		assert.Equal(t, want, status, "%s %s", code, text)
	}
	client, err := kotani.New(srv.ClientConfig())
	require.NoError(t, err)
	_, err = client.Fiat.Withdraw(t.Context(), kotani.WithdrawParams{Amount: decimal.NewFromInt(100), PhoneNumber: "020 123 4567", ExternalID: "out-1"})
	require.NoError(t, err)
	paid, _ := srv.Transaction("out-1")
	assert.Equal(t, "233201234567 GHS", paid.Phone+" "+paid.Currency)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	good := object{"phoneNumber": "254700000000", "countryCode": "KEN", "password": "test-password"}
	for name, tc := range map[string]struct {
		body   any
		status int
		want   string // desc, or the plain text; empty: a token
	}{
		"KEN":              {good, 200, ""},
		"KE":               {good.with("countryCode", "KE"), 200, ""},
		"plus":             {good.with("phoneNumber", "+254700000000"), 200, ""},
		"bare number":      {good.with("phoneNumber", int64(254700000000)), 200, ""},
		"wrong password":   {good.with("password", "no"), 200, "Not Allowed"},
		"unknown phone":    {good.with("phoneNumber", "254700000001"), 400, "cannot find user"},
		"other country":    {good.with("countryCode", "GH"), 400, "cannot find user"},
		"no password":      {good.with("password", nil), 200, "password is required"},
		"no phone":         {good.with("phoneNumber", nil), 200, "phoneNumber is required"},
		"no country":       {good.with("countryCode", ""), 200, "countryCode is required"},
		"an object inside": {good.with("password", object{}), 200, "invalid password"},
		"no object":        {`[]`, 400, "Bad Request"},
		"two objects":      {`{}{}`, 400, "Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPartner(t, kotanitest.Config{})
			status, text, err := p.try("POST", "/api/login", tc.body)
			require.NoError(t, err)
			assert.Equal(t, tc.status, status)
			switch {
			case status != 200:
				assert.Equal(t, tc.want, text)
			case tc.want == "":
				o := parse(t, text)
				assert.Equal(t, json.Number("201"), o["status"])
				assert.NotEmpty(t, o["accessToken"])
			default:
				p.wantRefused(tc.want, parse(t, text))
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	want := func(status int, text string) {
		t.Helper()
		got, body, err := p.try("GET", "/transactions", nil)
		require.NoError(t, err)
		assert.Equal(t, status, got)
		if text != "" {
			assert.Equal(t, text, body, "plain text")
		}
	}
	p.Advance(300*time.Second - 1)
	want(200, "")
	p.Advance(1)
	want(403, "Forbidden")
	p.login()
	want(200, "")
	require.NoError(t, p.AddFault(fake.Fault{Kind: fake.FaultExpireToken, Times: 1}))
	want(403, "Forbidden")
	p.token = "made up"
	want(403, "Forbidden")
	p.token = ""
	want(401, "Unauthorized")
	assert.Equal(t, "ok", p.get("/health")["status"], "health is open")
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	for _, route := range [][2]string{{"GET", "/nowhere"}, {"GET", "/transactions/deposit/stkpush"}, {"POST", "/health"}} {
		status, text, err := p.try(route[0], route[1], nil)
		require.NoError(t, err)
		assert.Equal(t, 404, status)
		assert.Equal(t, "Cannot "+route[0]+" "+route[1], text)
	}
}

func TestObjectsComeOldestFirstAndAsCopies(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	var ids []string
	for i := range 3 {
		id, _ := p.result(p.post("/binance/order/create", order))["prepayId"].(string)
		ids = append(ids, id)
		p.post("/kyc/user/create", object{"phoneNumber": fmt.Sprintf("25471234567%d", 9-i)})
	}
	for i, o := range p.Orders() {
		assert.Equal(t, ids[i], o.PrepayID)
		assert.Equal(t, fmt.Sprintf("25471234567%d", 9-i), p.Users()[i].Phone)
	}
	_, known := p.Order("none")
	assert.False(t, known)
	_, known = p.User("none")
	assert.False(t, known)

	p.withdraw(nil)
	tx, known := p.Transaction("out-1")
	assert.True(t, known)
	tx.Legs[0].Amount, p.Orders()[0].Status = tx.Legs[0].Amount.Neg(), "spoiled"
	assert.NoError(t, p.CheckLedger())
	assert.Equal(t, kotani.OrderInitial, p.Orders()[0].Status)
}

func TestConfigPrintsNoPassword(t *testing.T) {
	t.Parallel()
	c := kotanitest.Config{PhoneNumber: "254700000000", Password: "hunter2"}
	all := faketest.Printed(t, c)
	assert.NotContains(t, all, "hunter2")
	assert.Contains(t, all, "kotanitest.Config{...}")
}
