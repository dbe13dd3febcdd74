package kapiten_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// What real servers put into fields that decide nothing.
var noises = []string{
	`false`, `true`, `null`, `[]`, `{}`, `["x"]`, `[{}]`, `{"name":"RWF"}`, `""`, `" "`, `0`, `-1`, `1e400`, `99999999999999999999`,
	`{"_seconds":1763719200,"_nanoseconds":0}`, `{"$date":"2026-11-21T10:00:00Z"}`, `[2026,11,21]`, `"21/11/2026"`, `"yesterday"`, `1763719200`, `1763719200000`,
	`1.0000000000000000001`, `"1,200.00"`, `"1200,50"`, `"0750.00"`, `".5"`, `"+5"`, `"NaN"`, `"5.2 km"`, `"RWF 1200"`, `1e2147483647`, `"Infinity"`, `"\u0000"`,
}

func TestNoFieldThatDecidesNothingCostsAResponse(t *testing.T) {
	for _, noise := range noises {
		assert.NoError(t, kapiten.DecodeWithNoise([]byte(noise)), noise)
	}
}

func TestDatesAndDecimalsThatCannotBeReadAreAbsent(t *testing.T) {
	clienttest.CheckAbsence(t, kapiten.Shown())
}

func FuzzNoise(f *testing.F) {
	for _, noise := range noises {
		f.Add(noise)
	}
	f.Fuzz(func(t *testing.T, noise string) {
		if !json.Valid([]byte(noise)) {
			return
		}
		if err := kapiten.DecodeWithNoise([]byte(noise)); err != nil {
			t.Error(err)
		}
	})
}

func TestADecidingFieldIsStrict(t *testing.T) {
	for _, body := range []string{
		`{"status":"PENDING","amount":1}`, `{"id":{},"status":"PENDING","amount":1}`, `{"id":false,"status":"PENDING","amount":1}`, `{"id":"","status":"PENDING","amount":1}`,
		`{"id":"x","amount":1}`, `{"id":"x","reference_number":"KPT-1","status":[],"amount":1}`, `{"id":"x","status":null,"amount":1}`, `[]`, `"x"`,
	} {
		client := newClient(t, newStub(t, 200, "application/json", body).URL)
		_, err := client.Rides.Create(t.Context(), validRide())
		assert.Equal(t, "unknown", outcomeOf(err), body)
		_, err = client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "c", Amount: decimal.NewFromInt(1), PhoneNumber: "0788123456"})
		assert.Equal(t, "unknown", outcomeOf(err), body)
	}
	for _, amount := range []string{`"1,000.00"`, `{}`, `null`, `"NaN"`, `1.0000000000000000001`, `"RWF 1000"`} {
		client := newClient(t, newStub(t, 200, "application/json", `{"id":"x","status":"PENDING","amount":`+amount+`}`).URL)
		_, err := client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "c", Amount: decimal.NewFromInt(1000), PhoneNumber: "0788123456"})
		assert.Equal(t, "unknown", outcomeOf(err), amount)
	}
}

func TestABadRowOfAnyListCostsOnlyItself(t *testing.T) {
	for list, tc := range map[string]struct {
		good string
		bad  []string // besides what is no object
		read func(context.Context, *kapiten.Client) (items, skipped int, err error)
	}{
		"rides": {`{"id":"a","status":"PENDING","created_at":{}}`, []string{`{}`, `{"id":[],"status":"PENDING"}`, `{"id":"b"}`, `{"id":"b","status":{}}`, `{"id":"","status":"PENDING"}`},
			func(ctx context.Context, c *kapiten.Client) (int, int, error) {
				page, err := c.Rides.List(ctx, "co-1", kapiten.ListOptions{})
				return sizeOf(page, err)
			}},
		"users": {`{"id":"a","wallet":{}}`, []string{`{}`, `{"id":[]}`, `{"id":""}`, `{"id":false}`},
			func(ctx context.Context, c *kapiten.Client) (int, int, error) {
				page, err := c.Users.List(ctx, "co-1", kapiten.ListOptions{})
				return sizeOf(page, err)
			}},
		"transactions": {`{"id":"a","status":"SUCCESS","amount":"-5","created_at":[]}`, []string{`{}`, `{"id":"b","status":"SUCCESS"}`, `{"id":"b","status":"SUCCESS","amount":"1,200"}`, `{"id":"b","amount":1}`},
			func(ctx context.Context, c *kapiten.Client) (int, int, error) {
				page, err := c.Wallet.List(ctx, "co-1", kapiten.ListOptions{})
				return sizeOf(page, err)
			}},
	} {
		bad := append([]string{`7`, `null`, `"x"`, `[]`, `true`}, tc.bad...)
		for _, row := range bad {
			items, skipped, err := tc.read(t.Context(), newClient(t, newStub(t, 200, "application/json", "\ufeff"+`{"count":3,"next":null,"results":[`+tc.good+`,`+row+`,`+tc.good+`]}`).URL))
			require.NoError(t, err, list+row)
			assert.Equal(t, []int{2, 1}, []int{items, skipped}, list+row)
		}
		items, skipped, err := tc.read(t.Context(), newClient(t, newStub(t, 200, "application/json", `{"count":9,"next":null,"results":[`+strings.Join(bad, ",")+`]}`).URL))
		require.NoError(t, err, list)
		assert.Equal(t, []int{0, len(bad)}, []int{items, skipped}, list)
	}
}

