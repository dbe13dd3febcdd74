package kotanitest

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// FiatAccount is an account on file. Nothing checks it against an institution.
type FiatAccount struct {
	ID          string `json:"id"`
	Address     string `json:"address"` // the owner, in lower case
	Name        string `json:"name"`
	Institution string `json:"institution"`
	Type        string `json:"type"`
	Schema      string `json:"schema"`
	Country     string `json:"country"` // empty where the schema has none
	Number      string `json:"number"`  // account number, IBAN, mobile or key
	Identity    string `json:"identity"`
}

// FiatAccount returns an account on file.
func (f *FiatConnect) FiatAccount(id string) (FiatAccount, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.Accounts.Find(id))
}

// FiatAccounts are all accounts on file, oldest first.
func (f *FiatConnect) FiatAccounts() []FiatAccount {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Accounts.All())
}

// addAccount is POST /accounts. It needs no KYC.
func (f *FiatConnect) addAccount(c *fiatCall) *response {
	name, _ := c.fields["fiatAccountSchema"].(string)
	data, _ := c.fields["data"].(map[string]any)
	schema, known := findAccountSchema(name)
	switch {
	case !known:
		return problem(http.StatusBadRequest, kotani.ErrUnsupportedSchema)
	case !schema.valid(f, data):
		what := lacking(data, append([]string{"accountName", "institutionName", "fiatAccountType"}, schema.fields...)...)
		return problem(http.StatusBadRequest, kotani.ErrInvalidSchema).naming("data: " + cmp.Or(what, "fiatAccountType or a number does not fit "+schema.name))
	}
	field := func(name string) string { text, _ := data[name].(string); return text }
	a := &FiatAccount{
		Address: c.address, Name: field("accountName"), Institution: field("institutionName"), Type: schema.kind,
		Schema: schema.name, Number: schema.number(data), Identity: schema.identity(data),
	}
	if schema.hasCountry() {
		a.Country = field("country")
	}
	for _, other := range f.state.Accounts.All() {
		if other.Address == a.Address && other.Identity == a.Identity {
			return problem(http.StatusConflict, kotani.ErrResourceExists)
		}
	}
	a.ID = f.ids().UUID()
	f.state.Accounts.Add(a)
	return success(a.wire())
}

// listAccounts is GET /accounts: by account type.
func (f *FiatConnect) listAccounts(c *fiatCall) *response {
	byType := map[string][]object{}
	for _, a := range f.state.Accounts.All() {
		if a.Address == c.address {
			byType[a.Type] = append(byType[a.Type], a.wire())
		}
	}
	return success(byType)
}

// deleteAccount is DELETE /accounts/{fiatAccountId}. Transfers go on without it.
func (f *FiatConnect) deleteAccount(c *fiatCall) *response {
	a := f.account(c.address, c.request.PathValue("fiatAccountId"))
	if a == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	f.state.Accounts.Remove(a)
	return success(object{})
}

// account finds an account of its owner. Others do not see it.
func (f *FiatConnect) account(address, id string) *FiatAccount {
	if a := f.state.Accounts.Find(id); a != nil && a.Address == address {
		return a
	}
	return nil
}

func (a *FiatAccount) wire() object {
	return object{
		"fiatAccountId": a.ID, "accountName": a.Name, "institutionName": a.Institution,
		"fiatAccountType": a.Type, "fiatAccountSchema": a.Schema,
	}
}

// accountSchema is a form of fiat account.
type accountSchema struct {
	name   string
	kind   string   // fiatAccountType
	fields []string // beside accountName, institutionName and fiatAccountType
	action kotani.UserActionType
}

// accountSchemas are those of the specification. The user action of each is
// assumed.
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

// valid checks data against the schema.
func (s accountSchema) valid(f *FiatConnect, data map[string]any) bool {
	if !hasTexts(data, append([]string{"accountName", "institutionName"}, s.fields...)...) || data["fiatAccountType"] != s.kind {
		return false
	}
	field := func(name string) string { text, _ := data[name].(string); return text }
	switch s.name {
	case "MobileMoney":
		number, _ := wire.Phone(field("mobile"))
		return f.validPhone(data["mobile"]) && !apart(currencyOf(number), currencyIn(field("country")))
	case "DuniaWallet":
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

// identity is equal for two accounts that are the same. The name that the user
// gave does not count.
func (s accountSchema) identity(data map[string]any) string {
	parts := []string{s.name}
	for _, name := range append([]string{"institutionName"}, s.fields...) {
		text, _ := data[name].(string)
		parts = append(parts, text)
	}
	return strings.Join(parts, "\x00")
}

// number is the text in which the fake looks for magic values.
func (s accountSchema) number(data map[string]any) string {
	for _, name := range []string{"accountNumber", "iban", "mobile", "key"} {
		if text, ok := data[name].(string); ok && text != "" {
			return text
		}
	}
	return ""
}
