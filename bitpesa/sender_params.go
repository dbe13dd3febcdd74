package bitpesa

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// SenderParams describe who sends the money; in an update, what to change, where
// empty fields stay as they are.
//
// Inside TransactionParams (documented): an ID alone, or an ExternalID alone,
// uses that sender again. An ID with further fields updates it too. An
// ExternalID with further fields creates a sender; if it is taken, BitPesa's API
// of 2019 fails and today's updates that sender. Both together are refused.
type SenderParams struct {
	ID         string `json:"id,omitempty"` // only inside TransactionParams
	ExternalID string `json:"external_id,omitempty"`

	Type       PartyType `json:"type,omitempty"` // Person if empty
	FirstName  string    `json:"first_name,omitempty"`
	MiddleName string    `json:"middle_name,omitempty"`
	LastName   string    `json:"last_name,omitempty"`
	BirthDate  string    `json:"birth_date,omitempty"` // 2006-01-02

	// PhoneNumber is E.164 today; BitPesa's API of 2019 wants the national
	// number and PhoneCountry. Passed on as given.
	PhoneNumber  string `json:"phone_number,omitempty"`
	PhoneCountry string `json:"phone_country,omitempty"` // ISO 3166-1 alpha-2
	Email        string `json:"email,omitempty"`
	IP           string `json:"ip,omitempty"`
	Lang         string `json:"lang,omitempty"`
	Fingerprint  string `json:"fingerprint,omitempty"`

	Country            string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	City               string `json:"city,omitempty"`
	Street             string `json:"street,omitempty"`
	PostalCode         string `json:"postal_code,omitempty"`
	AddressDescription string `json:"address_description,omitempty"`

	IdentificationNumber string             `json:"identification_number,omitempty"`
	IdentificationType   IdentificationType `json:"identification_type,omitempty"`
	Occupation           string             `json:"occupation,omitempty"`
	Nationality          string             `json:"nationality,omitempty"`
	CityOfBirth          string             `json:"city_of_birth,omitempty"`
	CountryOfBirth       string             `json:"country_of_birth,omitempty"`
	Gender               string             `json:"gender,omitempty"` // M, F or O
	SourceOfFunds        string             `json:"source_of_funds,omitempty"`
	CustomSourceOfFunds  string             `json:"custom_source_of_funds,omitempty"`

	Documents                []DocumentParams           `json:"documents,omitempty"`
	PoliticallyExposedPeople []PoliticallyExposedPerson `json:"politically_exposed_people,omitempty"` // at most 3

	BusinessParams
	Metadata Metadata `json:"metadata,omitempty"`
}

// BusinessParams are what business senders have besides. They are texts, as in
// the vendor's OpenAPI.
type BusinessParams struct {
	Name                        string   `json:"name,omitempty"`
	LegalEntityType             string   `json:"legal_entity_type,omitempty"`
	RegistrationDate            string   `json:"registration_date,omitempty"` // 2006-01-02
	RegistrationNumber          string   `json:"registration_number,omitempty"`
	NatureOfBusiness            string   `json:"nature_of_business,omitempty"`
	TradingCountry              string   `json:"trading_country,omitempty"`
	TradingAddress              string   `json:"trading_address,omitempty"`
	TradingName                 string   `json:"trading_name,omitempty"`
	VATRegistrationNumber       string   `json:"vat_registration_number,omitempty"`
	FinancialRegulator          string   `json:"financial_regulator,omitempty"`
	RegulatoryLicenceNumber     string   `json:"regulatory_licence_number,omitempty"`
	ContactPersonEmail          string   `json:"contact_person_email,omitempty"`
	OfficePhone                 string   `json:"office_phone,omitempty"`
	CompanyOfficeNumber         string   `json:"company_office_number,omitempty"`
	CompanyOfficeNumberCountry  string   `json:"company_office_number_country,omitempty"`
	AMLOfficerEmail             string   `json:"aml_officer_email,omitempty"`
	AMLOfficerPhone             string   `json:"aml_officer_phone,omitempty"`
	AMLOfficerPhoneCountry      string   `json:"aml_officer_phone_country,omitempty"`
	CompanyWebsiteURL           string   `json:"company_website_url,omitempty"`
	NumberOfEmployees           string   `json:"number_of_employees_in_company,omitempty"`
	CountriesOfOperation        []string `json:"list_of_countries_of_operation,omitempty"`
	EstimatedAnnualTurnover     string   `json:"estimated_annual_revenue_turnover,omitempty"`
	CoreBusinessActivity        string   `json:"core_business_activity,omitempty"`
	PurposeOfOpeningAccount     string   `json:"purpose_of_opening_account,omitempty"`
	NumberOfMonthlyTransactions string   `json:"number_monthly_transactions,omitempty"`
	AmountOfMonthlyTransactions string   `json:"amount_monthly_transactions,omitempty"`
	OnboardingStatus            string   `json:"onboarding_status,omitempty"`
	Declaration                 string   `json:"declaration,omitempty"`
	SalesLeadID                 string   `json:"sales_lead_id,omitempty"`
}

