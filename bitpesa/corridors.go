package bitpesa

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayoutType is a corridor: a currency and a way of payout. Unknown types pass
// through, those of three parts that InfoService shows among them. The client
// requires no details for them.
type PayoutType string

// The corridors with documented details. TZSMobile and NGNMobile are from BitPesa's
// API of 2019. XXX::Balance exists for any currency: see BalancePayout.
const (
	NGNBank   PayoutType = "NGN::Bank"
	NGNMobile PayoutType = "NGN::Mobile"
	GHSBank   PayoutType = "GHS::Bank"
	GHSMobile PayoutType = "GHS::Mobile"
	UGXMobile PayoutType = "UGX::Mobile"
	UGXBank   PayoutType = "UGX::Bank"
	TZSMobile PayoutType = "TZS::Mobile"
	XOFMobile PayoutType = "XOF::Mobile"
	XOFBank   PayoutType = "XOF::Bank"
	XOFCash   PayoutType = "XOF::Cash"
	XAFMobile PayoutType = "XAF::Mobile"
	XAFBank   PayoutType = "XAF::Bank"
	GNFMobile PayoutType = "GNF::Mobile"
	KESBank   PayoutType = "KES::Bank"
	KESMobile PayoutType = "KES::Mobile"
	EURBank   PayoutType = "EUR::Bank"
	GBPBank   PayoutType = "GBP::Bank"
	ZARBank   PayoutType = "ZAR::Bank"
	MADCash   PayoutType = "MAD::Cash"
	USDBank   PayoutType = "USD::Bank"
	USDCash   PayoutType = "USD::Cash"
	EGPBank   PayoutType = "EGP::Bank"
	EGPCash   PayoutType = "EGP::Cash"
	BRLBank   PayoutType = "BRL::Bank"
	CADBank   PayoutType = "CAD::Bank"
	NZDBank   PayoutType = "NZD::Bank"
	BWPBank   PayoutType = "BWP::Bank"
	ZMWBank   PayoutType = "ZMW::Bank"
	PENBank   PayoutType = "PEN::Bank"
	GTQBank   PayoutType = "GTQ::Bank"
	CRCBank   PayoutType = "CRC::Bank"
	MADBank   PayoutType = "MAD::Bank"
	VNDBank   PayoutType = "VND::Bank"
	VNDMobile PayoutType = "VND::Mobile"
	BTC       PayoutType = "BTC"
)

// BalancePayout is the payout to another balance with BitPesa: "USD::Balance".
func BalancePayout(currency string) PayoutType { return PayoutType(currency + "::Balance") }

// PayoutDetails say where the money of a recipient goes. RequiredDetails tells which
// details a corridor requires; the client checks them before it sends anything.
// Put details that have no field here into Extra.
type PayoutDetails struct {
	FirstName  string `json:"first_name,omitempty"`
	MiddleName string `json:"middle_name,omitempty"`
	LastName   string `json:"last_name,omitempty"`
	BirthDate  string `json:"birth_date,omitempty"` // 2006-01-02

	// PhoneNumber is E.164 today, a national number in BitPesa's API of 2019. It is
	// read as SenderParams.PhoneNumber is.
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

	IdentityCardType string `json:"identity_card_type,omitempty"` // O, PP, ID, DL, OT; also DNI, RUC, CE, PASS, CI, CJ, CR
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

	// Extra holds further details by their names on the wire.
	Extra map[string]any `json:"-"`
}

// MobileProvider is a mobile network. Unknown networks pass through.
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

