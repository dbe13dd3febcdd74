package kapitentest

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Company is a company made by AddCompany.
type Company struct {
	// What a test may say; the rest is made up.
	Name               string
	RegistrationNumber string
	WebhookURL         string          // gets the status callbacks; empty: none are sent
	Balance            decimal.Decimal // RWF it starts with, booked as an ADJUSTMENT
	Pricing            *Pricing        // nil: the Config's

	// What AddCompany fills in.
	ID     string
	UserID string // a user of the company
	Token  string // that user's API token
}

// AddCompany registers an active company with one user and returns it ready to
// use. It panics when the registration number is taken: a mistake of the test.
func (f *Fake) AddCompany(c Company) Company {
	f.world.Lock()
	defer f.world.Unlock()
	pricing := f.config.Pricing
	if c.Pricing != nil {
		pricing = c.Pricing
	}
	n := len(f.state.companies) + 1
	if c.Name == "" {
		c.Name = fmt.Sprintf("Company %d Ltd", n)
	}
	if c.RegistrationNumber == "" {
		c.RegistrationNumber = fmt.Sprintf("RDB2026-%04d-%s", n, f.ids.Hex(4))
	}
	co := &company{
		ID: f.ids.UUID(), Name: c.Name, RegistrationNumber: c.RegistrationNumber,
		Address: "KN 78 St, Kigali", ContactPerson: "Test Contact", PhoneNumber: "+250788123456",
		Email: fmt.Sprintf("office@company%d.example", n), WebhookURL: c.WebhookURL,
		Active: true, Pricing: pricing.clone(),
	}
	if err := f.state.addCompany(co); err != nil {
		panic("kapitentest: " + err.Error())
	}
	u := &user{
		ID: f.ids.UUID(), CompanyID: co.ID, PhoneNumber: "+250788000111", FirstName: "Test", LastName: "User",
		Email: fmt.Sprintf("user-%s@company%d.example", f.ids.Hex(6), n), Token: f.ids.Hex(tokenLength), Active: true,
	}
	if err := f.state.addUser(u); err != nil {
		panic("kapitentest: " + err.Error())
	}
	if !c.Balance.IsZero() {
		f.adjust(co, c.Balance, "Opening balance")
	}
	c.ID, c.UserID, c.Token = co.ID, u.ID, u.Token
	return c
}

// Settings are what can be changed of a company after it was made.
type Settings struct {
	Pricing    Pricing
	Active     bool   // an inactive company's calls answer 403
	WebhookURL string // empty: no callbacks
}

// Configure changes a company's settings. It refuses negative prices and a
// company it does not know, and then changes nothing.
func (f *Fake) Configure(companyID string, change func(*Settings)) error {
	f.world.Lock()
	defer f.world.Unlock()
	co := f.state.byID[companyID]
	if co == nil {
		return fmt.Errorf("kapitentest: %w", errNoCompany)
	}
	s := Settings{Pricing: co.Pricing.clone(), Active: co.Active, WebhookURL: co.WebhookURL}
	change(&s)
	if err := s.Pricing.check(); err != nil {
		return fmt.Errorf("kapitentest: %w", err)
	}
	co.Pricing, co.Active, co.WebhookURL = s.Pricing.clone(), s.Active, s.WebhookURL
	f.state.ledger.Open(co.account(), co.Pricing.OverdraftLimit)
	return nil
}

// DeactivateUser makes a user's token worthless: 401 "User inactive or deleted."
func (f *Fake) DeactivateUser(userID string) error {
	f.world.Lock()
	defer f.world.Unlock()
	u := f.state.users[userID]
	if u == nil {
		return errors.New("kapitentest: no such user")
	}
	u.Active = false
	return nil
}

var errNoCompany = errors.New("no such company")

// adjust books a correction, which no limit holds back.
func (f *Fake) adjust(co *company, amount decimal.Decimal, description string) {
	err := f.state.ledger.Adjust(fake.Entry{
		ID: f.ids.UUID(), Account: co.account(), Amount: amount, Kind: string(kapiten.TransactionAdjustment),
		Description: description, Created: f.world.Now(),
	})
	if err != nil { // the account is open and the id fresh
		panic("kapitentest: " + err.Error())
	}
}
