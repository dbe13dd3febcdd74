package kotani

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatAccount is an account on file: where fiat comes from or goes to.
type FiatAccount struct {
	ID              string            `json:"fiatAccountId"`
	AccountName     string            `json:"accountName"`
	InstitutionName string            `json:"institutionName"`
	Type            FiatAccountType   `json:"fiatAccountType"`
	Schema          FiatAccountSchema `json:"fiatAccountSchema"`
	Raw             sdk.Raw           `json:"-"`
}

// FiatAccountList is a user's accounts, ordered by type.
type FiatAccountList struct {
	Items []FiatAccount
	Raw   sdk.Raw
}

// AddAccount puts an account on file. The same data a second time give
// ErrResourceExists. It moves no money, and after an unknown outcome Accounts
// tells.
func (f *FiatConnect) AddAccount(ctx context.Context, data FiatAccountData) (*FiatAccount, error) {
	var bad faults
	var request accountRequest
	if data == nil {
		bad.Add("data", "is required")
	} else {
		request.Schema, request.Data = data.account(&bad)
	}
	if err := f.invalid(OpAddFiatAccount, "", bad); err != nil {
		return nil, err
	}
	var account *FiatAccount
	err := f.core.Do(ctx, transport.Call{Op: OpAddFiatAccount, Body: request, Decode: into(&account, decodeFiatAccount)})
	return account, err
}

// Accounts returns the user's accounts on file.
func (f *FiatConnect) ListAccounts(ctx context.Context) (*FiatAccountList, error) {
	if err := f.invalid(OpFiatAccounts, "", faults{}); err != nil {
		return nil, err
	}
	var list *FiatAccountList
	err := f.core.Do(ctx, transport.Call{Op: OpFiatAccounts, Decode: into(&list, decodeFiatAccounts)})
	return list, err
}

// DeleteAccount takes an account off file. Another user's, an unknown one or one
// that is deleted already gives ErrResourceNotFound.
func (f *FiatConnect) DeleteAccount(ctx context.Context, fiatAccountID string) error {
	var bad faults
	bad.segment("fiatAccountId", fiatAccountID)
	if err := f.invalid(OpDeleteFiatAccount, fiatAccountID, bad); err != nil {
		return err
	}
	return f.core.Do(ctx, transport.Call{Op: OpDeleteFiatAccount, Path: []string{fiatAccountID}, Reference: fiatAccountID})
}

type accountRequest struct {
	Schema FiatAccountSchema `json:"fiatAccountSchema"`
	Data   any               `json:"data"`
}

func decodeFiatAccount(body []byte) (FiatAccount, error) {
	var account FiatAccount
	err := wire.Unmarshal(body, &account)
	if err == nil && account.ID == "" {
		err = missing("fiatAccountId")
	}
	return account, err
}

// decodeFiatAccounts reads a map from account type to accounts.
func decodeFiatAccounts(body []byte) (FiatAccountList, error) {
	var byType map[string][]json.RawMessage
	if err := json.Unmarshal(body, &byType); err != nil {
		return FiatAccountList{}, err
	}
	if byType == nil {
		return FiatAccountList{}, missing("accounts")
	}
	list := FiatAccountList{Raw: body}
	for _, name := range slices.Sorted(maps.Keys(byType)) {
		for _, raw := range byType[name] {
			account, err := decodeFiatAccount(raw)
			if err != nil {
				return FiatAccountList{}, err
			}
			list.Items = append(list.Items, account)
		}
	}
	return list, nil
}