func sizeOf[T any](page *kapiten.Page[T], err error) (items, skipped int, _ error) {
	if err != nil {
		return 0, 0, err
	}
	return len(page.Items), page.Skipped, nil
}

func TestAnEventBehindAByteOrderMarkIsRead(t *testing.T) {
	for _, body := range []string{`{"ride_id":"r-1","status":"PICKED_UP"}`, ` {"ride_id":"r-1","status":"PICKED_UP","external_id":false}`, "\r\n{\"ride_id\":\"r-1\",\"status\":\"PICKED_UP\"}\n"} {
		event, err := kapiten.ParseEvent([]byte("\ufeff" + body))
		require.NoError(t, err, body)
		assert.Equal(t, "r-1", event.RideID, body)
		assert.Equal(t, kapiten.RidePickedUp, event.Status, body)
	}
	for _, body := range []string{"\ufeff", "\ufeff\ufeff" + `{"ride_id":"r-1","status":"PICKED_UP"}`, `{"ride_id":"r-1","status":"PICKED_UP"}` + "\ufeff"} {
		_, err := kapiten.ParseEvent([]byte(body))
		assert.Error(t, err, "%q", body)
	}
}

func TestABadRowCostsOnlyItself(t *testing.T) {
	body := "\ufeff" + `{"count":6,"next":null,"results":[7,null,{"id":"a","status":"PENDING"},{"id":[],"status":"PENDING"},{"id":"b"},{"id":"c","status":"COMPLETED","created_at":{}}]}`
	client := newClient(t, newStub(t, 200, "application/json", body).URL)
	page, err := client.Rides.List(t.Context(), "co-1", kapiten.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, 4, page.Skipped)
	require.Len(t, page.Items, 2)
	ride, err := client.Rides.Get(t.Context(), "co-1", "c")
	require.NoError(t, err, "found is found")
	assert.Equal(t, kapiten.RideCompleted, ride.Status)
	_, err = client.Rides.Get(t.Context(), "co-1", "d")
	require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
	assert.NotErrorIs(t, err, sdk.ErrNotFound, "it may be the row that cannot be read")
}

func TestAnExternalIDThatCannotBeReadIsNeitherOursNorAbsent(t *testing.T) {
	for _, value := range []string{`false`, `{}`, `[]`, `["ORDER-99123"]`} {
		row := `{"id":"r-1","reference_number":"KPT-1","status":"PENDING","external_id":` + value + `}`
		client := newClient(t, newStub(t, 200, "application/json", `{"count":1,"next":null,"results":[`+row+`]}`).URL)
		_, err := client.Rides.Find(t.Context(), "co-1", "ORDER-99123", kapiten.SearchOptions{})
		require.ErrorIs(t, err, sdk.ErrUnexpectedResponse, value)
		ride, err := newClient(t, newStub(t, 201, "application/json", row).URL).Rides.Create(t.Context(), validRide())
		require.NoError(t, err, "the response to Create need not name it")
		assert.Empty(t, ride.ExternalID)
		assert.True(t, ride.Unverified)
	}
	client := newClient(t, newStub(t, 200, "application/json", `{"count":1,"next":null,"results":[{"id":"r-1","status":"PENDING","external_id":99123}]}`).URL)
	ride, err := client.Rides.Find(t.Context(), "co-1", "99123", kapiten.SearchOptions{})
	require.NoError(t, err)
	assert.Equal(t, "99123", ride.ExternalID)
}

func TestPhoneNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for given, sent := range map[string]string{
		"0788123456": "0788123456", "+250788123456": "+250788123456", "250788123456": "250788123456", "788123456": "0788123456",
		"00250788123456": "+250788123456", "0788 123 456": "0788123456", "0788-123-456": "0788123456", "(0788) 123.456": "0788123456",
		"+250 788 123 456": "+250788123456", "0788\u00a0123\u00a0456": "0788123456", "\u200e0788123456\u200e": "0788123456", "\u202a+250788123456\u202c": "+250788123456",
		"+250 (0)788 123 456": "+250788123456", "\u200e+250 (0)788 123 456": "+250788123456", "(+250) ( 0 )788123456": "+250788123456", " 0788123456 ": "0788123456", "\uff0b250788123456": "+250788123456",
	} {
		server := newStub(t, 201, "application/json", `{"id":"t","status":"PENDING","amount":5}`)
		_, err := newClient(t, server.URL).Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: "c", Amount: decimal.NewFromInt(5), PhoneNumber: given})
		if assert.NoError(t, err, "%q", given) {
			assert.Equal(t, `{"amount":5,"phone_number":"`+sent+`"}`, server.requests()[0].Body, "%q", given)
		}
	}
	for _, bad := range []string{"p", "0788", "0788123456 ext 2", "+0788123456", "07881234567890123", "+", "0788+123456"} {
		server := newStub(t, 201, "application/json", `{}`)
		client := newClient(t, server.URL)
		p := validRide()
		p.Sender.Phone, p.Receiver.Phone = bad, bad
		_, err := client.Rides.Create(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrNotSent, bad)
		for _, field := range []string{"sender.phone", "receiver.phone"} {
			assert.ErrorContains(t, err, field)
		}
		_, err = client.Users.Create(t.Context(), kapiten.CreateUserParams{CompanyID: "c", PhoneNumber: bad, FirstName: "f", LastName: "l", Email: "e"})
		require.ErrorContains(t, err, "phone_number", bad)
		assert.Empty(t, server.requests())
	}
}

func TestAClientWithoutATokenSaysSoBeforeTheNetwork(t *testing.T) {
	server := newStub(t, 200, "application/json", `{}`)
	client := newClient(t, server.URL, func(c *kapiten.Config) { c.Token = "" })
	open := map[string]bool{"Companies.Create": true, "Companies.Find": true, "Users.Create": true, "Users.Token": true}
	for name, call := range wireCalls {
		before := len(server.requests())
		ctx, cancel := context.WithCancel(t.Context())
		err := call.call(ctx, client)
		cancel()
		if open[name] {
			assert.Len(t, server.requests(), before+1, name)
			continue
		}
		require.Error(t, err, name)
		assert.Equal(t, sdk.Credentials, sdk.Advise(err), name)
		assert.ErrorContains(t, err, "Token is required", name)
		assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown, name)
		assert.Len(t, server.requests(), before, name)
	}
}

func TestTheConstructorNamesEveryFaultAtOnce(t *testing.T) {
	for _, edge := range []string{"\n", "\r\n", " ", "\t", "\u00a0", "\ufeff"} {
		_, err := kapiten.New(kapiten.Config{Token: "planted-secret" + edge, BaseURL: "http://api.kapiteni.com", Options: sdk.Options{MaxAttempts: -1}})
		require.Error(t, err)
		for _, field := range []string{"Token", "BaseURL"} {
			assert.ErrorContains(t, err, field)
		}
		assert.NotContains(t, err.Error(), "planted-secret")
	}
}

// A response that is out of step is about another object.
func TestFindOfACompanyBelievesNoOther(t *testing.T) {
	_, err := newClient(t, newStub(t, 200, "application/json", `{"id":"x","registration_number":"OTHER"}`).URL).Companies.Find(t.Context(), "RDB2026-XP")
	require.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
}

// Wait looks where the ride was, so that a ride far behind costs one page per look.
func TestWaitGoesOnWhereTheRideWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		transport := roundTripper(func(req *http.Request) (*http.Response, error) {
			looks++
			page := req.URL.Query().Get("page")
			status := "PENDING"
			if looks > 6 {
				status = "COMPLETED"
			}
			body := map[string]string{
				"1": ridesPage(3, `"/?page=2"`, "a"), "2": ridesPage(3, `"/?page=3"`, "b"),
				"3": strings.ReplaceAll(ridesPage(3, "null", "c"), "PENDING", status),
			}[page]
			if body == "" {
				return nil, errors.New("no such page")
			}
			return clienttest.Respond(200, body)(req), nil
		})
		client, err := kapiten.New(kapiten.Config{BaseURL: kapiten.ProductionURL, Token: "t", Options: sdk.Options{HTTPClient: &http.Client{Transport: transport}}})
		require.NoError(t, err)
		ride, err := client.Rides.Wait(t.Context(), "co-1", "c")
		require.NoError(t, err)
		assert.Equal(t, kapiten.RideCompleted, ride.Status)
		assert.Equal(t, 7, looks, "three pages for the first look, one for each of the others")
	})
}
