package bitpesa

import (
	"context"
	"errors"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// AccountValidationsService asks whose an account is.
type AccountValidationsService struct{ c *Client }

// AccountValidationParams name a bank or mobile money account. BitPesa's API of
// 2019 knows banks in NG and GH only.
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

// AccountValidation is what the provider tells about an account, whichever of it
// applies.
type AccountValidation struct {
	AccountName          string         `json:"account_name"`
	AccountStatus        string         `json:"account_status"`         // "inactive"
	MappedMobileProvider MobileProvider `json:"mapped_mobile_provider"` // the network the number belongs to
	Raw                  sdk.Raw        `json:"-"`
}

// Create validates an account. It moves nothing and may be asked again at will.
// For an account that is not valid, or could not be asked about, the error is
// ErrValidation with the provider's sentence in Error.Message ("Account
// Invalid"; "Account validation failed" is an outage), and what the provider
// tells besides is returned too.
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
	validation, err := create[AccountValidation](ctx, s.c, OpValidateAccount, f, p)
	var refused *sdk.Error
	if errors.As(err, &refused) && refused.StatusCode == 422 {
		if raw, fault := unwrap(refused.Body); fault == nil {
			if told, fault := decode[AccountValidation](raw); fault == nil {
				validation = &told
			}
		}
	}
	return validation, err
}
