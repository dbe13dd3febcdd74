package bitpesa

import (
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// RequiredDetails returns what a corridor requires of PayoutDetails, by name on
// the wire, as documented in the vendor's OpenAPI. "a|b" is either of two, "c+d"
// both of two. Nothing is required of a corridor that is not documented.
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
	case BTC:
		return required("name", "address")
	}
	return nil
}

func required(names ...string) []string {
	return append([]string{"first_name", "last_name"}, names...)
}

// checkDetails checks the details of a corridor.
func checkDetails(prefix string, t PayoutType, d PayoutDetails, f *transport.Faults) {
	set, repeated := d.texts()
	for _, name := range repeated {
		f.Add(prefix+name, "is in Extra too")
	}
	date(f, prefix+"birth_date", d.BirthDate)
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

func hasAll(set map[string]any, names string) bool {
	for name := range strings.SplitSeq(names, "+") {
		if value := set[name]; value == nil || value == "" {
			return false
		}
	}
	return true
}
