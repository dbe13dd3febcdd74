package fakeserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// business is a company on the standalone server, whose clock stands still. The
// client and the admin API are all that its tests use.
type business struct {
	t      *testing.T
	id     string
	user   string
	base   string
	token  string
	admin  string
	client *kapiten.Client

	mu     sync.Mutex
	events []kapiten.Event
}

func newBusiness(t *testing.T, config string, flags ...string) *business {
	t.Helper()
	b := &business{t: t}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		event, err := kapiten.ParseEvent(body)
		assert.NoError(t, err)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, event)
	}))
	t.Cleanup(receiver.Close)
	greeting, _ := start(t, append(flags, "-clock", "manual", "-config", configFile(t, config))...)
	b.base, b.admin = text(t, greeting, "kapiten"), text(t, greeting, "admin")
	cfg := kapiten.Config{BaseURL: b.base}
	onboarding, err := kapiten.New(cfg)
	require.NoError(t, err)
	company, err := onboarding.Companies.Create(t.Context(), kapiten.CreateCompanyParams{
		Name: "Best Pilau Ltd", RegistrationNumber: "RDB2026-XP", Address: "KN 78 St, Kigali", ContactPerson: "Victor",
		PhoneNumber: "+250788123456", Email: "hello@bestpilau.com", WebhookURL: receiver.URL,
	})
	require.NoError(t, err)
	user, err := onboarding.Users.Create(t.Context(), kapiten.CreateUserParams{
		CompanyID: company.ID, PhoneNumber: "+250788000111", FirstName: "John", LastName: "Doe", Email: "john@bestpilau.com",
	})
	require.NoError(t, err)
	b.id, b.user = company.ID, user.ID
	cfg.Token, err = onboarding.Users.Token(t.Context(), company.ID, user.ID)
	require.NoError(t, err)
	b.token = cfg.Token
	b.client, err = kapiten.New(cfg)
	require.NoError(t, err)
	return b
}

// raw sends a request without the client, as any program can.
func (b *business) raw(method, path, body string) (int, map[string]any) {
	b.t.Helper()
	status, response := ask(b.t, method, b.base+path, body, "Authorization", "Token "+b.token)
	d := json.NewDecoder(strings.NewReader(response))
	d.UseNumber() // money is no float
	var o map[string]any
	require.NoError(b.t, d.Decode(&o), response)
	return status, o
}

// rows are the results of a list, newest first, without the client.
func (b *business) rows(list string) []map[string]any {
	b.t.Helper()
	status, page := b.raw("GET", "/api/companies/"+b.id+"/"+list+"/", "")
	require.Equal(b.t, http.StatusOK, status)
	return elements(b.t, page, "results")
}

// order is the body of a ride like params; an estimate reads its part of it.
func (b *business) order() string {
	return `{"pickup_address":"Kicukiro, KK 12 Ave","pickup_latitude":-1.9441,"pickup_longitude":30.0619,"dropoff_address":"M. Peace Plaza, Nyarugenge","dropoff_latitude":-1.9706,"dropoff_longitude":30.1044,` +
		`"sender":{"name":"Best Pilau","phone":"0788123456"},"receiver":{"name":"Customer","phone":"` + usualPhone + `"},"package_type":"Food","weight_range":"5-10","is_priority":true,"company_id":"` + b.id + `"}`
}

// call makes an admin call that must succeed.
func (b *business) call(method, path, body string) {
	b.t.Helper()
	status, answer := ask(b.t, method, b.admin+path, body)
	require.Less(b.t, status, 300, "%s: %s", path, answer)
}

func (b *business) advance(seconds int) {
	b.t.Helper()
	b.call("POST", "/clock/advance", fmt.Sprintf(`{"seconds":%d}`, seconds))
}

func (b *business) params(phone string) kapiten.CreateRideParams {
	return kapiten.CreateRideParams{
		CompanyID: b.id, PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: phone},
		PackageType: "Food", WeightRange: kapiten.Weight5To10, IsPriority: true,
	}
}

const usualPhone = "0789000111"

// create makes a ride, which costs 1,700.
func (b *business) create(phone string) string {
	b.t.Helper()
	ride, err := b.client.Rides.Create(b.t.Context(), b.params(phone))
	require.NoError(b.t, err)
	assert.Equal(b.t, "1700", ride.EstimatedPrice.Decimal.String())
	return ride.ID
}

