package kotanitest

import (
	"net/http"
	"slices"

	"github.com/kapiteni/kapiten-go/kotani"
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

// FiatAccounts are all accounts on file, oldest first.
func (f *FiatConnect) FiatAccounts() []FiatAccount {
	f.world.Lock()
	defer f.world.Unlock()
	all := []FiatAccount{}
	for _, a := range f.state.Accounts {
		all = append(all, *a)
	}
	return all
}

// addAccount is POST /accounts. No KYC is asked for.
func (f *FiatConnect) addAccount(c *fiatCall) reply {
	name, _ := c.fields["fiatAccountSchema"].(string)
	data, _ := c.fields["data"].(map[string]any)
	schema, known := findAccountSchema(name)
	switch {
	case !known:
		return problem(http.StatusBadRequest, kotani.ErrUnsupportedSchema)
	case !schema.valid(f, data):
		return problem(http.StatusBadRequest, kotani.ErrInvalidSchema)
	}
	field := func(name string) string { text, _ := data[name].(string); return text }
	a := &FiatAccount{
		Address: c.address, Name: field("accountName"), Institution: field("institutionName"), Type: schema.kind,
		Schema: schema.name, Number: schema.number(data), Identity: schema.identity(data),
	}
	if schema.hasCountry() {
		a.Country = field("country")
	}
	for _, other := range f.state.Accounts {
		if other.Address == a.Address && other.Identity == a.Identity {
			return problem(http.StatusConflict, kotani.ErrResourceExists)
		}
	}
	a.ID = f.ids().UUID()
	f.state.Accounts = append(f.state.Accounts, a)
	return fine(a.shown())
}

// accounts is GET /accounts: by account type.
func (f *FiatConnect) accounts(c *fiatCall) reply {
	byType := map[string][]object{}
	for _, a := range f.state.Accounts {
		if a.Address == c.address {
			byType[a.Type] = append(byType[a.Type], a.shown())
		}
	}
	return fine(byType)
}

// deleteAccount is DELETE /accounts/{fiatAccountId}. Transfers go on without it.
func (f *FiatConnect) deleteAccount(c *fiatCall) reply {
	a := f.account(c.address, c.request.PathValue("fiatAccountId"))
	if a == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	f.state.Accounts = slices.DeleteFunc(f.state.Accounts, func(other *FiatAccount) bool { return other == a })
	return fine(object{})
}

// account finds an account of its owner; others do not see it.
func (f *FiatConnect) account(address, id string) *FiatAccount {
	for _, a := range f.state.Accounts {
		if a.ID == id && a.Address == address {
			return a
		}
	}
	return nil
}

func (a *FiatAccount) shown() object {
	return object{
		"fiatAccountId": a.ID, "accountName": a.Name, "institutionName": a.Institution,
		"fiatAccountType": a.Type, "fiatAccountSchema": a.Schema,
	}
}
