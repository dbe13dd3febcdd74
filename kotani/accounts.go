package kotani

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatAccount is an account on file: where fiat comes from or goes to.
type FiatAccount struct {
	ID              string            `json:"fiatAccountId" wire:"required"`
	AccountName     string            `json:"accountName"`
	InstitutionName string            `json:"institutionName"`
	Type            FiatAccountType   `json:"fiatAccountType"`
	Schema          FiatAccountSchema `json:"fiatAccountSchema"`
	Raw             sdk.Raw           `json:"-"`
}

// FiatAccountList is a user's accounts, ordered by type.
type FiatAccountList struct {
	Items []FiatAccount
	// Skipped is how many accounts could not be read. They are not among Items. A
	// response of which nothing can be read is an error.
	Skipped int
	Raw     sdk.Raw
}

// AddAccount puts an account on file. The same data a second time give
// ErrResourceExists. AddAccount moves no money. After an unknown outcome look
// through ListAccounts.
func (f *FiatConnect) AddAccount(ctx context.Context, data FiatAccountData) (*FiatAccount, error) {
	var bad faults
	var request accountRequest
	if data == nil {
		bad.Add("data", "is required")
	} else {
		request.Schema, request.Data = data.account(&bad)
	}
	return call(ctx, f.api, bad, transport.Call{Op: OpAddFiatAccount, Body: request}, read[FiatAccount])
}

// ListAccounts returns the user's accounts on file.
func (f *FiatConnect) ListAccounts(ctx context.Context) (*FiatAccountList, error) {
	return call(ctx, f.api, faults{}, transport.Call{Op: OpFiatAccounts}, decodeFiatAccounts)
}

// DeleteAccount takes an account off file. An account that is unknown, deleted
// already or another user's gives ErrResourceNotFound.
func (f *FiatConnect) DeleteAccount(ctx context.Context, fiatAccountID string) error {
	var bad faults
	bad.segment("fiatAccountId", fiatAccountID)
	return f.do(ctx, bad, transport.Call{Op: OpDeleteFiatAccount, Path: []string{fiatAccountID}, Reference: fiatAccountID})
}

// FiatAccountSchema names a form of account data. A name that is not listed passes
// through.
type FiatAccountSchema string

// The schemas of the specification 1.2.5.
const (
	SchemaAccountNumber FiatAccountSchema = "AccountNumber"
	SchemaMobileMoney   FiatAccountSchema = "MobileMoney"
	SchemaDuniaWallet   FiatAccountSchema = "DuniaWallet"
	SchemaIBANNumber    FiatAccountSchema = "IBANNumber"
	SchemaIFSCAccount   FiatAccountSchema = "IFSCAccount"
	SchemaPIXAccount    FiatAccountSchema = "PIXAccount"
)

// FiatAccountType is a kind of account. A kind that is not listed passes through.
type FiatAccountType string

// The account types of the specification 1.2.5.
const (
	AccountBank        FiatAccountType = "BankAccount"
	AccountMobileMoney FiatAccountType = "MobileMoney"
	AccountDuniaWallet FiatAccountType = "DuniaWallet"
)

// FiatAccountData is what AddAccount takes: BankAccount, MobileMoneyAccount,
// DuniaWalletAccount, IBANAccount, IFSCAccount, PIXAccount or OtherAccount.
type FiatAccountData interface {
	account(f *faults) (FiatAccountSchema, any)
}

// BankAccount is the schema AccountNumber.
type BankAccount struct {
	AccountName     string // required in all schemas
	InstitutionName string // required in all schemas
	AccountNumber   string // for Nigeria ten digits are suggested (specification)
	Country         string // ISO 3166-1 alpha-2
}

// MobileMoneyAccount is the schema MobileMoney.
type MobileMoneyAccount struct {
	AccountName     string
	InstitutionName string
	Mobile          string // E.164, in Country: "+254712345678"
	Country         string // ISO 3166-1 alpha-2
	Operator        string // "M-Pesa"
}

// DuniaWalletAccount is the schema DuniaWallet.
type DuniaWalletAccount struct {
	AccountName     string
	InstitutionName string
	Mobile          string // E.164
}

// IBANAccount is the schema IBANNumber.
type IBANAccount struct {
	AccountName     string
	InstitutionName string
	IBAN            string // with or without spaces
	Country         string // ISO 3166-1 alpha-2
}

// IFSCAccount is the schema of that name (India).
type IFSCAccount struct {
	AccountName     string
	InstitutionName string
	IFSC            string // 11 characters
	AccountNumber   string
	Country         string // ISO 3166-1 alpha-2
}

// PIXKeyType is the kind of a PIX key. A kind that is not listed passes through.
type PIXKeyType string

// The key types of the specification 1.2.5.
const (
	PIXEmail  PIXKeyType = "EMAIL"
	PIXCPF    PIXKeyType = "CPF"    // "000.000.000-00"
	PIXPhone  PIXKeyType = "PHONE"  // 11 digits
	PIXRandom PIXKeyType = "RANDOM" // a UUID
)

// PIXAccount is the schema of that name (Brazil).
type PIXAccount struct {
	AccountName     string
	InstitutionName string
	KeyType         PIXKeyType
	Key             string
}

