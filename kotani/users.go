package kotani

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KYCService manages the users for whom the partner holds accounts on chain. For
// the KYC of FiatConnect see FiatConnect.AddKYC.
type KYCService struct{ *api }

// User is a new user.
type User struct {
	ID  string `json:"userId" wire:"required"`
	Raw sdk.Raw
}

// CreateUser creates an account for a phone number. A number that has an account
// already gives sdk.ErrDuplicate (the operator's 2022 wording).
func (s *KYCService) CreateUser(ctx context.Context, phoneNumber string) (*User, error) {
	return byPhone(ctx, s.api, OpCreateUser, phoneNumber, read[User])
}

// Verification says whether a user's details have been verified.
type Verification struct {
	// Verified is true for a status true and for the text "active" or
	// "verified". The document types the status as a string without values; the
	// operator's source of 2022 sends a boolean.
	Verified bool
	Status   string // as it came: "true", "unverified"
	Raw      sdk.Raw
}

// VerifyUser tells whether a user's details have been verified. An unknown user
// gives sdk.ErrNotFound.
func (s *KYCService) VerifyUser(ctx context.Context, phoneNumber string) (*Verification, error) {
	return byPhone(ctx, s.api, OpVerifyUser, phoneNumber, func(body []byte) (Verification, error) {
		var w struct {
			Status json.RawMessage `json:"status" wire:"required"`
		}
		err := wire.Unmarshal(body, &w)
		v := Verification{Status: cmp.Or(text(w.Status), string(w.Status)), Raw: body}
		v.Verified = v.Status == "true" || v.Status == "active" || v.Status == "verified"
		return v, err
	})
}

// UpdateUserParams are a user's details, which Kotani checks. All fields are
// required (documented).
type UpdateUserParams struct {
	PhoneNumber string // with which the user was created
	FirstName   string
	LastName    string
	Email       string
}

// UserUpdate is the result of UpdateUser.
type UserUpdate struct {
	Status      string          `json:"status"`
	Description string          `json:"desc"`
	Details     json.RawMessage `json:"details"`
	Raw         sdk.Raw
}

// UpdateUser sets a user's details. The operator had three routes for it in 2022;
// which of them the document means is not known.
func (s *KYCService) UpdateUser(ctx context.Context, p UpdateUserParams) (*UserUpdate, error) {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.Require("firstname", p.FirstName)
	f.Require("lastname", p.LastName)
	f.Require("email", p.Email)
	return call(ctx, s.api, f, transport.Call{
		Op: OpUpdateUser, Body: userRequest{digits(p.PhoneNumber), p.LastName, p.FirstName, p.Email},
	}, func(body []byte) (UserUpdate, error) {
		var w struct {
			UserUpdate
			Status json.RawMessage `json:"status"`
		}
		err := wire.Unmarshal(body, &w)
		w.UserUpdate.Status = word(w.Status)
		return w.UserUpdate, err
	})
}

type userRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	LastName    string `json:"lastname"`
	FirstName   string `json:"firstname"`
	Email       string `json:"email"`
}

// UserRecord is what Kotani holds about one user. Its contents are not documented.
type UserRecord struct {
	Record json.RawMessage `json:"userRecord"` // or the whole response, as in the 2022 source
	Raw    sdk.Raw
}

// UserRecords is what Kotani holds about all users. Its form is not documented.
type UserRecords struct {
	Records json.RawMessage // the data of the response
	Raw     sdk.Raw
}

// FindUser returns a user's record by phone number. The document calls FindUser,
// ListUsers and PhoneByAddress internal endpoints.
func (s *KYCService) FindUser(ctx context.Context, phoneNumber string) (*UserRecord, error) {
	return byPhone(ctx, s.api, OpUserByPhone, phoneNumber, func(body []byte) (UserRecord, error) {
		user, err := read[UserRecord](body)
		if user.Record == nil {
			user.Record = body
		}
		return user, err
	})
}

// ListUsers returns the records of all users.
func (s *KYCService) ListUsers(ctx context.Context) (*UserRecords, error) {
	return call(ctx, s.api, faults{}, transport.Call{Op: OpUsers}, func(body []byte) (UserRecords, error) {
		var w struct {
			Data json.RawMessage `json:"data" wire:"required"`
		}
		err := wire.Unmarshal(body, &w)
		return UserRecords{Records: w.Data, Raw: body}, err
	})
}

