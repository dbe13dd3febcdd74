package kpay

// TestCard is the number of a card that pays in the sandbox, on the hosted
// checkout page only: card data never passes through this package.
type TestCard string

// The sandbox cards: documented in the reference document, the Amex ones (with
// a four-digit CVV) in the vendor's guide, which has some forty more.
const (
	TestMastercardCommercial TestCard = "5101180000000007"
	TestMastercardConsumer   TestCard = "5555444433331111"
	TestMastercardDebit      TestCard = "2222400060000007"
	TestVisaClassic          TestCard = "4988438843884305"
	TestVisaConsumer         TestCard = "4111111111111111"
	TestVisaDebit            TestCard = "4000160000000004"
	TestAmex                 TestCard = "378282246310005"
	TestAmexSecond           TestCard = "371449635398431"
)

// Name returns brand and type as the documents print them, or an empty text for
// another number.
func (c TestCard) Name() string {
	switch c {
	case TestMastercardCommercial:
		return "Mastercard Commercial Credit"
	case TestMastercardConsumer:
		return "Mastercard Consumer"
	case TestMastercardDebit:
		return "Mastercard Debit"
	case TestVisaClassic:
		return "Visa Classic"
	case TestVisaConsumer:
		return "Visa Consumer"
	case TestVisaDebit:
		return "Visa Debit"
	case TestAmex, TestAmexSecond:
		return "Amex"
	}
	return ""
}