// RequiredDetails returns the details that a corridor requires, by their names on
// the wire, as in the vendor's OpenAPI. "a|b" is either detail, "c+d" is both. It
// returns nothing for a corridor that is not documented.
func RequiredDetails(t PayoutType) []string {
	switch t {
	case NGNBank, GHSBank:
		return required("bank_code", "bank_account")
	case GHSMobile, UGXMobile, TZSMobile, NGNMobile:
		return required("phone_number")
	case UGXBank:
		return required("street", "city", "postal_code", "identity_card_id", "bank_account", "branch_code", "transfer_reason")
	case XOFMobile, XAFMobile, GNFMobile:
		return required("phone_number", "mobile_provider")
	case XOFBank, XAFBank, EURBank:
		return required("iban")
	case XOFCash:
		return required("phone_number", "cash_provider")
	case KESBank:
		return required("street", "bank_code", "bank_account", "transfer_reason", "identity_card_type", "identity_card_id")
	case KESMobile:
		return required("street", "phone_number", "mobile_provider", "transfer_reason", "identity_card_type", "identity_card_id")
	case GBPBank:
		return required("iban|bank_account+sort_code")
	case ZARBank: // a company has a name in place of a person's two
		return []string{"first_name+last_name|name", "bank_account", "phone_number", "bank_code|branch_code"}
	case MADCash:
		return required("phone_number", "sender_identity_card_type", "sender_identity_card_id")
	case USDBank:
		return required("country")
	case USDCash:
		return required("phone_number", "country")
	case EGPBank:
		return required("street", "bank_account", "bank_code", "transfer_reason")
	case EGPCash:
		return required("middle_name", "phone_number", "street", "transfer_reason")
	case BRLBank:
		return required("city", "postal_code", "identity_card_id", "transfer_reason")
	case CADBank:
		return required("bank_account", "bank_code", "branch_code")
	case NZDBank:
		return required("bank_account", "bank_name")
	case BWPBank:
		return required("bank_name", "bank_account", "branch_code")
	case ZMWBank:
		return required("bank_account", "branch_code")
	case PENBank:
		return required("identity_card_type", "identity_card_id", "bank_code", "bank_account", "bank_account_type")
	case GTQBank:
		return required("identity_card_id", "bank_code", "bank_account", "bank_account_type")
	case CRCBank:
		return required("identity_card_type", "identity_card_id", "iban", "street")
	case MADBank:
		return required("iban", "street")
	case VNDBank:
		return required("bank_account", "bank_code")
	case VNDMobile:
		return required("phone_number", "mobile_provider", "street")
	case BTC:
		return required("name", "address")
	}
	return nil
}

func required(names ...string) []string {
	return append([]string{"first_name", "last_name"}, names...)
}

// validate checks the details that a corridor requires.
func (d PayoutDetails) validate(prefix string, t PayoutType, f *transport.Faults) {
	set, repeated := d.texts()
	for _, name := range repeated {
		f.Add(prefix+name, "is in Extra too")
	}
	d.validateForm(prefix, f)
	for _, rule := range RequiredDetails(t) {
		ways := strings.Split(rule, "|")
		if slices.ContainsFunc(ways, func(way string) bool { return hasAll(set, way) }) {
			continue
		}
		first := strings.Split(ways[0], "+")
		if len(ways) == 1 {
			f.Add(prefix+first[0], "is required for "+string(t))
		} else {
			f.Add(prefix+first[0], "is required for "+string(t)+", in one of these ways: "+strings.ReplaceAll(strings.Join(ways, " or "), "+", " and "))
		}
	}
}

// validateForm checks the form of the given details. What says where the money goes is
// an identifier.
func (d PayoutDetails) validateForm(prefix string, f *transport.Faults) {
	date(f, prefix+"birth_date", d.BirthDate)
	phone(f, prefix+"phone_number", d.PhoneNumber)
	for _, to := range [...]struct{ name, value string }{
		{"mobile_provider", string(d.MobileProvider)}, {"cash_provider", d.CashProvider}, {"bank_code", d.BankCode},
		{"bank_account", d.BankAccount}, {"branch_code", d.BranchCode}, {"sort_code", d.SortCode}, {"routing_number", d.RoutingNumber},
		{"swift_code", d.SwiftCode}, {"iban", d.IBAN}, {"bic", d.BIC}, {"pix_key_value", d.PIXKeyValue}, {"address", d.Address},
	} {
		if text, ok := d.Extra[to.name].(string); ok && to.value == "" {
			to.value = text
		}
		f.CheckReference(prefix+to.name, to.value)
	}
}

