package kotani

import (
	"context"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KYCService manages the users for whom the partner holds accounts on chain.
type KYCService struct{ c *Client }

// User is a new user.
type User struct {
	ID  string
	Raw sdk.Raw
}

// CreateUser creates an account for a phone number. One that has an account
// already gives ErrDuplicate (the operator's 2022 wording).
func (s *KYCService) CreateUser(ctx context.Context, phoneNumber string) (*User, error) {
	return byPhone(ctx, s.c, OpCreateUser, phoneNumber, func(body []byte) (User, error) {
		var w struct {
			UserID string `json:"userId"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.UserID == "" {
			err = missing("userId")
		}
		return User{ID: w.UserID, Raw: body}, err
	})
}

// Verification is the answer to VerifyUser.
type Verification struct {
	// Verified is true for a status true and for the text "active" or
	// "verified". The document types it a string without values; the operator's
	// source of 2022 sends a boolean.
	Verified bool
	Status   string // as it came: "true", "unverified"
	Raw      sdk.Raw
}

// VerifyUser tells whether a user's details have been verified. An unknown user
// gives ErrNotFound.
func (s *KYCService) VerifyUser(ctx context.Context, phoneNumber string) (*Verification, error) {
	return byPhone(ctx, s.c, OpVerifyUser, phoneNumber, func(body []byte) (Verification, error) {
		var w struct {
			Status json.RawMessage `json:"status"`
		}
		if err := wire.Unmarshal(body, &w); err != nil {
			return Verification{}, err
		}
		v := Verification{Status: text(w.Status), Raw: body}
		if v.Status == "" {
			v.Status = string(w.Status)
		}
		switch v.Status {
		case "", "null":
			return v, missing("status")
		case "true", "active", "verified":
			v.Verified = true
		}
		return v, nil
	})
}

// UpdateUserParams are a user's details, which Kotani checks. All fields are
// required (documented).
type UpdateUserParams struct {
	PhoneNumber string // the one the user was created with
	FirstName   string
	LastName    string
	Email       string
}

// UserUpdate is the answer to UpdateUser.
type UserUpdate struct {
	Status      string
	Description string
	Details     json.RawMessage
	Raw         sdk.Raw
}

// UpdateUser sets a user's details. Which of the operator's three routes of 2022
// the document means is not known.
func (s *KYCService) UpdateUser(ctx context.Context, p UpdateUserParams) (*UserUpdate, error) {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.Require("firstname", p.FirstName)
	f.Require("lastname", p.LastName)
	f.Require("email", p.Email)
	return call(ctx, s.c, f, transport.Call{
		Op: OpUpdateUser, Body: userRequest{digits(p.PhoneNumber), p.LastName, p.FirstName, p.Email},
	}, func(body []byte) (UserUpdate, error) {
		var w struct {
			Status  json.RawMessage `json:"status"`
			Desc    string          `json:"desc"`
			Details json.RawMessage `json:"details"`
		}
		err := wire.Unmarshal(body, &w)
		return UserUpdate{Status: word(w.Status), Description: w.Desc, Details: w.Details, Raw: body}, err
	})
}

// UserRecord is what Kotani holds about a user; its contents are not documented.
type UserRecord struct {
	Record json.RawMessage // "userRecord", or the bare answer of the 2022 source
	Raw    sdk.Raw
}

// UserByPhone returns a user's record. The document calls this and the next two
// internal endpoints.
func (s *KYCService) FindUser(ctx context.Context, phoneNumber string) (*UserRecord, error) {
	return byPhone(ctx, s.c, OpUserByPhone, phoneNumber, func(body []byte) (UserRecord, error) {
		var w struct {
			Record json.RawMessage `json:"userRecord"`
		}
		err := wire.Unmarshal(body, &w)
		if w.Record == nil {
			w.Record = body
		}
		return UserRecord{Record: w.Record, Raw: body}, err
	})
}

// Users returns the account details of all users; their form is not documented.
func (s *KYCService) ListUsers(ctx context.Context) (*UserRecord, error) {
	return call(ctx, s.c, faults{}, transport.Call{Op: OpUsers}, func(body []byte) (UserRecord, error) {
		var w struct {
			Data json.RawMessage `json:"data"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.Data == nil {
			err = missing("data")
		}
		return UserRecord{Record: w.Data, Raw: body}, err
	})
}

// PhoneByAddress returns the phone number, in digits, of the user who owns an
// address on chain.
func (s *KYCService) PhoneByAddress(ctx context.Context, publicAddress string) (string, error) {
	var f faults
	f.Require("publicAddress", publicAddress)
	phone, err := call(ctx, s.c, f, transport.Call{
		Op: OpPhoneByAddress, Body: map[string]string{"publicAddress": publicAddress},
	}, func(body []byte) (string, error) {
		var w struct {
			PhoneNumber string `json:"phoneNumber"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.PhoneNumber == "" {
			err = missing("phoneNumber")
		}
		return digits(w.PhoneNumber), err
	})
	if err != nil {
		return "", err
	}
	return *phone, nil
}

// byPhone is a call whose only parameter is a phone number.
func byPhone[T any](ctx context.Context, c *Client, op, phoneNumber string, decode func([]byte) (T, error)) (*T, error) {
	var f faults
	f.phone("phoneNumber", phoneNumber)
	return call(ctx, c, f, transport.Call{Op: op, Body: map[string]string{"phoneNumber": digits(phoneNumber)}}, decode)
}

type userRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	LastName    string `json:"lastname"`
	FirstName   string `json:"firstname"`
	Email       string `json:"email"`
}
