package kpay

// Method is how the payer pays (pmethod). A method that this package does not know
// passes through. KPay refuses it with code 609.
type Method string

// The documented methods.
const (
	MethodMoMo      Method = "momo"      // MTN and Airtel mobile money; the payer approves on the handset
	MethodCard      Method = "cc"        // Visa, MasterCard and others, on the hosted checkout page
	MethodBank      Method = "bank"      // needs a BankID
	MethodSPENN     Method = "spenn"     // SPENN
	MethodSmartCash Method = "smartcash" // SmartCash; the vendor's newer guide puts it under "cc"
)

// BankID names the institution that pays (bankid). Leading zeros matter. An id that
// this package does not know passes through.
type BankID string

// The institutions. "documented" are those of the reference document, "vendor" those
// which only KPay's developer guide has.
const (
	BankMTN        BankID = "63510" // documented: MTN Mobile Money
	BankAirtel     BankID = "63514" // documented: Airtel Money
	BankSPENN      BankID = "63502" // documented: SPENN
	BankCards      BankID = "000"   // documented: Visa / MasterCard
	BankKigali     BankID = "040"   // documented: Banque de Kigali (BK)
	BankCogebanque BankID = "130"   // documented: Compagnie Generale de Banques (Cogebanque)
	BankIM         BankID = "010"   // vendor: I&M
	BankGT         BankID = "070"   // vendor: GTBank
	BankEcobank    BankID = "100"   // vendor: Ecobank
	BankAccess     BankID = "115"   // vendor: Access
	BankUrwego     BankID = "145"   // vendor: Urwego
	BankKCB        BankID = "160"   // vendor: KCB
	BankEquity     BankID = "192"   // vendor: Equity
	BankBPR        BankID = "400"   // vendor: BPR
	BankBRD        BankID = "750"   // vendor: BRD
	BankZigamaCSS  BankID = "800"   // vendor: Zigama CSS
	BankOfAfrica   BankID = "900"   // vendor: Bank of Africa
	BankUnguka     BankID = "950"   // vendor: Unguka
	BankBNR        BankID = "951"   // vendor: BNR
	BankMobicash   BankID = "63501" // vendor: Mobicash
)

// Name returns the institution's name as the documents print it. An id they do not
// list has no name.
func (b BankID) Name() string {
	switch b {
	case BankMTN:
		return "MTN MOBILE MONEY"
	case BankAirtel:
		return "AIRTEL MONEY"
	case BankSPENN:
		return "SPENN"
	case BankCards:
		return "VISA / MASTERCARD"
	case BankKigali:
		return "BANQUE DE KIGALI"
	case BankCogebanque:
		return "COMPAGNIE GENERALE DE BANQUES"
	case BankIM:
		return "I&M"
	case BankGT:
		return "GTBank"
	case BankEcobank:
		return "Ecobank"
	case BankAccess:
		return "Access"
	case BankUrwego:
		return "Urwego"
	case BankKCB:
		return "KCB"
	case BankEquity:
		return "Equity"
	case BankBPR:
		return "BPR"
	case BankBRD:
		return "BRD"
	case BankZigamaCSS:
		return "Zigama CSS"
	case BankOfAfrica:
		return "Bank of Africa"
	case BankUnguka:
		return "Unguka"
	case BankBNR:
		return "BNR"
	case BankMobicash:
		return "Mobicash"
	}
	return ""
}

// ShortName returns the short name of the reference document, "BK". The institutions
// of the vendor's guide alone have none.
func (b BankID) ShortName() string {
	switch b {
	case BankKigali:
		return "BK"
	case BankCogebanque:
		return "COGEBANQUE"
	case BankMTN:
		return "MTN MOMO"
	case BankAirtel:
		return "AIRTEL MONEY"
	case BankCards:
		return "CARDS"
	case BankSPENN:
		return "SPENN"
	}
	return ""
}

// TestCard is the number of a card that pays in the sandbox. The payer types it into
// the hosted checkout page. Card data never passes through this package.
type TestCard string

// The sandbox cards. The reference document has all but the Amex cards. Those have a
// four-digit CVV and stand in the vendor's guide, among some forty more.
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

// Name returns brand and type as the documents print them. Another number has no
// name.
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