// OtherAccount is data of a schema this package does not know.
type OtherAccount struct {
	Schema FiatAccountSchema
	Data   any // encoded as JSON
}

type accountRequest struct {
	Schema FiatAccountSchema `json:"fiatAccountSchema"`
	Data   any               `json:"data"`
}

// accountData has the fields of all schemas on the wire.
type accountData struct {
	AccountName     string          `json:"accountName"`
	InstitutionName string          `json:"institutionName"`
	FiatAccountType FiatAccountType `json:"fiatAccountType"`
	AccountNumber   string          `json:"accountNumber,omitempty"`
	Mobile          string          `json:"mobile,omitempty"`
	Operator        string          `json:"operator,omitempty"`
	IBAN            string          `json:"iban,omitempty"`
	IFSC            string          `json:"ifsc,omitempty"`
	KeyType         PIXKeyType      `json:"keyType,omitempty"`
	Key             string          `json:"key,omitempty"`
	Country         string          `json:"country,omitempty"`
}

func (a BankAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountBank, a.AccountName, a.InstitutionName)
	data.AccountNumber, data.Country = a.AccountNumber, a.Country
	f.RequireReference("data.accountNumber", a.AccountNumber)
	f.country("data.country", a.Country)
	return SchemaAccountNumber, data
}

func (a MobileMoneyAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountMobileMoney, a.AccountName, a.InstitutionName)
	data.Mobile, data.Country, data.Operator = f.e164("data.mobile", a.Mobile), a.Country, a.Operator
	if f.country("data.country", a.Country) && isPhone(a.Mobile) {
		f.phoneIn("data.mobile", a.Mobile, Country(a.Country), "")
	}
	f.Require("data.operator", a.Operator)
	return SchemaMobileMoney, data
}

func (a DuniaWalletAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountDuniaWallet, a.AccountName, a.InstitutionName)
	data.Mobile = f.e164("data.mobile", a.Mobile)
	return SchemaDuniaWallet, data
}

func (a IBANAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountBank, a.AccountName, a.InstitutionName)
	data.IBAN, data.Country = a.IBAN, a.Country
	f.Require("data.iban", a.IBAN)
	f.country("data.country", a.Country)
	return SchemaIBANNumber, data
}

func (a IFSCAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountBank, a.AccountName, a.InstitutionName)
	data.IFSC, data.AccountNumber, data.Country = a.IFSC, a.AccountNumber, a.Country
	if len(a.IFSC) != 11 {
		f.Add("data.ifsc", "must be 11 characters")
	}
	f.RequireReference("data.accountNumber", a.AccountNumber)
	f.country("data.country", a.Country)
	return SchemaIFSCAccount, data
}

func (a PIXAccount) account(f *faults) (FiatAccountSchema, any) {
	data := f.owner(AccountBank, a.AccountName, a.InstitutionName)
	data.KeyType, data.Key = a.KeyType, a.Key
	f.Require("data.keyType", string(a.KeyType))
	f.Require("data.key", a.Key)
	switch {
	case a.Key == "":
	case a.KeyType == PIXPhone && !pixPhone.MatchString(a.Key):
		f.Add("data.key", "must be 11 digits")
	case a.KeyType == PIXCPF && !pixCPF.MatchString(a.Key):
		f.Add("data.key", "must have the form 000.000.000-00")
	case a.KeyType == PIXRandom && !uuid.MatchString(a.Key):
		f.Add("data.key", "must be a UUID")
	case a.KeyType == PIXEmail && !strings.Contains(a.Key, "@"):
		f.Add("data.key", "must be an email address")
	}
	return SchemaPIXAccount, data
}

func (a OtherAccount) account(f *faults) (FiatAccountSchema, any) {
	f.Require("fiatAccountSchema", string(a.Schema))
	if a.Data == nil {
		f.Add("data", "is required")
	}
	return a.Schema, a.Data
}

var (
	pixPhone = regexp.MustCompile(`^[0-9]{11}$`)
	pixCPF   = regexp.MustCompile(`^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$`)
	uuid     = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

// owner begins the data of an account and checks what all schemas have.
func (f *faults) owner(kind FiatAccountType, accountName, institutionName string) accountData {
	f.Require("data.accountName", accountName)
	f.Require("data.institutionName", institutionName)
	return accountData{AccountName: accountName, InstitutionName: institutionName, FiatAccountType: kind}
}

// decodeFiatAccounts reads a map from account type to accounts.
func decodeFiatAccounts(body []byte) (FiatAccountList, error) {
	list := FiatAccountList{Raw: body}
	byType, err := read[map[string]json.RawMessage](body)
	if err == nil && byType == nil {
		err = wire.Missing("accounts")
	}
	for _, name := range slices.Sorted(maps.Keys(byType)) {
		var accounts []FiatAccount
		skipped, err := wire.UnmarshalList(byType[name], &accounts)
		if err != nil {
			skipped = 1 // no list at all
		}
		list.Skipped += skipped
		list.Items = append(list.Items, accounts...)
	}
	if err == nil && list.Skipped > 0 && len(list.Items) == 0 {
		err = wire.Missing("accounts")
	}
	return list, err
}
