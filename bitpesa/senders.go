package bitpesa

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// SendersService manages the people and companies that send money. A sender may
// transact once it is approved, or at once where the account's KYC is waived.
type SendersService struct{ c *Client }

// SenderParams describe a sender. In an update, empty fields stay as they are.
//
// Inside TransactionParams the fields decide what happens (documented):
//
//   - An ID alone, or an ExternalID alone, uses the stored sender.
//   - An ID with other fields updates the stored sender, and uses it.
//   - An ExternalID with other fields creates a sender. If the ExternalID is taken,
//     today's API updates that sender, and BitPesa's API of 2019 refuses.
//   - An ID beside an ExternalID is refused.
type SenderParams struct {
	ID         string `json:"id,omitempty"` // only inside TransactionParams
	ExternalID string `json:"external_id,omitempty"`

	Type       PartyType `json:"type,omitempty"` // Person if empty
	FirstName  string    `json:"first_name,omitempty"`
	MiddleName string    `json:"middle_name,omitempty"`
	LastName   string    `json:"last_name,omitempty"`
	BirthDate  string    `json:"birth_date,omitempty"` // 2006-01-02

	// PhoneNumber is E.164 today. BitPesa's API of 2019 wants the national number
	// and PhoneCountry. The client reads the number as people write it: spaces,
	// hyphens, dots and parentheses are left out, and 00 in front becomes a plus sign.
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

// BusinessParams are the further fields of a company. Numbers are texts, as in the
// vendor's OpenAPI.
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

// PartyType tells people from companies, as sender or recipient.
type PartyType string

const (
	Person   PartyType = "person" // the default
	Business PartyType = "business"
)

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

// Sender is a stored sender.
type Sender struct {
	SenderParams // as stored, with the ID

	State       SenderState `json:"state"`
	StateReason string      `json:"state_reason"`
	Documents   []Document  `json:"documents"`
	CreatedAt   time.Time   `json:"created_at"` // zero when the response has none

	// Existing is set by Create: the sender was there before this call.
	Existing bool `json:"-"`

	Providers map[string]any `json:"providers"` // as received; in samples only
	Errors    map[string]any `json:"errors"`    // by field, as received
	Raw       sdk.Raw        `json:"-"`
}

// SenderState is the state of a sender's KYC. Unknown states pass through.
type SenderState string

const (
	SenderIncomplete SenderState = "incomplete"
	SenderInitial    SenderState = "initial"  // under review; may transact where KYC is waived
	SenderVerified   SenderState = "verified" // passed the sanctions check
	SenderApproved   SenderState = "approved" // may transact
	SenderRejected   SenderState = "rejected"
	SenderBanned     SenderState = "banned"
	SenderDisabled   SenderState = "disabled" // by Delete
)

// SenderListOptions choose a page of senders.
type SenderListOptions struct {
	ListOptions
	Created
	ExternalID string `url:"external_id,omitempty"` // exact match is assumed
}

// Create stores a sender. Give an ExternalID: the client then settles an unknown
// outcome by a lookup, and sends once more only if the sender is surely absent.
// Without an ExternalID it returns sdk.ErrOutcomeUnknown. If the ExternalID is taken,
// Create returns the stored sender with Existing set, or sdk.ErrReferenceTaken if that
// is another person or company.
func (s *SendersService) Create(ctx context.Context, p SenderParams) (*Sender, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is given by the server")
	}
	p.validateNew("", &f)
	call := transport.Call{Op: OpCreateSender, Body: map[string]SenderParams{"sender": p}}
	return s.search(p.ExternalID).create(call, f, p.compare, nil).Do(ctx)
}

// Find returns the sender with your own external id, or sdk.ErrNotFound.
func (s *SendersService) Find(ctx context.Context, externalID string) (*Sender, error) {
	return s.search(externalID).find(ctx)
}

