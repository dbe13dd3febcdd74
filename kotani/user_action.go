package kotani

import (
	"time"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// UserActionType is what the user of a transfer in has to do to bring the fiat.
// One that is not listed passes through.
type UserActionType string

// The user actions of the specification 1.2.5.
const (
	UserActionPIX           UserActionType = "PIXUserAction"
	UserActionIBAN          UserActionType = "IBANUserAction"
	UserActionPSE           UserActionType = "PSEUserAction" // deprecated there
	UserActionURL           UserActionType = "URLUserAction"
	UserActionAccountNumber UserActionType = "AccountNumberUserAction"
)

// UserAction is what the user has to do. Which fields are set depends on Type.
type UserAction struct {
	Type UserActionType

	PIXString string // PIX
	IBAN, BIC string // IBAN
	URL       string // URL and PSE

	// AccountNumber.
	InstitutionName      string
	AccountName          string
	AccountNumber        string
	TransactionReference string    // optional
	Deadline             time.Time // optional; zero without one
}

func decodeUserAction(raw []byte) (*UserAction, error) {
	if !wire.IsObject(raw) {
		return nil, nil
	}
	var w struct {
		Type                 string    `json:"userActionType"`
		PIXString            string    `json:"pixString"`
		IBAN                 string    `json:"iban"`
		BIC                  string    `json:"bic"`
		URL                  string    `json:"url"`
		InstitutionName      string    `json:"institutionName"`
		AccountName          string    `json:"accountName"`
		AccountNumber        string    `json:"accountNumber"`
		TransactionReference string    `json:"transactionReference"`
		Deadline             time.Time `json:"deadline"`
	}
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	return &UserAction{
		Type: UserActionType(w.Type), PIXString: w.PIXString, IBAN: w.IBAN, BIC: w.BIC, URL: w.URL,
		InstitutionName: w.InstitutionName, AccountName: w.AccountName, AccountNumber: w.AccountNumber,
		TransactionReference: w.TransactionReference, Deadline: w.Deadline,
	}, nil
}
