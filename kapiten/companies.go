package kapiten

import (
	"context"
	"iter"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// CompaniesService registers companies and finds them. Its calls work without
// a token.
type CompaniesService struct{ core *transport.Core }

// CreateCompanyParams describes a company to register. All fields but
// WebhookURL are required (documented).
type CreateCompanyParams struct {
	Name               string // legal name
	RegistrationNumber string // e.g. the RDB number; unique
	Address            string // headquarters or main pickup address
	ContactPerson      string
	PhoneNumber        string // "+250788123456" in the document
	Email              string
	// WebhookURL receives the ride status callbacks. No way to change it later is
	// documented. Callbacks are not signed: put a part into the path that nobody
	// can guess, and receive them with package webhook.
	WebhookURL string
}

// Company is a company as Create Company returns it.
type Company struct {
	ID                 string              `json:"id" wire:"required"`
	Name               string              `json:"name"`
	RegistrationNumber string              `json:"registration_number"`
	Balance            decimal.NullDecimal `json:"balance"`  // of the company wallet, in Currency
	Currency           string              `json:"currency"` // "RWF"
	PricingConfig      PricingConfig       `json:"pricing_config"`
	Raw                sdk.Raw             `json:"-"`
}

// RegisteredCompany is a company as Registration Lookup returns it.
type RegisteredCompany struct {
	ID                 string  `json:"id" wire:"required"`
	Name               string  `json:"name"`
	RegistrationNumber string  `json:"registration_number"`
	IsActive           bool    `json:"is_active"`
	Raw                sdk.Raw `json:"-"`
}

// Create registers a company: the first step of an integration. It gives
// sdk.ErrDuplicate when the registration number is taken (assumed wording): an
// earlier call of yours may have registered it. Look for the company with Find then,
// and also after an unknown outcome. A response about another company is an unknown
// outcome.
func (s *CompaniesService) Create(ctx context.Context, p CreateCompanyParams) (*Company, error) {
	var faults transport.Faults
	faults.Require("name", p.Name)
	faults.RequireReference("registration_number", p.RegistrationNumber)
	faults.Require("address", p.Address)
	faults.Require("contact_person", p.ContactPerson)
	phone := checkPhone(&faults, "phone_number", p.PhoneNumber)
	faults.Require("email", p.Email)
	if p.WebhookURL != "" {
		faults.RequireURL("webhook_url", p.WebhookURL)
	}
	var company *Company
	call := transport.Call{
		Op: OpCreateCompany, Reference: p.RegistrationNumber,
		Body: companyRequest{p.Name, p.RegistrationNumber, p.Address, p.ContactPerson, phone, p.Email, p.WebhookURL},
		Decode: transport.Into(&company, func(body []byte) (Company, error) {
			company, err := decode[Company](body)
			if err == nil {
				same := p.compare(&company)
				err = same.Direct()
			}
			return company, err
		}),
	}
	if err := s.core.InvalidCall(call, faults.Fields); err != nil {
		return nil, err
	}
	err := s.core.Do(ctx, call)
	return company, err
}

// Find looks a company up by its registration number, and gives sdk.ErrNotFound
// when there is none. A number with a slash or a dot may be out of reach: the
// routes of Kapiten's framework do not match such a number (inferred).
func (s *CompaniesService) Find(ctx context.Context, registrationNumber string) (*RegisteredCompany, error) {
	var company *RegisteredCompany
	err := s.core.Do(ctx, transport.Call{
		Op: OpFindCompany, Path: []string{registrationNumber},
		Decode: transport.Into(&company, func(body []byte) (RegisteredCompany, error) {
			company, err := decode[RegisteredCompany](body)
			if err == nil {
				var same transport.Comparison
				same.Fold("registration_number", registrationNumber, company.RegistrationNumber)
				err = same.Direct()
			}
			return company, err
		}),
	})
	return company, err
}

// UsersService manages the staff users of a company and their API tokens.
type UsersService struct{ list list[User] }

// CreateUserParams describes a staff user. All fields are required (documented).
type CreateUserParams struct {
	CompanyID   string // Company.ID
	PhoneNumber string // "+250788000111" in the document
	FirstName   string
	LastName    string
	Email       string // unique; used for login
}

// User is a staff user. In the documented samples the response to Create has no
// email, and a list shows no phone number and no wallet.
type User struct {
	ID          string `json:"id" wire:"required"`
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
	// Wallet is the user's own wallet. The document does not say whether it is
	// ever used: the company's wallet pays for rides.
	Wallet *UserWallet `json:"wallet"`
	Raw    sdk.Raw     `json:"-"`
}

// UserWallet is the wallet shown with a new user.
type UserWallet struct {
	Balance  decimal.NullDecimal `json:"balance"`  // in Currency
	Currency string              `json:"currency"` // "RWF"
}

// Create adds a staff user who may manage the company's rides. It gives
// sdk.ErrDuplicate when the email is taken (assumed wording): an earlier call of
// yours may have created the user. Look for the user with List then, and after an
// unknown outcome before you create another. A response about another user is an
// unknown outcome.
func (s *UsersService) Create(ctx context.Context, p CreateUserParams) (*User, error) {
	var faults transport.Faults
	faults.RequireSegment("company_id", p.CompanyID)
	phone := checkPhone(&faults, "phone_number", p.PhoneNumber)
	faults.Require("first_name", p.FirstName)
	faults.Require("last_name", p.LastName)
	faults.RequireReference("email", p.Email)
	var user *User
	call := transport.Call{
		Op: OpCreateUser, Path: []string{p.CompanyID}, Reference: p.Email,
		Body: userRequest{phone, p.FirstName, p.LastName, p.Email},
		Decode: transport.Into(&user, func(body []byte) (User, error) {
			user, err := decode[User](body)
			if err == nil {
				same := p.compare(&user)
				err = same.Direct()
			}
			return user, err
		}),
	}
	if err := s.list.core.InvalidCall(call, faults.Fields); err != nil {
		return nil, err
	}
	err := s.list.core.Do(ctx, call)
	return user, err
}

// Token returns the persistent API token of a user, for Config.Token. Treat it
// as a password: no way to rotate or revoke it is documented.
func (s *UsersService) Token(ctx context.Context, companyID, userID string) (string, error) {
	var key *userToken
	err := s.list.core.Do(ctx, transport.Call{
		Op: OpUserToken, Path: []string{companyID, userID}, Decode: transport.Into(&key, decode[userToken]),
	})
	if err != nil {
		return "", err
	}
	return key.Token, nil
}

type userToken struct {
	Token string `json:"token" wire:"required"`
}

// List returns one page of a company's users.
func (s *UsersService) List(ctx context.Context, companyID string, o ListOptions) (*Page[User], error) {
	return s.list.page(ctx, companyID, o)
}

// All iterates over all users of a company, fetching pages as it goes.
func (s *UsersService) All(ctx context.Context, companyID string) iter.Seq2[User, error] {
	return s.list.all(ctx, companyID)
}

type companyRequest struct {
	Name               string `json:"name"`
	RegistrationNumber string `json:"registration_number"`
	Address            string `json:"address"`
	ContactPerson      string `json:"contact_person"`
	PhoneNumber        string `json:"phone_number"`
	Email              string `json:"email"`
	WebhookURL         string `json:"webhook_url,omitempty"`
}

type userRequest struct {
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
}

// compare holds a company against the parameters, as far as the response shows them.
func (p CreateCompanyParams) compare(company *Company) (c transport.Comparison) {
	c.Fold("registration_number", p.RegistrationNumber, company.RegistrationNumber)
	compareWords(&c, "name", p.Name, company.Name)
	return c
}

// compare holds a user against the parameters, as far as the response shows them.
func (p CreateUserParams) compare(user *User) (c transport.Comparison) {
	c.Fold("email", p.Email, user.Email)
	comparePhone(&c, "phone_number", p.PhoneNumber, user.PhoneNumber)
	compareWords(&c, "first_name", p.FirstName, user.FirstName)
	compareWords(&c, "last_name", p.LastName, user.LastName)
	return c
}
