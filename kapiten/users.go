package kapiten

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// UsersService manages the staff users of a company and their API tokens.
type UsersService struct{ c *Client }

// CreateUserParams describes a staff user. All fields are required (documented).
type CreateUserParams struct {
	CompanyID   string // Company.ID
	PhoneNumber string // "+250788000111" in the document; passed on as given
	FirstName   string
	LastName    string
	Email       string // unique; used for login
}

// User is a staff user. Which fields are set depends on the call: Create echoes
// no email, List shows no phone number and no wallet (documented samples).
type User struct {
	ID          string
	PhoneNumber string
	FirstName   string
	LastName    string
	Email       string
	// Wallet is the user's own wallet. Whether it is ever used is not
	// documented: rides are paid from the company's.
	Wallet *UserWallet
	Raw    sdk.Raw
}

// UserWallet is the wallet shown with a new user.
type UserWallet struct {
	Balance  decimal.NullDecimal // in Currency
	Currency string              // "RWF"
}

// Create adds a staff user who may manage the company's rides. An email that is
// taken gives ErrDuplicate (assumed wording); after an unknown outcome look with
// List before creating again.
func (s *UsersService) Create(ctx context.Context, p CreateUserParams) (*User, error) {
	var f transport.Faults
	checkSegment(&f, "company_id", p.CompanyID)
	f.Require("phone_number", p.PhoneNumber)
	f.Require("first_name", p.FirstName)
	f.Require("last_name", p.LastName)
	f.Require("email", p.Email)
	if err := s.c.core.Invalid(OpCreateUser, p.Email, f.Fields); err != nil {
		return nil, err
	}
	var user *User
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpCreateUser, Path: []string{p.CompanyID}, Reference: p.Email,
		Body:   userRequest{p.PhoneNumber, p.FirstName, p.LastName, p.Email},
		Decode: into(&user, decodeUser),
	})
	return user, err
}

// Token returns the persistent API token of a user, for Config.Token. Treat it
// as a password: no way to rotate or revoke it is documented.
func (s *UsersService) Token(ctx context.Context, companyID, userID string) (string, error) {
	var token string
	err := s.c.core.Do(ctx, transport.Call{
		Op: OpUserToken, Path: []string{companyID, userID},
		Decode: func(r *transport.Response) error {
			var w struct {
				Token string `json:"token"`
			}
			if err := json.Unmarshal(r.Body, &w); err != nil {
				return err
			}
			if w.Token == "" {
				return missing("token")
			}
			token = w.Token
			return nil
		},
	})
	return token, err
}

// List returns one page of a company's users.
func (s *UsersService) List(ctx context.Context, companyID string, o ListOptions) (*Page[User], error) {
	return listPage(ctx, s.c, OpListUsers, companyID, o, decodeUser)
}

// All iterates over all users of a company, fetching pages as it goes.
func (s *UsersService) All(ctx context.Context, companyID string) iter.Seq2[User, error] {
	return all(func(o ListOptions) (*Page[User], error) { return s.List(ctx, companyID, o) })
}

type userRequest struct {
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
}

func decodeUser(raw json.RawMessage) (User, error) {
	var w struct {
		ID          wire.Text `json:"id"`
		PhoneNumber wire.Text `json:"phone_number"`
		FirstName   wire.Text `json:"first_name"`
		LastName    wire.Text `json:"last_name"`
		Email       wire.Text `json:"email"`
		Wallet      *struct {
			Balance  wire.Decimal `json:"balance"`
			Currency wire.Text    `json:"currency"`
		} `json:"wallet"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return User{}, err
	}
	if w.ID == "" {
		return User{}, missing("id")
	}
	user := User{
		ID: string(w.ID), PhoneNumber: string(w.PhoneNumber), FirstName: string(w.FirstName),
		LastName: string(w.LastName), Email: string(w.Email), Raw: sdk.Raw(raw),
	}
	if w.Wallet != nil {
		user.Wallet = &UserWallet{Balance: w.Wallet.Balance.Null(), Currency: string(w.Wallet.Currency)}
	}
	return user, nil
}
