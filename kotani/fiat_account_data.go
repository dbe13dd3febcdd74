package kotani

import (
	"regexp"
	"strings"
)

// FiatAccountSchema names a form of account data. One that is not listed passes
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

// FiatAccountType is a kind of account. One that is not listed passes through.
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
	Mobile          string // E.164: "+254712345678"
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

// PIXKeyType is the kind of a PIX key. One that is not listed passes through.
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

// accountData is every schema on the wire.
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
	f.owner(a.AccountName, a.InstitutionName)
	f.Require("data.accountNumber", a.AccountNumber)
	f.country("data.country", a.Country)
	return SchemaAccountNumber, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountBank,
		AccountNumber: a.AccountNumber, Country: a.Country,
	}
}

func (a MobileMoneyAccount) account(f *faults) (FiatAccountSchema, any) {
	f.owner(a.AccountName, a.InstitutionName)
	f.e164("data.mobile", a.Mobile)
	f.country("data.country", a.Country)
	f.Require("data.operator", a.Operator)
	return SchemaMobileMoney, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountMobileMoney,
		Mobile: a.Mobile, Country: a.Country, Operator: a.Operator,
	}
}

func (a DuniaWalletAccount) account(f *faults) (FiatAccountSchema, any) {
	f.owner(a.AccountName, a.InstitutionName)
	f.e164("data.mobile", a.Mobile)
	return SchemaDuniaWallet, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountDuniaWallet,
		Mobile: a.Mobile,
	}
}

func (a IBANAccount) account(f *faults) (FiatAccountSchema, any) {
	f.owner(a.AccountName, a.InstitutionName)
	f.Require("data.iban", a.IBAN)
	f.country("data.country", a.Country)
	return SchemaIBANNumber, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountBank,
		IBAN: a.IBAN, Country: a.Country,
	}
}

func (a IFSCAccount) account(f *faults) (FiatAccountSchema, any) {
	f.owner(a.AccountName, a.InstitutionName)
	if len(a.IFSC) != 11 {
		f.Add("data.ifsc", "must be 11 characters")
	}
	f.Require("data.accountNumber", a.AccountNumber)
	f.country("data.country", a.Country)
	return SchemaIFSCAccount, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountBank,
		IFSC: a.IFSC, AccountNumber: a.AccountNumber, Country: a.Country,
	}
}

var (
	pixPhone = regexp.MustCompile(`^[0-9]{11}$`)
	pixCPF   = regexp.MustCompile(`^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$`)
	uuid     = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

func (a PIXAccount) account(f *faults) (FiatAccountSchema, any) {
	f.owner(a.AccountName, a.InstitutionName)
	f.Require("data.keyType", string(a.KeyType))
	f.Require("data.key", a.Key)
	if a.Key != "" {
		switch {
		case a.KeyType == PIXPhone && !pixPhone.MatchString(a.Key):
			f.Add("data.key", "must be 11 digits")
		case a.KeyType == PIXCPF && !pixCPF.MatchString(a.Key):
			f.Add("data.key", "must have the form 000.000.000-00")
		case a.KeyType == PIXRandom && !uuid.MatchString(a.Key):
			f.Add("data.key", "must be a UUID")
		case a.KeyType == PIXEmail && !strings.Contains(a.Key, "@"):
			f.Add("data.key", "must be an email address")
		}
	}
	return SchemaPIXAccount, accountData{
		AccountName: a.AccountName, InstitutionName: a.InstitutionName, FiatAccountType: AccountBank,
		KeyType: a.KeyType, Key: a.Key,
	}
}

func (a OtherAccount) account(f *faults) (FiatAccountSchema, any) {
	f.Require("fiatAccountSchema", string(a.Schema))
	if a.Data == nil {
		f.Add("data", "is required")
	}
	return a.Schema, a.Data
}

// owner checks what all schemas have.
func (f *faults) owner(accountName, institutionName string) {
	f.Require("data.accountName", accountName)
	f.Require("data.institutionName", institutionName)
}
