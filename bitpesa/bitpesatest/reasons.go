package bitpesatest

// reason is a code of the vendor for how a payout or a collection stands.
type reason struct {
	code, category string
	messages       [3]string
	description    string
}

func (r reason) object() any {
	if r.code == "" {
		return nil
	}
	return object{"code": r.code, "category": r.category, "messages": r.messages, "description": r.description}
}

// Categories of reasons. The spelling of the third is the vendor's.
const (
	categoryPaid      = "paid"
	categoryPending   = "pending"
	categoryPickup    = "recipent_action_required"
	categoryTemporary = "temporary_error"
	categoryRecipient = "recipient_error"
	categorySender    = "sender_error"
)

// explain is what a code means. The categories are documented, the sentences are
// the fake's own. The first digit decides about an unknown code.
func explain(code string) reason {
	if code == "" {
		return reason{}
	}
	r := reason{code: code, category: category(code)}
	word, third := "Pending", detail(code)
	r.description = "The provider has not confirmed yet."
	switch r.category {
	case categoryPaid:
		word, r.description = "Success", "The recipient was paid."
	case categoryPickup:
		word, r.description = "Recipient action required", "The recipient has to act before the money arrives."
	case categoryTemporary:
		word, r.description = "Temporary error", "The payout will be tried again. The recipient can also be edited or cancelled."
	case categoryRecipient:
		word, r.description = "Recipient error", "The recipient's details have to be corrected, or the recipient cancelled."
	case categorySender:
		word, r.description = "Sender error", "The transaction cannot be processed and has to be cancelled."
	}
	if word == "Success" || word == "Pending" && third == unspecified {
		third = word
	}
	r.messages = [3]string{word, word, third}
	return r
}

func category(code string) string {
	switch {
	case code == "":
		return ""
	case code == "0":
		return categoryPaid
	case code == "12":
		return "timeout_error"
	case code == "13":
		return "manual_reconciliation_required"
	case code == "541" || code == "543":
		return categoryRecipient
	}
	switch code[0] {
	case '2':
		return categoryPickup
	case '3':
		return categoryTemporary
	case '4':
		return categoryRecipient
	case '5':
		return categorySender
	}
	return categoryPending
}

// detail is the third and most exact message of a code.
func detail(code string) string {
	known := map[string]string{
		"15": "Unauthorised", "16": "Provider's AML review", "17": "Rate reset needed", "18": "Information asked for by compliance",
		"21": "Pickup", "22": "Mandate signing", "23": "One-time password",
		"3": "Provider trouble", "31": "Central switch trouble", "311": "Central switch trouble", "32": "Bank trouble", "321": "Bank trouble",
		"33": "Transaction code already exists", "331": "Transaction does not exist", "34": "Suspected duplicate",
		"41": "Bad details", "411": "Bad card number", "412": "Bad mobile number", "413": "Number not on the network",
		"414": "Number not registered for mobile money", "415": "Bad one-time password", "416": "Bad account number",
		"42": "Limit exceeded", "421": "Daily limit exceeded", "422": "Bank approval needed", "423": "Account at maximum balance",
		"43": "May not receive funds", "431": "Account dormant", "432": "Bad account status", "433": "Did not act in time", "434": "Insufficient funds",
		"44": "Name validation failed", "45": "Bad amount",
		"51": "AML suspicion", "511": "Sender not allowed", "52": "Bad sender details", "53": "Bad transaction details", "531": "Bad amount",
		"54": "Cancellation asked for", "541": "Cancelled by the recipient", "542": "Cancelled by the sender", "543": "Cancelled by the provider",
	}
	if text := known[code]; text != "" {
		return text
	}
	return unspecified
}

const unspecified = "Unspecified"
