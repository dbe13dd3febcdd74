package kotani

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// UBIService serves programmes of universal basic income.
type UBIService struct{ c *Client }

// UBIParams name a user and a programme. Both fields are required (documented).
type UBIParams struct {
	PhoneNumber string
	ProgramID   string
}

// UBIClaim is a payment to a beneficiary.
type UBIClaim struct {
	Description string
	// TransactionURL is "txid", which holds the address of an explorer's page
	// and not a hash (the operator's pages of 2022).
	TransactionURL string
	Raw            sdk.Raw
}

// Claim pays a beneficiary the income that is due. It takes no reference, so an
// unknown outcome stays unknown.
func (s *UBIService) Claim(ctx context.Context, p UBIParams) (*UBIClaim, error) {
	return ubi(ctx, s.c, OpUBIClaim, p, func(body []byte) (UBIClaim, error) {
		var w struct {
			Desc string `json:"desc"`
			TxID string `json:"txid"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.TxID == "" {
			err = missing("txid")
		}
		return UBIClaim{Description: w.Desc, TransactionURL: w.TxID, Raw: body}, err
	})
}

// Beneficiary is a user's part in a programme.
type Beneficiary struct {
	// Is tells whether the user is a beneficiary. For SetBeneficiary it is true.
	Is          bool
	Description string
	Result      json.RawMessage
	Raw         sdk.Raw
}

// IsBeneficiary tells whether a user is a beneficiary of a programme. "Not a
// beneficiary" comes in the form of an error and is an answer all the same.
func (s *UBIService) IsBeneficiary(ctx context.Context, p UBIParams) (*Beneficiary, error) {
	return ubi(ctx, s.c, OpIsBeneficiary, p, decodeBeneficiary)
}

// SetBeneficiary adds a user to a programme. One who is in it already gives
// ErrDuplicate (the operator's 2022 wording).
func (s *UBIService) SetBeneficiary(ctx context.Context, p UBIParams) (*Beneficiary, error) {
	return ubi(ctx, s.c, OpSetBeneficiary, p, decodeBeneficiary)
}

func decodeBeneficiary(body []byte) (Beneficiary, error) {
	var w struct {
		Status json.RawMessage `json:"status"`
		Desc   string          `json:"desc"`
		Result json.RawMessage `json:"result"`
	}
	err := wire.Unmarshal(body, &w)
	if err == nil && w.Status == nil && w.Desc == "" && w.Result == nil {
		err = missing("desc")
	}
	return Beneficiary{Is: !strings.EqualFold(w.Desc, notBeneficiary), Description: w.Desc, Result: w.Result, Raw: body}, err
}

func ubi[T any](ctx context.Context, c *Client, op string, p UBIParams, decode func([]byte) (T, error)) (*T, error) {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.Require("programId", p.ProgramID)
	return call(ctx, c, f, transport.Call{Op: op, Body: map[string]string{
		"phoneNumber": digits(p.PhoneNumber), "programId": p.ProgramID,
	}}, decode)
}