// PoliticallyExposedPerson is a person in or near public office.
type PoliticallyExposedPerson struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`
	Position    string `json:"position,omitempty"`
	StartedDate string `json:"started_date,omitempty"` // 2006-01-02
	EndedDate   string `json:"ended_date,omitempty"`   // 2006-01-02
}

// IdentificationType names a kind of identity paper.
type IdentificationType string

const (
	DrivingLicence IdentificationType = "DL"
	Passport       IdentificationType = "PP"
	NationalID     IdentificationType = "ID"
	OtherPaper     IdentificationType = "OT"
)

const (
	maxPoliticallyExposed = 3
	dateLayout            = "2006-01-02"
)

// inTransaction checks the sender of a transaction.
func (p *SenderParams) inTransaction(prefix string, f *transport.Faults) {
	switch {
	case p.ID != "" && p.ExternalID != "":
		f.Add(prefix+"id", "must not stand beside external_id")
	case p.ID != "" || p.ExternalID != "" && p.reuses():
		p.forms(prefix, f)
	default:
		p.create(prefix, f)
	}
}

// reuses reports whether the external id stands alone.
func (p *SenderParams) reuses() bool {
	rest := *p
	rest.ExternalID = ""
	text, err := json.Marshal(rest)
	return err == nil && string(text) == "{}"
}

// create checks what every account has to give. Which further fields are needed
// depends on the account's agreement, so the rest is BitPesa's to judge: the
// documented list (country, city, street, postal_code, email, ip, documents), or
// with simplified rules either an identity paper, an address or a birth date.
func (p *SenderParams) create(prefix string, f *transport.Faults) {
	f.Require(prefix+"country", p.Country)
	address := p.City != "" && p.Street != "" && p.PostalCode != ""
	paper := p.IdentificationNumber != "" && p.IdentificationType != ""
	if !address && !paper && p.BirthDate == "" {
		f.Add(prefix+"street", "is required with city and postal_code, unless an identity paper or a birth_date is given")
	}
	if p.Type == Business {
		f.Require(prefix+"name", p.Name)
	}
	p.forms(prefix, f)
}

// forms checks the form of what is given.
func (p *SenderParams) forms(prefix string, f *transport.Faults) {
	date(f, prefix+"birth_date", p.BirthDate)
	date(f, prefix+"registration_date", p.RegistrationDate)
	if len(p.PoliticallyExposedPeople) > maxPoliticallyExposed {
		f.Add(prefix+"politically_exposed_people", "holds more than 3 people")
	}
	for i := range p.Documents {
		p.Documents[i].validate(prefix+"documents."+strconv.Itoa(i)+".", f)
	}
}

func date(f *transport.Faults, field, value string) {
	if value == "" {
		return
	}
	if _, err := time.Parse(dateLayout, value); err != nil {
		f.Add(field, "must be a date like 2006-01-02")
	}
}
