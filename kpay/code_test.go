package kpay_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kpay"
)

func TestCodesAreReadInEverySpelling(t *testing.T) {
	for text, want := range map[string]kpay.Code{
		"0": kpay.CodeProcessing, "00": kpay.CodeProcessing, "000": kpay.CodeProcessing,
		"1": kpay.CodePaid, "01": kpay.CodePaid, " 01 ": kpay.CodePaid, "001": kpay.CodePaid,
		"2": kpay.CodeFailed, "02": kpay.CodeFailed, "3": kpay.CodePending, "03": kpay.CodePending,
		"608": kpay.CodeDuplicate, "0608": kpay.CodeDuplicate, " 611 ": kpay.CodeNotFound,
		"682": "682", "": "", "  ": "", "-1": "-1", "1.0": "1.0", "PENDING": "PENDING",
	} {
		assert.Equal(t, want, kpay.ParseCode(text), "%q", text)
	}
}

func TestEveryCodeIsOneOfPendingPaidFailedOrNoStateAtAll(t *testing.T) {
	for code, want := range map[kpay.Code]string{
		kpay.CodeProcessing: "pending", kpay.CodePending: "pending", kpay.CodePaid: "paid",
		kpay.CodeFailed: "failed", kpay.CodeProcessingError: "failed", kpay.CodeMobileMoneyFailed: "failed",
		"682": "failed", "04": "failed", "99": "failed",
		kpay.CodeNoCredentials: "", kpay.CodeNotHTTPS: "", kpay.CodeBadCredentials: "", kpay.CodeBadRemoteUser: "",
		kpay.CodeNotAllowListed: "", kpay.CodeMissingParameter: "", kpay.CodeUnknownRetailer: "", kpay.CodeRetailerDisabled: "",
		kpay.CodeDuplicate: "", kpay.CodeUnknownMethod: "", kpay.CodeUnknownInstitution: "", kpay.CodeNotFound: "",
		"": "", "FAILED": "",
	} {
		assert.Equal(t, want == "pending", code.Pending(), code)
		assert.Equal(t, want == "paid", code.Paid(), code)
		assert.Equal(t, want == "failed", code.Failed(), code)
		assert.Equal(t, want == "paid" || want == "failed", code.Final(), code)
	}
}

func TestInstitutionsAndTestCardsHaveTheirNames(t *testing.T) {
	for id, name := range map[kpay.BankID]string{
		"040": "BANQUE DE KIGALI", "130": "COMPAGNIE GENERALE DE BANQUES", "63510": "MTN MOBILE MONEY",
		"63514": "AIRTEL MONEY", "000": "VISA / MASTERCARD", "63502": "SPENN",
		"010": "I&M", "070": "GTBank", "100": "Ecobank", "115": "Access", "145": "Urwego", "160": "KCB", "192": "Equity",
		"400": "BPR", "750": "BRD", "800": "Zigama CSS", "900": "Bank of Africa", "950": "Unguka", "951": "BNR", "63501": "Mobicash",
		"30": "",
	} {
		assert.Equal(t, name, id.Name(), id)
	}
	for card, name := range map[kpay.TestCard]string{
		"5101180000000007": "Mastercard Commercial Credit", "5555444433331111": "Mastercard Consumer", "2222400060000007": "Mastercard Debit",
		"4988438843884305": "Visa Classic", "4111111111111111": "Visa Consumer", "4000160000000004": "Visa Debit",
		"378282246310005": "Amex", "371449635398431": "Amex", "4000000000000002": "",
	} {
		assert.Equal(t, name, card.Name(), card)
		assert.True(t, luhn(string(card)), "%s is not a card number", card)
	}
}

// luhn checks a card number's last digit.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}