// PhoneByAddress returns the phone number, in digits, of the user who owns an
// address on chain.
func (s *KYCService) PhoneByAddress(ctx context.Context, publicAddress string) (string, error) {
	var f faults
	f.RequireReference("publicAddress", publicAddress)
	phone, err := call(ctx, s.api, f, transport.Call{
		Op: OpPhoneByAddress, Body: map[string]string{"publicAddress": publicAddress},
	}, func(body []byte) (string, error) {
		var w struct {
			PhoneNumber string `json:"phoneNumber" wire:"required"`
		}
		err := wire.Unmarshal(body, &w)
		return digits(w.PhoneNumber), err
	})
	if err != nil {
		return "", err
	}
	return *phone, nil
}

// byPhone is a call whose only parameter is a phone number.
func byPhone[T any](ctx context.Context, a *api, op, phoneNumber string, decode func([]byte) (T, error)) (*T, error) {
	var f faults
	f.phone("phoneNumber", phoneNumber)
	return call(ctx, a, f, transport.Call{Op: op, Body: map[string]string{"phoneNumber": digits(phoneNumber)}}, decode)
}

// UBIService serves programmes of universal basic income.
type UBIService struct{ *api }

// UBIParams name a user and a programme. Both fields are required (documented).
type UBIParams struct {
	PhoneNumber string
	ProgramID   string
}

// UBIClaim is a payment to a beneficiary.
type UBIClaim struct {
	Description string `json:"desc"`
	// TransactionURL is "txid". It holds the address of an explorer's page and not
	// a hash (the operator's pages of 2022).
	TransactionURL string `json:"txid" wire:"required"`
	Raw            sdk.Raw
}

// Claim pays a beneficiary the income that is due. It takes no reference, so an
// unknown outcome stays unknown. The response is documented without the user; where
// it shows the phone number, the number is compared.
func (s *UBIService) Claim(ctx context.Context, p UBIParams) (*UBIClaim, error) {
	return s.claim(p).Do(ctx)
}

// PrepareClaim checks and encodes what Claim sends, for package sdk/journal.
func (s *UBIService) PrepareClaim(p UBIParams) (sdk.Prepared[UBIClaim], error) {
	return s.claim(p).Prepare()
}

func (s *UBIService) claim(p UBIParams) transport.Write[UBIClaim] {
	want := asked{phone: digits(p.PhoneNumber)}
	return ubi(s.api, OpUBIClaim, p, func(body []byte) (UBIClaim, error) {
		claim, err := read[UBIClaim](body)
		if err == nil {
			err = want.compareAny(body, "details")
		}
		return claim, err
	})
}

// Beneficiary says whether a user takes part in a programme.
type Beneficiary struct {
	Is          bool            // always true for SetBeneficiary
	Description string          `json:"desc"`
	Result      json.RawMessage `json:"result"`
	Raw         sdk.Raw
}

// IsBeneficiary tells whether a user is a beneficiary of a programme. Kotani sends
// "Not a beneficiary" in the form of an error. The client then returns a Beneficiary
// with Is false, and no error.
func (s *UBIService) IsBeneficiary(ctx context.Context, p UBIParams) (*Beneficiary, error) {
	return ubi(s.api, OpIsBeneficiary, p, decodeBeneficiary).Do(ctx)
}

// SetBeneficiary adds a user to a programme. A user who takes part already gives
// sdk.ErrDuplicate (the operator's 2022 wording).
func (s *UBIService) SetBeneficiary(ctx context.Context, p UBIParams) (*Beneficiary, error) {
	return ubi(s.api, OpSetBeneficiary, p, decodeBeneficiary).Do(ctx)
}

func ubi[T any](a *api, op string, p UBIParams, decode func([]byte) (T, error)) transport.Write[T] {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.RequireReference("programId", p.ProgramID)
	return write(a, f, transport.Call{Op: op, Body: map[string]string{
		"phoneNumber": digits(p.PhoneNumber), "programId": p.ProgramID,
	}}, decode, nil)
}

// notBeneficiary is the operator's text for a user who takes no part.
const notBeneficiary = "Not a beneficiary"

func decodeBeneficiary(body []byte) (Beneficiary, error) {
	var w struct {
		Beneficiary
		Status json.RawMessage `json:"status"`
	}
	err := wire.Unmarshal(body, &w)
	if err == nil && w.Status == nil && w.Description == "" && w.Result == nil {
		err = wire.Missing("desc")
	}
	w.Is = !strings.EqualFold(w.Description, notBeneficiary)
	return w.Beneficiary, err
}
