package kotani

// BankCode is the serviceProviderId of a Kenyan bank, with its leading zero.
// A code that is not listed passes through.
type BankCode string

// The documented banks.
const (
	BankKCB                BankCode = "01" // Kenya Commercial Bank
	BankStandardChartered  BankCode = "02"
	BankAbsa               BankCode = "03" // Absa Bank Kenya
	BankNCBA               BankCode = "07" // NCBA Bank Kenya
	BankPrime              BankCode = "10"
	BankCooperative        BankCode = "11"
	BankNational           BankCode = "12" // National Bank of Kenya
	BankCitibank           BankCode = "16" // Citibank N.A. Kenya
	BankMiddleEast         BankCode = "18" // Middle East Bank Kenya
	BankOfAfrica           BankCode = "19" // Bank of Africa Kenya
	BankCredit             BankCode = "25" // Credit Bank Limited
	BankStanbic            BankCode = "31" // CFC Stanbic Kenya
	BankParamount          BankCode = "50"
	BankJamiiBora          BankCode = "51"
	BankGuarantyTrust      BankCode = "53"
	BankGuardian           BankCode = "55"
	BankIM                 BankCode = "57" // I&M Bank
	BankDiamondTrust       BankCode = "63"
	BankSidian             BankCode = "66"
	BankEquity             BankCode = "68" // Equity Bank Kenya
	BankFamily             BankCode = "70" // Family Bank Limited
	BankGulfAfrican        BankCode = "72"
	BankFirstCommunity     BankCode = "74"
	BankKenyaWomensFinance BankCode = "78" // Kenya Women's Finance Trust
)
