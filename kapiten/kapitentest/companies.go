package kapitentest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/shopspring/decimal"

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
// use. It panics when the registration number is taken, or on prices that Configure
// refuses: mistakes of the test.
func (f *Fake) AddCompany(c Company) Company {
	f.world.Lock()
	defer f.world.Unlock()
	pricing := f.config.Pricing
	if c.Pricing != nil {
		pricing = c.Pricing
	}
	fake.Must(pricing.check())
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
	fake.Must(f.state.addCompany(co))
	u := &user{
		ID: f.ids.UUID(), CompanyID: co.ID, PhoneNumber: "+250788000111", FirstName: "Test", LastName: "User",
		Email: fmt.Sprintf("user-%s@company%d.example", f.ids.Hex(6), n), Token: f.ids.Hex(tokenLength), Active: true,
	}
	fake.Must(f.state.addUser(u))
	if !c.Balance.IsZero() {
		f.adjust(co, c.Balance, "Opening balance", "")
	}
	c.ID, c.UserID, c.Token = co.ID, u.ID, u.Token
	return c
}

// Settings are what can be changed of a company after it was made.
type Settings struct {
	Pricing    Pricing
	Active     bool   // an inactive company's calls get 403
	WebhookURL string // empty: no callbacks
}

// Configure changes a company's settings. A raised overdraft limit pays rides that
// wait. Configure refuses negative prices and a company it does not know, and then
// changes nothing.
func (f *Fake) Configure(companyID string, change func(*Settings)) error {
	f.world.Lock()
	defer f.world.Unlock()
	co, err := f.state.company(companyID)
	if err != nil {
		return err
	}
	s := Settings{Pricing: co.Pricing.clone(), Active: co.Active, WebhookURL: co.WebhookURL}
	change(&s)
	if err := s.Pricing.check(); err != nil {
		return fmt.Errorf("kapitentest: %w", err)
	}
	co.Pricing, co.Active, co.WebhookURL = s.Pricing.clone(), s.Active, s.WebhookURL
	f.state.ledger.Open(co.account(), co.Pricing.OverdraftLimit)
	f.payWaiting(co) // a raised overdraft is money too
	return nil
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
	rides    []*Ride         // oldest first
	waiting  []*Ride         // that wait for payment, oldest first; may hold some that do not any more
	external map[string]bool // external ids in use
}

// currency of every wallet (documented).
const currency = "RWF"

func (c *company) account() fake.Account { return fake.Account{Owner: c.ID, Currency: currency} }

