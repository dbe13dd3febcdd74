package kapitentest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// currency of every wallet (documented).
const currency = "RWF"

// state is all the fake knows, with an index for every way it is asked.
type state struct {
	companies      []*company // oldest first
	byID           map[string]*company
	byRegistration map[string]*company
	users          map[string]*user
	byEmail        map[string]*user
	byToken        map[string]*user
	rides          map[string]*ride
	references     map[string]bool
	ledger         *fake.Ledger
}

type company struct {
	ID                 string  `json:"id"`
	Name               string  `json:"name"`
	RegistrationNumber string  `json:"registration_number"`
	Address            string  `json:"address"`
	ContactPerson      string  `json:"contact_person"`
	PhoneNumber        string  `json:"phone_number"`
	Email              string  `json:"email"`
	WebhookURL         string  `json:"webhook_url"`
	Active             bool    `json:"is_active"`
	Pricing            Pricing `json:"pricing"`

	users    []*user         // oldest first
	rides    []*ride         // oldest first
	waiting  []*ride         // that wait for payment, oldest first; may hold some that do not any more
	external map[string]bool // external ids in use
}

func (c *company) account() fake.Account { return fake.Account{Owner: c.ID, Currency: currency} }

type user struct {
	ID          string `json:"id"`
	CompanyID   string `json:"company_id"`
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
	Token       string `json:"token"`
	Active      bool   `json:"is_active"`
}

type ride struct {
	ID         string             `json:"id"`
	CompanyID  string             `json:"company_id"`
	Reference  string             `json:"reference_number"`
	ExternalID *string            `json:"external_id"`
	Status     kapiten.RideStatus `json:"status"`
	Price      decimal.Decimal    `json:"price"`
	DistanceKM decimal.Decimal    `json:"distance_km"`
	Paid       bool               `json:"paid"`     // the wallet was charged
	Refunded   bool               `json:"refunded"` // and got it back
	Created    time.Time          `json:"created_at"`
	Updated    time.Time          `json:"updated_at"`
	Order      order              `json:"order"`
}

// order is what the merchant asked for, beside the coordinates.
type order struct {
	PickupAddress      string              `json:"pickup_address"`
	DropoffAddress     string              `json:"dropoff_address"`
	PickupInstructions string              `json:"pickup_instructions"`
	Sender             Party               `json:"sender"`
	Receiver           Party               `json:"receiver"`
	PackageType        string              `json:"package_type"`
	WeightRange        kapiten.WeightRange `json:"weight_range"`
	Fragile            bool                `json:"includes_fragile_items"`
	Priority           bool                `json:"is_priority"`
}

func newState() *state {
	return &state{
		byID:           map[string]*company{},
		byRegistration: map[string]*company{},
		users:          map[string]*user{},
		byEmail:        map[string]*user{},
		byToken:        map[string]*user{},
		rides:          map[string]*ride{},
		references:     map[string]bool{},
		ledger:         fake.NewLedger(),
	}
}

// addCompany files a company. Its wallet is opened when it is new.
func (s *state) addCompany(c *company) error {
	if c.ID == "" || s.byID[c.ID] != nil || s.byRegistration[c.RegistrationNumber] != nil {
		return fmt.Errorf("company %q exists already", c.RegistrationNumber)
	}
	c.external = map[string]bool{}
	s.companies = append(s.companies, c)
	s.byID[c.ID] = c
	s.byRegistration[c.RegistrationNumber] = c
	s.ledger.Open(c.account(), c.Pricing.OverdraftLimit)
	return nil
}

func (s *state) addUser(u *user) error {
	co := s.byID[u.CompanyID]
	if co == nil || u.ID == "" || u.Token == "" || s.users[u.ID] != nil || s.byEmail[u.Email] != nil || s.byToken[u.Token] != nil {
		return fmt.Errorf("user %q exists already or has no company", u.Email)
	}
	co.users = append(co.users, u)
	s.users[u.ID] = u
	s.byEmail[u.Email] = u
	s.byToken[u.Token] = u
	return nil
}

func (s *state) addRide(r *ride) error {
	co := s.byID[r.CompanyID]
	if co == nil || r.ID == "" || s.rides[r.ID] != nil || s.references[r.Reference] {
		return fmt.Errorf("ride %q exists already or has no company", r.Reference)
	}
	co.rides = append(co.rides, r)
	if r.Status == kapiten.RideWaitingPayment {
		co.waiting = append(co.waiting, r)
	}
	if r.ExternalID != nil {
		co.external[*r.ExternalID] = true
	}
	s.rides[r.ID] = r
	s.references[r.Reference] = true
	return nil
}

// saved is the state as a snapshot holds it; indexes are not saved.
type saved struct {
	Companies []*company   `json:"companies"`
	Users     []*user      `json:"users"` // in the order of their company, then of creation
	Rides     []*ride      `json:"rides"` // the same
	Ledger    *fake.Ledger `json:"ledger"`
}

func (s *state) save() saved {
	out := saved{Companies: s.companies, Ledger: s.ledger}
	for _, c := range s.companies {
		out.Users = append(out.Users, c.users...)
		out.Rides = append(out.Rides, c.rides...)
	}
	return out
}

// load builds a state from a snapshot before the old one is let go.
func (f *Fake) load(raw json.RawMessage) (func(), error) {
	in := saved{Ledger: fake.NewLedger()}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	s := newState()
	if in.Ledger != nil {
		s.ledger = in.Ledger
	}
	for _, c := range in.Companies {
		if c == nil {
			return nil, errors.New("empty company")
		}
		if err := s.addCompany(c); err != nil {
			return nil, err
		}
	}
	for _, u := range in.Users {
		if u == nil {
			return nil, errors.New("empty user")
		}
		if err := s.addUser(u); err != nil {
			return nil, err
		}
	}
	for _, r := range in.Rides {
		if r == nil {
			return nil, errors.New("empty ride")
		}
		if err := s.addRide(r); err != nil {
			return nil, err
		}
	}
	return func() { f.state = s }, nil
}