func (b *business) ride(id string) kapiten.Ride {
	b.t.Helper()
	ride, err := b.client.Rides.Get(b.t.Context(), b.id, id)
	require.NoError(b.t, err)
	return *ride
}

func (b *business) adjust(amount int, ride string) {
	b.t.Helper()
	b.call("POST", "/kapiten/companies/"+b.id+"/adjust", fmt.Sprintf(`{"amount":%d,"description":"by hand","ride":%q}`, amount, ride))
}

func (b *business) wantBalance(want string) {
	b.t.Helper()
	balance, err := b.client.Wallet.Balance(b.t.Context(), b.id)
	require.NoError(b.t, err)
	assert.Equal(b.t, want, balance.String())
	accounts := elements(b.t, get(b.t, b.admin+"/kapiten/accounts"), "accounts")
	require.Len(b.t, accounts, 1)
	assert.Equal(b.t, want, accounts[0]["balance"], "the fake's own")
}

func (b *business) last() kapiten.Event {
	b.t.Helper()
	b.advance(0) // waits for the callbacks
	b.mu.Lock()
	defer b.mu.Unlock()
	require.NotEmpty(b.t, b.events)
	return b.events[len(b.events)-1]
}

func TestOverdraftCountsInEstimatesOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"on_insufficient_funds":"reject","autopilot":false}}`)
	p := b.params(usualPhone)
	estimate := func() (*kapiten.Estimate, error) {
		return b.client.Rides.Estimate(t.Context(), kapiten.EstimateParams{
			CompanyID: b.id, Pickup: p.Pickup, Dropoff: p.Dropoff, WeightRange: p.WeightRange, IsPriority: p.IsPriority,
		})
	}
	b.adjust(1000, "")
	_, err := estimate()
	require.ErrorIs(t, err, sdk.ErrInsufficientFunds)
	_, err = b.client.Rides.Create(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrInsufficientFunds)
	require.ErrorIs(t, err, sdk.ErrRejected)
	assert.Equal(t, sdk.Mend, sdk.Advise(err))
	assert.Equal(t, "kapiten: rides.create: validation failed: insufficient funds: HTTP 400, fields wallet (outcome: rejected)", err.Error())
	var refusal *sdk.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "map[wallet:[Insufficient wallet balance.]]", fmt.Sprint(refusal.Fields))

	for _, path := range []string{"/api/rides/estimate/", "/api/rides/"} {
		status, body := b.raw("POST", path, b.order())
		assert.Equal(t, 400, status, path)
		assert.Equal(t, map[string]any{"detail": "Insufficient wallet balance."}, body, path)
	}

	b.call("PATCH", "/kapiten/companies/"+b.id, `{"pricing_config":{"overdraft_limit":700}}`)
	status, body := b.raw("POST", "/api/rides/estimate/", b.order())
	assert.Equal(t, 200, status)
	assert.Equal(t, json.Number("1700.0"), body["amount"])
	quote, err := estimate()
	require.NoError(t, err)
	assert.Equal(t, "1700", quote.Amount.String())
	b.create(usualPhone)
	b.wantBalance("-700")
	status, _ = b.raw("POST", "/api/rides/estimate/", b.order())
	assert.Equal(t, 400, status, "the overdraft is used up")
}

func TestCancellationsNameTheirActorOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
	b.adjust(10_000, "")
	metadata := func(e kapiten.Event) (m struct {
		Previous string `json:"previous_status"`
		By       string `json:"cancelled_by"`
		Reason   string `json:"reason"`
	}) {
		require.NoError(t, json.Unmarshal(e.Metadata, &m))
		return m
	}
	first, second := b.create(usualPhone), b.create(usualPhone)
	b.call("POST", "/kapiten/rides/"+first+"/cancel", `{"by":"sender","reason":"Wrong address"}`)
	assert.Equal(t, kapiten.RideCancelled, b.ride(first).Status)
	assert.Equal(t, "CANCELLED", b.rows("rides")[1]["status"])
	e := b.last()
	assert.Equal(t, []string{first, "CANCELLED", "PENDING", "sender", "Wrong address"},
		[]string{e.RideID, string(e.Status), metadata(e).Previous, metadata(e).By, metadata(e).Reason})

	for _, status := range []kapiten.RideStatus{kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp} {
		b.call("POST", "/kapiten/rides/"+second+"/status", fmt.Sprintf(`{"status":%q}`, status))
	}
	status, _ := ask(t, "POST", b.admin+"/kapiten/rides/"+second+"/cancel", `{"by":"sender"}`)
	assert.Equal(t, 409, status, "the rider has the package")
	b.call("POST", "/kapiten/rides/"+second+"/cancel", `{"by":"administrator","reason":"Spoilt"}`)
	assert.Equal(t, "administrator Spoilt", metadata(b.last()).By+" "+metadata(b.last()).Reason)
	b.wantBalance("10000")
}

func TestACustomerPaysForARideOverHTTP(t *testing.T) {
	for end, over := range map[string]struct {
		end  func(b *business, id string)
		want kapiten.RideStatus
	}{
		"no rider is found": {func(b *business, _ string) { b.advance(600) }, kapiten.RideRejected},
		"the sender cancels": {func(b *business, id string) {
			b.call("POST", "/kapiten/rides/"+id+"/cancel", `{"by":"sender"}`)
		}, kapiten.RideCancelled},
		"an administrator cancels after the pickup": {func(b *business, id string) {
			for _, status := range []kapiten.RideStatus{kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp} {
				b.call("POST", "/kapiten/rides/"+id+"/status", fmt.Sprintf(`{"status":%q}`, status))
			}
			b.call("POST", "/kapiten/rides/"+id+"/cancel", `{"by":"administrator","reason":"Spoilt"}`)
		}, kapiten.RideCancelled},
	} {
		t.Run(end, func(t *testing.T) {
			b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
			id := b.create(usualPhone)
			assert.Equal(t, kapiten.RideWaitingPayment, b.ride(id).Status)
			payment := func() map[string]any {
				value, _ := get(t, b.admin+"/kapiten/rides/"+id)["value"].(map[string]any)
				payment, _ := value["payment"].(map[string]any)
				return payment
			}
			assert.Equal(t, map[string]any{"method": "MOMO", "phone": usualPhone, "amount": "1700", "status": "PENDING"}, payment(), "the receiver is asked")
			status, _ := ask(t, "POST", b.admin+"/kapiten/rides/"+id+"/status", `{"status":"PENDING"}`)
			assert.Equal(t, 409, status, "nobody has paid")
			b.call("POST", "/kapiten/rides/"+id+"/pay", `{"status":"FAILED","phone":"0728123456"}`)
			assert.Equal(t, map[string]any{"method": "AIRTEL", "phone": "0728123456", "amount": "1700", "status": "FAILED"}, payment())
			assert.Equal(t, kapiten.RideWaitingPayment, b.ride(id).Status)
			b.call("POST", "/kapiten/rides/"+id+"/pay", `{"phone":"0788123456"}`)
			paid := map[string]any{"method": "MOMO", "phone": "0788123456", "amount": "1700", "status": "PAID"}
			assert.Equal(t, paid, payment())
			assert.Equal(t, kapiten.RidePending, b.ride(id).Status)
			over.end(b, id)
			assert.Equal(t, over.want, b.ride(id).Status)
			paid["status"] = "REFUNDED"
			assert.Equal(t, paid, payment(), "back to who paid")
			b.wantBalance("0")
			page, err := b.client.Wallet.List(t.Context(), b.id, kapiten.ListOptions{})
			require.NoError(t, err)
			assert.Empty(t, page.Items, "the wallet has no part in it")
		})
	}
}

// A ride that nobody pays has nothing to give back.
func TestAnUnpaidRideIsCancelledWithoutARefundOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
	id := b.create(usualPhone)
	b.advance(30 * 60)
	assert.Equal(t, kapiten.RideCancelled, b.ride(id).Status)
	value := get(t, b.admin+"/kapiten/rides/"+id)["value"].(map[string]any)
	assert.Equal(t, "FAILED", value["payment"].(map[string]any)["status"])
	assert.Equal(t, "system", value["cancelled_by"])
	assert.Contains(t, string(b.last().Metadata), `"cancelled_by":"system"`)
}

func TestAnyMoneyPaysWaitingRidesOverHTTP(t *testing.T) {
	for name, earn := range map[string]func(*business){
		"top-up": func(b *business) {
			_, err := b.client.Wallet.TopUp(b.t.Context(), kapiten.TopUpParams{CompanyID: b.id, Amount: decimal.NewFromInt(1700), PhoneNumber: "0788123456"})
			require.NoError(b.t, err)
			b.advance(5)
		},
		"adjustment": func(b *business) { b.adjust(1700, "") },
		"overdraft": func(b *business) {
			b.call("PATCH", "/kapiten/companies/"+b.id, `{"pricing_config":{"overdraft_limit":1700}}`)
		},
		"refund": func(b *business) {
			rides, err := b.client.Rides.List(b.t.Context(), b.id, kapiten.ListOptions{})
			require.NoError(b.t, err)
			b.call("POST", "/kapiten/rides/"+rides.Items[len(rides.Items)-1].ID+"/cancel", `{"by":"sender"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
			b.adjust(1700, "")
			b.create(usualPhone)
			heavy := b.params(usualPhone)
			heavy.WeightRange = kapiten.WeightOver20
			dear, err := b.client.Rides.Create(t.Context(), heavy)
			require.NoError(t, err)
			assert.Equal(t, "2500", dear.EstimatedPrice.Decimal.String())
			first, second := b.create(usualPhone), b.create(usualPhone)
			earn(b)
			late := b.create(usualPhone)
			assert.Equal(t, kapiten.RideWaitingPayment, b.ride(dear.ID).Status, "the oldest is too dear")
			assert.Equal(t, kapiten.RidePending, b.ride(first).Status, "the oldest that the money covers")
			for _, id := range []string{second, late} {
				assert.Equal(t, kapiten.RideWaitingPayment, b.ride(id).Status)
			}
			page, err := b.client.Wallet.List(t.Context(), b.id, kapiten.ListOptions{})
			require.NoError(t, err)
			assert.Equal(t, first, page.Items[0].RideID, "the money went there")

			b.adjust(2500, "")
			assert.Equal(t, kapiten.RidePending, b.ride(dear.ID).Status, "it has kept its place")
			assert.Equal(t, kapiten.RideWaitingPayment, b.ride(second).Status)
		})
	}
}

