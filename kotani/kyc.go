package kotani

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KYCRecord is what the provider holds about a user under one schema.
type KYCRecord struct {
	Schema KYCSchema       `json:"kycSchema"`
	Status KYCStatus       `json:"kycStatus" wire:"required"`
	Data   json.RawMessage `json:"data"` // Kotani's "kycData" or "data"; not in the specification
	Raw    sdk.Raw
}

// KYCStatus is the state of a KYC record. A state that is not listed passes
// through.
type KYCStatus string

// The states of the specification 1.2.5.
const (
	KYCNotCreated KYCStatus = "KycNotCreated"
	KYCPending    KYCStatus = "KycPending"
	KYCApproved   KYCStatus = "KycApproved"
	KYCDenied     KYCStatus = "KycDenied"
	KYCExpired    KYCStatus = "KycExpired"
)

// Decided reports whether the provider has approved or denied the record.
func (s KYCStatus) Decided() bool {
	return s == KYCApproved || s == KYCDenied || s == KYCExpired
}

// Next returns the states that can follow directly. The specification lists the
// states and no order: the order is inferred.
func (s KYCStatus) Next() []KYCStatus {
	switch s {
	case KYCNotCreated:
		return []KYCStatus{KYCPending, KYCApproved, KYCDenied}
	case KYCPending:
		return []KYCStatus{KYCApproved, KYCDenied}
	case KYCApproved:
		return []KYCStatus{KYCExpired}
	}
	return nil
}

// CanBecome reports whether a record can get from s to another state, in one
// step or several.
func (s KYCStatus) CanBecome(later KYCStatus) bool {
	return slices.ContainsFunc(s.Next(), func(next KYCStatus) bool {
		return next == later || next.CanBecome(later)
	})
}

// AddKYC gives the provider a user's data. A record that exists gives
// ErrResourceExists: delete it first. AddKYC moves no money. After an unknown
// outcome ask GetKYC.
func (f *FiatConnect) AddKYC(ctx context.Context, data KYCData) (*KYCRecord, error) {
	var bad faults
	if data == nil {
		bad.Add("data", "is required")
		return nil, f.check(bad, transport.Call{Op: OpAddKYC})
	}
	schema, body := data.kyc(&bad)
	return f.record(ctx, OpAddKYC, schema, bad, body)
}

// GetKYC returns the state of a user's record, or the error ErrResourceNotFound
// when there is no record.
func (f *FiatConnect) GetKYC(ctx context.Context, schema KYCSchema) (*KYCRecord, error) {
	return f.record(ctx, OpKYCStatus, schema, schemaFaults(schema), nil)
}

// DeleteKYC deletes a user's record. A second time gives ErrResourceNotFound.
func (f *FiatConnect) DeleteKYC(ctx context.Context, schema KYCSchema) error {
	return f.do(ctx, schemaFaults(schema), transport.Call{
		Op: OpDeleteKYC, Path: []string{string(schema)}, Reference: string(schema),
	})
}

// WaitKYC asks for a record every few seconds, up to half a minute apart, until
// the provider has decided upon it, and returns it. When the context ends first,
// it returns the record as last seen, if it was seen, with the error.
func (f *FiatConnect) WaitKYC(ctx context.Context, schema KYCSchema) (*KYCRecord, error) {
	return transport.Wait(ctx, f.core, OpKYCStatus, string(schema), func(ctx context.Context, _ string) (*KYCRecord, error) {
		return f.GetKYC(ctx, schema)
	}, func(record *KYCRecord) bool { return record.Status.Decided() })
}

// KYCSchema names a form of KYC data. A name that is not listed passes through.
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

// Kinds of identification document in PersonalDataAndDocumentsDetailed.
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

// KotaniKYC is the form that Kotani's own document shows, without images. The
// document shows neither a schema nor the contents of the two objects: those of
// the specification are assumed.
type KotaniKYC struct {
	FirstName         string        `json:"firstName"`
	LastName          string        `json:"lastName"`
	PhoneNumber       string        `json:"phoneNumber"`
	LocalCurrency     FiatType      `json:"localCurrency"`     // that of the phone number, in Kenya and Ghana
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
	f.person(d.FirstName, d.LastName, d.DateOfBirth, d.Address)
	d.PhoneNumber = f.anyPhone("phoneNumber", d.PhoneNumber)
	f.image("selfieDocument", d.SelfieDocument)
	f.image("identificationDocument", d.IdentificationDocument)
	return KYCPersonal, d
}

func (d PersonalDataAndDocumentsDetailed) kyc(f *faults) (KYCSchema, any) {
	f.person(d.FirstName, d.LastName, d.DateOfBirth, d.Address)
	d.PhoneNumber = f.e164("phoneNumber", d.PhoneNumber)
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
	f.person(d.FirstName, d.LastName, d.DateOfBirth, d.Address)
	d.PhoneNumber = f.anyPhone("phoneNumber", d.PhoneNumber)
	f.Require("localCurrency", string(d.LocalCurrency))
	if country, clear := countryOf(digits(d.PhoneNumber), ""); clear {
		f.currencyIn("localCurrency", string(d.LocalCurrency), country)
	}
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
func (f *faults) person(first, last string, born DateOfBirth, at PostalAddress) {
	f.Require("firstName", first)
	f.Require("lastName", last)
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

// image checks that a text is base64. The provider checks that it is an image.
func (f *faults) image(field, value string) {
	if value == "" {
		f.Add(field, "is required")
	} else if _, err := base64.StdEncoding.DecodeString(value); err != nil {
		f.Add(field, "must be base64")
	}
}

func schemaFaults(schema KYCSchema) (bad faults) {
	bad.segment("kycSchema", string(schema))
	return bad
}

func (f *FiatConnect) record(ctx context.Context, op string, schema KYCSchema, bad faults, body any) (*KYCRecord, error) {
	return call(ctx, f.api, bad, transport.Call{
		Op: op, Path: []string{string(schema)}, Reference: string(schema), Body: body,
	}, func(body []byte) (KYCRecord, error) {
		var w struct {
			KYCRecord
			KYCData json.RawMessage `json:"kycData"`
		}
		err := wire.Unmarshal(body, &w)
		w.Schema = schema
		if w.KYCData != nil {
			w.Data = w.KYCData
		}
		return w.KYCRecord, err
	})
}
