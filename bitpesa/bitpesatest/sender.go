package bitpesatest

import (
	"net/netip"
	"strings"
	"time"
)

// States of a sender, as documented.
const (
	senderInitial  = "initial"
	senderVerified = "verified"
	senderApproved = "approved"
	senderBanned   = "banned"
	senderRejected = "rejected"
	senderDisabled = "disabled"
)

type sender struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Fields    object    `json:"fields"` // what the merchant may set, as sent
	Documents []string  `json:"documents"`
	Created   time.Time `json:"created"`
}

func (x *sender) rowID() string { return x.ID }

// usable reports whether a sender may transact.
func (f *Fake) usable(a *account, x *sender) bool {
	switch x.State {
	case senderApproved:
		return true
	case senderInitial, senderVerified:
		return !f.keys[a.Key].KYC
	}
	return false
}

// senderFields are what a person or a business may set, beside id and documents.
func senderFields() []string {
	return strings.Fields(`type first_name middle_name last_name birth_date phone_country phone_number
		country city street postal_code address_description email ip lang fingerprint
		identification_number identification_type occupation nationality city_of_birth country_of_birth
		gender source_of_funds custom_source_of_funds external_id metadata politically_exposed_people`)
}

// businessFields come on top for a business.
func businessFields() []string {
	return strings.Fields(`name legal_entity_type registration_date registration_number nature_of_business
		trading_country trading_address trading_name vat_registration_number financial_regulator
		regulatory_licence_number contact_person_email office_phone company_office_number
		company_office_number_country aml_officer_email aml_officer_phone aml_officer_phone_country
		company_website_url number_of_employees_in_company list_of_countries_of_operation
		estimated_annual_revenue_turnover core_business_activity purpose_of_opening_account
		number_monthly_transactions amount_monthly_transactions onboarding_status declaration sales_lead_id`)
}

// senderObject is a sender on the wire.
func (f *Fake) senderObject(a *account, x *sender) object {
	out := object{
		"id": orNull(x.ID), "state": x.State, "state_reason": nil,
		"created_at": stamp(x.Created, spelledRFC), "providers": object{}, "errors": object{},
	}
	fields := senderFields()
	if text(x.Fields, "type") == "business" {
		fields = append(fields, businessFields()...)
	}
	for _, field := range fields {
		out[field] = x.Fields[field]
	}
	if out["type"] == nil {
		out["type"] = "person"
	}
	out["metadata"] = orEmpty(child(x.Fields, "metadata"))
	if out["politically_exposed_people"] == nil {
		out["politically_exposed_people"] = []any{}
	}
	documents := []any{}
	for _, id := range x.Documents {
		d, _ := a.Documents.find(id)
		documents = append(documents, d.object())
	}
	out["documents"] = documents
	return out
}

// checkSender says what is wrong with a sender's fields. hasDocuments is
// whether any document comes with it or was there before.
func (f *Fake) checkSender(a *account, in object, hasDocuments bool) problems {
	p := problems{}
	key := f.keys[a.Key]
	if key.WTR2 {
		p.require(in, "country")
		if !enoughForWTR2(in) {
			p.require(in, "phone_number", "email", "street", "city", "postal_code", "birth_date")
		}
	} else {
		p.require(in, "country", "city", "street", "postal_code", "email", "ip")
	}
	if key.KYC && !hasDocuments {
		p.add("documents", wordBlank)
	}
	p.oneOf(in, "type", "person", "business")
	p.oneOf(in, "gender", "M", "F", "O")
	p.oneOf(in, "identification_type", "DL", "PP", "ID", "OT")
	for _, field := range append(senderFields(), businessFields()...) {
		switch v := in[field]; field {
		case "metadata":
			if _, ok := v.(object); v != nil && !ok {
				p.add(field, wordInvalid)
			}
		case "politically_exposed_people":
			if list, ok := v.([]any); v != nil && (!ok || len(list) > 3) {
				p.add(field, wordInvalid)
			}
		case "list_of_countries_of_operation":
		default:
			if !scalar(v) {
				p.add(field, wordInvalid)
			}
		}
	}
	if d := text(in, "birth_date"); d != "" && !isDate(d) {
		p.add("birth_date", wordInvalid)
	}
	if ip := text(in, "ip"); ip != "" {
		if _, err := netip.ParseAddr(ip); err != nil {
			p.add("ip", wordInvalid)
		}
	}
	if email := text(in, "email"); email != "" && !strings.Contains(email, "@") {
		p.add("email", wordInvalid)
	}
	return p
}

// enoughForWTR2 reports whether one of the three sets of details is there.
func enoughForWTR2(f object) bool {
	return len(text(f, "identification_number")) >= 4 && text(f, "identification_type") != "" ||
		text(f, "street") != "" && text(f, "city") != "" && text(f, "postal_code") != "" ||
		text(f, "birth_date") != ""
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
