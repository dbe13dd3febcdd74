package kotanitest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// accountSchema is a form of fiat account.
type accountSchema struct {
	name   string
	kind   string   // fiatAccountType
	fields []string // beside accountName, institutionName and fiatAccountType
	action kotani.UserActionType
}

// accountSchemas are those of the specification. Which user action goes with
// which is assumed.
func accountSchemas() []accountSchema {
	return []accountSchema{
		{"AccountNumber", "BankAccount", []string{"accountNumber", "country"}, "AccountNumberUserAction"},
		{"IBANNumber", "BankAccount", []string{"iban", "country"}, "IBANUserAction"},
		{"IFSCAccount", "BankAccount", []string{"ifsc", "accountNumber", "country"}, "URLUserAction"},
		{"PIXAccount", "BankAccount", []string{"keyType", "key"}, "PIXUserAction"},
		{"MobileMoney", "MobileMoney", []string{"mobile", "country", "operator"}, "URLUserAction"},
		{"DuniaWallet", "DuniaWallet", []string{"mobile"}, "URLUserAction"},
	}
}

func findAccountSchema(name string) (accountSchema, bool) {
	all := accountSchemas()
	i := slices.IndexFunc(all, func(s accountSchema) bool { return s.name == name })
	if i < 0 {
		return accountSchema{}, false
	}
	return all[i], true
}

func (s accountSchema) hasCountry() bool { return slices.Contains(s.fields, "country") }

var (
	cpf  = regexp.MustCompile(`^\d{3}\.\d{3}\.\d{3}-\d{2}$`)
	uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// valid holds data to the schema.
func (s accountSchema) valid(f *FiatConnect, data map[string]any) bool {
	if !hasTexts(data, append([]string{"accountName", "institutionName"}, s.fields...)...) || data["fiatAccountType"] != s.kind {
		return false
	}
	field := func(name string) string { text, _ := data[name].(string); return text }
	switch s.name {
	case "MobileMoney", "DuniaWallet":
		return f.validPhone(data["mobile"])
	case "IFSCAccount":
		return len(field("ifsc")) == 11
	case "PIXAccount":
		key := field("key")
		switch field("keyType") {
		case "EMAIL":
			return strings.Contains(key, "@")
		case "CPF":
			return cpf.MatchString(key)
		case "PHONE":
			return len(key) == 11 && only(key, "0123456789")
		case "RANDOM":
			return uuid.MatchString(key)
		}
		return false
	}
	return true
}

// identity is what makes two accounts of a user the same: all but the name the
// user gave it.
func (s accountSchema) identity(data map[string]any) string {
	parts := []string{s.name}
	for _, name := range append([]string{"institutionName"}, s.fields...) {
		text, _ := data[name].(string)
		parts = append(parts, text)
	}
	return strings.Join(parts, "\x00")
}

// number is what magic values are looked for in.
func (s accountSchema) number(data map[string]any) string {
	for _, name := range []string{"accountNumber", "iban", "mobile", "key"} {
		if text, ok := data[name].(string); ok && text != "" {
			return text
		}
	}
	return ""
}
