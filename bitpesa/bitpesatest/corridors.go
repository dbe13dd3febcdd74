package bitpesatest

import (
	"strings"
)

// corridor lists the details which a payout type must and may have.
type corridor struct {
	required, optional []string
	anyOf              [][]string // sets of which one must be complete
}

// corridorTable has a type, its required details, its optional details, then sets
// of which one is needed, as the vendor's guides list them.
const corridorTable = `
NGN::Bank | first_name last_name bank_code bank_account | bank_account_type street birth_date
NGN::Mobile | first_name last_name phone_number | mobile_provider birth_date
GHS::Bank | first_name last_name bank_code bank_account | transfer_reason birth_date
GHS::Mobile | first_name last_name phone_number | mobile_provider transfer_reason
UGX::Mobile | first_name last_name phone_number | mobile_provider birth_date
UGX::Bank | first_name last_name street city postal_code identity_card_id bank_account branch_code transfer_reason | birth_date
TZS::Mobile | first_name last_name phone_number | mobile_provider birth_date
XOF::Mobile | first_name last_name phone_number mobile_provider | country transfer_reason birth_date
XOF::Bank | first_name last_name iban | bank_name bank_country bank_code transfer_reason birth_date
XOF::Cash | first_name last_name phone_number cash_provider | country birth_date
XAF::Mobile | first_name last_name phone_number mobile_provider | country birth_date
XAF::Bank | first_name last_name iban | bank_account bank_name bank_country bank_code sort_code transfer_reason birth_date
GNF::Mobile | first_name last_name phone_number mobile_provider | birth_date
KES::Bank | first_name last_name street bank_code bank_account transfer_reason identity_card_type identity_card_id | city relationship_to_sender birth_date
KES::Mobile | first_name last_name street phone_number mobile_provider transfer_reason identity_card_type identity_card_id | city transfer_reason_code relationship_to_sender birth_date
EUR::Bank | first_name last_name iban | bic bank_name narration birth_date
GBP::Bank | first_name last_name | bic bank_name narration birth_date | iban | bank_account sort_code
ZAR::Bank | first_name last_name bank_account phone_number | street postal_code city email transfer_reason_code transfer_reason narration birth_date name contact_first_name contact_last_name registration_number nature_of_business legal_entity_type | bank_code | branch_code
MAD::Cash | first_name last_name phone_number sender_identity_card_type sender_identity_card_id | sender_city_of_birth sender_country_of_birth sender_gender reason identity_card_type identity_card_id birth_date reference
USD::Bank | first_name last_name country | middle_name phone_number bank_code bank_account bank_account_type bank_name routing_number swift_code iban street transfer_reason birth_date
USD::Cash | first_name last_name phone_number country | birth_date
EGP::Bank | first_name last_name street bank_account bank_code transfer_reason | middle_name phone_number birth_date
EGP::Cash | first_name middle_name last_name phone_number street transfer_reason | email reference
BRL::Bank | first_name last_name city postal_code identity_card_id transfer_reason | phone_number bank_code branch_code bank_account bank_account_type pix_key_type pix_key_value birth_date
CAD::Bank | first_name last_name bank_account bank_code branch_code | birth_date
NZD::Bank | first_name last_name bank_account bank_name | birth_date
BWP::Bank | first_name last_name bank_name bank_account branch_code | birth_date
ZMW::Bank | first_name last_name bank_account branch_code | birth_date
PEN::Bank | first_name last_name identity_card_type identity_card_id bank_code bank_account bank_account_type |
GTQ::Bank | first_name last_name identity_card_id bank_code bank_account bank_account_type |
CRC::Bank | first_name last_name identity_card_type identity_card_id iban street |
MAD::Bank | first_name last_name iban street | transfer_reason
VND::Bank | first_name last_name bank_account bank_code | transfer_reason
VND::Mobile | first_name last_name phone_number mobile_provider street | transfer_reason
BTC | first_name last_name name address | birth_date
`

