package kapitentest

import (
	"encoding/json"
	"net/http"
)

type companyBody struct {
	ID                 string          `json:"id"`
	Name               string          `json:"name"`
	RegistrationNumber string          `json:"registration_number"`
	Balance            json.RawMessage `json:"balance"`
	Currency           string          `json:"currency"`
	PricingConfig      pricingBody     `json:"pricing_config"`
}

func (f *Fake) createCompany(c *call) *answer {
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	co := &company{Active: true, Pricing: f.config.Pricing.clone()}
	co.Name = in.text("name", needed, textLength)
	co.RegistrationNumber = in.text("registration_number", needed, textLength)
	if co.RegistrationNumber != "" && f.state.byRegistration[co.RegistrationNumber] != nil {
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
	if err := f.state.addCompany(co); err != nil { // the number was free a moment ago
		panic("kapitentest: " + err.Error())
	}
	return &answer{status: http.StatusCreated, body: companyBody{
		ID: co.ID, Name: co.Name, RegistrationNumber: co.RegistrationNumber,
		Balance: f.money(f.state.ledger.Balance(co.account())), Currency: currency, PricingConfig: newPricingBody(co.Pricing),
	}}
}

func (f *Fake) companyByRegistration(c *call) *answer {
	co := f.state.byRegistration[c.params["registration_number"]]
	if co == nil {
		return notFound("Company")
	}
	return &answer{status: http.StatusOK, body: struct {
		ID                 string `json:"id"`
		Name               string `json:"name"`
		RegistrationNumber string `json:"registration_number"`
		IsActive           bool   `json:"is_active"`
	}{co.ID, co.Name, co.RegistrationNumber, co.Active}}
}

// company finds the company of a path, or the caller's own where an overridden
// path names none.
func (f *Fake) company(c *call) (*company, *answer) {
	text, named := c.params["company_id"]
	if !named && c.user != nil {
		return f.companyByID(c, c.user.CompanyID)
	}
	id, ok := canonicalUUID(text)
	if !ok {
		return nil, detail(http.StatusNotFound, "Not found.")
	}
	return f.companyByID(c, id)
}

// companyByID finds a company. Where a token is needed its user sees his own
// only; any other answers as if it did not exist.
func (f *Fake) companyByID(c *call, id string) (*company, *answer) {
	co := f.state.byID[id]
	if co == nil || !c.open && c.user.CompanyID != id {
		return nil, notFound("Company")
	}
	if !co.Active {
		return nil, forbidden()
	}
	return co, nil
}
