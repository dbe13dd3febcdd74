package bitpesatest

import "strings"

// holder is whom every account of the sandbox belongs to, as the vendor's
// guides show it.
const holder = "TEST USER"

// inquiry is what a bank or an operator tells about an account.
type inquiry struct {
	field string // account_name, mapped_mobile_provider or account_status
	value string
	fault string // empty when the account is right
}

// inquire asks about an account. method is Bank or Mobile. The suffixes that
// fail are documented for GHS, NGN and UGX; a last digit of 9 elsewhere is
// assumed.
func inquire(code, method string, details object) inquiry {
	number := digits(text(details, "bank_account"))
	if method == "Mobile" {
		number = digits(text(details, "phone_number"))
	}
	provider := text(details, "mobile_provider")
	suffix := "9"
	switch {
	case code == "NGN":
		suffix = "39"
	case code == "UGX" && method == "Mobile":
		provider = ugandan(details, number)
		suffix = "19"
		if provider == "airtel" {
			suffix = "29"
		}
	}
	fails := number != "" && strings.HasSuffix(number, suffix)
	switch {
	case method == "Mobile" && (code == "UGX" || code == "XAF") && provider == "mtn":
		if fails {
			return inquiry{"account_status", "inactive", "Account invalid"}
		}
		return inquiry{"account_status", "active", ""}
	case method == "Mobile" && (code == "XOF" || code == "XAF"):
		if fails && provider != "orange" {
			return inquiry{"mapped_mobile_provider", "orange", "Mobile provider does not match phone number."}
		}
		if fails {
			return inquiry{"mapped_mobile_provider", "mtn", "Mobile provider does not match phone number."}
		}
		if provider == "" {
			provider = "orange"
		}
		return inquiry{"mapped_mobile_provider", provider, ""}
	}
	if fails {
		return inquiry{"account_name", "", "Account Invalid"}
	}
	return inquiry{"account_name", holder, ""}
}

// object is what an answer shows: a failed inquiry keeps the provider or the
// status it found.
func (q inquiry) object(era Era) object {
	if q.value != "" {
		return object{q.field: q.value}
	}
	if era == BitPesa {
		return object{q.field: nil}
	}
	return object{}
}