// company finds the company a test names.
func (s *state) company(id string) (*company, error) {
	co := s.byID[id]
	if co == nil {
		return nil, fmt.Errorf("kapitentest: company %q: %w", id, fake.ErrNotFound)
	}
	return co, nil
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

func (f *Fake) createCompany(c *call) *response {
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	co := &company{Active: true, Pricing: f.config.Pricing.clone()}
	co.Name = in.text("name", needed, textLength)
	co.RegistrationNumber = in.text("registration_number", needed, textLength)
	if f.state.byRegistration[co.RegistrationNumber] != nil {
		in.fail("registration_number", "company with this registration number already exists.")
	}
	co.Address = in.text("address", needed, textLength)
	co.ContactPerson = in.text("contact_person", needed, textLength)
	co.PhoneNumber = in.text("phone_number", needed, textLength)
	co.Email = in.email("email")
	co.WebhookURL = in.url("webhook_url")
	if failure := in.invalid(); failure != nil {
		return failure
	}
	co.ID = f.ids.UUID()
	fake.Must(f.state.addCompany(co)) // the number was free a moment ago
	return &response{status: http.StatusCreated, body: object{
		{"id", co.ID}, {"name", co.Name}, {"registration_number", co.RegistrationNumber},
		{"balance", f.money(f.state.ledger.Balance(co.account()))}, {"currency", currency}, {"pricing_config", co.Pricing.config()},
	}}
}

func (f *Fake) findCompany(c *call) *response {
	co := f.state.byRegistration[c.request.PathValue("registration_number")]
	if co == nil {
		return notFound("Company")
	}
	return &response{status: http.StatusOK, body: object{
		{"id", co.ID}, {"name", co.Name}, {"registration_number", co.RegistrationNumber}, {"is_active", co.Active},
	}}
}

// companyOf finds the company of a path, or the caller's own where an overridden
// path names none.
func (f *Fake) companyOf(c *call) (*company, *response) {
	text := c.request.PathValue("company_id")
	if text == "" && c.user != nil {
		text = c.user.CompanyID
	}
	id, ok := canonicalUUID(text)
	if !ok {
		return nil, notFound("")
	}
	return f.companyByID(c, id)
}

// companyByID finds a company the caller may use. To a caller of another company
// it does not exist.
func (f *Fake) companyByID(c *call, id string) (*company, *response) {
	co := f.state.byID[id]
	if co == nil || !c.open && c.user.CompanyID != id {
		return nil, notFound("Company")
	}
	if !co.Active {
		return nil, forbidden()
	}
	return co, nil
}

// adminCompany patches what Configure can change.
// companyBody changes what is set in it.
type companyBody struct {
	PricingConfig map[string]json.RawMessage `json:"pricing_config"`
	IsActive      *bool                      `json:"is_active"`
	WebhookURL    *string                    `json:"webhook_url"`
}

func (f *Fake) adminCompany(w http.ResponseWriter, r *http.Request) {
	var in companyBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	var badField string
	var badPrice error
	var s Settings
	id := r.PathValue("id")
	err := f.Configure(id, func(current *Settings) {
		s = *current
		s.Pricing = current.Pricing.clone()
		if badField, badPrice = s.Pricing.patch(in.PricingConfig); badPrice != nil {
			return
		}
		if in.IsActive != nil {
			s.Active = *in.IsActive
		}
		if in.WebhookURL != nil {
			s.WebhookURL = *in.WebhookURL
		}
		*current = s
	})
	switch {
	case errors.Is(err, fake.ErrNotFound):
		fake.AdminError(w, http.StatusNotFound, "id", "no such company")
	case badPrice != nil:
		fake.AdminError(w, http.StatusBadRequest, badField, badPrice.Error())
	case err != nil:
		fake.AdminError(w, http.StatusBadRequest, "pricing_config", err.Error())
	default:
		fake.AdminRespond(w, http.StatusOK, object{
			{"id", id}, {"pricing_config", s.Pricing.config()}, {"is_active", s.Active}, {"webhook_url", s.WebhookURL},
		})
	}
}

// DeactivateUser makes a user's token worthless: 401 "User inactive or deleted."
func (f *Fake) DeactivateUser(userID string) error {
	f.world.Lock()
	defer f.world.Unlock()
	u := f.state.users[userID]
	if u == nil {
		return fmt.Errorf("kapitentest: user %q: %w", userID, fake.ErrNotFound)
	}
	u.Active = false
	return nil
}

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

func (s *state) addUser(u *user) error {
	co := s.byID[u.CompanyID]
	if co == nil || u.ID == "" || s.users[u.ID] != nil || s.byEmail[u.Email] != nil || s.byToken[u.Token] != nil {
		return fmt.Errorf("user %q exists already or has no company", u.Email)
	}
	co.users = append(co.users, u)
	s.users[u.ID] = u
	s.byEmail[u.Email] = u
	if u.Token != "" { // a snapshot without secrets has none
		s.byToken[u.Token] = u
	}
	return nil
}

// expireTokens gives every user a new token, as if the old token was revoked.
func (f *Fake) expireTokens() {
	clear(f.state.byToken)
	for _, co := range f.state.companies {
		for _, u := range co.users {
			u.Token = f.ids.Hex(tokenLength)
			f.state.byToken[u.Token] = u
		}
	}
}

func (f *Fake) createUser(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	u := &user{CompanyID: co.ID, Active: true}
	u.PhoneNumber = in.text("phone_number", needed, textLength)
	u.FirstName = in.text("first_name", needed, textLength)
	u.LastName = in.text("last_name", needed, textLength)
	u.Email = in.email("email")
	if f.state.byEmail[u.Email] != nil {
		in.fail("email", "user with this email already exists.")
	}
	if failure := in.invalid(); failure != nil {
		return failure
	}
	u.ID, u.Token = f.ids.UUID(), f.ids.Hex(tokenLength)
	fake.Must(f.state.addUser(u)) // the email was free a moment ago
	return &response{status: http.StatusCreated, body: object{
		{"id", u.ID}, {"phone_number", u.PhoneNumber}, {"first_name", u.FirstName}, {"last_name", u.LastName},
		{"wallet", object{{"balance", f.money(decimal.Zero)}, {"currency", currency}}}, // the users' own stay at zero
	}}
}

func (f *Fake) userToken(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	id, ok := canonicalUUID(c.request.PathValue("user_id"))
	if !ok {
		return notFound("")
	}
	u := f.state.users[id]
	if u == nil || u.CompanyID != co.ID {
		return notFound("User")
	}
	return &response{status: http.StatusOK, body: object{{"token", u.Token}}}
}

// listUsers lists the oldest first (assumed; the document says no order).
func (f *Fake) listUsers(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, len(co.users), func(skip, n int) []object {
		var rows []object
		for _, u := range co.users[skip:min(skip+n, len(co.users))] {
			rows = append(rows, object{{"id", u.ID}, {"first_name", u.FirstName}, {"last_name", u.LastName}, {"email", u.Email}})
		}
		return rows
	})
}
