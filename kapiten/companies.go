package kapiten

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// CompaniesService registers companies and finds them. Its calls work without
// a token.
type CompaniesService struct{ c *Client }

// CreateCompanyParams describes a company to register. All fields but
// WebhookURL are required (documented).
type CreateCompanyParams struct {
	Name               string // legal name
	RegistrationNumber string // e.g. the RDB number; unique
	Address            string // headquarters or main pickup address
	ContactPerson      string
	PhoneNumber        string // "+250788123456" in the document; passed on as given
	Email              string
	// WebhookURL receives the ride status callbacks. There is no documented way
	// to change it later. Callbacks are not signed: put an unguessable part in
	// the path and receive them with package webhook.
	WebhookURL string
}

// Company is a company as Create Company returns it.
type Company struct {
	ID                 string
	Name               string
	RegistrationNumber string
	Balance            decimal.NullDecimal // of the company wallet, in Currency
	Currency           string              // "RWF"
	PricingConfig      json.RawMessage     // contents undocumented
	Raw                sdk.Raw
}

// RegisteredCompany is what a lookup by registration number tells.
type RegisteredCompany struct {
	ID                 string
	Name               string
	RegistrationNumber string
	IsActive           bool
	Raw                sdk.Raw
}

// Create registers a company: the first step of an integration. A registration
// number that is taken gives ErrDuplicate (assumed wording); look the company up
// with ByRegistration then, and also after an unknown outcome.
func (s *CompaniesService) Create(ctx context.Context, p CreateCompanyParams) (*Company, error) {
	var f transport.Faults
	f.Require("name", p.Name)
	f.Require("registration_number", p.RegistrationNumber)
	f.Require("address", p.Address)
	f.Require("contact_person", p.ContactPerson)
	f.Require("phone_number", p.PhoneNumber)
	f.Require("email", p.Email)
	if p.WebhookURL != "" {
		f.RequireURL("webhook_url", p.WebhookURL)
	}
	if err := s.c.core.Invalid(OpCreateCompany, p.RegistrationNumber, f.Fields); err != nil {
		return nil, err
	}
	var company *Company
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpCreateCompany, Reference: p.RegistrationNumber,
		Body:   companyRequest(p),
		Decode: into(&company, decodeCompany),
	})
	return company, err
}

// ByRegistration finds a company by its registration number, or gives
// ErrNotFound. A number with a slash or a dot may not be reachable: the
// framework's routes do not match those (inferred).
func (s *CompaniesService) ByRegistration(ctx context.Context, registrationNumber string) (*RegisteredCompany, error) {
	var company *RegisteredCompany
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpCompanyByReg, Path: []string{registrationNumber},
		Decode: into(&company, decodeRegisteredCompany),
	})
	return company, err
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

func decodeCompany(raw json.RawMessage) (Company, error) {
	var w struct {
		ID                 wire.Text       `json:"id"`
		Name               wire.Text       `json:"name"`
		RegistrationNumber wire.Text       `json:"registration_number"`
		Balance            wire.Decimal    `json:"balance"`
		Currency           wire.Text       `json:"currency"`
		PricingConfig      json.RawMessage `json:"pricing_config"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Company{}, err
	}
	if w.ID == "" {
		return Company{}, missing("id")
	}
	return Company{
		ID: string(w.ID), Name: string(w.Name), RegistrationNumber: string(w.RegistrationNumber),
		Balance: w.Balance.Null(), Currency: string(w.Currency), PricingConfig: w.PricingConfig, Raw: sdk.Raw(raw),
	}, nil
}

func decodeRegisteredCompany(raw json.RawMessage) (RegisteredCompany, error) {
	var w struct {
		ID                 wire.Text `json:"id"`
		Name               wire.Text `json:"name"`
		RegistrationNumber wire.Text `json:"registration_number"`
		IsActive           wire.Bool `json:"is_active"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return RegisteredCompany{}, err
	}
	if w.ID == "" {
		return RegisteredCompany{}, missing("id")
	}
	return RegisteredCompany{
		ID: string(w.ID), Name: string(w.Name), RegistrationNumber: string(w.RegistrationNumber),
		IsActive: w.IsActive.Bool, Raw: sdk.Raw(raw),
	}, nil
}