// newCorridors reads the table. The BitPesa documents demand a few details more.
func newCorridors(version APIVersion) map[string]corridor {
	all := map[string]corridor{}
	for line := range strings.Lines(corridorTable) {
		columns := strings.Split(strings.TrimSpace(line), "|")
		if len(columns) < 3 {
			continue
		}
		c := corridor{required: strings.Fields(columns[1]), optional: strings.Fields(columns[2])}
		for _, set := range columns[3:] {
			c.anyOf = append(c.anyOf, strings.Fields(set))
		}
		all[strings.TrimSpace(columns[0])] = c
	}
	if version == VersionBitPesa {
		all["NGN::Bank"] = all["NGN::Bank"].demanding("bank_account_type")
		all["MAD::Cash"] = all["MAD::Cash"].demanding("sender_city_of_birth", "sender_country_of_birth", "sender_gender")
	}
	return all
}

func (c corridor) demanding(fields ...string) corridor {
	c.required = append(append([]string{}, c.required...), fields...)
	return c
}

// corridor finds the rules of a payout type. CUR::Balance needs no details. A type
// of a known currency which no guide describes needs a name only.
func (f *Fake) corridor(payoutType string) (corridor, bool) {
	if c, ok := f.corridors[payoutType]; ok {
		return c, true
	}
	code, kind, found := strings.Cut(payoutType, "::")
	switch {
	case !found || kind == "" || !f.exchange.knows(code):
		return corridor{}, false
	case kind == "Balance":
		return corridor{optional: []string{"reference"}}, true
	}
	return corridor{required: []string{"first_name", "last_name"}}, true
}

// fields are all details which a corridor names.
func (c corridor) fields() []string {
	all := append(append([]string{}, c.required...), c.optional...)
	for _, set := range c.anyOf {
		all = append(all, set...)
	}
	return all
}

// check says what is wrong with details. A business has a name instead of a first
// and a last name.
func (c corridor) check(details object, business bool) problems {
	p := problems{}
	for _, f := range c.required {
		if business && (f == "first_name" || f == "last_name") {
			f = "name"
		}
		if blank(details[f]) && len(p[f]) == 0 {
			p.add(f, wordBlank)
		}
	}
	if len(c.anyOf) > 0 && !c.anySet(details) {
		for _, set := range c.anyOf {
			p.require(details, set...)
		}
	}
	for field, value := range details {
		switch {
		case !scalar(value):
			p.add(field, wordInvalid)
		case field == "phone_number" && !blank(value) && !isPhone(text(details, field)):
			p.add(field, wordInvalid)
		case field == "birth_date":
			p.dates(details, field)
		}
	}
	return p
}

// storedDetails are details as the fake keeps them.
func storedDetails(details object) object { return withDates(details, "birth_date") }

func (c corridor) anySet(details object) bool {
	for _, set := range c.anyOf {
		missing := problems{}
		missing.require(details, set...)
		if len(missing) == 0 {
			return true
		}
	}
	return false
}

// choices are the values which the vendor offers for a detail. The fake takes any
// other value too, because the vendor adds to its lists.
func choices(field string) []string {
	switch field {
	case "mobile_provider":
		return strings.Fields("africell airtel airteltigo emoney expresso free mobicash moov mpesa mtn orange telecom tigo tmoney vodafone wave")
	case "bank_account_type":
		return []string{"10", "20", "30", "40"}
	case "identity_card_type", "sender_identity_card_type":
		return strings.Fields("O PP ID DL OT DNI RUC CE PASS CI CJ CR")
	case "sender_gender":
		return []string{"M", "F"}
	case "cash_provider":
		return []string{"wari", "wizall"}
	case "pix_key_type":
		return []string{"cpf", "cnpj", "phone", "email", "evp"}
	}
	return nil
}

// isPhone takes E.164 and national numbers, with the usual separators.
func isPhone(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0 || strings.ContainsRune(" -().", c):
		default:
			return false
		}
	}
	return digits >= 5 && digits <= 15
}

// bankCodes are some bank codes of a currency, as payout_method.fields shows them.
// The fake accepts any other code.
func bankCodes(code string) object {
	switch code {
	case "NGN":
		return object{"011": "First Bank of Nigeria", "033": "United Bank for Africa", "050": "EcoBank", "057": "Zenith International", "058": "Guaranty Trust Bank", "082": "Keystone"}
	case "GHS":
		return object{"030100": "Absa Bank Ghana", "040100": "GCB Bank", "130100": "Ecobank Ghana"}
	}
	return nil
}
