package kasapay

import "strings"

// RecipientType is the kind of account a payout goes to: recipient_type of the
// request, destination of status and callback. A kind this package does not know
// passes through in answers.
type RecipientType string

// The documented kinds, a closed list in requests.
const (
	Paybill     RecipientType = "PAYBILL"
	Till        RecipientType = "TILL"
	BankAccount RecipientType = "BANK_ACCOUNT_NUMBER" // "bank_account" in answers
)

// PaymentMethod is how a payout is made.
type PaymentMethod string

// The documented methods.
const (
	MethodMpesaB2B PaymentMethod = "MPESA_B2B" // for paybills and tills
	MethodBank     PaymentMethod = "BANK"      // for bank accounts
)

// method is the documented method of a kind. The document's own bank sample
// has another one.
func (r RecipientType) method() PaymentMethod {
	if r == BankAccount {
		return MethodBank
	}
	return MethodMpesaB2B
}

func (r RecipientType) known() bool { return r == Paybill || r == Till || r == BankAccount }

// parseRecipientType reads a destination: documented in capitals, shown in
// lower case.
func parseRecipientType(text string) RecipientType {
	switch upper := RecipientType(strings.ToUpper(text)); upper {
	case Paybill, Till, BankAccount:
		return upper
	case "BANK_ACCOUNT":
		return BankAccount
	}
	return RecipientType(text)
}