func (s *SendersService) search(externalID string) search[Sender] {
	return search[Sender]{s.c, OpListSenders, externalID, func(sender *Sender) string { return sender.ExternalID }, func(sender *Sender) *bool { return &sender.Existing }}
}

// Get returns a sender by BitPesa's id.
func (s *SendersService) Get(ctx context.Context, id string) (*Sender, error) {
	return byID[Sender](ctx, s.c, OpGetSender, id)
}

// List returns one page of senders, newest first (assumed).
func (s *SendersService) List(ctx context.Context, o SenderListOptions) (*Page[Sender], error) {
	return listPage[Sender](ctx, s.c, OpListSenders, o.ListOptions, o, transport.Faults{})
}

// All iterates over senders, page by page.
func (s *SendersService) All(ctx context.Context, o SenderListOptions) iter.Seq2[Sender, error] {
	return all(s.c, OpListSenders, o.ListOptions, func(page ListOptions) (*Page[Sender], error) {
		o.ListOptions = page
		return s.List(ctx, o)
	})
}

// Update changes the given fields of a sender. BitPesa may begin its KYC anew.
func (s *SendersService) Update(ctx context.Context, id string, p SenderParams) (*Sender, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is an argument of its own")
	}
	p.validateForm("", &f)
	return write[Sender](ctx, s.c, OpUpdateSender, id, f, map[string]SenderParams{"sender": p}, nil)
}

// Delete disables a sender and returns it.
func (s *SendersService) Delete(ctx context.Context, id string) (*Sender, error) {
	return remove[Sender](ctx, s.c, OpDeleteSender, id)
}

const maxPoliticallyExposed = 3

// validateInTransaction checks the sender of a transaction.
func (p *SenderParams) validateInTransaction(prefix string, f *transport.Faults) {
	switch {
	case p.ID != "" && p.ExternalID != "":
		f.Add(prefix+"id", "must not stand beside external_id")
	case p.ID != "" || p.ExternalID != "" && p.hasOnlyExternalID():
		p.validateForm(prefix, f)
	default:
		p.validateNew(prefix, f)
	}
}

func (p *SenderParams) hasOnlyExternalID() bool {
	rest := *p
	rest.ExternalID = ""
	text, err := json.Marshal(rest)
	return err == nil && string(text) == "{}"
}

// validateNew checks the fields that every account has to give. BitPesa judges the
// rest, because it depends on the account's agreement. The documented list is
// country, city, street, postal_code, email, ip and documents. Simplified rules
// take an identity paper, an address or a birth date.
func (p *SenderParams) validateNew(prefix string, f *transport.Faults) {
	f.Require(prefix+"country", p.Country)
	address := p.City != "" && p.Street != "" && p.PostalCode != ""
	paper := p.IdentificationNumber != "" && p.IdentificationType != ""
	if !address && !paper && p.BirthDate == "" {
		f.Add(prefix+"street", "is required with city and postal_code, unless an identity paper or a birth_date is given")
	}
	if p.Type == Business {
		f.Require(prefix+"name", p.Name)
	}
	p.validateForm(prefix, f)
}

// validateForm checks the form of the given fields.
func (p *SenderParams) validateForm(prefix string, f *transport.Faults) {
	f.CheckReference(prefix+"id", p.ID)
	f.CheckReference(prefix+"external_id", p.ExternalID)
	date(f, prefix+"birth_date", p.BirthDate)
	date(f, prefix+"registration_date", p.RegistrationDate)
	p.PhoneNumber = phone(f, prefix+"phone_number", p.PhoneNumber)
	for _, number := range []*string{&p.OfficePhone, &p.CompanyOfficeNumber, &p.AMLOfficerPhone} {
		*number, _ = phoneOf(*number) // an extension may follow
	}
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
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		f.Add(field, "must be a date like 2006-01-02")
	}
}

