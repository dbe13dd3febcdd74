package bitpesatest

import (
	"net/http"
	"slices"
	"strings"
)

// SetValidationOutage makes account validations answer that the provider cannot
// be reached, or ends that. The vendor's sandbox cannot provoke it.
func (f *Fake) SetValidationOutage(on bool) {
	f.world.Lock()
	defer f.world.Unlock()
	f.state.Outage = on
}

// validateAccount takes its fields without a wrapper.
func (f *Fake) validateAccount(c *call) answer {
	in, ok := readObject(c.body)
	if !ok {
		return badRequest()
	}
	if fault := f.validationFault(in); fault != "" {
		return validation(http.StatusUnprocessableEntity, inquiry{field: "account_name"}.object(f.config.Era), fault)
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
		return validation(http.StatusUnprocessableEntity, q.object(f.config.Era), q.fault)
	}
	return success(q.object(f.config.Era))
}

func validation(status int, found object, fault string) answer {
	return answer{status, object{"object": found, "meta": object{"error": fault}}}
}

// validationFault says what is wrong with a request; the sentences are assumed.
func (f *Fake) validationFault(in object) string {
	countries := strings.Fields("BF BJ CG CI CM GA GH KE NG SN TD TG UG")
	currencies := strings.Fields("NGN GHS KES XOF UGX XAF")
	if f.config.Era == BitPesa {
		countries, currencies = []string{"NG", "GH"}, []string{"NGN", "GHS"}
	}
	method := text(in, "method")
	switch {
	case !slices.Contains(countries, text(in, "country")):
		return "Country is invalid"
	case !slices.Contains(currencies, text(in, "currency")):
		return "Currency is invalid"
	case method != "bank" && (method != "mobile" || f.config.Era == BitPesa):
		return "Method is invalid"
	case method == "mobile" && !isPhone(text(in, "phone_number")):
		return "Phone number is invalid"
	case method == "bank" && text(in, "bank_account") == "" && text(in, "iban") == "":
		return "Bank account can't be blank"
	case method == "bank" && text(in, "iban") == "" && text(in, "bank_code") == "":
		return "Bank code can't be blank"
	}
	return ""
}
