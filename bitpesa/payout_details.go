package bitpesa

import (
	"encoding/json"
)

// PayoutDetails say where the money of a recipient goes. Which of them a
// corridor requires is checked before anything is sent; RequiredDetails tells.
// Details of further corridors go into Extra.
type PayoutDetails struct {
	FirstName  string `json:"first_name,omitempty"`
	MiddleName string `json:"middle_name,omitempty"`
	LastName   string `json:"last_name,omitempty"`
	BirthDate  string `json:"birth_date,omitempty"` // 2006-01-02

	// PhoneNumber is E.164 today, a national number in BitPesa's API of 2019.
	PhoneNumber    string         `json:"phone_number,omitempty"`
	MobileProvider MobileProvider `json:"mobile_provider,omitempty"`
	CashProvider   string         `json:"cash_provider,omitempty"` // XOF::Cash: wari, wizall
	Email          string         `json:"email,omitempty"`

	BankCode        string `json:"bank_code,omitempty"`
	BankAccount     string `json:"bank_account,omitempty"`
	BankAccountType string `json:"bank_account_type,omitempty"` // 10 savings, 20 current; also 30, 40
	BankName        string `json:"bank_name,omitempty"`
	BankCountry     string `json:"bank_country,omitempty"`
	BranchCode      string `json:"branch_code,omitempty"`
	SortCode        string `json:"sort_code,omitempty"`
	RoutingNumber   string `json:"routing_number,omitempty"`
	SwiftCode       string `json:"swift_code,omitempty"`
	IBAN            string `json:"iban,omitempty"`
	BIC             string `json:"bic,omitempty"`
	PIXKeyType      string `json:"pix_key_type,omitempty"` // cpf, cnpj, phone, email or evp
	PIXKeyValue     string `json:"pix_key_value,omitempty"`

	Country    string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Street     string `json:"street,omitempty"`
	City       string `json:"city,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`

	IdentityCardType string `json:"identity_card_type,omitempty"` // O, PP, ID, DL or OT
	IdentityCardID   string `json:"identity_card_id,omitempty"`

	SenderIdentityCardType string `json:"sender_identity_card_type,omitempty"` // MAD::Cash
	SenderIdentityCardID   string `json:"sender_identity_card_id,omitempty"`   // MAD::Cash
	SenderCityOfBirth      string `json:"sender_city_of_birth,omitempty"`      // MAD::Cash
	SenderCountryOfBirth   string `json:"sender_country_of_birth,omitempty"`   // MAD::Cash
	SenderGender           string `json:"sender_gender,omitempty"`             // MAD::Cash: M or F

	TransferReason       string `json:"transfer_reason,omitempty"`      // one of a long list that changes often
	TransferReasonCode   string `json:"transfer_reason_code,omitempty"` // deprecated by the vendor
	RelationshipToSender string `json:"relationship_to_sender,omitempty"`
	Reason               string `json:"reason,omitempty"`    // MAD::Cash
	Reference            string `json:"reference,omitempty"` // balances and cash, some by arrangement only
	Narration            string `json:"narration,omitempty"`
	Address              string `json:"address,omitempty"` // BTC

	Name               string `json:"name,omitempty"` // of a company, or of a BTC recipient
	ContactFirstName   string `json:"contact_first_name,omitempty"`
	ContactLastName    string `json:"contact_last_name,omitempty"`
	RegistrationNumber string `json:"registration_number,omitempty"`
	NatureOfBusiness   string `json:"nature_of_business,omitempty"`
	LegalEntityType    string `json:"legal_entity_type,omitempty"`

	// Extra holds what has no field here, by its name on the wire.
	Extra map[string]any `json:"-"`
}

// MobileProvider is a mobile network. Unknown ones pass through.
type MobileProvider string

const (
	Africell   MobileProvider = "africell"
	Airtel     MobileProvider = "airtel"
	AirtelTigo MobileProvider = "airteltigo"
	EMoney     MobileProvider = "emoney"
	Expresso   MobileProvider = "expresso"
	Free       MobileProvider = "free"
	Mobicash   MobileProvider = "mobicash"
	Moov       MobileProvider = "moov"
	MPesa      MobileProvider = "mpesa"
	MTN        MobileProvider = "mtn"
	Orange     MobileProvider = "orange"
	Telecom    MobileProvider = "telecom"
	Tigo       MobileProvider = "tigo"
	TMoney     MobileProvider = "tmoney"
	Vodafone   MobileProvider = "vodafone"
	Wave       MobileProvider = "wave"
)

// MarshalJSON writes the fields and Extra as one object.
func (d PayoutDetails) MarshalJSON() ([]byte, error) {
	type fields PayoutDetails
	text, err := json.Marshal(fields(d))
	if err != nil || len(d.Extra) == 0 {
		return text, err
	}
	extra, err := json.Marshal(d.Extra)
	if err != nil || len(text) == len("{}") {
		return extra, err
	}
	return append(append(text[:len(text)-1], ','), extra[1:]...), nil
}

// texts returns the details that are set, by their name on the wire, and names
// which Extra repeats.
func (d PayoutDetails) texts() (set map[string]any, repeated []string) {
	extra := d.Extra
	d.Extra = nil
	text, err := json.Marshal(d)
	if err != nil {
		return nil, nil
	}
	_ = json.Unmarshal(text, &set) // what Marshal wrote
	for name, value := range extra {
		if _, ok := set[name]; ok {
			repeated = append(repeated, name)
		}
		set[name] = value
	}
	return set, repeated
}
