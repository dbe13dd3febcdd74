package kpay

// BankID names the institution that pays (bankid). It is a text: leading zeros
// matter. An id this package does not know passes through.
type BankID string

// The institutions. Documented are those of the reference document; vendor are
// further ones of KPay's developer guide.
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

// Name returns the institution's name as the documents print it, or an empty
// text for an id they do not list.
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