// Money that has come is taken by the rides that wait, before a new ride is priced
// against the wallet.
func TestANewRideWaitsBehindTheOthersOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
	first := b.create(usualPhone)
	b.adjust(2000, "")
	second := b.create(usualPhone)
	assert.Equal(t, kapiten.RidePending, b.ride(first).Status)
	assert.Equal(t, kapiten.RideWaitingPayment, b.ride(second).Status)
	b.wantBalance("300")
}

func TestAnAdjustmentBelongsToItsRideOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
	b.adjust(5000, "")
	id := b.create(usualPhone)
	b.adjust(-300, id)
	page, err := b.client.Wallet.List(t.Context(), b.id, kapiten.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"ADJUSTMENT", "-300", "by hand", id},
		[]string{string(page.Items[0].Type), page.Items[0].Amount.String(), page.Items[0].Description, page.Items[0].RideID})
	assert.Equal(t, kapiten.TransactionRidePayment, page.Items[1].Type)
	assert.Empty(t, page.Items[2].RideID)
	rows := b.rows("transactions")
	assert.Equal(t, []any{"ADJUSTMENT", json.Number("-300.0"), id}, []any{rows[0]["transaction_type"], rows[0]["amount"], rows[0]["ride"]})
	assert.Equal(t, []any{"ADJUSTMENT", json.Number("5000.0"), nil}, []any{rows[2]["transaction_type"], rows[2]["amount"], rows[2]["ride"]})
	b.wantBalance("3000")
	b.call("POST", "/kapiten/rides/"+id+"/cancel", `{"by":"sender"}`)
	b.wantBalance("5000")
}

func TestPricePartsAddUpOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"pricing":{"minimum_fare":2500,"fragile_fee":150}}}`)
	for minimum, lift := range map[string]string{"2500": "650", "0": "0"} {
		b.call("PATCH", "/kapiten/companies/"+b.id, `{"pricing_config":{"minimum_fare":`+minimum+`}}`)
		p := b.params(usualPhone)
		estimate, err := b.client.Rides.Estimate(t.Context(), kapiten.EstimateParams{
			CompanyID: b.id, Pickup: p.Pickup, Dropoff: p.Dropoff, WeightRange: p.WeightRange, IsPriority: true, IncludesFragileItems: true,
		})
		require.NoError(t, err)
		d := estimate.Details
		assert.Equal(t, []string{"500", "700", "200", "150", "300", lift}, []string{
			d.BaseFare.Decimal.String(), d.DistanceFare.Decimal.String(), d.WeightFee.Decimal.String(),
			d.FragileFee.Decimal.String(), d.PriorityFee.Decimal.String(), d.MinimumFareAdjustment.Decimal.String(),
		})
		assert.Empty(t, d.Extra)
		status, body := b.raw("POST", "/api/rides/estimate/", strings.Replace(b.order(), "{", `{"includes_fragile_items":true,`, 1))
		assert.Equal(t, 200, status)
		var sum decimal.Decimal
		for _, part := range body["details"].(map[string]any) {
			sum = sum.Add(decimal.RequireFromString(fmt.Sprint(part)))
		}
		assert.Equal(t, sum.StringFixed(1), fmt.Sprint(body["amount"]))
		assert.True(t, estimate.Amount.Equal(decimal.Sum(d.BaseFare.Decimal, d.DistanceFare.Decimal, d.WeightFee.Decimal, d.FragileFee.Decimal,
			d.PriorityFee.Decimal, d.MinimumFareAdjustment.Decimal)), estimate.Amount.String())
	}
	company, err := b.client.Companies.Create(t.Context(), kapiten.CreateCompanyParams{
		Name: "Other Ltd", RegistrationNumber: "RDB2026-OT", Address: "KN 78 St, Kigali", ContactPerson: "Victor", PhoneNumber: "+250788123456", Email: "o@example.com",
	})
	require.NoError(t, err)
	c := company.PricingConfig
	assert.Equal(t, []string{"500", "125", "2500", "1000", "150", "25", "0"}, []string{
		c.BaseFare.Decimal.String(), c.PerKM.Decimal.String(), c.MinimumFare.Decimal.String(), c.WeightFees[kapiten.WeightOver20].String(),
		c.FragileFee.Decimal.String(), c.PriorityPercent.Decimal.String(), c.OverdraftLimit.Decimal.String(),
	})
}

func TestReceiversPhonesChooseTheCourseOfARideOverHTTP(t *testing.T) {
	b := newBusiness(t, `{}`) // with the autopilot, as the server starts
	b.adjust(100_000, "")
	courses := map[string]kapiten.RideStatus{
		"0789000001": kapiten.RideRejected, "0789000002": kapiten.RideCancelled, "0789000003": kapiten.RidePending, "0789000004": kapiten.RideCancelled,
		usualPhone: kapiten.RideCompleted,
	}
	ids := map[string]string{}
	for phone := range courses {
		ids[phone] = b.create(phone)
	}
	b.advance(30 + 60)
	assert.Equal(t, kapiten.RideCancelled, b.ride(ids["0789000002"]).Status)
	assert.Equal(t, kapiten.RideWaitingPickup, b.ride(ids["0789000004"]).Status)
	b.advance(24 * 3600)
	for phone, want := range courses {
		assert.Equal(t, want, b.ride(ids[phone]).Status, phone)
	}
	b.wantBalance("96600") // the ride that arrived and the ride that is stuck
}

func TestWithoutTheAutopilotARideStaysWhereAPersonPutItOverHTTP(t *testing.T) {
	for flag, want := range map[string][]kapiten.RideStatus{
		"-autopilot=false": {kapiten.RidePending, kapiten.RideAccepted, kapiten.RideRejected},
		"-autopilot":       {kapiten.RideCompleted, kapiten.RideCompleted, kapiten.RideCompleted},
	} {
		t.Run(flag, func(t *testing.T) {
			b := newBusiness(t, `{}`, flag)
			b.adjust(100_000, "")
			waits, taken := b.create(usualPhone), b.create(usualPhone)
			if flag == "-autopilot=false" {
				b.call("POST", "/kapiten/rides/"+taken+"/status", `{"status":"ACCEPTED"}`)
			}
			b.advance(9*60 + 59)
			assert.Equal(t, want[0], b.ride(waits).Status)
			b.advance(24 * 3600)
			assert.Equal(t, want[1], b.ride(taken).Status)
			assert.Equal(t, want[2], b.ride(waits).Status, "Kapiten itself gives up a ride that no rider takes for ten minutes")
			if flag == "-autopilot=false" {
				b.last()
				statuses := map[string][]kapiten.RideStatus{}
				for _, event := range b.events {
					statuses[event.RideID] = append(statuses[event.RideID], event.Status)
				}
				assert.Equal(t, map[string][]kapiten.RideStatus{waits: {kapiten.RideRejected}, taken: {kapiten.RideAccepted}}, statuses)
			}
		})
	}
}

func TestAFailedTopUpSaysWhyOverHTTP(t *testing.T) {
	b := newBusiness(t, `{}`)
	topUp := func(amount, phone string) (*kapiten.Transaction, error) {
		return b.client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{
			CompanyID: b.id, Amount: decimal.RequireFromString(amount), PhoneNumber: phone, Description: "Weekly credit",
		})
	}
	for phone, reason := range map[string]string{"0788120001": "the payer refused", "0788120002": "the payer has not enough money"} {
		deposit, err := topUp("5000", phone)
		require.NoError(t, err)
		b.advance(5)
		deposit, err = b.client.Wallet.Wait(t.Context(), b.id, deposit.ID)
		require.NoError(t, err)
		assert.Equal(t, "FAILED Weekly credit: "+reason, string(deposit.Status)+" "+deposit.Description)
	}
	status, body := b.raw("POST", "/api/companies/"+b.id+"/topup/", `{"amount":5000.0,"phone_number":"0788120001"}`)
	assert.Equal(t, 201, status)
	b.advance(5)
	row := b.rows("transactions")[0]
	assert.Equal(t, []any{body["id"], "FAILED", "Wallet top-up: the payer refused"}, []any{row["id"], row["status"], row["description"]})
	_, err := topUp("10.55", "0788123456")
	require.ErrorIs(t, err, sdk.ErrValidation)
	var refusal *sdk.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, 400, refusal.StatusCode, "Kapiten refuses it, not the client")
	requests := elements(t, get(t, b.admin+"/requests?limit=1"), "requests")
	assert.Contains(t, requests[0]["request_body"], `"amount":10.55,`)
	_, err = topUp("10.555", "0788123456")
	require.ErrorIs(t, err, sdk.ErrNotSent)

	for range 30 { // more than a page
		b.adjust(10, "")
	}
	b.wantBalance("300")
}

func TestARideShowsRiderCreatorAndOptionsOverHTTP(t *testing.T) {
	b := newBusiness(t, `{"kapiten":{"autopilot":false}}`)
	b.adjust(1700, "")
	id := b.create(usualPhone)
	ride := b.ride(id)
	assert.Nil(t, ride.Rider)
	assert.Equal(t, b.user, ride.CreatedBy)
	require.NotNil(t, ride.IsPriority)
	require.NotNil(t, ride.IncludesFragileItems)
	assert.Equal(t, []any{"Food", kapiten.Weight5To10, true, false}, []any{ride.PackageType, ride.WeightRange, *ride.IsPriority, *ride.IncludesFragileItems})
	b.call("POST", "/kapiten/rides/"+id+"/status", `{"status":"ACCEPTED"}`)
	ride = b.ride(id)
	require.NotNil(t, ride.Rider)
	assert.NotEmpty(t, ride.Rider.Name)
	assert.Regexp(t, `^07[0-9]{8}$`, ride.Rider.Phone)
	assert.Contains(t, ride.Raw.String(), `"rider":{"name":"`+ride.Rider.Name+`"`)
	row := b.rows("rides")[0]
	assert.Equal(t, []any{id, b.user, "Food", "5-10", true, false, map[string]any{"name": ride.Rider.Name, "phone": ride.Rider.Phone}},
		[]any{row["id"], row["created_by"], row["package_type"], row["weight_range"], row["is_priority"], row["includes_fragile_items"], row["rider"]})
}

func TestNoFaultRuleWithoutARouteIsTakenOverHTTP(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	for _, p := range providers() {
		for _, e := range p.endpoints {
			status, body := ask(t, "POST", admin+"/faults", `{"kind":"drop_after","path":"/no/such/route/at/all","provider":"`+e.name+`"}`)
			assert.Equal(t, 400, status, e.name)
			assert.Contains(t, body, `"field":"path"`, e.name)
			status, body = ask(t, "POST", admin+"/faults", `{"kind":"drop_after","method":"PROPFIND","provider":"`+e.name+`"}`)
			assert.Equal(t, 400, status, e.name)
			assert.Contains(t, body, `"field":"method"`, e.name)
			assert.Empty(t, elements(t, get(t, admin+"/faults?provider="+e.name), "faults"), "%s: what is refused changes nothing", e.name)
			status, _ = ask(t, "POST", admin+"/faults", `{"kind":"drop_after","provider":"`+e.name+`"}`)
			assert.Equal(t, 201, status, e.name)
		}
	}
}