// phone returns a phone number as it is sent, and adds a fault for any other text.
func phone(f *transport.Faults, field, text string) string {
	number, ok := phoneOf(text)
	if !ok {
		f.Add(field, "must be a phone number")
	}
	return number
}

// phoneOf reads a phone number as people write it: E.164 if it has a plus sign or two
// zeros in front, and else the digits as they stand. It returns any other text as it
// is. Some national numbers are shorter than wire.Phone takes them.
func phoneOf(text string) (number string, ok bool) {
	const shortest = 5
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	if text == "" || len(text) >= shortest && strings.TrimLeftFunc(text, isDigit) == "" && !strings.HasPrefix(text, "00") && len(text) <= 15 {
		return text, true
	}
	digits, foreign, ok := wire.PhoneNumber(text)
	switch {
	case !ok:
		return text, false
	case foreign:
		return "+" + digits, true
	}
	return digits, true
}

func (s *Sender) ident() *string { return &s.ID }

// DocumentsService stores papers for the KYC of senders.
type DocumentsService struct{ c *Client }

// DocumentParams describe a document. Give Upload and UploadFileName to upload a
// new document. Inside SenderParams, the ID alone names a stored document.
type DocumentParams struct {
	ID             string `json:"id,omitempty"`
	Upload         string `json:"upload,omitempty"` // a data URI ("data:image/png;base64,...") or a URL
	UploadFileName string `json:"upload_file_name,omitempty"`

	Category       string   `json:"category,omitempty"`
	Side           string   `json:"side,omitempty"` // front or back
	DocumentType   string   `json:"document_type,omitempty"`
	IssuingCountry string   `json:"issuing_country,omitempty"`
	DocumentID     string   `json:"document_id,omitempty"`
	ExpiryDate     string   `json:"expiry_date,omitempty"` // 2006-01-02
	Source         string   `json:"source,omitempty"`
	Metadata       Metadata `json:"metadata,omitempty"`
}

// Document is an uploaded file.
type Document struct {
	DocumentParams // as stored, with the ID; Upload is usually empty

	URL               string         `json:"url"`
	UploadContentType string         `json:"upload_content_type"`
	UploadFileSize    int64          `json:"upload_file_size"` // bytes
	Errors            map[string]any `json:"errors"`           // by field, as received
	Raw               sdk.Raw        `json:"-"`
}

// Create uploads a document. The client sends it once: after an unknown outcome,
// look at List before you upload again.
func (s *DocumentsService) Create(ctx context.Context, p DocumentParams) (*Document, error) {
	var f transport.Faults
	if p.ID != "" {
		f.Add("id", "is given by the server")
	}
	p.validate("", &f)
	return create[Document](ctx, s.c, OpCreateDocument, f, map[string]DocumentParams{"document": p})
}

// Get returns a document.
func (s *DocumentsService) Get(ctx context.Context, id string) (*Document, error) {
	return byID[Document](ctx, s.c, OpGetDocument, id)
}

// List returns one page of documents.
func (s *DocumentsService) List(ctx context.Context, o ListOptions) (*Page[Document], error) {
	return listPage[Document](ctx, s.c, OpListDocuments, o, o, transport.Faults{})
}

// All iterates over documents, page by page.
func (s *DocumentsService) All(ctx context.Context, o ListOptions) iter.Seq2[Document, error] {
	return all(s.c, OpListDocuments, o, func(page ListOptions) (*Page[Document], error) { return s.List(ctx, page) })
}

func (p *DocumentParams) validate(prefix string, f *transport.Faults) {
	if p.ID == "" {
		f.Require(prefix+"upload", p.Upload)
		f.Require(prefix+"upload_file_name", p.UploadFileName)
	}
	f.CheckReference(prefix+"id", p.ID)
	f.CheckReference(prefix+"document_id", p.DocumentID)
	date(f, prefix+"expiry_date", p.ExpiryDate)
}

func (d *Document) ident() *string { return &d.ID }
