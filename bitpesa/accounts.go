package bitpesa

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// AccountsService shows your balances with BitPesa. BitPesa allows 300 reads a day
// (documented).
type AccountsService struct{ c *Client }

// Account is the balance in one currency.
type Account struct {
	Currency           string              `json:"currency"`
	Amount             decimal.NullDecimal `json:"amount"`               // in Currency
	AmountAfterPending decimal.NullDecimal `json:"amount_after_pending"` // in Currency; absent in 2019
	Raw                sdk.Raw             `json:"-"`
}

// DLocalBalance is a balance held through dLocal.
type DLocalBalance struct {
	Currency                  string              `json:"currency"`
	AvailableBalance          decimal.NullDecimal `json:"available_balance"`            // in Currency
	PreviousDayClosingBalance decimal.NullDecimal `json:"previous_day_closing_balance"` // in Currency
	CurrentBalanceDate        time.Time           `json:"current_balance_date"`
	Raw                       sdk.Raw             `json:"-"`
}

// List returns all balances.
func (s *AccountsService) List(ctx context.Context) (*Page[Account], error) {
	return list[Account](ctx, s.c, transport.Faults{}, transport.Call{Op: OpListAccounts})
}

// Get returns the balance in a currency: "USD", or "USD::Bidvest" where you have
// several balances in a currency.
func (s *AccountsService) Get(ctx context.Context, currency string) (account *Account, err error) {
	err = s.c.do(ctx, transport.Call{
		Op: OpGetAccount, Path: []string{currency},
		Decode: transport.Into(&account, decodeAccount),
	})
	return account, err
}

// ListDLocal returns the balances held through dLocal.
func (s *AccountsService) ListDLocal(ctx context.Context) (*Page[DLocalBalance], error) {
	return list[DLocalBalance](ctx, s.c, transport.Faults{}, transport.Call{Op: OpBalance})
}

// decodeAccount takes an object, as in the OpenAPI, or a list of one, as in the
// guide.
func decodeAccount(body []byte) (Account, error) {
	accounts, err := oneOrMore[Account](body)
	if err == nil && len(accounts) != 1 {
		err = wire.Missing("exactly one account")
	}
	if err != nil {
		return Account{}, err
	}
	return accounts[0], nil
}

func (a *Account) lacks() string {
	switch {
	case a.Currency == "":
		return "currency"
	case !a.Amount.Valid:
		return "amount"
	}
	return ""
}

// AccountValidationsService asks for the owner of a recipient's account.
type AccountValidationsService struct{ c *Client }

// AccountValidationParams name a bank or mobile money account. BitPesa's API of
// 2019 knows only banks in NG and GH.
type AccountValidationParams struct {
	Country  string           `json:"country"`  // ISO 3166-1 alpha-2: BF BJ CG CI CM GA GH KE NG SN TD TG UG
	Currency string           `json:"currency"` // NGN GHS KES XOF UGX XAF
	Method   ValidationMethod `json:"method"`

	BankAccount    string         `json:"bank_account,omitempty"`
	BankCode       string         `json:"bank_code,omitempty"`
	IBAN           string         `json:"iban,omitempty"`
	PhoneNumber    string         `json:"phone_number,omitempty"`
	MobileProvider MobileProvider `json:"mobile_provider,omitempty"`
}

// ValidationMethod is the kind of account.
type ValidationMethod string

const (
	ValidateBank   ValidationMethod = "bank"
	ValidateMobile ValidationMethod = "mobile"
)

// AccountValidation is what the bank or network tells about an account. Fields that
// do not apply are empty.
type AccountValidation struct {
	AccountName          string         `json:"account_name"`
	AccountStatus        string         `json:"account_status"`         // "inactive"
	MappedMobileProvider MobileProvider `json:"mapped_mobile_provider"` // the network of the number
	Raw                  sdk.Raw        `json:"-"`
}

// Create validates an account. It moves nothing, so you may repeat it.
//
// If the account is not valid, or cannot be validated, the error is sdk.ErrValidation,
// with BitPesa's sentence in Error.Message. "Account Invalid" is a wrong account.
// "Account validation failed" is an outage. Create then returns the validation too,
// as far as the response has one.
func (s *AccountValidationsService) Create(ctx context.Context, p AccountValidationParams) (*AccountValidation, error) {
	var f transport.Faults
	f.Require("country", p.Country)
	f.Require("currency", p.Currency)
	switch p.Method {
	case ValidateBank:
		if p.IBAN == "" {
			f.Require("bank_account", p.BankAccount)
		}
	case ValidateMobile:
		f.Require("phone_number", p.PhoneNumber)
	default:
		f.Require("method", string(p.Method))
	}
	p.PhoneNumber = phone(&f, "phone_number", p.PhoneNumber)
	validation, err := create[AccountValidation](ctx, s.c, OpValidateAccount, f, p)
	var refused *sdk.Error
	if errors.As(err, &refused) && refused.StatusCode == http.StatusUnprocessableEntity {
		if told, fault := object[AccountValidation](refused.Body); fault == nil {
			validation = &told
		}
	}
	return validation, err
}