func hasAll(set map[string]any, names string) bool {
	for name := range strings.SplitSeq(names, "+") {
		if value := set[name]; value == nil || value == "" {
			return false
		}
	}
	return true
}

// MarshalJSON writes the fields and Extra as one object.
func (d PayoutDetails) MarshalJSON() ([]byte, error) {
	type fields PayoutDetails
	d.PhoneNumber, _ = phoneOf(d.PhoneNumber)
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

// texts returns the given details by their names on the wire. repeated are the names
// that stand both in a field and in Extra.
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

// InfoService tells which currencies and ways of payment exist. BitPesa allows 300
// reads of currencies a day, five minutes apart (documented).
type InfoService struct{ c *Client }

// Currency is a currency of the account. Rates are set only in Opposites.
type Currency struct {
	Code          string              `json:"code"`
	Name          string              `json:"name"`
	Symbol        string              `json:"symbol"`
	Decimals      int                 `json:"decimals"`
	SubunitToUnit int                 `json:"subunit_to_unit"`
	Primary       bool                `json:"primary"`
	Min           decimal.NullDecimal `json:"min"` // smallest amount
	Max           decimal.NullDecimal `json:"max"` // largest amount
	USDEquivalent decimal.NullDecimal `json:"usd_equivalent"`

	Rate      decimal.NullDecimal `json:"rate"`
	MTMRate   decimal.NullDecimal `json:"mtm_rate"` // mark to market
	Margin    decimal.NullDecimal `json:"margin"`
	Opposites []Currency          `json:"opposites"` // the currencies that it can be exchanged with
	Raw       sdk.Raw             `json:"-"`
}

// PaymentMethod is a way to pay in or out.
type PaymentMethod struct {
	Type         string                 `json:"type"` // "NGN::Bank"
	Provider     string                 `json:"provider"`
	OTCPermitted bool                   `json:"otc_permitted"`
	Default      bool                   `json:"default"`
	Details      []string               `json:"details"` // the names of the details it needs
	Fields       map[string]PayoutField `json:"fields"`  // the form that asks for them
	Opposites    []PaymentMethod        `json:"opposites"`
	Raw          sdk.Raw                `json:"-"`
}

// Currencies returns all currencies.
func (s *InfoService) Currencies(ctx context.Context) (*Page[Currency], error) {
	return list[Currency](ctx, s.c, transport.Faults{}, transport.Call{Op: OpCurrencies})
}

// CurrenciesIn returns the currencies that can be paid in. Opposites are the
// currencies of their payouts, with rates. Give a sender's id for the rates of that
// sender, or nothing for the account's.
func (s *InfoService) CurrenciesIn(ctx context.Context, senderID string) (*Page[Currency], error) {
	return s.currencies(ctx, OpCurrenciesIn, senderID)
}

// CurrenciesOut returns the currencies that can be paid out. Opposites are the
// currencies that can be paid in for them, with rates. Give a sender's id for the
// rates of that sender, or nothing for the account's.
func (s *InfoService) CurrenciesOut(ctx context.Context, senderID string) (*Page[Currency], error) {
	return s.currencies(ctx, OpCurrenciesOut, senderID)
}

func (s *InfoService) currencies(ctx context.Context, op, senderID string) (*Page[Currency], error) {
	var f transport.Faults
	f.CheckReference("sender_id", senderID)
	call := transport.Call{Op: op}
	if senderID != "" {
		call.Query = url.Values{"sender_id": {senderID}}
	}
	return list[Currency](ctx, s.c, f, call)
}

// PaymentMethodsIn returns the ways to pay in.
func (s *InfoService) PaymentMethodsIn(ctx context.Context) (*Page[PaymentMethod], error) {
	return list[PaymentMethod](ctx, s.c, transport.Faults{}, transport.Call{Op: OpPaymentMethodsIn})
}

// PaymentMethodsOut returns the ways to pay out.
func (s *InfoService) PaymentMethodsOut(ctx context.Context) (*Page[PaymentMethod], error) {
	return list[PaymentMethod](ctx, s.c, transport.Faults{}, transport.Call{Op: OpPaymentMethodsOut})
}
