package kotani

import (
	"encoding/base64"
	"strings"
)

// KYCSchema names a form of KYC data. One that is not listed passes through.
type KYCSchema string

// The schemas of the specification 1.2.5.
const (
	KYCPersonal         KYCSchema = "PersonalDataAndDocuments"
	KYCPersonalDetailed KYCSchema = "PersonalDataAndDocumentsDetailed"
)

// KYCData is what AddKYC takes: PersonalDataAndDocuments,
// PersonalDataAndDocumentsDetailed, KotaniKYC or OtherKYC.
type KYCData interface {
	kyc(f *faults) (KYCSchema, any)
}

// DateOfBirth is a date in digits, as the specification has it.
type DateOfBirth struct {
	Day   string `json:"day"`
	Month string `json:"month"`
	Year  string `json:"year"`
}

// PostalAddress is where somebody lives.
type PostalAddress struct {
	Address1       string `json:"address1"`
	Address2       string `json:"address2,omitempty"` // optional
	ISOCountryCode string `json:"isoCountryCode"`     // ISO 3166-1 alpha-2
	ISORegionCode  string `json:"isoRegionCode"`      // ISO 3166-2
	City           string `json:"city"`
	PostalCode     string `json:"postalCode,omitempty"` // optional
}

// PersonalDataAndDocuments is the schema of that name.
type PersonalDataAndDocuments struct {
	FirstName              string        `json:"firstName"`
	MiddleName             string        `json:"middleName,omitempty"` // optional
	LastName               string        `json:"lastName"`
	DateOfBirth            DateOfBirth   `json:"dateOfBirth"`
	Address                PostalAddress `json:"address"`
	PhoneNumber            string        `json:"phoneNumber"`
	SelfieDocument         string        `json:"selfieDocument"`         // an image in base64
	IdentificationDocument string        `json:"identificationDocument"` // an image in base64
}

// Reasons of identification document in PersonalDataAndDocumentsDetailed.
const (
	DocumentIDCard         = "IDC" // with a back
	DocumentPassport       = "PAS"
	DocumentDrivingLicence = "DL" // with a back
)

// PersonalDataAndDocumentsDetailed is the schema of that name.
type PersonalDataAndDocumentsDetailed struct {
	FirstName                   string        `json:"firstName"`
	MiddleName                  string        `json:"middleName,omitempty"` // optional
	LastName                    string        `json:"lastName"`
	DateOfBirth                 DateOfBirth   `json:"dateOfBirth"`
	Address                     PostalAddress `json:"address"`
	PhoneNumber                 string        `json:"phoneNumber"` // E.164: "+254712345678"
	Email                       string        `json:"email"`
	SelfieDocument              string        `json:"selfieDocument"`                       // an image in base64
	IdentificationDocumentType  string        `json:"identificationDocumentType"`           // DocumentIDCard, ...
	IdentificationDocumentFront string        `json:"identificationDocumentFront"`          // an image in base64
	IdentificationDocumentBack  string        `json:"identificationDocumentBack,omitempty"` // the same; required for IDC and DL
}

// KotaniKYC is the form that Kotani's own document shows: no images, and
// neither a schema nor the contents of its two objects, for which those of the
// specification are assumed.
type KotaniKYC struct {
	FirstName         string        `json:"firstName"`
	LastName          string        `json:"lastName"`
	PhoneNumber       string        `json:"phoneNumber"`
	LocalCurrency     FiatType      `json:"localCurrency"`
	CeloPublicAddress string        `json:"celoPublicAddress"` // 0x and 40 hex digits
	Address           PostalAddress `json:"address"`
	DateOfBirth       DateOfBirth   `json:"dateOfBirth"`

	// Schema stands in the path. Default: KYCPersonal (assumed).
	Schema KYCSchema `json:"-"`
}

// OtherKYC is data of a schema this package does not know.
type OtherKYC struct {
	Schema KYCSchema
	Data   any // encoded as JSON
}

func (d PersonalDataAndDocuments) kyc(f *faults) (KYCSchema, any) {
	f.person(d.FirstName, d.LastName, d.PhoneNumber, d.DateOfBirth, d.Address)
	f.image("selfieDocument", d.SelfieDocument)
	f.image("identificationDocument", d.IdentificationDocument)
	return KYCPersonal, d
}

func (d PersonalDataAndDocumentsDetailed) kyc(f *faults) (KYCSchema, any) {
	f.person(d.FirstName, d.LastName, d.PhoneNumber, d.DateOfBirth, d.Address)
	if d.PhoneNumber != "" {
		f.e164("phoneNumber", d.PhoneNumber)
	}
	f.Require("email", d.Email)
	f.image("selfieDocument", d.SelfieDocument)
	f.Require("identificationDocumentType", d.IdentificationDocumentType)
	f.image("identificationDocumentFront", d.IdentificationDocumentFront)
	if t := d.IdentificationDocumentType; d.IdentificationDocumentBack != "" || t == DocumentIDCard || t == DocumentDrivingLicence {
		f.image("identificationDocumentBack", d.IdentificationDocumentBack)
	}
	return KYCPersonalDetailed, d
}

func (d KotaniKYC) kyc(f *faults) (KYCSchema, any) {
	f.person(d.FirstName, d.LastName, d.PhoneNumber, d.DateOfBirth, d.Address)
	f.Require("localCurrency", string(d.LocalCurrency))
	f.address("celoPublicAddress", d.CeloPublicAddress)
	if d.Schema == "" {
		return KYCPersonal, d
	}
	return d.Schema, d
}

func (d OtherKYC) kyc(f *faults) (KYCSchema, any) {
	f.segment("kycSchema", string(d.Schema))
	if d.Data == nil {
		f.Add("data", "is required")
	}
	return d.Schema, d.Data
}

// person checks what all schemas have.
func (f *faults) person(first, last, phone string, born DateOfBirth, at PostalAddress) {
	f.Require("firstName", first)
	f.Require("lastName", last)
	f.Require("phoneNumber", phone)
	f.digits("dateOfBirth.day", born.Day, 2)
	f.digits("dateOfBirth.month", born.Month, 2)
	f.digits("dateOfBirth.year", born.Year, 4)
	f.Require("address.address1", at.Address1)
	f.country("address.isoCountryCode", at.ISOCountryCode)
	f.Require("address.isoRegionCode", at.ISORegionCode)
	f.Require("address.city", at.City)
}

func (f *faults) digits(field, value string, most int) {
	if value == "" || len(value) > most || strings.Trim(value, "0123456789") != "" {
		f.Add(field, "must be digits")
	}
}

// image checks that something is base64. Whether it is an image is for the
// provider to say.
func (f *faults) image(field, value string) {
	if value == "" {
		f.Add(field, "is required")
	} else if _, err := base64.StdEncoding.DecodeString(value); err != nil {
		f.Add(field, "must be base64")
	}
}

// country checks a country code of two letters.
func (f *faults) country(field, value string) {
	if len(value) != 2 || strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		f.Add(field, "must be two capital letters (ISO 3166-1)")
	}
}

// e164 checks a phone number with a plus sign and country code.
func (f *faults) e164(field, value string) {
	if !strings.HasPrefix(value, "+") || !isPhone(value) || value[1] == '0' {
		f.Add(field, "must be in E.164 form, as +254712345678")
	}
}
