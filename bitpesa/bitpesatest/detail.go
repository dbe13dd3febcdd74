package bitpesatest

import "strings"

// choices are the values a detail can have, nil if any.
func choices(field string) []string {
	switch field {
	case "mobile_provider":
		return strings.Fields("africell airtel airteltigo emoney expresso free mobicash moov mpesa mtn orange telecom tigo tmoney vodafone wave")
	case "bank_account_type":
		return []string{"10", "20", "30", "40"}
	case "identity_card_type", "sender_identity_card_type":
		return []string{"O", "PP", "ID", "DL", "OT"}
	case "sender_gender":
		return []string{"M", "F"}
	case "cash_provider":
		return []string{"wari", "wizall"}
	case "pix_key_type":
		return []string{"cpf", "cnpj", "phone", "email", "evp"}
	}
	return nil
}

// isPhone takes E.164 and national numbers, with the usual separators.
func isPhone(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0 || strings.ContainsRune(" -().", c):
		default:
			return false
		}
	}
	return digits >= 5 && digits <= 15
}

// bankCodes are some of those on offer, by currency, as payout_method.fields
// shows them. Others are accepted.
func bankCodes(code string) object {
	switch code {
	case "NGN":
		return object{"011": "First Bank of Nigeria", "033": "United Bank for Africa", "050": "EcoBank", "057": "Zenith International", "058": "Guaranty Trust Bank", "082": "Keystone"}
	case "GHS":
		return object{"030100": "Absa Bank Ghana", "040100": "GCB Bank", "130100": "Ecobank Ghana"}
	}
	return nil
}
