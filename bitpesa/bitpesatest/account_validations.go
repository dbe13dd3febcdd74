package bitpesatest

import (
	"net/http"
	"slices"
	"strings"
)

// SetValidationOutage begins or ends an outage: every account validation fails
// because the provider cannot be reached. The vendor's sandbox cannot do this.
func (f *Fake) SetValidationOutage(on bool) {
	f.world.Lock()
	defer f.world.Unlock()
	f.state.Outage = on
}

// validateAccount takes its fields without a wrapper.
func (f *Fake) validateAccount(c *call) response {
	in, ok := readObject(c.body)
	if !ok {
		return badRequest()
	}
	if fault := f.validationFault(in); fault != "" {
		return validation(http.StatusUnprocessableEntity, inquiry{field: "account_name"}.object(f.config.APIVersion), fault)
	}
	if f.state.Outage {
		return validation(http.StatusUnprocessableEntity, object{}, "Account validation failed")
	}
	method := "Bank"
	if text(in, "method") == "mobile" {
		method = "Mobile"
	}
	q := inquire(text(in, "currency"), method, in)
	if q.fault != "" {
		return validation(http.StatusUnprocessableEntity, q.object(f.config.APIVersion), q.fault)
	}
	return success(q.object(f.config.APIVersion))
}

func validation(status int, found object, fault string) response {
	return response{status, object{"object": found}}.withMeta(object{"error": fault})
}

// validationFault says what is wrong with a request; the sentences are assumed. The
// BitPesa guides name the countries and currencies that can be asked about. Today's
// lists grow, so the fake takes any.
func (f *Fake) validationFault(in object) string {
	known := func(field string, guides ...string) bool {
		v := text(in, field)
		return v != "" && (f.config.APIVersion != VersionBitPesa || slices.Contains(guides, v))
	}
	method := text(in, "method")
	switch {
	case !known("country", "NG", "GH"):
		return "Country is invalid"
	case !known("currency", "NGN", "GHS"):
		return "Currency is invalid"
	case !known("method", "bank"):
		return "Method is invalid"
	case method == "mobile" && !isPhone(text(in, "phone_number")):
		return "Phone number is invalid"
	case method != "mobile" && text(in, "bank_account") == "" && text(in, "iban") == "":
		return "Bank account can't be blank"
	case method != "mobile" && text(in, "iban") == "" && text(in, "bank_code") == "":
		return "Bank code can't be blank"
	}
	return ""
}

// holder owns every account of the sandbox, as the vendor's guides show.
const holder = "TEST USER"

// inquiry is what a bank or an operator reports about an account.
type inquiry struct {
	field string // account_name, mapped_mobile_provider or account_status
	value string
	fault string // empty when the account is right
}

// inquire asks about an account. method is Bank or Mobile. The suffixes that fail
// are documented for GHS, NGN and UGX; elsewhere a last digit of 9 fails
// (assumed).
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

// object is what a response shows: a failed inquiry keeps the provider or the
// status which it found.
func (q inquiry) object(version APIVersion) object {
	if q.value != "" {
		return object{q.field: q.value}
	}
	if version == VersionBitPesa {
		return object{q.field: nil}
	}
	return object{}
}
