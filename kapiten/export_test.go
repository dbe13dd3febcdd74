package kapiten

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// InterpretAnything runs the readers of responses over anything at all.
func InterpretAnything(status int, body []byte) {
	r := &transport.Response{Status: status, Body: body}
	if v := interpret(sdk.Operation{}, r); v.Kind == transport.Accepted && (status < 200 || status > 299) {
		panic("accepted an error status")
	}
	if ride, err := decodeRide(body); err == nil && (ride.ID == "" || ride.Status == "") {
		panic("decoded a ride that is none")
	}
	_, _ = decode[Company](body)
	_, _ = decode[RegisteredCompany](body)
	_, _ = decode[User](body)
	_, _ = decodeTransaction(body)
	_, _ = decodeEstimate(body)
	_, _ = decodePage(body, 1, decodeRide)
}

// sideFields are the fields of each response that decide nothing.
var sideFields = map[string][]string{
	"ride":        {"reference_number", "estimated_price", "distance_km", "created_at", "updated_at", "created_by", "rider", "package_type", "weight_range", "includes_fragile_items", "url", "company_id", "sender", "receiver", "pickup_latitude", "is_priority"},
	"transaction": {"created_at", "ride", "balance", "url"},
	"company":     {"balance", "currency", "pricing_config", "webhook_url", "is_active", "base_fare", "weight_fees", "overdraft_limit"},
	"user":        {"wallet", "id_card", "company"},
	"estimate":    {"details", "currency", "distance_km", "distance_fare", "weight_fee", "minimum_fare_adjustment"},
	"page":        {"previous", "links", "total"},
	"registered":  {"is_active", "name", "url"},
	"token":       {"user", "expires_in", "created_at"},
	"event":       {"event", "reference_number", "external_id", "metadata", "rider"},
}

// DecodeWithNoise gives every decoder good deciding fields, and noise in one other
// field after the other. It returns the first error.
func DecodeWithNoise(noise []byte) error {
	for kind, fields := range sideFields {
		for _, field := range fields {
			if err := decodeKind(kind, []byte(`"`+field+`":`+string(noise))); err != nil {
				return fmt.Errorf("%s.%s: %w", kind, field, err)
			}
		}
	}
	return nil
}

func decodeKind(kind string, member []byte) error {
	object := func(good string) []byte { return []byte("{" + good + "," + string(member) + "}") }
	ok := true
	var err error
	switch kind {
	case "ride":
		body := object(`"id":"r","status":"PENDING","external_id":"x"`)
		var ride Ride
		ride, err = decodeRide(body)
		ok = ride.ID == "r" && ride.Status == RidePending && ride.ExternalID == "x" && string(ride.Raw) == string(body)
		page, pageErr := decodePage([]byte(`{"count":1,"results":[`+string(body)+`]}`), 1, decodeRide)
		err = errors.Join(err, pageErr)
		ok = ok && len(page.Items) == 1 && page.Skipped == 0
	case "transaction":
		var t Transaction
		t, err = decodeTransaction(object(`"id":"t","status":"SUCCESS","amount":"-1200.00"`))
		ok = t.ID == "t" && t.Status == TransactionSuccess && t.Amount.String() == "-1200"
	case "company":
		var c Company
		c, err = decode[Company](object(`"id":"c"`))
		ok = c.ID == "c"
		nested, nestedErr := decode[Company]([]byte(`{"id":"c","pricing_config":{"per_km":125,` + string(member) + `}}`))
		err = errors.Join(err, nestedErr)
		ok = ok && nested.PricingConfig.PerKM.Decimal.String() == "125"
		_, again := decode[RegisteredCompany](object(`"id":"c"`))
		err = errors.Join(err, again)
	case "user":
		var u User
		u, err = decode[User](object(`"id":"u","email":"e"`))
		ok = u.ID == "u" && u.Email == "e"
	case "estimate":
		var e Estimate
		e, err = decodeEstimate(object(`"amount":1200.0`))
		ok = e.Amount.String() == "1200"
		nested, nestedErr := decodeEstimate([]byte(`{"amount":1200,"details":{"base_fare":500,` + string(member) + `}}`))
		err = errors.Join(err, nestedErr)
		ok = ok && nested.Details.BaseFare.Decimal.String() == "500"
	case "page": // of rides, users and transactions
		rides, rideErr := decodePage(object(`"count":1,"next":null,"results":[{"id":"r","status":"PENDING"}]`), 1, decodeRide)
		users, userErr := decodePage(object(`"count":1,"next":null,"results":[{"id":"u"}]`), 1, decode[User])
		entries, entryErr := decodePage(object(`"count":1,"next":null,"results":[{"id":"t","status":"SUCCESS","amount":1}]`), 1, decodeTransaction)
		err = errors.Join(rideErr, userErr, entryErr)
		ok = len(rides.Items) == 1 && len(users.Items) == 1 && len(entries.Items) == 1 && rides.NextPage+users.NextPage+entries.NextPage == 0
	case "registered":
		var c RegisteredCompany
		c, err = decode[RegisteredCompany](object(`"id":"c","registration_number":"R"`))
		ok = c.ID == "c" && c.RegistrationNumber == "R"
	case "token":
		var token userToken
		token, err = decode[userToken](object(`"token":"t-1"`))
		ok = token.Token == "t-1"
	case "event":
		var e Event
		e, err = ParseEvent(object(`"ride_id":"r","status":"PICKED_UP"`))
		ok = e.RideID == "r" && e.Status == RidePickedUp
	}
	if err == nil && !ok {
		err = errors.New("a deciding field was lost")
	}
	return err
}

// Shown are the objects with dates and decimals that decide nothing.
func Shown() map[string]clienttest.Shown {
	return map[string]clienttest.Shown{
		"ride":           {Good: `{"id":"r","status":"PENDING",%s}`, Dates: []string{"created_at", "updated_at"}, Decimals: []string{"estimated_price", "distance_km"}, Read: reads(decodeRide)},
		"transaction":    {Good: `{"id":"t","status":"SUCCESS","amount":"5",%s}`, Dates: []string{"created_at"}, Read: reads(decodeTransaction)},
		"company":        {Good: `{"id":"c",%s}`, Decimals: []string{"balance"}, Read: reads(decode[Company])},
		"pricing config": {Good: `{"id":"c","pricing_config":{%s}}`, Decimals: []string{"base_fare", "per_km", "minimum_fare", "fragile_fee", "priority_percent", "overdraft_limit"}, Read: reads(decode[Company])},
		"price details":  {Good: `{"amount":5,"details":{%s}}`, Decimals: []string{"base_fare", "distance_fare", "weight_fee", "fragile_fee", "priority_fee", "minimum_fare_adjustment"}, Read: reads(decodeEstimate)},
		"list": {Good: `{"count":1,"results":[{"id":"r","status":"PENDING",%s}]}`, Dates: []string{"created_at"}, Decimals: []string{"distance_km"}, Read: reads(func(body []byte) (Page[Ride], error) {
			return decodePage(body, 1, decodeRide)
		})},
	}
}

func reads[T any](decode func([]byte) (T, error)) func(*testing.T, string) any {
	return func(t *testing.T, body string) any {
		value, err := decode([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		return value
	}
}
