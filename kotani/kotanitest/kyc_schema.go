package kotanitest

import (
	"regexp"
	"slices"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// validKYC holds a body to its schema, or to Kotani's own body, which has no
// documents.
func (f *FiatConnect) validKYC(schema string, body map[string]any) bool {
	if _, own := body["celoPublicAddress"]; own && body["selfieDocument"] == nil {
		_, address := body["address"].(map[string]any)
		_, birth := body["dateOfBirth"].(map[string]any)
		return hasTexts(body, "firstName", "lastName", "phoneNumber", "localCurrency", "celoPublicAddress") && address && birth
	}
	address, _ := body["address"].(map[string]any)
	birth, _ := body["dateOfBirth"].(map[string]any)
	if !hasTexts(body, "firstName", "lastName", "phoneNumber", "selfieDocument") ||
		!hasTexts(birth, "day", "month", "year") ||
		!hasTexts(address, "address1", "isoCountryCode", "isoRegionCode", "city") ||
		!mayHaveTexts(body, "middleName") || !mayHaveTexts(address, "address2", "postalCode") ||
		!f.validPhone(body["phoneNumber"]) {
		return false
	}
	if schema == kycSchemas[0] {
		return hasTexts(body, "identificationDocument")
	}
	kind, _ := body["identificationDocumentType"].(string)
	return hasTexts(body, "email", "identificationDocumentFront") &&
		slices.Contains([]string{"IDC", "PAS", "DL"}, kind) &&
		(kind == "PAS" && mayHaveTexts(body, "identificationDocumentBack") || hasTexts(body, "identificationDocumentBack"))
}

// validPhone takes any text that is not empty: national forms are common.
func (f *FiatConnect) validPhone(v any) bool {
	text, _ := v.(string)
	return text != "" && (!f.config.StrictPhones || e164.MatchString(text))
}

// hasTexts reports whether all fields are texts that are not empty.
func hasTexts(o map[string]any, names ...string) bool {
	for _, name := range names {
		if text, _ := o[name].(string); text == "" {
			return false
		}
	}
	return true
}

// mayHaveTexts reports whether all fields are texts or missing.
func mayHaveTexts(o map[string]any, names ...string) bool {
	for _, name := range names {
		if _, ok := o[name].(string); !ok && o[name] != nil {
			return false
		}
	}
	return true
}
